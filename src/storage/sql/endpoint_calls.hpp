#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/delivery.hpp"
#include "storage/sql/rows.hpp"

// What is counted of attempts by endpoint as their outcomes are written, so that a user's endpoints can be shown without
// reading deliveries: when each last succeeded and failed, and its attempts by the hour.
namespace pricewire::storage::sql {

// Hours since 1970.
inline std::int64_t hour_of(Timestamp time) {
    return std::chrono::floor<std::chrono::hours>(time).time_since_epoch().count();
}

// The last attempts of an endpoint within a batch of outcomes.
struct LastCalls {
    std::optional<Timestamp> success_at, failure_at;
    std::string_view failure;
    std::optional<int> failure_status;
    // In any order.
    void add(const DeliveryOutcome& outcome, bool succeeded) {
        auto& at = succeeded ? success_at : failure_at;
        if (at && *at > outcome.ended_at) return;
        at = outcome.ended_at;
        if (succeeded) return;
        const Attempt& attempt = *outcome.attempt;
        failure = attempt.error.empty() ? outcome.reason : attempt.error;
        failure_status = attempt.status;
    }
    Timestamp last_at() const {
        return std::max(success_at.value_or(Timestamp::min()), failure_at.value_or(Timestamp::min()));
    }
};

// NULL if nothing was sent.
inline std::optional<std::string_view> body_column(const Attempt& attempt) {
    if (attempt.request_headers.empty()) return std::nullopt;
    return attempt.request_body;
}

// webhook_url, success_at, failure_at, failure, failure_status.
inline constexpr auto read_endpoint_record = [](const auto& row) {
    EndpointRecord out;
    out.webhook_url = row.text(0);
    out.success_at = maybe_time(row, 1);
    out.failure_at = maybe_time(row, 2);
    out.failure = row.text(3);
    out.failure_status = maybe_int(row, 4);
    return out;
};

struct EndpointCalls {
    std::string webhook_url;
    bool succeeded;
    int place;
    std::int64_t calls;
};
// webhook_url, succeeded, place, calls.
inline constexpr auto read_endpoint_calls = [](const auto& row) {
    return EndpointCalls{std::string(row.text(0)), row.flag(1), int_at(row, 2), row.number(3)};
};

// Both by URL.
inline void add_calls(std::vector<EndpointRecord>& records, const std::vector<EndpointCalls>& calls) {
    auto record = records.begin();
    for (const EndpointCalls& c : calls) {
        while (record != records.end() && record->webhook_url < c.webhook_url) ++record;
        if (record == records.end()) return;
        if (record->webhook_url != c.webhook_url) continue;
        record->attempts += c.calls;
        if (c.succeeded) record->succeeded += c.calls;
        if (c.place < 0) continue;
        record->latency[std::min(static_cast<std::size_t>(c.place), record->latency.size() - 1)] += c.calls;
    }
}

}  // namespace pricewire::storage::sql
