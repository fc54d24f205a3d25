#include "deliver/requests.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "deliver/request.hpp"
#include "fakes/fake_http_client.hpp"
#include "fakes/fake_secret_box.hpp"
#include "webhook/signature.hpp"

namespace pricewire::deliver::requests_tests {
namespace {

using namespace std::chrono_literals;

const Timestamp now = from_micros(1'700'000'000'500'000);
// RFC 8291, appendix A.
const std::string browser_keys =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4 "
    "BTBZMqHH6r4Tts7J_aSIgg";

class PushRequest : public testing::Test {
protected:
    PushRequest() {
        d_.id = make_uuid(now);
        d_.alert.user_id = make_uuid(now);
        d_.alert.ticker = "BTC";
        d_.alert.webhook_url = "https://example.com/hook";
        d_.alert.triggered_at = now;
        d_.alert.triggered_price = Decimal::from_int(5);
        d_.deadline = now + 90s + 700ms;
        d_.push = PushTarget{.subscription_id = make_uuid(now),
                             .endpoint = "https://push.example/x?y",
                             .keys = sealed(browser_keys)};
    }

    std::string sealed(const std::string& keys) { return box_.seal(keys, d_.alert.user_id.to_string()); }
    Result<net::HttpRequest> make() { return requests_.make(d_, now); }
    std::string error() {
        const auto made = make();
        return made ? "none" : made.error().message;
    }
    std::string header(const std::string& name) { return fakes::header(make().value(), name); }

    const P256KeyPair key_ = make_p256_key_pair();
    fakes::FakeSecretBox box_;
    ClaimedDelivery d_;
    std::function<Result<P256KeyPair>()> own_key_ = [this] { return key_; };
    Requests requests_{[this] { return own_key_(); }, "mailto:ops@example.com", "Pricewire/1", box_};
};

TEST_F(PushRequest, IsEncryptedForTheDeviceAndSignedForItsService) {
    const auto made = make();
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(made->method, "POST");
    EXPECT_EQ(made->url, "https://push.example/x?y");
    std::string names;
    for (const auto& [name, value] : made->headers) names += name + ' ';
    EXPECT_EQ(names, "content-type content-encoding user-agent ttl urgency authorization ")
        << "nothing of the user's or of the trace";
    EXPECT_EQ(header("content-type"), "application/octet-stream");
    EXPECT_EQ(header("content-encoding"), "aes128gcm");
    EXPECT_EQ(header("urgency"), "high");
    push::Vapid vapid(key_, "mailto:ops@example.com");
    const std::string own = vapid.authorization("https://push.example", now);
    const std::string said = header("authorization");
    EXPECT_EQ(said.substr(0, said.rfind('.')), own.substr(0, own.rfind('.'))) << "but for the signature";
    EXPECT_TRUE(said.ends_with(", k=" + push::public_key_text(key_)));
    EXPECT_NE(make()->body, made->body) << "encrypted anew each time";
    EXPECT_EQ(made->body.find("BTC"), std::string::npos);
}

TEST_F(PushRequest, LastsUntilTheDeliverysDeadline) {
    EXPECT_EQ(header("ttl"), "90");
    d_.deadline = now + 400ms;
    EXPECT_EQ(header("ttl"), "1");
    d_.deadline = now + std::chrono::days{60};
    EXPECT_EQ(header("ttl"), std::to_string(28 * 24 * 3600)) << "services keep nothing for longer";
}

TEST_F(PushRequest, NeedsTheDevicesKeys) {
    d_.push->keys = box_.seal(browser_keys, "somebody else");
    EXPECT_EQ(error(), "sealed for another user");
    for (const std::string& bad :
         {std::string(), std::string(" "), browser_keys.substr(0, 87), "AAAA " + browser_keys}) {
        d_.push->keys = sealed(bad);
        EXPECT_TRUE(error().starts_with("keys.")) << bad << ": " << error();
    }
}

TEST_F(PushRequest, AsksForTheServersKeyUntilItHasIt) {
    int asked = 0;
    own_key_ = [&]() -> Result<P256KeyPair> {
        if (++asked == 1) throw std::runtime_error("the database is away");
        if (asked == 2) return fail("no key opens it");
        return key_;
    };
    EXPECT_EQ(error(), "the database is away");
    EXPECT_EQ(error(), "no key opens it");
    EXPECT_EQ(error(), "none");
    EXPECT_EQ(error(), "none");
    EXPECT_EQ(asked, 3);
}

TEST_F(PushRequest, IsKeptWithoutItsToken) {
    const std::string kept = kept_headers(make()->headers);
    EXPECT_NE(kept.find(R"("authorization":"vapid t=…, k=)" + push::public_key_text(key_) + '"'),
              std::string::npos)
        << kept;
}

TEST_F(PushRequest, AWebhookIsMadeAsBefore) {
    d_.push.reset();
    d_.secrets.current = sealed(webhook::make_webhook_secret(SignatureScheme::v1).secret);
    const auto made = make();
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(made->url, "https://example.com/hook");
    EXPECT_EQ(made->body, webhook_request(d_, box_, now, "Pricewire/1")->body);
}

}  // namespace
}  // namespace pricewire::deliver::requests_tests
