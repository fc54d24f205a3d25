// What happened while nobody watched: the real program is killed, or its machine sleeps, while the market goes on.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "scenarios/market_world.hpp"

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;

// BTC stands at 100, a trade every 200 ms; levels are reached by hand.
const std::vector<std::string> flat{"--market", "ramp:BTCUSDT:100:0:10000000:200ms"};

class BlindTime : public ::testing::TestWithParam<Side> {
protected:
    void SetUp() override {
        if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
    }
    void begin(MarketWorld::Options options = {}) {
        options.sim = flat;
        world_.emplace(GetParam(), std::move(options));
        world_->start();
        world_->wait_for_streams("BTC");
        world_->wait_for_price("BTC");
    }
    MarketWorld& world() { return *world_; }
    Deployment& deployment() { return world_->deployment(); }
    void pass(Duration time) { deployment().pass(time); }

    struct Touch {
        Timestamp from;
        Timestamp to;
    };
    // Every venue trades once at that price, which the level is beyond.
    Touch touch(const std::string& price, const std::string& venue = "") {
        // The tape's next trade would hide that this one was made.
        deployment().sim_post("pause");
        const Timestamp from = world().market_clock();
        world().trade("BTC", price, venue);
        deployment().wait_until(
            "the trade", [&] { return !venue.empty() || json_member(world().status(), "BTCUSDT") != "100"; });
        const Touch out{from, world().market_clock()};
        world().trade("BTC", "100", venue);
        deployment().sim_post("play");
        return out;
    }
    // Pricewire is killed, and the market goes on for two minutes before and after.
    Touch touch_while_dead(const std::string& price) {
        deployment().kill_pricewire();
        pass(2min);
        const Touch out = touch(price);
        pass(2min);
        return out;
    }
    // Pricewire is killed, and between two touches one venue alone trades at 180.
    std::pair<Touch, Touch> touch_twice_while_dead(const std::string& first, const std::string& second) {
        deployment().kill_pricewire();
        pass(70s);
        const Touch one = touch(first);
        pass(2min);
        touch("180", "bybit");
        pass(2min);
        return {one, touch(second)};
    }

    void expect_late(const std::string& name, const std::string& alert, const Touch& touch) {
        world().wait_for_webhook(name, alert);
        const std::string body = world().webhook_body(alert);
        EXPECT_NE(body.find("\"late\":true"), std::string::npos) << name << ": " << body;
        for (const std::string& json : {body, world().shown(alert)}) {
            const auto occurred = MarketWorld::occurred(json);
            ASSERT_TRUE(occurred) << name << ": " << json;
            EXPECT_LE(occurred->first, touch.to + 1s) << name << ": " << json;
            EXPECT_GE(occurred->second, touch.from - 1s) << name << ": " << json;
            EXPECT_LE(occurred->second - occurred->first, 1min) << name << ": " << json;
        }
        EXPECT_EQ(world().webhooks(alert), 1) << name;
    }
    std::string ruled(const std::string& when, const std::string& more = R"("note":"")") {
        return world().deployment().create_alert(world().account(),
                                                 R"("ticker":"BTC","when":{)" + when + "}," + more);
    }
    // Its firings, in order.
    void expect_all_late(const std::string& name, const std::string& alert,
                         const std::vector<Touch>& touches) {
        deployment().wait_until("the webhooks of " + name,
                                [&] { return world().webhooks(alert) >= static_cast<int>(touches.size()); });
        EXPECT_EQ(world().webhooks(alert), static_cast<int>(touches.size())) << name;
        auto firings = deployment().list(world().account(), "/alerts/" + alert + "/firings?limit=100");
        ASSERT_EQ(firings.size(), touches.size()) << name;
        std::ranges::reverse(firings);
        for (std::size_t i = 0; i < firings.size(); ++i) {
            EXPECT_EQ(json_member(firings[i], "number"), std::to_string(i + 1)) << name;
            EXPECT_NE(firings[i].find("\"late\":true"), std::string::npos) << name << ": " << firings[i];
            const auto occurred = MarketWorld::occurred(firings[i]);
            ASSERT_TRUE(occurred) << name << ": " << firings[i];
            // A mute of ten seconds counts from the end of the minute, and what was muted fires at its end.
            EXPECT_LE(occurred->first, touches[i].to + 70s) << name << ": " << firings[i];
            EXPECT_GE(occurred->second, touches[i].from - 1s) << name << ": " << firings[i];
        }
    }
    void expect_still_active(const std::string& name, const std::string& alert) {
        EXPECT_TRUE(world().is_active(alert)) << name << ": " << world().shown(alert);
        EXPECT_EQ(world().webhooks(alert), 0) << name;
    }

    std::optional<MarketWorld> world_;
};
INSTANTIATE_TEST_SUITE_P(Sides, BlindTime, both_sides(), name_of_side);

