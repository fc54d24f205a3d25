#include "recover/ruled_recovery.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "recover/recoverable.hpp"
#include "recover/ruled_alerts_fixture.hpp"

namespace pricewire::recover {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view above = R"({"is":"above","level":100})";
constexpr std::string_view trailing = R"({"is":"below","level":{"from":"high","by":"-3%"}})";
constexpr std::string_view repeats = R"({"cooldown":"10s","rearm":"0%"})";

// Has fired once, at `at`.
ActiveAlert fired(const ActiveAlert& like, Duration at, double price, bool armed = false) {
    AlertState state;
    state.firings = 1;
    state.muted_until = gap_begin + at + 10s;
    state.rules.push_back({.armed = armed,
                           .fired = true,
                           .start = gap_begin + at,
                           .start_price = decimal(price),
                           .as_of = gap_begin + at,
                           .extreme_until = gap_begin + at});
    return with(like, state);
}

std::map<Ticker, ToldMinutes> minutes_told(std::vector<past::CombinedBar> bars) {
    return {{"BTC", told(std::move(bars))}};
}
std::set<RuledRecovery::Minute> wanted(int minute) {
    return {{"BTC", gap_begin + minute * 1min}};
}
// One price for so long before the gap.
RuledRecovery::Known known_at(double price, Duration since) {
    return [=](Ticker, Timestamp) {
        return std::vector<Stretch>{
            {gap_begin - since, gap_begin, decimal(price), decimal(price), decimal(price)}};
    };
}
const RuledRecovery::Known at_99 = known_at(99, 1h), at_101 = known_at(101, 10min);

// "1: 101 [60,120)" or "1: 101 @75", one a line; "armed", "extreme 110" of a note.
std::string shown(const RuledRecovery& recovery) {
    std::string out;
    const auto second = [](Timestamp t) { return (t - gap_begin) / 1s; };
    for (const RuledOutcome& outcome : recovery.outcomes()) {
        for (const auto& [late, firing] : outcome.firings) {
            out += fmt::format("{}: {} ", firing.number, firing.value.to_string());
            out += late.is_exact() ? fmt::format("@{}\n", second(late.from))
                                   : fmt::format("[{},{})\n", second(late.from), second(late.to));
        }
        if (!outcome.note) continue;
        for (const RuleState& rule : outcome.note->rules) {
            if (rule.armed) out += fmt::format("armed @{}\n", second(rule.as_of));
            if (rule.extreme) out += fmt::format("extreme {}\n", rule.extreme->to_string());
        }
    }
    return out;
}
std::string judged(const ActiveAlert& one, std::vector<past::CombinedBar> bars, Duration to = 5min,
                   const RuledRecovery::Known& known = at_99) {
    EXPECT_TRUE(is_recoverable(one, gap_begin, gap_begin + to));
    return shown(RuledRecovery(gap_begin, gap_begin + to, minutes_told(std::move(bars)), {one}, known));
}

TEST(RuledRecovery, WhatCrossedAndCameBackFires) {
    EXPECT_EQ(
        judged(alert(above), {bar(0, 99, 99, 100, 99), bar(1, 99, 98, 103, 99), bar(2, 99, 98, 104, 99)}),
        "1: 103 [60,120)\n");
    EXPECT_EQ(judged(alert(above), {bar(0, 99, 99, 100, 99)}), "") << "at the level is not above it";
}

TEST(RuledRecovery, ARepeatingAlertIsArmedAndFiresAgainByRecoveredPrices) {
    const ActiveAlert once = fired(alert(above, repeats), -10min, 101);
    const auto judge = [&](std::vector<past::CombinedBar> bars) {
        return judged(once, std::move(bars), 5min, at_101);
    };
    EXPECT_EQ(judge({bar(0, 101, 101, 102, 101), bar(1, 101, 98, 101, 99), bar(2, 99, 99, 103, 102)}),
              "2: 103 [120,180)\n");
    EXPECT_EQ(judge({bar(0, 101, 101, 102, 101), bar(1, 101, 98, 101, 99)}), "armed @119\n")
        << "the later one of its two orders";
    EXPECT_EQ(judge({bar(0, 101, 101, 102, 101), bar(1, 101, 101, 103, 102)}), "");
}

TEST(RuledRecovery, WhatDependsOnTheOrderWithinAMinuteIsNotGuessed) {
    const ActiveAlert once = fired(alert(above, repeats), -10min, 101);
    // Down to 99 and up to 103, or up and down.
    const std::vector bars{bar(0, 101, 99, 103, 99.5), bar(1, 99.5, 99, 104, 99)};
    EXPECT_EQ(judged(once, {bars[0]}, 1min, at_101), "armed @59\n");
    EXPECT_EQ(judged(once, bars, 2min, at_101), "2: 104 [60,120)\narmed @119\n");
}

TEST(RuledRecovery, ATrailingAlertFollowsRecoveredPrices) {
    AlertState state;
    state.rules.push_back({.armed = true,
                           .start = gap_begin - 1h,
                           .start_price = decimal(99),
                           .as_of = gap_begin - 1h,
                           .extreme = decimal(99),
                           .extreme_until = gap_begin - 59min});
    const ActiveAlert one = with(alert(trailing), state);
    EXPECT_EQ(judged(one, {bar(0, 99, 99, 110, 109), bar(1, 109, 106, 109, 108)}), "1: 106 [60,120)\n");
    EXPECT_EQ(judged(one, {bar(0, 99, 99, 110, 109), bar(1, 109, 108, 109, 108)}),
              "armed @-3600\nextreme 110\n");
    EXPECT_EQ(judged(one, {bar(0, 99, 97, 99, 98)}), "");
}

TEST(RuledRecovery, ANewHighIsKnownWhereTheLastPriceIsFromBeforeItsWindow) {
    const RuledRecovery::Known known = [](Ticker, Timestamp) {
        return std::vector<Stretch>{
            {gap_begin - 3h, gap_begin - 179min, decimal(99), decimal(101), decimal(101)},
            {gap_begin - 10min, gap_begin, decimal(99), decimal(99), decimal(99)}};
    };
    EXPECT_EQ(judged(alert(R"({"is":"above","level":{"from":"high","over":"1h"}})"),
                     {bar(0, 99, 98, 99, 99), bar(1, 99, 99, 100, 100)}, 5min, known),
              "1: 100 [60,120)\n");
}

TEST(RuledRecovery, OneThatBeganJustBeforeTheKillIsJudgedFromItsStart) {
    AlertState state;
    state.rules.push_back({.armed = true,
                           .start = gap_begin + 5s,
                           .start_price = decimal(99),
                           .as_of = gap_begin + 5s,
                           .extreme_until = gap_begin + 5s});
    const ActiveAlert one = with(alert(trailing, "null", "null", 5s), state);
    const std::vector bars{bar(0, 99, 99, 120, 99), bar(1, 99, 99, 110, 109), bar(2, 109, 106, 109, 108)};
    EXPECT_EQ(judged(one, bars), "1: 106 [120,180)\n") << "the high of 120 may have been before";
    EXPECT_FALSE(is_recoverable(alert(trailing, "null", "null", 5s), gap_begin, gap_begin + 5min));
    EXPECT_FALSE(
        is_recoverable(with(alert(trailing, "null", "null", 1min), state), gap_begin, gap_begin + 5min));
}

TEST(RuledRecovery, AMoveFromTheStartBeginsAnewWithEachFiring) {
    const ActiveAlert one =
        fired(alert(R"({"is":"outside","level":[{"from":"start","by":"-5%"},{"from":"start","by":"5%"}]})",
                    repeats),
              -1h, 100, true);
    EXPECT_EQ(judged(one, {bar(0, 99, 99, 104, 104), bar(1, 104, 104, 106, 106), bar(2, 106, 105, 107, 105),
                           bar(3, 105, 99, 105, 99)}),
              "2: 106 [60,120)\n3: 99 [180,240)\n");
}

TEST(RuledRecovery, TradesGiveTheMomentAndDecide) {
    const std::vector bars{bar(0, 99, 99, 100, 99), bar(1, 99, 98, 103, 99), bar(2, 99, 98, 104, 99)};
    RuledRecovery recovery(gap_begin, gap_begin + 5min, minutes_told(bars), {alert(above)}, at_99);
    ASSERT_EQ(recovery.wanted(), wanted(1));
    ToldTrades trades{{{gap_begin + 50s, decimal(99), 0b11, 2},
                       {gap_begin + 75s, decimal(101), 0b11, 2},
                       {gap_begin + 80s, decimal(99), 0b11, 2}},
                      {"okx", "binance"},
                      true,
                      {}};
    recovery.take({"BTC", gap_begin + 1min}, trades);
    EXPECT_EQ(shown(recovery), "1: 101 @75\n");

    RuledRecovery refuted(gap_begin, gap_begin + 5min, minutes_told(bars), {alert(above)}, at_99);
    trades.prices[1].value = decimal(100);
    refuted.take({"BTC", gap_begin + 1min}, trades);
    EXPECT_EQ(shown(refuted), "1: 104 [120,180)\n");
    EXPECT_EQ(refuted.wanted(), wanted(2));
}

TEST(RuledRecovery, WhatVenuesHaveReachedTogetherCountsWhateverTheOrderOfTheirTrades) {
    const std::vector bars{bar(1, 99, 98, 103, 99), bar(2, 99, 99, 99, 99)};
    const auto judge = [&](std::optional<PriceBand> reached) {
        RuledRecovery recovery(gap_begin, gap_begin + 5min, minutes_told(bars), {alert(above)}, at_99);
        recovery.take(
            {"BTC", gap_begin + 1min},
            ToldTrades{{{gap_begin + 70s, decimal(99), 0b11, 2}}, {"okx", "binance"}, true, reached});
        return shown(recovery);
    };
    EXPECT_EQ(judge(PriceBand{decimal(98), decimal(102)}), "1: 102 [60,120)\n");
    EXPECT_EQ(judge(PriceBand{decimal(98), decimal(100)}), "");
    EXPECT_EQ(judge(std::nullopt), "");
}

TEST(RuledRecovery, OfTheFirstMinuteOnlyTheAlertsThatWereReadyBeforeCanBeSure) {
    const std::vector bars{bar(0, 99, 98, 103, 99)};
    const auto judge = [&](const ActiveAlert& one) {
        return shown(RuledRecovery(gap_begin + 20s, gap_begin + 1min, minutes_told(bars), {one}, at_99));
    };
    EXPECT_EQ(judge(alert(above)), "1: 103 [0,60)\n");
    EXPECT_EQ(judge(fired(alert(above, repeats), 5s, 101)), "armed @59\n") << "the 103 may have been before";
    EXPECT_EQ(judge(fired(alert(trailing, repeats), -1h, 99, true)), "2: 99 [0,60)\n")
        << "whenever the high was, the close came after it";
}

TEST(RuledRecovery, AMuteThatEndsWithinAMinuteLeavesItsClose) {
    AlertState state = fired(alert(above, repeats), -10min, 101).ruled->state;
    state.muted_until = gap_begin + 30s;
    state.rules[0].armed = true;
    const ActiveAlert one = with(alert(above, repeats), state);
    EXPECT_EQ(judged(one, {bar(0, 99, 98, 103, 99), bar(1, 99, 99, 99, 99)}), "");
    EXPECT_EQ(judged(one, {bar(0, 99, 98, 103, 102)}), "2: 102 [0,60)\n");
}

TEST(RuledRecovery, ClosesWithinTheBlindTimeAreJudged) {
    const ActiveAlert one = alert(R"({"watch":{"close":"5m"},"is":"above","level":100})");
    const Timestamp begin = std::chrono::floor<std::chrono::minutes>(gap_begin);
    const int end = static_cast<int>(5 - (begin.time_since_epoch() / 1min) % 5);
    const auto judge = [&](double close) {
        std::vector bars{bar(end - 1, 99, 98, 103, close), bar(end, 99, 99, 99, 99)};
        return shown(RuledRecovery(gap_begin, gap_begin + 10min, minutes_told(bars), {one}, at_99));
    };
    EXPECT_EQ(judge(102), fmt::format("1: 102 @{}\n", end * 60));
    EXPECT_EQ(judge(99), "");
}

TEST(RuledRecovery, WhatHasFiredAfterTheBlindTimeStaysAsItIs) {
    EXPECT_FALSE(is_recoverable(fired(alert(above, repeats), 6min, 101), gap_begin, gap_begin + 5min));
    EXPECT_FALSE(is_recoverable(alert(above, "null", "\"30s\""), gap_begin, gap_begin + 5min))
        << "holds do not count blind time";
    EXPECT_FALSE(
        is_recoverable(alert(R"({"watch":"age","is":"above","level":"60s"})"), gap_begin, gap_begin + 5min));
    EXPECT_FALSE(is_recoverable(alert(above, "null", "null", 5min), gap_begin, gap_begin + 5min));
}

TEST(RuledRecovery, WhatWasArmedAfterTheBlindTimeIsJudgedAsItWasBefore) {
    AlertState state = fired(alert(above, repeats), -10min, 101).ruled->state;
    state.rules[0].armed = true;
    state.rules[0].as_of = gap_begin + 6min;
    const ActiveAlert one = with(alert(above, repeats), state);
    EXPECT_EQ(judged(one, {bar(0, 101, 101, 103, 102)}, 5min, at_101), "");
}

TEST(RuledRecovery, AnUnknownMinuteIsNotGuessed) {
    auto part = minutes_told({bar(0, 99, 99, 99, 99), bar(1, 99, 99, 150, 99, 1)});
    part.at("BTC").is_whole = false;
    EXPECT_EQ(shown(RuledRecovery(gap_begin, gap_begin + 2min, part, {alert(above)}, at_99)), "")
        << "one exchange's wick";
}

TEST(RuledRecovery, ABarThatEndsWithTheBlindTimeIsJudged) {
    const ActiveAlert one = alert(R"({"watch":{"close":"1m"},"is":"above","level":100})");
    EXPECT_EQ(judged(one, {bar(0, 99, 99, 99, 99), bar(1, 99, 99, 103, 102)}, 2min), "1: 102 @120\n");
    EXPECT_EQ(judged(one, {bar(0, 99, 99, 103, 102), bar(1, 102, 99, 102, 99)}, 2min), "1: 102 @60\n");
}

TEST(RuledRecovery, AHighOfALaterMinuteIsNotTakenForAnEarlierOne) {
    AlertState state;
    state.rules.push_back({.armed = true,
                           .start = gap_begin - 1h,
                           .start_price = decimal(99),
                           .as_of = gap_begin - 1h,
                           .extreme = decimal(110),
                           .extreme_until = gap_begin + 5min});
    const ActiveAlert one = with(alert(trailing), state);
    EXPECT_EQ(judged(one, {bar(0, 99, 98, 99, 99), bar(1, 99, 99, 110, 109)}), "");
    EXPECT_EQ(judged(one, {bar(1, 99, 99, 110, 109), bar(2, 109, 106, 109, 108)}), "1: 106 [120,180)\n");
}

TEST(RuledRecovery, AMuteThatEndsWithinAMinuteHidesNoHigh) {
    AlertState state = fired(alert(R"({"is":"above","level":{"from":"high","over":"1h"}})",
                                   R"({"cooldown":"10s","rearm":"1%"})"),
                             -2h, 99)
                           .ruled->state;
    state.muted_until = gap_begin + 30s;
    state.rules[0].armed = true;
    const ActiveAlert one = with(alert(R"({"is":"above","level":{"from":"high","over":"1h"}})",
                                       R"({"cooldown":"10s","rearm":"1%"})", "null", -3h),
                                 state);
    EXPECT_EQ(judged(one, {bar(0, 99, 98, 103, 102)}, 1min, known_at(99, 2h)), "")
        << "the high of 103 came before";
}

// Of several tickers.

class RuledRecoveryOfTwo : public ::testing::Test {
protected:
    std::string judged(const ActiveAlert& one, std::vector<past::CombinedBar> btc,
                       std::vector<past::CombinedBar> eth) const {
        EXPECT_TRUE(is_recoverable(one, gap_begin, gap_begin + 5min));
        return shown(RuledRecovery(gap_begin, gap_begin + 5min,
                                   {{"BTC", told(std::move(btc))}, {"ETH", told(std::move(eth))}}, {one},
                                   at_99));
    }
    const ActiveAlert all_ =
        alert(R"({"all":[{"is":"above","level":100},{"ticker":"ETH","is":"below","level":50}]})");
};

TEST_F(RuledRecoveryOfTwo, AllFiresByPricesOfOneMoment) {
    EXPECT_EQ(judged(all_, {bar(0, 99, 99, 99, 99), bar(1, 99, 99, 102, 101)},
                     {bar(0, 55, 55, 55, 55), bar(1, 55, 49, 55, 49)}),
              "1: 101 [60,120)\n");
    EXPECT_EQ(judged(all_, {bar(0, 99, 99, 102, 99), bar(1, 99, 99, 102, 99)},
                     {bar(0, 55, 49, 55, 55), bar(1, 55, 49, 55, 55)}),
              "")
        << "each was there, but not together";
    EXPECT_EQ(judged(all_, {bar(0, 101, 101, 101, 101), bar(1, 101, 99, 101, 99)},
                     {bar(0, 55, 55, 55, 55), bar(1, 55, 49, 55, 49)}),
              "")
        << "nor is a price of before with one of after";
    EXPECT_EQ(judged(all_, {bar(0, 101, 101, 101, 101)}, {bar(1, 49, 49, 49, 49)}), "1: 101 [60,120)\n")
        << "nobody traded BTC in the second minute: its price stayed";
}

TEST_F(RuledRecoveryOfTwo, TradesOfBothTellWhetherTheyWereThereTogether) {
    RuledRecovery recovery(
        gap_begin, gap_begin + 5min,
        {{"BTC", told({bar(1, 99, 99, 102, 99)})}, {"ETH", told({bar(1, 55, 49, 55, 55)})}}, {all_}, at_99);
    EXPECT_EQ(shown(recovery), "");
    ASSERT_EQ(recovery.wanted(),
              (std::set<RuledRecovery::Minute>{{"BTC", gap_begin + 1min}, {"ETH", gap_begin + 1min}}));
    const auto trades = [](double high, Duration from, double after) {
        return ToldTrades{{{gap_begin + 60s, decimal(after), 0b11, 2},
                           {gap_begin + 60s + from, decimal(high), 0b11, 2},
                           {gap_begin + 90s + from, decimal(after), 0b11, 2}},
                          {"okx", "binance"},
                          true,
                          {}};
    };
    recovery.take({"BTC", gap_begin + 1min}, trades(102, 5s, 99));
    EXPECT_EQ(shown(recovery), "") << "one alone does not decide";
    recovery.take({"ETH", gap_begin + 1min}, trades(49, 20s, 55));
    EXPECT_EQ(shown(recovery), "1: 102 @80\n");
}

TEST_F(RuledRecoveryOfTwo, ARatioIsJudgedByCloses) {
    const ActiveAlert one = alert(R"({"watch":{"ratio_to":"ETH"},"is":"above","level":2})");
    EXPECT_EQ(judged(one, {bar(0, 99, 99, 99, 99), bar(1, 99, 99, 105, 103)},
                     {bar(0, 51, 51, 51, 51), bar(1, 51, 50, 51, 51)}),
              "1: 2.019607843137254901 [60,120)\n");
    EXPECT_EQ(judged(one, {bar(0, 99, 99, 200, 99)}, {bar(0, 51, 10, 51, 51)}), "");
}

TEST_F(RuledRecoveryOfTwo, AnyFiresByEachForItself) {
    const ActiveAlert one =
        alert(R"({"any":[{"is":"above","level":100},{"ticker":"ETH","is":"below","level":50}]})", repeats);
    EXPECT_EQ(judged(one, {bar(0, 99, 99, 102, 99), bar(1, 99, 99, 99, 99), bar(4, 99, 99, 103, 99)},
                     {bar(0, 55, 55, 55, 55), bar(1, 55, 55, 55, 55), bar(2, 55, 48, 55, 55)}),
              "1: 102 [0,60)\n2: 48 [120,180)\n3: 103 [240,300)\narmed @299\narmed @179\n");
}

TEST_F(RuledRecoveryOfTwo, WhatIsNotKnownOfOneIsNotGuessed) {
    ToldMinutes eth = told({bar(0, 49, 49, 49, 49)});
    eth.is_whole = false;
    EXPECT_EQ(
        shown(RuledRecovery(gap_begin, gap_begin + 5min,
                            {{"BTC", told({bar(0, 99, 99, 99, 99), bar(1, 99, 99, 102, 101)})}, {"ETH", eth}},
                            {all_}, at_99)),
        "");
    EXPECT_FALSE(is_recoverable(
        alert(R"({"watch":{"ratio_to":"ETH"},"is":"below","level":{"from":"high","by":"-3%"}})"), gap_begin,
        gap_begin + 5min))
        << "the highest ratio is known of no bar";
}

}  // namespace
}  // namespace pricewire::recover
