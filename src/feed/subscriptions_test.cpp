#include "feed/subscriptions.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace pricewire::feed {
namespace {

using namespace std::chrono_literals;

// A venue that answers each message as a whole, and refuses it for one bad symbol without saying which.
class SubscriptionsTest : public ::testing::Test {
protected:
    explicit SubscriptionsTest(std::size_t instruments = 8) : instruments_(instruments) {}

    // "1:012": the number and the symbols of the message that is due.
    std::string next() {
        const auto message = subscriptions_.next(now_);
        if (!message) return "";
        std::string out = std::to_string(message->number) + ":";
        for (const std::size_t i : message->asked) out += std::to_string(i);
        return out;
    }
    std::optional<std::size_t> refuse(std::optional<std::uint64_t> number,
                                      std::optional<std::size_t> culprit = {}) {
        return subscriptions_.refuse_message({number, "no", culprit}, now_).instrument;
    }
    // Plays the venue until it has nothing to answer: the symbols that are blamed, in order.
    std::vector<std::size_t> play(const std::set<std::size_t>& bad) {
        std::vector<std::size_t> blamed;
        while (const auto message = subscriptions_.next(now_)) {
            ++messages_;
            const bool is_bad =
                std::ranges::any_of(message->asked, [&](std::size_t i) { return bad.contains(i); });
            if (!is_bad) {
                subscriptions_.acknowledge_message(message->number);
            } else if (const auto culprit = refuse(message->number)) {
                blamed.push_back(*culprit);
            }
            now_ += 1s;
        }
        return blamed;
    }

