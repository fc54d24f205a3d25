#include "watch/watch_list.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace pricewire::watch {
namespace {

using namespace std::chrono_literals;

class WatchListTest : public ::testing::Test {
protected:
    void SetUp() override {
        for (const char* ticker : {"ADA", "DOT", "PEPE", "SHIB"}) list(ticker);
    }
    void list(Ticker ticker, bool is_halted = false) {
        listed_[ticker] = {{{"kraken", std::string(ticker.view()) + "/USD", is_halted}}, {}, {}};
    }
    void delist(Ticker ticker) { listed_[ticker] = {{}, Unwatchable::delisted, "Kraken lists it no more."}; }

    WatchList& watched(std::size_t max_tickers = 1000, bool on_demand = true) {
        const std::vector<Ticker> pinned{"BTC", "ETH"};
        list_.emplace(pinned, WatchLimits{on_demand, max_tickers}, [this](const Ticker& ticker) {
            ++finds_;
            return find_fails_ ? std::nullopt : std::optional(listed_[ticker]);
        });
        return *list_;
    }
    static NeededTicker alert(Ticker ticker) { return {ticker, true}; }
    static NeededTicker look(Ticker ticker) { return {ticker, false}; }

    // "+ADA -DOT": what an update at `at` after the start changes.
    std::string update(Duration at, std::vector<NeededTicker> needed, bool look_again = false) {
        const auto changes = list_->update(needed, look_again, MonoTime{} + at);
        std::string out;
        for (const auto& watch : changes.watch) out += fmt::format(" +{}", watch.ticker.view());
        for (const Ticker& ticker : changes.unwatch) out += fmt::format(" -{}", ticker.view());
        return out.empty() ? out : out.substr(1);
    }
    // "ADA no_room".
    std::string unwatched() const {
        std::string out;
        for (const WatchState& s : list_->unwatched())
            out += fmt::format("{}{} {}", out.empty() ? "" : ", ", s.ticker.view(), to_string(s.why));
        return out;
    }

