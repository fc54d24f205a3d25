#include "base/crypto.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

namespace pricewire::inline base {
namespace {

SymmetricKey key_of(std::uint8_t fill) {
    SymmetricKey key;
    key.fill(fill);
    return key;
}

std::vector<std::uint8_t> from_hex(std::string_view hex) {
    std::vector<std::uint8_t> out;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        out.push_back(static_cast<std::uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
    return out;
}

template <std::size_t N>
std::array<std::uint8_t, N> array_of(const std::vector<std::uint8_t>& bytes) {
    std::array<std::uint8_t, N> out{};
    EXPECT_EQ(bytes.size(), N);
    std::copy_n(bytes.begin(), std::min(N, bytes.size()), out.begin());
    return out;
}

// Source: D. McGrew, J. Viega, "The Galois/Counter Mode of Operation", appendix B, test case 16.
TEST(AesGcm, OpensTheReferenceVector) {
    const auto key =
        array_of<32>(from_hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"));
    const auto context = from_hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    const auto sealed = from_hex(
        "cafebabefacedbaddecaf888"
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        "76fc6ece0f4e1768cddf8853bb2d551b");
    const auto plain = aes_gcm_open(key, sealed, std::string(context.begin(), context.end()));
    ASSERT_TRUE(plain);
    EXPECT_EQ(hex_encode(*plain),
              "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
              "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
}

RC_GTEST_PROP(AesGcm, RoundTripsAndRejectsChanges,
              (const std::vector<std::uint8_t>& plain, const std::string& context)) {
    const SymmetricKey key = key_of(7);
    const auto sealed = aes_gcm_seal(key, plain, context);
    RC_ASSERT(sealed.size() == plain.size() + 28);
    RC_ASSERT(aes_gcm_open(key, sealed, context) == plain);
    RC_ASSERT(!aes_gcm_open(key_of(8), sealed, context));
    RC_ASSERT(!aes_gcm_open(key, sealed, context + "x"));
    auto changed = sealed;
    changed[*rc::gen::inRange<std::size_t>(0, changed.size())] ^=
        static_cast<std::uint8_t>(1 << *rc::gen::inRange(0, 8));
    RC_ASSERT(!aes_gcm_open(key, changed, context));
    const auto shorter = std::span(sealed).first(*rc::gen::inRange<std::size_t>(0, sealed.size()));
    RC_ASSERT(!aes_gcm_open(key, shorter, context));
}

// Source: RFC 8032, section 7.1, tests 1 to 3.
TEST(Ed25519, MatchesTheReferenceVectors) {
    struct Vector {
        const char *seed, *key, *message, *signature;
    };
    for (const Vector& v : {Vector{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                                   "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
                                   "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb882159"
                                   "0a33bacc61e39701cf9b46b"
                                   "d25bf5f0595bbe24655141438e7a100b"},
                            Vector{"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                                   "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
                                   "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43"
                                   "e15996e458f3613d0f11d8c"
                                   "387b2eaeb4302aeeb00d291612bb0c00"},
                            Vector{"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
                                   "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
                                   "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538"
                                   "d16f290ae67f760984dc659"
                                   "4a7c15e9716ed28dc027beceea1ec40a"}}) {
        const auto seed = array_of<32>(from_hex(v.seed));
        const auto bytes = from_hex(v.message);
        std::string message(bytes.begin(), bytes.end());
        const Ed25519PublicKey key = ed25519_public_key(seed);
        EXPECT_EQ(hex_encode(key), v.key);
        Ed25519Signature signature = ed25519_sign({seed, key}, message);
        EXPECT_EQ(hex_encode(signature), v.signature);
        EXPECT_TRUE(ed25519_verify(key, message, signature));
        EXPECT_FALSE(ed25519_verify(key, message + "x", signature));
        signature[10] ^= 1;
        EXPECT_FALSE(ed25519_verify(key, message, signature));
    }
}

// Source: RFC 4231, test cases 1, 2 and 6; from several threads, since the prepared MAC is shared.
TEST(Hmac, MatchesTheReferenceVectorsOnEveryThread) {
    const auto check = [] {
        for (int i = 0; i < 200; ++i) {
            EXPECT_EQ(hex_encode(hmac_sha256(std::vector<std::uint8_t>(20, 0x0b), "Hi There")),
                      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
            EXPECT_EQ(hex_encode(hmac_sha256(as_bytes("Jefe"), "what do ya want for nothing?")),
                      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
            EXPECT_EQ(hex_encode(hmac_sha256(std::vector<std::uint8_t>(131, 0xaa),
                                             "Test Using Larger Than Block-Size Key - Hash Key First")),
                      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
            EXPECT_EQ(hex_encode(hmac_sha256({}, "")),
                      "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
        }
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back(check);
    for (std::thread& thread : threads) thread.join();
}

RC_GTEST_PROP(Base64Url, RoundTrips, (const std::vector<std::uint8_t>& bytes)) {
    RC_ASSERT(base64url_decode(base64url_encode(bytes)) == bytes);
}

TEST(Base64Url, RejectsOtherEncodings) {
    for (const char* text : {"A", "AA==", "AAA=", "+-__", "AA/A", "AB", "AA\n", "A A"})
        EXPECT_FALSE(base64url_decode(text)) << text;
}

}  // namespace
}  // namespace pricewire::inline base
