#include "webhook/payload.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace pricewire::webhook {
namespace {

Alert fired_alert() {
    return {.id = *Uuid::parse("018f3f6e-7c1a-7a3b-8f00-0123456789ab"),
            .ticker = "BTC",
            .target = Decimal::from_int(70'000),
            .condition = Condition::gt,
            .webhook_url = "https://example.com/hook?token=secret",
            .is_active = false,
            .created_at = *parse_rfc3339("2025-01-01T00:00:00Z"),
            .triggered_at = *parse_rfc3339("2025-01-02T03:04:05.678Z"),
            .triggered_price = *Decimal::parse("70100.5")};
}

std::string payload_of(const Alert& alert, DeliveryKind kind = DeliveryKind::alert) {
    return webhook_body({.kind = kind, .alert = alert}).text;
}
std::string message_of(const Alert& alert) {
    return std::string(boost::json::parse(payload_of(alert)).at("message").as_string());
}

TEST(Payload, IsTheDocumentedBody) {
    EXPECT_EQ(
        payload_of(fired_alert()),
        R"({"alert_id":"018f3f6e-7c1a-7a3b-8f00-0123456789ab","ticker":"BTC","triggered_price":70100.5,)"
        R"("target_price":70000,"condition":"gt","triggered_at":"2025-01-02T03:04:05.678Z",)"
        R"("created_at":"2025-01-01T00:00:00Z","message":"BTC rose above 70000: 70100.5"})");
}

TEST(Payload, IsTheSameEveryTime) {
    EXPECT_EQ(payload_of(fired_alert()), payload_of(fired_alert()));
}

TEST(Payload, KeepsEveryDigit) {
    Alert a = fired_alert();
    a.ticker = "DOGE";
    a.condition = Condition::lt;
    a.target = *Decimal::parse("0.000000000000000003");
    a.triggered_price = *Decimal::parse("0.000000000000000001");
    const std::string body = payload_of(a);
    EXPECT_NE(body.find(R"("triggered_price":0.000000000000000001,"target_price":0.000000000000000003)"),
              std::string::npos)
        << body;
    EXPECT_EQ(message_of(a), "DOGE fell below 0.000000000000000003: 0.000000000000000001");
}

ClaimedDelivery delivery(PayloadFormat format, DeliveryKind kind = DeliveryKind::alert) {
    ClaimedDelivery d{
        .id = *Uuid::parse("018f3f6e-7c1a-7a3b-8f00-0123456789ac"), .kind = kind, .alert = fired_alert()};
    d.alert.format = format;
    d.alert.note = "take profit";
    if (format == PayloadFormat::telegram)
        d.alert.webhook_url = "https://api.telegram.org/bot1:a/sendMessage?chat_id=7";
    return d;
}

TEST(Payload, CarriesTheNoteIfThereIsOne) {
    Alert a = fired_alert();
    a.note = "sell \"half\"\nnow €";
    EXPECT_TRUE(payload_of(a).ends_with(
        R"("message":"BTC rose above 70000: 70100.5","note":"sell \"half\"\nnow €"})"))
        << payload_of(a);
}

TEST(Payload, SaysOfALateFiringWhenItHappenedAndWhoTellsIt) {
    Alert a = fired_alert();
    const Timestamp minute = *parse_rfc3339("2025-01-02T01:02:00Z");
    a.late = LateFiring{minute, minute + std::chrono::minutes{1}, {"binance", "kraken"}};
    EXPECT_EQ(
        payload_of(a),
        R"({"alert_id":"018f3f6e-7c1a-7a3b-8f00-0123456789ab","ticker":"BTC","triggered_price":70100.5,)"
        R"("target_price":70000,"condition":"gt","triggered_at":"2025-01-02T03:04:05.678Z",)"
        R"("created_at":"2025-01-01T00:00:00Z","message":"BTC rose above 70000: 70100.5 )"
        R"x((late: happened between 2025-01-02T01:02:00Z and 2025-01-02T01:03:00Z)",)x"
        R"("late":true,"occurred_between":["2025-01-02T01:02:00Z","2025-01-02T01:03:00Z"],)"
        R"("sources":["binance","kraken"]})");
    a.late->from = a.late->to = minute + std::chrono::milliseconds{7250};
    EXPECT_TRUE(payload_of(a).ends_with(
        R"("late":true,"occurred_at":"2025-01-02T01:02:07.25Z","sources":["binance","kraken"]})"))
        << payload_of(a);
    EXPECT_EQ(message_of(a), "BTC rose above 70000: 70100.5 (late: happened at 2025-01-02T01:02:07.25Z)");
}

