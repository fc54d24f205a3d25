#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>

#include "domain/rule.hpp"
#include "rule/levels.hpp"

namespace pricewire::rule::detail {

inline const Level& level_of(const Rule& rule, std::size_t which) {
    return which == 0 ? rule.level : *rule.upper;
}
inline std::size_t levels_of(const Rule& rule) {
    return rule.upper ? 2 : 1;
}

inline bool is_extreme(const Level& level) {
    return level.from == Anchor::high || level.from == Anchor::low;
}

// Of a level that is a high or a low: whether one that is less extreme than it should be would make the rule hold where it
// does not.
inline bool keeps_true(const Rule& rule, std::size_t which) {
    const bool highest = level_of(rule, which).from == Anchor::high;
    switch (state_of(rule.word)) {
        case Word::above:
            return highest;
        case Word::below:
            return !highest;
        case Word::inside:
            return (which == 1) != highest;
        case Word::outside:
            return (which == 1) == highest;
        default:
            return true;
    }
}

template <typename Predicate>
bool any_level(const Rule& rule, Predicate predicate) {
    return predicate(rule.level) || (rule.upper && predicate(*rule.upper));
}

inline bool has_window(const Rule& rule) {
    return any_level(rule, [](const Level& level) { return level.over > Duration{}; });
}

// Whether prices are compared with numbers only.
inline bool has_only_numbers(const Terms& terms) {
    const auto is_relative = [](const Level& level) { return level.from != Anchor::number; };
    return std::ranges::all_of(terms.rules, [&](const Rule& rule) {
        return rule.watched == Watched::price && !any_level(rule, is_relative);
    });
}

inline bool is_measured_from_start(const Rule& rule) {
    return any_level(rule, [](const Level& level) { return level.from == Anchor::start; });
}

// Whether the row has to keep the extreme of the time from its start to the first bar that begins after it.
inline bool needs_extreme(const Rule& rule, bool fired) {
    return any_level(rule, [fired](const Level& level) {
        return is_extreme(level) && (fired || level.over == Duration{});
    });
}

template <typename T>
std::optional<T> earliest(const std::optional<T>& a, const std::optional<T>& b) {
    if (!a || !b) return a ? a : b;
    return *a < *b ? a : b;
}

}  // namespace pricewire::rule::detail
