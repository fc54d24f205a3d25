#include "rule/detail/phrases.hpp"

#include <fmt/format.h>

#include "rule/canonical.hpp"
#include "rule/detail/bounds.hpp"
#include "rule/levels.hpp"
#include "rule/words.hpp"

namespace pricewire::rule::detail {
namespace {

// The verbs of each word, in the order of Word.
struct Verbs {
    std::string_view present, past, state;
};
constexpr Verbs verbs[] = {
    {"rises above", "rose above", "is above"},
    {"falls below", "fell below", "is below"},
    {"is between", "was between", "is between"},
    {"is outside", "was outside", "is outside"},
    {"crosses above", "crossed above", "crosses above"},
    {"crosses below", "crossed below", "crosses below"},
    {"enters", "entered", "enters"},
    {"leaves", "left", "leaves"},
    {"crosses", "crossed", "crosses"},
};
static_assert(std::size(verbs) == word_names.size());

// "24h high", "low"
std::string extreme_words(const Level& level) {
    const std::string name(to_string(level.from));
    return level.over > Duration{} ? fmt::format("{} {}", window_name(level.over), name) : name;
}

std::string range_words(const Rule& rule) {
    const std::string_view between = rule.word == Word::inside ? " and " : " to ";
    return level_words(rule.level).append(between).append(level_words(*rule.upper));
}

}  // namespace

bool is_new_extreme(const Rule& rule) {
    const bool is_high = rule.word == Word::above && rule.level.from == Anchor::high;
    const bool is_low = rule.word == Word::below && rule.level.from == Anchor::low;
    return !rule.level.by && (is_high || is_low);
}

bool is_move_either_way(const Rule& rule) {
    return (rule.word == Word::outside || rule.word == Word::leaves) && rule.level.from == Anchor::start &&
           rule.upper->from == Anchor::start && rule.level.by->is_percent == rule.upper->by->is_percent &&
           rule.level.by->amount == -rule.upper->by->amount;
}

std::string size_words(const Change& change) {
    return grouped(change.amount.abs()) + (change.is_percent ? " %" : "");
}

std::string beside_words(const Change& change) {
    return size_words(change) + (change.amount < Decimal() ? " below" : " above");
}

std::string subject(const Rule& rule) {
    switch (rule.watched) {
        case Watched::close:
            return fmt::format("{}'s {} close", rule.ticker.view(), window_name(rule.interval));
        case Watched::ratio:
            return fmt::format("{} in {}", rule.ticker.view(), rule.other.view());
        case Watched::price:
        case Watched::age:
            break;
    }
    return std::string(rule.ticker.view());
}

std::string level_words(const Level& level) {
    if (level.from == Anchor::number) {
        const std::string number = grouped(level_of_number(level));
        if (!level.by) return number;
        return fmt::format("{} ({} {})", number, beside_words(*level.by), grouped(level.number));
    }
    const std::string anchor = level.from == Anchor::start ? "price at the start" : extreme_words(level);
    if (!level.by) return "its " + anchor;
    return fmt::format("{} its {}", beside_words(*level.by), anchor);
}

bool is_upward(Word word) {
    return word == Word::above || word == Word::crosses_up;
}

bool is_move(const Rule& rule) {
    if (rule.level.from == Anchor::number || !rule.level.by) return false;
    const bool grows = rule.level.by->amount.is_positive();
    if (is_upward(rule.word)) return grows && rule.level.from != Anchor::high;
    if (rule.word == Word::below || rule.word == Word::crosses_down)
        return !grows && rule.level.from != Anchor::low;
    return false;
}

std::string move_words(const Level& level) {
    if (level.over > Duration{}) return fmt::format("within {}", window_name(level.over));
    if (level.from == Anchor::start) return "from its price at the start";
    return fmt::format("from its {}", to_string(level.from));
}

std::string event_words(const Rule& rule, Tense tense) {
    const bool past = tense == Tense::past;
    if (rule.watched == Watched::age)
        return fmt::format("{} no price for {}", past ? "had" : "has",
                           duration_words(age_of(rule.level.number)));
    if (is_new_extreme(rule))
        return fmt::format("{} a new {}", past ? "made" : "makes", extreme_words(rule.level));
    if (is_move_either_way(rule))
        return fmt::format("{}{} {} either way {}", rule.word == Word::leaves && !past ? "newly " : "",
                           past ? "moved" : "moves", size_words(*rule.upper->by), move_words(rule.level));
    if (is_move(rule)) {
        const bool up = is_upward(rule.word);
        const std::string_view verb = past ? (up ? "rose" : "fell") : (up ? "rises" : "falls");
        return fmt::format("{}{} {} {}", is_state(rule.word) || past ? "" : "newly ", verb,
                           size_words(*rule.level.by), move_words(rule.level));
    }
    const Verbs& verb = verbs[static_cast<std::size_t>(rule.word)];
    return fmt::format("{} {}",
                       past                    ? verb.past
                       : tense == Tense::state ? verb.state
                                               : verb.present,
                       rule.upper ? range_words(rule) : level_words(rule.level));
}

std::string has_been_words(const Rule& rule) {
    const Verbs& verb = verbs[static_cast<std::size_t>(state_of(rule.word))];
    if (rule.word == Word::crosses) return "has crossed " + level_words(rule.level);
    return fmt::format("has been{} {}", verb.state.substr(2),
                       rule.upper ? range_words(rule) : level_words(rule.level));
}

std::string clock_words(Timestamp time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::hh_mm_ss clock{std::chrono::floor<std::chrono::seconds>(time) - day};
    const std::string minutes = fmt::format("{:02}:{:02}", clock.hours().count(), clock.minutes().count());
    if (clock.seconds().count() == 0) return minutes;
    return fmt::format("{}:{:02}", minutes, clock.seconds().count());
}

}  // namespace pricewire::rule::detail
