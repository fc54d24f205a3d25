// Deliveries to devices beside those of webhooks.
#include <gtest/gtest.h>

#include <algorithm>

#include "deliver/dispatcher_fixture.hpp"

namespace pricewire::deliver {
namespace {

// RFC 8291, appendix A.
constexpr const char* browser_keys =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4 "
    "BTBZMqHH6r4Tts7J_aSIgg";

class DispatcherPush : public DispatcherTest {
protected:
    DispatcherPush() {
        options_.push_key = [this] { return key_; };
        client_->script = [this](const net::HttpRequest& request) -> std::optional<net::HttpResult> {
            const auto answer = answers_.find(request.url);
            if (answer == answers_.end()) return fakes::http_status(200);
            if (answer->second == 0) return std::nullopt;  // it stays open
            return fakes::http_status(answer->second);
        };
    }

    void subscribe(const std::string& endpoint) {
        EXPECT_TRUE(storage_.put_push({.id = make_uuid(clock_.now()),
                                       .user_id = user_,
                                       .endpoint = endpoint,
                                       .keys = secrets_.seal(browser_keys, user_.to_string()),
                                       .label = "Phone",
                                       .created_at = clock_.now()},
                                      max_push_subscriptions));
    }
    // "push delivered, webhook delivered": of all deliveries, sorted.
    std::vector<std::string> states() {
        std::vector<std::string> out;
        for (const DeliveryView& d : storage_.all_deliveries())
            out.push_back((d.kind == DeliveryKind::push ? "push " : "webhook ") + state(d.id));
        std::ranges::sort(out);
        return out;
    }
    std::size_t sent_to(const std::string& url) {
        const auto seen = client_->seen();
        return static_cast<std::size_t>(std::ranges::count(seen, url, &net::HttpRequest::url));
    }

    SenderOptions options_;
    Result<P256KeyPair> key_ = make_p256_key_pair();
    std::map<std::string, int> answers_;
    const std::string phone_ = "https://push.example/phone";
    const std::string desk_ = "https://push.example/desk";
};

TEST_F(DispatcherPush, EachDeviceIsSentAFiringBesideItsWebhook) {
    start(options_);
    subscribe(phone_);
    subscribe(desk_);
    answers_ = {{phone_, 201}, {desk_, 500}};
    hint(fire(1));
    EXPECT_EQ(states(), (std::vector<std::string>{"push delivered 1:201", "push pending 1:500",
                                                  "webhook delivered 1:200"}));
    answers_[desk_] = 201;
    pass(seconds{30});
    EXPECT_EQ(states(), (std::vector<std::string>{"push delivered 1:201", "push delivered 1:500 2:201",
                                                  "webhook delivered 1:200"}));
}

TEST_F(DispatcherPush, ADeviceThatIsGoneEndsWhatWaitsForItAlone) {
    options_.per_endpoint = 1;
    start(options_);
    subscribe(phone_);
    subscribe(desk_);
    answers_ = {{phone_, 0}, {desk_, 201}};
    hint(fire(3));
    EXPECT_EQ(sent_to(phone_), 1U);
    for (std::size_t i = 0; i < client_->open(); ++i)
        if (url_of(i) == phone_) client_->answer(i, fakes::http_status(410));
    pass(seconds{2});
    EXPECT_EQ(sent_to(phone_), 1U) << "the others end without an attempt";
    EXPECT_EQ(states(), (std::vector<std::string>{"push delivered 1:201", "push delivered 1:201",
                                                  "push delivered 1:201", "push failed", "push failed",
                                                  "push failed 1:410", "webhook delivered 1:200",
                                                  "webhook delivered 1:200", "webhook delivered 1:200"}));
    const auto devices = storage_.pushes(user_);
    ASSERT_EQ(devices.size(), 1U);
    EXPECT_EQ(devices[0].endpoint, desk_);
    hint(fire(1));
    EXPECT_EQ(sent_to(phone_), 1U);
}

TEST_F(DispatcherPush, AWebhookThatIsGoneEndsNoPush) {
    start(options_);
    subscribe(phone_);
    answers_ = {{"https://example.com/hook", 410}};
    hint(fire(2));
    const std::vector<std::string> all = states();
    EXPECT_EQ(std::ranges::count(all, "push delivered 1:200"), 2);
    EXPECT_EQ(std::ranges::count_if(all, [](const auto& s) { return s.starts_with("webhook failed"); }), 2);
}

TEST_F(DispatcherPush, WithoutTheServersKeyPushesWaitAndWebhooksDoNot) {
    fakes::LogCapture log;
    const Result<P256KeyPair> key = key_;
    key_ = fail("no key opens it");
    start(options_);
    subscribe(phone_);
    hint(fire(1));
    EXPECT_EQ(states(), (std::vector<std::string>{"push pending", "webhook delivered 1:200"}));
    EXPECT_EQ(log.count("error a user's pushes cannot be made and wait"), 1U);
    for (const DeliveryView& d : storage_.all_deliveries())
        if (d.kind == DeliveryKind::push) EXPECT_EQ(d.reason, "the push cannot be made: no key opens it");
    key_ = key;
    pass(seconds{61});
    EXPECT_EQ(states(), (std::vector<std::string>{"push delivered 1:200", "webhook delivered 1:200"}));
}

TEST_F(DispatcherPush, WhatIsKeptOfARequestIsTheMessage) {
    start(options_);
    subscribe(phone_);
    hint(fire(1));
    const auto all = storage_.all_deliveries();
    const auto push = std::ranges::find(all, DeliveryKind::push, &DeliveryView::kind);
    ASSERT_TRUE(push != all.end());
    const auto request = storage_.last_request(push->id);
    ASSERT_TRUE(request);
    EXPECT_TRUE(request->body.starts_with(R"({"title":"BTC above )")) << request->body;
    const auto seen = client_->seen();
    const auto sent = std::ranges::find(seen, phone_, &net::HttpRequest::url);
    ASSERT_TRUE(sent != seen.end());
    EXPECT_EQ(sent->body.find("BTC"), std::string::npos);
}

TEST_F(DispatcherPush, ADeviceIsRefusedWhereAWebhookWouldBe) {
    start(options_);
    subscribe("http://push.example/phone");
    hint(fire(1));
    const auto all = states();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_TRUE(all[0].starts_with("push pending 1:")) << all[0];
    EXPECT_EQ(client_->seen().size(), 1U);
}

}  // namespace
}  // namespace pricewire::deliver
