#include "watch/demand.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>

#include "fakes/log_capture.hpp"
#include "fakes/test_storage.hpp"
#include "support/eventually.hpp"
#include "watch/looks.hpp"

namespace pricewire::watch {
namespace {

using namespace std::chrono_literals;
using test::eventually;

TEST(LooksTest, WhatIsLookedAtIsWrittenOnceInAWhile) {
    Looks looks(10);
    MonoTime now{};
    EXPECT_TRUE(looks.look("PEPE", "ann", now));
    EXPECT_TRUE(looks.look("PEPE", "ben", now));
    EXPECT_EQ(looks.take(now), std::vector<Ticker>{"PEPE"});
    EXPECT_TRUE(looks.look("PEPE", "ann", now + 29s));
    EXPECT_FALSE(looks.any_new());
    EXPECT_TRUE(looks.look("PEPE", "ann", now + 30s));
    EXPECT_EQ(looks.take(now + 30s), std::vector<Ticker>{"PEPE"});
}

TEST(LooksTest, WhatCouldNotBeWrittenIsTakenAgain) {
    Looks looks(10);
    EXPECT_TRUE(looks.look("PEPE", "ann", {}));
    looks.give_back(looks.take({}));
    EXPECT_EQ(looks.take({}), std::vector<Ticker>{"PEPE"});
}

TEST(LooksTest, AUserLooksAtSoManyTickersAndNoOtherUserIsLimitedByIt) {
    Looks looks(2);
    MonoTime now{};
    EXPECT_TRUE(looks.look("ADA", "ann", now));
    EXPECT_TRUE(looks.look("DOT", "ann", now + 1min));
    EXPECT_FALSE(looks.look("PEPE", "ann", now + 1min));
    EXPECT_TRUE(looks.look("DOT", "ann", now + 1min));
    EXPECT_TRUE(looks.look("PEPE", "ben", now + 1min));
    // ADA is over.
    EXPECT_TRUE(looks.look("PEPE", "ann", now + 10min));
    EXPECT_FALSE(looks.look("ADA", "ann", now + 10min));
}

class DemandTest : public ::testing::Test {
protected:
    std::unique_ptr<Demand> start(std::function<void()> also = {}) {
        return start_demand({.pinned = {"BTC"}, .every = 1ms, .also = std::move(also)}, storage_,
                            system_clock());
    }
    std::string needed() {
        std::string out;
        for (const NeededTicker& n : storage_.needed_tickers(system_clock().now()))
            out += (out.empty() ? "" : " ") + std::string(n.ticker.view());
        return out;
    }

    fakes::LogCapture log_;
    fakes::TestStorage storage_;
};

TEST_F(DemandTest, WhatUsersLookAtIsNeeded) {
    const auto demand = start();
    EXPECT_TRUE(demand->look("PEPE", "ann"));
    EXPECT_TRUE(demand->look("BTC", "ann"));
    EXPECT_TRUE(eventually([&] { return needed() == "PEPE"; }));
}

TEST_F(DemandTest, CallsTheOtherTaskEachTime) {
    std::atomic<int> calls = 0;
    const auto demand = start([&] { ++calls; });
    EXPECT_TRUE(eventually([&] { return calls > 2; }));
}

TEST_F(DemandTest, WhatCannotBeWatchedIsKnown) {
    const auto demand = start();
    EXPECT_TRUE(demand->unwatched()->empty());
    const WatchState state{"LUNA", Unwatchable::delisted, "Kraken lists it no more.",
                           from_micros(1'700'000'000'000'000)};
    storage_.set_watch_states(std::vector{state}, {});
    EXPECT_TRUE(eventually([&] { return demand->unwatched("LUNA") == state; }));
    EXPECT_FALSE(demand->unwatched("ADA"));
    EXPECT_EQ(*demand->unwatched(), std::vector{state});
    storage_.set_watch_states({}, std::vector<Ticker>{"LUNA"});
    EXPECT_TRUE(eventually([&] { return !demand->unwatched("LUNA"); }));
}

TEST_F(DemandTest, WhatIsLookedAtWhileTheDatabaseIsAwayIsWrittenLater) {
    storage_.fail();
    const auto demand = start();
    EXPECT_TRUE(demand->look("PEPE", "ann"));
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.calls("need_tickers") > 1; }));
    storage_.heal();
    EXPECT_TRUE(eventually([&] { return needed() == "PEPE"; }));
    EXPECT_EQ(log_.count("which tickers users look at cannot be written"), 1U);
}

}  // namespace
}  // namespace pricewire::watch
