// Coins that the configuration does not name: found in the venues' lists, watched while somebody needs them.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "scenarios/market_world.hpp"
#include "sim/venues/venue.hpp"

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;

// BTC stands still; the coins' prices are set by hand.
const std::vector<std::string> flat{"--market", "ramp:BTCUSDT:100:0:10000000:500ms"};

class AnyCoin : public ::testing::TestWithParam<Side> {
protected:
    void SetUp() override {
        if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
    }
    void begin(MarketWorld::Options options, const std::vector<std::string>& coins) {
        world_.emplace(GetParam(), std::move(options));
        for (const std::string& coin : coins) world().trade(coin, "2");
        world().start();
        for (const std::string& coin : coins) {
            deployment().wait_until(coin + " to be found", [&] { return is_listed(coin); });
        }
    }
    bool is_listed(const std::string& coin) {
        return world().get("/tickers?query=" + coin).body.find("\"ticker\":\"" + coin + "\"") !=
               std::string::npos;
    }
    // The objects of "bars".
    static std::vector<std::string> bars_of(const std::string& history) {
        std::vector<std::string> out;
        std::size_t at = history.find("\"bars\":[");
        while (at != std::string::npos && (at = history.find('{', at)) != std::string::npos) {
            const std::size_t end = history.find('}', at);
            out.push_back(history.substr(at, end - at + 1));
            at = end;
        }
        return out;
    }
    // Each bar begins where the one before has ended, about.
    static void expect_no_seam(const std::string& ticker, const std::vector<std::string>& bars,
                               double within) {
        for (std::size_t i = 1; i < bars.size(); ++i) {
            const double open = std::stod(json_member(bars[i], "open").value());
            const double before = std::stod(json_member(bars[i - 1], "close").value());
            EXPECT_NEAR(open / before, 1, within) << ticker << ": " << bars[i - 1] << " then " << bars[i];
            EXPECT_LT(json_member(bars[i - 1], "time").value(), json_member(bars[i], "time").value());
        }
    }
    MarketWorld& world() { return *world_; }
    Deployment& deployment() { return world_->deployment(); }

    std::optional<MarketWorld> world_;
};
INSTANTIATE_TEST_SUITE_P(Sides, AnyCoin, both_sides(), name_of_side);

TEST_P(AnyCoin, AnAlertOnACoinNeverWatchedBeforeFiresAtItsFirstCrossing) {
    begin({.sim = flat}, {"WIF"});
    EXPECT_EQ(world().deployment().subscribed("WIFUSDT"), 0);
    const std::string above = world().alert("WIF", "gt", "2.1");
    const std::string below = world().alert("WIF", "lt", "1.5");
    world().wait_for_streams("WIF");
    deployment().wait_until("a price of WIF", [&] {
        world().trade("WIF", "2");
        return world().has_price("WIF");
    });
    world().trade("WIF", "2.15");
    world().wait_for_webhook("the level above", above);
    EXPECT_EQ(json_member(world().shown(above), "triggered_price"), "2.15");
    EXPECT_EQ(world().webhook_body(above).find("\"late\":true"), std::string::npos)
        << world().webhook_body(above);
    EXPECT_TRUE(world().is_active(below));
    EXPECT_TRUE(world().keeps_limits()) << world().violations();
}

TEST_P(AnyCoin, ATickerThatNobodyListsIsRefusedWithTheNearestNames) {
    begin({.sim = flat}, {"PEPE"});
    const auto refused =
        world().post("/alerts/", R"({"ticker":"PEPPE","condition":"gt","target_price":1,"webhook_url":")" +
                                     deployment().receiver_url() + "/hook\"}");
    EXPECT_EQ(refused.status, 422) << refused.body;
    EXPECT_NE(refused.body.find("PEPE"), std::string::npos) << refused.body;
}

TEST_P(AnyCoin, ADelistedCoinIsNeverSilentlyDead) {
    begin({.sim = flat}, {"WIF"});
    const std::string alert = world().alert("WIF", "gt", "3");
    world().wait_for_streams("WIF");
    for (const std::string& venue : world().venues())
        deployment().sim_post("listing/" + venue + "/WIFUSDT", "delisted");
    // Lists are read at start.
    deployment().kill_pricewire();
    world().start();
    deployment().wait_until("the alert to say that nobody watches, and why", [&] {
        const std::string shown = world().shown(alert);
        return json_member(shown, "watched") == "false" && shown.find("delisted") != std::string::npos;
    });
    for (const std::string& venue : world().venues())
        deployment().sim_post("listing/" + venue + "/WIFUSDT", "trading");
    deployment().kill_pricewire();
    world().start();
    deployment().wait_until("the coin to be watched again", [&] {
        world().trade("WIF", "2");
        return world().has_price("WIF");
    });
    // So large a move is believed only of several venues.
    world().wait_for_streams("WIF");
    world().trade("WIF", "3.1");
    world().wait_for_webhook("the alert", alert);
}

