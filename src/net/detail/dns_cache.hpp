#pragma once

#include <cstddef>
#include <expected>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "net/address_guard.hpp"
#include "net/local_error.hpp"

namespace pricewire::net::detail {

using Addresses = std::vector<IpAddress>;

struct LookupError : Error {
    std::optional<LocalCause> local;  // set if the lack is ours and says nothing about the name
    LookupError(Error e, std::optional<LocalCause> cause = {}) : Error(std::move(e)), local(cause) {}
};
using LookupResult = std::expected<Addresses, LookupError>;

// Addresses that names resolved to recently. Bounded: when it is full, the oldest entry is removed.
// Single-threaded.
class DnsCache {
public:
    // An answer is kept for its TTL, within these limits; a failure for `failure_ttl`.
    static constexpr Duration min_ttl = std::chrono::seconds{1};
    static constexpr Duration max_ttl = std::chrono::seconds{30};
    static constexpr Duration failure_ttl = std::chrono::seconds{2};

    explicit DnsCache(std::size_t max_entries) : max_entries_(max_entries) {}

    // nullptr if nothing is known, or it has expired. Valid until the next call.
    const LookupResult* find(const std::string& host, MonoTime now);
    // `ttl` is that of the answer.
    void put(const std::string& host, LookupResult result, Duration ttl, MonoTime now);
    std::size_t size() const { return by_host_.size(); }

private:
    struct Entry {
        std::string host;
        LookupResult result;
        MonoTime until;
    };
    void erase(std::list<Entry>::iterator at);

    const std::size_t max_entries_;
    std::list<Entry> entries_;  // in the order they were put in
    std::unordered_map<std::string_view, std::list<Entry>::iterator> by_host_;  // keys are the entries' own
};

}  // namespace pricewire::net::detail
