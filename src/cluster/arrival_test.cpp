#include "cluster/arrival.hpp"

#include <gtest/gtest.h>

namespace pricewire::cluster {
namespace {

TEST(ArrivalTest, ASecondRenewalAfterItHasToldShowsAllThatWereThere) {
    Arrival arrival;
    EXPECT_FALSE(arrival.has_seen_all("a 1", false));
    EXPECT_FALSE(arrival.has_seen_all("a 1", false)) << "nobody knows of it yet";
    EXPECT_FALSE(arrival.has_seen_all("a 1", true));
    EXPECT_TRUE(arrival.has_seen_all("a 1", true));
    EXPECT_TRUE(arrival.has_seen_all("a 1", true));
}

TEST(ArrivalTest, InAnotherLifeItArrivesAnew) {
    Arrival arrival;
    arrival.has_seen_all("a 1", true);
    EXPECT_TRUE(arrival.has_seen_all("a 1", true));
    EXPECT_FALSE(arrival.has_seen_all("a 2", true)) << "the others' lives may have ended at the same time";
    EXPECT_TRUE(arrival.has_seen_all("a 2", true));
}

}  // namespace
}  // namespace pricewire::cluster
