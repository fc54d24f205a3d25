#include "deliver/request.hpp"

#include <gtest/gtest.h>

#include "fakes/fake_http_client.hpp"
#include "fakes/fake_secret_box.hpp"
#include "webhook/signature.hpp"

namespace pricewire::deliver {
namespace {

const Timestamp now = from_micros(1'700'000'000'500'000);

ClaimedDelivery delivery_of(const Uuid& user) {
    ClaimedDelivery d;
    d.id = make_uuid(now);
    d.alert.user_id = user;
    d.alert.webhook_url = "https://example.com/hook";
    d.alert.triggered_at = now;
    d.alert.triggered_price = Decimal::from_int(5);
    return d;
}

TEST(WebhookRequest, IsSignedWithTheUsersOwnSecret) {
    const fakes::FakeSecretBox box;
    const std::string secret = webhook::make_webhook_secret(SignatureScheme::v1).secret;
    ClaimedDelivery d = delivery_of(make_uuid(now));
    d.secrets.current = box.seal(secret, d.alert.user_id.to_string());
    const auto request = webhook_request(d, box, now, "Pricewire/1");
    ASSERT_TRUE(request) << request.error().message;
    EXPECT_EQ(fakes::header(*request, "webhook-timestamp"), "1700000000");
    EXPECT_EQ(fakes::header(*request, "webhook-signature"),
              webhook::sign_webhook(secret, d.id.to_string(), 1'700'000'000, request->body));
}

TEST(WebhookRequest, IsSignedWithBothSecretsDuringARotation) {
    const fakes::FakeSecretBox box;
    ClaimedDelivery d = delivery_of(make_uuid(now));
    const std::string user = d.alert.user_id.to_string();
    const std::string fresh = webhook::make_webhook_secret(SignatureScheme::v1a).secret;
    const std::string old = webhook::make_webhook_secret(SignatureScheme::v1).secret;
    d.secrets = {box.seal(fresh, user), box.seal(old, user), now + std::chrono::hours{24}};
    const auto request = webhook_request(d, box, now, "Pricewire/1");
    ASSERT_TRUE(request) << request.error().message;
    const std::string id = d.id.to_string();
    EXPECT_EQ(fakes::header(*request, "webhook-signature"),
              webhook::sign_webhook(fresh, id, 1'700'000'000, request->body).value() + " " +
                  webhook::sign_webhook(old, id, 1'700'000'000, request->body).value());
}

TEST(WebhookRequest, ATestEventIsMarkedInAHeader) {
    const fakes::FakeSecretBox box;
    ClaimedDelivery d = delivery_of(make_uuid(now));
    d.secrets.current =
        box.seal(webhook::make_webhook_secret(SignatureScheme::v1).secret, d.alert.user_id.to_string());
    EXPECT_EQ(fakes::header(*webhook_request(d, box, now, "Pricewire/1"), "pricewire-test"), "");
    d.kind = DeliveryKind::test;
    EXPECT_EQ(fakes::header(*webhook_request(d, box, now, "Pricewire/1"), "pricewire-test"), "true");
}

TEST(WebhookRequest, SaysInAHeaderWhatItTellsOfUnlessThatIsAFiring) {
    const fakes::FakeSecretBox box;
    ClaimedDelivery d = delivery_of(make_uuid(now));
    d.secrets.current =
        box.seal(webhook::make_webhook_secret(SignatureScheme::v1).secret, d.alert.user_id.to_string());
    const auto headers = [&](DeliveryKind kind) {
        d.kind = kind;
        std::string names;
        for (const auto& [name, value] : webhook_request(d, box, now, "Pricewire/1")->headers) {
            names += name + (name.starts_with("pricewire-") ? "=" + value + " " : " ");
        }
        return names;
    };
    const std::string of_all =
        "content-type user-agent webhook-id webhook-timestamp webhook-signature traceparent ";
    EXPECT_EQ(headers(DeliveryKind::alert), of_all);
    EXPECT_EQ(headers(DeliveryKind::test), of_all + "pricewire-test=true ");
    EXPECT_EQ(headers(DeliveryKind::expired), of_all + "pricewire-event=expired ");
}

TEST(WebhookRequest, BelongsToItsAlertsTraceWithANewParentForEachAttempt) {
    const fakes::FakeSecretBox box;
    ClaimedDelivery d = delivery_of(make_uuid(now));
    d.secrets.current =
        box.seal(webhook::make_webhook_secret(SignatureScheme::v1).secret, d.alert.user_id.to_string());
    d.alert.trace = TraceContext{"4bf92f3577b34da6a3ce929d0e0e4736", true, "rojo=00f067aa0ba902b7"};
    const auto first = webhook_request(d, box, now, "Pricewire/1");
    d.attempt = 2;
    const auto second = webhook_request(d, box, now, "Pricewire/1");
    EXPECT_EQ(parse_trace_context(fakes::header(*first, "traceparent"), fakes::header(*first, "tracestate")),
              d.alert.trace);
    EXPECT_EQ(
        parse_trace_context(fakes::header(*second, "traceparent"), fakes::header(*second, "tracestate")),
        d.alert.trace);
    EXPECT_NE(fakes::header(*first, "traceparent"), fakes::header(*second, "traceparent"));
    EXPECT_NE(kept_headers(first->headers).find(fakes::header(*first, "traceparent")), std::string::npos);

    d.alert.trace->sampled = false;
    const auto sampled = [&](int traced_percent) {
        const auto request = webhook_request(d, box, now, "Pricewire/1", traced_percent);
        return parse_trace_context(fakes::header(*request, "traceparent"), "")->sampled;
    };
    EXPECT_FALSE(sampled(0));
    EXPECT_TRUE(sampled(100)) << "the attempt is recorded as a span";

    d.alert.trace.reset();
    const auto old = webhook_request(d, box, now, "Pricewire/1");
    const auto again = webhook_request(d, box, now, "Pricewire/1");
    const auto trace = parse_trace_context(fakes::header(*old, "traceparent"), "");
    ASSERT_TRUE(trace) << fakes::header(*old, "traceparent");
    EXPECT_EQ(trace, parse_trace_context(fakes::header(*again, "traceparent"), ""))
        << "the same on every attempt";
    EXPECT_EQ(fakes::header(*old, "tracestate"), "");
}

TEST(WebhookRequest, ASecretOfAnotherUserIsRefused) {
    const fakes::FakeSecretBox box;
    ClaimedDelivery d = delivery_of(make_uuid(now));
    d.secrets.current =
        box.seal(webhook::make_webhook_secret(SignatureScheme::v1).secret, make_uuid(now).to_string());
    const auto request = webhook_request(d, box, now, "Pricewire/1");
    ASSERT_FALSE(request);
    EXPECT_EQ(request.error().message, "sealed for another user");
}

TEST(WebhookRequest, HeadersAreStoredWithoutTheirSignatures) {
    EXPECT_EQ(
        kept_headers({{"content-type", "application/json"},
                      {"user-agent", "Pricewire/\"1\""},
                      {"webhook-signature", "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="}}),
        R"({"content-type":"application/json","user-agent":"Pricewire/\"1\"","webhook-signature":"v1,…"})");
    EXPECT_EQ(kept_headers({{"webhook-signature", "v1,abc= v1a,def= v1,ghi="}}),
              R"({"webhook-signature":"v1,… v1a,… v1,…"})");
    EXPECT_EQ(kept_headers({}), "{}");
}

TEST(WebhookRequest, OnlyTheHostOfAUrlIsShown) {
    EXPECT_EQ(host_in("https://example.com/hook?token=1"), "example.com");
    EXPECT_EQ(host_in("https://me:password@example.com:8443/a"), "example.com:8443");
    EXPECT_EQ(host_in("https://example.com?a=https://other.com/"), "example.com");
    EXPECT_EQ(host_in("http://[::1]/x"), "[::1]");
    EXPECT_EQ(host_in("nonsense"), "nonsense");
    EXPECT_EQ(host_in(std::string(4000, 'a')).size(), 255U);
}

}  // namespace
}  // namespace pricewire::deliver
