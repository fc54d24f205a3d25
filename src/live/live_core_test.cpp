#include "live/live_core.hpp"

#include <gtest/gtest.h>

#include "live/live_core_play.hpp"

namespace pricewire::live {
namespace {

using namespace std::chrono_literals;

class LiveCoreTest : public testing::Test {
protected:
    std::string play(const std::string& script) {
        if (!play_) play_ = std::make_unique<LivePlay>(options_);
        return play_->play(script);
    }
    // Notices of many deliveries of user 1, and one lookup that finds them all.
    std::string many_found(int from, int to) {
        std::string script = "notice 1 1\nfound";
        for (int i = from; i <= to; ++i) script += " " + std::to_string(i) + ":pending";
        return script + "\n";
    }

    LiveOptions options_{.tickers = {"BTC", "ETH"}};
    std::unique_ptr<LivePlay> play_;
};

class LiveEvents : public LiveCoreTest {
protected:
    LiveEvents() {
        options_.tickers.clear();
        options_.quotes_every = 1h;  // no slow look unless a test asks for it
    }
};

// The market.

TEST_F(LiveCoreTest, AClientIsSentReadyThenAllPricesThenChanges) {
    EXPECT_EQ(play(R"(
        price BTC 100
        join a 1
        wait 100
        price BTC 101
        wait 100)"),
              "a: ready\n"
              "a: prices BTC=100 ETH=none\n"
              "check a\n"
              "a: prices BTC=101\n");
}

TEST_F(LiveCoreTest, AClientMayChooseItsTickersAndChooseAgain) {
    play("price BTC 100\njoin b 2");
    EXPECT_EQ(play(R"(
        join a 1 only ETH
        choose a BTC
        price ETH 5
        wait 100
        choose a)"),
              "a: ready\n"
              "a: prices ETH=none\n"
              "a: prices BTC=100\n"
              "b: prices ETH=5\n"
              "a: prices BTC=100 ETH=5\n");
}

TEST_F(LiveCoreTest, AClientThatDoesNotReadIsSentTheNewestPriceOnceItHasRead) {
    options_.max_unread_prices = 100;
    play("join a 1\nblocks a");
    EXPECT_EQ(play(R"(
        price BTC 1
        wait 100
        price BTC 2
        wait 100
        price BTC 3
        wait 100
        price BTC 4
        wait 100)"),
              "a: prices BTC=1\n"
              "a: prices BTC=2\n")
        << "the second is beyond 100 bytes";
    EXPECT_EQ(play("wait 1000\nreads a\nwait 100"), "a: prices BTC=4\n");
}

TEST_F(LiveCoreTest, AServerSentStreamWithNothingToSendIsSentAComment) {
    options_.comment_every = 3s;
    EXPECT_EQ(play("join a 1 sse\njoin b 1"),
              "a: ready (event)\na: prices BTC=none ETH=none (event)\ncheck a\n"
              "b: ready\nb: prices BTC=none ETH=none\n");
    play("key a valid\nwait 1000\nkey b valid");
    EXPECT_EQ(play("wait 1500"), "");
    EXPECT_EQ(play("wait 1500"), "a: comment\n");
    EXPECT_EQ(play("wait 1900"), "");
}

// Events.

TEST_F(LiveEvents, EachFiringOfAnAlertWithTermsIsAnEventOfItsOwn) {
    play("join a 1\nkey a valid");
    EXPECT_EQ(play("notice 1 5 fired\nfound 5/9:pending! 4/9:delivered"),
              "look up 1: 5!\na: 9 fired by 5\na: 5 pending\na: 4 delivered\n");
    EXPECT_EQ(play("notice 1 6 fired\nnotice 1 5\nfound 5/9:delivered! 6/9:pending!"),
              "look up 1: 6!\na: 5 delivered\na: 9 fired by 6\na: 6 pending\nlook up 1: 5\n")
        << "the fifth is not sent again";
}

TEST_F(LiveEvents, AChangedAlertIsSentAsItIsThen) {
    play("join a 1\njoin b 2\nkey a valid\nkey b valid");
    EXPECT_EQ(play("notice 1 9\nfound changed:9"), "look up 1: 9\na: 9 changed\n");
    EXPECT_EQ(play("notice 1 9\nfound changed:9"), "look up 1: 9\n") << "it is as it was";
    EXPECT_EQ(play("notice 1 8\nfound"), "look up 1: 8\n") << "it was deleted meanwhile";
    EXPECT_EQ(play("join c 1 after a"), "c: ready\n");
}

TEST_F(LiveEvents, AnAlertIsCreatedOnceAndChangedAfterwards) {
    play("join a 1\nkey a valid");
    EXPECT_EQ(play("notice 1 9 fired\nfound created:9"), "look up 1: 9!\na: 9 created\n");
    EXPECT_EQ(play("missed\nfound created:9"), "look up 1: of the last 6 s\na: 9 changed\n")
        << "created within the time that is looked up, and known";
    EXPECT_EQ(play("join c 1 after a"), "c: ready\n");
}

TEST_F(LiveEvents, ADeletedAlertIsSentByItsIdAndAgainToAClientThatComesBack) {
    play("join a 1\njoin b 2\njoin c 1\nkey a valid\nkey b valid");
    play("notice 1 8 fired\nfound created:8\nleave c");
    EXPECT_EQ(play("notice 1 8\nfound deleted:8"), "look up 1: 8\na: 8 deleted\n");
    EXPECT_EQ(play("notice 1 8\nfound deleted:8"), "look up 1: 8\n") << "once";
    EXPECT_EQ(play("join c 1 after c"), "c: ready\nc: 8 deleted\n");
}

TEST_F(LiveEvents, AnAlertThatFiresAtOnceIsCreatedFirst) {
    play("join a 1\nkey a valid");
    EXPECT_EQ(play("notice 1 5 fired\nfound 5:pending! created:5"),
              "look up 1: 5!\na: 5 created\na: 5 fired\na: 5 pending\n");
}

TEST_F(LiveEvents, AFiringAndItsDeliveriesAreSentToTheirUserAlone) {
    play("join a 1\njoin b 2");
    EXPECT_EQ(play(R"(
        notice 1 5 fired
        found 5:pending!
        notice 1 5
        found 5:delivered
        notice 1 5
        found 5:delivered
        notice 3 6)"),
              "look up 1: 5!\n"
              "a: 5 fired\n"
              "a: 5 pending\n"
              "look up 1: 5\n"
              "a: 5 delivered\n"
              "look up 1: 5\n");
}

TEST_F(LiveEvents, OneLookupOfAUserIsUnderWayAndTheNextTakesAllThatCameMeanwhile) {
    play("join a 1");
    EXPECT_EQ(play(R"(
        notice 1 5
        notice 1 6
        notice 1 7 fired
        notice 1 7
        missed
        found 5:pending
        found 6:pending 7:pending)"),
              "look up 1: 5\n"
              "a: 5 pending\n"
              "look up 1: 6 7! of the last 6 s\n"
              "a: 6 pending\n"
              "a: 7 pending\n");
}

TEST_F(LiveEvents, AFailedLookupIsRepeatedAfterARest) {
    options_.quotes_every = 600ms;
    play("join a 1\nkey a valid\nwait 600\nkey a valid");
    EXPECT_EQ(play(R"(
        notice 1 5
        failed
        notice 1 6
        wait 1000)"),
              "look up 1: 5\n")
        << "the slow look within the second changes nothing";
    EXPECT_EQ(play("wait 600\nfound 5:pending 6:pending"), "look up 1: 5 6\na: 5 pending\na: 6 pending\n");
}

TEST_F(LiveEvents, ALookupThatIsNotTakenIsRepeatedAfterARest) {
    play("join a 1");
    EXPECT_EQ(play(R"(
        full
        notice 1 5
        notice 1 6
        room
        wait 1000
        notice 1 7
        found 5:pending)"),
              "look up 1: 5 (refused)\n"
              "look up 1: 5 6 7\n"
              "a: 5 pending\n");
}

TEST_F(LiveEvents, IfMoreChangedThanIsLookedUpTheClientsAreSentMissed) {
    play("join a 1");
    EXPECT_EQ(play("notice 1 5\nfound 5:pending too-many"), "look up 1: 5\na: 5 pending\na: missed\n");
}

TEST_F(LiveEvents, AClientThatDoesNotReadMissesOnlyWhatIsNoLongerKept) {
    options_.events_kept = 5;
    options_.max_unread_events = 100;
    options_.quotes_every = 100ms;
    play("join a 1\nblocks a");
    EXPECT_EQ(play(many_found(1, 5)), "look up 1: 1\na: 1 pending\na: 2 pending\n") << "beyond 100 bytes";
    EXPECT_EQ(play("reads a\nwait 100"), "a: 3 pending\na: 4 pending\na: 5 pending\n");
    play("blocks a");
    EXPECT_EQ(play(many_found(11, 15)), "look up 1: 1\na: 11 pending\na: 12 pending\n");
    EXPECT_EQ(play(many_found(16, 20)), "look up 1: 1\n");
    EXPECT_EQ(play("reads a\nwait 100\nnotice 1 30\nfound 30:pending"),
              "a: missed\nlook up 1: 30\na: 30 pending\n");
}

TEST_F(LiveEvents, AClientThatReadsMissesNothingOfMoreThanIsKept) {
    options_.events_kept = 64;
    play("join a 1");
    const std::string sent = play(many_found(1, 200));
    EXPECT_EQ(std::count(sent.begin(), sent.end(), '\n'), 201);
    EXPECT_EQ(sent.find("missed"), std::string::npos);
}

// Coming back.

TEST_F(LiveEvents, AClientThatComesBackContinuesAfterItsLastEvent) {
    play("join a 1\nnotice 1 1\nfound 1:pending\nleave a\nnotice 1 2\nfound 2:pending");
    EXPECT_EQ(play("join b 1 after a"), "b: ready\nb: 2 pending\n");
    EXPECT_EQ(play("join c 1 after b"), "c: ready\n");
}

TEST_F(LiveEvents, AnEventOfAnotherProcessMeansThatWhatChangedSinceIsLookedUp) {
    EXPECT_EQ(play("join a 1 after 1699999990000000.00000001.5"),
              "a: ready\nlook up 1: of the last 15 s\ncheck a\n");
}

TEST_F(LiveEvents, AnEventIdThatIsInvalidOrTooOldOrOfTheFutureIsAMiss) {
    play("join b 2");
    for (const std::string id : {"nonsense", "1.1.1", "99999999999999999.1.1"}) {
        EXPECT_EQ(play("join a 1 after " + id + "\nleave a"), "a: ready\na: missed\n") << id;
    }
}

TEST_F(LiveEvents, AUserIsForgottenAWhileAfterItsLastClientLeft) {
    options_.quotes_every = 1s;
    options_.kept_for = 10s;
    play("join a 1\nleave a\nwait 9500");
    EXPECT_EQ(play_->core().users(), 1U);
    EXPECT_EQ(play("notice 1 5"), "look up 1: 5\n");
    play("wait 1000");
    EXPECT_EQ(play_->core().users(), 0U);
    EXPECT_EQ(play("found 5:pending\nnotice 1 5"), "");
    EXPECT_EQ(play_->core().next_look(), std::nullopt);
}

TEST_F(LiveEvents, OfUsersWithoutAClientABoundedNumberIsKept) {
    options_.quotes_every = 1s;
    options_.users_kept = 2;
    for (const char* user : {"1", "2", "3", "4"}) {
        play(std::string("join a ") + user + "\nleave a");
    }
    play("wait 1000");
    EXPECT_EQ(play_->core().users(), 2U);
}

// Keys and limits.

TEST_F(LiveEvents, AStreamWhoseKeyIsInvalidIsClosed) {
    play("join a 1\njoin b 2");
    EXPECT_EQ(play("changed 1\nchanged 2\nkey a invalid\nkey b valid"),
              "check a\ncheck b\na: error 401\na closed 4401\n");
    EXPECT_EQ(play_->core().clients(), 1U);
    EXPECT_EQ(play("changed\nchanged 1"), "check b\n");
}

TEST_F(LiveEvents, AKeyIsCheckedOnceTheStreamIsOpenAndAgainUntilThatWasAnswered) {
    options_.quotes_every = 1s;
    EXPECT_EQ(play("join a 1\nwait 1000"), "a: ready\ncheck a\n") << "it may have been revoked meanwhile";
    EXPECT_EQ(play("key a failed\nwait 1000"), "check a\n");
    EXPECT_EQ(play("full\nchanged\nroom\nwait 1000\nwait 1000"), "check a\ncheck a\n");
}

TEST_F(LiveEvents, AUserHasABoundedNumberOfStreams) {
    options_.streams_per_user = 2;
    EXPECT_EQ(play(R"(
        join a 1
        join b 1
        join c 1
        join d 2
        leave a
        join e 1)"),
              "a: ready\ncheck a\nb: ready\nc: error 429\nc closed 4429\nd: ready\ne: ready\n");
}

}  // namespace
}  // namespace pricewire::live
