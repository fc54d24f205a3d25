#include "sim/venue_player.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace pricewire::sim {
namespace {

using namespace std::chrono_literals;

constexpr SimVenue dollar_venue{.name = "dollars", .currency = "USD"};
constexpr SimVenue tether_venue{.name = "tethers", .currency = "USDT", .share = 0.5, .delay = 70ms};

Decimal decimal(std::string_view text) {
    return *Decimal::parse(text);
}

class VenuePlayerTest : public ::testing::Test {
protected:
    // "price id age_ms" of what is sent after a trade of BTC at `price` dollars.
    std::string play(const std::string& price, bool by_hand = false) {
        now_ += 10ms;
        std::string out;
        for (auto& telling :
             player_.make({.symbol = "BTCUSDT", .price = decimal(price)}, state_, now_, by_hand)) {
            player_.tell(telling);
            for (const SimTrade& t : telling.trades) {
                out += t.price.to_string() + " " + std::to_string(t.id) + " " +
                       std::to_string((now_ - t.at) / 1ms) + (telling.delay > 0us ? " later; " : "; ");
            }
        }
        return out;
    }
    void fault(const std::string& text, const Door& door = "dollars.stream") {
        faults_.set(door, parse_fault(text).value());
        player_.faults_changed();
    }

    VenuePlayer::Time now_{1'000'000s};
    Faults faults_;
    MarketState state_;
    VenuePlayer player_{dollar_venue, faults_, market_of(dollar_venue, {}, state_, now_), 1};
};

TEST_F(VenuePlayerTest, EachFaultChangesTradesAsItsNameSays) {
    EXPECT_EQ(play("100"), "100 1 0; ");
    fault("deaf");
    EXPECT_EQ(play("101"), "");
    fault("stuck");
    EXPECT_EQ(play("102"), "100 1 20; ");
    fault("stale");
    EXPECT_EQ(play("103"), "100 2 0; ");
    fault("behind:30s");
    EXPECT_EQ(play("104"), "104 3 0 later; ");
    fault("duplicate");
    EXPECT_EQ(play("105"), "105 4 0; 105 4 0; ");
    fault("wild");
    EXPECT_EQ(play("106"), "1060 5 0; ");
    fault("crash");
    EXPECT_EQ(play("100"), "13 6 0; ");
    fault("factor:1000000");
    EXPECT_EQ(play("100"), "100000000 7 0; ");
    fault("batch");
    for (const char* price : {"1", "2", "3", "4"}) EXPECT_EQ(play(price), "");
    EXPECT_EQ(play("5"), "1 8 40; 2 9 30; 3 10 20; 4 11 10; 5 12 0; ");
    fault("removed", "dollars.stream/BTCUSDT");
    EXPECT_EQ(play("6"), "");
    EXPECT_FALSE(player_.market().lists("BTCUSDT"));
    fault("none", "dollars.stream/BTCUSDT");
    fault("none");
    EXPECT_EQ(play("7"), "7 13 0; ");
}

TEST_F(VenuePlayerTest, AFaultOfASymbolIsThatSymbolsAlone) {
    fault("deaf", "dollars.stream/ETHUSDT");
    EXPECT_EQ(play("100"), "100 1 0; ");
    fault("wild");
    fault("none", "dollars.stream/ETHUSDT");
    fault("deaf", "dollars.stream/BTCUSDT");
    EXPECT_EQ(play("100"), "");
}

TEST_F(VenuePlayerTest, OldTradesAreASecondApartAndKeepTheirIdsAndTimes) {
    for (int i = 1; i <= 4000; ++i) play(std::to_string(i));
    const auto old = player_.old_trades(now_);
    ASSERT_EQ(old.size(), 1U);
    EXPECT_TRUE(old[0].is_repeat);
    const auto& trades = old[0].trades;
    EXPECT_GE(trades.size(), 15U);
    for (std::size_t i = 1; i < trades.size(); ++i) {
        EXPECT_GE(trades[i].at - trades[i - 1].at, 1s);
        EXPECT_GT(trades[i].id, trades[i - 1].id);
    }
    EXPECT_GT(now_ - trades.back().at, 10s);
    EXPECT_EQ(player_.market().last("BTCUSDT")->id, 4000U) << "the latest is known all the same";
}

TEST_F(VenuePlayerTest, ADollarIsWorthItsRateInCoins) {
    state_.rates.usdt = 0.95;
    const SimMarket market =
        market_of(tether_venue, {{"BTCUSDT", decimal("95")}, {"USDTUSDT", decimal("0.95")}}, state_, now_);
    EXPECT_EQ(market.prices.at("BTCUSDT"), decimal("100"));
    EXPECT_FALSE(market.prices.contains("USDTUSDT")) << "not against itself";
    VenuePlayer tethers{tether_venue, faults_, market, 1};
    const auto told = tethers.make({.symbol = "BTCUSDT", .price = decimal("95")}, state_, now_, true);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].trades[0].price, decimal("100"));
    EXPECT_TRUE(tethers.make({.symbol = "USDTUSDT", .price = decimal("0.95")}, state_, now_, true).empty());
    EXPECT_EQ(play("95"), "95 1 0; ");
}

