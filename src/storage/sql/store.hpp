#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "base/crypto.hpp"
#include "storage/sql/alert_rows.hpp"
#include "storage/sql/endpoint_calls.hpp"
#include "storage/sql/id_range.hpp"
#include "storage/sql/push_store.hpp"
#include "storage/sql/refusals.hpp"
#include "storage/storage.hpp"

namespace pricewire::storage::sql {

// What both SQL storages have in common: methods whose named query takes the same parameters in the same
// order in both files of queries and gives the same columns.
template <typename Db>
class Store : public PushStore<Db> {
public:
    using Connection = typename Db::Connection;

    void ping() override {
        const auto answer = [this] {
            db_.read([](Connection& db) { return db.first([](const auto&) { return true; }, "ping"); });
        };
        if (condition().claim_probe(system_clock().mono())) {
            call("ping", [&] {
                answer();
                db_.statement(Durability::power,
                              [](Connection& db) { db.change("probe", system_clock().now()); });
            });
        } else {
            reported("ping", answer);
        }
        condition().check();
    }

    // Users.
    std::expected<void, CreateUserError> create_user(const NewUser& user) override {
        const auto created = statement("create_user", Durability::power, [&](Connection& db) {
            return db.change("user_insert", user.user.id, user.user.email, user.api_key_hash,
                             user.webhook_secret, user.user.is_active, user.user.created_at);
        });
        if (created == 0) return std::unexpected(CreateUserError::email_taken);
        return {};
    }
    std::optional<User> user_by_key_hash(const Sha256& api_key_hash) override {
        return read("user_by_key_hash",
                    [&](Connection& db) { return db.first(read_user, "user_by_key_hash", api_key_hash); });
    }
    std::optional<User> user_by_email(std::string_view email) override {
        return read("user_by_email",
                    [&](Connection& db) { return db.first(read_user, "user_by_email", email); });
    }
    std::vector<User> users() override {
        return read("users", [](Connection& db) { return db.all(read_user, "users_all"); });
    }
    bool set_user_active(const Uuid& user_id, bool active) override {
        return change_user("set_user_active", user_id,
                           [&](Connection& db) { return db.change("user_set_active", user_id, active); });
    }
    bool replace_api_key(const Uuid& user_id, const Sha256& api_key_hash) override {
        return change_user("replace_api_key", user_id,
                           [&](Connection& db) { return db.change("user_set_key", user_id, api_key_hash); });
    }
    bool delete_user(const Uuid& user_id, Timestamp now) override {
        Sha256 unusable;
        random_bytes(unusable);
        return transaction("delete_user", Durability::power, [&](Connection& db) {
            db.first([](const auto&) { return true; }, "user_lock_alerts", user_id);
            if (db.change("user_delete", user_id, unusable, now) == 0) return false;
            std::vector<Change> changes;
            for (const ActiveAlert& alert : db.all(read_plain_active, "user_active_alerts", user_id))
                changes.push_back(AlertChange{AlertChange::Kind::deleted, alert});
            changes.push_back(UserChange{user_id});
            // Nobody is left to be told of them, so they need not be kept as alerts that a user has deleted are.
            db.change("user_hide_alerts", user_id, Timestamp{});
            db.change("user_forget_states", user_id);
            db.change("user_forget_answers", user_id);
            db.change("user_cancel_deliveries", user_id, now);
            db.change("user_forget_pushes", user_id);
            db.change("user_forget_breakers", user_id);
            db.notify(changes);
            return true;
        });
    }
    std::optional<WebhookSecrets> webhook_secrets(const Uuid& user_id) override {
        return read("webhook_secrets",
                    [&](Connection& db) { return db.first(read_secrets, "secrets_get", user_id); });
    }
    bool rotate_webhook_secret(const Uuid& user_id, std::string_view sealed,
                               Timestamp previous_until) override {
        return statement("rotate_webhook_secret", Durability::power, [&](Connection& db) {
            return db.change("secrets_rotate", user_id, previous_until, sealed) == 1;
        });
    }
    std::vector<StoredSecrets> secrets_after(std::optional<Uuid> user_id, std::size_t limit) override {
        return read("secrets_after", [&](Connection& db) {
            return db.all(read_stored_secrets, "secrets_after", user_id.value_or(Uuid{}), limit);
        });
    }
    bool replace_secrets(const Uuid& user_id, const WebhookSecrets& old,
                         const WebhookSecrets& fresh) override {
        return statement("replace_secrets", Durability::power, [&](Connection& db) {
            return db.change("secrets_replace", user_id, fresh.current, fresh.previous, fresh.previous_until,
                             old.current, old.previous, old.previous_until) == 1;
        });
    }

