#include "domain/bars.hpp"

#include <gtest/gtest.h>

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
