#include "secrets/sealed.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <thread>

namespace pricewire::secrets {
namespace {

MasterKey key_of(std::uint8_t fill) {
    MasterKey key;
    key.fill(fill);
    return key;
}

TEST(SecretBox, OpensWhatItSealedForTheSameContextOnly) {
    const auto box = create_secret_box({.current = key_of(1), .previous = {}});
    const std::string sealed = box->seal("whsec_secret", "user-a");
    EXPECT_TRUE(is_sealed(sealed));
    EXPECT_EQ(sealed.find("secret"), sealed.npos);
    EXPECT_EQ(key_id_of(sealed), key_id(key_of(1)));
    EXPECT_EQ(sealed.substr(0, 18), "sealed:1:" + key_id(key_of(1)) + ":");
    EXPECT_EQ(box->open(sealed, "user-a"), "whsec_secret");
    EXPECT_EQ(box->open(sealed, "user-b").error().message,
              "the sealed secret is damaged or belongs to another user");
    EXPECT_EQ(box->open(sealed, "").error().message,
              "the sealed secret is damaged or belongs to another user");
}

TEST(SecretBox, SealsTheSameSecretDifferentlyEveryTime) {
    const auto box = create_secret_box({.current = key_of(1), .previous = {}});
    std::set<std::string> sealed;
    for (int i = 0; i < 1000; ++i) sealed.insert(box->seal("whsec_secret", "user"));
    EXPECT_EQ(sealed.size(), 1000U);
}

TEST(SecretBox, ReadsWithEarlierKeysAndNamesTheOneThatIsMissing) {
    const auto before = create_secret_box({.current = key_of(1), .previous = {}});
    const auto after = create_secret_box({.current = key_of(2), .previous = {key_of(3), key_of(1)}});
    const std::string old = before->seal("secret", "user");
    EXPECT_EQ(after->open(old, "user"), "secret");
    EXPECT_FALSE(after->is_current(old));
    const std::string fresh = after->seal("secret", "user");
    EXPECT_TRUE(after->is_current(fresh));
    EXPECT_EQ(before->open(fresh, "user").error().message,
              "the secret is sealed under master key " + key_id(key_of(2)) + ", which is not available");
}

TEST(SecretBox, TakesNoSecretInTheClearAndNothingDamaged) {
    const auto box = create_secret_box({.current = key_of(1), .previous = {}});
    for (const std::string clear : {"", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "Sealed:1:"}) {
        EXPECT_FALSE(is_sealed(clear));
        EXPECT_FALSE(box->is_current(clear));
        EXPECT_EQ(box->open(clear, "user").error().message, "the secret is not sealed");
    }
    const std::string sealed = box->seal("secret", "user");
    const std::string header = sealed.substr(0, 18);
    for (const std::string& damaged :
         {std::string("sealed:"), std::string("sealed:2:") + sealed.substr(9), header,
          header + "====", sealed + "A", sealed.substr(0, sealed.size() - 1),
          "sealed:1:ABCDEF01:" + sealed.substr(18), header + std::string(100'000, 'A')}) {
        const auto opened = box->open(damaged, "user");
        ASSERT_FALSE(opened) << damaged;
        EXPECT_TRUE(opened.error().message.starts_with("the sealed secret is damaged")) << damaged;
    }
    for (std::size_t i = 0; i < sealed.size(); ++i) {
        std::string changed = sealed;
        changed[i] = changed[i] == 'a' ? 'b' : 'a';
        EXPECT_FALSE(box->open(changed, "user")) << i;
    }
    EXPECT_THROW(box->seal(std::string(max_secret_size + 1, 'x'), "user"), std::invalid_argument);
    const std::string longest(max_secret_size, 'x');
    EXPECT_EQ(box->open(box->seal(longest, "user"), "user"), longest);
}

TEST(SecretBox, AKeysNameIsStableAndItsOwn) {
    // The database's texts name keys by it: it must never change.
    EXPECT_EQ(key_id(key_of(0)), "96d4a412");
    EXPECT_NE(key_id(key_of(0)), key_id(key_of(1)));
    EXPECT_EQ(key_id_of("sealed:1:0123abcd:x"), "0123abcd");
    EXPECT_EQ(key_id_of("sealed:1:0123abcd"), "");
    EXPECT_EQ(key_id_of("sealed:9:0123abcd:x"), "");
}

// Source: RFC 4231, test cases 1, 2 and 6; from several threads, as the prepared MAC is shared.
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

RC_GTEST_PROP(Base64Url, ReadsBackWhatItWrites, (const std::vector<std::uint8_t>& bytes)) {
    RC_ASSERT(base64url_decode(base64url_encode(bytes)) == bytes);
}

TEST(Base64Url, RefusesWhatItWouldNotWrite) {
    for (const char* text : {"A", "AA==", "AAA=", "+-__", "AA/A", "AB", "AA\n", "A A"})
        EXPECT_FALSE(base64url_decode(text)) << text;
}

}  // namespace
}  // namespace pricewire::secrets