TEST(WebhookBody, ChatsSayThatAFiringIsLate) {
    ClaimedDelivery d{.alert = fired_alert()};
    d.alert.format = PayloadFormat::slack;
    const Timestamp minute = *parse_rfc3339("2025-01-02T01:02:00Z");
    d.alert.late = LateFiring{minute, minute, {"okx"}};
    EXPECT_EQ(webhook_body(d).text,
              R"({"text":"BTC rose above 70000: 70100.5 (late: happened at 2025-01-02T01:02:00Z)\n)"
              R"(2025-01-02T03:04:05.678Z"})");
}

TEST(Payload, MarksATestEvent) {
    const std::string body = payload_of(fired_alert(), DeliveryKind::test);
    EXPECT_TRUE(body.ends_with(R"("message":"Test: BTC rose above 70000: 70100.5","test":true})")) << body;
}

TEST(WebhookBody, IsWrittenInTheAlertsFormat) {
    const WebhookBody own = webhook_body(delivery(PayloadFormat::json));
    EXPECT_EQ(own.text, payload_of(delivery(PayloadFormat::json).alert));
    EXPECT_EQ(own.content_type, "application/json");
    const std::string text = R"("BTC rose above 70000: 70100.5\ntake profit\n2025-01-02T03:04:05.678Z")";
    EXPECT_EQ(webhook_body(delivery(PayloadFormat::slack)).text, R"({"text":)" + text + "}");
    EXPECT_EQ(webhook_body(delivery(PayloadFormat::discord)).text,
              R"({"content":)" + text + R"(,"allowed_mentions":{"parse":[]}})");
    EXPECT_EQ(webhook_body(delivery(PayloadFormat::telegram)).text, R"({"chat_id":7,"text":)" + text + "}");
    for (const PayloadFormat chat : {PayloadFormat::slack, PayloadFormat::discord, PayloadFormat::telegram}) {
        EXPECT_EQ(webhook_body(delivery(chat)).content_type, "application/json");
    }
}

TEST(WebhookBody, UsesTheTemplatesTextAndType) {
    ClaimedDelivery d = delivery(PayloadFormat::custom);
    d.alert.custom = WebhookTemplate{"<p>{{ticker}} {{note}}</p>", "text/html; charset=utf-8"};
    d.alert.note = "a<b";
    const WebhookBody body = webhook_body(d);
    EXPECT_EQ(body.text, "<p>BTC a&lt;b</p>");
    EXPECT_EQ(body.content_type, "text/html; charset=utf-8");
    EXPECT_FALSE(body.test);
    d.alert.custom.reset();
    EXPECT_EQ(webhook_body(d).text, payload_of(d.alert)) << "better than nothing";
    EXPECT_EQ(webhook_body(d).content_type, "application/json");
}

TEST(WebhookBody, MarksATestEvent) {
    for (const PayloadFormat format :
         {PayloadFormat::json, PayloadFormat::slack, PayloadFormat::discord, PayloadFormat::telegram}) {
        const WebhookBody body = webhook_body(delivery(format, DeliveryKind::test));
        EXPECT_TRUE(body.test);
        EXPECT_NE(body.text.find("\"Test: BTC rose above"), body.text.npos) << body.text;
        EXPECT_FALSE(webhook_body(delivery(format)).test);
        EXPECT_EQ(webhook_body(delivery(format)).text.find("Test"), body.text.npos);
    }
    ClaimedDelivery d = delivery(PayloadFormat::custom, DeliveryKind::test);
    d.alert.custom = WebhookTemplate{"{{ticker}}", "text/plain"};
    EXPECT_EQ(webhook_body(d).text, "BTC");
    EXPECT_TRUE(webhook_body(d).test);
}

TEST(WebhookBody, IsTheSameOnEveryAttempt) {
    for (const PayloadFormat format :
         {PayloadFormat::json, PayloadFormat::slack, PayloadFormat::discord, PayloadFormat::telegram}) {
        ClaimedDelivery d = delivery(format);
        const std::string first = webhook_body(d).text;
        d.attempt = 4;
        d.round = 2;
        EXPECT_EQ(webhook_body(d).text, first);
    }
}

TEST(CheckFormat, TelegramNeedsAChat) {
    EXPECT_TRUE(check_format(PayloadFormat::telegram, delivery(PayloadFormat::telegram).alert.webhook_url));
    for (const char* query : {"", "?chat_id=", "?chat_id=me", "?text=x"}) {
        const std::string url = std::string("https://api.telegram.org/bot1:secret/sendMessage") + query;
        const auto checked = check_format(PayloadFormat::telegram, url);
        ASSERT_FALSE(checked) << query;
        EXPECT_TRUE(checked.error().message.starts_with("format telegram needs the chat in the URL"));
        EXPECT_EQ(checked.error().message.find("secret"), std::string::npos);
        for (const PayloadFormat other :
             {PayloadFormat::json, PayloadFormat::slack, PayloadFormat::discord, PayloadFormat::custom}) {
            EXPECT_TRUE(check_format(other, url));
        }
    }
}

}  // namespace
}  // namespace pricewire::webhook
