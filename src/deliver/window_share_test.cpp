#include "deliver/window_share.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace pricewire::deliver {
namespace {

using std::chrono::seconds;

class WindowShareTest : public testing::Test {
protected:
    void count(std::size_t senders) { share_.counted(senders, clock_.mono()); }
    bool joins() const { return share_.joins(clock_.mono()); }

    ManualClock clock_;
    WindowShare share_{seconds{3}, seconds{5}};
};

TEST_F(WindowShareTest, OneThatIsAloneHasAllOfItAtOnce) {
    EXPECT_EQ(share_.senders(), 1U);
    count(1);
    EXPECT_EQ(share_.senders(), 1U);
    EXPECT_FALSE(joins());
}

TEST_F(WindowShareTest, OneThatJoinsOthersWaitsUntilTheyMustHaveLearnedOfIt) {
    count(2);
    EXPECT_EQ(share_.senders(), 2U);
    for (int i = 0; i < 8; ++i) {
        EXPECT_TRUE(joins()) << i;
        clock_.advance(seconds{1});
        count(2);
    }
    EXPECT_FALSE(joins());
}

TEST_F(WindowShareTest, OneThatLearnsOfAnotherSharesAtOnce) {
    count(1);
    clock_.advance(seconds{1});
    count(2);
    EXPECT_EQ(share_.senders(), 2U);
    EXPECT_FALSE(joins());
    count(3);
    EXPECT_EQ(share_.senders(), 3U);
}

TEST_F(WindowShareTest, ThePartOfOneThatHasGoneIsFreeWhenItsAttemptsHaveEnded) {
    count(1);
    count(3);
    count(2);
    clock_.advance(seconds{4});
    count(1);
    clock_.advance(seconds{1});
    count(1);
    EXPECT_EQ(share_.senders(), 3U) << "another went a second ago";
    clock_.advance(seconds{4});
    count(1);
    EXPECT_EQ(share_.senders(), 1U);
    count(2);
    clock_.advance(seconds{4});
    count(1);
    clock_.advance(seconds{4});
    count(2);
    clock_.advance(seconds{4});
    count(1);
    EXPECT_EQ(share_.senders(), 2U) << "it came back in between";
}

TEST_F(WindowShareTest, OneThatWasDeadJoinsAgain) {
    count(1);
    count(2);
    EXPECT_FALSE(joins());
    share_.joined();
    count(2);
    EXPECT_TRUE(joins());
}

}  // namespace
}  // namespace pricewire::deliver
