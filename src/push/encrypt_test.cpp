#include "push/encrypt.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/crypto.hpp"

namespace pricewire::push {
namespace {

// RFC 8291, appendix A.
constexpr const char* text = "When I grow up, I want to be a watermelon";
constexpr const char* own_private = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
constexpr const char* p256dh =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
constexpr const char* auth = "BTBZMqHH6r4Tts7J_aSIgg";
constexpr const char* salt_text = "DGv6ra1nlYgDCS1FRnbzlw";
constexpr const char* body =
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_"
    "c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl"
    "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";

template <std::size_t N>
std::array<std::uint8_t, N> bytes(std::string_view base64url) {
    const auto decoded = base64url_decode(base64url).value();
    std::array<std::uint8_t, N> out{};
    EXPECT_EQ(decoded.size(), N);
    std::copy_n(decoded.begin(), std::min(N, decoded.size()), out.begin());
    return out;
}

TEST(PushEncryption, MatchesTheVectorOfTheRfc) {
    const BrowserKeys keys = parse_browser_keys(p256dh, auth).value();
    const P256KeyPair own = p256_key_pair(bytes<32>(own_private)).value();
    const std::string encrypted = encrypt_push(text, keys, own, bytes<16>(salt_text));
    EXPECT_EQ(base64url_encode(as_bytes(encrypted)), body);
}

TEST(PushEncryption, UsesANewKeyAndSaltEachTime) {
    const BrowserKeys keys = parse_browser_keys(p256dh, auth).value();
    const std::string one = encrypt_push(text, keys), other = encrypt_push(text, keys);
    EXPECT_EQ(one.size(), other.size());
    EXPECT_NE(one.substr(0, 16), other.substr(0, 16)) << "salt";
    EXPECT_NE(one.substr(21, 65), other.substr(21, 65)) << "key";
}

TEST(PushEncryption, TakesWhatPushServicesTakeAndNoMore) {
    const BrowserKeys keys = parse_browser_keys(p256dh, auth).value();
    EXPECT_EQ(encrypt_push(std::string(max_push_message, 'x'), keys).size(), 4096U);
    EXPECT_THROW(encrypt_push(std::string(max_push_message + 1, 'x'), keys), std::length_error);
    EXPECT_EQ(encrypt_push("", keys).size(), 103U);
}

TEST(BrowserKeys, AreAcceptedWithPaddingToo) {
    EXPECT_EQ(parse_browser_keys(std::string(p256dh) + "=", std::string(auth) + "=="),
              parse_browser_keys(p256dh, auth));
}

TEST(BrowserKeys, ThatCannotBeUsedAreRefused) {
    const auto refused = [](std::string_view key, std::string_view secret) {
        const auto keys = parse_browser_keys(key, secret);
        return keys ? std::string() : keys.error().message;
    };
    const std::string point = p256dh;
    const std::string bad_point =
        "keys.p256dh must be a point of the curve P-256, uncompressed, in base64url";
    std::string off_curve = point;
    off_curve[40] = off_curve[40] == 'A' ? 'B' : 'A';
    EXPECT_EQ(refused(off_curve, auth), bad_point);
    EXPECT_EQ(refused("", auth), bad_point);
    EXPECT_EQ(refused(point.substr(0, 44), auth), bad_point);
    EXPECT_EQ(refused(point + "AAAA", auth), bad_point);
    std::string hybrid = point;
    hybrid[1] = 'G';  // the form that begins with 6
    EXPECT_EQ(refused(hybrid, auth), bad_point);
    EXPECT_EQ(refused("!" + point.substr(1), auth), bad_point);
    EXPECT_EQ(refused(point, ""), "keys.auth must be 16 bytes in base64url");
    EXPECT_EQ(refused(point, "AAAA"), "keys.auth must be 16 bytes in base64url");
}

}  // namespace
}  // namespace pricewire::push
