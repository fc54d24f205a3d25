#include "app/progress.hpp"

#include <gtest/gtest.h>

namespace pricewire::app {
namespace {

TEST(Progress, APositionIsDoneOnceItsFiringsAreSettled) {
    Progress progress;
    EXPECT_FALSE(progress.done(0));
    progress.note({1, 0}, 0);
    EXPECT_EQ(progress.done(0), (bus::BusPosition{1, 0}));
    EXPECT_FALSE(progress.done(0));
    progress.note({2, 0}, 3);
    progress.note({3, 0}, 3);  // fired nothing more
    progress.note({4, 0}, 5);
    EXPECT_FALSE(progress.done(2));
    EXPECT_EQ(progress.done(4), (bus::BusPosition{3, 0}));
    EXPECT_EQ(progress.done(5), (bus::BusPosition{4, 0}));
}

}  // namespace
}  // namespace pricewire::app
