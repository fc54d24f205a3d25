#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.hpp"
#include "storage/needs.hpp"
#include "watch/watch_list.hpp"

namespace pricewire::watch {

struct WatcherOptions {
    std::vector<Ticker> pinned;
    WatchLimits limits;
    Duration every = std::chrono::milliseconds{500};  // between two looks at what is needed
};

// What the watcher uses, on its thread.
struct WatcherUses {
    // Has another value when listings may have changed; may throw StorageError.
    std::function<std::uint64_t()> listings;
    WatchList::Find find;  // likewise
    // From now on, or at other places than before. Neither is called for pinned tickers.
    std::function<void(const WatchList::Watch&)> watch;
    std::function<void(const Ticker&)> unwatch;
};

// How many tickers are watched, and how many of those that are needed are not, by why.
struct WatchCounts {
    std::size_t watched = 0;
    std::array<std::size_t, unwatchable_names.size()> unwatched{};
};

// A feed's watch list, on a thread of its own: looks twice a second at what is needed, has it watched, and stores what
// cannot be. While the database is away everything stays as it is. Of two feeds each does the same.
class Watcher {
public:
    // Ends the thread. What is watched stays so.
    virtual ~Watcher() = default;
    // Something is needed that was not: looks at once. Any thread; never blocks.
    virtual void poke() = 0;
    // Any thread.
    virtual WatchCounts counts() const = 0;
};

// `needs` and `clock` outlive it.
std::unique_ptr<Watcher> start_watcher(WatcherOptions options, WatcherUses uses, storage::Needs& needs,
                                       const Clock& clock);

}  // namespace pricewire::watch
