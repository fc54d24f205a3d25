#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "rule/parse.hpp"

// For tests of this room.
namespace pricewire::rule {

// What a request's members say, of any tickers; throws if they are refused.
inline Terms terms_of(std::string_view when, std::string_view hold = "null", std::string_view repeat = "null",
                      const char* ticker = "BTC") {
    RuleInput input;
    input.ticker = Ticker(ticker);
    input.when = when;
    input.hold = hold;
    input.repeat = repeat;
    const auto any = [](std::string_view text) -> std::expected<Ticker, std::string> { return Ticker(text); };
    return parse_terms(input, any).value();
}

}  // namespace pricewire::rule
