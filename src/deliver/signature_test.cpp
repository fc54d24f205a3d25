#include "deliver/signature.hpp"

#include <gtest/gtest.h>

#include <set>

namespace pricewire {
namespace {

constexpr const char* secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

TEST(Signature, MatchesTheReferenceVector) {
    EXPECT_EQ(sign_webhook(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})"),
              "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(Signature, DependsOnEveryPart) {
    const std::set<std::string> signatures{
        *sign_webhook(secret, "a", 1, "body"),
        *sign_webhook("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "a", 1, "body"),
        *sign_webhook(secret, "b", 1, "body"),
        *sign_webhook(secret, "a", 2, "body"),
        *sign_webhook(secret, "a", 1, "bodY"),
    };
    EXPECT_EQ(signatures.size(), 5U);
}

TEST(Signature, SecretsAreFreshAndReadBack) {
    std::set<std::string> secrets;
    for (int i = 0; i < 100; ++i) secrets.insert(make_webhook_secret());
    EXPECT_EQ(secrets.size(), 100U);
    for (const std::string& s : secrets) {
        const auto bytes = parse_webhook_secret(s);
        ASSERT_TRUE(bytes) << s;
        EXPECT_EQ(bytes->size(), 32U);
    }
}

TEST(Signature, RefusesWhatIsNoSecretWithoutShowingIt) {
    for (const std::string bad : {"", "whsec_", "whsec_####", "whsec_abc", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                                  "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}) {
        const auto result = sign_webhook(bad, "id", 1, "body");
        ASSERT_FALSE(result) << bad;
        EXPECT_EQ(result.error().message, "the webhook secret is not \"whsec_\" and base64");
    }
}

}  // namespace
}  // namespace pricewire
