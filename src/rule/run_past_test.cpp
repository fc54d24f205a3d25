#include <gtest/gtest.h>

#include <algorithm>

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

}  // namespace
}  // namespace pricewire::rule