    // Outbox.
    DeliveryBacklog backlog(Timestamp now, std::size_t most) override {
        return read("backlog", [&](Connection& db) { return *db.first(read_backlog, "backlog", now, most); });
    }
    std::size_t release_claims(std::string_view owner) override {
        return transaction("release_claims", Durability::process, [&](Connection& db) {
            db.change("sender_forget", owner);
            return release(db, {std::string(owner)});
        });
    }
    std::vector<DeliveryTask> release_claim(std::span<const Uuid> alerts, const Claim& claim) override {
        const auto read = [](const auto& row) { return DeliveryTask{row.id(0), 1, row.id(1), row.flag(2)}; };
        return transaction("release_claim", Durability::process, [&](Connection& db) {
            std::vector<DeliveryTask> out;
            for (const Uuid& id : alerts) {
                const auto some = db.all(read, "release_claim", id, claim.owner, claim.lease_until);
                out.insert(out.end(), some.begin(), some.end());
            }
            return out;
        });
    }
    std::size_t release_leases(std::string_view owner, std::span<const Timestamp> leases) override {
        return transaction("release_leases", Durability::process, [&](Connection& db) {
            return db.change_each("release_lease", leases,
                                  [&](const Timestamp& until) { return std::tie(owner, until); });
        });
    }
    std::vector<std::string> lanes(std::size_t limit, std::string_view after) override {
        return read("lanes", [&](Connection& db) { return db.all(read_text, "lanes", limit, after); });
    }
    void defer(std::span<const Deferral> deferrals) override {
        // One statement cannot change a row twice.
        std::vector<const Deferral*> distinct;
        std::set<std::pair<Uuid, int>> seen;
        for (const Deferral& d : deferrals) {
            if (seen.insert({d.delivery_id, d.attempt_number}).second) distinct.push_back(&d);
        }
        if (distinct.empty()) return;
        const auto values = [](const Deferral* d) {
            return std::tie(d->delivery_id, d->attempt_number, d->until, d->lane);
        };
        statement("defer", Durability::process,
                  [&](Connection& db) { db.change_each("defer", distinct, values); });
    }
    void save_breakers(std::span<const Breaker> breakers) override {
        if (breakers.empty()) return;
        std::map<std::pair<Uuid, std::string_view>, const Breaker*> last;
        for (const Breaker& b : breakers) last[{b.user_id, b.endpoint}] = &b;
        std::vector<const Breaker*> closed, others;
        for (const auto& [_, b] : last) (b->state == BreakerState::closed ? closed : others).push_back(b);
        transaction("save_breakers", Durability::process, [&](Connection& db) {
            db.change_each("breaker_remove", closed,
                           [](const Breaker* b) { return std::tie(b->user_id, b->endpoint); });
            db.change_each("breaker_put", others, [](const Breaker* b) {
                return std::tuple(b->user_id, b->endpoint, to_string(b->state), b->failures, b->retry_at,
                                  b->reason, b->changed_at);
            });
        });
    }
    std::vector<Breaker> breakers() override {
        return read("breakers", [&](Connection& db) {
            return present(db.all(or_skip("breakers", read_breaker), "breakers_all"));
        });
    }
    std::vector<Breaker> breakers_of(const Uuid& user_id) override {
        return read("breakers_of", [&](Connection& db) {
            return present(db.all(or_skip("breakers_of", read_breaker), "breakers_of", user_id));
        });
    }

