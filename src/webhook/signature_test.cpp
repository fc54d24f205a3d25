#include "webhook/signature.hpp"

#include <gtest/gtest.h>

#include <set>

#include "base/crypto.hpp"
#include "fakes/fake_secret_box.hpp"
#include "secrets/sealed.hpp"

namespace pricewire::webhook {
namespace {

using namespace std::chrono_literals;

constexpr const char* secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr const char* other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
// Key pair and signature: Svix, server/svix-server/src/worker.rs, test_asymmetric_key_signing, and the
// example of webhook-signature in the specification.
constexpr const char* key_pair =
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
constexpr const char* public_key = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";

constexpr const char* id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
constexpr std::int64_t timestamp = 1614265330;
constexpr const char* body = R"({"test": 2432232314})";
constexpr const char* v1 = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
constexpr const char* v1a =
    "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";

TEST(Signature, MatchesTheReferenceVectors) {
    EXPECT_EQ(sign_webhook(secret, id, timestamp, body), v1);
    EXPECT_EQ(sign_webhook(key_pair, id, timestamp, body), v1a);
    EXPECT_EQ(describe_secret(key_pair), (SecretInfo{SignatureScheme::v1a, public_key}));
}

TEST(Signature, DependsOnEveryPart) {
    for (const auto& [mine, another] : {std::pair<std::string, std::string>{secret, other},
                                        {key_pair, make_webhook_secret(SignatureScheme::v1a).secret}}) {
        const std::set<std::string> signatures{
            *sign_webhook(mine, "a", 1, "body"), *sign_webhook(another, "a", 1, "body"),
            *sign_webhook(mine, "b", 1, "body"), *sign_webhook(mine, "a", 2, "body"),
            *sign_webhook(mine, "a", 1, "bodY"),
        };
        EXPECT_EQ(signatures.size(), 5U);
    }
}

TEST(Signature, SecretsAreNewAndShowTheirScheme) {
    std::set<std::string> secrets;
    for (int i = 0; i < 100; ++i) {
        const NewWebhookSecret shared = make_webhook_secret(SignatureScheme::v1);
        EXPECT_EQ(shared.shown, shared.secret);
        EXPECT_EQ(describe_secret(shared.secret), SecretInfo{});
        EXPECT_EQ(base64_decode(shared.secret.substr(6))->size(), 32U);
        secrets.insert(shared.secret);

        const NewWebhookSecret pair = make_webhook_secret(SignatureScheme::v1a);
        EXPECT_EQ(describe_secret(pair.secret), (SecretInfo{SignatureScheme::v1a, pair.shown}));
        EXPECT_TRUE(pair.shown.starts_with("whpk_"));
        // The seed, followed by the public key.
        const auto bytes = *base64_decode(pair.secret.substr(5));
        EXPECT_EQ(base64_encode(std::span(bytes).subspan(32)), pair.shown.substr(5));
        secrets.insert(pair.secret);
    }
    EXPECT_EQ(secrets.size(), 200U);
}

TEST(Signature, RefusesInvalidSecretsWithoutShowingThem) {
    for (const std::string bad : {"", "whsec_", "whsec_####", "whsec_abc", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                                  "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsk_", "whsk_####", public_key,
                                  // The seed alone.
                                  "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbc="}) {
        const auto result = sign_webhook(bad, "id", 1, "body");
        ASSERT_FALSE(result) << bad;
        EXPECT_EQ(result.error().message, "the webhook secret is not \"whsec_\" or \"whsk_\" and base64");
        EXPECT_FALSE(describe_secret(bad)) << bad;
    }
}

TEST(DeliverySignature, UsesBothSecretsWhileThePreviousIsValid) {
    const fakes::FakeSecretBox box;
    const Timestamp at{std::chrono::seconds{timestamp}};
    WebhookSecrets secrets{box.seal(key_pair, "user"), box.seal(secret, "user"), at + 1us};
    const auto sign = [&] { return sign_delivery(secrets, box, "user", id, timestamp, body); };
    EXPECT_EQ(sign(), std::string(v1a) + " " + v1);
    secrets.previous_until = at;
    EXPECT_EQ(sign(), v1a);
    secrets.previous_until = at - 24h;
    EXPECT_EQ(sign(), v1a);
    secrets.previous_until.reset();
    EXPECT_EQ(sign(), v1a);
    secrets = {box.seal(secret, "user"), box.seal(key_pair, "user"), at + 24h};
    EXPECT_EQ(sign(), std::string(v1) + " " + v1a);
    secrets = {box.seal(secret, "user"), "", at + 24h};
    EXPECT_EQ(sign(), v1);
}

TEST(DeliverySignature, NeedsTheUsersOwnSecretsSealedWithAKnownKey) {
    const fakes::FakeSecretBox box;
    const Timestamp at{std::chrono::seconds{timestamp}};
    const auto error = [&](const WebhookSecrets& secrets) {
        const auto result = sign_delivery(secrets, box, "user", id, timestamp, body);
        return result ? "signed: " + *result : result.error().message;
    };
    const std::string mine = box.seal(secret, "user");
    const std::string anothers = box.seal(secret, "another");
    EXPECT_EQ(error({anothers, "", {}}), "sealed for another user");
    EXPECT_EQ(error({mine, anothers, at + 1h}), "sealed for another user");
    EXPECT_EQ(error({mine, anothers, at - 1h}), std::string("signed: ") + v1);
    EXPECT_EQ(error({box.seal("nothing", "user"), "", {}}),
              "the webhook secret is not \"whsec_\" or \"whsk_\" and base64");
    const auto real = secrets::create_secret_box({.current = {}, .previous = {}});
    const auto clear = sign_delivery({secret, "", {}}, *real, "user", id, timestamp, body);
    ASSERT_FALSE(clear);
    EXPECT_EQ(clear.error().message, "the secret is not sealed");
}

}  // namespace
}  // namespace pricewire::webhook
