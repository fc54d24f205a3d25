#include "feed/pace.hpp"

#include <gtest/gtest.h>

namespace pricewire::feed {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime began{1h};

TEST(Pace, FourConnectionsAtOnceThenOneInFourSeconds) {
    Pace pace;
    for (int i = 0; i < 4; ++i) EXPECT_EQ(pace.connect(began), began);
    EXPECT_EQ(pace.connect(began), began + 4s);
    EXPECT_EQ(pace.connect(began), began + 8s);
    EXPECT_EQ(pace.connect(began + 1h), began + 1h);
}

TEST(Pace, RequestsAreApartInTheOrderInWhichTheyWereWanted) {
    Pace pace;
    EXPECT_EQ(pace.ask(began, 2s), began);
    EXPECT_EQ(pace.ask(began, 2s), began + 2s);
    EXPECT_EQ(pace.ask(began + 1s, 2s), began + 4s);
    pace.rest(began + 1min);
    EXPECT_EQ(pace.ask(began + 5s, 2s), began + 1min);
    EXPECT_EQ(pace.ask(began + 5s, 2s), began + 1min + 2s);
    EXPECT_EQ(pace.ask(began + 1h, 2s), began + 1h);
}

TEST(Pace, WhatOneSessionHasSaidTheOthersDoNotRepeat) {
    Pace pace;
    EXPECT_TRUE(pace.may_say("stream", began));
    EXPECT_FALSE(pace.may_say("stream", began + 59s));
    EXPECT_TRUE(pace.may_say("rest", began + 59s));
    EXPECT_TRUE(pace.may_say("stream", began + 1min));
}

}  // namespace
}  // namespace pricewire::feed
