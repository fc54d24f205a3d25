// Two coins of the same letters at different venues, through the market: never one price, and it is said who differs.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "directory/disagreement.hpp"
#include "price/market.hpp"

namespace pricewire::app {
namespace {

using namespace std::chrono_literals;

class SameLetters : public ::testing::Test {
protected:
    // Each source repeats its price every second for that long, a little higher each time.
    void trade(Duration time, const std::map<std::string, double>& dollars) {
        for (const Timestamp end = now_ + time; now_ < end; now_ += 1s, mono_ += 1s) {
            step_ += 0.00001;
            for (const auto& [source, price] : dollars) {
                Quote quote{.source = SourceName(source), .ticker = "MIR", .time = now_, .received_at = now_};
                quote.kind = source == "coingecko" ? SourceKind::aggregator : SourceKind::exchange;
                quote.price = Decimal::parse(fmt::format("{:.8f}", price * (1 + step_))).value();
                market_.on_quotes({&quote, 1}, now_);
            }
            compares_ = true;
            market_.refresh(now_);
            compares_ = false;
            for (const auto& c : disagreements_.end_round()) {
                if (c.disagrees) said_ += fmt::format("{} ", c.source.view());
            }
        }
    }
    // Who has been found to mean another coin since the last call.
    std::string differing() { return std::exchange(said_, {}); }
    // Whether every price so far was near this one.
    testing::AssertionResult all_near(double dollars) {
        for (const double price : prices_) {
            if (price < dollars * 0.98 || price > dollars * 1.02) return testing::AssertionFailure() << price;
        }
        return testing::AssertionSuccess() << prices_.size() << " prices";
    }

    Timestamp now_{std::chrono::seconds{1'700'000'000}};
    MonoTime mono_{1h};
    double step_ = 0;
    bool compares_ = false;
    std::vector<double> prices_;
    std::string said_;
    directory::Disagreements disagreements_;
    std::vector<Ticker> tickers_{"MIR"};
    price::Market market_{
        tickers_,
        {.exchanges = 15},
        {.price = [this](const Price& p) { prices_.push_back(std::stod(p.value.to_string())); },
         .price_gone = [](const PriceGone&) {},
         .board =
             [this](const TickerBoard& board) {
                 if (compares_) disagreements_.look(board, mono_);
             }}};
};

TEST_F(SameLetters, TwoVenuesFortyTimesApartMakeNoPriceOnceBothAreThere) {
    trade(30s, {{"kraken", 0.5}, {"mexc", 20.0}});
    EXPECT_TRUE(all_near(0.5) || all_near(20.0)) << "at most that of whoever came first, never between";
    EXPECT_EQ(differing(), "kraken mexc ");
    const std::size_t before = prices_.size();
    trade(5min, {{"kraken", 0.5}, {"mexc", 20.0}});
    EXPECT_EQ(prices_.size(), before);
}

TEST_F(SameLetters, AnAggregatorThatKnowsTheCoinSaysWhichIsMeant) {
    trade(30s, {{"coingecko", 0.5}, {"kraken", 0.5}, {"mexc", 20.0}});
    EXPECT_TRUE(all_near(0.5));
    EXPECT_GT(prices_.size(), 20U);
    EXPECT_EQ(differing(), "mexc ");
}

TEST_F(SameLetters, OfThreeTheOneThatDiffersIsNotCounted) {
    trade(30s, {{"kraken", 0.5}, {"okx", 0.501}, {"mexc", 20.0}});
    EXPECT_TRUE(all_near(0.5));
    EXPECT_GT(prices_.size(), 20U);
    EXPECT_EQ(differing(), "mexc ");
}

TEST_F(SameLetters, ANewlyListedPairThatDiffersNeverVotes) {
    trade(90s, {{"kraken", 0.5}});
    trade(5min, {{"kraken", 0.5}, {"mexc", 0.56}});
    EXPECT_TRUE(all_near(0.5)) << "beyond 10 %";
    trade(30s, {{"kraken", 0.5}, {"mexc", 20.0}});
    EXPECT_TRUE(all_near(0.5));
    EXPECT_EQ(differing(), "mexc ");
}

TEST_F(SameLetters, ANewlyListedPairThatAgreesVotesAndNobodyDiffers) {
    trade(90s, {{"kraken", 0.5}});
    trade(2min, {{"kraken", 0.5}, {"mexc", 0.504}});
    EXPECT_TRUE(all_near(0.502));
    EXPECT_EQ(differing(), "");
}

}  // namespace
}  // namespace pricewire::app