    // Deliveries.
    std::vector<DeliveryView> deliveries(const Uuid& user_id, const DeliveryFilter& filter) override {
        const Timestamp since = filter.since.value_or(Timestamp::min());
        const Timestamp until = filter.until.value_or(Timestamp::max());
        const Uuid from = std::max(first_id_since(since), filter.back_to.value_or(Uuid{}));
        std::optional<std::string_view> state;
        if (filter.state) state = to_string(*filter.state);
        const bool missed =
            filter.state && is_final(*filter.state) && *filter.state != DeliveryState::delivered;
        std::optional<std::string_view> kind;
        if (filter.kind) kind = to_string(*filter.kind);
        const auto row = with_id(or_skip("deliveries", read_delivery));
        return read("deliveries", [&](Connection& db) {
            const Uuid end = std::min(filter.before.value_or(last_uuid()), end_id_until(until));
            return page(filter.limit, end, [&](const Uuid& before, auto limit) {
                if (filter.alert_id) {
                    return db.all(row, "delivery_list_of_alert", user_id, from, before, since, until, state,
                                  limit, filter.webhook_url, kind, filter.status_class, *filter.alert_id);
                }
                return db.all(row, missed ? "delivery_list_missed" : "delivery_list", user_id, from, before,
                              since, until, state, limit, filter.webhook_url, kind, filter.status_class);
            });
        });
    }
    std::optional<Uuid> delivery_horizon(const Uuid& user_id, const DeliveryFilter& filter,
                                         std::size_t count) override {
        const Uuid from = first_id_since(filter.since.value_or(Timestamp::min()));
        const Uuid end = std::min(filter.before.value_or(last_uuid()),
                                  end_id_until(filter.until.value_or(Timestamp::max())));
        return read("delivery_horizon", [&](Connection& db) {
            return db.first(read_id, "delivery_horizon", user_id, from, end, count - 1);
        });
    }
    std::optional<DeliveryView> delivery(const Uuid& user_id, const Uuid& delivery_id) override {
        return read("delivery", [&](Connection& db) {
            return db.first(read_delivery, "delivery_get", delivery_id, user_id);
        });
    }
    std::vector<Attempt> attempts_of(const Uuid& delivery_id) override {
        return read("attempts_of", [&](Connection& db) {
            auto attempts = db.all(read_attempt, "attempts_of", delivery_id, max_kept_attempts);
            std::reverse(attempts.begin(), attempts.end());
            for (Attempt& attempt : attempts) attempt.delivery_id = delivery_id;
            return attempts;
        });
    }
    std::optional<SentRequest> last_request(const Uuid& delivery_id) override {
        return read("last_request", [&](Connection& db) {
            return db.first(
                [](const auto& row) { return SentRequest{int_at(row, 0), std::string(row.text(1))}; },
                "last_request", delivery_id);
        });
    }
    std::expected<DeliveryTask, RetryError> retry_delivery(const Uuid& user_id, const Uuid& delivery_id,
                                                           Timestamp now) override {
        using Result = std::expected<DeliveryTask, RetryError>;
        return transaction("retry_delivery", Durability::power, [&](Connection& db) -> Result {
            const auto found = lock_delivery(db, user_id, delivery_id);
            if (!found) return std::unexpected(RetryError::not_found);
            if (found->state == DeliveryState::delivering) return std::unexpected(RetryError::under_way);
            if (found->endpoint_disabled) return std::unexpected(RetryError::endpoint_disabled);
            if (found->device_removed) return std::unexpected(RetryError::device_removed);
            if (is_final(found->state) && found->retries >= max_user_retries)
                return std::unexpected(RetryError::used_up);
            restart(db, {{delivery_id}}, now);
            return DeliveryTask{delivery_id, found->attempts + 1};
        });
    }
    std::expected<void, CancelError> cancel_delivery(const Uuid& user_id, const Uuid& delivery_id,
                                                     Timestamp now) override {
        using Result = std::expected<void, CancelError>;
        return transaction("cancel_delivery", Durability::power, [&](Connection& db) -> Result {
            const auto found = lock_delivery(db, user_id, delivery_id);
            if (!found) return std::unexpected(CancelError::not_found);
            if (is_final(found->state)) return std::unexpected(CancelError::final);
            db.change("delivery_cancel", delivery_id, now);
            return {};
        });
    }
    Recovery recover_deliveries(const Uuid& user_id, Timestamp since, Timestamp now, std::size_t limit,
                                std::optional<Uuid> after, const RecoverFilter& filter = {}) override {
        const Uuid from = after ? std::max(first_id_since(since), id_after(*after)) : first_id_since(since);
        const Timestamp until = filter.until.value_or(Timestamp::max());
        std::string states;
        for (const DeliveryState state : filter.states) states.append(to_string(state)).append(" ");
        return transaction("recover_deliveries", Durability::power, [&](Connection& db) {
            Recovery out;
            const auto judge = [&](const auto& row) {
                if (filter.webhook_url && row.text(4) != *filter.webhook_url) return row.id(0);
                if (row.flag(3)) {
                    ++out.endpoint_disabled;
                } else if (int_at(row, 2) >= max_user_retries) {
                    ++out.used_up;
                } else {
                    out.tasks.push_back({row.id(0), int_at(row, 1) + 1});
                }
                return row.id(0);
            };
            const auto seen = db.all(judge, "deliveries_lock_failed", user_id, from, since, limit,
                                     end_id_until(until), until, states);
            if (seen.size() == limit) out.last = seen.back();
            if (!filter.dry_run) restart(db, out.tasks, now);
            return out;
        });
    }
    std::expected<void, TestError> add_test_delivery(const Uuid& user_id, const Uuid& alert_id,
                                                     const Uuid& delivery_id, Decimal price, Timestamp now,
                                                     const IdempotentRequest* request = nullptr) override {
        using Result = std::expected<void, TestError>;
        return transaction("add_test_delivery", Durability::power, [&](Connection& db) -> Result {
            if (request != nullptr && !take_key(db, user_id, *request))
                return std::unexpected(TestError::key_used);
            const Result added = add_test(db, user_id, alert_id, delivery_id, price, now);
            if (request != nullptr) settle_key(db, user_id, request->key, added.has_value(), request->answer);
            return added;
        });
    }
    std::expected<void, TestError> add_endpoint_test(const Alert& carrier, const Uuid& delivery_id,
                                                     Decimal price, Timestamp now,
                                                     const IdempotentRequest* request = nullptr) override {
        using Result = std::expected<void, TestError>;
        return transaction("add_endpoint_test", Durability::power, [&](Connection& db) -> Result {
            if (request != nullptr && !take_key(db, carrier.user_id, *request))
                return std::unexpected(TestError::key_used);
            Result added = std::unexpected(TestError::not_found);
            if (db.first([](const auto&) { return true; }, "endpoint_disabled", carrier.user_id,
                         carrier.webhook_url)) {
                added = std::unexpected(TestError::endpoint_disabled);
            } else if (put_carrier(db, carrier, now)) {
                added = add_test_to(db, carrier.id, delivery_id, price, now, "carried_test_insert");
            }
            if (request != nullptr)
                settle_key(db, carrier.user_id, request->key, added.has_value(), request->answer);
            return added;
        });
    }
    std::vector<EndpointRecord> endpoint_records(const Uuid& user_id, std::string_view first_url,
                                                 std::string_view last_url, Timestamp since) override {
        return read("endpoint_records", [&](Connection& db) {
            auto records = db.all(read_endpoint_record, "endpoints_seen", user_id, first_url, last_url);
            add_calls(records, db.all(read_endpoint_calls, "endpoint_calls", user_id, first_url, last_url,
                                      hour_of(since)));
            return records;
        });
    }
    std::size_t prune(Timestamp before, std::size_t limit, Timestamp now) override {
        return write("prune", [&] {
            const std::size_t removed = prune_rows(before, limit, now);
            if (removed < limit) prune_parts(before, now);
            return removed;
        });
    }

protected:
    using PushStore<Db>::PushStore;
    using StoreBase<Db>::call;
    using StoreBase<Db>::condition;
    using StoreBase<Db>::db_;
    using StoreBase<Db>::or_skip;
    using StoreBase<Db>::page;
    using StoreBase<Db>::present;
    using StoreBase<Db>::read;
    using StoreBase<Db>::reported;
    using StoreBase<Db>::statement;
    using StoreBase<Db>::transaction;
    using StoreBase<Db>::with_id;
    using StoreBase<Db>::write;