TEST_P(BlindTime, WhatWasTouchedWhileTheProcessWasDeadFiresLateOnce) {
    begin();
    const std::string high = world().alert("BTC", "gt", "110");
    const std::string low = world().alert("BTC", "lt", "90");
    const std::string wick = world().alert("BTC", "gt", "140");
    const std::string not_late = world().alert("BTC", "gt", "111", R"(,"recover":false)");
    const auto until = [&](Duration life) {
        return fmt::format(R"(,"expires_at":"{}")", format_rfc3339(world().market_clock() + life));
    };
    const std::string ends_later = world().alert("BTC", "gt", "113", until(3min));
    const std::string ends_before = world().alert("BTC", "gt", "114", until(40s));
    const auto [up, down] = touch_twice_while_dead("115", "85");
    pass(100s);
    world().start();
    expect_late("the high", high, up);
    expect_late("the low", low, down);
    expect_still_active("one venue's wick", wick);
    expect_still_active("one for which late is worthless", not_late);
    expect_late("one whose life ended after its level was touched", ends_later, up);
    deployment().wait_until("the other's end",
                            [&] { return json_member(world().shown(ends_before), "status") == "expired"; });
    EXPECT_EQ(world().webhooks(ends_before), 0);
    // What was touched before an alert was made is not its business.
    world().wait_for_price("BTC");
    const std::string younger = world().alert("BTC", "gt", "112");
    deployment().kill_pricewire();
    pass(3min);
    const Touch again = touch("150");
    pass(2min);
    world().start();
    expect_late("the wick's level, this time at all venues", wick, again);
    expect_late("the younger one, by what came after it", younger, again);
    EXPECT_EQ(world().webhooks(high), 1);
    EXPECT_EQ(world().webhooks(low), 1);
    EXPECT_TRUE(world().keeps_limits()) << world().violations();
}

// Every alert repeats, follows the market or looks at two tickers; nothing but the recovered prices can fire it.
TEST_P(BlindTime, AlertsWithARuleFireLateAsOftenAsTheyWouldHave) {
    begin();
    const std::string often = R"("repeat":{"cooldown":"10s","rearm":"1%"})";
    const auto above = [](const char* level) { return fmt::format(R"("is":"above","level":{})", level); };
    const std::string plain = world().alert("BTC", "gt", "110");
    const std::string crossing = ruled(R"("is":"crosses","level":110)", often);
    const std::string repeating = ruled(above("108"), often);
    const std::string trailing = ruled(R"("is":"below","level":{"from":"high","by":"-10%"})");
    const std::string wider = ruled(R"("is":"below","level":{"from":"high","by":"-25%"})");
    const std::string either = ruled(R"("any":[{"is":"above","level":112},{"is":"below","level":50}])");
    const std::string not_late = ruled(above("109"), R"("recover":false)");
    const std::string wick = ruled(R"("is":"crosses","level":140)", often);
    const std::string wick_trailing = ruled(R"("is":"below","level":{"from":"high","by":"-30%"})");
    // The high of a trailing alert's first minute is noted once time has passed its end, before what time fires later.
    pass(61s);
    world().wait_for_price("BTC");
    world().wait_for_webhook("one that holds", ruled(above("1"), R"("for":"1s")"));
    const auto [first, second] = touch_twice_while_dead("115", "116");
    // The mute that follows ends within a minute that is complete: of one that is not, no venue has a bar.
    pass(130s);
    for (const int life : {0, 150, 600}) {
        world().start();
        std::this_thread::sleep_for(std::chrono::milliseconds{life});
        deployment().kill_pricewire();
    }
    world().start();
    expect_late("the plain one", plain, first);
    expect_late("the trailing one", trailing, first);
    expect_late("either", either, first);
    expect_all_late("crosses", crossing, {first, first, second, second});
    expect_all_late("repeats", repeating, {first, second});
    expect_still_active("one for which late is worthless", not_late);
    expect_still_active("one venue's wick", wick);
    expect_still_active("one venue's wick, trailing", wick_trailing);
    EXPECT_TRUE(world().keeps_limits()) << world().violations();
    // The recovered high of 116 counts from now on: 25 % below it is 87.
    expect_still_active("the wide one", wider);
    world().wait_for_price("BTC");
    deployment().wait_until("the wide one", [&] {
        world().trade("BTC", "86");
        return world().webhooks(wider) > 0;
    });
    EXPECT_EQ(world().webhook_body(wider).find("\"late\":true"), std::string::npos)
        << world().webhook_body(wider);
}

TEST_P(BlindTime, AnAlertMadeAfterTheTouchDoesNotFire) {
    begin();
    const std::string older = world().alert("BTC", "gt", "110");
    const Touch up = touch_while_dead("130");
    world().fault_everywhere("rest", "503");
    world().start();
    world().wait_for_price("BTC");
    const std::string younger = world().alert("BTC", "gt", "120");
    world().fault_everywhere("rest", "none");
    expect_late("the older", older, up);
    expect_still_active("the younger", younger);
}

TEST_P(BlindTime, HalfOfTheVenuesAreEnough) {
    begin();
    const std::string high = world().alert("BTC", "gt", "110");
    const Touch up = touch_while_dead("115");
    world().fault("binance.rest", "silence");
    world().fault("okx.rest", "503");
    world().fault("kraken.rest", "error200");
    world().start();
    expect_late("the high", high, up);
}

