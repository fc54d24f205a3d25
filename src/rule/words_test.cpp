#include "rule/words.hpp"

#include <gtest/gtest.h>

#include "rule/terms_fixture.hpp"

namespace pricewire::rule {
namespace {

Timestamp at(std::string_view time) {
    return parse_rfc3339(time).value();
}

TEST(RuleWords, SayEachKind) {
    const auto words = [](std::string_view when) { return rule_words(terms_of(when)); };
    EXPECT_EQ(words(R"({"is":"above","level":70000})"), "BTC rises above 70,000");
    EXPECT_EQ(words(R"({"is":"below","level":0.05})"), "BTC falls below 0.05");
    EXPECT_EQ(words(R"({"is":"crosses","level":70000})"), "BTC crosses 70,000");
    EXPECT_EQ(words(R"({"is":"crosses_up","level":70000})"), "BTC crosses above 70,000");
    EXPECT_EQ(words(R"({"is":"crosses_down","level":70000})"), "BTC crosses below 70,000");
    EXPECT_EQ(words(R"({"is":"inside","level":[0.99,1.01]})"), "BTC is between 0.99 and 1.01");
    EXPECT_EQ(words(R"({"is":"outside","level":[0.99,1.01]})"), "BTC is outside 0.99 to 1.01");
    EXPECT_EQ(words(R"({"is":"enters","level":[0.99,1.01]})"), "BTC enters 0.99 to 1.01");
    EXPECT_EQ(words(R"({"is":"leaves","level":[0.99,1.01]})"), "BTC leaves 0.99 to 1.01");
    EXPECT_EQ(words(R"({"is":"above","level":{"from":65000,"by":"2%"}})"),
              "BTC rises above 66,300 (2 % above 65,000)");
    EXPECT_EQ(words(R"({"is":"below","level":{"from":65000,"by":"-500"}})"),
              "BTC falls below 64,500 (500 below 65,000)");
    EXPECT_EQ(words(R"({"is":"outside","level":[{"from":"start","by":"-5%"},{"from":"start","by":"5%"}]})"),
              "BTC moves 5 % either way from its price at the start");
    EXPECT_EQ(words(R"({"is":"leaves","level":[{"from":"start","by":"-5%"},{"from":"start","by":"6%"}]})"),
              "BTC leaves 5 % below its price at the start to 6 % above its price at the start");
    EXPECT_EQ(words(R"({"is":"above","level":{"from":"start","by":"5%"}})"),
              "BTC rises 5 % from its price at the start");
    EXPECT_EQ(words(R"({"is":"above","level":{"from":"low","over":"1h","by":"5%"}})"),
              "BTC rises 5 % within 1h");
    EXPECT_EQ(words(R"({"is":"above","level":{"from":"low","over":"1h","by":"500"}})"),
              "BTC rises 500 within 1h");
    EXPECT_EQ(words(R"({"is":"below","level":{"from":"high","over":"7d","by":"-5%"}})"),
              "BTC falls 5 % within 7d");
    EXPECT_EQ(words(R"({"is":"crosses_down","level":{"from":"high","over":"1h","by":"-5%"}})"),
              "BTC newly falls 5 % within 1h");
    EXPECT_EQ(words(R"({"is":"below","level":{"from":"high","by":"-3%"}})"), "BTC falls 3 % from its high");
    EXPECT_EQ(words(R"({"is":"above","level":{"from":"low","by":"3%"}})"), "BTC rises 3 % from its low");
    EXPECT_EQ(words(R"({"is":"above","level":{"from":"high","by":"-3%"}})"),
              "BTC rises above 3 % below its high");
    EXPECT_EQ(words(R"({"is":"above","level":{"from":"high","over":"24h"}})"), "BTC makes a new 24h high");
    EXPECT_EQ(words(R"({"is":"below","level":{"from":"low"}})"), "BTC makes a new low");
    EXPECT_EQ(words(R"({"is":"crosses_up","level":{"from":"high","over":"24h"}})"),
              "BTC crosses above its 24h high");
    EXPECT_EQ(words(R"({"watch":{"close":"1h"},"is":"above","level":70000})"),
              "BTC's 1h close rises above 70,000");
    EXPECT_EQ(words(R"({"watch":{"ratio_to":"ETH"},"is":"below","level":0.05})"),
              "BTC in ETH falls below 0.05");
    EXPECT_EQ(words(R"({"watch":"age","is":"above","level":"60s"})"), "BTC has no price for 1 min");
    EXPECT_EQ(words(R"({"all":[{"is":"above","level":70000},{"ticker":"ETH","is":"below","level":2500}]})"),
              "BTC is above 70,000 while ETH is below 2,500");
    EXPECT_EQ(words(R"({"all":[{"is":"above","level":70000},{"ticker":"ETH","is":"inside","level":[1,2]},)"
                    R"({"is":"above","level":{"from":"low","over":"1h","by":"5%"}}]})"),
              "BTC is above 70,000 while ETH is between 1 and 2 and BTC rises 5 % within 1h");
    EXPECT_EQ(words(R"({"any":[{"is":"above","level":100},{"is":"below","level":90}]})"),
              "BTC rises above 100 or BTC falls below 90");
}

TEST(RuleWords, SayHoldRepeatAndLife) {
    const LifeWords no_life{.now = at("2025-01-02T10:00:00Z")};
    const std::string_view move = R"({"is":"above","level":{"from":"low","over":"1h","by":"5%"}})";
    const std::string_view number = R"({"is":"above","level":70000})";
    EXPECT_EQ(says(terms_of(move, "null", R"({"cooldown":"15m","times":10})"),
                   {.expires_at = at("2025-02-01T00:00:00Z"), .now = no_life.now}),
              "BTC rises 5 % within 1h, every time, at most every 15 min, 10 times, until 1 Feb");
    EXPECT_EQ(says(terms_of(number, R"("5m")"), no_life), "BTC rises above 70,000 and stays so for 5 min");
    EXPECT_EQ(says(terms_of(number, "null", "{}"), no_life),
              "BTC rises above 70,000, every time, at most every 5 min");
    EXPECT_EQ(says(terms_of(number, "null", R"({"rearm":"1%","cooldown":"90s","times":1})"), no_life),
              "BTC rises above 70,000, every time it has been 1 % back, at most every 90 s, once");
    EXPECT_EQ(says(terms_of(number, "null", R"({"rearm":0})"), no_life),
              "BTC rises above 70,000, every time it has been back, at most every 5 min");
    EXPECT_EQ(says(terms_of(number), {at("2025-03-01T09:14:05Z"), at("2026-01-01T18:00:00Z"), no_life.now}),
              "BTC rises above 70,000, from 1 Mar 09:14:05, until 1 Jan 2026 18:00");
    EXPECT_EQ(says(terms_of(number), {.starts_at = no_life.now, .now = no_life.now}),
              "BTC rises above 70,000");
}

TEST(RuleWords, GroupDigits) {
    const auto words = [](const char* number) { return grouped(Decimal::parse(number).value()); };
    EXPECT_EQ(words("0.000001234"), "0.000001234");
    EXPECT_EQ(words("999"), "999");
    EXPECT_EQ(words("1000"), "1,000");
    EXPECT_EQ(words("68250.5"), "68,250.5");
    EXPECT_EQ(words("-1234567.1234567"), "-1,234,567.1234567");
    EXPECT_EQ(words("-100"), "-100");
}

TEST(RuleWords, SayDurations) {
    using namespace std::chrono_literals;
    EXPECT_EQ(duration_words(15min), "15 min");
    EXPECT_EQ(duration_words(24h), "24 h");
    EXPECT_EQ(duration_words(90min), "90 min");
    EXPECT_EQ(duration_words(1500ms), "1500 ms");
    EXPECT_EQ(duration_words(1us), "1 us");
}

}  // namespace
}  // namespace pricewire::rule
