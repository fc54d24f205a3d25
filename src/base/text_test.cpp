#include "base/text.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdint>

namespace pricewire::inline base {
namespace {

TEST(Text, CaseIsThatOfAscii) {
    EXPECT_EQ(lower_case("AbZ@[`{0\xc3\x89"), "abz@[`{0\xc3\x89");
    EXPECT_EQ(upper_case("aBz@[`{0\xc3\xa9"), "ABZ@[`{0\xc3\xa9");
    EXPECT_TRUE(equal_ignoring_case("GZip", "gzIP"));
    EXPECT_FALSE(equal_ignoring_case("gzip", "gzi"));
    EXPECT_FALSE(equal_ignoring_case("@", "`")) << "they differ in the bit that tells the cases apart";
}

TEST(Text, CountsTheEditsBetweenTwoTexts) {
    EXPECT_EQ(edit_distance("BTC", "BTC"), 0U);
    EXPECT_EQ(edit_distance("", "BTC"), 3U);
    EXPECT_EQ(edit_distance("BCT", "BTC"), 2U);
    EXPECT_EQ(edit_distance("DOGE", "DOGES"), 1U);
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(Text, KnowsAsciiAndTokens) {
    EXPECT_TRUE(is_ascii(std::string_view("\0a\x7f", 3)));
    EXPECT_TRUE(is_ascii(""));
    EXPECT_FALSE(is_ascii("a\x80"));
    EXPECT_TRUE(is_token("aZ09!#$%&'*+-.^_`|~"));
    EXPECT_FALSE(is_token(""));
    for (const char c : std::string("\"(),/:;<=>?@[\\]{} \t\x7f\x80"))
        EXPECT_FALSE(is_token(std::string("a") + c)) << c;
    EXPECT_FALSE(is_token(std::string_view("a\0", 2)));
}

TEST(Text, TrimsBothEnds) {
    EXPECT_EQ(trimmed(" \t a b\t "), "a b");
    EXPECT_EQ(trimmed("a\r\n"), "a\r\n");
    EXPECT_EQ(trimmed("\n a\r\n", " \r\n"), "a");
    EXPECT_EQ(trimmed(" \t"), "");
    EXPECT_EQ(trimmed(""), "");
}

TEST(Text, TakesPartsOffTheFront) {
    std::string_view rest = "a b ";
    EXPECT_EQ(take_part(rest, ' '), "a");
    EXPECT_EQ(take_part(rest, ' '), "b");
    EXPECT_EQ(rest, "");
    EXPECT_EQ(take_part(rest, ' '), "");
    rest = "abc";
    EXPECT_EQ(take_part(rest, ' '), "abc");
    EXPECT_EQ(rest, "");
    rest = ",a";
    EXPECT_EQ(take_part(rest, ','), "");
    EXPECT_EQ(rest, "a");
}

TEST(Text, SplitsLists) {
    using Items = std::vector<std::string_view>;
    EXPECT_EQ(split_list(" a, b c ,,d,"), (Items{"a", "b c", "d"}));
    EXPECT_EQ(split_list("a/b,c", '/'), (Items{"a", "b,c"}));
    EXPECT_EQ(split_list(" , "), Items{});
}

TEST(Text, ANumberIsTheWholeText) {
    EXPECT_EQ(parse_number<int>("-12"), -12);
    EXPECT_EQ(parse_number<std::uint16_t>("65535"), 65535);
    EXPECT_EQ(parse_number<std::uint32_t>("fF", 16), 255u);
    for (const char* text : {"", " 1", "1 ", "+1", "1x", "0x1", "1.0", "2147483648"}) {
        EXPECT_FALSE(parse_number<int>(text)) << text;
    }
    EXPECT_FALSE(parse_number<std::uint16_t>("65536"));
    EXPECT_FALSE(parse_number<unsigned>("-1"));
}

TEST(Text, PercentEncoding) {
    EXPECT_EQ(percent_encode("aZ0-._~ /%\xc3\xa9"), "aZ0-._~%20%2F%25%C3%A9");
    EXPECT_EQ(percent_decode("%41%2f%c3%A9+%zz%4%"), "A/\xc3\xa9+%zz%4%");
    EXPECT_EQ(percent_decode_strictly("%41+"), "A+");
    for (const char* text : {"%", "%4", "%zz", "%4g", "a%"}) {
        EXPECT_FALSE(percent_decode_strictly(text)) << text;
    }
    rc::check("what was encoded is decoded", [](const std::string& text) {
        RC_ASSERT(percent_decode(percent_encode(text)) == text);
        RC_ASSERT(percent_decode_strictly(percent_encode(text)) == text);
    });
}

}  // namespace
}  // namespace pricewire::inline base
