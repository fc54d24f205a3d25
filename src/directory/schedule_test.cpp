#include "directory/schedule.hpp"

#include <gtest/gtest.h>

namespace pricewire::directory {
namespace {

using namespace std::chrono_literals;

class ScheduleTest : public ::testing::Test {
protected:
    std::string begun() {
        std::string out;
        while (const auto list = schedule_.begin(now_)) out += std::to_string(*list);
        return out;
    }

    MonoTime now_{1h};
    Schedule schedule_{5, {}, Rng(1)};
};

TEST_F(ScheduleTest, AllAreReadAtTheStartAFewAtATime) {
    EXPECT_EQ(begun(), "012");
    EXPECT_FALSE(schedule_.next());
    schedule_.succeeded(1, now_);
    EXPECT_EQ(begun(), "3");
    schedule_.succeeded(0, now_);
    schedule_.failed(2, now_);
    EXPECT_EQ(begun(), "4");
    schedule_.succeeded(3, now_);
    schedule_.succeeded(4, now_);
    EXPECT_EQ(begun(), "");
}

TEST_F(ScheduleTest, AgainAfterHoursAndSoonAfterAFailure) {
    for (const int list : {0, 1, 2}) EXPECT_EQ(schedule_.begin(now_), list);
    schedule_.failed(0, now_);
    EXPECT_EQ(schedule_.begin(now_), 3);
    for (const int list : {1, 2, 3}) schedule_.succeeded(list, now_);
    EXPECT_EQ(schedule_.begin(now_), 4);
    schedule_.succeeded(4, now_);
    ASSERT_TRUE(schedule_.next());
    EXPECT_GE(*schedule_.next(), now_ + 15s);
    now_ += 30s;
    EXPECT_EQ(begun(), "0");
    schedule_.succeeded(0, now_);
    ASSERT_TRUE(schedule_.next());
    EXPECT_GE(*schedule_.next(), now_ + 3h - 30s);
    now_ += 5h;
    EXPECT_EQ(begun().size(), 3U);
}

TEST_F(ScheduleTest, WhatIsDoubtedIsReadSoonerButNotAtOnce) {
    for (int i = 0; i < 5; ++i) {
        const auto list = schedule_.begin(now_);
        ASSERT_TRUE(list);
        schedule_.succeeded(*list, now_);
    }
    schedule_.doubt(3);
    EXPECT_EQ(begun(), "");
    EXPECT_EQ(schedule_.next(), now_ + 5min);
    schedule_.doubt(3);
    EXPECT_EQ(schedule_.next(), now_ + 5min) << "the same doubt";
    now_ += 5min;
    EXPECT_EQ(begun(), "3");
    schedule_.doubt(3);
    schedule_.succeeded(3, now_);
    schedule_.doubt(3);
    EXPECT_EQ(schedule_.next(), now_ + 1h) << "the list did not help";
}

}  // namespace
}  // namespace pricewire::directory
