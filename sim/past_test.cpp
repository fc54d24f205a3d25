#include "sim/past.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "sim/coins.hpp"
#include "sim/protocol.hpp"

namespace pricewire::sim {
namespace {

using namespace std::chrono_literals;

constexpr SimVenue dollars{.name = "dollars", .currency = "USD"};
constexpr SimVenue tethers{.name = "tethers", .currency = "USDT"};

Decimal past_price(std::string_view text) {
    return *Decimal::parse(text);
}

std::string shown(const std::vector<SimCandle>& candles) {
    std::string out;
    for (const SimCandle& c : candles) {
        out += c.open.to_string() + " " + c.high.to_string() + " " + c.low.to_string() + " " +
               c.close.to_string() + " " + c.volume.to_string() + (c.is_closed ? "; " : " open; ");
    }
    return out;
}

class PastTest : public ::testing::Test {
protected:
    void record(std::chrono::milliseconds at, const std::string& price, const SimVenue* venue = nullptr) {
        if (venue == nullptr) {
            past_->record("BTCUSDT", past_price(price), begin_ + at);
        } else {
            past_->record(*venue, "BTCUSDT", past_price(price), begin_ + at);
        }
    }
    std::string minutes_of(const SimVenue& venue) const {
        return shown(past_->of(venue)->candles("BTCUSDT", 60s, begin_, begin_ + 1h));
    }

    const SimTime begin_ = std::chrono::floor<std::chrono::hours>(sim::now()) - 24h;
    std::shared_ptr<Past> past_ = std::make_shared<Past>(false, 1, 0);
};

TEST_F(PastTest, MakesBarsOfWhatWasTraded) {
    record(1s, "100");
    record(20s, "103");
    record(30s, "99");
    record(59'999ms, "101");
    record(121s, "102");
    EXPECT_EQ(minutes_of(dollars), "100 103 99 101 0.04; 102 102 102 102 0.01; ");
    EXPECT_EQ(shown(past_->of(dollars)->candles("BTCUSDT", 3600s, begin_, begin_ + 1h)),
              "100 103 99 102 0.05; ");
    EXPECT_EQ(minutes_of(tethers), minutes_of(dollars));
    EXPECT_EQ(shown(past_->of(dollars)->candles("ETHUSDT", 60s, begin_, begin_ + 1h)), "");
}

TEST_F(PastTest, ATradeToldLateBelongsToItsMinute) {
    record(50s, "100");
    record(61s, "105");
    record(40s, "90");
    EXPECT_EQ(minutes_of(dollars), "100 100 90 100 0.02; 105 105 105 105 0.01; ");
    const auto trades = past_->of(dollars)->trades("BTCUSDT", begin_, begin_ + 60s, 10);
    ASSERT_EQ(trades.size(), 2);
    EXPECT_EQ(trades[0].price, past_price("90"));
    EXPECT_LT(trades[0].id, trades[1].id);
}

TEST_F(PastTest, AVenueKeepsItsOwnRecordInItsOwnCurrency) {
    past_->set_rates({0.5, 1});
    record(1s, "100");
    past_->begin_own(tethers);
    record(2s, "150");
    record(3s, "210", &tethers);
    EXPECT_EQ(minutes_of(dollars), "100 150 100 150 0.02; ");
    EXPECT_EQ(minutes_of(tethers), "200 210 200 210 0.02; ");
}

TEST_F(PastTest, NothingIsToldOfATimeWithoutTrades) {
    record(1s, "100");
    EXPECT_TRUE(past_->of(dollars)->candles("BTCUSDT", 60s, begin_ - 48h, begin_).empty());
    EXPECT_TRUE(past_->of(dollars)->trades("BTCUSDT", begin_ - 1h, begin_, 10).empty());
}

TEST_F(PastTest, TheInventedPastEndsAtTheFirstTrade) {
    past_ = std::make_shared<Past>(true, 7, 0);
    record(65s, "100");
    const auto bars = past_->of(dollars)->candles("BTCUSDT", 60s, begin_ - 24h, begin_ + 5min);
    ASSERT_EQ(bars.size(), 24U * 60 + 2);
    for (std::size_t i = 1; i < bars.size(); ++i) {
        EXPECT_EQ(bars[i].start, bars[i - 1].start + 60s);
        EXPECT_NEAR(bars[i].open.to_double() / bars[i - 1].close.to_double(), 1, 0.01);
        EXPECT_GE(bars[i].high, bars[i].low);
    }
    EXPECT_EQ(bars.back().close, past_price("100"));
    // It moves as prices do: neither stands still nor runs away.
    double low = 1e9;
    double high = 0;
    for (const SimCandle& bar : past_->of(dollars)->candles("BTCUSDT", 86'400s, begin_ - 365 * 24h, begin_)) {
        low = std::min(low, bar.low.to_double());
        high = std::max(high, bar.high.to_double());
    }
    EXPECT_GT(high / low, 1.1);
    EXPECT_LT(high / low, 20);
}

TEST_F(PastTest, TheSamePastIsInventedAgain) {
    past_->add_coin("ADAUSDT", 0.45);
    const auto again = std::make_shared<Past>(false, 1, 0);
    again->add_coin("ADAUSDT", 0.45);
    const auto bars = shown(past_->of(dollars)->candles("ADAUSDT", 3600s, begin_ - 24h, begin_));
    EXPECT_NE(bars, "");
    EXPECT_EQ(bars, shown(again->of(dollars)->candles("ADAUSDT", 3600s, begin_ - 24h, begin_)));
}

TEST(Coins, AreDistinctAndListedSomewhere) {
    std::set<std::string> tickers;
    std::size_t rank = 0;
    for (const SimCoin& coin : first_coins(3000)) {
        EXPECT_TRUE(tickers.insert(coin.ticker).second) << coin.ticker;
        EXPECT_GT(coin.price, 0);
        EXPECT_TRUE(is_listed("binance", coin.ticker, rank++));
    }
}

}  // namespace
}  // namespace pricewire::sim
