#include <gtest/gtest.h>

#include "rule/run.hpp"
#include "rule/terms_fixture.hpp"

// A time that is judged again after a late price.
namespace pricewire::rule {
namespace {

using namespace std::chrono_literals;

TEST(RunAgain, AFiringWhosePriceTurnsOutToBeGoneLeavesNoSideToCrossFrom) {
    const Timestamp begin{1'700'000'000s};
    RuledAlert alert;
    Terms terms = terms_of(R"({"is":"crosses","level":97})");
    terms.repeat = Repeat{.cooldown = 60s, .rearm = {}, .times = {}};
    alert.terms = std::make_shared<const Terms>(terms);
    alert.created_at = alert.begun_at = begin;
    rule::Run run(alert);
    Steps steps;
    run.value("BTC", begin, Decimal::from_int(96), steps);
    rule::Run again = run;
    run.value("BTC", begin + 20s, Decimal::from_int(98), steps);
    ASSERT_FALSE(steps.empty());
    ASSERT_TRUE(steps.back().fired);

    const Fired fired = *steps.back().fired;
    again.impose({&fired, 1});
    Steps later;
    again.value("BTC", begin + 10s, std::nullopt, later);
    again.value("BTC", begin + 30s, Decimal::from_int(100), later);
    again.time(begin + 10min, later);
    for (const Step& step : later) EXPECT_FALSE(step.fired);
    again.value("BTC", begin + 11min, Decimal::from_int(96), later);
    ASSERT_FALSE(later.empty());
    ASSERT_TRUE(later.back().fired) << "it crosses from where the first price was";
    EXPECT_EQ(later.back().fired->number, 2);
}

}  // namespace
}  // namespace pricewire::rule
