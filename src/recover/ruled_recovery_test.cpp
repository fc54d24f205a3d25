#include "recover/ruled_recovery.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

#include "recover/recoverable.hpp"
#include "rule/brute_force_fixture.hpp"
#include "rule/terms_fixture.hpp"

namespace pricewire::recover {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp gap_begin{std::chrono::minutes{28'333'333}};
constexpr std::string_view above = R"({"is":"above","level":100})";
constexpr std::string_view trailing = R"({"is":"below","level":{"from":"high","by":"-3%"}})";
constexpr std::string_view repeats = R"({"cooldown":"10s","rearm":"0%"})";

Decimal decimal(double value) {
    return *Decimal::parse(fmt::format("{:.4f}", value));
}

ActiveAlert alert(std::string_view when, std::string_view repeat = "null", std::string_view hold = "null",
                  Duration begun = -1h) {
    auto ruled = std::make_shared<RuledAlert>();
    ruled->terms = std::make_shared<const Terms>(rule::terms_of(when, hold, repeat));
    ruled->created_at = ruled->begun_at = gap_begin + begun;
    return {make_uuid(gap_begin), "BTC", Condition::lt, {}, ruled};
}
ActiveAlert with(const ActiveAlert& like, AlertState state) {
    auto ruled = std::make_shared<RuledAlert>(*like.ruled);
    ruled->state = std::move(state);
    ActiveAlert out = like;
    out.ruled = ruled;
    return out;
}
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

past::CombinedBar bar(int minute, double open, double low, double high, double close, int owners = 3) {
    return {.start = gap_begin + minute * 1min,
            .open = decimal(open),
            .high = decimal(high),
            .low = decimal(low),
            .close = decimal(close),
            .volume = {},
            .owners = owners,
            .sources = 0b101};
}
ToldMinutes minutes(std::vector<past::CombinedBar> bars) {
    return {std::move(bars), {"okx", "binance", "kraken"}, 3, true};
}
std::map<Ticker, ToldMinutes> minutes_told(std::vector<past::CombinedBar> bars) {
    return {{"BTC", minutes(std::move(bars))}};
}
std::set<RuledRecovery::Minute> wanted(int minute) {
    return {{"BTC", gap_begin + minute * 1min}};
}
// At 99 for the hour before.
std::vector<Stretch> quiet(Ticker, Timestamp) {
    return {{gap_begin - 1h, gap_begin, decimal(99), decimal(99), decimal(99)}};
}

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
std::string judged(const ActiveAlert& one, std::vector<past::CombinedBar> bars, Duration to = 5min) {
    EXPECT_TRUE(is_recoverable(one, gap_begin, gap_begin + to));
    return shown(RuledRecovery(gap_begin, gap_begin + to, minutes_told(std::move(bars)), {one}, quiet));
}

TEST(RuledRecovery, WhatCrossedAndCameBackFires) {
    EXPECT_EQ(
        judged(alert(above), {bar(0, 99, 99, 100, 99), bar(1, 99, 98, 103, 99), bar(2, 99, 98, 104, 99)}),
        "1: 103 [60,120)\n");
    EXPECT_EQ(judged(alert(above), {bar(0, 99, 99, 100, 99)}), "") << "at the level is not above it";
}

TEST(RuledRecovery, ARepeatingAlertIsArmedAndFiresAgainByRecoveredPrices) {
    const ActiveAlert once = fired(alert(above, repeats), -10min, 101);
    const auto high = [](Ticker, Timestamp) {
        return std::vector<Stretch>{{gap_begin - 10min, gap_begin, decimal(101), decimal(101), decimal(101)}};
    };
    const auto judge = [&](std::vector<past::CombinedBar> bars) {
        return shown(RuledRecovery(gap_begin, gap_begin + 5min, minutes_told(std::move(bars)), {once}, high));
    };
    EXPECT_EQ(judge({bar(0, 101, 101, 102, 101), bar(1, 101, 98, 101, 99), bar(2, 99, 99, 103, 102)}),
              "2: 103 [120,180)\n");
    EXPECT_EQ(judge({bar(0, 101, 101, 102, 101), bar(1, 101, 98, 101, 99)}), "armed @119\n")
        << "the later one of its two orders";
    EXPECT_EQ(judge({bar(0, 101, 101, 102, 101), bar(1, 101, 101, 103, 102)}), "");
}

TEST(RuledRecovery, WhatDependsOnTheOrderWithinAMinuteIsNotGuessed) {
    const ActiveAlert once = fired(alert(above, repeats), -10min, 101);
    const auto high = [](Ticker, Timestamp) {
        return std::vector<Stretch>{{gap_begin - 10min, gap_begin, decimal(101), decimal(101), decimal(101)}};
    };
    // Down to 99 and up to 103, or up and down.
    const std::vector bars{bar(0, 101, 99, 103, 99.5), bar(1, 99.5, 99, 104, 99)};
    EXPECT_EQ(shown(RuledRecovery(gap_begin, gap_begin + 1min, minutes_told({bars[0]}), {once}, high)),
              "armed @59\n");
    EXPECT_EQ(shown(RuledRecovery(gap_begin, gap_begin + 2min, minutes_told(bars), {once}, high)),
              "2: 104 [60,120)\narmed @119\n");
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
    RuledRecovery recovery(gap_begin, gap_begin + 5min, minutes_told(bars), {alert(above)}, quiet);
    ASSERT_EQ(recovery.wanted(), wanted(1));
    ToldTrades trades{{{gap_begin + 50s, decimal(99), 0b11, 2},
                       {gap_begin + 75s, decimal(101), 0b11, 2},
                       {gap_begin + 80s, decimal(99), 0b11, 2}},
                      {"okx", "binance"},
                      true,
                      {}};
    recovery.take({"BTC", gap_begin + 1min}, trades);
    EXPECT_EQ(shown(recovery), "1: 101 @75\n");

    RuledRecovery refuted(gap_begin, gap_begin + 5min, minutes_told(bars), {alert(above)}, quiet);
    trades.prices[1].value = decimal(100);
    refuted.take({"BTC", gap_begin + 1min}, trades);
    EXPECT_EQ(shown(refuted), "1: 104 [120,180)\n");
    EXPECT_EQ(refuted.wanted(), wanted(2));
}

TEST(RuledRecovery, WhatVenuesHaveReachedTogetherCountsWhateverTheOrderOfTheirTrades) {
    const std::vector bars{bar(1, 99, 98, 103, 99), bar(2, 99, 99, 99, 99)};
    const auto judge = [&](std::optional<PriceBand> reached) {
        RuledRecovery recovery(gap_begin, gap_begin + 5min, minutes_told(bars), {alert(above)}, quiet);
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
        return shown(RuledRecovery(gap_begin + 20s, gap_begin + 1min, minutes_told(bars), {one}, quiet));
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
        return shown(RuledRecovery(gap_begin, gap_begin + 10min, minutes_told(bars), {one}, quiet));
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
    const auto high = [](Ticker, Timestamp) {
        return std::vector<Stretch>{{gap_begin - 10min, gap_begin, decimal(101), decimal(101), decimal(101)}};
    };
    EXPECT_EQ(shown(RuledRecovery(gap_begin, gap_begin + 5min, minutes_told({bar(0, 101, 101, 103, 102)}),
                                  {one}, high)),
              "");
}

TEST(RuledRecovery, AnUnknownMinuteIsNotGuessed) {
    auto part = minutes_told({bar(0, 99, 99, 99, 99), bar(1, 99, 99, 150, 99, 1)});
    part.at("BTC").is_whole = false;
    EXPECT_EQ(shown(RuledRecovery(gap_begin, gap_begin + 2min, part, {alert(above)}, quiet)), "")
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
    const auto judge = [&](double close) {
        return shown(RuledRecovery(gap_begin, gap_begin + 1min, minutes_told({bar(0, 99, 98, 103, close)}),
                                   {one}, [](Ticker, Timestamp) {
                                       return std::vector<Stretch>{{gap_begin - 2h, gap_begin, decimal(99),
                                                                    decimal(99), decimal(99)}};
                                   }));
    };
    EXPECT_EQ(judge(102), "") << "the high of 103 came before";
}

// Of several tickers.

class RuledRecoveryOfTwo : public ::testing::Test {
protected:
    std::string judged(const ActiveAlert& one, std::vector<past::CombinedBar> btc,
                       std::vector<past::CombinedBar> eth) const {
        EXPECT_TRUE(is_recoverable(one, gap_begin, gap_begin + 5min));
        return shown(RuledRecovery(gap_begin, gap_begin + 5min,
                                   {{"BTC", minutes(std::move(btc))}, {"ETH", minutes(std::move(eth))}},
                                   {one}, quiet));
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
        {{"BTC", minutes({bar(1, 99, 99, 102, 99)})}, {"ETH", minutes({bar(1, 55, 49, 55, 55)})}}, {all_},
        quiet);
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
    ToldMinutes eth = minutes({bar(0, 49, 49, 49, 49)});
    eth.is_whole = false;
    EXPECT_EQ(shown(RuledRecovery(
                  gap_begin, gap_begin + 5min,
                  {{"BTC", minutes({bar(0, 99, 99, 99, 99), bar(1, 99, 99, 102, 101)})}, {"ETH", eth}},
                  {all_}, quiet)),
              "");
    EXPECT_FALSE(is_recoverable(
        alert(R"({"watch":{"ratio_to":"ETH"},"is":"below","level":{"from":"high","by":"-3%"}})"), gap_begin,
        gap_begin + 5min))
        << "the highest ratio is known of no bar";
}

// Prices every few seconds; what they make of alerts by the brute force is compared with what is recovered of a part.
class RandomGaps : public ::testing::Test {
protected:
    struct Play {
        Timestamp from;
        std::vector<rule::brute_force::Event> events;
        std::map<Ticker, ToldMinutes> bars;
        std::map<Ticker, std::vector<PastPrice>> prices;
    };
    // The outage begins with a minute, or within one.
    Play play(Duration from) {
        Play out{gap_begin + from, {}, {}, {}};
        std::map<Ticker, double> price{{"BTC", 99}, {"ETH", 49.5}};
        for (Duration at = -1min; at < 10min; at += std::chrono::seconds{1 + random_() % 5}) {
            const Ticker ticker(random_() % 3 == 0 ? "ETH" : "BTC");
            const double middle = ticker == Ticker("ETH") ? 50 : 100;
            double& last = price[ticker];
            last += (static_cast<double>(random_() % 101) - 50) / 5000 * middle;
            last = std::clamp(std::round(last * 100) / 100, middle * 0.94, middle * 1.06);
            out.events.push_back({gap_begin + at, ticker, decimal(last)});
            out.prices[ticker].push_back({gap_begin + at, decimal(last), 0b11, 2});
            const int minute = static_cast<int>(std::chrono::floor<std::chrono::minutes>(at) / 1min);
            if (minute < 0) continue;
            auto& bars = out.bars.try_emplace(ticker, minutes({})).first->second.bars;
            if (bars.empty() || bars.back().start < gap_begin + minute * 1min)
                bars.push_back(bar(minute, last, last, last, last));
            past::CombinedBar& b = bars.back();
            b.low = std::min(b.low, decimal(last));
            b.high = std::max(b.high, decimal(last));
            b.close = decimal(last);
        }
        return out;
    }
    static std::vector<Stretch> before(const Play& play, Ticker ticker) {
        std::vector<Stretch> out;
        for (const PastPrice& price : play.prices.at(ticker)) {
            if (price.time >= play.from) break;
            if (!out.empty()) out.back().to = price.time;
            out.push_back({price.time, play.from, *price.value, *price.value, *price.value});
        }
        return out;
    }
    static std::vector<rule::brute_force::Firing> expected(const ActiveAlert& one, const Play& play) {
        rule::brute_force::Alert all(*one.ruled->terms, {.begins = one.ruled->begun_at}, play.events);
        return all.run(gap_begin + 10min);
    }
    // As a checker has left it.
    static ActiveAlert stored(const ActiveAlert& made, const Play& play) {
        rule::Run run(*made.ruled);
        rule::Steps steps;
        for (const auto& event : play.events) {
            if (event.time < play.from) run.value(event.ticker, event.time, event.price, steps);
        }
        return with(made, run.state());
    }
    static RuledRecovery recovery(const ActiveAlert& one, const Play& play) {
        return {play.from, gap_begin + 10min, play.bars, {one}, [&](Ticker ticker, Timestamp) {
                    return before(play, ticker);
                }};
    }
    std::mt19937 random_{7};
};

const char* const kinds[] = {
    R"({"is":"above","level":100})",
    R"({"is":"below","level":98})",
    R"({"is":"crosses_up","level":100})",
    R"({"is":"crosses","level":100})",
    R"({"is":"outside","level":[97,101]})",
    R"({"is":"enters","level":[100,101]})",
    R"({"any":[{"is":"above","level":101},{"is":"below","level":97}]})",
    R"({"any":[{"is":"above","level":101},{"ticker":"ETH","is":"below","level":49}]})",
    R"({"all":[{"is":"above","level":100},{"ticker":"ETH","is":"below","level":50}]})",
    R"({"watch":{"close":"1m"},"is":"above","level":100})",
    R"({"watch":{"ratio_to":"ETH"},"is":"above","level":2.02})",
    R"({"watch":{"ratio_to":"ETH"},"is":"crosses","level":2})",
    R"({"is":"above","level":{"from":"start","by":"2%"}})",
    R"({"is":"below","level":{"from":"high","by":"-2%"}})",
    R"({"is":"above","level":{"from":"low","by":"2%"}})",
    R"({"is":"above","level":{"from":"low","over":"1m","by":"1.5%"}})"};
bool has_fixed_level(const char* kind) {
    return std::string_view(kind).find("from") == std::string_view::npos;
}
// Which trades are asked for depends on what bars show: of a ratio or a window they do not show all.
bool is_all_shown_by_bars(const char* kind) {
    const std::string_view text(kind);
    return text.find("ratio") == text.npos && text.find("over") == text.npos;
}
const char* const again = R"({"cooldown":"30s","rearm":"0.5%"})";

TEST_F(RandomGaps, WhatIsRecoveredOfAnAlertThatFiresOnceHasHappenedByThen) {
    int found = 0;
    for (int i = 0; i < 40; ++i) {
        const Play one = play(i % 3 * 20s);
        for (const char* kind : kinds) {
            const ActiveAlert made = alert(kind, "null", "null", -30s);
            const auto live = expected(made, one);
            if (!live.empty() && live[0].time < one.from) continue;
            for (const RuledOutcome& outcome : recovery(stored(made, one), one).outcomes()) {
                for (const auto& [late, firing] : outcome.firings) {
                    ++found;
                    ASSERT_FALSE(live.empty()) << kind << i;
                    EXPECT_LT(live[0].time, late.to + 1us) << kind << i;
                }
            }
        }
    }
    EXPECT_GT(found, 200);
}

TEST_F(RandomGaps, NoneFiresMoreOftenByBarsThanItWouldHave) {
    std::size_t found = 0, happened = 0;
    for (int i = 0; i < 40; ++i) {
        const Play one = play(i % 3 * 20s);
        for (const char* kind : kinds) {
            if (!has_fixed_level(kind)) continue;
            const ActiveAlert made = alert(kind, again, "null", -30s);
            const auto live = expected(made, one);
            std::size_t before = 0;
            for (const auto& firing : live) before += firing.time < one.from ? 1 : 0;
            std::size_t count = before;
            for (const RuledOutcome& outcome : recovery(stored(made, one), one).outcomes()) {
                for (const auto& [late, firing] : outcome.firings) {
                    ASSERT_EQ(firing.number, static_cast<std::int64_t>(++count)) << kind << i;
                    ASSERT_LE(count, live.size()) << kind << i;
                    EXPECT_LT(live[count - 1].time, late.to + 1us) << kind << i << ": not before it happened";
                }
            }
            found += count - before;
            happened += live.size() - before;
        }
    }
    EXPECT_GT(found, happened / 4) << found << " of " << happened;
}

TEST_F(RandomGaps, ByTradesItIsWhatWouldHaveHappenedLive) {
    int found = 0;
    for (int i = 0; i < 40; ++i) {
        const Play one = play(i % 3 * 20s);
        for (const char* kind : kinds) {
            if (!is_all_shown_by_bars(kind)) continue;
            const ActiveAlert made = alert(kind, i % 2 == 0 ? "null" : again, "null", -30s);
            const auto live = expected(made, one);
            if (i % 2 == 0 && !live.empty() && live[0].time < one.from) continue;
            // The end of a mute at the very beginning needs the price of before.
            if (std::ranges::any_of(live, [&](const auto& firing) { return firing.time == one.from; }))
                continue;
            RuledRecovery recovery = RandomGaps::recovery(stored(made, one), one);
            for (auto wanted = recovery.wanted(); !wanted.empty(); wanted = recovery.wanted()) {
                for (const auto& minute : wanted)
                    recovery.take(minute,
                                  ToldTrades{one.prices.at(minute.first), {"okx", "kraken"}, true, {}});
            }
            std::string recovered, happened;
            for (const RuledOutcome& outcome : recovery.outcomes()) {
                for (const auto& [late, firing] : outcome.firings)
                    recovered += fmt::format("{} {} {}\n", firing.number, firing.value.to_string(),
                                             (firing.time - gap_begin) / 1us);
            }
            for (const auto& firing : live) {
                if (firing.time < one.from) continue;
                happened += fmt::format("{} {} {}\n", firing.number, firing.value.to_string(),
                                        (firing.time - gap_begin) / 1us);
                ++found;
            }
            EXPECT_EQ(recovered, happened) << kind << i;
        }
    }
    EXPECT_GT(found, 200);
}

}  // namespace
}  // namespace pricewire::recover
