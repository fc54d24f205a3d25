#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "base/uuid.hpp"
#include "domain/condition.hpp"
#include "domain/enum_names.hpp"
#include "domain/market.hpp"

namespace pricewire::inline domain {

// open       it lasts
// waiting    it is over, and its prices are to be asked back
// recovered  the venues have told all that happened in it
// unasked    nobody needed its prices: no alert of that time is active
// lost       some of it is unknown for good
enum class BlindState : std::uint8_t { open, waiting, recovered, unasked, lost };
inline constexpr auto blind_state_names = enum_names<BlindState>({
    {BlindState::open, "open"},
    {BlindState::waiting, "waiting"},
    {BlindState::recovered, "recovered"},
    {BlindState::unasked, "unasked"},
    {BlindState::lost, "lost"},
});
constexpr std::string_view to_string(BlindState s) {
    return blind_state_names.name(s);
}
constexpr std::optional<BlindState> parse_blind_state(std::string_view text) {
    return blind_state_names.parse(text);
}

// A time in which no price of a ticker was judged. A ticker has at most one that begins at a given moment.
struct BlindSpan {
    Ticker ticker;
    Timestamp from;
    std::optional<Timestamp> to;  // unset while it lasts
    std::string reason;           // one plain sentence
    BlindState state = BlindState::open;
    std::optional<Timestamp> told_until;  // what lies before it is recovered; unset: nothing is
    Duration unknown{};                   // of a span that is over: how much of it is not recovered (so far)
    int fired = 0;                        // alerts that have fired late for it
    int tries = 0;                        // to recover it
    friend bool operator==(const BlindSpan&, const BlindSpan&) = default;
};

// How much time [from, to) spans take up; where they overlap, it counts once. None ends before it begins.
Duration covered(std::vector<std::pair<Timestamp, Timestamp>> spans);

// What recovery needs of an active alert.
struct RecoverableAlert {
    Uuid id;
    Condition condition = Condition::gt;
    Decimal target;
    Timestamp created_at;
    friend bool operator==(const RecoverableAlert&, const RecoverableAlert&) = default;
};

}  // namespace pricewire::inline domain
