// Tickers that are watched on demand, on the stream.
#include <gtest/gtest.h>

#include "live/live_core_play.hpp"

namespace pricewire::live {
namespace {

using namespace std::chrono_literals;

class LiveWatchTest : public testing::Test {
protected:
    std::string play(const std::string& script) {
        if (!play_) play_ = std::make_unique<LivePlay>(options_);
        return play_->play(script);
    }

    LiveOptions options_{.tickers = {"BTC"}};
    std::unique_ptr<LivePlay> play_;
};

TEST_F(LiveWatchTest, AClientIsSentWhatItWatchesBesideThePinnedTickersAndNobodyElseIs) {
    play("join a 1\njoin b 2\nkey a valid\nkey b valid");
    EXPECT_EQ(play(R"(
        watch a PEPE
        price PEPE 7
        wait 1000
        price PEPE 8
        wait 100)"),
              "1 looks at PEPE\n"
              "a: prices BTC=none PEPE=none\n"
              "a: watch PEPE=starting\n"
              "a: prices PEPE=7\n"
              "a: watch PEPE=true\n"
              "a: prices PEPE=8\n");
}

TEST_F(LiveWatchTest, ATickerOfTheChoiceThatIsNotPinnedIsWatched) {
    play("price PEPE 7\njoin b 2\nkey b valid");
    EXPECT_EQ(play("join a 1 only PEPE"),
              "1 looks at PEPE\n"
              "a: ready\n"
              "a: prices PEPE=7\n"
              "a: watch PEPE=true\n");
    EXPECT_EQ(play("choose a BTC"), "a: prices BTC=none\na: watch\n");
}

TEST_F(LiveWatchTest, WhatIsNoLongerWatchedIsNotSent) {
    play("join a 1\nwatch a PEPE ADA\nkey a valid");
    EXPECT_EQ(play(R"(
        watch a ADA
        price PEPE 7
        price ADA 8
        wait 100)"),
              "1 looks at ADA\n"
              "a: prices BTC=none ADA=none\n"
              "a: watch ADA=starting\n"
              "a: prices ADA=8\n");
    EXPECT_EQ(play("watch a\nprice ADA 9\nwait 100"), "a: prices BTC=none\na: watch\n");
    // Its place may be another ticker's now.
    EXPECT_EQ(play("watch a DOT\nprice ADA 1\nwait 100"),
              "1 looks at DOT\na: prices BTC=none DOT=none\na: watch DOT=starting\n");
}

TEST_F(LiveWatchTest, ALookIsRepeatedWhileTheClientIsThere) {
    play("join a 1\nkey a valid\nwait 1000");
    play("watch a PEPE");
    EXPECT_EQ(play("wait 31000"), "1 looks at PEPE\n");
    EXPECT_EQ(play("leave a\nwait 61000"), "");
}

TEST_F(LiveWatchTest, AClientIsToldWhatHasNoPricesAndWhen) {
    play("unlisted XYZ\nunwatched LUNA:delisted\njoin a 1\nkey a valid\nalerts 1");
    EXPECT_EQ(play("watch a LUNA XYZ"),
              "1 looks at LUNA\n"
              "a: prices BTC=none LUNA=none\n"
              "a: watch LUNA=delisted XYZ=unlisted\n");
    EXPECT_EQ(play("unwatched\nprice LUNA 1\nwait 1000"),
              "a: prices LUNA=1\n"
              "a: watch LUNA=true XYZ=unlisted\n");
}

TEST_F(LiveWatchTest, WithoutOnDemandNoOtherTickerIsWatched) {
    options_.demand.on_demand = false;
    play("join a 1\nkey a valid");
    EXPECT_EQ(play("watch a PEPE BTC"), "a: prices BTC=none\na: watch PEPE=switched_off\n");
}

TEST_F(LiveWatchTest, AClientWatchesSoManyTickersAndAUserTooAndIsTold) {
    options_.watched_per_client = 2;
    play("join a 1\nkey a valid");
    EXPECT_EQ(play("watch a ADA DOT PEPE"),
              "1 looks at ADA\n"
              "1 looks at DOT\n"
              "a: prices BTC=none ADA=none DOT=none\n"
              "a: watch ADA=starting DOT=starting PEPE=too_many\n");
    EXPECT_EQ(play("looks few\nwatch a SHIB"),
              "1 looks at SHIB\n"
              "a: prices BTC=none\n"
              "a: watch SHIB=too_many\n");
}

TEST_F(LiveWatchTest, AUserIsToldWhichAlertsCannotFireAndWhenTheyCanAgain) {
    play("join a 1\nkey a valid\nwait 1000");
    EXPECT_EQ(play("unwatched LUNA:delisted FTT:halted\nwait 1000"), "alerts of 1?\n");
    EXPECT_EQ(play("alerts 1 BTC LUNA"), "a: unwatched LUNA=delisted\n");
    EXPECT_EQ(play("join b 1\nkey b valid"), "b: ready\nb: prices BTC=none\nb: unwatched LUNA=delisted\n");
    EXPECT_EQ(play("unwatched FTT:halted\nwait 1000"), "alerts of 1?\n");
    EXPECT_EQ(play("alerts 1 BTC LUNA"), "a: unwatched LUNA=null\nb: unwatched LUNA=null\n");
}

TEST_F(LiveWatchTest, ATickerThatHasAPriceCanFire) {
    play("join a 1\nkey a valid\nprice LUNA 1\nunwatched LUNA:delisted\nwait 1000");
    EXPECT_EQ(play("alerts 1 LUNA"), "");
}

TEST_F(LiveWatchTest, AFailedQuestionIsAskedAgain) {
    play("join a 1\nkey a valid\nunwatched LUNA:delisted\nwait 1000");
    EXPECT_EQ(play("alerts 1 failed\nwait 1000"), "alerts of 1?\n");
    EXPECT_EQ(play("full\nunwatched LUNA:halted\nwait 2000\nroom\nwait 1000"),
              "alerts of 1?\nalerts of 1?\nalerts of 1?\n");
    EXPECT_EQ(play("wait 2000"), "");
}

}  // namespace
}  // namespace pricewire::live
