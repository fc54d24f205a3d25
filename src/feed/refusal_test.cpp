#include "feed/refusal.hpp"

#include <gtest/gtest.h>

namespace pricewire::feed {
namespace {

using namespace std::chrono_literals;

const Timestamp now{std::chrono::seconds{1'700'000'000}};  // Tue, 14 Nov 2023 22:13:20 GMT

Duration wait_for(int status, std::string_view retry_after, std::string_view body, int repeats = 0) {
    const auto refusal = judge_refusal(status, retry_after, body, now, repeats);
    return refusal ? refusal->wait : Duration{-1};
}
constexpr Duration none{-1};

TEST(Refusal, WaitsAsLongAsTheVenueSays) {
    EXPECT_EQ(wait_for(429, "30", ""), 30s);
    EXPECT_EQ(wait_for(418, "Tue, 14 Nov 2023 22:14:20 GMT", ""), 1min);
    EXPECT_EQ(wait_for(418, "", R"({"code":-1003,"msg":"IP banned until 1700000300000. Please"})"), 5min);
    EXPECT_EQ(wait_for(429, "30", "IP banned until 1700000300000"), 5min) << "the longer of two";
    EXPECT_EQ(wait_for(418, "", "IP banned until 99999999999999"), 2min)
        << "a time out of range is not believed";
    EXPECT_EQ(wait_for(503, "10", ""), 10s);
    EXPECT_EQ(wait_for(503, "99999999999999999999999999", ""), 72h);
    EXPECT_EQ(wait_for(503, "Fri, 14 Nov 2098 22:12:20 GMT", ""), 72h);
    EXPECT_EQ(wait_for(429, "0", ""), 1s) << "never at once";
}

TEST(Refusal, WaitsByItsOwnRuleOtherwise) {
    EXPECT_EQ(wait_for(429, "", ""), 1min);
    EXPECT_EQ(wait_for(429, "", "", 2), 4min);
    EXPECT_EQ(wait_for(429, "", "", 50), 1h);
    EXPECT_EQ(wait_for(418, "", ""), 2min);
    EXPECT_EQ(wait_for(418, "", "", 50), 6h);
    EXPECT_EQ(wait_for(403, "", "<html>"), 5min);
    EXPECT_EQ(wait_for(451, "", ""), 1h);
    EXPECT_EQ(wait_for(451, "5", ""), 1h);
    EXPECT_EQ(wait_for(200, "", " \n<!DOCTYPE html>"), 1min);
    EXPECT_EQ(wait_for(200, "", "<html>", 9), 15min);
}

TEST(Refusal, ByPlaceItRestsForAnHourEachTime) {
    const char* pages[] = {
        "<HTML><H1>403 ERROR</H1><H2>The request could not be satisfied.</H2>The Amazon CloudFront "
        "distribution is configured to block access from your country. We can't connect to the server.",
        "<title>Access denied</title> The owner of this website (api.x.com) has banned the country or region "
        "your IP address is in (US) from accessing this website.",
        "error code: 1009",
        R"({"code":0,"msg":"Service unavailable from a restricted location according to 'b. Eligibility'"})",
        R"({"code":"400302","msg":"Our services are currently unavailable in the U.S."})"};
    for (const char* page : pages) {
        const auto refusal = judge_refusal(403, "", page, now, 3);
        ASSERT_TRUE(refusal) << page;
        EXPECT_TRUE(refusal->by_place) << page;
        EXPECT_EQ(refusal->wait, 1h) << page;
        EXPECT_TRUE(refusal->why.starts_with("not available from here")) << refusal->why;
    }
    EXPECT_TRUE(judge_refusal(451, "", "", now, 0)->by_place);
    EXPECT_EQ(wait_for(451, "7200", ""), 2h);
    EXPECT_FALSE(judge_refusal(403, "", "<html>Forbidden</html>", now, 0)->by_place);
    EXPECT_FALSE(judge_refusal(403, "", "error code: 1020", now, 0)->by_place);
    EXPECT_FALSE(judge_refusal(429, "", "blocked in your country", now, 0)->by_place);
}

TEST(Refusal, BybitsTooFrequentIsARateLimit) {
    const auto refusal = judge_refusal(403, "", "access too frequent, please try again later", now, 0);
    EXPECT_EQ(refusal->wait, 10min);
    EXPECT_FALSE(refusal->by_place);
}

TEST(Refusal, ARepeatedShortRetryAfterIsExtended) {
    EXPECT_EQ(wait_for(429, "1", "", 0), 1s);
    EXPECT_EQ(wait_for(429, "1", "", 4), 16s);
    EXPECT_EQ(wait_for(429, "1", "", 40), 1min);
}

TEST(Refusal, CloudflaresErrorsCountByTheirCode) {
    EXPECT_EQ(wait_for(200, "", "error code: 1015\n"), 1min);
    EXPECT_EQ(wait_for(503, "", "error code: 1015"), 1min);
    EXPECT_EQ(wait_for(200, "", "error code: 1020"), 5min);
    EXPECT_EQ(judge_refusal(429, "", "error code: 1015", now, 0)->why,
              "Cloudflare's error 1015 (too many requests)");
    EXPECT_EQ(wait_for(522, "", "error code: 522"), none) << "it cannot reach the venue";
    EXPECT_EQ(wait_for(503, "", "error code: 503"), none);
    EXPECT_EQ(wait_for(403, "", "error code: 403"), 5min);
}

TEST(Refusal, FailuresAreNotRefusals) {
    EXPECT_EQ(wait_for(200, "", "{}"), none);
    EXPECT_EQ(wait_for(500, "", "<html>"), none);
    EXPECT_EQ(wait_for(502, "", "bad gateway"), none);
    EXPECT_EQ(wait_for(404, "", ""), none);
    EXPECT_EQ(wait_for(400, "", R"({"code":-1121})"), none);
}

TEST(Refusal, TextsForOperators) {
    EXPECT_EQ(about(500ms), "1 s");
    EXPECT_EQ(about(65s), "65 s");
    EXPECT_EQ(about(3601s), "61 min");
    EXPECT_EQ(about(3h), "3 h");
    EXPECT_EQ(snippet("a\x01\xff"
                      "b"),
              "a??b");
    EXPECT_EQ(snippet(std::string(200, 'x')).size(), 123u);
}

}  // namespace
}  // namespace pricewire::feed
