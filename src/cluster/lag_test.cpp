#include "cluster/lag.hpp"

#include <gtest/gtest.h>

namespace pricewire::cluster {
namespace {

using namespace std::chrono_literals;

class LagTest : public ::testing::Test {
protected:
    // A second passes: the others have read up to this second, and this one up to that.
    bool second(std::optional<int> others, std::optional<int> own, bool waits = false) {
        now_ += 1s;
        own_ = at(own);
        if (is_in_) lag_.on_others(at(others), now_);
        is_in_ = lag_.may_renew(own_, waits, now_);
        return is_in_;
    }
    bool lags() const { return lag_.lags(own_, now_); }
    static std::optional<Timestamp> at(std::optional<int> second) {
        return second ? std::optional(Timestamp{1'700'000'000s + std::chrono::seconds{*second}})
                      : std::nullopt;
    }
    // How many seconds it takes until this one is out while it stands still and the others go on.
    int until_out(std::optional<int> own) {
        for (int i = 1; i < 100; ++i) {
            if (!second(100 + i, own)) return i;
        }
        return 100;
    }

    Lag lag_;
    MonoTime now_{1h};
    std::optional<Timestamp> own_;
    bool is_in_ = true;
};

TEST_F(LagTest, OneThatStandsStillWhileOthersGoOnIsOut) {
    EXPECT_EQ(until_out(101), 17) << "after longest and excused";
    EXPECT_TRUE(lags());
}

TEST_F(LagTest, OneThatHasNeverReadAnythingIsOut) {
    EXPECT_TRUE(second(100, std::nullopt));
    EXPECT_TRUE(lags());
    EXPECT_EQ(until_out(std::nullopt), 5);
}

TEST_F(LagTest, NobodyIsOutForWhatAllLack) {
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(second(100, 80 + i / 10));
    EXPECT_FALSE(lags());
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(second(std::nullopt, std::nullopt));
    EXPECT_FALSE(lags());
}

TEST_F(LagTest, OneThatKeepsUpIsNot) {
    for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(second(100 + i, 91 + i));
        ASSERT_FALSE(lags());
    }
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(second(200 + i, 50, true)) << "it waits for others";
    EXPECT_TRUE(lags());
}

TEST_F(LagTest, OneThatIsOutComesBackOnceItIsWhereTheOthersMayBe) {
    EXPECT_EQ(until_out(101), 17);  // the others are at 117
    EXPECT_FALSE(second({}, 107)) << "by now they are at 118, as far as is known";
    EXPECT_FALSE(second({}, 108));
    EXPECT_TRUE(second({}, 110));
    EXPECT_TRUE(second(120, 111));
    EXPECT_FALSE(lags());
}

TEST_F(LagTest, OneThatIsOutLooksAgainNowAndThen) {
    EXPECT_EQ(until_out(101), 17);
    int out = 1;
    while (!second({}, 101)) ++out;
    EXPECT_EQ(out, 30);
    EXPECT_FALSE(lags()) << "the others are not known";
    EXPECT_TRUE(second(200, 101));
    EXPECT_TRUE(lags());
    int in = 1;
    while (second(201 + in, 101)) ++in;
    EXPECT_EQ(in, 5);
}

}  // namespace
}  // namespace pricewire::cluster
