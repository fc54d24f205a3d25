// Tickers without a price, on the stream of users whose alerts wait for them.
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "live/live_core_play.hpp"

namespace pricewire::live {
namespace {

class LiveBlindTest : public testing::Test {
protected:
    // What is sent but for prices.
    std::string play(const std::string& script) {
        if (!play_) play_ = std::make_unique<LivePlay>(options_);
        std::istringstream lines(play_->play(script));
        std::string out;
        for (std::string line; std::getline(lines, line);) {
            if (line.find(": prices") == line.npos) out += line + "\n";
        }
        return out;
    }
    // Two users with a client each and alerts on BTC, which has a price at 22:13:20.
    void begin() {
        play("price BTC 7\nprice ETH 7\njoin a 1\njoin b 2\nkey a valid\nkey b valid\nwait 1000");
        EXPECT_EQ(play_->counts_asked(), 0) << "nothing is blind";
    }

    LiveOptions options_{.tickers = {"BTC", "ETH"}};
    std::unique_ptr<LivePlay> play_;
};

TEST_F(LiveBlindTest, ATickerThatHasBeenWithoutAPriceForTenSecondsIsToldOnce) {
    begin();
    EXPECT_EQ(play("gone BTC\nwait 1000\ncounts 1 BTC:12 ETH:3\ncounts 2 ETH:1\nwait 8000"), "");
    EXPECT_EQ(play("wait 2000"), "a: blind BTC=22:13:21,silent,12\n");
    EXPECT_EQ(play("wait 5000"), "");
    EXPECT_EQ(play("price BTC 8\nwait 1000"), "a: blind BTC=null\n");
    EXPECT_EQ(play("wait 60000"), "");
}

TEST_F(LiveBlindTest, AShortGapIsNotTold) {
    begin();
    EXPECT_EQ(play("gone BTC\nwait 1000\ncounts 1 BTC:12\nwait 8000\nprice BTC 8\nwait 60000"), "");
}

TEST_F(LiveBlindTest, ANewStreamIsToldWhatIsSoNow) {
    begin();
    play("gone BTC\nwait 1000\ncounts 1 BTC:12\nwait 11000");
    EXPECT_EQ(play("join c 1"), "c: ready\nc: blind BTC=22:13:21,silent,12\n");
    // Of a user without a client nothing was known.
    play("join d 3\nkey c valid\nkey d valid\nwait 1000");
    EXPECT_EQ(play("counts 3 BTC:2"), "d: blind BTC=22:13:21,silent,2\n");
}

TEST_F(LiveBlindTest, AlertsAreCountedAgainWhileATickerIsBlind) {
    begin();
    play("gone BTC\nwait 1000\ncounts 1 BTC:12\ncounts 2 ETH:1");
    EXPECT_EQ(play_->counts_asked(), 2);
    play("wait 10000\ncounts 1 BTC:11\ncounts 2 ETH:1");
    EXPECT_EQ(play_->counts_asked(), 2);
    EXPECT_EQ(play("wait 1000"), "");
    play("wait 9000");
    EXPECT_EQ(play("counts 1 BTC:10 ETH:1\ncounts 2 BTC:1"),
              "a: blind BTC=22:13:21,silent,10\nb: blind BTC=22:13:21,silent,1\n");
    play("wait 10000");
    EXPECT_EQ(play("counts 1 ETH:1"), "a: blind BTC=null\n");
}

TEST_F(LiveBlindTest, ACountThatFailsIsAskedAgainAtTheNextLook) {
    begin();
    play("gone BTC\nwait 1000");
    EXPECT_EQ(play_->counts_asked(), 2);
    play("counts 1 failed\nwait 1000");
    EXPECT_EQ(play_->counts_asked(), 1);
    play("full\ncounts 1 failed\nwait 1000\nroom");
    EXPECT_EQ(play_->counts_asked(), 1) << "it is refused";
    play("wait 1000");
    EXPECT_EQ(play_->counts_asked(), 1) << "and asked again";
}

TEST_F(LiveBlindTest, TickersThatNobodyWatchesAreBlindToo) {
    begin();
    play("unwatched LUNA:delisted\nwait 1000\nalerts 1 LUNA\nalerts 2");
    EXPECT_EQ(play("counts 1 LUNA:1 PEPE:2\nwait 8000"), "");
    EXPECT_EQ(play("wait 1000"), "a: blind LUNA=22:13:21,unwatched,1\n");
    EXPECT_EQ(play("wait 1000"), "a: blind PEPE=22:13:22,unknown,2\n");
}

TEST_F(LiveBlindTest, AClientThatDoesNotReadIsToldWhatIsSoOnceItReads) {
    options_.max_unread_prices = 10;
    begin();
    EXPECT_EQ(play("blocks a\ngone BTC\nwait 1000\ncounts 1 BTC:12\nwait 12000"), "");
    EXPECT_EQ(play("gone ETH\ncounts 1 BTC:13 ETH:1\nreads a\nwait 1000"),
              "a: blind BTC=22:13:21,silent,13\n");
}

}  // namespace
}  // namespace pricewire::live
