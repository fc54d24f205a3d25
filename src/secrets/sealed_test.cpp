#include "secrets/sealed.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <thread>

#include "secrets/secrets_fixture.hpp"

namespace pricewire::secrets {
namespace {

TEST(SecretBox, OpensOnlyInTheSameContext) {
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

TEST(SecretBox, SealsTheSameSecretDifferentlyEachTime) {
    const auto box = create_secret_box({.current = key_of(1), .previous = {}});
    std::set<std::string> sealed;
    for (int i = 0; i < 1000; ++i) sealed.insert(box->seal("whsec_secret", "user"));
    EXPECT_EQ(sealed.size(), 1000U);
}

TEST(SecretBox, OpensWithPreviousKeysAndNamesAMissingOne) {
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

TEST(SecretBox, RejectsSecretsInTheClearAndDamagedTexts) {
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

TEST(SecretBox, KeyIdsAreStableAndDistinct) {
    // Sealed texts in databases contain it: it must never change.
    EXPECT_EQ(key_id(key_of(0)), "96d4a412");
    EXPECT_NE(key_id(key_of(0)), key_id(key_of(1)));
    EXPECT_EQ(key_id_of("sealed:1:0123abcd:x"), "0123abcd");
    EXPECT_EQ(key_id_of("sealed:1:0123abcd"), "");
    EXPECT_EQ(key_id_of("sealed:9:0123abcd:x"), "");
}

}  // namespace
}  // namespace pricewire::secrets
