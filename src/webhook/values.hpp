#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "base/uuid.hpp"
#include "domain/alert.hpp"
#include "domain/delivery.hpp"
#include "rule/evidence.hpp"

namespace pricewire::webhook {

// Characters of `rule`; what is beyond is cut.
constexpr std::size_t max_rule_words = 500;

// The values of placeholders and of Pricewire's own body, for an alert of any kind.
struct TemplateValues {
    Ticker ticker;
    std::optional<Decimal> price;  // at which the alert fired; unset if there was none
    // The level that was passed; unset for an expiry if the alert's level is not one number.
    std::optional<Decimal> target;
    Condition condition = Condition::gt;
    Timestamp time;  // of the firing
    Uuid alert_id;
    std::string note;
    std::optional<LateFiring> late = std::nullopt;

    // For an alert in the plain form, what they would be if it had terms.
    std::string rule = {};    // in words
    std::int64_t firing = 1;  // its number; for an expiry and a test the firings so far
    // Whose price it is, where the rules are about several tickers; unset if it is not known which rule fired.
    bool has_several_tickers = false;
    std::optional<Ticker> price_ticker = {};
    std::string change = {};  // of the price since the anchor, "5.2%"; empty if there is no anchor
    std::optional<Decimal> anchor_price = {};
    std::optional<Timestamp> anchor_time = {};
    std::int64_t left_out = 0;
    std::int64_t blind_seconds = 0;
};

// Why an alert with terms fired; nullopt if that is not known, or was written by a newer version in a form that this one
// cannot read. The webhook is sent without it then.
std::optional<rule::Evidence> evidence_of(const ClaimedDelivery& delivery);

// Its alert has fired: triggered_at is set, and triggered_price if there was a price.
TemplateValues template_values(const ClaimedDelivery& delivery,
                               const std::optional<rule::Evidence>& evidence);

}  // namespace pricewire::webhook
