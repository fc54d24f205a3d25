#include "storage/sqlite/rows.hpp"
#include "storage/sqlite/store.hpp"

namespace pricewire::storage::sqlite {
namespace {

User read_user(SQLite::Statement& s) {
    return {uuid_at(s, 0), std::string(text_at(s, 1)), s.getColumn(2).getInt() != 0, time_at(s, 3)};
}

}  // namespace

WebhookSecrets read_secrets(SQLite::Statement& s, int column) {
    return {std::string(text_at(s, column)), std::string(text_at(s, column + 1)),
            maybe_time_at(s, column + 2)};
}

Store::Store(const SqliteOptions& options, StorageEvents events)
    : readers_(options),
      writer_(std::make_unique<Connection>(options.file, Connection::Mode::write, options.busy_timeout),
              std::move(events)) {}

void Store::ping() {
    readers_.run([](Connection& db) { return db.pragma("schema_version"); });
}

std::expected<void, CreateUserError> Store::create_user(const NewUser& user) {
    const bool created = writer_.run(Durability::power, [&](Connection& db, Events&) {
        return with(db.statement("user_insert"), user.user.id, user.user.email, user.api_key_hash,
                    user.webhook_secret, user.user.is_active ? 1 : 0, user.user.created_at)
                   .exec() == 1;
    });
    if (!created) return std::unexpected(CreateUserError::email_taken);
    return {};
}

std::optional<User> Store::user_by_key_hash(const Sha256& api_key_hash) {
    return readers_.run([&](Connection& db) {
        return first_row(with(db.statement("user_by_key_hash"), api_key_hash), read_user);
    });
}

std::optional<User> Store::user_by_email(std::string_view email) {
    return readers_.run(
        [&](Connection& db) { return first_row(with(db.statement("user_by_email"), email), read_user); });
}

std::vector<User> Store::users() {
    return readers_.run([](Connection& db) { return all_rows(db.statement("users_all"), read_user); });
}

bool Store::set_user_active(const Uuid& user_id, bool active) {
    return writer_.run(Durability::power, [&](Connection& db, Events& events) {
        const bool found = with(db.statement("user_set_active"), active ? 1 : 0, user_id).exec() == 1;
        if (found) events.push_back(UserChange{user_id});
        return found;
    });
}

bool Store::replace_api_key(const Uuid& user_id, const Sha256& api_key_hash) {
    return writer_.run(Durability::power, [&](Connection& db, Events& events) {
        const bool found = with(db.statement("user_set_key"), api_key_hash, user_id).exec() == 1;
        if (found) events.push_back(UserChange{user_id});
        return found;
    });
}

bool Store::delete_user(const Uuid& user_id, Timestamp now) {
    return writer_.run(Durability::power, [&](Connection& db, Events& events) {
        if (with(db.statement("user_delete"), now, user_id).exec() == 0) return false;
        const auto active = all_rows(with(db.statement("user_active_alerts"), user_id), read_active_alert);
        with(db.statement("user_hide_alerts"), now, user_id).exec();
        with(db.statement("user_cancel_deliveries"), now, user_id).exec();
        for (const ActiveAlert& alert : active)
            events.push_back(AlertChange{AlertChange::Kind::deleted, alert});
        events.push_back(UserChange{user_id});
        return true;
    });
}

std::optional<WebhookSecrets> Store::webhook_secrets(const Uuid& user_id) {
    return readers_.run([&](Connection& db) {
        return first_row(with(db.statement("secrets_get"), user_id),
                         [](SQLite::Statement& s) { return read_secrets(s, 0); });
    });
}

bool Store::rotate_webhook_secret(const Uuid& user_id, std::string_view sealed, Timestamp previous_until) {
    return writer_.run(Durability::power, [&](Connection& db, Events&) {
        return with(db.statement("secrets_rotate"), previous_until, sealed, user_id).exec() == 1;
    });
}

std::vector<StoredSecrets> Store::secrets_after(std::optional<Uuid> user_id, std::size_t limit) {
    return readers_.run([&](Connection& db) {
        return all_rows(
            with(db.statement("secrets_after"), user_id.value_or(Uuid{}), row_count(limit)),
            [](SQLite::Statement& s) { return StoredSecrets{uuid_at(s, 3), read_secrets(s, 0)}; });
    });
}

bool Store::replace_secrets(const Uuid& user_id, const WebhookSecrets& old, const WebhookSecrets& fresh) {
    return writer_.run(Durability::power, [&](Connection& db, Events&) {
        return with(db.statement("secrets_replace"), fresh.current, fresh.previous, fresh.previous_until,
                    user_id, old.current, old.previous, old.previous_until)
                   .exec() == 1;
    });
}

}  // namespace pricewire::storage::sqlite
