#include "webhook/values.hpp"

#include <algorithm>

#include "base/utf8.hpp"
#include "rule/canonical.hpp"
#include "rule/levels.hpp"
#include "rule/words.hpp"

namespace pricewire::webhook {
namespace {

// The rule that is shown: in `any` the one that fired.
const Rule& shown_rule(const Terms& terms, const std::optional<rule::Evidence>& evidence) {
    const std::size_t i = evidence ? evidence->shown : 0;
    return terms.rules.at(i < terms.rules.size() ? i : 0);
}

// A test for which there was no price has zero.
std::optional<Decimal> known_price(const ClaimedDelivery& delivery) {
    const auto& price = delivery.alert.triggered_price;
    const bool is_unknown = delivery.kind == DeliveryKind::test && price && !price->is_positive();
    return is_unknown ? std::nullopt : price;
}

// An age is not a price: the last price is given instead.
std::optional<Decimal> price_of(const ClaimedDelivery& delivery, const Rule& shown,
                                const std::optional<rule::Evidence>& evidence) {
    if (shown.watched == Watched::age && delivery.kind == DeliveryKind::alert)
        return evidence ? evidence->last_price : std::nullopt;
    return known_price(delivery);
}

// A test passes no level: it has the rule's own, of a channel the nearer one or, if that moves, the price itself.
std::optional<Decimal> level_of_test(const Rule& shown, const std::optional<Decimal>& price) {
    const auto number = [](const Level& level) {
        return level.from == Anchor::number ? rule::shifted(level.number, level.by) : std::nullopt;
    };
    const auto lower = number(shown.level);
    if (!shown.upper) return lower ? lower : price;
    const auto upper = number(*shown.upper);
    if (!lower || !upper) return lower ? lower : upper ? upper : price;
    return price && *price - *lower > *upper - *price ? upper : lower;
}

std::optional<Decimal> level_of(const ClaimedDelivery& delivery, const Rule& shown) {
    const DeliveredFiring& firing = *delivery.firing;
    if (delivery.kind == DeliveryKind::alert || firing.level.is_positive()) return firing.level;
    return delivery.kind == DeliveryKind::test ? level_of_test(shown, known_price(delivery)) : std::nullopt;
}

void set_anchor(TemplateValues& out, const ClaimedDelivery& delivery, const rule::Evidence& evidence) {
    const rule::LevelSeen* const passed = rule::passed_level(evidence, delivery.firing->level);
    if (passed == nullptr || !passed->anchor) return;
    out.anchor_price = passed->anchor->price;
    out.anchor_time = passed->anchor->time;
    const std::optional<Decimal>& value = delivery.alert.triggered_price;
    if (value && passed->anchor->price.is_positive())
        out.change = rule::change_text(passed->anchor->price, *value);
}

// As a firing at which nothing has moved, so that a test has a value for each placeholder that a firing has.
void set_anchor_of_test(TemplateValues& out, const Rule& shown) {
    if ((shown.level.from == Anchor::number && !shown.level.by) || !out.price) return;
    out.anchor_price = out.price;
    out.anchor_time = out.time;
    out.change = "0%";
}

}  // namespace

std::optional<rule::Evidence> evidence_of(const ClaimedDelivery& delivery) {
    if (!delivery.firing || delivery.firing->evidence.empty()) return std::nullopt;
    return rule::parse_evidence(delivery.firing->evidence);
}

TemplateValues template_values(const ClaimedDelivery& delivery,
                               const std::optional<rule::Evidence>& evidence) {
    const Alert& alert = delivery.alert;
    const Terms terms = delivery.firing ? *delivery.firing->terms
                                        : rule::plain_terms(alert.ticker, alert.condition, alert.target);
    TemplateValues out{.ticker = alert.ticker,
                       .price = known_price(delivery),
                       .target = alert.target,
                       .condition = alert.condition,
                       .time = alert.triggered_at.value_or(Timestamp()),
                       .alert_id = alert.id,
                       .note = alert.note,
                       .late = alert.late,
                       .rule = std::string(first_code_points(rule::rule_words(terms), max_rule_words))};
    if (!delivery.firing) return out;
    const Rule& shown = shown_rule(terms, evidence);
    out.has_several_tickers = std::ranges::any_of(
        terms.rules, [&](const Rule& rule) { return rule.ticker != terms.rules.front().ticker; });
    const bool is_known = evidence || terms.joined != Joined::any || delivery.kind == DeliveryKind::test;
    if (is_known) out.price_ticker = shown.ticker;
    out.price = price_of(delivery, shown, evidence);
    out.target = level_of(delivery, shown);
    out.condition = delivery.firing->condition;
    out.firing = delivery.firing->number;
    if (delivery.kind == DeliveryKind::test) set_anchor_of_test(out, shown);
    if (!evidence) return out;
    if (delivery.kind == DeliveryKind::alert) set_anchor(out, delivery, *evidence);
    out.left_out = evidence->left_out;
    out.blind_seconds = rule::blind_seconds(evidence->blind);
    return out;
}

}  // namespace pricewire::webhook
