#include "base/utf8.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <vector>

namespace pricewire::inline base {
namespace {

TEST(Utf8, RefusesMalformedSequences) {
    for (const char* good : {"", "a", "é", "€", "😀", "\xf4\x8f\xbf\xbf", "\xef\xbf\xbf"}) {
        EXPECT_TRUE(is_utf8(good)) << good;
    }
    // A tail alone, overlong forms, surrogates, above U+10FFFF, incomplete sequences.
    for (const char* bad :
         {"\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x82", "a\xf0\x9f\x98", "\xc3("}) {
        EXPECT_FALSE(is_utf8(bad));
        EXPECT_EQ(utf8_sequence(bad), bad[0] == 'a' ? 1U : 0U);
    }
    EXPECT_EQ(utf8_sequence(""), 0U);
}

TEST(Utf8, CountsAndCutsByCodePoint) {
    EXPECT_EQ(count_code_points("aé€😀"), 4U);
    EXPECT_EQ(count_code_points("\xff\xff"), 2U) << "bytes of no sequence count as one each";
    EXPECT_EQ(first_code_points("aé€😀", 3), "aé€");
    EXPECT_EQ(first_code_points("aé€😀", 4), "aé€😀");
    EXPECT_EQ(first_code_points("aé", 9), "aé");
    EXPECT_EQ(first_code_points("aé", 0), "");
}

TEST(Utf8, WritesAndReadsEveryCodePoint) {
    for (char32_t c = 0; c <= 0x10'ffff; ++c) {
        if (c >= 0xd800 && c <= 0xdfff) continue;
        std::string text;
        append_utf8(text, c);
        ASSERT_EQ(utf8_sequence(text), text.size()) << std::hex << static_cast<unsigned>(c);
        ASSERT_EQ(utf8_code_point(text), c);
    }
}

TEST(Utf8, ACutIsAPrefixOfWholeCharacters) {
    rc::check([](const std::vector<std::uint32_t>& seeds, std::uint8_t keep) {
        std::string text;
        for (const std::uint32_t seed : seeds) append_utf8(text, seed % 0xd800);
        const std::string_view cut = first_code_points(text, keep);
        RC_ASSERT(text.starts_with(cut));
        RC_ASSERT(is_utf8(cut));
        RC_ASSERT(count_code_points(cut) == std::min<std::size_t>(keep, seeds.size()));
    });
}

}  // namespace
}  // namespace pricewire::inline base
