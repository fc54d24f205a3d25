#pragma once

#include <cstdint>
#include <optional>

#include "domain/condition.hpp"
#include "domain/rule.hpp"

namespace pricewire::alert {

// One end of the values at which nothing happens to a rule: a bound, moved by the margin of re-arming.
struct QuietEnd {
    enum class Bound : std::uint8_t { none, lower, upper, any };

    Bound bound = Bound::none;  // none: every value on this side is quiet; any: none is; of one level: lower
    std::int8_t margin = 0;     // times the margin: -1, 0, 1
    bool at = false;            // whether the bound itself wakes
    bool from_start = false;    // its window is no longer than the time since a firing, from which it counts
    friend bool operator==(const QuietEnd&, const QuietEnd&) = default;
};

// Between which levels values change nothing of a rule: one at `down` or below, or at `up` or above, wakes it.
struct Quiet {
    QuietEnd down, up;
    // Of a channel whose bounds may come to be in the wrong order: a value above the upper one wakes it, too.
    bool above_upper = false;
    friend bool operator==(const Quiet&, const Quiet&) = default;
};

// What a rule waits for.
// disarmed  a value that arms it, after a firing
// fresh     one at which it is not true, so that it is armed for the first time
// idle      one at which it is true
// holding   one at which it is not true any more
enum class Stage : std::uint8_t { disarmed, fresh, idle, holding };

// Where the rule's last value is: below the lower bound, between, above the upper one.
enum class Place : std::uint8_t { below, between, above };

// `from`: of crosses, the side from which it crosses.
Quiet quiet_of(Word word, Stage stage, Place place, std::optional<Side> from);

std::uint16_t to_bits(const Quiet& quiet);
Quiet quiet_of_bits(std::uint16_t bits);

}  // namespace pricewire::alert
