#include "net/detail/host_slots.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace pricewire::net::detail {
namespace {

std::vector<HostSlots::Id> all_next(HostSlots& slots) {
    std::vector<HostSlots::Id> out;
    while (const auto id = slots.next()) out.push_back(*id);
    return out;
}

using Ids = std::vector<HostSlots::Id>;

TEST(HostSlots, AHostAtItsLimitDelaysNoOther) {
    HostSlots slots(10, 2);
    for (HostSlots::Id id = 1; id <= 5; ++id) slots.enqueue("slow", id);
    slots.enqueue("quick", 6);
    EXPECT_EQ(all_next(slots), (Ids{1, 6, 2}));
    slots.enqueue("quick", 7);
    EXPECT_EQ(all_next(slots), Ids{7});
    slots.release(1);
    EXPECT_EQ(all_next(slots), Ids{3}) << "those of one host keep their order";
}

TEST(HostSlots, HostsTakeTurnsIfAllPlacesAreTaken) {
    HostSlots slots(2, 2);
    for (HostSlots::Id id = 1; id <= 6; ++id) slots.enqueue("a", id);
    EXPECT_EQ(all_next(slots), (Ids{1, 2}));
    slots.enqueue("b", 10);
    slots.enqueue("c", 20);
    slots.enqueue("b", 11);
    slots.release(1);
    slots.release(2);
    EXPECT_EQ(all_next(slots), (Ids{10, 20}));
    slots.release(10);
    slots.release(20);
    EXPECT_EQ(slots.taken(), 0U);
    EXPECT_EQ(all_next(slots), (Ids{3, 11}));
}

TEST(HostSlots, ACancelledWaiterTakesNoPlace) {
    HostSlots slots(1, 1);
    for (HostSlots::Id id = 1; id <= 3; ++id) slots.enqueue("a", id);
    EXPECT_EQ(all_next(slots), Ids{1});
    slots.release(2);
    slots.release(2);
    slots.release(99);
    EXPECT_EQ(slots.taken(), 1U);
    slots.release(1);
    EXPECT_EQ(all_next(slots), Ids{3});
}

TEST(HostSlots, AtRandomNoLimitIsExceededAndEveryIdGetsItsTurn) {
    std::mt19937 random(7);
    HostSlots slots(7, 3);
    std::vector<std::string> host_of(1);
    std::set<HostSlots::Id> waiting, placed;
    const auto settle = [&] {
        for (const HostSlots::Id id : all_next(slots)) {
            ASSERT_EQ(waiting.erase(id), 1U);
            placed.insert(id);
        }
        ASSERT_LE(placed.size(), 7U);
        std::map<std::string, std::size_t> by_host;
        for (const HostSlots::Id id : placed) ASSERT_LE(++by_host[host_of[id]], 3U);
        for (const HostSlots::Id id : waiting) {
            ASSERT_TRUE(placed.size() == 7 || by_host[host_of[id]] == 3) << "a place was left empty";
        }
    };
    for (int step = 0; step < 5000; ++step) {
        auto& from = random() % 4 == 0 ? waiting : placed;
        if (random() % 2 == 0 || from.empty()) {
            host_of.push_back(std::to_string(random() % 6));
            waiting.insert(host_of.size() - 1);
            slots.enqueue(host_of.back(), host_of.size() - 1);
        } else {
            const auto at = std::next(from.begin(), static_cast<std::ptrdiff_t>(random() % from.size()));
            slots.release(*at);
            from.erase(at);
        }
        ASSERT_NO_FATAL_FAILURE(settle());
    }
}

}  // namespace
}  // namespace pricewire::net::detail
