#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "domain/condition.hpp"
#include "domain/rule.hpp"

// The one spelling of a rule. Pure.
namespace pricewire::rule {

// What is stored: {"when":…,"for":…,"repeat":…} with each rule's ticker, a fixed order of members, the shortest numbers
// and defaults written out.
std::string canonical(const Terms& terms);
// Reads it back; nullopt for anything that this version does not understand.
std::optional<Terms> parse_canonical(std::string_view text);

// The members as the API shows them, as JSON. A rule's ticker is left out where it is the alert's.
std::string when_json(const Terms& terms, const Ticker& alert_ticker);
std::string hold_json(const Terms& terms);  // "for"
std::string repeat_json(const Terms& terms);

// Identifies when, for and repeat, in 22 characters. Of an alert in the plain form storage keeps '' instead.
std::string rule_key(const Terms& terms);

// Set where the terms can be said in the seed's form.
std::optional<std::pair<Condition, Decimal>> plain_form(const Terms& terms);
Terms plain_terms(const Ticker& ticker, Condition condition, Decimal target);

// `condition` and `target_price` as they are shown: of one rule with above, below, crosses_up or crosses_down and one
// number, moved by its `by`; of an age in seconds.
std::optional<std::pair<Condition, Decimal>> shown_target(const Terms& terms);

// The windows of `over` and the bars of `close`.
inline constexpr std::pair<std::string_view, Duration> windows[] = {
    {"1m", std::chrono::minutes{1}},   {"5m", std::chrono::minutes{5}},    {"15m", std::chrono::minutes{15}},
    {"30m", std::chrono::minutes{30}}, {"1h", std::chrono::hours{1}},      {"2h", std::chrono::hours{2}},
    {"4h", std::chrono::hours{4}},     {"6h", std::chrono::hours{6}},      {"12h", std::chrono::hours{12}},
    {"24h", std::chrono::hours{24}},   {"7d", std::chrono::hours{7 * 24}},
};
std::string_view window_name(Duration window);

// "5%", "-500".
std::string to_text(const Change& change);

}  // namespace pricewire::rule
