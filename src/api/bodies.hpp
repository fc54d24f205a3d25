#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "api/responses.hpp"
#include "domain/alert.hpp"
#include "net/webhook_url.hpp"

namespace pricewire::api {

template <typename T>
using Parsed = std::expected<T, std::vector<Issue>>;

struct RegisterBody {
    std::string email;
};

struct AlertBody {
    Ticker ticker;
    Decimal target;  // > 0, at most max_target_price
    Condition condition = Condition::gt;
    std::string webhook_url;  // its text was judged, its addresses were not
};

// Far above any price and far inside what Decimal holds, so that no sum or band of targets can overflow.
constexpr std::int64_t max_target_price = 1'000'000'000'000'000;

// Both read {…} bodies and report everything that is wrong at once. Fields that are not asked for are
// ignored.
Parsed<RegisterBody> parse_register_body(std::string_view body);
// A ticker in lower case is taken for the one in upper case; a price may be a number or a string of its
// digits.
Parsed<AlertBody> parse_alert_body(std::string_view body, const std::vector<Ticker>& tickers,
                                   const net::UrlPolicy& policy);

// "btc" as "BTC"; other characters stay.
std::string upper_case(std::string_view text);

}  // namespace pricewire::api
