#include "rule/detail/reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "rule/canonical.hpp"
#include "rule/detail/bounds.hpp"
#include "rule/detail/rule_levels.hpp"
#include "rule/levels.hpp"

namespace pricewire::rule::detail {
namespace {

using Kind = Json::Kind;

constexpr std::string_view not_an_object = "Input should be a JSON object";
constexpr std::string_view two_levels = "Input should be two levels, the lower one first";
constexpr std::string_view not_a_change = "Input should be a change such as 5%, -3% or -500";
constexpr std::string_view not_a_margin = "Input should be a margin such as 0.5% or 500, or 0";
// A hundred times the anchor.
constexpr std::int64_t max_percent = 10'000;
constexpr Decimal::Raw percent_step = Decimal::one_raw / 10'000;

std::string window_choices() {
    std::string out;
    for (std::size_t i = 0; i < std::size(windows); ++i) {
        if (i > 0) out += i + 1 < std::size(windows) ? ", " : " or ";
        out += windows[i].first;
    }
    return out;
}

}  // namespace

std::optional<Change> parse_change(std::string_view text) {
    if (text.starts_with('+')) {
        text.remove_prefix(1);
        if (text.starts_with('-')) return std::nullopt;
    }
    Change out;
    out.is_percent = text.ends_with('%');
    if (out.is_percent) text.remove_suffix(1);
    const auto amount = Decimal::parse(text);
    if (!amount) return std::nullopt;
    if (out.is_percent && amount->raw() % percent_step != 0) return std::nullopt;
    if (amount->abs() > Decimal::from_int(out.is_percent ? max_percent : max_level)) return std::nullopt;
    out.amount = *amount;
    return out;
}

void Reader::refuse(std::string message, std::string_view type) {
    issues_.push_back({path_, std::move(message), std::string(type)});
}

void Reader::refuse_at(std::string_view name, std::string message, std::string_view type) {
    const At at(*this, std::string(name));
    refuse(std::move(message), type);
}

const Json* Reader::optional(const Json& object, std::string_view name) {
    const Json* const found = object.find(name);
    return found == nullptr || found->kind == Kind::null ? nullptr : found;
}

const Json* Reader::required(const Json& object, std::string_view name) {
    const Json* const found = optional(object, name);
    if (found == nullptr) refuse_at(name, "Field required", "missing");
    return found;
}

bool Reader::is_object(const Json& value) {
    if (value.kind == Kind::object) return true;
    refuse(std::string(not_an_object), "model_attributes_type");
    return false;
}

void Reader::check_members(const Json& object, Names known) {
    for (std::size_t i = 0; i < object.names.size(); ++i) {
        const std::string& name = object.names[i];
        if (std::ranges::find(known, name) == known.end()) {
            refuse_at(name, no_such_member(name, {known.begin(), known.end()}), unknown_member);
        } else if (object.find(name) != &object.items[i]) {
            refuse_at(name, "Field is given twice", "duplicate");
        }
    }
}

const std::string* Reader::text_of(const Json& value) {
    if (value.kind == Kind::string) return &value.text;
    refuse("Input should be a valid string", "string_type");
    return nullptr;
}

void Reader::read_when(const Json& when, const Json* top_watch, Terms& out) {
    const At at(*this, "when");
    if (!is_object(when)) return;
    const bool all = when.find("all") != nullptr, any = when.find("any") != nullptr;
    if (!all && !any) {
        out.rules.push_back(read_rule(when, Joined::one, top_watch));
        return;
    }
    check_members(when, {"all", "any", "ticker", "watch", "is", "level"});
    if (when.names.size() > 1) {
        refuse("Give either one rule, or all, or any");
        return;
    }
    if (top_watch != nullptr) {
        const std::vector<PathPart> here = std::exchange(path_, {"watch"});
        refuse("Give it in each rule of all or any");
        path_ = here;
    }
    out.joined = all ? Joined::all : Joined::any;
    read_rules(when.items.front(), out.joined, out);
}

void Reader::read_rules(const Json& list, Joined joined, Terms& out) {
    const At at(*this, std::string(joined_names.name(joined)));
    if (list.kind != Kind::array || list.items.size() < 2 || list.items.size() > max_rules) {
        refuse(fmt::format("Input should be 2 to {} rules", max_rules), list.kind != Kind::array ? "list_type"
                                                                        : list.items.size() < 2  ? "too_short"
                                                                                                : "too_long");
        return;
    }
    for (std::size_t i = 0; i < list.items.size(); ++i) {
        const At element(*this, i);
        if (!is_object(list.items[i])) continue;
        out.rules.push_back(read_rule(list.items[i], joined, nullptr));
        if (i == 0) check_ticker(out.rules.front(), "The first rule should be of");
    }
}

// Its price is the one that is shown.
void Reader::check_ticker(const Rule& rule, std::string_view demand) {
    if (alert_ticker_.empty() || rule.ticker.empty() || rule.ticker == alert_ticker_) return;
    refuse_at("ticker", fmt::format("{} the alert's ticker, {}", demand, alert_ticker_.view()));
}

Rule Reader::read_rule(const Json& json, Joined joined, const Json* top_watch) {
    if (joined != Joined::one) {
        for (const std::string_view name : {"all", "any"}) {
            if (json.find(name) == nullptr) continue;
            refuse_at(name, "Not within all or any");
            return {};
        }
    }
    check_members(json, {"ticker", "watch", "is", "level"});
    Rule out;
    out.ticker = read_ticker(json);
    if (joined == Joined::one) check_ticker(out, "Input should be");
    if (const Json* const watch = optional(json, "watch"); watch != nullptr) {
        const At at(*this, "watch");
        if (top_watch != nullptr) refuse("Give it either here or beside when");
        read_watch(*watch, out);
    } else if (top_watch != nullptr) {
        const std::vector<PathPart> here = std::exchange(path_, {"watch"});
        read_watch(*top_watch, out);
        path_ = here;
    }
    const std::optional<Word> word = read_word(json);
    out.word = word.value_or(Word::above);
    check_joined(out, joined, word);
    if (const Json* const level = required(json, "level"); level != nullptr) {
        const At at(*this, "level");
        if (out.watched == Watched::age) {
            read_age(*level, out);
        } else {
            read_levels(*level, word, out);
        }
    }
    return out;
}

Ticker Reader::read_ticker(const Json& json) {
    const Json* const member = optional(json, "ticker");
    if (member == nullptr) return alert_ticker_;
    const At at(*this, "ticker");
    const std::string* const text = text_of(*member);
    if (text == nullptr) return {};
    const auto ticker = named_(*text);
    if (!ticker) refuse(ticker.error(), "enum");
    return ticker.value_or(Ticker());
}

void Reader::read_watch(const Json& watch, Rule& out) {
    if (watch.kind == Kind::string && (watch.text == "price" || watch.text == "age")) {
        if (watch.text == "age") out.watched = Watched::age;
        return;
    }
    if (watch.kind != Kind::object || watch.names.size() != 1) {
        refuse(R"(Input should be "age", {"close": "1h"} or {"ratio_to": "BTC"})");
        return;
    }
    check_members(watch, {"close", "ratio_to"});
    const Json& value = watch.items.front();
    const At at(*this, watch.names.front());
    if (watch.names.front() == "close") {
        out.watched = Watched::close;
        out.interval = read_window(value).value_or(std::chrono::hours{1});
    } else if (watch.names.front() == "ratio_to") {
        out.watched = Watched::ratio;
        const std::string* const text = text_of(value);
        if (text == nullptr) return;
        const auto other = named_(*text);
        if (!other) {
            refuse(other.error(), "enum");
        } else if (*other == out.ticker) {
            refuse(fmt::format("Input should be another ticker than {}", other->view()));
        }
        out.other = other.value_or(Ticker());
    }
}

std::optional<Word> Reader::read_word(const Json& json) {
    const Json* const member = required(json, "is");
    if (member == nullptr) return std::nullopt;
    const At at(*this, "is");
    const std::string* const text = text_of(*member);
    if (text == nullptr) return std::nullopt;
    const auto word = parse_word(*text);
    if (!word) refuse("Input should be " + word_names.choices(), "enum");
    return word;
}

void Reader::check_joined(const Rule& rule, Joined joined, std::optional<Word> word) {
    if (joined == Joined::all && word && !is_state(*word))
        refuse_at("is", "Only above, below, inside and outside within all");
    if (joined != Joined::one && (rule.watched == Watched::close || rule.watched == Watched::age))
        refuse_at("watch", "Only a price or a ratio within all and any");
    if (rule.watched == Watched::age && word && *word != Word::above) refuse_at("is", "Only above with age");
}

void Reader::read_levels(const Json& json, std::optional<Word> word, Rule& out) {
    if (word && is_channel(*word) && (json.kind != Kind::array || json.items.size() != 2)) {
        refuse(std::string(two_levels));
        return;
    }
    if (word && !is_channel(*word) && json.kind == Kind::array) {
        refuse("Input should be one level");
        return;
    }
    if (json.kind != Kind::array) {
        if (const auto level = read_level(json, out.watched)) out.level = *level;
        return;
    }
    std::vector<Level> levels;
    for (std::size_t i = 0; i < json.items.size() && i < 2; ++i) {
        const At at(*this, i);
        if (const auto level = read_level(json.items[i], out.watched)) levels.push_back(*level);
    }
    if (levels.size() != 2) return;
    out.level = levels[0];
    out.upper = levels[1];
    if (is_never_below(out.level, *out.upper)) refuse("The lower level should be below the upper one");
}

std::optional<Level> Reader::read_level(const Json& json, Watched watched) {
    std::optional<Level> out;
    if (json.kind == Kind::object) {
        out = read_anchor(json);
    } else if (const auto number = read_number(json)) {
        out.emplace().number = *number;
    }
    if (out && watched == Watched::close && out->from != Anchor::number) {
        refuse("Only a number with close");
        return std::nullopt;
    }
    return out;
}

std::optional<Decimal> Reader::read_number(const Json& json) {
    if (json.kind != Kind::number && json.kind != Kind::string) {
        refuse("Input should be a number, or a string of its digits", "decimal_type");
        return std::nullopt;
    }
    const auto value = Decimal::parse(json.text);
    if (!value) {
        refuse(fmt::format("Input should be a valid decimal: {}", value.error().message), "decimal_parsing");
    } else if (!value->is_positive()) {
        refuse("Input should be greater than 0", "greater_than");
    } else if (*value > Decimal::from_int(max_level)) {
        refuse(fmt::format("Input should be less than or equal to {}", max_level), "less_than_equal");
    } else {
        return *value;
    }
    return std::nullopt;
}

std::optional<Level> Reader::read_anchor(const Json& json) {
    const std::size_t before = issue_count();
    check_members(json, {"from", "over", "by"});
    Level out;
    const Json* const from = required(json, "from");
    const bool has_anchor = from != nullptr && read_from(*from, out);
    if (const Json* const over = optional(json, "over"); over != nullptr) {
        const At at(*this, "over");
        if (has_anchor && !is_extreme(out)) refuse("Only with high and low");
        out.over = read_window(*over).value_or(Duration{});
    }
    read_by(json, out);
    if (issue_count() > before) return std::nullopt;
    return out;
}

bool Reader::read_from(const Json& json, Level& out) {
    const At at(*this, "from");
    if (json.kind == Kind::number || (json.kind == Kind::string && Decimal::parse(json.text))) {
        const auto number = read_number(json);
        out.number = number.value_or(Decimal());
        return number.has_value();
    }
    const auto anchor = json.kind == Kind::string ? parse_anchor(json.text) : std::nullopt;
    if (!anchor || *anchor == Anchor::number) {
        refuse("Input should be a number, 'start', 'high' or 'low'", "enum");
        return false;
    }
    out.from = *anchor;
    return true;
}

std::optional<Duration> Reader::read_window(const Json& json) {
    if (json.kind == Kind::string) {
        const auto parsed = parse_duration(json.text);
        for (const auto& [name, length] : windows) {
            if (parsed && *parsed == length) return length;
        }
    }
    refuse("Input should be " + window_choices(), "enum");
    return std::nullopt;
}

void Reader::read_by(const Json& object, Level& out) {
    const At at(*this, "by");
    const Json* const json = optional(object, "by");
    if (json == nullptr) {
        if (out.from == Anchor::start) refuse(std::string(not_a_change));
        return;
    }
    const auto by = json->kind == Kind::string ? parse_change(json->text) : std::nullopt;
    if (!by || by->amount.is_zero()) {
        refuse(std::string(not_a_change));
        return;
    }
    out.by = *by;
    const bool is_known = out.from == Anchor::number && out.number.is_positive();
    if (by->is_percent ? by->amount <= Decimal::from_int(-100)
                       : is_known && !level_of_number(out).is_positive())
        refuse("The level would not be above 0", "greater_than");
}

void Reader::read_age(const Json& json, Rule& out) {
    if (const auto age = read_duration(json, "60s", min_age, max_age)) out.level.number = seconds_of(*age);
}

std::string Reader::not_between(Duration least, Duration most) {
    return fmt::format("Input should be between {} and {}", format_duration(least), format_duration(most));
}

std::optional<Duration> Reader::read_duration(const Json& json, std::string_view example, Duration least,
                                              Duration most) {
    std::optional<Duration> value;
    // Less than a microsecond would be passed over.
    const auto number = json.kind == Kind::number ? Decimal::parse(json.text) : fail("");
    if (number && number->raw() % (Decimal::one_raw / 1'000'000) == 0) value = parse_seconds(json.text);
    if (json.kind == Kind::string) {
        if (const auto parsed = parse_duration(json.text)) value = *parsed;
    }
    if (!value) {
        refuse(fmt::format("Input should be a duration such as {}, or a number of seconds", example),
               "duration_parsing");
    } else if (*value < least || *value > most) {
        refuse(not_between(least, most), "out_of_range");
        return std::nullopt;
    }
    return value;
}

Duration Reader::read_hold(const Json& hold) {
    const At at(*this, "for");
    return read_duration(hold, "5m", Duration{}, max_hold).value_or(Duration{});
}

Repeat Reader::read_repeat(const Json& repeat, std::optional<Change>& rearm) {
    const At at(*this, "repeat");
    Repeat out;
    if (!is_object(repeat)) return out;
    check_members(repeat, {"cooldown", "rearm", "times"});
    if (const Json* const cooldown = optional(repeat, "cooldown"); cooldown != nullptr) {
        const At member(*this, "cooldown");
        out.cooldown = read_duration(*cooldown, "5m", min_cooldown, max_cooldown).value_or(out.cooldown);
    }
    if (const Json* const margin = optional(repeat, "rearm"); margin != nullptr) {
        // A number is an amount.
        const bool is_text = margin->kind == Kind::string || margin->kind == Kind::number;
        rearm = is_text ? parse_change(margin->text) : std::nullopt;
        if (!rearm || rearm->amount < Decimal()) {
            refuse_at("rearm", std::string(not_a_margin));
        } else if (rearm->amount.is_zero()) {
            rearm->is_percent = true;
        }
    }
    if (const Json* const times = optional(repeat, "times"); times != nullptr) out.times = read_times(*times);
    return out;
}

std::optional<std::int64_t> Reader::read_times(const Json& json) {
    const At at(*this, "times");
    const auto value =
        json.kind == Kind::number || json.kind == Kind::string ? Decimal::parse(json.text) : fail("");
    if (!value || value->raw() % Decimal::one_raw != 0) {
        refuse("Input should be a whole number", "int_parsing");
    } else if (*value < Decimal::from_int(1) || *value > Decimal::from_int(max_times)) {
        refuse(fmt::format("Input should be between 1 and {}", max_times), "out_of_range");
    } else {
        return static_cast<std::int64_t>(value->raw() / Decimal::one_raw);
    }
    return std::nullopt;
}

}  // namespace pricewire::rule::detail
