#pragma once

#include <cstddef>
#include <cstdint>
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

// Where there is room for so many tickers beside the pinned ones: how many of them the alerts of one user may name, and
// how many one user may look at within the grace. No user takes the room of all.
std::size_t most_named_by_alerts(std::size_t room);
std::size_t most_looked_at(std::size_t room);

// A source that lists a ticker.
struct Place {
    SourceName source;
    std::string symbol;
    bool is_halted = false;
    friend bool operator==(const Place&, const Place&) = default;
};

// Where a ticker is listed now. Without places, `why` and `reason`, a sentence for users, say why it cannot be watched.
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

// Which tickers are watched: the pinned ones, and of those that are needed as many as there is room for. Tickers of
// active alerts come before those that somebody only looks at, and these before those in their grace; within each of
// the three, what is watched stays watched. A ticker whose trading is halted everywhere is watched, so that its first
// trade is seen, but counts as one without prices. Pure; one thread.
class WatchList {
public:
    // nullopt: not known now; what was found before holds, and it is asked again at the next update. If it throws, the
    // update is to be repeated.
    using Find = std::function<std::optional<Places>(const Ticker&)>;

    WatchList(std::span<const Ticker> pinned, WatchLimits limits, Find find);

    struct Watch {
        Ticker ticker;
        std::vector<Place> places;
        friend bool operator==(const Watch&, const Watch&) = default;
    };
    // Never of pinned tickers, which are always watched.
    struct Changes {
        std::vector<Watch> watch;  // from now on, or at other places than before
        std::vector<Ticker> unwatch;
    };
    // `needed` is all that is needed now. Looks for the places of tickers that are new in it; of all tickers if
    // `look_again`. Those `elsewhere` are watched by other feeds: they have no grace.
    Changes update(std::span<const NeededTicker> needed, bool look_again, MonoTime now,
                   const std::set<Ticker>& elsewhere = {});

    // The pinned ones, and those that are needed now, of which no prices come; without their `since`. By ticker.
    std::vector<WatchState> unwatched() const;
    bool is_watched(const Ticker& ticker) const;
    // Pinned ones included.
    std::size_t watched() const;

private:
    enum class Rank : std::uint8_t { pinned, by_alert, looked_at, in_grace, over };
    struct Entry {
        Rank rank = Rank::in_grace;
        std::uint64_t number = 0;  // in the order in which they came to be needed
        MonoTime needed_at;
        std::optional<Places> found;
        bool is_watched = false;
        bool is_moved = false;  // watched at other places than those found
    };
    using Entries = std::map<Ticker, Entry>;

    void note_needs(std::span<const NeededTicker> needed, MonoTime now);
    std::set<Ticker> chosen() const;
    std::optional<WatchState> trouble_of(const Ticker& ticker, const Entry& entry) const;

    const WatchLimits limits_;
    const Find find_;
    std::size_t pinned_ = 0;
    std::uint64_t next_number_ = 0;
    Entries entries_;
};

}  // namespace pricewire::watch
