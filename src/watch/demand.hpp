#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "domain/watch_state.hpp"
#include "storage/needs.hpp"

namespace pricewire::watch {

struct DemandOptions {
    std::vector<Ticker> pinned;
    // Tickers beyond the pinned ones that one user may look at within the grace; see most_looked_at().
    std::size_t most_per_user = 50;
    Duration every = std::chrono::seconds{1};  // between two readings of what cannot be watched
    // Called as often, on its thread; may throw StorageError. May be empty.
    std::function<void()> also = {};
};

// What this process's users look at, which it stores for the feeds, and what of it has no prices, which the feeds store.
// A thread of its own writes and reads, so no function blocks. Thread-safe.
class Demand {
public:
    virtual ~Demand() = default;

    // `who` looks at the ticker now: it is watched for some time. To be repeated at least every minute while that
    // lasts; most repetitions cost nothing. False if `who` looks at too many others.
    virtual bool look(const Ticker& ticker, std::string_view who) = 0;
    // Why no prices of it come, as of a moment ago; nullopt if they do, or nobody needs it.
    virtual std::optional<WatchState> unwatched(const Ticker& ticker) const = 0;
    // All such tickers, sorted; never null. The pointer changes with them.
    virtual std::shared_ptr<const std::vector<WatchState>> unwatched() const = 0;
};

// `needs` and `clock` outlive it.
std::unique_ptr<Demand> start_demand(DemandOptions options, storage::Needs& needs, const Clock& clock);

}  // namespace pricewire::watch
