#include "push/message.hpp"

#include <gtest/gtest.h>

#include <memory>

#include "base/utf8.hpp"
#include "rule/evidence.hpp"

namespace pricewire::push {
namespace {

using namespace std::chrono_literals;

ClaimedDelivery firing() {
    ClaimedDelivery d{.id = *Uuid::parse("018f3f6e-7c1a-7a3b-8f00-0123456789ac")};
    d.alert = {.id = *Uuid::parse("018f3f6e-7c1a-7a3b-8f00-0123456789ab"),
               .ticker = "BTC",
               .target = Decimal::from_int(70'000),
               .condition = Condition::gt,
               .created_at = *parse_rfc3339("2025-01-01T00:00:00Z"),
               .triggered_at = *parse_rfc3339("2025-01-02T03:04:05.678Z"),
               .triggered_price = *Decimal::parse("70100.5")};
    return d;
}

// The second firing of "BTC rises 5 % within 1h".
ClaimedDelivery rise() {
    const Rule rule{.ticker = "BTC",
                    .word = Word::above,
                    .level = {.from = Anchor::low, .over = 1h, .by = Change{*Decimal::parse("5"), true}}};
    ClaimedDelivery d = firing();
    d.alert.terms = std::make_shared<const Terms>(Terms{.rules = {rule}});
    d.firing = DeliveredFiring{.number = 2, .terms = d.alert.terms, .level = *Decimal::parse("68121.9")};
    return d;
}

// The text of a member of the message.
std::string member(const std::string& json, const std::string& name) {
    const std::string begin = '"' + name + "\":\"";
    const auto at = json.find(begin);
    if (at == json.npos) return {};
    return json.substr(at + begin.size(), json.find('"', at + begin.size()) - at - begin.size());
}
std::string title_in(const ClaimedDelivery& d) {
    return member(push_message(d), "title");
}
std::string body_in(const ClaimedDelivery& d) {
    return member(push_message(d), "body");
}
std::string tag_in(const ClaimedDelivery& d) {
    return member(push_message(d), "tag");
}

TEST(PushMessage, SaysWhatTheServiceWorkerShows) {
    EXPECT_EQ(
        push_message(firing()),
        R"({"title":"BTC above 70,000","body":"The price is 70,100.5.",)"
        R"("tag":"018f3f6e-7c1a-7a3b-8f00-0123456789ab 1",)"
        R"("url":"#/alerts?text=018f3f6e-7c1a-7a3b-8f00-0123456789ab","ticker":"BTC",)"
        R"("alert_id":"018f3f6e-7c1a-7a3b-8f00-0123456789ab",)"
        R"("delivery_id":"018f3f6e-7c1a-7a3b-8f00-0123456789ac","firing":1,"fired_at":"2025-01-02T03:04:05.678Z"})");
}

TEST(PushMessage, SaysTheRuleAndWhyItFired) {
    ClaimedDelivery d = rise();
    EXPECT_EQ(title_in(d), "BTC rises 5 % within 1h");
    EXPECT_EQ(body_in(d), "BTC rises 5 % within 1h: 70100.5") << "without evidence";
    rule::Evidence evidence{
        .rules = {{.is = Word::above,
                   .level = {.value = *Decimal::parse("68121.9"),
                             .anchor = rule::AnchorSeen{Anchor::low, 1h, *Decimal::parse("64878"),
                                                        *parse_rfc3339("2025-01-02T02:58:04Z")},
                             .by = Change{*Decimal::parse("5"), true}},
                   .value = *Decimal::parse("68250.5"),
                   .is_true = true}}};
    d.firing->evidence = rule::to_json(evidence);
    EXPECT_TRUE(body_in(d).starts_with("BTC rose 5.2 % within 1h: 68,250.5 is above 68,121.9")) << body_in(d);
    EXPECT_EQ(tag_in(d), "018f3f6e-7c1a-7a3b-8f00-0123456789ab 2");
}

TEST(PushMessage, HoldsTheUsersOwnWords) {
    ClaimedDelivery d = firing();
    d.alert.note = "Sell half.";
    EXPECT_EQ(body_in(d), "The price is 70,100.5. Sell half.");
    d.alert.message = "Go: {{price}}!";
    EXPECT_EQ(body_in(d), "Go: 70100.5! Sell half.");
}

TEST(PushMessage, SaysWhenALateFiringHappened) {
    ClaimedDelivery d = firing();
    const Timestamp minute = *parse_rfc3339("2025-01-02T01:02:00Z");
    d.alert.late = LateFiring{minute, minute + 1min, {"kraken"}};
    EXPECT_EQ(body_in(d), "The price was 70,100.5 between 2 Jan 01:02 and 2 Jan 01:03 UTC, unwatched.");
    EXPECT_NE(push_message(d).find(R"("late":true)"), std::string::npos);
    d.alert.late = LateFiring{minute, minute, {"kraken"}};
    EXPECT_EQ(body_in(d), "The price was 70,100.5 at 2 Jan 01:02 UTC, unwatched.");
}

TEST(PushMessage, OfATestOrAnExpiryReplacesNoFiring) {
    ClaimedDelivery d = firing();
    d.kind = DeliveryKind::test;
    EXPECT_EQ(title_in(d), "Test: BTC above 70,000");
    EXPECT_EQ(tag_in(d), d.id.to_string());
    EXPECT_NE(push_message(d).find(R"("test":true)"), std::string::npos);
    d = rise();
    d.kind = DeliveryKind::expired;
    d.firing->number = 0;
    EXPECT_EQ(body_in(d), "Expired: BTC rises 5 % within 1h. It has not fired.");
    EXPECT_EQ(tag_in(d), d.alert.id.to_string() + " expired");
    EXPECT_NE(push_message(d).find(R"("expired":true)"), std::string::npos);
}

TEST(PushMessage, FitsHoweverLongItsTexts) {
    ClaimedDelivery d = firing();
    for (const char* text : {"x", "\xf0\x9f\x9a\x80", "\x01", "\""}) {
        d.alert.message.clear();
        for (int i = 0; i < 1000; ++i) d.alert.message += text;
        const std::string message = push_message(d);
        EXPECT_LE(message.size(), max_message);
        EXPECT_GT(message.size(), 1000U) << "it is not cut more than it must be";
        EXPECT_TRUE(is_utf8(message));
        EXPECT_TRUE(message.ends_with(R"("fired_at":"2025-01-02T03:04:05.678Z"})"));
    }
}

}  // namespace
}  // namespace pricewire::push
