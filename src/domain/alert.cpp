#include "domain/alert.hpp"

namespace pricewire::inline domain {

std::string_view to_string(Condition c) {
    return c == Condition::gt ? "gt" : "lt";
}

std::optional<Condition> parse_condition(std::string_view text) {
    if (text == "gt") return Condition::gt;
    if (text == "lt") return Condition::lt;
    return std::nullopt;
}

std::string_view to_string(PayloadFormat f) {
    switch (f) {
        case PayloadFormat::json:
            return "json";
        case PayloadFormat::slack:
            return "slack";
        case PayloadFormat::discord:
            return "discord";
        case PayloadFormat::telegram:
            return "telegram";
        case PayloadFormat::custom:
            return "template";
    }
    return "unknown";
}

std::optional<PayloadFormat> parse_payload_format(std::string_view text) {
    for (const PayloadFormat f : {PayloadFormat::json, PayloadFormat::slack, PayloadFormat::discord,
                                  PayloadFormat::telegram, PayloadFormat::custom}) {
        if (to_string(f) == text) return f;
    }
    return std::nullopt;
}

}  // namespace pricewire::inline domain
