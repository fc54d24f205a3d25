#include "deliver/payload.hpp"

#include <gtest/gtest.h>

namespace pricewire {
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

TEST(Payload, IsTheDocumentedBody) {
    EXPECT_EQ(
        webhook_payload(fired_alert()),
        R"({"alert_id":"018f3f6e-7c1a-7a3b-8f00-0123456789ab","ticker":"BTC","triggered_price":70100.5,)"
        R"("target_price":70000,"condition":"gt","triggered_at":"2025-01-02T03:04:05.678Z",)"
        R"("created_at":"2025-01-01T00:00:00Z","message":"BTC rose above 70000: 70100.5"})");
}

TEST(Payload, IsTheSameEveryTime) {
    EXPECT_EQ(webhook_payload(fired_alert()), webhook_payload(fired_alert()));
}

TEST(Payload, KeepsEveryDigit) {
    Alert a = fired_alert();
    a.ticker = "DOGE";
    a.condition = Condition::lt;
    a.target = *Decimal::parse("0.000000000000000003");
    a.triggered_price = *Decimal::parse("0.000000000000000001");
    const std::string body = webhook_payload(a);
    EXPECT_NE(body.find(R"("triggered_price":0.000000000000000001,"target_price":0.000000000000000003)"),
              std::string::npos)
        << body;
    EXPECT_EQ(webhook_message(a), "DOGE fell below 0.000000000000000003: 0.000000000000000001");
}

}  // namespace
}  // namespace pricewire
