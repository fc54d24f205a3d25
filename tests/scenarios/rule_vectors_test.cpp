// The worked cases of tests/data/alert_vectors.json with the real programs, each on tickers of its own, all at once and to
// the millisecond, on clocks that stand still between their moments (stepped_world.hpp).
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "scenarios/stepped_cases.hpp"

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;
using rule::AlertVector;

// An hour of prices takes a minute; a cooldown does not shrink, so that those that repeat take five.
SteppedCase stepped(AlertVector vector) {
    const auto last = std::ranges::max(vector.prices, {}, &rule::VectorPrice::at).at;
    const int faster = last <= 200s ? 1 : vector.terms.repeat ? 12 : 60;
    return {std::move(vector), faster};
}

// What was left out since its last firing is told by the next one.
void fire_once_more(AlertVector& vector) {
    const Decimal value = vector.fires.back().value;
    vector.prices.push_back({150s, vector.ticker, value});
    vector.fires.push_back({150s, value});
}

class RuleVectors : public ::testing::TestWithParam<Side> {};
INSTANTIATE_TEST_SUITE_P(Sides, RuleVectors, both_sides(), name_of_side);

TEST_P(RuleVectors, FireAsTheFileSays) {
    if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
    std::vector<SteppedCase> cases;
    for (AlertVector& vector : rule::alert_vectors()) {
        if (vector.status == "active" && vector.left_out > 0) fire_once_more(vector);
        cases.push_back(stepped(std::move(vector)));
    }
    // Each rule of `any` is armed again for itself.
    cases.push_back(
        stepped(rule::alert_vector(R"({"n":76,"alert":"any: above 100, below 90, repeat cooldown 10s",
        "body":{"ticker":"BTC","when":{"any":[{"is":"above","level":100},{"is":"below","level":90}]},
                "repeat":{"cooldown":"10s"}},
        "prices":[[0,"BTC","95"],[5,"BTC","101"],[30,"BTC","89"],[40,"BTC","101"]],
        "fires":[[5,"101"],[30,"89"],[40,"101"]],"left_out":0,"status":"active"})")));
    ASSERT_EQ(cases.size(), 76U);
    SteppedWorld world(GetParam(), {.tickers = SteppedCases::tickers(cases), .begins_at = -20s});
    SteppedCases played(world, std::move(cases));
    played.store_past();
    world.start();
    played.play_to(200s);
    played.check();
}

}  // namespace
}  // namespace pricewire::test
