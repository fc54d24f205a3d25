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

}  // namespace
}  // namespace pricewire::rule
