#include "push/server_key.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/crypto.hpp"

namespace pricewire::push {
namespace {

using namespace std::chrono_literals;

const Timestamp now = *parse_rfc3339("2025-01-02T03:04:05.678Z");

P256KeyPair a_key() {
    return parse_server_key(make_server_key()).value();
}

// The token's three parts, and the key that stands beside it.
struct Parts {
    std::string head, claims, signature, key;
};
Parts parts_of(std::string_view header) {
    EXPECT_TRUE(header.starts_with("vapid t=")) << header;
    header.remove_prefix(8);
    const auto comma = header.find(", k=");
    std::string_view token = header.substr(0, comma);
    Parts out{.key = std::string(header.substr(comma + 4))};
    const auto first = token.find('.'), last = token.rfind('.');
    out.head = token.substr(0, first);
    out.claims = token.substr(first + 1, last - first - 1);
    out.signature = token.substr(last + 1);
    return out;
}
std::string decoded(std::string_view text) {
    const auto bytes = base64url_decode(text).value();
    return {bytes.begin(), bytes.end()};
}

TEST(ServerKey, IsReadBackAndNewEachTime) {
    const std::string text = make_server_key();
    EXPECT_EQ(base64url_encode(parse_server_key(text)->private_key), text);
    EXPECT_NE(make_server_key(), text);
    for (const char* bad : {"", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                            "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE"}) {
        EXPECT_FALSE(parse_server_key(bad)) << bad << ": 0 and the order of the curve are no private keys";
    }
}

TEST(Vapid, TokensAreSignedClaimsForOneOrigin) {
    const P256KeyPair key = a_key();
    Vapid vapid(key, "mailto:ops@example.com");
    const Parts parts = parts_of(vapid.authorization("https://push.example", now));
    EXPECT_EQ(decoded(parts.head), R"({"typ":"JWT","alg":"ES256"})");
    EXPECT_EQ(decoded(parts.claims),
              R"({"aud":"https://push.example","exp":1735830245,"sub":"mailto:ops@example.com"})");
    EXPECT_EQ(parts.key, public_key_text(key));
    P256Signature signature;
    const auto bytes = base64url_decode(parts.signature).value();
    ASSERT_EQ(bytes.size(), signature.size());
    std::ranges::copy(bytes, signature.begin());
    const std::string text = parts.head + "." + parts.claims;
    EXPECT_TRUE(p256_verify(key.public_key, text, signature));
    EXPECT_FALSE(p256_verify(a_key().public_key, text, signature));
    EXPECT_FALSE(p256_verify(key.public_key, text + "A", signature));
    signature[63] ^= 1;
    EXPECT_FALSE(p256_verify(key.public_key, text, signature));
}

TEST(Vapid, WithoutAContactThereIsNoSubject) {
    Vapid vapid(a_key(), "");
    EXPECT_EQ(decoded(parts_of(vapid.authorization("https://push.example", now)).claims),
              R"({"aud":"https://push.example","exp":1735830245})");
}

TEST(Vapid, TokensAreReusedButNotUntilTheirEnd) {
    Vapid vapid(a_key(), "");
    const std::string first = vapid.authorization("https://push.example", now);
    EXPECT_NE(vapid.authorization("https://other.example", now), first);
    EXPECT_EQ(vapid.authorization("https://push.example", now + 6h), first);
    const std::string second = vapid.authorization("https://push.example", now + 6h + 1s);
    EXPECT_NE(second, first);
    EXPECT_EQ(vapid.authorization("https://push.example", now + 7h), second);
    EXPECT_NE(vapid.authorization("https://push.example", now), second) << "the clock was set back";
}

TEST(Vapid, KeepsTokensOfAsManyOriginsAsItLikes) {
    Vapid vapid(a_key(), "");
    for (int i = 0; i < 600; ++i) {
        const std::string origin = "https://push" + std::to_string(i) + ".example";
        const std::string made = vapid.authorization(origin, now);
        EXPECT_NE(decoded(parts_of(made).claims).find('"' + origin + '"'), std::string::npos);
        EXPECT_EQ(vapid.authorization(origin, now), made);
    }
}

}  // namespace
}  // namespace pricewire::push
