#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/sql/alert_store.hpp"
#include "storage/sql/answers.hpp"
#include "storage/sql/pushed.hpp"
#include "storage/sql/test_deliveries.hpp"

namespace pricewire::storage::sql {

// id, user_id, endpoint, keys, label, created_at, success_at, failure_at, failure.
inline constexpr auto read_push = [](const auto& row) {
    return PushSubscription{.id = row.id(0),
                            .user_id = row.id(1),
                            .endpoint = std::string(row.text(2)),
                            .keys = std::string(row.text(3)),
                            .label = std::string(row.text(4)),
                            .created_at = row.time(5),
                            .success_at = maybe_time(row, 6),
                            .failure_at = maybe_time(row, 7),
                            .failure = std::string(row.text(8))};
};

// Devices that are notified, and the server's own keys, in either database.
template <typename Db>
class PushStore : public AlertStore<Db> {
public:
    using Connection = typename Db::Connection;

    std::expected<PutPush, PutPushError> put_push(const PushSubscription& subscription, std::size_t limit,
                                                  const IdempotentRequest* request = nullptr,
                                                  const Pushes::AnswerOf& answer = {}) override {
        using Result = std::expected<PutPush, PutPushError>;
        return transaction("put_push", Durability::power, [&](Connection& db) -> Result {
            const auto is_deleted = db.first([](const auto& row) { return row.flag(1); },
                                             "alerts_active_count", subscription.user_id);
            if (is_deleted.value_or(true)) return std::unexpected(PutPushError::not_found);
            const auto found = db.first(read_push, "push_of_endpoint", subscription.endpoint);
            PutPush put{subscription, !found || found->user_id != subscription.user_id};
            if (put.is_new && count(db, subscription.user_id) >= limit)
                return std::unexpected(PutPushError::limit_reached);
            if (!put.is_new) put.stored = renewed(*found, subscription);
            if (request != nullptr && !keep_answer(db, put, *request, answer))
                return std::unexpected(PutPushError::key_used);
            if (found && put.is_new) remove(db, found->id, subscription.created_at, moved);
            const PushSubscription& s = put.stored;
            db.change("push_put", s.id, s.user_id, s.endpoint, s.keys, s.label, s.created_at);
            return put;
        });
    }
    std::vector<PushSubscription> pushes(const Uuid& user_id) override {
        return read("pushes", [&](Connection& db) { return db.all(read_push, "pushes_of", user_id); });
    }
    std::optional<PushSubscription> push(const Uuid& user_id, const Uuid& id) override {
        return read("push", [&](Connection& db) { return db.first(read_push, "push_get", id, user_id); });
    }
    bool remove_push(const Uuid& user_id, const Uuid& id, Timestamp now) override {
        return transaction("remove_push", Durability::power, [&](Connection& db) {
            if (!db.first([](const auto&) { return true; }, "push_lock", id, user_id)) return false;
            remove(db, id, now, removed);
            return true;
        });
    }
    std::expected<void, TestError> add_push_test(const Alert& carrier, const Uuid& delivery_id, Timestamp now,
                                                 const IdempotentRequest* request = nullptr) override {
        using Result = std::expected<void, TestError>;
        return transaction("add_push_test", Durability::power, [&](Connection& db) -> Result {
            if (request != nullptr && !take_key(db, carrier.user_id, *request))
                return std::unexpected(TestError::key_used);
            Result added = std::unexpected(TestError::not_found);
            if (db.first([](const auto&) { return true; }, "push_lock", carrier.id, carrier.user_id) &&
                put_carrier(db, carrier, now))
                added = add_test_to(db, carrier.id, delivery_id, carrier.target, now, "push_test_insert");
            if (request != nullptr)
                settle_key(db, carrier.user_id, request->key, added.has_value(), request->answer);
            return added;
        });
    }

    std::optional<std::string> server_key(std::string_view name) override {
        return read("server_key", [&](Connection& db) { return db.first(read_text, "server_key", name); });
    }
    std::string keep_server_key(std::string_view name, std::string_view sealed) override {
        return transaction("keep_server_key", Durability::power, [&](Connection& db) {
            db.change("server_key_put", name, sealed);
            return *db.first(read_text, "server_key", name);
        });
    }
    std::vector<PushSubscription> pushes_after(std::optional<Uuid> id, std::size_t limit) override {
        return read("pushes_after", [&](Connection& db) {
            return db.all(read_push, "pushes_after", id.value_or(Uuid{}), limit);
        });
    }
    std::vector<std::string> server_keys() override {
        return read("server_keys", [](Connection& db) { return db.all(read_text, "server_keys"); });
    }
    bool replace_push_keys(const Uuid& id, std::string_view old, std::string_view fresh) override {
        return statement("replace_push_keys", Durability::power,
                         [&](Connection& db) { return db.change("push_keys_replace", id, old, fresh) == 1; });
    }
    bool replace_server_key(std::string_view name, std::string_view old, std::string_view fresh) override {
        return statement("replace_server_key", Durability::power, [&](Connection& db) {
            return db.change("server_key_replace", name, old, fresh) == 1;
        });
    }

protected:
    using AlertStore<Db>::AlertStore;
    using StoreBase<Db>::read;
    using StoreBase<Db>::statement;
    using StoreBase<Db>::transaction;

private:
    static constexpr std::string_view removed = "its device was removed";
    static constexpr std::string_view moved = "its device belongs to another user now";

    static std::size_t count(Connection& db, const Uuid& user_id) {
        return static_cast<std::size_t>(
            *db.first([](const auto& row) { return row.number(0); }, "pushes_count", user_id));
    }
    static PushSubscription renewed(PushSubscription stored, const PushSubscription& given) {
        stored.keys = given.keys;
        stored.label = given.label;
        return stored;
    }
    static bool keep_answer(Connection& db, const PutPush& put, IdempotentRequest request,
                            const Pushes::AnswerOf& answer) {
        if (answer) answer(put, request);
        if (!take_key(db, put.stored.user_id, request)) return false;
        settle_key(db, put.stored.user_id, request.key, true, request.answer);
        return true;
    }
    static void remove(Connection& db, const Uuid& id, Timestamp now, std::string_view reason) {
        db.change("push_remove", id);
        end_pushes(db, id, DeliveryState::cancelled, now, reason);
    }
};

}  // namespace pricewire::storage::sql
