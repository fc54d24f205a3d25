#include "storage/postgres/changes.hpp"
#include "storage/postgres/rows.hpp"
#include "storage/postgres/store.hpp"

namespace pricewire::storage::postgres {
namespace {

User read_user(const Row& row) {
    return {uuid_at(row, 0), std::string(text_at(row, 1)), bool_at(row, 2), time_at(row, 3)};
}

}  // namespace

Store::Store(const PostgresOptions& options, StorageEvents events) : pool_(options), creator_(pool_) {
    if (!events.alert_changed && !events.user_changed && !events.alerts_missed) return;
    listener_.emplace(ConnectionOptions{options.url, options.connect_timeout, options.statement_timeout,
                                        "pricewire listener"},
                      std::move(events), pool_.watchdog());
}

void Store::ping() {
    pool_.read([](Connection& db) { db.run("ping"); });
}

std::expected<void, CreateUserError> Store::create_user(const NewUser& user) {
    const bool created = pool_.statement(Durability::power, [&](Connection& db) {
        return changed(db.run("user_insert", user.user.id, user.user.email, user.api_key_hash,
                              user.webhook_secret, user.user.is_active, user.user.created_at)) == 1;
    });
    if (!created) return std::unexpected(CreateUserError::email_taken);
    return {};
}

std::optional<User> Store::user_by_key_hash(const Sha256& api_key_hash) {
    return pool_.read(
        [&](Connection& db) { return first_row(db.run("user_by_key_hash", api_key_hash), read_user); });
}

std::optional<User> Store::user_by_email(std::string_view email) {
    return pool_.read([&](Connection& db) { return first_row(db.run("user_by_email", email), read_user); });
}

std::vector<User> Store::users() {
    return pool_.read([](Connection& db) { return all_rows(db.run("users_all"), read_user); });
}

bool Store::set_user_active(const Uuid& user_id, bool active) {
    return pool_.statement(Durability::power, [&](Connection& db) {
        return !db.run("user_set_active", user_id, active, to_payload(UserChange{user_id})).empty();
    });
}

bool Store::replace_api_key(const Uuid& user_id, const Sha256& api_key_hash) {
    return pool_.statement(Durability::power, [&](Connection& db) {
        return !db.run("user_set_key", user_id, api_key_hash, to_payload(UserChange{user_id})).empty();
    });
}

bool Store::delete_user(const Uuid& user_id, Timestamp now) {
    Sha256 nobodys;
    random_bytes(nobodys);
    return pool_.transaction(Durability::power, [&](Connection& db) {
        db.run("user_lock_alerts", user_id);
        if (changed(db.run("user_delete", user_id, nobodys, now)) == 0) return false;
        std::vector<Change> changes;
        for (const Row& row : db.run("user_active_alerts", user_id))
            changes.push_back(AlertChange{AlertChange::Kind::deleted, read_active_alert(row)});
        changes.push_back(UserChange{user_id});
        db.run("user_hide_alerts", user_id, now);
        db.run("user_cancel_deliveries", user_id, now);
        db.run("notify", to_payloads(changes));
        return true;
    });
}

std::optional<WebhookSecrets> Store::webhook_secrets(const Uuid& user_id) {
    return pool_.read([&](Connection& db) {
        return first_row(db.run("secrets_get", user_id), [](const Row& row) { return read_secrets(row, 0); });
    });
}

bool Store::rotate_webhook_secret(const Uuid& user_id, std::string_view sealed, Timestamp previous_until) {
    return pool_.statement(Durability::power, [&](Connection& db) {
        return changed(db.run("secrets_rotate", user_id, previous_until, sealed)) == 1;
    });
}

std::vector<StoredSecrets> Store::secrets_after(std::optional<Uuid> user_id, std::size_t limit) {
    return pool_.read([&](Connection& db) {
        return all_rows(db.run("secrets_after", user_id.value_or(Uuid{}), limit),
                        [](const Row& row) { return StoredSecrets{uuid_at(row, 3), read_secrets(row, 0)}; });
    });
}

bool Store::replace_secrets(const Uuid& user_id, const WebhookSecrets& old, const WebhookSecrets& fresh) {
    return pool_.statement(Durability::power, [&](Connection& db) {
        return changed(db.run("secrets_replace", user_id, fresh.current, fresh.previous, fresh.previous_until,
                              old.current, old.previous, old.previous_until)) == 1;
    });
}

}  // namespace pricewire::storage::postgres
