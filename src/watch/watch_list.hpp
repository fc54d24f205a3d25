#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "domain/market.hpp"
#include "domain/watch_state.hpp"

namespace pricewire::watch {

// How long a ticker is watched after nobody needs it any more.
inline constexpr Duration grace = std::chrono::minutes{10};

// A source that lists a ticker.
struct Place {
    SourceName source;
    std::string symbol;
    bool is_halted = false;
    friend bool operator==(const Place&, const Place&) = default;
};

// Where a ticker can be watched now. Without places, `why` and `reason` say why it cannot be.
struct Places {
    std::vector<Place> places;
    Unwatchable why = Unwatchable::unlisted;
    std::string reason;
    friend bool operator==(const Places&, const Places&) = default;
};

struct WatchLimits {
    bool on_demand = true;  // false: only pinned tickers are watched
    std::size_t max_tickers = 1000;
};

// Which tickers are watched: the pinned ones, and of those that are needed as many as there is room for. Those of
// active alerts come before those that somebody only looks at, and these before those in their grace; within each of
// the three, what is watched stays watched. A pinned ticker is watched whatever the listings say, since its symbols may
// be in the configuration. Pure; one thread.
class WatchList {
public:
    using Find = std::function<Places(const Ticker&)>;

    WatchList(std::span<const Ticker> pinned, WatchLimits limits, Find find);

    struct Watch {
        Ticker ticker;
        std::vector<Place> places;
        friend bool operator==(const Watch&, const Watch&) = default;
    };
    struct Changes {
        std::vector<Watch> watch;     // from now on, or at other places than before; never pinned ones
        std::vector<Ticker> unwatch;  // never pinned ones
    };
    // `needed` is all that is needed at `now`. Looks up the places of tickers that are new in it; of all if `listings_changed`.
    Changes update(std::span<const NeededTicker> needed, bool listings_changed, MonoTime now);

    // What is needed and not watched, or halted everywhere; pinned ones too. `since` is not set.
    std::vector<WatchState> unwatched() const;
    // Those that are watched, pinned ones included.
    std::size_t watched() const;
};

}  // namespace pricewire::watch
