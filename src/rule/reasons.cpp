#include <fmt/format.h>

#include <algorithm>

#include "rule/canonical.hpp"
#include "rule/detail/phrases.hpp"
#include "rule/evidence.hpp"
#include "rule/levels.hpp"
#include "rule/words.hpp"

// What is said of an alert that was judged: why it fired, and why it has not.
namespace pricewire::rule {
namespace {

using detail::Tense;

// A rule of the terms, and how it was seen.
struct Judged {
    const Rule& rule;
    const RuleSeen& seen;
    Timestamp now;
};

// A ratio has 18 places, more than anybody reads.
std::string value_words(const Rule& rule, Decimal value) {
    constexpr int digits = 10;
    return grouped(rule.watched == Watched::ratio ? value.rounded(digits) : value);
}

// "at 09:14", "on 1 Jan at 09:14"
std::string moment_words(Timestamp time, Timestamp now) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::string clock = "at " + detail::clock_words(time);
    if (day == std::chrono::floor<std::chrono::days>(now)) return clock;
    return fmt::format("on {} {}", date_words(day, now), clock);
}
// "09:14", "1 Jan 09:14"
std::string until_words(Timestamp time, Timestamp now) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::string clock = detail::clock_words(time);
    if (day == std::chrono::floor<std::chrono::days>(now)) return clock;
    return fmt::format("{} {}", date_words(day, now), clock);
}

std::string age_words(Decimal seconds) {
    const auto whole = std::chrono::floor<std::chrono::seconds>(age_of(seconds));
    return whole == Duration{} ? "less than a second" : duration_words(whole);
}

// The level that was passed or, of a channel, is the nearer one; null where it is not known.
const LevelSeen* nearest_level(const RuleSeen& seen) {
    if (!seen.upper) return seen.level.value ? &seen.level : nullptr;
    if (!seen.level.value || !seen.upper->value || !seen.value) return nullptr;
    const bool upper = (*seen.value - *seen.upper->value).abs() < (*seen.value - *seen.level.value).abs();
    return upper ? &*seen.upper : &seen.level;
}

// ", which is 5 % above the low of 64,878 at 09:58:04"; empty of a number.
std::string origin_words(const LevelSeen& level, Timestamp now) {
    if (!level.anchor) return "";
    const AnchorSeen& anchor = *level.anchor;
    const std::string time = anchor.time ? " " + moment_words(*anchor.time, now) : "";
    if (!level.by) return fmt::format(", which is the {}{}", to_string(anchor.from), time);
    const std::string beside = detail::beside_words(*level.by);
    if (anchor.from == Anchor::number) return fmt::format(", which is {} {}", beside, grouped(anchor.price));
    const std::string_view name = anchor.from == Anchor::start ? "starting price" : to_string(anchor.from);
    return fmt::format(", which is {} the {} of {}{}", beside, name, grouped(anchor.price), time);
}

// "is above 68,121.9, which is 5 % above the low of 64,878 at 09:58:04"
std::string comparison_words(const Judged& judged) {
    const RuleSeen& seen = judged.seen;
    if (judged.rule.word == Word::inside || judged.rule.word == Word::enters)
        return fmt::format("is between {} and {}", grouped(*seen.level.value), grouped(*seen.upper->value));
    const LevelSeen& level = *nearest_level(seen);
    return fmt::format("is {} {}{}", *seen.value > *level.value ? "above" : "below", grouped(*level.value),
                       origin_words(level, judged.now));
}

// Whether it is known how a value stands to its level.
bool is_known(const RuleSeen& seen) {
    return seen.value && nearest_level(seen) != nullptr;
}

// By how much it has moved: "rose 5.2 % within 1h". `rule_level` and `level`: the one that was passed.
std::string moved_words(const Judged& judged, const Level& rule_level, const LevelSeen& level) {
    const Decimal from = level.anchor->price, to = *judged.seen.value;
    const Decimal size = level.by->is_percent ? change_in_percent(from, to) : to - from;
    return fmt::format("{} {} {}", to >= from ? "rose" : "fell",
                       detail::size_words({size, level.by->is_percent}), detail::move_words(rule_level));
}

std::string happened_words(const Judged& judged) {
    const LevelSeen& level = *nearest_level(judged.seen);
    const bool upper = judged.seen.upper && &level == &*judged.seen.upper;
    const bool moves = detail::is_move(judged.rule) || detail::is_move_either_way(judged.rule);
    if (moves && level.anchor && level.by)
        return moved_words(judged, upper ? *judged.rule.upper : judged.rule.level, level);
    return detail::event_words(judged.rule, Tense::past);
}

std::string hold_words(const Terms& terms) {
    return terms.hold > Duration{} ? " and stayed so for " + duration_words(terms.hold) : "";
}