TEST_P(BlindTime, KilledAgainAndAgainWhileItAsksItFiresOnce) {
    begin();
    const std::string high = world().alert("BTC", "gt", "110");
    const Touch up = touch_while_dead("115");
    for (int i = 0; i < 5; ++i) {
        if (i == 2) world().fault_everywhere("rest", "silence");
        if (i == 4) world().fault_everywhere("rest", "none");
        world().start();
        std::this_thread::sleep_for(i * 150ms);
        deployment().kill_pricewire();
    }
    world().start();
    expect_late("the high", high, up);
}

TEST_P(BlindTime, AMachineThatSleptCatchesUp) {
    begin();
    const std::string high = world().alert("BTC", "gt", "110");
    const std::string wick = world().alert("BTC", "gt", "140");
    // No connection outlives three hours.
    const auto sleep = [&](Duration time) {
        deployment().signal_pricewire(SIGSTOP);
        pass(time);
    };
    sleep(2h);
    const Touch up = touch("115");
    touch("180", "okx");
    pass(1h);
    world().fault_everywhere("stream", "cut");
    deployment().signal_pricewire(SIGCONT);
    expect_late("the high", high, up);
    expect_still_active("one venue's wick", wick);
    EXPECT_TRUE(world().keeps_limits()) << world().violations();
}

TEST_P(BlindTime, WhatWasTouchedWhileNoSourceAnsweredFiresLate) {
    if (GetParam() == Side::cluster && std::getenv("PRICEWIRE_LONG") == nullptr)
        GTEST_SKIP() << "PRICEWIRE_LONG is not set";
    begin({.config = {{"PRICEWIRE_MARKET_QUOTE_TTL", "3s"}}});
    const std::string high = world().alert("BTC", "gt", "110");
    // Of an alert's own first minute only trades can tell what it missed.
    pass(2min);
    world().wait_for_price("BTC");
    for (const char* door : {"stream", "rest"}) world().fault_everywhere(door, "503");
    deployment().wait_until("the price to be gone", [&] { return !world().has_price("BTC"); });
    const Touch up = touch("115");
    for (const char* door : {"stream", "rest"}) world().fault_everywhere(door, "none");
    expect_late("the high", high, up);
}

TEST_P(BlindTime, WhatWasTouchedWhileTheFeedWasDeadFiresLate) {
    if (GetParam() == Side::embedded) GTEST_SKIP() << "the feed dies with the process";
    if (std::getenv("PRICEWIRE_LONG") == nullptr) GTEST_SKIP() << "PRICEWIRE_LONG is not set";
    begin();
    const std::string high = world().alert("BTC", "gt", "110");
    deployment().process("feed1").kill();
    deployment().wait_until("the price to be gone", [&] { return !world().has_price("BTC"); });
    const Touch up = touch("115");
    deployment().start("feed1");
    expect_late("the high", high, up);
}

// The same by the clock, without moving it.
TEST_P(BlindTime, TwoMinutesThatReallyPass) {
    if (std::getenv("PRICEWIRE_LONG") == nullptr) GTEST_SKIP() << "PRICEWIRE_LONG is not set";
    begin();
    const std::string high = world().alert("BTC", "gt", "110");
    const std::string wick = world().alert("BTC", "gt", "140");
    deployment().kill_pricewire();
    std::this_thread::sleep_for(60s);
    const Touch up = touch("115");
    touch("180", "bitstamp");
    std::this_thread::sleep_for(60s);
    world().start();
    expect_late("the high", high, up);
    expect_still_active("one venue's wick", wick);
}

TEST_P(BlindTime, WhereThereAreTwoOfEachOneIsEnoughToSeeAndBothFireOnce) {
    if (GetParam() == Side::embedded) GTEST_SKIP() << "one process has no second";
    begin({.of_each = 2});
    const std::string seen = world().alert("BTC", "gt", "103");
    const std::string missed = world().alert("BTC", "gt", "110");
    for (const char* gone : {"feed1", "checker1"}) deployment().process(gone).kill();
    deployment().wait_until("the level that is seen", [&] {
        world().trade("BTC", "104");
        return world().webhooks(seen) > 0;
    });
    EXPECT_EQ(world().webhook_body(seen).find("\"late\":true"), std::string::npos)
        << world().webhook_body(seen);
    const Touch up = touch_while_dead("115");
    world().start();
    // The venues' limits are no matter here: they count by address, and two feeds have one each.
    expect_late("the level that was missed", missed, up);
}

TEST_P(BlindTime, WithoutRecoveryNothingFiresLate) {
    begin({.config = {{"PRICEWIRE_MARKET_RECOVER", "0s"}}});
    const std::string high = world().alert("BTC", "gt", "110");
    touch_while_dead("115");
    world().start();
    world().wait_for_price("BTC");
    // A crossing that is seen comes after all that could have been recovered.
    const std::string seen = world().alert("BTC", "gt", "105");
    deployment().wait_until("the live one", [&] {
        world().trade("BTC", "106");
        return world().webhooks(seen) > 0;
    });
    expect_still_active("what was missed", high);
}

}  // namespace
}  // namespace pricewire::test
