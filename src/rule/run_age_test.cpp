#include <gtest/gtest.h>

#include "rule/run.hpp"
#include "rule/terms_fixture.hpp"

namespace pricewire::rule {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp age_begin{1'700'000'000s};

rule::Run minute_without_a_price() {
    RuledAlert alert;
    alert.terms = std::make_shared<const Terms>(terms_of(R"({"watch":"age","is":"above","level":"60s"})"));
    alert.created_at = alert.begun_at = age_begin;
    return rule::Run(alert);
}

TEST(RunAge, ReportsTheLastPrice) {
    rule::Run run = minute_without_a_price();
    Steps steps;
    run.value("BTC", age_begin - 5s, Decimal::from_int(100), steps);
    run.value("BTC", age_begin + 10s, Decimal::from_int(101), steps);
    run.value("BTC", age_begin + 15s, std::nullopt, steps);
    run.time(age_begin + 100s, steps);
    ASSERT_EQ(steps.size(), 1u);
    ASSERT_TRUE(steps[0].fired);
    EXPECT_EQ(steps[0].fired->value, Decimal::from_int(60));
    EXPECT_EQ(steps[0].fired->last_price, Decimal::from_int(101));
}

TEST(RunAge, KnowsTheLastPriceFromHistory) {
    rule::Run run = minute_without_a_price();
    Steps steps;
    run.history("BTC", {age_begin - 120s, age_begin - 30s, Decimal::from_int(90), Decimal::from_int(110),
                        Decimal::from_int(95)});
    run.time(age_begin + 100s, steps);
    ASSERT_FALSE(steps.empty());
    ASSERT_TRUE(steps.back().fired);
    EXPECT_EQ(steps.back().fired->time, age_begin + 30s);
    EXPECT_EQ(steps.back().fired->last_price, Decimal::from_int(95));
}

// The bars after a kill may lack the last seconds before it, in which the alert was noted.
TEST(RunAge, GoesOnFromAStateThatIsYoungerThanTheLastKnownPrice) {
    RuledAlert alert;
    alert.terms = std::make_shared<const Terms>(
        terms_of(R"({"watch":"age","is":"above","level":"60s"})", "null", R"({"cooldown":"10s"})"));
    alert.created_at = alert.begun_at = age_begin;
    alert.state.firings = 1;
    alert.state.rules.push_back(
        {.armed = false, .fired = true, .start = age_begin + 100s, .as_of = age_begin + 100s});
    rule::Run run(alert);
    Steps steps;
    run.history("BTC", {age_begin - 120s, age_begin + 10s, Decimal::from_int(90), Decimal::from_int(110),
                        Decimal::from_int(95)});
    run.time(age_begin + 110s, steps);
    EXPECT_TRUE(steps.empty());
    run.value("BTC", age_begin + 120s, Decimal::from_int(96), steps);
    run.time(age_begin + 200s, steps);
    ASSERT_FALSE(steps.empty());
    ASSERT_TRUE(steps.back().fired);
    EXPECT_EQ(steps.back().fired->time, age_begin + 180s);
    EXPECT_EQ(steps.back().fired->number, 2);
}

// Armed again by a price within the last seconds before a kill, which no bar has.
TEST(RunAge, CountsFromThePriceThatArmedIt) {
    RuledAlert alert;
    alert.terms = std::make_shared<const Terms>(
        terms_of(R"({"watch":"age","is":"above","level":"60s"})", "null", R"({"cooldown":"10s"})"));
    alert.created_at = alert.begun_at = age_begin;
    alert.state.firings = 1;
    alert.state.rules.push_back(
        {.armed = true, .fired = true, .start = age_begin + 100s, .as_of = age_begin + 198s});
    rule::Run run(alert);
    Steps steps;
    run.history("BTC", {age_begin - 120s, age_begin + 40s, Decimal::from_int(90), Decimal::from_int(110),
                        Decimal::from_int(95)});
    run.time(age_begin + 230s, steps);
    EXPECT_TRUE(steps.empty()) << "32 s after the last price";
    run.time(age_begin + 260s, steps);
    ASSERT_FALSE(steps.empty());
    ASSERT_TRUE(steps.back().fired);
    EXPECT_EQ(steps.back().fired->time, age_begin + 258s);
    EXPECT_FALSE(steps.back().fired->last_price) << "it is not known";
}

}  // namespace
}  // namespace pricewire::rule
