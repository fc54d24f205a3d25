#include "recover/recovery.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "recover/bars_fixture.hpp"

namespace pricewire::recover {
namespace {

using namespace std::chrono_literals;

RecoverableAlert plain_alert(Condition condition, double target, Duration created = -1h) {
    return {make_uuid(gap_begin), condition, decimal(target), gap_begin + created};
}

// Opens at its low, closes at its high.
past::CombinedBar low_high(int minute, double low, double high, int owners = 3) {
    return recover::bar(minute, low, low, high, high, owners);
}

PastPrice price(Duration at, std::optional<double> value, int owners = 2) {
    PastPrice out{gap_begin + at, std::nullopt, 0b11, owners};
    if (value) out.value = decimal(*value);
    return out;
}

// "101 [60,120) kraken+okx: 2", one a line; exact ones "101 @75 ...".
std::string shown(const std::vector<LateFirings>& all) {
    std::string out;
    for (const LateFirings& firings : all) {
        const auto second = [](Timestamp t) { return (t - gap_begin) / 1s; };
        if (!out.empty()) out += '\n';
        out += firings.price.to_string();
        out += firings.late.is_exact()
                   ? fmt::format(" @{}", second(firings.late.from))
                   : fmt::format(" [{},{})", second(firings.late.from), second(firings.late.to));
        for (std::size_t i = 0; i < firings.late.sources.size(); ++i)
            out += fmt::format("{}{}", i == 0 ? " " : "+", firings.late.sources[i].view());
        out += fmt::format(": {}", firings.alerts.size());
    }
    return out;
}

TEST(Recovery, FiresForTheFirstMinuteBeyondTheLevelInOrderOfTime) {
    const std::vector alerts{plain_alert(Condition::gt, 103),   plain_alert(Condition::gt, 101),
                             plain_alert(Condition::gt, 101.5), plain_alert(Condition::lt, 95),
                             plain_alert(Condition::gt, 105),   plain_alert(Condition::lt, 90)};
    const Recovery recovery(gap_begin, gap_begin + 5min,
                            told({low_high(0, 99, 100), low_high(1, 100, 102), low_high(2, 94, 101),
                                  low_high(3, 99, 105), low_high(4, 99, 104)}),
                            alerts);
    EXPECT_EQ(shown(recovery.firings()),
              "102 [60,120) kraken+okx: 2\n94 [120,180) kraken+okx: 1\n105 [180,240) kraken+okx: 1");
    EXPECT_EQ(recovery.unknown(), 0s);
}

TEST(Recovery, TheLevelItselfIsNotBeyondIt) {
    const std::vector alerts{plain_alert(Condition::gt, 102), plain_alert(Condition::lt, 100)};
    const Recovery recovery(gap_begin, gap_begin + 1min, told({low_high(0, 100, 102)}), alerts);
    EXPECT_EQ(shown(recovery.firings()), "");
}

TEST(Recovery, OneVenuesBarIsNoPriceWhereOthersTradeTheTickerToo) {
    const std::vector alerts{plain_alert(Condition::gt, 150)};
    const Recovery wick(gap_begin, gap_begin + 2min,
                        told({low_high(0, 99, 180, 1), low_high(1, 99, 100)}, 2, false), alerts);
    EXPECT_EQ(shown(wick.firings()), "");
    EXPECT_EQ(wick.unknown(), 1min);
    const Recovery lone(gap_begin, gap_begin + 2min,
                        told({low_high(0, 99, 180, 1), low_high(1, 99, 100)}, 1, false), alerts);
    EXPECT_EQ(shown(lone.firings()), "180 [0,60) kraken+okx: 1") << "as a lone exchange counts live";
}

TEST(Recovery, AnAlertMadeAfterTheTouchDoesNotFire) {
    const std::vector alerts{plain_alert(Condition::gt, 101, 3min), plain_alert(Condition::gt, 101, 2min),
                             plain_alert(Condition::gt, 101, 10min)};
    const Recovery recovery(
        gap_begin, gap_begin + 5min,
        told({low_high(0, 99, 105), low_high(1, 99, 100), low_high(2, 99, 103), low_high(3, 99, 102)}),
        alerts);
    EXPECT_EQ(shown(recovery.firings()), "103 [120,180) kraken+okx: 1\n102 [180,240) kraken+okx: 1");
}

TEST(Recovery, OfTheMinuteInWhichAnAlertWasMadeOnlyTradesCanTell) {
    const std::vector alerts{plain_alert(Condition::gt, 101, 90s)};
    const auto bars =
        told({low_high(0, 99, 105), low_high(1, 99, 105), low_high(2, 99, 100), low_high(3, 99, 102)});
    Recovery without(gap_begin, gap_begin + 5min, bars, alerts);
    EXPECT_EQ(without.wanted(), std::vector{gap_begin + 1min});
    EXPECT_EQ(shown(without.firings()), "");
    without.take(gap_begin + 1min, std::nullopt);
    EXPECT_EQ(shown(without.firings()), "102 [180,240) kraken+okx: 1");

    Recovery in_effect(gap_begin, gap_begin + 5min, bars, alerts);
    in_effect.take(gap_begin + 1min,
                   ToldTrades{{price(70s, 105), price(100s, 99)}, {"okx", "binance"}, true, {}});
    EXPECT_EQ(shown(in_effect.firings()), "105 @90 binance+okx: 1")
        << "at the price in effect when it was made";

    Recovery before(gap_begin, gap_begin + 5min, bars, alerts);
    before.take(gap_begin + 1min,
                ToldTrades{{price(70s, 105), price(80s, 99)}, {"okx", "binance"}, true, {}});
    EXPECT_EQ(shown(before.firings()), "102 [180,240) kraken+okx: 1");
}

TEST(Recovery, TradesGiveTheMomentAndThePrice) {
    const std::vector alerts{plain_alert(Condition::gt, 101), plain_alert(Condition::gt, 103),
                             plain_alert(Condition::lt, 90)};
    Recovery recovery(gap_begin, gap_begin + 2min, told({low_high(0, 99, 100), low_high(1, 99, 104)}),
                      alerts);
    EXPECT_EQ(recovery.wanted(), std::vector{gap_begin + 1min});
    recovery.take(gap_begin + 1min,
                  ToldTrades{{price(50s, 100), price(75s, 102), price(80s, 103.5), price(90s, 100)},
                             {"okx", "binance"},
                             true});
    EXPECT_TRUE(recovery.wanted().empty());
    EXPECT_EQ(shown(recovery.firings()), "102 @75 binance+okx: 1\n103.5 @80 binance+okx: 1");
}

TEST(Recovery, TradesThatDecideRefuteAMinute) {
    const std::vector alerts{plain_alert(Condition::gt, 101)};
    const auto bars = told({low_high(0, 99, 102), low_high(1, 99, 103)});
    const std::vector quiet{price(0s, 100), price(30s, 100.5)};
    Recovery recovery(gap_begin, gap_begin + 2min, bars, alerts);
    recovery.take(gap_begin, ToldTrades{quiet, {"okx", "binance"}, true, {}});
    EXPECT_EQ(recovery.wanted(), std::vector{gap_begin + 1min});
    EXPECT_EQ(shown(recovery.firings()), "103 [60,120) kraken+okx: 1");
    Recovery few(gap_begin, gap_begin + 2min, bars, alerts);
    few.take(gap_begin, ToldTrades{quiet, {"okx", "binance"}, false, {}});
    EXPECT_EQ(shown(few.firings()), "102 [0,60) kraken+okx: 1") << "the others' trades are not known";
}

TEST(Recovery, WhatVenuesReachWithinSecondsOfEachOtherIsNotRefuted) {
    const std::vector alerts{plain_alert(Condition::gt, 101), plain_alert(Condition::gt, 102)};
    Recovery recovery(gap_begin, gap_begin + 1min, told({low_high(0, 99, 103)}), alerts);
    recovery.take(
        gap_begin,
        ToldTrades{{price(0s, 100)}, {"okx", "binance"}, true, PriceBand{decimal(99), decimal(101.5)}});
    EXPECT_EQ(shown(recovery.firings()), "103 [0,60) kraken+okx: 1");
}

TEST(Recovery, TradesOfOneOwnerAreNoPrice) {
    const std::vector alerts{plain_alert(Condition::gt, 101)};
    Recovery recovery(gap_begin, gap_begin + 1min, told({low_high(0, 99, 102)}), alerts);
    recovery.take(gap_begin, ToldTrades{{price(10s, 180, 1)}, {"okx"}, false, {}});
    EXPECT_EQ(shown(recovery.firings()), "102 [0,60) kraken+okx: 1");
}

TEST(Recovery, AtItsEdgesTradesCountOnlyWithinTheBlindTime) {
    const std::vector alerts{plain_alert(Condition::gt, 101)};
    const auto bars = told({low_high(0, 99, 105), low_high(1, 99, 100), low_high(2, 99, 105)});
    const Recovery by_bars(gap_begin + 30s, gap_begin + 150s, bars, alerts);
    EXPECT_EQ(shown(by_bars.firings()), "105 [0,60) kraken+okx: 1") << "it would have fired before";
    Recovery recovery(gap_begin + 30s, gap_begin + 150s, bars, alerts);
    recovery.take(gap_begin, ToldTrades{{price(20s, 105), price(29s, 100)}, {"okx", "binance"}, true, {}});
    recovery.take(gap_begin + 2min,
                  ToldTrades{{price(130s, 100), price(160s, 105)}, {"okx", "binance"}, true, {}});
    EXPECT_EQ(shown(recovery.firings()), "");
    Recovery within(gap_begin + 30s, gap_begin + 150s, bars, alerts);
    within.take(
        gap_begin,
        ToldTrades{{price(20s, 100), price(31s, 102), price(40s, 100)}, {"okx", "binance"}, true, {}});
    EXPECT_EQ(shown(within.firings()), "102 @31 binance+okx: 1");
}

TEST(Recovery, WhatNobodyToldStaysUnknown) {
    const Recovery recovery(gap_begin + 30s, gap_begin + 270s,
                            told({low_high(0, 99, 100), low_high(2, 99, 100)}, 3, false), {});
    EXPECT_EQ(recovery.unknown(), 60s + 60s + 30s);
    EXPECT_EQ(recovery.known_until(), gap_begin + 1min);
    const Recovery whole(gap_begin + 30s, gap_begin + 270s,
                         told({low_high(0, 99, 100), low_high(2, 99, 100)}, 3, true), {});
    EXPECT_EQ(whole.unknown(), 0s) << "all venues have answered: nobody traded";
    EXPECT_EQ(whole.known_until(), gap_begin + 270s);
}

// Random bars with holes and bars of one owner, random edges, alerts made before, within and after: compared with one
// look at each bar for each alert.
TEST(Recovery, AgreesWithBruteForceOverBars) {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        std::mt19937_64 rng(seed);
        const auto uniform = [&](double from, double to) {
            return std::uniform_real_distribution<double>(from, to)(rng);
        };
        const int minutes = 1 + static_cast<int>(rng() % 120);
        std::vector<past::CombinedBar> bars;
        double at = 100;
        for (int i = 0; i < minutes; ++i) {
            at *= uniform(0.99, 1.01);
            if (rng() % 8 == 0) continue;
            bars.push_back(
                low_high(i, at * uniform(0.98, 1), at * uniform(1, 1.02), 1 + static_cast<int>(rng() % 3)));
        }
        const std::size_t listed = 1 + rng() % 3;
        const Timestamp from = gap_begin + std::chrono::microseconds{rng() % 60'000'000};
        const Timestamp to =
            std::max(from + 1us, gap_begin + minutes * 1min - std::chrono::microseconds{rng() % 60'000'000});
        std::vector<RecoverableAlert> alerts;
        for (int i = 0; i < 60; ++i) {
            const Duration created{
                std::uniform_int_distribution<std::int64_t>(-600'000'000, minutes * 60'000'000LL)(rng)};
            alerts.push_back(
                plain_alert(i % 2 == 0 ? Condition::gt : Condition::lt, uniform(90, 110), created));
        }
        std::map<Uuid, std::string> expected;
        for (const RecoverableAlert& a : alerts) {
            for (const past::CombinedBar& b : bars) {
                const bool is_in = b.start + 1min > from && b.start < to && a.created_at <= b.start;
                const bool is_price = b.owners > 1 || listed == 1;
                const Decimal extreme = a.condition == Condition::gt ? b.high : b.low;
                if (!is_in || !is_price || a.created_at >= to || !holds(a.condition, extreme, a.target))
                    continue;
                expected[a.id] = fmt::format("{} {}", to_micros(b.start), extreme.to_string());
                break;
            }
        }
        Recovery recovery(from, to, told(bars, listed), alerts);
        for (auto wanted = recovery.wanted(); !wanted.empty(); wanted = recovery.wanted())
            recovery.take(wanted.front(), std::nullopt);
        std::map<Uuid, std::string> fired;
        Timestamp last = Timestamp::min();
        for (const LateFirings& firings : recovery.firings()) {
            EXPECT_GE(firings.late.from, last);
            last = firings.late.from;
            for (const Uuid& id : firings.alerts)
                fired[id] = fmt::format("{} {}", to_micros(firings.late.from), firings.price.to_string());
        }
        ASSERT_EQ(fired, expected) << "seed " << seed;
    }
}

}  // namespace
}  // namespace pricewire::recover
