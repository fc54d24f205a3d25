#include <gtest/gtest.h>

#include "rule/run.hpp"
#include "rule/terms_fixture.hpp"

namespace pricewire::rule {
namespace {

using namespace std::chrono_literals;

TEST(RunAge, TellsTheLastPriceThatThereWas) {
    const Timestamp begin{1'700'000'000s};
    RuledAlert alert;
    alert.terms = std::make_shared<const Terms>(terms_of(R"({"watch":"age","is":"above","level":"60s"})"));
    alert.created_at = alert.begun_at = begin;
    rule::Run run(alert);
    Steps steps;
    run.value("BTC", begin - 5s, Decimal::from_int(100), steps);
    run.value("BTC", begin + 10s, Decimal::from_int(101), steps);
    run.value("BTC", begin + 15s, std::nullopt, steps);
    run.time(begin + 100s, steps);
    ASSERT_EQ(steps.size(), 1u);
    ASSERT_TRUE(steps[0].fired);
    EXPECT_EQ(steps[0].fired->value, Decimal::from_int(60));
    EXPECT_EQ(steps[0].fired->last_price, Decimal::from_int(101));
}

TEST(RunAge, KnowsTheLastPriceFromHistory) {
    const Timestamp begin{1'700'000'000s};
    RuledAlert alert;
    alert.terms = std::make_shared<const Terms>(terms_of(R"({"watch":"age","is":"above","level":"60s"})"));
    alert.created_at = alert.begun_at = begin;
    rule::Run run(alert);
    Steps steps;
    run.history("BTC", {begin - 120s, begin - 30s, Decimal::from_int(90), Decimal::from_int(110),
                        Decimal::from_int(95)});
    run.time(begin + 100s, steps);
    ASSERT_FALSE(steps.empty());
    ASSERT_TRUE(steps.back().fired);
    EXPECT_EQ(steps.back().fired->time, begin + 30s);
    EXPECT_EQ(steps.back().fired->last_price, Decimal::from_int(95));
}

}  // namespace
}  // namespace pricewire::rule
