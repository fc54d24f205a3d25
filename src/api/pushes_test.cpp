// The routes of devices, and how deliveries to them are shown.
#include "api/delivery_fixture.hpp"

namespace pricewire::api {
namespace {

constexpr const char* p256dh =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
constexpr const char* auth = "BTBZMqHH6r4Tts7J_aSIgg";

class PushesTest : public DeliveryFixture {
protected:
    static std::string body(const std::string& path, const std::string& label = "Phone") {
        return R"({"endpoint":"https://push.example.com)" + path +
               R"(","expirationTime":null,"keys":{"p256dh":")" + p256dh + R"(","auth":")" + auth +
               R"("},"label":")" + label + "\"}";
    }
    Answer post(const Account& account, const std::string& text, const std::string& key = {}) {
        net::Headers headers{{"x-api-key", account.api_key}};
        if (!key.empty()) headers.emplace_back("idempotency-key", key);
        return call("POST", "/api/v1/push/subscriptions", text, headers);
    }
    std::string add(const Account& account, const std::string& path = "/send/1") {
        const Answer answer = post(account, body(path));
        EXPECT_EQ(answer.status, 201) << answer.body;
        return member(answer.body, "id");
    }
    Answer list(const Account& account) { return call_as(account, "GET", "/api/v1/push"); }
    Answer remove(const Account& account, const std::string& id) {
        return call_as(account, "DELETE", "/api/v1/push/subscriptions/" + id);
    }
    Answer test(const Account& account, const std::string& id) {
        return call_as(account, "POST", "/api/v1/push/subscriptions/" + id + "/test");
    }
    // The push of a new firing.
    std::string pushed() {
        const std::string alert = create(ann_, std::to_string(++target_));
        const FiringGroup group{{"BTC", Decimal::from_int(70'001), clock_.now(), 1},
                                clock_.now(),
                                {{*Uuid::parse(alert), make_uuid(clock_.now())}}};
        const auto tasks = storage_.fire({&group, 1});
        EXPECT_EQ(tasks.size(), 2U);
        return tasks.at(1).delivery_id.to_string();
    }
    Answer shown(const std::string& id) { return call_as(ann_, "GET", "/api/v1/deliveries/" + id); }

    int target_ = 70'000;
};

TEST_F(PushesTest, ADeviceIsAddedShownAndRemoved) {
    EXPECT_EQ(list(ann_).body, R"({"public_key":"public key","subscriptions":[]})");
    const Answer added = post(ann_, body("/send/secret", " My phone "));
    EXPECT_EQ(added.status, 201) << added.body;
    EXPECT_EQ(added.header("Location"), "");
    const std::string id = member(added.body, "id");
    EXPECT_EQ(added.body,
              R"({"id":")" + id +
                  R"(","label":"My phone","host":"push.example.com",)"
                  R"("created_at":"2023-11-14T22:13:20Z","last_success_at":null,"last_failure":null})");
    EXPECT_EQ(list(ann_).body, R"({"public_key":"public key","subscriptions":[)" + added.body + "]}");
    EXPECT_TRUE(list(bob_).has(R"("subscriptions":[])"));
    const PushSubscription stored = storage_.pushes(*Uuid::parse(ann_.id)).at(0);
    EXPECT_EQ(stored.endpoint, "https://push.example.com/send/secret");
    EXPECT_EQ(secrets_.open(stored.keys, ann_.id).value(), std::string(p256dh) + " " + auth);
    expect_error(remove(bob_, id), 404, "Device not found");
    EXPECT_EQ(remove(ann_, id).status, 204);
    expect_error(remove(ann_, id), 404, "Device not found");
    expect_error(remove(ann_, "no-id"), 404, "Device not found");
}

TEST_F(PushesTest, TheSameEndpointIsTheSameDevice) {
    const std::string id = add(ann_);
    const Answer again = post(ann_, body("/send/1", "Tablet"));
    EXPECT_EQ(again.status, 200);
    EXPECT_EQ(member(again.body, "id"), id);
    EXPECT_EQ(member(again.body, "label"), "Tablet");
    EXPECT_NE(add(bob_), id) << "who uses the browser now";
    EXPECT_TRUE(list(ann_).has(R"("subscriptions":[])"));
}

TEST_F(PushesTest, WhatABrowserWouldNotSendIsRefused) {
    const std::string keys = std::string(R"("keys":{"p256dh":")") + p256dh + R"(","auth":")" + auth + "\"}";
    const std::string endpoint = R"("endpoint":"https://push.example.com/1")";
    expect_invalid(post(ann_, "{" + keys + "}"), R"("body","endpoint")", "missing");
    expect_invalid(post(ann_, "{" + endpoint + "}"), R"("body","keys")", "missing");
    expect_invalid(post(ann_, "{" + endpoint + R"(,"keys":[]})"), R"("body","keys")", "dict_type");
    expect_invalid(post(ann_, "{" + endpoint + R"(,"keys":{"auth":"x"}})"), R"("body","keys","p256dh")",
                   "missing");
    expect_invalid(post(ann_, "{" + endpoint + R"(,"keys":{"p256dh":"AAAA","auth":"AAAA"}})"),
                   R"("body","keys")", "value_error");
    expect_invalid(post(ann_, R"({"endpoint":"http://push.example.com/1",)" + keys + "}"),
                   R"("body","endpoint")", "value_error");
    expect_invalid(post(ann_, R"({"endpoint":"https://127.0.0.1/1",)" + keys + "}"), R"("body","endpoint")",
                   "value_error");
    expect_invalid(post(ann_, body("/1", std::string(101, 'x'))), R"("body","label")", "too_long");
    expect_invalid(post(ann_, body("/1", "a\\u0007b")), R"("body","label")", "value_error");
    EXPECT_EQ(post(ann_, "{" + endpoint + "," + keys + "}").status, 201) << "a name is not needed";
}

TEST_F(PushesTest, AnEndpointWhoseHostIsNotAllowedIsRefused) {
    vet_ = [](std::string_view) -> Result<net::WebhookUrl> { return fail("it is private"); };
    api_ = nullptr;
    expect_invalid(post(ann_, body("/1")), R"("body","endpoint")", "value_error");
}

TEST_F(PushesTest, AUserHasTwentyDevices) {
    for (std::size_t i = 0; i < max_push_subscriptions; ++i) add(ann_, "/" + std::to_string(i));
    expect_invalid(post(ann_, body("/more")), R"("body")", "limit_reached");
    EXPECT_EQ(post(ann_, body("/0", "Renamed")).status, 200);
}

TEST_F(PushesTest, ARepeatedRequestGetsTheSameAnswer) {
    const Answer first = post(ann_, body("/1"), "k");
    EXPECT_EQ(first.status, 201);
    const Answer again = post(ann_, body("/1"), "k");
    EXPECT_EQ(again.status, 201);
    EXPECT_EQ(again.body, first.body);
    EXPECT_EQ(again.header("Idempotent-Replayed"), "true");
    EXPECT_EQ(again.header("Location"), "");
    EXPECT_EQ(post(ann_, body("/2"), "k").status, 422);
    EXPECT_EQ(ids(list(ann_)).size(), 1U);
}

TEST_F(PushesTest, AServerWithoutThemSaysSo) {
    push_key_ = nullptr;
    api_ = nullptr;
    EXPECT_EQ(list(ann_).body, R"({"public_key":null,"subscriptions":[]})");
    expect_error(post(ann_, body("/1")), 409,
                 "This server does not send notifications to devices (push.enabled)");
}

TEST_F(PushesTest, ATestIsADeliveryToTheDevice) {
    const std::string id = add(ann_);
    const Answer sent = test(ann_, id);
    EXPECT_EQ(sent.status, 202) << sent.body;
    const std::string delivery = member(sent.body, "id");
    EXPECT_EQ(sent.header("Location"), "/api/v1/deliveries/" + delivery);
    EXPECT_TRUE(sent.has(R"("webhook_url":"https://push.example.com","kind":"push","status":"pending")"))
        << sent.body;
    EXPECT_TRUE(sent.has(R"("device":{"id":")" + id + R"(","label":"Phone","event":"test"})")) << sent.body;
    ASSERT_EQ(hinted_.size(), 1U);
    EXPECT_EQ(hinted_[0].delivery_id.to_string(), delivery);
    EXPECT_EQ(call_as(ann_, "GET", "/api/v1/deliveries").body, "[" + sent.body + "]");
    expect_error(test(bob_, id), 404, "Device not found");
    EXPECT_EQ(call("POST", "/api/v1/push/subscriptions/" + id + "/test", {},
                   {{"x-api-key", ann_.api_key}, {"idempotency-key", std::string(256, 'k')}})
                  .status,
              422);
    for (std::size_t i = 1; i < max_unfinished_tests; ++i) EXPECT_EQ(test(ann_, id).status, 202);
    expect_error(test(ann_, id), 409,
                 "5 tests of this device have not ended yet; ask again when one of them has ended, or "
                 "cancel one");
}

TEST_F(PushesTest, ADeliveryShowsItsDeviceAndNeverTheEndpoint) {
    const std::string device = add(ann_, "/send/secret");
    const std::string id = pushed();
    claim(id, 1);
    record(id, 1, DeliveryState::failed,
           Attempt{.started_at = clock_.now(),
                   .status = 503,
                   .request_headers = R"({"ttl":"1"})",
                   .request_body = "what it said"});
    const Answer one = shown(id);
    EXPECT_TRUE(one.has(R"("webhook_url":"https://push.example.com","kind":"push","status":"failed")"))
        << one.body;
    EXPECT_TRUE(one.has(R"("device":{"id":")" + device + R"(","label":"Phone","event":"alert"})"));
    EXPECT_TRUE(one.has(R"("endpoint":{"name":"https://push.example.com:443","breaker":"closed")"));
    EXPECT_TRUE(one.has(R"("method":"POST","url":"https://push.example.com")"));
    EXPECT_EQ(one.body.find("secret"), std::string::npos);
    EXPECT_EQ(ids(call_as(ann_, "GET", "/api/v1/deliveries?kind=push")).at(0), id);
    EXPECT_EQ(call_as(ann_, "GET", "/api/v1/deliveries?kind=alert").body.find(id), std::string::npos);

    EXPECT_EQ(call_as(ann_, "POST", "/api/v1/deliveries/" + id + "/retry").status, 202);
    EXPECT_EQ(call_as(ann_, "POST", "/api/v1/deliveries/" + id + "/cancel").status, 200);
    EXPECT_EQ(remove(ann_, device).status, 204);
    EXPECT_TRUE(shown(id).has(R"("webhook_url":"","kind":"push")")) << shown(id).body;
    expect_error(call_as(ann_, "POST", "/api/v1/deliveries/" + id + "/retry"), 409,
                 "The device that this delivery was for has been removed");
}

}  // namespace
}  // namespace pricewire::api