    // Makes what the owners have claimed pending and due at once; returns how many deliveries.
    static std::size_t release(Connection& db, const std::vector<std::string>& owners) {
        return db.change_each("release", owners, [](const auto& owner) { return std::tie(owner); });
    }
    // Removes up to `limit` deliveries that have ended and were created before `before`, with their attempts.
    virtual std::size_t prune_deliveries(Connection& db, Timestamp before, std::size_t limit) = 0;
    // Called when all that is old is removed: for what goes in larger parts, and what else a database keeps.
    virtual void prune_parts(Timestamp /*before*/, Timestamp /*now*/) {}

private:
    std::size_t prune_rows(Timestamp before, std::size_t limit, Timestamp now) {
        return db_.transaction(Durability::process, [&](Connection& db) {
            std::size_t removed = prune_deliveries(db, before, limit);
            const auto more = [&](const char* query, const auto&... values) {
                if (removed < limit) removed += db.change(query, values..., limit - removed);
            };
            more("prune_boards", end_id_until(before));
            more("prune_rules", before);
            more("prune_alerts", std::max(before, now - keep_deleted_alerts));
            more("prune_endpoints");
            more("prune_users");
            more("prune_refusals", before);
            more("prune_endpoints_seen", before);
            more("prune_endpoint_calls", hour_of(now - keep_endpoint_calls));
            more("prune_answers", now - keep_answers);
            return removed;
        });
    }
    // Makes the tasks' deliveries pending and due at once, with their full time.
    static void restart(Connection& db, const std::vector<DeliveryTask>& tasks, Timestamp now) {
        const auto id = [](const DeliveryTask& task) { return std::tie(task.delivery_id); };
        db.change_each("delivery_restart", tasks, id, now);
    }

