#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
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

// Where feeds divide tickers: those that this one watches besides the pinned ones, which every feed watches.
struct FeedShare {
    std::function<bool(const Ticker&)> holds = {};  // empty: all
    std::string view = {};                          // names it, for Watcher::settled()
};

// Of which tickers no trades came, in the last of so many rounds in which that was looked at.
struct HeardRound {
    std::uint64_t number = 0;
    std::vector<Ticker> unheard;  // by name
};

// What the watcher uses, on its thread.
struct WatcherUses {
    // Has another value when listings may have changed; may throw StorageError.
    std::function<std::uint64_t()> listings;
    WatchList::Find find;  // likewise
    // From now on, or at other places than before. Neither is called for pinned tickers.
    std::function<void(const WatchList::Watch&)> watch;
    std::function<void(const Ticker&)> unwatch;
    // Where feeds divide tickers; else empty: the share as of now, the tickers that only others watch (by name, when
    // they have changed), and what is heard.
    std::function<FeedShare()> share = {};
    std::function<void(std::vector<Ticker>)> elsewhere = {};
    std::function<HeardRound()> heard = {};
};

// How many tickers are watched, and how many of those that are needed are not, by why.
struct WatchCounts {
    std::size_t watched = 0;
    std::array<std::size_t, unwatchable_names.size()> unwatched{};
};

// A feed's watch list, on a thread of its own: looks twice a second at what is needed, has it watched, and stores what
// cannot be. While the database is away everything stays as it is. Of two feeds each does the same, for its share.
class Watcher {
public:
    // Ends the thread. What is watched stays so.
    virtual ~Watcher() = default;
    // Something is needed that was not: looks at once. Any thread; never blocks.
    virtual void poke() = 0;
    // Any thread.
    virtual WatchCounts counts() const = 0;
    // The view of the share of which everything is watched, and heard if it can be; empty while that is not so.
    virtual std::string settled() const = 0;
};

// `needs` and `clock` outlive it.
std::unique_ptr<Watcher> start_watcher(WatcherOptions options, WatcherUses uses, storage::Needs& needs,
                                       const Clock& clock);

}  // namespace pricewire::watch
