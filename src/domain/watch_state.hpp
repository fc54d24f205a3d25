#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "domain/enum_names.hpp"
#include "domain/market.hpp"

namespace pricewire::inline domain {

// Why a ticker that somebody needs has no prices.
enum class Unwatchable : std::uint8_t {
    switched_off,  // market.on_demand is false
    no_room,       // market.max_tickers are watched
    unlisted,      // no enabled source has it
    delisted,      // the sources that had it no longer list it; a renamed one has another ticker
    halted,        // all sources that list it have stopped its trading
};
inline constexpr auto unwatchable_names = enum_names<Unwatchable>({
    {Unwatchable::switched_off, "switched_off"},
    {Unwatchable::no_room, "no_room"},
    {Unwatchable::unlisted, "unlisted"},
    {Unwatchable::delisted, "delisted"},
    {Unwatchable::halted, "halted"},
});
constexpr std::string_view to_string(Unwatchable why) {
    return unwatchable_names.name(why);
}
constexpr std::optional<Unwatchable> parse_unwatchable(std::string_view text) {
    return unwatchable_names.parse(text);
}

// The reason of switched_off.
inline constexpr std::string_view only_pinned_reason = "Only the tickers in market.tickers are watched here.";

// A ticker that is needed and not watched.
struct WatchState {
    Ticker ticker;
    Unwatchable why = Unwatchable::unlisted;
    std::string reason;  // one plain sentence for users
    Timestamp since;
    friend bool operator==(const WatchState&, const WatchState&) = default;
};

// The state of `ticker` among `states`, which are sorted by ticker; null if there is none.
inline const WatchState* find_state(std::span<const WatchState> states, const Ticker& ticker) {
    const auto found = std::ranges::lower_bound(states, ticker, {}, &WatchState::ticker);
    return found == states.end() || found->ticker != ticker ? nullptr : &*found;
}

// A ticker that is needed.
struct NeededTicker {
    Ticker ticker;
    bool by_alert = false;  // an active alert needs it; else a chart or a stream does
    friend bool operator==(const NeededTicker&, const NeededTicker&) = default;
};

}  // namespace pricewire::inline domain
