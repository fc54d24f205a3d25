#include "domain/alert_state.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace pricewire::inline domain {
namespace {

// A rule is "FLAGS START PRICE AS_OF EXTREME UPPER UNTIL", rules are separated by ";". Flags: a or - (armed), f or - (has
// fired), u, d or - (the side: up or down). Times are in microseconds since 1970, unset numbers are "-".

std::string text_or_dash(const std::optional<Decimal>& number) {
    return number ? number->to_string() : "-";
}

std::string rule_text(const RuleState& rule) {
    // All members by name: a further one does not compile until it is written too.
    const auto& [armed, fired, side, start, start_price, as_of, extreme, upper_extreme, until] = rule;
    return fmt::format("{}{}{} {} {} {} {} {} {}", armed ? 'a' : '-', fired ? 'f' : '-',
                       !side                  ? '-'
                       : *side == Side::above ? 'u'
                                              : 'd',
                       to_micros(start), text_or_dash(start_price), to_micros(as_of), text_or_dash(extreme),
                       text_or_dash(upper_extreme), to_micros(until));
}

// Takes one field after the other; once one is not valid, `ok` stays false.
class Fields {
public:
    explicit Fields(std::string_view text) : rest_(text) {}

    bool flag(std::string_view text, std::size_t at, char yes) {
        ok = ok && text.size() == 3 && (text[at] == yes || text[at] == '-');
        return ok && text[at] == yes;
    }
    std::optional<Side> side(std::string_view text) {
        if (!ok || text[2] == '-') return std::nullopt;
        ok = text[2] == 'u' || text[2] == 'd';
        return text[2] == 'u' ? Side::above : Side::below;
    }
    std::string_view word() { return take_part(rest_, ' '); }
    Timestamp time() {
        const auto micros = parse_number<std::int64_t>(word());
        ok = ok && micros.has_value();
        return from_micros(micros.value_or(0));
    }
    std::optional<Decimal> number() {
        const std::string_view text = word();
        if (text == "-") return std::nullopt;
        const auto value = Decimal::parse(text);
        ok = ok && value.has_value();
        return value ? std::optional(*value) : std::nullopt;
    }
    bool at_end() const { return rest_.empty(); }

    bool ok = true;

private:
    std::string_view rest_;
};

std::optional<RuleState> parse_rule_state(std::string_view text) {
    Fields in(text);
    const std::string_view flags = in.word();
    RuleState out;
    out.armed = in.flag(flags, 0, 'a');
    out.fired = in.flag(flags, 1, 'f');
    out.side = in.side(flags);
    out.start = in.time();
    out.start_price = in.number();
    out.as_of = in.time();
    out.extreme = in.number();
    out.upper_extreme = in.number();
    out.extreme_until = in.time();
    if (!in.ok || !in.at_end()) return std::nullopt;
    return out;
}

}  // namespace

std::string to_text(const std::vector<RuleState>& rules) {
    std::string out;
    for (const RuleState& rule : rules) {
        if (!out.empty()) out += ';';
        out += rule_text(rule);
    }
    return out;
}

std::optional<std::vector<RuleState>> parse_rule_states(std::string_view text) {
    std::vector<RuleState> out;
    if (text.ends_with(';')) return std::nullopt;
    while (!text.empty()) {
        const auto rule = parse_rule_state(take_part(text, ';'));
        if (!rule || out.size() == max_rules) return std::nullopt;
        out.push_back(*rule);
    }
    return out;
}

}  // namespace pricewire::inline domain
