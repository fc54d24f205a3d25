#include "base/http_date.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>
#include <utility>
#include <vector>

namespace pricewire::inline base {
namespace {

using std::chrono::seconds;

const Timestamp now = *parse_rfc3339("2023-11-14T22:13:20Z");

TEST(RetryAfter, SecondsAndTheThreeFormsOfADate) {
    const std::vector<std::pair<std::string, std::int64_t>> table{
        {"0", 0},
        {"120", 120},
        {" 7\t", 7},
        {"0000000000000000000000000000005", 5},
        {"Tue, 14 Nov 2023 22:13:50 GMT", 30},
        {"Tuesday, 14-Nov-23 22:13:50 GMT", 30},
        {"Tue Nov 14 22:13:50 2023", 30},
        {"Fri Dec  1 22:13:20 2023", 17 * 86'400},
        {"Tue, 14 Nov 2023 22:13:60 GMT", 40},  // a leap second
        {"Sun, 06 Nov 1994 08:49:37 GMT", 0},   // long gone
        {"Sunday, 06-Nov-94 08:49:37 GMT", 0},  // 1994, since 2094 is too far ahead
        {"Thu, 29 Feb 2024 00:00:00 GMT", 106 * 86'400 + 6'400},
    };
    for (const auto& [text, wait] : table) {
        const auto got = parse_retry_after(text, now);
        ASSERT_TRUE(got) << text;
        EXPECT_EQ(*got, seconds{wait}) << text;
    }
}

TEST(HttpDate, IsWrittenAsItIsRead) {
    EXPECT_EQ(format_http_date(*parse_rfc3339("1994-11-06T08:49:37.999Z")), "Sun, 06 Nov 1994 08:49:37 GMT");
    rc::check("every second of a year of four digits", [] {
        const auto at = *rc::gen::inRange<std::int64_t>(-62'135'596'800, 253'402'300'800);
        const Timestamp t{seconds{at}};
        RC_ASSERT(parse_http_date(format_http_date(t), now) == t);
    });
}

TEST(RetryAfter, AHugeNumberIsALongTime) {
    const auto wait = parse_retry_after(std::string(1000, '9'), now);
    ASSERT_TRUE(wait);
    EXPECT_GT(*wait, std::chrono::hours{24 * 365 * 1000});
}

TEST(RetryAfter, GarbageIsNothing) {
    for (const std::string text : {"",
                                   " ",
                                   "-1",
                                   "+1",
                                   "1.5",
                                   "1s",
                                   "0x10",
                                   "1 2",
                                   "soon",
                                   "Tue, 14 Nov 2023 22:13:50",
                                   "Tue, 14 Nov 2023 22:13:50 UTC",
                                   "Tue, 14 Nov 2023 24:00:00 GMT",
                                   "Tue, 31 Nov 2023 22:13:50 GMT",
                                   "Tue, +4 Nov 2023 22:13:50 GMT",
                                   "Tue, 14 Foo 2023 22:13:50 GMT",
                                   "Tue, 14 Nov 2023 22:60:50 GMT",
                                   "Thu, 29 Feb 2023 00:00:00 GMT",
                                   "tue, 14 nov 2023 22:13:50 gmt",
                                   "Tue, 14 Nov 2023 22:13:50 GMT and more",
                                   "2023-11-14T22:13:50Z",
                                   "Xyz, 14 Nov 2023 22:13:50 GMT"}) {
        EXPECT_FALSE(parse_retry_after(text, now)) << text;
    }
}

TEST(RetryAfter, AnyTextIsTaken) {
    rc::check("no text breaks it, and no wait is negative", [] {
        const auto text = *rc::gen::container<std::string>(
            rc::gen::elementOf(std::string("0123456789 ,:-GMTSunNovTuesday\t\0x", 34)));
        const auto wait = parse_retry_after(text, now);
        RC_ASSERT(!wait || *wait >= Duration::zero());
    });
}

}  // namespace
}  // namespace pricewire::inline base