    std::map<Ticker, Places> listed_{{"BTC", {{{"kraken", "BTC/USD"}}, {}, {}}},
                                     {"ETH", {{{"kraken", "ETH/USD"}}, {}, {}}}};
    int finds_ = 0;
    bool find_fails_ = false;
    std::optional<WatchList> list_;
};

TEST_F(WatchListTest, PinnedTickersAreWatchedAlwaysAndNeverChanged) {
    watched();
    EXPECT_EQ(update(0s, {}), "");
    EXPECT_EQ(update(1s, {alert("BTC"), look("ETH")}), "");
    EXPECT_EQ(update(1h, {}), "");
    EXPECT_TRUE(list_->is_watched("BTC"));
    EXPECT_EQ(list_->watched(), 2U);
}

TEST_F(WatchListTest, ATickerIsWatchedWhenItIsNeededAndTenMinutesLonger) {
    watched();
    EXPECT_EQ(update(0s, {look("PEPE")}), "+PEPE");
    EXPECT_EQ(update(1s, {look("PEPE")}), "");
    EXPECT_TRUE(list_->is_watched("PEPE"));
    EXPECT_EQ(update(2s, {}), "");
    EXPECT_EQ(update(10min, {}), "");
    EXPECT_EQ(update(10min + 1s, {}), "-PEPE");
    EXPECT_FALSE(list_->is_watched("PEPE"));
    EXPECT_EQ(update(11min, {alert("PEPE")}), "+PEPE");
}

TEST_F(WatchListTest, WhatIsNeededAgainInItsGraceStaysWatched) {
    watched();
    EXPECT_EQ(update(0s, {alert("PEPE")}), "+PEPE");
    EXPECT_EQ(update(9min, {}), "");
    EXPECT_EQ(update(9min + 30s, {look("PEPE")}), "");
    EXPECT_EQ(update(19min, {}), "");
    EXPECT_EQ(update(19min + 30s, {}), "-PEPE");
}

TEST_F(WatchListTest, LookingForPlacesAgainDoesNotProlongTheGrace) {
    watched();
    EXPECT_EQ(update(0s, {alert("PEPE")}), "+PEPE");
    EXPECT_EQ(update(10min, {}, true), "-PEPE");
    EXPECT_EQ(update(10min + 1s, {}, true), "");
}

TEST_F(WatchListTest, PlacesAreLookedForOnceUntilTheListingsChange) {
    watched();
    update(0s, {look("PEPE")});
    EXPECT_EQ(finds_, 3);
    update(1s, {look("PEPE")});
    EXPECT_EQ(finds_, 3);
    update(2s, {look("PEPE")}, true);
    EXPECT_EQ(finds_, 6);
}

TEST_F(WatchListTest, AFurtherPlaceIsPassedOn) {
    watched();
    update(0s, {look("PEPE")});
    listed_["PEPE"].places.push_back({"okx", "PEPE-USDT"});
    const std::vector<NeededTicker> needed{look("PEPE")};
    const auto changes = list_->update(needed, true, MonoTime{} + 1s);
    EXPECT_EQ(changes.watch, (std::vector{WatchList::Watch{"PEPE", listed_["PEPE"].places}}));
    EXPECT_EQ(update(2s, needed, true), "");
}

TEST_F(WatchListTest, WhatNobodyListsIsNotWatchedUntilSomebodyDoes) {
    listed_["LUNA"] = {{}, Unwatchable::unlisted, "No source lists it."};
    watched();
    EXPECT_EQ(update(0s, {alert("LUNA")}), "");
    EXPECT_EQ(unwatched(), "LUNA unlisted");
    EXPECT_EQ(list_->unwatched().at(0).reason, "No source lists it.");
    list("LUNA");
    EXPECT_EQ(update(1s, {alert("LUNA")}), "");
    EXPECT_EQ(update(2s, {alert("LUNA")}, true), "+LUNA");
    EXPECT_EQ(unwatched(), "");
}

TEST_F(WatchListTest, ADelistedTickerIsUnwatchedAndComesBackByItself) {
    watched();
    EXPECT_EQ(update(0s, {alert("PEPE")}), "+PEPE");
    delist("PEPE");
    EXPECT_EQ(update(1s, {alert("PEPE")}, true), "-PEPE");
    EXPECT_EQ(unwatched(), "PEPE delisted");
    EXPECT_EQ(update(1h, {alert("PEPE")}), "");
    list("PEPE");
    EXPECT_EQ(update(2h, {alert("PEPE")}, true), "+PEPE");
    EXPECT_EQ(unwatched(), "");
}

TEST_F(WatchListTest, AHaltedTickerStaysWatchedAndIsReported) {
    watched();
    update(0s, {alert("PEPE")});
    list("PEPE", true);
    EXPECT_EQ(update(1s, {alert("PEPE")}, true), "+PEPE");
    EXPECT_EQ(unwatched(), "PEPE halted");
    listed_["PEPE"].places.push_back({"okx", "PEPE-USDT"});
    update(2s, {alert("PEPE")}, true);
    EXPECT_EQ(unwatched(), "");
}

TEST_F(WatchListTest, APinnedTickerThatIsDelistedIsReported) {
    watched();
    delist("BTC");
    EXPECT_EQ(update(0s, {}), "");
    EXPECT_EQ(unwatched(), "BTC delisted");
    EXPECT_TRUE(list_->is_watched("BTC"));
}

TEST_F(WatchListTest, ATickerThatNobodyNeedsIsNotReported) {
    watched();
    update(0s, {alert("PEPE")});
    delist("PEPE");
    update(1s, {}, true);
    EXPECT_EQ(unwatched(), "");
}

TEST_F(WatchListTest, WhatWasFoundHoldsWhileTheListingsCannotBeRead) {
    watched();
    update(0s, {look("PEPE")});
    find_fails_ = true;
    EXPECT_EQ(update(1s, {look("PEPE"), look("ADA")}, true), "");
    EXPECT_EQ(unwatched(), "");
    find_fails_ = false;
    EXPECT_EQ(update(2s, {look("PEPE"), look("ADA")}), "+ADA");
}

TEST_F(WatchListTest, BeyondTheRoomAlertsComeFirstAndThenWhatIsWatched) {
    watched(4);
    EXPECT_EQ(update(0s, {look("ADA"), look("DOT"), look("PEPE")}), "+ADA +DOT");
    EXPECT_EQ(unwatched(), "PEPE no_room");
    EXPECT_EQ(update(1s, {look("ADA"), look("DOT"), look("PEPE"), alert("SHIB")}), "+SHIB -DOT");
    EXPECT_EQ(unwatched(), "DOT no_room, PEPE no_room");
    EXPECT_EQ(update(2s, {alert("DOT"), look("PEPE"), alert("SHIB")}), "+DOT -ADA");
    EXPECT_EQ(update(3s, {alert("DOT"), alert("PEPE"), alert("SHIB")}), "");
    EXPECT_EQ(unwatched(), "PEPE no_room");
    EXPECT_EQ(list_->watched(), 4U);
}

TEST_F(WatchListTest, TheGraceGivesWayToWhatIsNeeded) {
    watched(3);
    EXPECT_EQ(update(0s, {alert("ADA")}), "+ADA");
    EXPECT_EQ(update(1s, {}), "");
    EXPECT_EQ(update(2s, {look("DOT")}), "+DOT -ADA");
    EXPECT_EQ(update(3s, {}), "");
}

TEST_F(WatchListTest, MorePinnedTickersThanRoomAreAllWatched) {
    watched(1);
    EXPECT_EQ(update(0s, {alert("ADA")}), "");
    EXPECT_EQ(unwatched(), "ADA no_room");
    EXPECT_EQ(list_->watched(), 2U);
}

TEST_F(WatchListTest, SwitchedOffOnlyPinnedTickersAreWatched) {
    watched(1000, false);
    EXPECT_EQ(update(0s, {alert("ADA"), alert("BTC")}), "");
    EXPECT_EQ(unwatched(), "ADA switched_off");
}

TEST(WatchShare, OneUserTakesNeitherByAlertsNorByLooksTheRoomOfAll) {
    EXPECT_EQ(most_named_by_alerts(995), 99U);
    EXPECT_EQ(most_looked_at(995), 50U);
    EXPECT_EQ(most_named_by_alerts(25), 10U);
    EXPECT_EQ(most_looked_at(25), 10U);
    EXPECT_EQ(most_looked_at(3), 3U);
    EXPECT_EQ(most_looked_at(0), 1U) << "who looks at one is told that there is no room";
}

}  // namespace
}  // namespace pricewire::watch
