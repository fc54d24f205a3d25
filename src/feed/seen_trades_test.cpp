#include "feed/detail/seen_trades.hpp"

#include <gtest/gtest.h>

namespace pricewire::feed::detail {
namespace {

TEST(SeenTrades, KnowsTheLastOnesOfEachInstrument) {
    SeenTrades seen(2);
    EXPECT_TRUE(seen.is_new(0, 7));
    EXPECT_FALSE(seen.is_new(0, 7));
    EXPECT_TRUE(seen.is_new(1, 7)) << "ids are counted by symbol at many venues";
    for (std::uint64_t id = 8; id < 7 + 512; ++id) EXPECT_TRUE(seen.is_new(0, id)) << id;
    for (std::uint64_t id = 7; id < 7 + 512; ++id) EXPECT_FALSE(seen.is_new(0, id)) << id;
    // Ids that collide in the low or the high bits.
    for (std::uint64_t i = 1; i <= 300; ++i) EXPECT_TRUE(seen.is_new(1, i << 40)) << i;
    for (std::uint64_t i = 1; i <= 300; ++i) EXPECT_FALSE(seen.is_new(1, i << 40)) << i;
}

TEST(SeenTrades, RemembersLessOfEachOfMany) {
    SeenTrades seen(1000);
    for (std::uint64_t id = 1; id <= 64; ++id) EXPECT_TRUE(seen.is_new(999, id)) << id;
    for (std::uint64_t id = 1; id <= 64; ++id) EXPECT_FALSE(seen.is_new(999, id)) << id;
    for (std::uint64_t id = 65; id <= 192; ++id) EXPECT_TRUE(seen.is_new(999, id)) << id;
    EXPECT_TRUE(seen.is_new(999, 1)) << "memory is bounded";
}

TEST(SeenTrades, ForgetsWhatIsLongAgo) {
    SeenTrades seen(1);
    for (std::uint64_t id = 1; id <= 100'000; ++id) ASSERT_TRUE(seen.is_new(0, id)) << id;
    EXPECT_TRUE(seen.is_new(0, 1)) << "memory is bounded";
    EXPECT_FALSE(seen.is_new(0, 100'000 - 510));
}

}  // namespace
}  // namespace pricewire::feed::detail
