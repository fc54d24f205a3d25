// Pricewire's pushes are read as push services and browsers read them: the token with Node's own crypto, the message with
// the npm package `http_ece`; what was changed on the way, or made for another, is refused.
#include <gtest/gtest.h>

#include "base/clock.hpp"
#include "base/json_writer.hpp"
#include "push/encrypt.hpp"
#include "push/server_key.hpp"
#include "support/push_service.hpp"

namespace pricewire::contract {
namespace {

using namespace std::chrono_literals;

class PushContract : public testing::Test {
protected:
    void SetUp() override {
        if (const char* why = test::PushService::why_not()) GTEST_SKIP() << why;
        service_.emplace();
    }

    net::HttpResult send(const test::BrowserSubscription& to, const std::string& body,
                         const std::string& authorization, const std::string& ttl = "60") {
        return http_.post(to.endpoint, body,
                          {{"content-type", "application/octet-stream"},
                           {"content-encoding", "aes128gcm"},
                           {"ttl", ttl},
                           {"urgency", "high"},
                           {"authorization", authorization}});
    }
    std::string encrypted(const std::string& text, const test::BrowserSubscription& to) {
        return push::encrypt_push(text, push::parse_browser_keys(to.p256dh, to.auth).value());
    }
    std::string token(Duration offset = {}) {
        return push::Vapid(key_, "mailto:ops@example.com")
            .authorization(service_->url(), system_clock().now() + offset);
    }
    test::BrowserSubscription subscribe() { return service_->subscribe(push::public_key_text(key_)); }

    const P256KeyPair key_ = make_p256_key_pair();
    test::BlockingHttp http_;
    std::optional<test::PushService> service_;
};

TEST_F(PushContract, OtherLibrariesReadWhatWasEncrypted) {
    std::vector<std::string> texts;
    for (const std::string text : {"", "plain", "\xf0\x9f\x9a\x80 Ünïcödé 価格", "quote \" and \\"}) {
        for (const std::size_t size : {0, 1, 15, 16, 17, 1000, 3800}) {
            JsonWriter w;
            w.begin_object().field("text", text + std::string(size, 'x')).end_object();
            texts.push_back(std::move(w).str());
        }
    }
    const std::string authorization = token();
    for (const std::string& text : texts) {
        const test::BrowserSubscription to = subscribe();
        EXPECT_EQ(send(to, encrypted(text, to), authorization).status, 201);
    }
    const std::vector<test::SeenPush> seen = service_->seen();
    ASSERT_EQ(seen.size(), texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
        EXPECT_EQ(seen[i].why, "");
        EXPECT_NE(seen[i].text.find("\"message\":" + texts[i] + ","), std::string::npos) << texts[i];
    }
}

TEST_F(PushContract, WhatIsNotMeantForThisBrowserAndServiceIsRefused) {
    const test::BrowserSubscription to = subscribe(), other = subscribe();
    const std::string good = encrypted("{}", to);
    EXPECT_EQ(send(to, good, token()).status, 201);
    EXPECT_EQ(send(to, encrypted("{}", other), token()).status, 400) << "another browser's keys";
    std::string changed = good;
    changed.back() ^= 1;
    EXPECT_EQ(send(to, changed, token()).status, 400);
    EXPECT_EQ(send(to, good, token(-13h)).status, 403) << "the token has expired";
    EXPECT_EQ(send(to, good, token(13h)).status, 403) << "a token may last for a day";
    const Timestamp now = system_clock().now();
    push::Vapid stranger(make_p256_key_pair(), "");
    EXPECT_EQ(send(to, good, stranger.authorization(service_->url(), now)).status, 403);
    push::Vapid own(key_, "");
    EXPECT_EQ(send(to, good, own.authorization("https://push.example", now)).status, 403);
    EXPECT_EQ(send(to, good, token(), "soon").status, 400);
    service_->end(to);
    EXPECT_EQ(send(to, good, token()).status, 410);
    EXPECT_EQ(send(other, encrypted("{}", other), token()).status, 201);
}

}  // namespace
}  // namespace pricewire::contract