std::string one_because(const Terms& terms, const Judged& judged, const Evidence& evidence) {
    const std::string subject = detail::subject(judged.rule);
    if (judged.rule.watched == Watched::age) {
        const std::string last =
            evidence.last_price ? ": the last one was " + grouped(*evidence.last_price) : std::string();
        return fmt::format("{} {}{}", subject, detail::event_words(judged.rule, Tense::past), last);
    }
    const std::string value = value_words(judged.rule, *judged.seen.value);
    const LevelSeen& level = *nearest_level(judged.seen);
    const bool is_inside = judged.rule.word == Word::inside || judged.rule.word == Word::enters;
    const std::string why = level.anchor && !is_inside ? fmt::format("{} {}", value, comparison_words(judged))
                                                       : "it was at " + value;
    return fmt::format("{} {}{}: {}", subject, happened_words(judged), hold_words(terms), why);
}

std::string all_because(const Terms& terms, const Evidence& evidence, Timestamp fired) {
    std::string out;
    for (std::size_t i = 0; i < terms.rules.size(); ++i) {
        const Judged judged{terms.rules[i], evidence.rules[i], fired};
        if (i > 0) out += i == 1 ? " while " : " and ";
        out += fmt::format("{} at {} {}", detail::subject(judged.rule),
                           value_words(judged.rule, *judged.seen.value), comparison_words(judged));
    }
    return out + hold_words(terms);
}

}  // namespace

std::string because(const Terms& terms, const Evidence& evidence, Timestamp fired) {
    if (evidence.rules.size() != terms.rules.size() || evidence.shown >= terms.rules.size()) return "";
    const bool all = terms.joined == Joined::all;
    for (std::size_t i = 0; i < terms.rules.size(); ++i) {
        const RuleSeen& seen = evidence.rules[i];
        if (seen.upper.has_value() != terms.rules[i].upper.has_value()) return "";
        if ((all || i == evidence.shown) && !is_known(seen)) return "";
    }
    std::string out =
        all ? all_because(terms, evidence, fired)
            : one_because(terms, {terms.rules[evidence.shown], evidence.rules[evidence.shown], fired},
                          evidence);
    if (evidence.muted_until) out += "; it was muted until then";
    return out;
}

