#include "price/bars.hpp"

#include <gtest/gtest.h>

namespace pricewire::price {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp noon{std::chrono::seconds{1'700'049'600}};  // a full minute

Price price(Ticker ticker, int value, Timestamp time) {
    return {ticker, Decimal::from_int(value), time, 0};
}

Bar bar(Ticker ticker, Timestamp start, int open, int high, int low, int close) {
    return {ticker,
            start,
            Decimal::from_int(open),
            Decimal::from_int(high),
            Decimal::from_int(low),
            Decimal::from_int(close)};
}

TEST(MinuteBars, KeepOpenHighLowAndClose) {
    MinuteBars bars;
    for (const int value : {10, 12, 8, 11}) bars.add(price("BTC", value, noon + 5s));
    EXPECT_EQ(bars.take_changed(), std::vector{bar("BTC", noon, 10, 12, 8, 11)});
}

TEST(MinuteBars, AreTakenOnlyIfTheyChanged) {
    MinuteBars bars;
    EXPECT_TRUE(bars.take_changed().empty());
    bars.add(price("BTC", 10, noon));
    bars.add(price("ETH", 20, noon));
    EXPECT_EQ(bars.take_changed().size(), 2U);
    EXPECT_TRUE(bars.take_changed().empty());
    bars.add(price("BTC", 9, noon + 59s));
    EXPECT_EQ(bars.take_changed(), std::vector{bar("BTC", noon, 10, 10, 9, 9)});
}

TEST(MinuteBars, StartWithEachFullMinuteAndComeOldestFirst) {
    MinuteBars bars;
    bars.add(price("ETH", 20, noon + 59'999'999us));
    bars.add(price("BTC", 10, noon));
    bars.add(price("ETH", 30, noon + 60s));
    bars.add(price("BTC", 12, noon + 3min));
    EXPECT_EQ(
        bars.take_changed(),
        (std::vector{bar("BTC", noon, 10, 10, 10, 10), bar("ETH", noon, 20, 20, 20, 20),
                     bar("ETH", noon + 1min, 30, 30, 30, 30), bar("BTC", noon + 3min, 12, 12, 12, 12)}));
}

TEST(MinuteBars, AFinishedBarThatWasTakenDoesNotComeAgain) {
    MinuteBars bars;
    bars.add(price("BTC", 10, noon));
    bars.take_changed();
    bars.add(price("BTC", 11, noon + 1min));
    EXPECT_EQ(bars.take_changed(), std::vector{bar("BTC", noon + 1min, 11, 11, 11, 11)});
}

TEST(MinuteBars, TellAtOnceOfNewHighsAndLows) {
    MinuteBars bars;
    bars.add(price("BTC", 10, noon));
    EXPECT_EQ(bars.take_widened(), std::vector{bar("BTC", noon, 10, 10, 10, 10)});
    bars.add(price("BTC", 10, noon + 1s));
    EXPECT_TRUE(bars.take_widened().empty());
    bars.add(price("BTC", 8, noon + 2s));
    bars.add(price("BTC", 9, noon + 3s));
    EXPECT_EQ(bars.take_widened(), std::vector{bar("BTC", noon, 10, 10, 8, 9)});
    EXPECT_TRUE(bars.take_widened().empty());
    bars.add(price("BTC", 9, noon + 4s));
    EXPECT_EQ(bars.take_changed().size(), 1U) << "they stay changed";
    bars.add(price("BTC", 11, noon + 59s));
    bars.add(price("BTC", 9, noon + 60s));
    EXPECT_EQ(bars.take_widened(),
              (std::vector{bar("BTC", noon, 10, 11, 8, 11), bar("BTC", noon + 1min, 9, 9, 9, 9)}));
    bars.add(price("BTC", 12, noon + 61s));
    bars.finish("BTC");
    EXPECT_EQ(bars.take_widened(), std::vector{bar("BTC", noon + 1min, 9, 12, 9, 12)});
    bars.add(price("BTC", 10, noon + 2min));
    bars.take_changed();
    EXPECT_TRUE(bars.take_widened().empty());
}

TEST(MinuteBars, OfOneMinuteStayInOrderWhenTheClockIsSetBack) {
    MinuteBars bars;
    bars.add(price("BTC", 10, noon));
    bars.add(price("BTC", 11, noon + 1min));
    bars.add(price("BTC", 12, noon));
    EXPECT_EQ(bars.take_changed(),
              (std::vector{bar("BTC", noon, 10, 10, 10, 10), bar("BTC", noon, 12, 12, 12, 12),
                           bar("BTC", noon + 1min, 11, 11, 11, 11)}));
}

}  // namespace
}  // namespace pricewire::price