TEST_F(VenuePlayerTest, ArbitrageKeepsAVenueNearTheMarketAndItsOwnPace) {
    state_.noise_bp = 5;
    VenuePlayer tethers{tether_venue, faults_, market_of(tether_venue, {}, state_, now_), 1};
    int made = 0;
    double squares = 0;
    for (int i = 0; i < 4000; ++i) {
        now_ += 1s;
        for (const auto& t :
             tethers.make({.symbol = "BTCUSDT", .price = decimal("60000")}, state_, now_, false)) {
            ++made;
            EXPECT_EQ(t.delay, 70ms);
            const double bp = (t.trades[0].price.to_double() / 60000 - 1) * 1e4;
            EXPECT_LT(std::abs(bp), 40);
            squares += bp * bp;
        }
    }
    EXPECT_NEAR(made, 2000, 200) << "the venue's share is a half";
    EXPECT_NEAR(std::sqrt(squares / made), 5, 1.5);
    const auto by_hand = tethers.make({.symbol = "BTCUSDT", .price = decimal("61000")}, state_, now_, true);
    ASSERT_EQ(by_hand.size(), 1U);
    EXPECT_EQ(by_hand[0].trades[0].price, decimal("61000"));
    EXPECT_EQ(by_hand[0].delay, 0us);
}

TEST_F(VenuePlayerTest, ATradeOfOneVenueIsMadeAtItsPriceThere) {
    state_.rates.usdt = 0.9;
    VenuePlayer tethers{tether_venue, faults_, market_of(tether_venue, {}, state_, now_), 1};
    const TapeTrade trade{.symbol = "BTCUSDT", .price = decimal("50"), .venue = "tethers", .age = 60s};
    EXPECT_TRUE(player_.make(trade, state_, now_, false).empty());
    const auto told = tethers.make(trade, state_, now_, false);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].trades[0].price, decimal("50"));
    EXPECT_EQ(told[0].trades[0].at, now_ - 60s);
}

TEST(FaultNames, AreParsedAndPrintedAlike) {
    for (const char* text : {"none", "deaf", "behind", "behind:90s", "factor:0.001", "unacknowledged",
                             "418:120", "451", "maintenance"}) {
        const auto fault = parse_fault(text);
        ASSERT_TRUE(fault) << text;
        EXPECT_EQ(to_string(*fault), text);
    }
    for (const char* text :
         {"", "factor", "factor:-1", "factor:x", "behind:soon", "cut:3", "200", "nonsense"})
        EXPECT_FALSE(parse_fault(text)) << text;
    EXPECT_EQ(parse_fault("behind")->delay(), 60s);
}

}  // namespace
}  // namespace pricewire::sim