namespace {

std::string ended_words(const StateFacts& facts) {
    const std::string when = facts.ended_at ? " " + moment_words(*facts.ended_at, facts.now) : "";
    switch (*facts.ended) {
        case AlertEnd::fired:
            return fmt::format("It fired{}.", when);
        case AlertEnd::expired:
            return fmt::format("It expired{}.", when);
        case AlertEnd::paused:
            break;
    }
    return "It is paused.";
}

std::string unpriced_words(const StateFacts& facts) {
    const std::string reason = facts.unpriced_reason.empty() ? "" : ": " + facts.unpriced_reason;
    const std::string end = reason.ends_with('.') ? "" : ".";
    if (!facts.unpriced_since) return fmt::format("{} has no price{}{}", facts.unpriced.view(), reason, end);
    return fmt::format("{} has had no price since {}{}{}", facts.unpriced.view(),
                       until_words(*facts.unpriced_since, facts.now), reason, end);
}

// Where the value must have been for the rule to be ready: "back at 69,650 or below".
std::string calm_words(const Terms& terms, const Judged& judged, bool has_fired) {
    const RuleSeen& seen = judged.seen;
    const auto margin = [&](Decimal level) {
        if (!has_fired || !terms.repeat) return Decimal();
        return amount_of(terms.repeat->rearm, level).value_or(Decimal());
    };
    const Decimal low = *seen.level.value;
    const Decimal high = seen.upper ? *seen.upper->value : low;
    switch (state_of(judged.rule.word)) {
        case Word::above:
            return fmt::format("at {} or below", grouped(low - margin(low)));
        case Word::below:
            return fmt::format("at {} or above", grouped(low + margin(low)));
        case Word::inside:
            return fmt::format("below {} or above {}", grouped(low - margin(low)),
                               grouped(high + margin(high)));
        case Word::outside:
            return fmt::format("between {} and {}", grouped(low + margin(low)), grouped(high - margin(high)));
        default:
            break;
    }
    const Decimal size = margin(low);
    if (size.is_zero()) return "off " + grouped(low);
    return fmt::format("{} away from {}", grouped(size), grouped(low));
}

std::string unready_words(const Terms& terms, const Judged& judged, bool has_fired) {
    if (terms.joined == Joined::all) return "It waits until one of its rules has not held.";
    const std::string subject = detail::subject(judged.rule);
    if (judged.rule.watched == Watched::age) return fmt::format("It waits until {} has a price.", subject);
    if (!judged.seen.level.value || (judged.seen.upper && !judged.seen.upper->value))
        return fmt::format("It waits until {} has been on the other side.", subject);
    return fmt::format("It waits until {} has been {}{}.", subject, has_fired ? "back " : "",
                       calm_words(terms, judged, has_fired));
}

std::string holding_words(const Terms& terms, const Judged& judged, Timestamp since, Timestamp now) {
    const std::string end = until_words(since + terms.hold, now);
    if (terms.joined == Joined::all)
        return fmt::format("Its rules have held since about {}; it fires at about {} if they go on.",
                           until_words(since, now), end);
    return fmt::format("{} {} since about {}; it fires at about {} if it stays so.",
                       detail::subject(judged.rule), detail::has_been_words(judged.rule),
                       until_words(since, now), end);
}

std::string unknown_words(const Judged& judged) {
    if (!judged.seen.value) {
        if (judged.rule.watched == Watched::close)
            return fmt::format("The first {} bar since it began has not ended.",
                               window_name(judged.rule.interval));
        return fmt::format("There is no price of {} yet.", detail::subject(judged.rule));
    }
    if (detail::is_new_extreme(judged.rule) && judged.rule.level.over > Duration{})
        return fmt::format("Prices of {} are not known for the whole {} before.", judged.rule.ticker.view(),
                           window_name(judged.rule.level.over));
    return "Its level is not known yet.";
}

// "BTC is 19.8 (0.028 %) below 70,000."
std::string distance_words(const Judged& judged) {
    if (!is_known(judged.seen)) return unknown_words(judged);
    const Decimal value = *judged.seen.value;
    if (judged.rule.watched == Watched::age)
        return fmt::format("The last price of {} is {} old.", judged.rule.ticker.view(), age_words(value));
    const LevelSeen& level = *nearest_level(judged.seen);
    const std::string subject = detail::subject(judged.rule), name = grouped(*level.value);
    const std::string origin = origin_words(level, judged.now);
    if (value == *level.value) return fmt::format("{} is at {}{}.", subject, name, origin);
    const Decimal percent = value.is_positive() ? change_in_percent(value, *level.value) : Decimal();
    return fmt::format("{} is {} ({} %) {} {}{}.", subject,
                       value_words(judged.rule, (value - *level.value).abs()), grouped(percent.abs()),
                       value > *level.value ? "above" : "below", name, origin);
}

std::string closest_words(const Closest& closest, const StateFacts& facts) {
    std::string since = "In the last 30 days";
    if (!facts.closest_is_recent)
        since = fmt::format("Since it {} on {}", facts.begun_at > facts.created_at ? "began" : "was made",
                            date_words(std::chrono::floor<std::chrono::days>(facts.begun_at), facts.now));
    return fmt::format(" {} it came as close as {}, on {} at {}.", since, grouped(closest.distance),
                       date_words(std::chrono::floor<std::chrono::days>(closest.time), facts.now),
                       detail::clock_words(closest.time));
}

// The rule that keeps it from firing.
std::size_t decisive(const Terms& terms, const Evidence& seen) {
    if (terms.joined == Joined::any) return std::min(seen.shown, terms.rules.size() - 1);
    const auto not_true = [](const RuleSeen& rule) { return rule.is_true != std::optional(true); };
    const auto found = std::ranges::find_if(seen.rules, not_true);
    return found == seen.rules.end() ? 0 : static_cast<std::size_t>(found - seen.rules.begin());
}

std::string judged_words(const Terms& terms, const StateFacts& facts) {
    if (facts.seen == nullptr || facts.seen->rules.size() != terms.rules.size())
        return "It has not been judged yet.";
    const std::size_t i = decisive(terms, *facts.seen);
    const Judged judged{terms.rules[i], facts.seen->rules[i], facts.now};
    if (!facts.armed) return unready_words(terms, judged, facts.has_fired);
    if (facts.seen->held_since && terms.hold > Duration{})
        return holding_words(terms, judged, *facts.seen->held_since, facts.now);
    std::string out = distance_words(judged);
    if (facts.seen->closest) out += closest_words(*facts.seen->closest, facts);
    return out;
}

}  // namespace

std::string state_words(const Terms& terms, const StateFacts& facts) {
    if (facts.ended) return ended_words(facts);
    if (facts.starts_at) return fmt::format("It begins {}.", moment_words(*facts.starts_at, facts.now));
    const bool asks_age = terms.rules.front().watched == Watched::age;
    if (!facts.unpriced.empty() && !asks_age) return unpriced_words(facts);
    if (facts.muted_until) {
        const std::string until = until_words(*facts.muted_until, facts.now);
        return facts.is_snoozed ? fmt::format("It is snoozed until {}.", until)
                                : fmt::format("It is muted until {}, after its last firing.", until);
    }
    return judged_words(terms, facts);
}

}  // namespace pricewire::rule
