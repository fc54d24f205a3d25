#include "alert/shard.hpp"

#include <gtest/gtest.h>

#include <set>

namespace pricewire::alert {
namespace {

const std::vector<Ticker> all{"ADA", "BTC", "ETH", "SOL"};

Share share(const std::string& view, std::set<Ticker> tickers) {
    return {[tickers = std::move(tickers)](const Ticker& t) { return tickers.contains(t); }, view};
}

// "+ADA BTC -ETH": what is to be done, in order.
std::string play(Shard& shard) {
    std::string out;
    while (shard.needs_plan() || shard.step() != nullptr) {
        if (shard.needs_plan()) shard.plan(all);
        const Shard::Step* const step = shard.step();
        if (step == nullptr) continue;
        out += out.empty() ? "" : " ";
        out += step->came ? "+" : "-";
        for (const Ticker& ticker : step->tickers) out += std::string(ticker.view());
        shard.done();
    }
    return out;
}

TEST(ShardTest, WhatComesIsLoadedBeforeWhatGoesIsRemoved) {
    Shard shard(share("1", {"ADA", "BTC"}));
    EXPECT_FALSE(shard.is_moving());
    shard.change(share("2", {"BTC", "ETH", "SOL"}));
    EXPECT_TRUE(shard.is_moving());
    EXPECT_TRUE(shard.holds("ETH")) << "changes count from now on";
    EXPECT_FALSE(shard.holds("ADA"));
    EXPECT_EQ(play(shard), "+ETHSOL -ADA");
    EXPECT_FALSE(shard.is_moving());
    EXPECT_EQ(shard.view(), "2");
}

TEST(ShardTest, FromAllToAPartAndBack) {
    Shard shard({});
    EXPECT_TRUE(shard.is_all());
    shard.change(share("1", {"BTC"}));
    EXPECT_EQ(play(shard), "-ADAETHSOL");
    shard.change({.view = "2"});
    EXPECT_EQ(play(shard), "+ADAETHSOL");
    shard.change({.view = "3"});
    EXPECT_FALSE(shard.is_moving()) << "nothing moves between all and all";
    EXPECT_EQ(shard.view(), "3");
}

TEST(ShardTest, AChangeMeanwhileIsFollowedAtOnce) {
    Shard shard(share("1", {"ADA", "BTC"}));
    shard.change(share("2", {"BTC", "ETH"}));
    shard.change(share("3", {"BTC", "ADA", "SOL"}));
    // Alerts of ADA may have been made while they were passed over, and those of ETH while they were not.
    EXPECT_EQ(play(shard), "+ADASOL -ETH");
    EXPECT_EQ(shard.view(), "3");
}

TEST(ShardTest, WhatAnotherChangeFindsUndoneIsDoneOrUndone) {
    Shard shard(share("1", {"ADA", "BTC"}));
    shard.change(share("2", {"ETH", "SOL"}));
    shard.plan(all);
    ASSERT_EQ(shard.step()->tickers, (std::vector<Ticker>{"ETH", "SOL"}));
    shard.change(share("3", {"ADA", "ETH"}));
    EXPECT_EQ(play(shard), "+ADAETH -BTCSOL");
    shard.change(share("4", {"ADA", "BTC"}));
    shard.plan(all);
    shard.done();
    shard.change(share("5", {"ADA", "BTC"}));
    EXPECT_EQ(play(shard), "-ETH") << "BTC was loaded, ETH not yet removed";
}

TEST(ShardTest, ALoadOfEverythingLeavesNothingToDo) {
    Shard shard(share("1", {"ADA"}));
    shard.change(share("2", {"BTC"}));
    shard.on_loaded();
    EXPECT_FALSE(shard.is_moving());
    shard.change(share("3", {"ADA", "ETH"}));
    shard.plan(all);
    shard.on_loaded();
    EXPECT_FALSE(shard.is_moving());
    shard.change(share("4", {"ADA"}));
    EXPECT_EQ(play(shard), "-ETH");
}

TEST(ShardTest, ManyTickersMoveInSteps) {
    std::vector<Ticker> many;
    for (int i = 0; i < 100; ++i) many.emplace_back("T" + std::to_string(i));
    Shard shard(share("1", {}));
    shard.change({.view = "2"});
    shard.plan(many);
    std::set<Ticker> loaded;
    int steps = 0;
    for (; shard.step() != nullptr; shard.done(), ++steps)
        loaded.insert(shard.step()->tickers.begin(), shard.step()->tickers.end());
    EXPECT_EQ(loaded.size(), many.size());
    EXPECT_EQ(steps, 4);
}

}  // namespace
}  // namespace pricewire::alert