    static std::expected<void, TestError> add_test(Connection& db, const Uuid& user_id, const Uuid& alert_id,
                                                   const Uuid& delivery_id, Decimal price, Timestamp now) {
        if (!db.first([](const auto&) { return true; }, "alert_lock", alert_id, user_id))
            return std::unexpected(TestError::not_found);
        return add_test_to(db, alert_id, delivery_id, price, now, "test_insert");
    }

    struct Locked {
        DeliveryState state;
        int attempts;
        int retries;
        bool endpoint_disabled;
        bool device_removed;
    };
    // Nullopt if the user has no such delivery, or is deleted.
    std::optional<Locked> lock_delivery(Connection& db, const Uuid& user_id, const Uuid& delivery_id) {
        const auto read = [&](const auto& row) {
            return Locked{known(&parse_delivery_state, row, 0, "deliveries.state", delivery_id),
                          int_at(row, 1), int_at(row, 2), row.flag(3), row.flag(4)};
        };
        return db.first(read, "delivery_lock", delivery_id, user_id);
    }

    template <typename F>
    bool change_user(const char* method, const Uuid& user_id, F&& change) {
        return transaction(method, Durability::power, [&](Connection& db) {
            if (change(db) == 0) return false;
            db.notify({UserChange{user_id}});
            return true;
        });
    }
};

}  // namespace pricewire::storage::sql
