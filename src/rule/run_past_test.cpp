#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "rule/run.hpp"
#include "rule/terms_fixture.hpp"

namespace pricewire::rule {
namespace {

using namespace std::chrono_literals;

// Fired at 101 in the middle of a minute whose low, before that, was 98; then nobody watched for a second.
bool fires_again_after_a_gap(const Decimal& low_after_the_gap, bool goes_on) {
    const Timestamp minute{1'700'000'040s};
    RuledAlert alert;
    alert.terms = std::make_shared<const Terms>(
        terms_of(R"({"is":"above","level":100})", "null", R"({"cooldown":"10s","rearm":"1%"})"));
    alert.created_at = alert.begun_at = minute;
    RuleState fired{.fired = true, .start = minute + 30s};
    fired.as_of = minute + 30s;
    alert.state = {.firings = 1, .muted_until = minute + 40s, .rules = {fired}};
    rule::Run run(alert);
    const auto price = [](int value) { return Decimal::from_int(value); };
    run.history("BTC", {minute, minute + 41s, price(98), price(101), price(101)});
    Stretch after{minute + 42s, minute + 60s, low_after_the_gap, price(101), price(101)};
    after.goes_on = goes_on;
    run.history("BTC", after);
    Steps steps;
    run.value("BTC", minute + 70s, price(102), steps);
    return std::ranges::any_of(steps, [](const Step& step) { return step.fired.has_value(); });
}

TEST(RunPast, ALowFromBeforeAGapWithinAMinuteArmsNothing) {
    EXPECT_FALSE(fires_again_after_a_gap(Decimal::from_int(98), true));
    EXPECT_TRUE(fires_again_after_a_gap(Decimal::from_int(98), false)) << "a minute of its own";
    EXPECT_FALSE(fires_again_after_a_gap(Decimal::from_int(100), false));
}

TEST(RunPast, TheFirstPriceSinceTheStartCountsHoweverSoonItIsGone) {
    const Timestamp begin{1'700'000'040s};
    RuledAlert alert;
    alert.terms =
        std::make_shared<const Terms>(terms_of(R"({"is":"above","level":{"from":"low","by":"1"}})"));
    alert.created_at = alert.begun_at = begin;
    rule::Run run(alert);
    Steps steps;
    run.value("BTC", begin, Decimal::from_int(102), steps);
    run.value("BTC", begin, std::nullopt, steps);
    alert.state = run.state();
    for (rule::Run one : {run, rule::Run(alert)}) {
        steps.clear();
        one.value("BTC", begin + 2s, Decimal::from_int(104), steps);
        ASSERT_FALSE(steps.empty());
        EXPECT_TRUE(steps.back().fired) << "1 above 102, whether it is started again or not";
    }
}

TEST(RunPast, AHoldOfSeveralRulesBeginsWhenAllOfThemAreKnownToHold) {
    const Timestamp begin{1'700'000'040s};
    RuledAlert alert;
    alert.terms = std::make_shared<const Terms>(terms_of(
        R"({"all":[{"is":"above","level":100},{"ticker":"ETH","is":"below","level":50}]})", R"("20s")"));
    alert.created_at = alert.begun_at = begin;
    alert.state.rules.assign(2, {.armed = true, .start = begin, .as_of = begin});
    rule::Run run(alert);
    const auto known = [&](const char* ticker, Duration from, Duration to, int value) {
        const Decimal price = Decimal::from_int(value);
        run.history(ticker, {begin + from, begin + to, price, price, price});
    };
    known("BTC", 0s, 10s, 101);
    known("BTC", 30s, 40s, 101);
    known("ETH", 15s, 40s, 49);  // while BTC had no price
    Steps steps;
    run.value("BTC", begin + 40s, Decimal::from_int(101), steps);
    run.value("ETH", begin + 40s, Decimal::from_int(49), steps);
    run.time(begin + 60s, steps);
    ASSERT_FALSE(steps.empty());
    ASSERT_TRUE(steps.back().fired);
    EXPECT_EQ(steps.back().fired->time, begin + 50s);
}

const Timestamp start{1'700'000'040s};

// Fired at 101, with a margin of 1 %; from 10 s on it is 0.5 %.
bool fires_again_by_another_margin(std::initializer_list<std::pair<Duration, double>> prices) {
    const auto terms = [](std::string_view repeat) {
        return std::make_shared<const Terms>(terms_of(R"({"is":"above","level":100})", "null", repeat));
    };
    RuledAlert alert;
    alert.terms = terms(R"({"cooldown":"10s","rearm":"1%"})");
    alert.created_at = alert.begun_at = start - 1min;
    alert.state = {.firings = 1, .rules = {{.fired = true, .start = start, .as_of = start}}};
    const auto other = terms(R"({"cooldown":"10s","rearm":"0.5%"})");
    change_margin(alert.state.rules, *alert.terms, *other, start + 10s);
    alert.terms = other;
    rule::Run run(alert);
    Timestamp since = start;
    Decimal last = Decimal::from_int(101);
    for (const auto& [at, price] : prices) {
        run.history("BTC", {since, start + at, last, last, last});
        since = start + at;
        last = *Decimal::parse(fmt::format("{}", price));
    }
    run.history("BTC", {since, start + 30s, last, last, last});
    Steps steps;
    run.time(start + 31s, steps);
    run.value("BTC", start + 40s, Decimal::from_int(101), steps);
    return std::ranges::any_of(steps, [](const Step& step) { return step.fired.has_value(); });
}

TEST(RunPast, AnotherMarginCountsForPricesAfterItsEdit) {
    EXPECT_FALSE(fires_again_by_another_margin({{5s, 99.4}, {8s, 101}}));
    EXPECT_FALSE(fires_again_by_another_margin({{5s, 99.4}})) << "judged when it came";
    EXPECT_FALSE(fires_again_by_another_margin({{5s, 99.4}, {15s, 99.6}}));
    EXPECT_TRUE(fires_again_by_another_margin({{5s, 101}, {15s, 99.4}}));
    EXPECT_TRUE(fires_again_by_another_margin({{15s, 99.4}, {20s, 101}}));
}

Stretch stretch_of(Duration from, Duration to, int value) {
    const Decimal price = Decimal::from_int(value);
    return {start + from, start + to, price, price, price};
}

// Snoozed until 30 s; it has been 1 % above the low of a minute since 0 s.
Run snoozed_above_its_low() {
    RuledAlert alert;
    alert.terms = std::make_shared<const Terms>(
        terms_of(R"({"is":"above","level":{"from":"low","over":"1m","by":"1%"}})"));
    alert.created_at = alert.begun_at = start - 50s;
    alert.state.snoozed_until = start + 30s;
    alert.state.rules = {{.armed = true, .start = start - 50s, .as_of = start - 50s}};
    rule::Run run(alert);
    run.history("BTC", stretch_of(-50s, 0s, 100));
    return run;
}

TEST(RunPast, AMuteThatEndedWhileNothingRanEndsBeforeTheFirstPrice) {
    rule::Run run = snoozed_above_its_low();
    run.history("BTC", stretch_of(0s, 40s, 102));
    Steps steps;
    run.value("BTC", start + 40s, Decimal::from_int(99), steps);
    ASSERT_FALSE(steps.empty());
    ASSERT_TRUE(steps.back().fired);
    EXPECT_EQ(steps.back().fired->time, start + 30s);
    EXPECT_EQ(steps.back().fired->value, Decimal::from_int(102));
}

TEST(RunPast, WhatWasLeftOutBeforeIsLost) {
    RuledAlert alert = snoozed_above_its_low().alert();
    alert.state.snoozed_until = start + 65s;
    rule::Run run(alert);
    run.history("BTC", stretch_of(-50s, 0s, 100));
    run.history("BTC", stretch_of(0s, 70s, 102));  // the window has forgotten the low
    Steps steps;
    run.time(start + 70s, steps);
    run.time(start + 80s, steps);
    EXPECT_TRUE(steps.empty());
    EXPECT_EQ(run.left_out(), 0);
}

// ETH was within 3 % of the low of a minute at 0 s; at 55 s, when the other rule fired after their mute, it was not.
TEST(RunPast, ARuleThatWasNotTrueWhenAnotherFiredDoesNotWaitForItsMute) {
    RuledAlert alert;
    alert.terms = std::make_shared<const Terms>(
        terms_of(R"({"any":[{"is":"above","level":100},{"ticker":"ETH","is":"inside","level":[)"
                 R"({"from":"low","over":"1m","by":"-3%"},{"from":"low","over":"1m","by":"3%"}]}]})",
                 "null", R"({"cooldown":"10s","rearm":"0%"})"));
    alert.created_at = alert.begun_at = start - 60s;
    const RuleState fired{.fired = true, .start = start + 55s, .as_of = start + 55s};
    const RuleState waiting{.armed = true, .start = start - 60s, .as_of = start - 60s};
    alert.state = {.firings = 2, .muted_until = start + 65s, .rules = {fired, waiting}};
    rule::Run run(alert);
    run.history("ETH", stretch_of(-50s, -30s, 90));
    run.history("ETH", stretch_of(-30s, 0s, 95));
    run.history("ETH", stretch_of(0s, 58s, 92));
    Steps steps;
    run.value("BTC", start + 58s, Decimal::from_int(101), steps);
    run.time(start + 80s, steps);
    for (const Step& step : steps) EXPECT_FALSE(step.fired);
}

}  // namespace
}  // namespace pricewire::rule
