#pragma once

#include "rule/json.hpp"
#include "rule/parse.hpp"

namespace pricewire::rule::detail {

// Null where a member is missing or null.
struct TermsJson {
    const Json* when = nullptr;
    const Json* watch = nullptr;
    const Json* hold = nullptr;
    const Json* repeat = nullptr;
};
// `ticker`: that of rules that name none; empty: each must name one.
Checked<Terms> read_terms(const TermsJson& json, const Ticker& ticker, const NamedTicker& named);

}  // namespace pricewire::rule::detail
