// Alerts with rules whose processes are killed or stopped, with the real programs, on clocks that stand still between the
// moments of a case (stepped_world.hpp).
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <string>
#include <vector>

#include "scenarios/stepped_cases.hpp"

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;

class RuleRestarts : public ::testing::TestWithParam<Side> {
protected:
    void SetUp() override {
        if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
    }
};
INSTANTIATE_TEST_SUITE_P(Sides, RuleRestarts, both_sides(), name_of_side);

SteppedCase worked(const std::string& json) {
    return {rule::alert_vector(json)};
}

// A price every ten seconds.
std::string each_ten(int from, int to, const char* price) {
    std::string out;
    for (int at = from; at <= to; at += 10) out += ",[" + std::to_string(at) + R"(,"BTC",")" + price + "\"]";
    return out;
}

TEST_P(RuleRestarts, FindTheStateThatWasKeptAndTheRestInTheBars) {
    const std::string repeats =
        R"("body":{"ticker":"BTC","when":{"is":"above","level":100},"repeat":{"cooldown":"10s","rearm":"1%"}})";
    std::vector<SteppedCase> cases{
        // Armed again before the kill.
        worked(R"({"n":77,"alert":"repeats",)" + repeats +
               R"(,"prices":[[0,"BTC","99"],[5,"BTC","101"],[20,"BTC","98.9"],[40,"BTC","100.2"]],
                   "fires":[[5,"101"],[40,"100.2"]],"left_out":0,"status":"active"})"),
        // Not armed again: the low of the minute's bar is from before the firing.
        worked(R"({"n":78,"alert":"repeats",)" + repeats +
               R"(,"prices":[[0,"BTC","99"],[5,"BTC","101"],[40,"BTC","100.2"]],
                   "fires":[[5,"101"]],"left_out":0,"status":"active"})"),
        // The high is in the bars.
        worked(
            R"({"n":79,"alert":"trails","body":{"ticker":"BTC","when":{"is":"below","level":{"from":"high","by":"-3%"}}},
                   "prices":[[0,"BTC","100"],[90,"BTC","110"],[220,"BTC","106.6"]],
                   "fires":[[220,"106.6"]],"left_out":0,"status":"fired"})"),
        // The bar of the first minute touches the level, so that the hold is known from its end on; 20 s were blind.
        worked(
            R"({"n":80,"alert":"holds","body":{"ticker":"BTC","when":{"is":"above","level":100},"for":"5m"},
                   "prices":[[0,"BTC","99"])" +
            each_ten(10, 200, "101") + each_ten(220, 390, "101") +
            R"(],"fires":[[380,"101"]],"left_out":0,"status":"fired"})")};
    SteppedWorld world(GetParam(), {.tickers = SteppedCases::tickers(cases), .begins_at = -5s});
    SteppedCases played(world, std::move(cases));
    world.start();
    // What a kill finds stored is as old as it would be if the clock had not stood still.
    const auto wait_until_stored = [&](const std::string& moment, const std::string& bar) {
        world.deployment().wait_until("what was judged until the kill to be stored", [&] {
            return world.state(played.of(80).alert).find("\"judged_until\":\"2025-01-02T" + moment + "Z\"") !=
                       std::string::npos &&
                   world.get("/rates/V80BTC/history?interval=1m&from=2025-01-02T10:00:00Z").find(bar) !=
                       std::string::npos;
        });
    };
    played.play_to(25s);
    wait_until_stored("10:00:25", R"({"time":"2025-01-02T10:00:00Z","open":99,"high":101,"low":99)");
    world.kill();
    world.start();
    played.play_to(200s);
    wait_until_stored("10:03:20", R"({"time":"2025-01-02T10:03:00Z")");
    world.kill();
    world.sleep_to(220s);
    world.start();
    played.play_to(395s);
    played.check();
}

