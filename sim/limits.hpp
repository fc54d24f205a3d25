#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/json_writer.hpp"
#include "base/mutex.hpp"
#include "net/http_server.hpp"
#include "sim/venues/venue.hpp"

namespace pricewire::sim {

// Whether clients keep within the limits that venues publish: requests from one address, messages of one connection
// and new connections, within some time. Requests that exceed them are counted and, where so wanted, refused as the
// venue does, for as long as it does. Thread-safe.
class Limits {
public:
    using Time = std::chrono::steady_clock::time_point;

    explicit Limits(bool is_enforced) : is_enforced_(is_enforced) {}

    // The venue's refusal, if the request is one too many. `path` is behind SimVenue::rest_path, without the query.
    std::optional<net::ServerResponse> on_request(const SimVenue& venue, std::string_view path, Time now);
    void on_message(const SimVenue& venue, std::uint64_t client, std::string_view text, Time now);
    void on_connection(const SimVenue& venue, Time now);

    // {"requests":{venue:{"requests":n,"violations":n,"last":"…"}},"violations":n} without the braces.
    void write(JsonWriter& w) const;

private:
    struct Counts {
        std::uint64_t requests = 0;
        std::uint64_t violations = 0;  // of all limits
        std::string last = {};         // which one it was, and at what
    };
    // What happened within some time.
    struct Window {
        std::deque<std::pair<Time, int>> costs;
        int sum = 0;
    };
    // Whether it is within the limit.
    static bool add(Window& window, int cost, int most, std::chrono::seconds per, Time now);
    void violate(const SimVenue& venue, std::string what) REQUIRES(mutex_);

    const bool is_enforced_;
    mutable Mutex mutex_;
    std::map<std::string, Window> windows_ GUARDED_BY(mutex_);     // by venue and what is limited
    std::map<std::string, Time> banned_until_ GUARDED_BY(mutex_);  // by venue
    std::map<std::string, Counts> counts_ GUARDED_BY(mutex_);
};

}  // namespace pricewire::sim
