#include "base/p256.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/crypto.hpp"

namespace pricewire::inline base {
namespace {

template <std::size_t N>
std::array<std::uint8_t, N> from_hex(std::string_view hex) {
    std::array<std::uint8_t, N> out;
    for (std::size_t i = 0; i < N; ++i)
        out[i] = static_cast<std::uint8_t>(std::stoi(std::string(hex.substr(2 * i, 2)), nullptr, 16));
    return out;
}

// RFC 6979, section A.2.5: key pair and signatures with SHA-256 of "sample".
const auto private_key = from_hex<32>("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721");
const auto public_key = from_hex<65>(
    "0460FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
    "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299");
const auto signature = from_hex<64>(
    "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
    "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8");

TEST(P256, DerivesThePublicKeyOfTheVector) {
    ASSERT_TRUE(p256_key_pair(private_key));
    EXPECT_EQ(p256_key_pair(private_key)->public_key, public_key);
}

TEST(P256, VerifiesTheSignatureOfTheVectorAndItsOwn) {
    EXPECT_TRUE(p256_verify(public_key, "sample", signature));
    EXPECT_FALSE(p256_verify(public_key, "Sample", signature));
    const P256KeyPair pair = p256_key_pair(private_key).value();
    // Half of the numbers in signatures begin with a zero bit, some with zero bytes.
    for (int i = 0; i < 600; ++i) {
        const std::string text = "message " + std::to_string(i);
        EXPECT_TRUE(p256_verify(public_key, text, p256_sign(pair, text))) << text;
    }
}

TEST(P256, BothSidesShareASecret) {
    const P256KeyPair a = make_p256_key_pair(), b = make_p256_key_pair();
    EXPECT_NE(a.private_key, b.private_key);
    EXPECT_EQ(p256_shared_secret(a, b.public_key), p256_shared_secret(b, a.public_key));
    EXPECT_NE(p256_shared_secret(a, b.public_key), p256_shared_secret(a, a.public_key));
    P256PublicKey off_curve = b.public_key;
    off_curve[64] ^= 1;
    EXPECT_THROW(p256_shared_secret(a, off_curve), std::runtime_error);
    EXPECT_FALSE(p256_verify(off_curve, "sample", signature));
}

TEST(P256, KnowsWhatIsNoKey) {
    EXPECT_EQ(p256_public_key(public_key), public_key);
    P256PublicKey wrong = public_key;
    wrong[64] ^= 1;
    EXPECT_FALSE(p256_public_key(wrong));
    EXPECT_FALSE(p256_public_key(std::span(public_key).first(64)));
    EXPECT_FALSE(p256_public_key({}));
    EXPECT_FALSE(p256_key_pair({}));
    P256PrivateKey above;
    above.fill(0xff);
    EXPECT_FALSE(p256_key_pair(above));
}

}  // namespace
}  // namespace pricewire::inline base
