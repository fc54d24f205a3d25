#include "alert/recent_prices.hpp"

#include <gtest/gtest.h>

#include <random>

namespace pricewire::alert {
namespace {

using namespace std::chrono_literals;

Timestamp second_at(double seconds) {
    return Timestamp{std::chrono::seconds{1'700'000'000}} +
           Duration{static_cast<std::int64_t>(seconds * 1e6)};
}

class RecentPricesTest : public ::testing::Test {
protected:
    std::optional<Timestamp> price(int value, double second) {
        return recent_.add({"BTC", Decimal::from_int(value), second_at(second), ++sequence_},
                           second_at(now_));
    }
    // The first price since then at which the condition holds, or "none".
    std::string first(int target, double since, Condition condition = Condition::gt) {
        const auto found =
            recent_.first_since({{}, "BTC", condition, Decimal::from_int(target)}, second_at(since));
        return found ? found->value.to_string() : "none";
    }
    std::string present() { return first(0, 1e6); }
    RecentPrices recent_;
    double now_ = 1e9;
    std::uint64_t sequence_ = 0;
};

TEST_F(RecentPricesTest, AnUnknownTickerHasNone) {
    EXPECT_EQ(first(1, 0), "none");
    EXPECT_EQ(present(), "none");
    EXPECT_FALSE(recent_.add(PriceGone{"BTC", second_at(1)}, second_at(now_)));
    EXPECT_EQ(first(1, 0), "none");
}

TEST_F(RecentPricesTest, APriceIsInEffectUntilTheNext) {
    price(100, 1);
    price(200, 2);
    price(50, 3);
    EXPECT_EQ(first(90, 0), "100");
    EXPECT_EQ(first(90, 1.5), "100");
    EXPECT_EQ(first(90, 2), "200");
    EXPECT_EQ(first(90, 2.9), "200");
    EXPECT_EQ(first(90, 3), "none");
    EXPECT_EQ(first(60, 1, Condition::lt), "50");
    EXPECT_EQ(first(40, 99), "50");
}

TEST_F(RecentPricesTest, APriceThatIsGoneIsNoLongerInEffect) {
    price(100, 1);
    recent_.add(PriceGone{"BTC", second_at(2)}, second_at(now_));
    recent_.add(PriceGone{"BTC", second_at(3)}, second_at(now_));
    EXPECT_EQ(present(), "none");
    EXPECT_EQ(first(90, 1.5), "100");
    EXPECT_EQ(first(90, 2.5), "none");
    price(110, 4);
    EXPECT_EQ(first(90, 2.5), "110");
    EXPECT_EQ(present(), "110");
}

TEST_F(RecentPricesTest, ALatePriceIsInsertedByItsTime) {
    EXPECT_FALSE(price(100, 1));
    EXPECT_FALSE(price(100, 3));
    EXPECT_EQ(price(200, 2), second_at(3));
    EXPECT_EQ(present(), "100");
    EXPECT_EQ(first(150, 0), "200");
    EXPECT_EQ(first(150, 2.5), "200");
    EXPECT_EQ(first(150, 3), "none");
    EXPECT_EQ(recent_.add(PriceGone{"BTC", second_at(2.5)}, second_at(now_)), second_at(3));
    EXPECT_EQ(first(150, 2.7), "none");
    EXPECT_EQ(first(90, 2.7), "100");
}

TEST_F(RecentPricesTest, DropsOldPricesAndKeepsTheLast) {
    price(200, 1);
    price(100, 2);
    price(50, 2 + 181);
    EXPECT_EQ(first(150, 0), "none");
    EXPECT_EQ(first(40, 0), "100") << "in effect until three minutes ago";
    price(20, 2 + 181 + 181);
    EXPECT_EQ(first(10, 0), "50");
}

TEST_F(RecentPricesTest, ALatePriceIsTakenAfterALongSilence) {
    price(100, 1);
    price(90, 1000);
    EXPECT_EQ(price(200, 995), second_at(1000));
    EXPECT_EQ(first(150, 900), "200");
    EXPECT_EQ(first(95, 900), "100");
    EXPECT_EQ(price(300, 870), second_at(870)) << "that is over two minutes ago";
    EXPECT_EQ(first(250, 800), "none");
}

TEST_F(RecentPricesTest, KeepsTwoMinutesOfABusyTicker) {
    price(200, 1);
    for (int i = 0; i < 700 * 119; ++i) price(100, 1 + i / 700.0);
    EXPECT_EQ(first(150, 0), "200");
    EXPECT_EQ(recent_.reach("BTC"), second_at(1 + (700 * 119 - 1) / 700.0) - RecentPrices::longest);
}

TEST_F(RecentPricesTest, ABusyTickerHasTheRoomThatOthersLeave) {
    for (std::size_t i = 0; i < RecentPrices::most_in_all / RecentPrices::least; ++i)
        recent_.add({Ticker("T" + std::to_string(i)), Decimal::from_int(1), second_at(0), 1},
                    second_at(now_));
    price(50, 124);
    for (std::size_t i = 1; i < 100 * RecentPrices::least; ++i) price(60, 124);
    EXPECT_EQ(first(60, 0, Condition::lt), "50");
    EXPECT_EQ(recent_.reach("BTC"), second_at(4));
}

TEST_F(RecentPricesTest, ManyTickersShareTheRoom) {
    for (std::size_t i = 0; i < RecentPrices::most_in_all / RecentPrices::least - 1; ++i)
        recent_.add({Ticker("T" + std::to_string(i)), Decimal::from_int(1), second_at(0), 1},
                    second_at(now_));
    price(50, 124);
    for (std::size_t i = 0; i < RecentPrices::least; ++i) price(60, 124);
    // Another one fills the room.
    const auto other = [&] {
        recent_.add({"ETH", Decimal::from_int(1), second_at(124), ++sequence_}, second_at(now_));
    };
    for (std::size_t i = 0; i < RecentPrices::most_in_all; ++i) other();
    EXPECT_EQ(first(60, 0, Condition::lt), "50") << "one that has little more than its part keeps it";
    price(60, 124);
    EXPECT_EQ(first(60, 0, Condition::lt), "none");
    EXPECT_EQ(recent_.reach("BTC"), second_at(124));
    std::size_t in_all = RecentPrices::most_in_all / RecentPrices::least - 1;
    for (const Ticker ticker : {Ticker("BTC"), Ticker("ETH")}) in_all += recent_.of(ticker).size();
    EXPECT_LE(in_all, RecentPrices::most_in_all + RecentPrices::least);
}

// What a checker that takes over a ticker asks for each of its alerts.
TEST_F(RecentPricesTest, ItLooksAtFewOfManyPrices) {
    constexpr int prices = 18'000, alerts = 1000;
    for (int i = 0; i < prices; ++i) price(1000 + i * 37 % 100, 1 + i / 100.0);
    for (int i = 0; i < alerts; ++i) EXPECT_EQ(first(1100 + i, i % 2 == 0 ? 0 : 90), "none");
    EXPECT_LE(recent_.looked_at(), 20U * alerts);
    const std::uint64_t before = recent_.looked_at();
    price(5000, 181.5);
    for (int i = 0; i < alerts; ++i) EXPECT_EQ(first(1100 + i, 0), "5000");
    EXPECT_LE(recent_.looked_at() - before, 200U * alerts);
}

// Against a plain search, while prices come in any order, are gone, and are forgotten.
TEST_F(RecentPricesTest, WhatItFindsIsTheFirst) {
    const auto plain = [&](int target, double since, Condition condition) -> std::string {
        const auto& entries = recent_.of("BTC");
        std::size_t at = entries.size() - 1;
        while (at > 0 && (entries[at].time > second_at(since) || entries[at].is_blind)) --at;
        for (; at < entries.size(); ++at) {
            if (!entries[at].is_gone && holds(condition, entries[at].number, Decimal::from_int(target)))
                return entries[at].number.to_string();
        }
        return "none";
    };
    std::mt19937_64 rng(3);
    const auto one_of = [&](int count) {
        return static_cast<int>(rng() % static_cast<std::uint64_t>(count));
    };
    double time = 1;
    int level = 10'000;
    for (int i = 0; i < 30'000; ++i) {
        level += one_of(41) - 20;
        now_ = time += one_of(20) / 1000.0;
        switch (one_of(200)) {
            case 0:
                price(level, time - one_of(150));
                break;
            case 1:
                recent_.add(PriceGone{"BTC", second_at(time - one_of(3))}, second_at(now_));
                break;
            case 2:
                recent_.add_blind(second_at(time - 5), second_at(now_));
                break;
            case 3:
                time += one_of(10);
                break;
            default:
                price(level, time);
        }
        if (recent_.of("BTC").empty() || i % 3 != 0) continue;
        const auto condition = one_of(2) == 0 ? Condition::gt : Condition::lt;
        const int target = level + one_of(601) - 300;
        const double since = time - one_of(200);
        ASSERT_EQ(first(target, since, condition), plain(target, since, condition)) << i;
    }
}

TEST_F(RecentPricesTest, APriceOlderThanAllKeptWasInEffectForNoTime) {
    price(100, 0);
    price(100, 121);
    price(100, 125);
    EXPECT_EQ(price(200, -1), second_at(-1));
    EXPECT_EQ(first(150, -5), "none");
}

TEST_F(RecentPricesTest, ALatePriceOfTheValueInEffectIsARepetition) {
    price(100, 1);
    price(200, 3);
    price(100, 2);
    EXPECT_TRUE(recent_.is_repetition("BTC", second_at(2)));
    price(150, 2.5);
    EXPECT_FALSE(recent_.is_repetition("BTC", second_at(2.5)));
    price(100, 0.5);
    EXPECT_FALSE(recent_.is_repetition("BTC", second_at(0.5))) << "nothing is known of before";
    recent_.add(PriceGone{"BTC", second_at(4)}, second_at(now_));
    price(200, 5);
    price(200, 4.5);
    EXPECT_FALSE(recent_.is_repetition("BTC", second_at(4.5))) << "there was no price before";
}

// Whoever hears of the ends and whoever reads them afterwards take them in the same order.
TEST_F(RecentPricesTest, ATimeWithoutWatchingIsToldInTheOrderInWhichItIsKept) {
    for (int i = 0; i < 100; ++i)
        recent_.add({Ticker("T" + std::to_string(i)), Decimal::from_int(1), second_at(1), 1}, second_at(1));
    const auto gaps = recent_.add_blind(second_at(5), second_at(9));
    ASSERT_EQ(gaps.size(), 100U);
    for (std::size_t i = 1; i < gaps.size(); ++i) {
        const auto &before = recent_.of(gaps[i - 1].gone.ticker), &after = recent_.of(gaps[i].gone.ticker);
        ASSERT_TRUE(RecentPrices::is_before(before.back(), after.back()));
    }
}

TEST_F(RecentPricesTest, APriceFromTheFutureCountsAsNow) {
    now_ = 10;
    EXPECT_FALSE(price(100, 1000));
    now_ = 11;
    EXPECT_FALSE(price(50, 10.5)) << "the clock that was ahead does not keep its price the newest";
    EXPECT_EQ(present(), "50");
    now_ = 5;  // the clock was set back
    EXPECT_FALSE(price(60, 5));
    EXPECT_EQ(present(), "60");
}

}  // namespace
}  // namespace pricewire::alert
