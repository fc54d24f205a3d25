#pragma once

#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/sql/bar_store.hpp"
#include "storage/sql/change.hpp"
#include "storage/sql/refusals.hpp"
#include "storage/sql/rows.hpp"

namespace pricewire::storage::sql {

// Adds to the users' counts of active alerts. In a transaction, after alerts were locked.
template <typename Connection>
void count_active(Connection& db, const std::map<Uuid, int>& changes) {
    db.change_each("user_count", changes, [](const auto& user_and_change) { return user_and_change; });
}

// Alerts, in either database.
template <typename Db>
class AlertStore : public BarStore<Db> {
public:
    using Connection = typename Db::Connection;

    std::optional<Alert> alert(const Uuid& user_id, const Uuid& alert_id) override {
        return read("alert",
                    [&](Connection& db) { return db.first(read_alert, "alert_get", alert_id, user_id); });
    }
    std::vector<Alert> alerts(const Uuid& user_id, const AlertFilter& filter) override {
        std::optional<std::string_view> ticker;
        if (filter.ticker) ticker = filter.ticker->view();
        return read("alerts", [&](Connection& db) {
            return page(filter.limit, filter.before.value_or(last_uuid()),
                        [&](const Uuid& before, auto limit) {
                            return db.all(with_id(or_skip("alerts", read_alert)), "alert_list", user_id,
                                          before, filter.is_active, ticker, limit);
                        });
        });
    }
    bool delete_alert(const Uuid& user_id, const Uuid& alert_id) override {
        return transaction("delete_alert", Durability::power, [&](Connection& db) {
            const auto found =
                db.first([](const auto& row) { return std::pair(read_active_alert(row), row.flag(4)); },
                         "alert_lock", alert_id, user_id);
            if (!found) return false;
            db.change("alert_delete", alert_id, system_clock().now());
            if (found->second) {
                count_active(db, {{user_id, -1}});
                db.notify({AlertChange{AlertChange::Kind::deleted, found->first}});
            }
            return true;
        });
    }
    std::vector<UserEndpoint> endpoints(const Uuid& user_id, std::size_t limit,
                                        const std::optional<UserEndpoint>& after = {}) override {
        const bool enabled = after && !after->disabled_at;
        const std::string_view url = after ? std::string_view(after->webhook_url) : "";
        return read("endpoints", [&](Connection& db) {
            return db.all(read_endpoint, "endpoints", user_id, limit, enabled, url);
        });
    }
    bool enable_endpoint(const Uuid& user_id, std::string_view webhook_url) override {
        return transaction("enable_endpoint", Durability::power, [&](Connection& db) {
            if (db.change("endpoint_enable", user_id, webhook_url) == 0) return false;
            forget_refusals(db, std::vector{EndpointKey{user_id, webhook_url}});
            return true;
        });
    }

    std::vector<CreateAlertResult> create_alerts(std::span<const Alert>, std::size_t,
                                                 const IdempotentRequest* = nullptr,
                                                 const Alerts::AnswerOf& = {}) override {
        throw StorageError("not yet");
    }
    std::optional<StoredAnswer> stored_answer(const Uuid&, std::string_view, Timestamp) override {
        throw StorageError("not yet");
    }
    std::expected<Alert, ChangeAlertError> change_alert(const Uuid&, const Uuid&, const AlertEdit&,
                                                        const EditOptions&) override {
        throw StorageError("not yet");
    }
    std::size_t delete_alerts_of(const Uuid&, Ticker, bool) override { throw StorageError("not yet"); }
    std::vector<FiringView> firings(const Uuid&, const Uuid&, std::size_t,
                                    std::optional<std::int64_t> = {}) override {
        throw StorageError("not yet");
    }
    std::optional<ActiveAlert> active_alert(const Uuid&) override { throw StorageError("not yet"); }

protected:
    using BarStore<Db>::BarStore;
    using StoreBase<Db>::or_skip;
    using StoreBase<Db>::page;
    using StoreBase<Db>::present;
    using StoreBase<Db>::read;
    using StoreBase<Db>::transaction;
    using StoreBase<Db>::with_id;
};

}  // namespace pricewire::storage::sql