// At first start, and for a coin that nobody watches: from all venues, each within its limits.
TEST_P(AnyCoin, AChartIsFullAtOnceAndNoVenueIsAskedTooOften) {
    MarketWorld::Options options{.sim = {"--market", "none", "--coins", "20", "--coin-trades", "60", "--past",
                                         "--noise", "3", "--limits"},
                                 .tickers = "BTC,ETH"};
    options.venues.clear();
    for (const sim::SimVenue* venue : sim::sim_venues()) options.venues.emplace_back(venue->name);
    begin(std::move(options), {});
    for (const char* ticker : {"BTC", "ETH", "XRP"}) {
        for (const auto& [interval, bars] : {std::pair("1m", 1430), {"1h", 719}, {"1d", 364}, {"1w", 51}}) {
            const std::string path =
                std::string("/rates/") + ticker + "/history?limit=1500&interval=" + interval;
            std::vector<std::string> shown;
            deployment().wait_until(std::string("a full chart of ") + ticker + " in " + interval, [&] {
                shown = bars_of(world().get(path).body);
                return shown.size() >= static_cast<std::size_t>(bars);
            });
            // The last price of a simulated day is an hour old at its end.
            expect_no_seam(ticker, shown, interval[1] == 'm' || interval[1] == 'h' ? 0.01 : 0.05);
        }
    }
    EXPECT_TRUE(world().keeps_limits()) << world().violations();
}

// BTC rises by a cent at each trade; an alert at each dime fires at the cent that follows, if no trade is missed.
TEST_P(AnyCoin, CoinsComeAndGoWithoutDisturbingOthers) {
    std::vector<std::string> coins;
    for (const char* ticker :
         {"ADA", "TRX", "DOT", "LTC", "UNI", "APT", "XLM", "ARB", "INJ", "SEI", "TIA", "LDO"})
        coins.emplace_back(ticker);
    begin({.sim = {"--market", "ramp:BTCUSDT:100:0.01:1500:20ms", "--paused"}}, coins);
    world().trade("BTC", "99.9");
    world().wait_for_streams("BTC");
    deployment().wait_until("a price of BTC", [&] {
        world().trade("BTC", "99.9");
        return world().has_price("BTC");
    });
    std::map<std::string, Decimal> alerts;
    for (int dimes = 1005; dimes < 1140; ++dimes) {
        const std::string level = std::to_string(dimes / 10) + "." + std::to_string(dimes % 10);
        alerts[world().alert("BTC", "gt", level)] = Decimal::parse(level).value();
    }
    deployment().sim_post("play");
    for (const std::string& coin : coins) {
        const std::string alert = world().alert(coin, "gt", "9");
        world().wait_for_streams(coin);
        if (coin.front() % 2 == 1) world().remove(alert);  // half of them
    }
    for (const auto& [alert, level] : alerts) world().wait_for_webhook(level.to_string(), alert);
    for (const ShownAlert& alert : deployment().alerts(world().account())) {
        const auto level = alerts.find(alert.id);
        if (level == alerts.end()) continue;
        EXPECT_EQ(alert.triggered_price,
                  (level->second + Decimal::from_raw(Decimal::one_raw / 100)).to_string())
            << "above " << level->second.to_string();
    }
    EXPECT_TRUE(world().keeps_limits()) << world().violations();
    for (const std::string& coin : coins)
        EXPECT_GT(world().deployment().subscribed(coin + "USDT"), 0) << coin;
    for (const ShownAlert& alert : deployment().alerts(world().account())) world().remove(alert.id);
    if (std::getenv("PRICEWIRE_LONG") == nullptr) return;
    // A coin that nobody needs any more is watched for ten minutes longer, by the monotonic clock.
    std::this_thread::sleep_for(10min);
    for (const std::string& coin : coins) {
        deployment().wait_until(coin + " to be let go",
                                [&] { return world().deployment().subscribed(coin + "USDT") == 0; });
    }
    EXPECT_GT(world().deployment().subscribed("BTCUSDT"), 0);
}

}  // namespace
}  // namespace pricewire::test
