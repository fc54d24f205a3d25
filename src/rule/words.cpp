#include "rule/words.hpp"

#include <fmt/format.h>

#include <array>

#include "rule/detail/bounds.hpp"
#include "rule/detail/phrases.hpp"

namespace pricewire::rule {
namespace {

using namespace std::chrono;

std::string joined_sentences(const Terms& terms) {
    const auto tense = terms.joined == Joined::all ? detail::Tense::state : detail::Tense::present;
    std::string out;
    for (std::size_t i = 0; i < terms.rules.size(); ++i) {
        if (i > 0) out += terms.joined == Joined::any ? " or " : i == 1 ? " while " : " and ";
        out +=
            fmt::format("{} {}", detail::subject(terms.rules[i]), detail::event_words(terms.rules[i], tense));
    }
    return out;
}

void add_repeat(std::string& out, const Terms& terms) {
    const Repeat& repeat = *terms.repeat;
    out += ", every time";
    if (repeat.rearm != detail::default_rearm(terms)) {
        out += " it has been ";
        if (!repeat.rearm.amount.is_zero()) out += detail::size_words(repeat.rearm) + " ";
        out += "back";
    }
    out += ", at most every " + duration_words(repeat.cooldown);
    if (repeat.times) out += *repeat.times == 1 ? ", once" : fmt::format(", {} times", *repeat.times);
}

}  // namespace

std::string rule_words(const Terms& terms) {
    std::string out = joined_sentences(terms);
    if (terms.hold > Duration{}) out += " and stays so for " + duration_words(terms.hold);
    return out;
}

std::string says(const Terms& terms, const LifeWords& life) {
    std::string out = rule_words(terms);
    if (terms.repeat) add_repeat(out, terms);
    if (life.starts_at && *life.starts_at > life.now)
        out += ", from " + date_words(*life.starts_at, life.now);
    if (life.expires_at) out += ", until " + date_words(*life.expires_at, life.now);
    return out;
}

std::string grouped(Decimal number) {
    std::string out = number.to_string();
    const std::size_t first = out.starts_with('-') ? 1 : 0;
    std::size_t at = std::min(out.find('.'), out.size());
    while (at > first + 3) {
        at -= 3;
        out.insert(at, 1, ',');
    }
    return out;
}

std::string date_words(Timestamp time, Timestamp now) {
    static constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto day = floor<days>(time);
    const year_month_day date{day}, today{floor<days>(now)};
    std::string out = fmt::format("{} {}", static_cast<unsigned>(date.day()),
                                  months[static_cast<unsigned>(date.month()) - 1]);
    if (date.year() != today.year()) out += fmt::format(" {}", static_cast<int>(date.year()));
    if (floor<seconds>(time) != day) out += " " + detail::clock_words(time);
    return out;
}

std::string duration_words(Duration duration) {
    struct Unit {
        Duration length;
        std::string_view name;
    };
    static constexpr std::array<Unit, 4> units{
        {{hours{1}, "h"}, {minutes{1}, "min"}, {seconds{1}, "s"}, {milliseconds{1}, "ms"}}};
    for (const Unit& unit : units) {
        if (duration >= unit.length && duration % unit.length == Duration{})
            return fmt::format("{} {}", duration / unit.length, unit.name);
    }
    return fmt::format("{} us", duration.count());
}

}  // namespace pricewire::rule
