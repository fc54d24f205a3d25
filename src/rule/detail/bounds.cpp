#include "rule/detail/bounds.hpp"

#include <algorithm>

#include "rule/detail/rule_levels.hpp"
#include "rule/levels.hpp"

namespace pricewire::rule::detail {
namespace {

// A change in percent has at most 4 decimals.
constexpr std::int64_t whole = 1'000'000;
std::int64_t parts_of(const Change& change) {
    return static_cast<std::int64_t>(change.amount.raw() / (Decimal::one_raw / 10'000));
}

Change change_of(const Level& level) {
    return level.by.value_or(Change{});
}
bool is_relative(const Level& level) {
    return level.from != Anchor::number;
}

// Whether the anchor of `a` is never below that of `b`. Each window holds the price in effect.
bool is_anchor_at_least(const Level& a, const Level& b) {
    const bool are_windows = a.over > Duration{} && b.over > Duration{};
    if (a.from == b.from && a.over == b.over) return is_relative(a);
    if (a.from == Anchor::high && b.from == Anchor::low) return true;
    if (a.from == Anchor::high && b.from == Anchor::high) return are_windows && a.over >= b.over;
    if (a.from == Anchor::low && b.from == Anchor::low) return are_windows && a.over <= b.over;
    if (a.from == Anchor::high && b.from == Anchor::start) return a.over == Duration{};
    if (a.from == Anchor::start && b.from == Anchor::low) return b.over == Duration{};
    return false;
}

bool are_alike(const Change& a, const Change& b) {
    return a.is_percent == b.is_percent || a.amount.is_zero() || b.amount.is_zero();
}

bool is_change_at_least(const Change& a, const Change& b) {
    if (are_alike(a, b)) return a.amount >= b.amount;
    return a.amount >= Decimal() && b.amount <= Decimal();
}

Change negated(const Change& change) {
    return {-change.amount, change.is_percent};
}

bool can_rearm_channel(const Level& lower, const Level& upper, const Change& margin) {
    if (margin.is_percent && margin.amount >= Decimal::from_int(100)) return false;
    if (!is_relative(lower) && !is_relative(upper))
        return shifted(level_of_number(lower), margin) <= shifted(level_of_number(upper), negated(margin));
    if (lower.from != upper.from || lower.over != upper.over) return true;
    const Change down = change_of(lower), up = change_of(upper);
    if (!are_alike(down, up) || !are_alike(down, margin) || !are_alike(up, margin)) return true;
    if (!down.is_percent && !up.is_percent && !margin.is_percent)
        return down.amount + margin.amount <= up.amount - margin.amount;
    using Wide = Decimal::Raw;
    return Wide{whole + parts_of(down)} * (whole + parts_of(margin)) <=
           Wide{whole + parts_of(up)} * (whole - parts_of(margin));
}

}  // namespace

Decimal level_of_number(const Level& level) {
    // No rule says a number or a change so large that this is out of range.
    return shifted(level.number, level.by).value();
}

bool is_never_below(const Level& lower, const Level& upper) {
    if (!is_relative(lower) && !is_relative(upper)) return level_of_number(lower) >= level_of_number(upper);
    return is_anchor_at_least(lower, upper) && is_change_at_least(change_of(lower), change_of(upper));
}

bool can_rearm(const Rule& rule, const Change& margin) {
    if (rule.word == Word::outside || rule.word == Word::leaves)
        return can_rearm_channel(rule.level, *rule.upper, margin);
    if (rule.word != Word::above && rule.word != Word::crosses_up) return true;
    if (margin.is_percent) return margin.amount < Decimal::from_int(100);
    if (is_relative(rule.level)) return true;
    const Decimal calm = level_of_number(rule.level) - margin.amount;
    // An age is 0 at a price; a price never is.
    return calm.is_positive() || (calm.is_zero() && rule.watched == Watched::age);
}

bool needs_margin(const Rule& rule) {
    if (rule.word == Word::inside || rule.word == Word::enters) return false;
    return any_level(rule, [](const Level& level) { return is_relative(level) && !level.by; });
}

Change default_rearm(const Terms& terms) {
    const auto stays = [](const Level& level) { return !is_relative(level) || !level.by; };
    const bool any_stays =
        std::ranges::any_of(terms.rules, [&](const Rule& rule) { return any_level(rule, stays); });
    return {any_stays ? Decimal::from_raw(Decimal::one_raw / 2) : Decimal(), true};
}

}  // namespace pricewire::rule::detail
