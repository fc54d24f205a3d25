#include "alert/recent_prices.hpp"

#include <gtest/gtest.h>

namespace pricewire {
namespace {

using namespace std::chrono_literals;

Timestamp at(double seconds) {
    return Timestamp{std::chrono::seconds{1'700'000'000}} +
           Duration{static_cast<std::int64_t>(seconds * 1e6)};
}

class RecentPricesTest : public ::testing::Test {
protected:
    void price(int value, double second) {
        recent_.add({"BTC", Decimal::from_int(value), at(second), ++sequence_});
    }
    // The value of the first price since then above the target; 0 where there is none.
    std::string first(int target, double since, Condition condition = Condition::gt) {
        const auto found = recent_.first_since({{}, "BTC", condition, Decimal::from_int(target)}, at(since));
        return found ? found->value.to_string() : "none";
    }
    RecentPrices recent_;
    std::uint64_t sequence_ = 0;
};

TEST_F(RecentPricesTest, OfAnUnknownTickerThereIsNone) {
    EXPECT_EQ(first(1, 0), "none");
    EXPECT_FALSE(recent_.last("BTC"));
    recent_.gone("BTC", at(1));
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

TEST_F(RecentPricesTest, APriceThatHasGoneIsNotInEffectAnyMore) {
    price(100, 1);
    recent_.gone("BTC", at(2));
    recent_.gone("BTC", at(3));
    EXPECT_FALSE(recent_.last("BTC"));
    EXPECT_EQ(first(90, 1.5), "100");
    EXPECT_EQ(first(90, 2.5), "none");
    price(110, 4);
    EXPECT_EQ(first(90, 2.5), "110");
    EXPECT_EQ(recent_.last("BTC")->value, Decimal::from_int(110));
}

TEST_F(RecentPricesTest, ForgetsWhatIsOldAndKeepsTheLast) {
    price(200, 1);
    price(100, 2);
    price(50, 2 + 121);
    EXPECT_EQ(first(150, 0), "none");
    EXPECT_EQ(first(40, 0), "50");
    for (std::size_t i = 0; i < RecentPrices::most; ++i) price(60, 124);
    EXPECT_EQ(first(60, 0, Condition::lt), "none");
}

}  // namespace
}  // namespace pricewire
