#include "domain/market.hpp"

#include <algorithm>

namespace pricewire::inline domain {

bool is_ticker(std::string_view text) {
    return !text.empty() && text.size() <= Ticker::max_size &&
           std::all_of(text.begin(), text.end(),
                       [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); });
}

std::string_view to_string(Verdict v) {
    switch (v) {
        case Verdict::counted:
            return "counted";
        case Verdict::check_only:
            return "check_only";
        case Verdict::stale:
            return "stale";
        case Verdict::disputed:
            return "disputed";
        case Verdict::outlier:
            return "outlier";
        case Verdict::unconfirmed:
            return "unconfirmed";
    }
    return "unknown";
}

std::string_view to_string(SourceCondition c) {
    switch (c) {
        case SourceCondition::ok:
            return "ok";
        case SourceCondition::degraded:
            return "degraded";
        case SourceCondition::down:
            return "down";
    }
    return "unknown";
}

}  // namespace pricewire::inline domain
