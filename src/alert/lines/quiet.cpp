#include "alert/lines/quiet.hpp"

#include "rule/levels.hpp"

namespace pricewire::alert {
namespace {

using Bound = QuietEnd::Bound;

// `m` is the margin's sign.
constexpr QuietEnd at(Bound bound, std::int8_t m = 0) {
    return {.bound = bound, .margin = m, .at = true};
}
constexpr QuietEnd beyond(Bound bound) {
    return {.bound = bound};
}

Quiet disarmed(Word state, Place place) {
    switch (state) {
        case Word::above:
            return {.down = at(Bound::lower, -1)};
        case Word::below:
            return {.up = at(Bound::lower, 1)};
        // On which side of the channel it was last counts, too.
        case Word::inside:
            if (place == Place::below) return {at(Bound::lower, -1), at(Bound::lower)};
            if (place == Place::above) return {at(Bound::upper), at(Bound::upper, 1)};
            return {beyond(Bound::lower), beyond(Bound::upper)};
        case Word::outside:
            if (place == Place::below) return {.up = at(Bound::lower, 1)};
            return {.down = at(Bound::upper, -1)};
        default:
            return {at(Bound::lower, -1), at(Bound::lower, 1)};
    }
}

Quiet idle(Word state, Place place, std::optional<Side> from) {
    switch (state) {
        case Word::above:
            return {.up = beyond(Bound::lower)};
        case Word::below:
            return {.down = beyond(Bound::lower)};
        case Word::inside:
            if (place == Place::below) return {.up = at(Bound::lower)};
            return {.down = at(Bound::upper)};
        case Word::outside:
            return {beyond(Bound::lower), beyond(Bound::upper)};
        default:
            if (!from) return {};
            if (*from == Side::below) return {.up = beyond(Bound::lower)};
            return {.down = beyond(Bound::lower)};
    }
}

Quiet fresh(Word state, Place place) {
    switch (state) {
        case Word::above:
            return {.down = at(Bound::lower)};
        case Word::below:
            return {.up = at(Bound::lower)};
        case Word::inside:
            return {beyond(Bound::lower), beyond(Bound::upper)};
        case Word::outside:
            if (place == Place::below) return {.up = at(Bound::lower)};
            return {.down = at(Bound::upper)};
        default:
            return {beyond(Bound::lower), beyond(Bound::lower)};
    }
}

std::uint16_t bits_of(const QuietEnd& end) {
    return static_cast<std::uint16_t>(static_cast<unsigned>(end.bound) |
                                      static_cast<unsigned>(end.margin + 1) << 2 | (end.at ? 16U : 0U) |
                                      (end.from_start ? 32U : 0U));
}
QuietEnd end_of_bits(unsigned bits) {
    return {static_cast<Bound>(bits & 3), static_cast<std::int8_t>(static_cast<int>(bits >> 2 & 3) - 1),
            (bits & 16) != 0, (bits & 32) != 0};
}

}  // namespace

Quiet quiet_of(Word word, Stage stage, Place place, std::optional<Side> from) {
    const Word state = rule::state_of(word);
    switch (stage) {
        case Stage::disarmed:
            return disarmed(state, place);
        case Stage::idle:
            return idle(state, place, from);
        case Stage::holding:
            if (state == Word::crosses)
                return *from == Side::below ? Quiet{.down = at(Bound::lower)} : Quiet{.up = at(Bound::lower)};
            break;
        case Stage::fresh:
            break;
    }
    return fresh(state, place);
}

std::uint16_t to_bits(const Quiet& quiet) {
    return static_cast<std::uint16_t>(bits_of(quiet.down) | bits_of(quiet.up) << 6 |
                                      (quiet.above_upper ? 1U << 12 : 0U));
}
Quiet quiet_of_bits(std::uint16_t bits) {
    return {end_of_bits(bits & 63U), end_of_bits(bits >> 6 & 63U), (bits & 1U << 12) != 0};
}

}  // namespace pricewire::alert
