#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "domain/delivery.hpp"
#include "storage/sql/rows.hpp"

// What is counted of attempts by endpoint when their outcomes have been written, so that a user's endpoints can be shown without
// reading deliveries: when each last succeeded and failed, and its attempts by the hour.
namespace pricewire::storage::sql {

// Hours since 1970.
inline std::int64_t hour_of(Timestamp time) {
    return std::chrono::floor<std::chrono::hours>(time).time_since_epoch().count();
}

// The last attempts of an endpoint.
struct LastCalls {
    std::optional<Timestamp> success_at, failure_at;
    std::string failure;
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
    void add(const LastCalls& other) {
        success_at = std::max(success_at, other.success_at);
        if (!other.failure_at || (failure_at && *failure_at >= *other.failure_at)) return;
        failure_at = other.failure_at;
        failure = other.failure;
        failure_status = other.failure_status;
    }
    Timestamp last_at() const {
        return std::max(success_at.value_or(Timestamp::min()), failure_at.value_or(Timestamp::min()));
    }
};

// Counts attempts that were recorded and are not counted in the database yet. Pure.
class EndpointTally {
public:
    // Attempts of one hour that went alike. place: latency_place(), or -1 without an answer.
    struct Calls {
        std::int64_t hour = 0;
        bool succeeded = false;
        int place = -1;
        friend auto operator<=>(const Calls&, const Calls&) = default;
    };
    struct Endpoint {
        LastCalls last;
        std::map<Calls, std::int64_t> calls;
    };
    using Key = std::pair<Uuid, std::string>;  // a user and a URL

    // Up to `most` endpoints; false if attempts to further ones were left out.
    bool add(std::span<const DeliveryOutcome* const> written,
             std::size_t most = std::numeric_limits<std::size_t>::max()) {
        bool are_all = true;
        for (const DeliveryOutcome* o : written) {
            if (!o->attempt || o->webhook_url.empty()) continue;
            const Attempt& a = *o->attempt;
            const bool succeeded = o->next == DeliveryState::delivered;
            Key key{o->user_id, o->webhook_url};
            if (endpoints_.size() >= most && !endpoints_.contains(key)) {
                are_all = false;
                continue;
            }
            Endpoint& endpoint = endpoints_[std::move(key)];
            endpoint.last.add(*o, succeeded);
            ++endpoint.calls[{hour_of(a.started_at), succeeded,
                              a.status ? static_cast<int>(latency_place(a.duration)) : -1}];
        }
        return are_all;
    }
    void add(const EndpointTally& other) {
        for (const auto& [key, counted] : other.endpoints_) {
            Endpoint& endpoint = endpoints_[key];
            endpoint.last.add(counted.last);
            for (const auto& [calls, count] : counted.calls) endpoint.calls[calls] += count;
        }
    }
    // Removes up to `most` endpoints.
    EndpointTally take(std::size_t most) {
        EndpointTally out;
        while (!endpoints_.empty() && out.size() < most)
            out.endpoints_.insert(out.endpoints_.end(), endpoints_.extract(endpoints_.begin()));
        return out;
    }
    std::size_t size() const { return endpoints_.size(); }
    const std::map<Key, Endpoint>& endpoints() const { return endpoints_; }

private:
    std::map<Key, Endpoint> endpoints_;
};

// Adds them to what is stored, within a transaction; in the order of keys, since other senders do the same.
template <typename Connection>
void count_calls(Connection& db, const EndpointTally& tally) {
    if (tally.size() == 0) return;
    db.change_each("endpoint_seen_put", tally.endpoints(), [](const auto& entry) {
        const auto& [key, endpoint] = entry;
        const LastCalls& last = endpoint.last;
        return std::tuple(key.first, std::string_view(key.second), last.success_at, last.failure_at,
                          std::string_view(last.failure), last.failure_status, last.last_at());
    });
    std::vector<std::tuple<Uuid, std::string_view, std::int64_t, bool, int, std::int64_t>> calls;
    for (const auto& [key, endpoint] : tally.endpoints()) {
        for (const auto& [c, count] : endpoint.calls)
            calls.emplace_back(key.first, key.second, c.hour, c.succeeded, c.place, count);
    }
    db.change_each("endpoint_calls_add", calls, [](const auto& row) { return row; });
}

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
