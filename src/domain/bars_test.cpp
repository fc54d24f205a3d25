#include "domain/bars.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <random>

namespace pricewire::inline domain {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp midnight{std::chrono::seconds{1'700'006'400}};

Bar bar(Timestamp start, int open, int high, int low, int close) {
    return {"BTC",
            start,
            Decimal::from_int(open),
            Decimal::from_int(high),
            Decimal::from_int(low),
            Decimal::from_int(close)};
}

TEST(Intervals, StartWithTheUtcDay) {
    EXPECT_EQ(interval_start(midnight + 14h + 7min + 3s, 5min), midnight + 14h + 5min);
    EXPECT_EQ(interval_start(midnight + 14h + 7min, 1h), midnight + 14h);
    EXPECT_EQ(interval_start(midnight + 24h - 1us, 24h), midnight);
    EXPECT_EQ(interval_start(midnight, 24h), midnight);
    EXPECT_EQ(interval_start(Timestamp{} - 1us, 1h), Timestamp{} - 1h) << "before 1970 too";
}

TEST(Intervals, TheStartOfAnIntervalIsItsOwnNextStart) {
    EXPECT_EQ(next_interval_start(midnight, 24h), midnight);
    EXPECT_EQ(next_interval_start(midnight + 1us, 24h), midnight + 24h);
    EXPECT_EQ(next_interval_start(Timestamp{} - 1us, 1h), Timestamp{});
    EXPECT_EQ(next_interval_start(Timestamp::max(), 24h), Timestamp::max());
    EXPECT_EQ(next_interval_start(Timestamp::min(), 24h), Timestamp::min());
}

TEST(Intervals, AWeekStartsOnMonday) {
    const Timestamp monday = *parse_rfc3339("2023-11-13T00:00:00Z");
    EXPECT_EQ(interval_start(midnight, 7 * 24h), monday) << "a Wednesday";
    EXPECT_EQ(interval_start(monday, 7 * 24h), monday);
    EXPECT_EQ(interval_start(monday - 1us, 7 * 24h), monday - 7 * 24h);
    EXPECT_EQ(next_interval_start(midnight, 7 * 24h), monday + 7 * 24h);
    EXPECT_EQ(interval_start(Timestamp{}, 7 * 24h), *parse_rfc3339("1969-12-29T00:00:00Z"));
}

Bar with_volume(Bar bar, int volume) {
    bar.volume = Decimal::from_int(volume);
    return bar;
}
Bar past(Bar bar) {
    bar.is_history = true;
    return bar;
}

TEST(BarsBackwards, SumVolumesAndSayWhetherAPartIsHistory) {
    BarsBackwards bars(5min, 10);
    for (const Bar& minute :
         {with_volume(past(bar(midnight + 6min, 1, 1, 1, 1)), 7), bar(midnight + 5min, 1, 1, 1, 1),
          with_volume(bar(midnight + 1min, 1, 1, 1, 1), 2), with_volume(bar(midnight, 1, 1, 1, 1), 3)})
        bars.add(minute);
    EXPECT_EQ(std::move(bars).take(), (std::vector{with_volume(bar(midnight, 1, 1, 1, 1), 5),
                                                   with_volume(past(bar(midnight + 5min, 1, 1, 1, 1)), 7)}));
}

// What an hour must be, whatever came first: a candle's open, close and volume if there is one, otherwise those of the
// first and last minute; and the extremes of all.
Bar hour_by_brute_force(const std::vector<Bar>& minutes, const std::optional<Bar>& candle) {
    std::map<Timestamp, Bar> by_start;
    std::vector<Bar> all = minutes;
    if (candle) all.push_back(*candle);
    for (const Bar& minute : minutes) by_start.insert_or_assign(minute.start, minute);
    Bar out = candle ? *candle : by_start.begin()->second;
    out.start = midnight;
    if (!candle) out.close = by_start.rbegin()->second.close;
    for (const Bar& part : all) {
        out.high = std::max(out.high, part.high);
        out.low = std::min(out.low, part.low);
    }
    return out;
}

TEST(HourBars, AreTheSameInWhateverOrderTheirPartsCome) {
    rc::check([] {
        const auto made = [](Timestamp start) {
            const auto n = [] { return *rc::gen::inRange(1, 1000); };
            const int open = n(), close = n(), a = n(), b = n();
            return bar(start, open, std::max({open, close, a, b}), std::min({open, close, a, b}), close);
        };
        std::vector<HourBar> parts;
        std::vector<Bar> minutes;
        for (const int minute : *rc::gen::unique<std::vector<int>>(rc::gen::inRange(0, 60))) {
            minutes.push_back(made(midnight + minute * 1min));
            parts.push_back(hour_of(minutes.back()));
        }
        std::optional<Bar> candle;
        if (minutes.empty() || *rc::gen::arbitrary<bool>()) {
            candle = with_volume(past(made(midnight)), 5);
            parts.push_back(hour_of_candle(*candle));
        }
        std::mt19937 rng(static_cast<unsigned>(*rc::gen::inRange(0, 1'000'000)));
        std::shuffle(parts.begin(), parts.end(), rng);
        HourBar hour = parts.front();
        for (const HourBar& part : parts) merge(hour, part);
        for (const HourBar& part : parts) merge(hour, part);
        RC_ASSERT(hour.bar == hour_by_brute_force(minutes, candle));
    });
}

TEST(HourBars, OfManyMinutesAtOnceAreThoseOfEachAlone) {
    const std::vector minutes{with_volume(bar(midnight + 1min, 2, 9, 2, 4), 1),
                              with_volume(bar(midnight, 1, 3, 1, 2), 2), bar(midnight + 61min, 7, 7, 7, 7)};
    const std::vector<HourBar> hours = hours_of(minutes);
    ASSERT_EQ(hours.size(), 2U);
    EXPECT_EQ(hours[0].bar, with_volume(bar(midnight, 1, 9, 1, 4), 3));
    EXPECT_EQ(hours[0].first, midnight);
    EXPECT_EQ(hours[0].last, midnight + 1min);
    EXPECT_EQ(hours[1].bar, bar(midnight + 60min, 7, 7, 7, 7));
}

TEST(DaysWithCandles, TakeOpenCloseAndVolumeFromTheCandle) {
    const Bar candle = with_volume(past(bar(midnight, 2, 8, 2, 3)), 5);
    EXPECT_EQ(
        with_candles({bar(midnight, 4, 9, 4, 4), bar(midnight + 24h, 1, 1, 1, 1)},
                     std::vector{past(bar(midnight - 24h, 6, 6, 6, 6)), candle}),
        (std::vector{past(bar(midnight - 24h, 6, 6, 6, 6)), with_volume(past(bar(midnight, 2, 9, 2, 3)), 5),
                     bar(midnight + 24h, 1, 1, 1, 1)}));
}

TEST(MinutesToFill, AreThoseThatAreMissing) {
    const Bar first = past(bar(midnight, 1, 1, 1, 1));
    EXPECT_EQ(minutes_to_fill({}, std::vector{first}), std::vector{first});
    EXPECT_EQ(minutes_to_fill(std::vector{first}, std::vector{past(bar(midnight, 2, 2, 2, 2))}),
              std::vector<Bar>{})
        << "it has been filled before";
}

TEST(MinutesToFill, GiveLivePricesAVolumeAndLeaveThemAsTheyAre) {
    const std::vector live{bar(midnight, 5, 6, 5, 6), bar(midnight + 1min, 6, 7, 5, 6),
                           bar(midnight + 2min, 6, 6, 6, 6)};
    const std::vector history{with_volume(past(bar(midnight + 1min, 1, 99, 1, 2)), 3)};
    EXPECT_EQ(minutes_to_fill(live, history), std::vector{with_volume(live[1], 3)});
    EXPECT_EQ(minutes_to_fill(std::vector{live[0], with_volume(live[1], 3), live[2]}, history),
              std::vector<Bar>{});
}

TEST(MinutesToFill, CompleteTheFirstAndTheLastMinuteThatWereWatched) {
    const std::vector stored{past(bar(midnight, 1, 1, 1, 1)), bar(midnight + 1min, 5, 6, 5, 6),
                             bar(midnight + 2min, 6, 7, 5, 6)};
    std::vector<Bar> history;
    for (int i = 0; i < 4; ++i) history.push_back(past(bar(midnight + i * 1min, 3, 9, 2, 4)));
    const std::vector filled = minutes_to_fill(stored, history);
    EXPECT_EQ(filled,
              (std::vector{bar(midnight + 1min, 3, 9, 2, 6), bar(midnight + 2min, 6, 9, 2, 4), history[3]}));
    const std::vector again{stored[0], filled[0], filled[1], filled[2]};
    EXPECT_EQ(minutes_to_fill(again, history), std::vector<Bar>{}) << "once more";
}

TEST(BarsBackwards, MergesMinutesThatComeNewestFirst) {
    BarsBackwards bars(5min, 10);
    for (const Bar& minute : {bar(midnight + 10min, 7, 8, 6, 6), bar(midnight + 9min, 5, 9, 5, 7),
                              bar(midnight + 6min, 4, 6, 1, 5), bar(midnight + 5min, 3, 4, 2, 4),
                              bar(midnight + 4min, 1, 2, 1, 2)})
        EXPECT_TRUE(bars.add(minute));
    EXPECT_EQ(std::move(bars).take(),
              (std::vector{bar(midnight, 1, 2, 1, 2), bar(midnight + 5min, 3, 9, 1, 7),
                           bar(midnight + 10min, 7, 8, 6, 6)}));
}

TEST(BarsBackwards, StopsAtTheLimitWithTheLastBarComplete) {
    BarsBackwards bars(5min, 1);
    EXPECT_TRUE(bars.add(bar(midnight + 6min, 2, 3, 2, 3)));
    EXPECT_TRUE(bars.add(bar(midnight + 5min, 1, 2, 1, 2)));
    EXPECT_FALSE(bars.add(bar(midnight + 4min, 1, 1, 1, 1)));
    EXPECT_EQ(std::move(bars).take(), std::vector{bar(midnight + 5min, 1, 3, 1, 3)});
}

}  // namespace
}  // namespace pricewire::inline domain
