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