// What was judged before a kill is in the bars, and breaks a hold; a bar that lacks it would let the alert fire 40 s early.
TEST_P(RuleRestarts, ADipRightBeforeAKillBreaksAHold) {
    std::vector<SteppedCase> cases{worked(
        R"({"n":92,"alert":"holds","body":{"ticker":"BTC","when":{"is":"above","level":100},"for":"1m"},
                   "prices":[[0,"BTC","101"],[10,"BTC","101"],[20,"BTC","101"],[30,"BTC","101"],[40,"BTC","99"],
                             [41,"BTC","101"],[50,"BTC","101"],[60,"BTC","101"],[80,"BTC","101"],[100,"BTC","101"],
                             [120,"BTC","101"]],
                   "fires":[[)" +
        // Where the bus keeps prices, nobody is blind between the kill and the start.
        std::string(GetParam() == Side::embedded ? "110" : "101") +
        R"(,"101"]],"left_out":0,"status":"fired"})")};
    SteppedWorld world(GetParam(), {.tickers = SteppedCases::tickers(cases), .begins_at = -5s});
    SteppedCases played(world, std::move(cases));
    world.start();
    played.play_to(41s);
    world.deployment().wait_until("what was judged to be noted", [&] {
        return world.state(played.of(92).alert).find(R"("judged_until":"2025-01-02T10:00:41Z")") !=
               std::string::npos;
    });
    world.kill();
    world.sleep_to(50s);
    world.start();
    played.play_to(125s);
    played.check();
}

TEST_P(RuleRestarts, EvidenceTellsOfTheTimeInWhichNothingRan) {
    std::vector<SteppedCase> cases{worked(
        R"({"n":93,"alert":"repeats","body":{"ticker":"BTC","when":{"is":"above","level":100},"repeat":{}},
                   "prices":[[0,"BTC","99"],[340,"BTC","101"]],
                   "fires":[[340,"101"]],"left_out":0,"status":"active"})")};
    SteppedWorld world(GetParam(), {.tickers = SteppedCases::tickers(cases), .begins_at = -5s});
    SteppedCases played(world, std::move(cases));
    world.start();
    played.play_to(40s);
    const std::string alert = played.of(93).alert;
    world.deployment().wait_until("what was judged to be noted", [&] {
        return world.state(alert).find(R"("judged_until":"2025-01-02T10:00:40Z")") != std::string::npos;
    });
    world.kill();
    world.sleep_to(330s);
    world.start();
    played.play_to(345s);
    played.check();
    const std::string firings = world.get("/alerts/" + alert + "/firings");
    EXPECT_NE(firings.find(R"("blind":[{"from":"2025-01-02T10:00:40Z","to":"2025-01-02T10:05:40Z")"),
              std::string::npos)
        << firings;
}

TEST_P(RuleRestarts, APriceFromBeforeAnExpiryFiresHoweverLateItIsRead) {
    std::vector<SteppedCase> cases{
        worked(
            R"({"n":90,"alert":"above 100, expires at 60","body":{"ticker":"BTC","when":{"is":"above","level":100}},
                   "life":{"expires_at":60},"prices":[[0,"BTC","99"],[59,"BTC","101"]],
                   "fires":[[59,"101"]],"left_out":0,"status":"fired"})"),
        worked(
            R"({"n":91,"alert":"the same, too late","body":{"ticker":"BTC","when":{"is":"above","level":100}},
                   "life":{"expires_at":60},"prices":[[0,"BTC","99"],[60,"BTC","101"]],
                   "fires":[],"left_out":0,"status":"expired"})")};
    SteppedWorld world(GetParam(), {.tickers = SteppedCases::tickers(cases), .begins_at = -5s});
    SteppedCases played(world, std::move(cases));
    world.start();
    played.play_to(58s);
    const char* const judge = GetParam() == Side::embedded ? "serve" : "checker1";
    world.stop(judge);
    played.play_unjudged_to(60s);
    world.sleep_to(89s);
    world.deployment().process(judge).signal(SIGCONT);
    world.settle();
    world.live_to(90s);
    played.check();
}

}  // namespace
}  // namespace pricewire::test
