#include "alert/ring.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>

namespace pricewire::alert {
namespace {

TEST(Ring, HoldsWhatADequeDoes) {
    std::mt19937_64 rng(1);
    Ring<int> ring;
    std::deque<int> deque;
    // Longer for a while, then shorter, so that its room changes, too.
    for (int i = 0; i < 20'000; ++i) {
        const bool grows = i / 2'000 % 2 == 0;
        const auto choice = rng() % 10;
        if (choice < (grows ? 6U : 3U) || deque.empty()) {
            ring.push_back(i);
            deque.push_back(i);
        } else if (choice < 7) {
            const std::size_t count = std::min<std::size_t>(rng() % 3, deque.size());
            ring.pop_front(count);
            deque.erase(deque.begin(), deque.begin() + static_cast<std::ptrdiff_t>(count));
        } else if (choice < 8) {
            ring.pop_back();
            deque.pop_back();
        } else {
            const std::size_t at = rng() % deque.size();
            ring.insert(at, i);
            deque.insert(deque.begin() + static_cast<std::ptrdiff_t>(at), i);
        }
        ASSERT_EQ(ring.size(), deque.size());
        if (deque.empty()) continue;
        ASSERT_EQ(ring.front(), deque.front());
        ASSERT_EQ(ring.back(), deque.back());
        if (i % 100 == 0) {
            ASSERT_TRUE(std::ranges::equal(ring, deque));
        }
    }
}

TEST(Ring, IsSearchedByBisection) {
    Ring<int> ring;
    for (int i = 0; i < 100; ++i) ring.push_back(2 * i);
    ring.pop_front(50);
    for (int i = 100; i < 140; ++i) ring.push_back(2 * i);
    const auto found = std::ranges::lower_bound(ring, 201);
    EXPECT_EQ(*found, 202);
    EXPECT_EQ(found - ring.begin(), 51);
    EXPECT_EQ(*std::prev(found), 200);
    EXPECT_EQ(*ring.rbegin(), 278);
    EXPECT_EQ(std::ranges::lower_bound(ring, 1000), ring.end());
}

}  // namespace
}  // namespace pricewire::alert
