#include "cluster/slot_owners.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pricewire::cluster {
namespace {

Member sender(const std::string& id, const std::string& settled = "-") {
    Member out;
    out.report = {.role = MemberRole::sender, .id = id, .settled = settled};
    out.left = std::chrono::seconds{3};
    return out;
}

SlotOwners owners_among(std::vector<Member> members, const std::string& own_id = {}) {
    return SlotOwners(dividing(Group(std::move(members), 2), own_id));
}

TEST(SlotOwnersTest, EachSlotHasOneOwnerAndPartsAreAboutEqual) {
    const SlotOwners owners = owners_among({sender("a"), sender("b"), sender("c")});
    UserSlots all;
    for (const char* id : {"a", "b", "c"}) {
        const UserSlots owned = owners.owned(id);
        EXPECT_TRUE((all & owned).none()) << id;
        EXPECT_GT(owned.count(), 50U) << id;
        all |= owned;
    }
    EXPECT_TRUE(all.all());
    EXPECT_TRUE(owners.owned("d").none());
}

TEST(SlotOwnersTest, OneThatGoesLeavesItsSlotsToTheOthersAndNothingElseMoves) {
    const SlotOwners three = owners_among({sender("a"), sender("b"), sender("c")});
    const SlotOwners two = owners_among({sender("a"), sender("b")});
    EXPECT_EQ(three.owned("a") & ~two.owned("a"), UserSlots());
    EXPECT_EQ(three.owned("b") & ~two.owned("b"), UserSlots());
    EXPECT_GT(two.owned("a").count(), three.owned("a").count());
    EXPECT_GT(two.owned("b").count(), three.owned("b").count());
}

TEST(SlotOwnersTest, OneThatHasNotBegunOwnsNothingExceptInItsOwnEyes) {
    EXPECT_TRUE(owners_among({sender("a"), sender("b", "")}).owned("a").all());
    EXPECT_EQ(owners_among({sender("a"), sender("b", "")}).group().size(), 1U);
    EXPECT_TRUE(owners_among({sender("a"), sender("b", "")}, "b").owned("b").any());
}

TEST(SlotOwnersTest, OneThatDoesNotDivideKeepsNoOtherFromBeingSettled) {
    const std::string view = Group({sender("a")}, 1).view();
    const Group all({sender("a", view), sender("older", "")}, 2);
    EXPECT_EQ(all.settled(), 0U);
    EXPECT_EQ(dividing(all).settled(), 1U);
}

TEST(SlotOwnersTest, WithoutSendersNobodyIsInCharge) {
    const SlotOwners none = owners_among({});
    EXPECT_EQ(none.owner(0), "");
    EXPECT_TRUE(none.owned("").none());
}

// A version that divides otherwise would send beside this one.
TEST(SlotOwnersTest, TheDivisionNeverChanges) {
    const SlotOwners owners = owners_among({sender("sender-1"), sender("sender-2")});
    std::string first;
    for (std::uint8_t slot = 0; slot < 16; ++slot) first += owners.owner(slot).back();
    EXPECT_EQ(first, "2121121212122221");
}

}  // namespace
}  // namespace pricewire::cluster
