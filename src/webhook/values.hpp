#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
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

// What a delivery tells, of an alert of any kind: the values of placeholders and of Pricewire's own body.
struct TemplateValues {
    Ticker ticker;
    std::optional<Decimal> price;  // at which the alert fired; unset if there was none
    std::optional<Decimal>
        target;  // the level that was passed; unset of an expiry if the alert has no one number
    Condition condition = Condition::gt;
    Timestamp time;  // of the firing
    Uuid alert_id;
    std::string note;
    std::optional<LateFiring> late = std::nullopt;

    // Of an alert in the plain form as if it had terms.
    std::string rule = {};    // in words
    std::int64_t firing = 1;  // its number; of an expiry and of a test the firings so far
    std::string change = {};  // of the price since the anchor, "5.2%"; empty if there is no anchor
    std::optional<Decimal> anchor_price = {};
    std::optional<Timestamp> anchor_time = {};
    std::int64_t left_out = 0;
    std::int64_t blind_seconds = 0;
};

// What is known of why an alert with terms fired; nullopt if nothing is, or if a newer version wrote it in words of its
// own: what it would explain is left open then, since the firing itself must be told.
std::optional<rule::Evidence> evidence_of(const ClaimedDelivery& delivery);

// Of a delivery and its evidence. Its alert has fired: triggered_at is set, and triggered_price if there was a price.
TemplateValues template_values(const ClaimedDelivery& delivery,
                               const std::optional<rule::Evidence>& evidence);

}  // namespace pricewire::webhook
