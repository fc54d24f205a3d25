#pragma once

#include <expected>
#include <optional>
#include <string_view>
#include <tuple>
#include <vector>

#include "domain/alert.hpp"
#include "storage/deliveries.hpp"
#include "storage/sql/rows.hpp"

// Tests of alerts, endpoints and devices, within a transaction.
namespace pricewire::storage::sql {

// Writes what a test without an alert belongs to, unless it is there. False if there is no such user.
template <typename Connection>
bool put_carrier(Connection& db, const Alert& carrier, Timestamp now) {
    std::optional<std::string_view> body, type;
    if (carrier.custom) body = carrier.custom->body;
    if (carrier.custom) type = carrier.custom->content_type;
    return db.change("carrier_put", carrier.id, carrier.user_id, carrier.ticker.view(),
                     to_string(carrier.condition), carrier.target, carrier.webhook_url, now,
                     to_string(carrier.format), body, type, carrier.note, carrier.deliver_within,
                     carrier.message) > 0;
}

// Of an alert that is locked.
template <typename Connection>
std::expected<void, TestError> add_test_to(Connection& db, const Uuid& alert_id, const Uuid& delivery_id,
                                           Decimal price, Timestamp now, const char* insert) {
    const auto unfinished =
        *db.first([](const auto& row) { return row.number(0); }, "tests_unfinished", alert_id);
    if (unfinished >= static_cast<std::int64_t>(max_unfinished_tests))
        return std::unexpected(TestError::too_many);
    db.change(insert, delivery_id, now, price, alert_id);
    const auto id = [](const Uuid& test) { return std::tie(test); };
    const std::vector<Uuid> old = db.all(read_id, "tests_old", alert_id, max_kept_tests);
    db.change_each("prune_attempts", old, id);
    db.change_each("prune_delivery", old, id);
    return {};
}

}  // namespace pricewire::storage::sql
