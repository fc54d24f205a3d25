#include "rule/canonical.hpp"

#include <algorithm>

#include "base/crypto.hpp"
#include "base/json_writer.hpp"
#include "rule/detail/bounds.hpp"
#include "rule/detail/terms_json.hpp"
#include "rule/levels.hpp"

namespace pricewire::rule {
namespace {

// 128 bits.
constexpr std::size_t key_size = 22;

void write_level(JsonWriter& w, const Level& level, Watched watched) {
    if (watched == Watched::age) {
        w.value(format_duration(age_of(level.number)));
        return;
    }
    if (level.from == Anchor::number && !level.by) {
        w.value(level.number);
        return;
    }
    w.begin_object().key("from");
    if (level.from == Anchor::number) {
        w.value(level.number);
    } else {
        w.value(to_string(level.from));
    }
    if (level.over > Duration{}) w.field("over", window_name(level.over));
    if (level.by) w.field("by", to_text(*level.by));
    w.end_object();
}

void write_watch(JsonWriter& w, const Rule& rule) {
    switch (rule.watched) {
        case Watched::price:
            break;
        case Watched::close:
            w.key("watch").begin_object().field("close", window_name(rule.interval)).end_object();
            break;
        case Watched::ratio:
            w.key("watch").begin_object().field("ratio_to", rule.other.view()).end_object();
            break;
        case Watched::age:
            w.field("watch", "age");
            break;
    }
}

void write_rule(JsonWriter& w, const Rule& rule, const Ticker& alert_ticker) {
    w.begin_object();
    if (rule.ticker != alert_ticker) w.field("ticker", rule.ticker.view());
    write_watch(w, rule);
    w.field("is", to_string(rule.word)).key("level");
    if (rule.upper) w.begin_array();
    write_level(w, rule.level, rule.watched);
    if (rule.upper) {
        write_level(w, *rule.upper, rule.watched);
        w.end_array();
    }
    w.end_object();
}

// Any ticker: one that is no longer configured is understood as well.
std::expected<Ticker, std::string> any_ticker(std::string_view text) {
    if (!is_ticker(text)) return std::unexpected(std::string("not a ticker"));
    return Ticker(text);
}

}  // namespace

std::string when_json(const Terms& terms, const Ticker& alert_ticker) {
    JsonWriter w;
    if (terms.joined == Joined::one) {
        write_rule(w, terms.rules.front(), alert_ticker);
        return std::move(w).str();
    }
    w.begin_object().key(joined_names.name(terms.joined)).begin_array();
    for (const Rule& rule : terms.rules) write_rule(w, rule, alert_ticker);
    w.end_array().end_object();
    return std::move(w).str();
}

std::string hold_json(const Terms& terms) {
    JsonWriter w;
    if (terms.hold == Duration{}) return "null";
    w.value(format_duration(terms.hold));
    return std::move(w).str();
}

std::string repeat_json(const Terms& terms) {
    if (!terms.repeat) return "null";
    JsonWriter w;
    w.begin_object()
        .field("cooldown", format_duration(terms.repeat->cooldown))
        .field("rearm", to_text(terms.repeat->rearm))
        .field("times", terms.repeat->times)
        .end_object();
    return std::move(w).str();
}

std::string canonical(const Terms& terms) {
    JsonWriter w;
    w.begin_object().key("when").raw(when_json(terms, {}));
    w.key("for").raw(hold_json(terms)).key("repeat").raw(repeat_json(terms)).end_object();
    return std::move(w).str();
}

std::optional<Terms> parse_canonical(std::string_view text) {
    static const NamedTicker named = any_ticker;
    const auto json = parse_json(text);
    static const std::vector<std::string> members{"when", "for", "repeat"};
    if (!json || json->names != members) return std::nullopt;
    const auto member = [&](std::size_t i) {
        return json->items[i].kind == Json::Kind::null ? nullptr : &json->items[i];
    };
    if (member(0) == nullptr) return std::nullopt;
    auto terms = detail::read_terms({member(0), nullptr, member(1), member(2)}, {}, named);
    if (!terms) return std::nullopt;
    const auto has_no_ticker = [](const Rule& rule) { return rule.ticker.empty(); };
    if (std::ranges::any_of(terms->rules, has_no_ticker)) return std::nullopt;
    return *std::move(terms);
}

std::string rule_key(const Terms& terms) {
    return base64url_encode(sha256(canonical(terms))).substr(0, key_size);
}

std::optional<std::pair<Condition, Decimal>> plain_form(const Terms& terms) {
    if (terms.joined != Joined::one || terms.hold > Duration{} || terms.repeat) return std::nullopt;
    const Rule& rule = terms.rules.front();
    if (rule.watched != Watched::price || (rule.word != Word::above && rule.word != Word::below))
        return std::nullopt;
    if (rule.level.by) return std::nullopt;
    return shown_target(terms);
}

Terms plain_terms(const Ticker& ticker, Condition condition, Decimal target) {
    Rule rule;
    rule.ticker = ticker;
    rule.word = kind_of(condition).side == Side::above ? Word::above : Word::below;
    rule.level.number = target;
    Terms out;
    out.rules.push_back(std::move(rule));
    return out;
}

std::optional<std::pair<Condition, Decimal>> shown_target(const Terms& terms) {
    if (terms.joined != Joined::one) return std::nullopt;
    const Rule& rule = terms.rules.front();
    if (rule.level.from != Anchor::number) return std::nullopt;
    const Decimal level = detail::level_of_number(rule.level);
    if (rule.word == Word::above || rule.word == Word::crosses_up) return std::pair(Condition::gt, level);
    if (rule.word == Word::below || rule.word == Word::crosses_down) return std::pair(Condition::lt, level);
    return std::nullopt;
}

std::string_view window_name(Duration window) {
    for (const auto& [name, length] : windows) {
        if (length == window) return name;
    }
    return "";
}

std::string to_text(const Change& change) {
    return change.amount.to_string() + (change.is_percent ? "%" : "");
}

}  // namespace pricewire::rule
