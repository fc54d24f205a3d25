#include "deliver/exposure.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

namespace pricewire::deliver {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class AnswerTimesTest : public testing::Test {
protected:
    void add(std::initializer_list<int> ms) {
        for (const int each : ms) times_.add(milliseconds{each}, clock_.mono());
    }
    ManualClock clock_;
    AnswerTimes times_;
};

TEST_F(AnswerTimesTest, AnEndpointThatHasNotAnsweredMayBeNear) {
    EXPECT_EQ(times_.expected(), milliseconds{10});
}

TEST_F(AnswerTimesTest, ANearOneIsExpectedToAnswerWithinTwiceItsLongestOfLate) {
    add({1});
    EXPECT_EQ(times_.expected(), milliseconds{7});
    add({20, 2, 3});
    EXPECT_GT(times_.expected(), milliseconds{30});
    for (int i = 0; i < 100; ++i) add({2});
    EXPECT_LT(times_.expected(), milliseconds{10});
    add({60'000});
    EXPECT_EQ(times_.expected(), milliseconds{250});
}

TEST_F(AnswerTimesTest, AFarOneIsNot) {
    add({80, 5, 70});
    EXPECT_EQ(times_.expected(), Duration::zero());
    add({4});
    EXPECT_GT(times_.expected(), Duration::zero()) << "its answers were waiting for each other";
}

TEST_F(AnswerTimesTest, OneThatWasNearIsFarAfterAMinuteOfSlowAnswers) {
    add({1});
    for (int i = 0; i < 20; ++i) {
        clock_.advance(seconds{1});
        add({50});
    }
    EXPECT_GT(times_.expected(), Duration::zero());
    for (int i = 0; i < 60; ++i) {
        clock_.advance(seconds{1});
        add({50});
    }
    EXPECT_EQ(times_.expected(), Duration::zero());
}

TEST_F(AnswerTimesTest, WhatIsLongAgoSaysNothing) {
    add({1});
    clock_.advance(std::chrono::minutes{10});
    add({50});
    EXPECT_EQ(times_.expected(), Duration::zero());
}

class ExposureTest : public testing::Test {
protected:
    ExposureTest() { near_.add(milliseconds{1}, clock_.mono()); }
    // As many as may start for a user; returns the ids.
    std::vector<Uuid> fill(std::size_t& mine, const AnswerTimes& times) {
        std::vector<Uuid> out;
        while (exposure_.has(mine) && out.size() < 1000) {
            out.push_back(make_uuid(clock_.now()));
            exposure_.began(out.back(), mine, times, clock_.mono());
        }
        return out;
    }
    ManualClock clock_;
    AnswerTimes near_, unknown_;
    Exposure exposure_{48};
};

TEST_F(ExposureTest, IsBoundedAndNoUserHasAllOfIt) {
    std::size_t ann = 0, bob = 0;
    EXPECT_EQ(fill(ann, near_).size(), 36U);
    EXPECT_GT(fill(bob, near_).size(), 4U);
    EXPECT_LE(exposure_.size(), 48U);
    EXPECT_EQ(exposure_.size(), ann + bob);
}

TEST_F(ExposureTest, WhatIsNotRecordedCountsUntilItIs) {
    std::size_t ann = 0;
    const auto ids = fill(ann, near_);
    for (const Uuid& id : ids) exposure_.ended(id);
    EXPECT_EQ(ann, 0U);
    exposure_.set_unrecorded(48);
    EXPECT_FALSE(exposure_.has(0));
    exposure_.set_unrecorded(47);
    EXPECT_TRUE(exposure_.has(0));
    exposure_.set_unrecorded(200);
    EXPECT_FALSE(exposure_.has(0));
    exposure_.set_unrecorded(0);
    EXPECT_EQ(fill(ann, near_).size(), 36U);
}

TEST_F(ExposureTest, WhatIsNotAnsweredAsSoonAsUsualCountsNoLonger) {
    std::size_t ann = 0;
    const auto ids = fill(ann, near_);
    EXPECT_EQ(exposure_.next_age(), clock_.mono() + milliseconds{7});
    clock_.advance(milliseconds{6});
    exposure_.age(clock_.mono());
    EXPECT_EQ(ann, 36U);
    clock_.advance(milliseconds{1});
    exposure_.age(clock_.mono());
    EXPECT_EQ(ann, 0U);
    EXPECT_EQ(exposure_.size(), 0U);
    EXPECT_FALSE(exposure_.next_age());
    exposure_.ended(ids[0]);
    EXPECT_EQ(exposure_.size(), 0U);
    EXPECT_EQ(fill(ann, unknown_).size(), 36U) << "one that has not answered yet counts, too";
}

TEST_F(ExposureTest, WhatGoesFarDoesNotCount) {
    AnswerTimes far;
    far.add(milliseconds{40}, clock_.mono());
    std::size_t ann = 0;
    EXPECT_EQ(fill(ann, far).size(), 1000U);
    EXPECT_EQ(exposure_.size(), 0U);
}

}  // namespace
}  // namespace pricewire::deliver