    const std::size_t instruments_;
    StreamType type_{.symbols_per_message = 4, .message_gap = 1s, .ack_within = 10s};
    Subscriptions subscriptions_{type_, std::vector<bool>(instruments_, true), 5min};
    MonoTime now_{1h};
    int messages_ = 0;
};

TEST_F(SubscriptionsTest, MessagesArePacedAndNumbered) {
    EXPECT_EQ(next(), "1:0123");
    EXPECT_EQ(next(), "");
    EXPECT_EQ(subscriptions_.next_event(), now_ + 1s);
    now_ += 1s;
    EXPECT_EQ(next(), "2:4567");
    now_ += 1s;
    EXPECT_EQ(next(), "");
    EXPECT_FALSE(subscriptions_.all_answered());
    subscriptions_.acknowledge_message(2);
    EXPECT_TRUE(subscriptions_.is_acknowledged(4));
    EXPECT_FALSE(subscriptions_.is_acknowledged(0));
    subscriptions_.acknowledge_message(std::nullopt);
    EXPECT_TRUE(subscriptions_.all_answered());
    EXPECT_EQ(subscriptions_.next_event(), MonoTime::max());
}

TEST_F(SubscriptionsTest, AnAnswerWithoutANumberIsToTheOldestMessageThatHasNone) {
    next();
    now_ += 1s;
    next();
    for (std::size_t i = 0; i < 4; ++i) subscriptions_.acknowledge(i);
    EXPECT_EQ(refuse(std::nullopt, 5), 5u) << "the first message needs no answer any more";
    EXPECT_EQ(refuse(std::nullopt), std::nullopt);
    EXPECT_FALSE(subscriptions_.refuse_message({7, "no", {}}, now_).is_subscription);
}

TEST_F(SubscriptionsTest, OneBadSymbolIsFoundAndTheOthersAreSubscribed) {
    EXPECT_EQ(play({5}), std::vector<std::size_t>{5});
    EXPECT_TRUE(subscriptions_.all_answered());
    for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(subscriptions_.is_acknowledged(i), i != 5) << i;
    EXPECT_EQ(messages_, 6) << "0123, 4567, 45, 67, 4, 5";
}

TEST_F(SubscriptionsTest, ABadSymbolIsAskedForAgainLaterAndAlone) {
    play({5});
    const MonoTime again = subscriptions_.next_event();
    EXPECT_GT(again, now_ + 4min);
    EXPECT_EQ(next(), "");
    now_ = again;
    EXPECT_EQ(next(), "7:5");
    subscriptions_.acknowledge_message(7);
    EXPECT_TRUE(subscriptions_.is_acknowledged(5));
    EXPECT_EQ(subscriptions_.next_event(), MonoTime::max());
}

TEST_F(SubscriptionsTest, AKnownCulpritTakesOnlyItselfOut) {
    EXPECT_EQ(next(), "1:0123");
    EXPECT_EQ(refuse(1, 2), 2u);
    now_ += 1s;
    EXPECT_EQ(next(), "2:0134");
    now_ += 1s;
    EXPECT_EQ(refuse(2, 7), std::nullopt) << "that one was not asked for: halves have to find it";
    EXPECT_EQ(next(), "3:567");
    now_ += 1s;
    EXPECT_EQ(next(), "4:01");
    now_ += 1s;
    EXPECT_EQ(next(), "5:34");
}

TEST_F(SubscriptionsTest, WhatIsNotAnsweredIsAskedForAgainInSmallerMessages) {
    next();
    subscriptions_.acknowledge(0);
    now_ += 9s;
    EXPECT_EQ(next(), "2:4567");
    subscriptions_.acknowledge_message(2);
    now_ += 9s;
    EXPECT_TRUE(subscriptions_.take_unanswered(now_).empty());
    now_ += 1s;
    EXPECT_EQ(subscriptions_.take_unanswered(now_), (std::vector<std::size_t>{1, 2, 3}));
    EXPECT_TRUE(subscriptions_.take_unanswered(now_).empty());
    EXPECT_EQ(subscriptions_.next_event(), now_ + 5min);
    now_ += 5min;
    EXPECT_EQ(next(), "3:1");
    subscriptions_.acknowledge_message(1);
    EXPECT_FALSE(subscriptions_.is_acknowledged(1)) << "an answer to a message that was given up";
}

TEST_F(SubscriptionsTest, AnEarlierMessageDoesNotAnswerForASymbolThatIsAskedForAgain) {
    next();
    subscriptions_.acknowledge(0);
    subscriptions_.ask_again(0, now_);
    now_ += 1s;
    EXPECT_EQ(next(), "2:4567") << "what is asked for again comes last, and alone";
    now_ += 1s;
    EXPECT_EQ(next(), "3:0");
    subscriptions_.acknowledge_message(1);
    EXPECT_TRUE(subscriptions_.is_acknowledged(1));
    EXPECT_FALSE(subscriptions_.is_acknowledged(0));
}

TEST_F(SubscriptionsTest, OneThatIsSubscribedAlreadyMayBeRefusedWhenAskedForAgain) {
    play({});
    subscriptions_.ask_again(0, now_);
    next();
    EXPECT_FALSE(subscriptions_.refuse(0, now_));
    EXPECT_TRUE(subscriptions_.is_acknowledged(0));
    subscriptions_.ask_again(1, now_);
    now_ += 1s;
    next();
    EXPECT_EQ(refuse(4), std::nullopt);
    EXPECT_TRUE(subscriptions_.is_acknowledged(1));
    EXPECT_TRUE(subscriptions_.refuse(0, now_)) << "no answer to a message: the venue has taken it away";
    EXPECT_FALSE(subscriptions_.is_acknowledged(0));
}

TEST_F(SubscriptionsTest, MaintenanceThatEndsAsksForAllAgainButTheRefused) {
    play({5});
    subscriptions_.ask_all_again(now_);
    EXPECT_EQ(next(), "7:0123");
    now_ += 1s;
    EXPECT_EQ(next(), "8:467");
}

class ManySubscriptions : public SubscriptionsTest {
protected:
    ManySubscriptions() : SubscriptionsTest(200) {}
};

TEST_F(ManySubscriptions, ASearchThatFindsTooMuchPauses) {
    type_.symbols_per_message = 200;
    std::set<std::size_t> bad;
    for (std::size_t i = 0; i < 200; i += 2) bad.insert(i);
    const std::size_t found = play(bad).size();
    EXPECT_LT(found, bad.size());
    EXPECT_LT(messages_, 140);
    EXPECT_GT(subscriptions_.next_event(), now_);
    for (int i = 0; i < 20 && subscriptions_.next_event() != MonoTime::max(); ++i) {
        now_ = subscriptions_.next_event();
        play(bad);
    }
    for (std::size_t i = 1; i < 200; i += 2) EXPECT_TRUE(subscriptions_.is_acknowledged(i)) << i;
}

}  // namespace
}  // namespace pricewire::feed
