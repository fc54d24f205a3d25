#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <vector>

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

TEST(RunAgain, APriceThatComesLateFromBeforeAFiringArmsAnAge) {
    const Timestamp begin{1'700'000'000s};
    RuledAlert alert;
    alert.terms = std::make_shared<const Terms>(
        terms_of(R"({"watch":"age","is":"above","level":"30s"})", "null", R"({"cooldown":"1m"})"));
    alert.created_at = alert.begun_at = begin;
    rule::Run run(alert);
    Steps steps;
    run.value("BTC", begin, Decimal::from_int(96), steps);
    rule::Run again = run;
    run.time(begin + 30s, steps);
    ASSERT_FALSE(steps.empty());
    ASSERT_TRUE(steps.back().fired);

    again.impose({&*steps.back().fired, 1});
    Steps later;
    again.value("BTC", begin + 20s, Decimal::from_int(96), later);
    again.time(begin + 40s, later);
    ASSERT_EQ(later.size(), 1);
    EXPECT_TRUE(later[0].rearmed) << "or a start would not know";
    EXPECT_TRUE(later[0].after.rules[0].armed);

    // A start does: the mute of the firing at 30 s ends 70 s after the last price.
    alert.state = later[0].after;
    rule::Run started(alert);
    const Decimal price = Decimal::from_int(96);
    started.history("BTC", {begin + 20s, begin + 20s, price, price, price});
    Steps last;
    started.time(begin + 45s, last);
    started.time(begin + 90s, last);
    ASSERT_FALSE(last.empty());
    ASSERT_TRUE(last.back().fired);
    EXPECT_EQ(last.back().fired->value, Decimal::from_int(70));
}

// ETH was at 98 until 10 s before the start: by 50 s the window of a minute has forgotten that, and 100 is no more than 1 %
// above the lowest price that is left.
class OfTwoRules {
public:
    OfTwoRules() {
        Terms terms = terms_of(R"({"any":[{"is":"above","level":100},{"ticker":"ETH","is":"below",)"
                               R"("level":{"from":"low","over":"1m","by":"1%"}}]})");
        terms.repeat = Repeat{.cooldown = 10s, .rearm = {}, .times = {}};
        RuledAlert alert;
        alert.terms = std::make_shared<const Terms>(terms);
        alert.created_at = alert.begun_at = begin_;
        run_.emplace(alert);
        eth(-30s, 98);
        eth(-10s, 100);
        btc(0s, 99);
        before_ = run_;
        btc(55s, 101);
    }
    void btc(Duration at, int price) { run_->value("BTC", begin_ + at, Decimal::from_int(price), steps_); }
    void eth(Duration at, int price) { run_->value("ETH", begin_ + at, Decimal::from_int(price), steps_); }
    void time(Duration at) { run_->time(begin_ + at, steps_); }
    // From 0 s on, with what has fired.
    void again() {
        const auto happened = fired();
        run_ = before_;
        run_->impose(happened);
        steps_.clear();
    }
    std::vector<Fired> fired() const {
        std::vector<Fired> out;
        for (const Step& step : steps_) {
            if (step.fired) out.push_back(*step.fired);
        }
        return out;
    }
    Timestamp begin() const { return begin_; }

private:
    Timestamp begin_{1'700'000'000s};
    std::optional<Run> run_, before_;
    Steps steps_;
};

TEST(RunAgain, AFiringIsNoReasonToLookAtAnotherRuleAgain) {
    OfTwoRules rules;
    ASSERT_EQ(rules.fired().size(), 1);
    rules.again();
    rules.btc(20s, 98);
    rules.btc(55s, 101);
    rules.time(3min);
    EXPECT_TRUE(rules.fired().empty()) << "time alone fires nothing";
}

TEST(RunAgain, ARuleThatAFiringHoldsBackIsLookedAtAfterIt) {
    OfTwoRules rules;
    rules.again();
    rules.eth(53s, 99);
    rules.btc(55s, 101);
    rules.time(3min);
    ASSERT_EQ(rules.fired().size(), 1);
    EXPECT_EQ(rules.fired()[0].rule, 1);
    EXPECT_EQ(rules.fired()[0].number, 2);
    EXPECT_EQ(rules.fired()[0].time, rules.begin() + 65s);
}

}  // namespace
}  // namespace pricewire::rule
