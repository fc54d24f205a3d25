#include "cluster/pulse.hpp"

#include <gtest/gtest.h>

namespace pricewire::cluster {
namespace {

using namespace std::chrono_literals;

TEST(PulseTest, AThreadHangsWhenItHasGivenNoSignForTooLongAndGoesOnWithTheNext) {
    ManualClock clock;
    Pulse pulse(2s);
    EXPECT_TRUE(pulse.beats(0, clock.mono()));
    clock.advance(2s - 1us);
    EXPECT_TRUE(pulse.beats(0, clock.mono()));
    clock.advance(1us);
    EXPECT_FALSE(pulse.beats(0, clock.mono()));
    EXPECT_TRUE(pulse.beats(1, clock.mono()));
    clock.advance(2s);
    EXPECT_FALSE(pulse.beats(1, clock.mono()));
}

TEST(PulseTest, OneThatWasAskedLateButHasAnsweredGoesOn) {
    ManualClock clock;
    Pulse pulse;
    EXPECT_TRUE(pulse.beats(7, clock.mono()));
    clock.advance(1min);
    EXPECT_TRUE(pulse.beats(8, clock.mono()));
}

}  // namespace
}  // namespace pricewire::cluster
