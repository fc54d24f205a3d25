#include "cluster/rendezvous.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "cluster/group.hpp"

namespace pricewire::cluster {
namespace {

std::vector<std::string> names(int count) {
    std::vector<std::string> out;
    for (int i = 0; i < count; ++i) out.push_back(fmt::format("checker-{}", i));
    return out;
}

std::vector<std::string> owner_names(const std::vector<std::string>& members, const std::string& key,
                                     std::size_t count) {
    std::vector<std::string> out;
    for (const std::size_t index : owners(members, key, count)) out.push_back(members[index]);
    return out;
}

std::vector<std::string> keys() {
    std::vector<std::string> out;
    for (int i = 0; i < 10'000; ++i) out.push_back(fmt::format("T{}", i));
    return out;
}

// Other versions, and others than this program, compute the same: printf 'checker-0\nBTC' | sha256sum
TEST(RendezvousTest, TheWeightIsTheSameForEver) {
    EXPECT_EQ(weight("checker-0", "BTC"), 0xc19cb27e05890b71U);
    EXPECT_EQ(weight("", ""), 0x01ba4719c80b6fe9U);
}

TEST(RendezvousTest, AMemberThatDiesLeavesItsKeysToTheNextAndNothingElseMoves) {
    const auto all = names(5);
    auto left = all;
    left.erase(left.begin() + 2);
    for (const std::string& key : keys()) {
        auto expected = owner_names(all, key, all.size());
        std::erase(expected, all[2]);
        EXPECT_EQ(owner_names(left, key, left.size()), expected) << key;
    }
}

TEST(RendezvousTest, AMemberThatJoinsTakesItsShareFromAllAlike) {
    const auto before = names(4), after = names(5);
    std::map<std::string, int> taken_from;
    int moved = 0;
    for (const std::string& key : keys()) {
        const auto was = owner_names(before, key, 1), is = owner_names(after, key, 1);
        if (was == is) continue;
        EXPECT_EQ(is.front(), after.back()) << key;
        ++moved;
        ++taken_from[was.front()];
    }
    // A fifth of all, a quarter of it from each; the bounds are six standard deviations away.
    EXPECT_NEAR(moved, 2000, 240);
    for (const std::string& member : before) EXPECT_NEAR(taken_from[member], 500, 130) << member;
}

TEST(RendezvousTest, SharesAreEqualWithSparesToo) {
    const auto members = names(3);
    std::map<std::size_t, int> owned;
    for (const std::string& key : keys()) {
        const auto two = owners(members, key, 2);
        ASSERT_EQ(two.size(), 2U);
        EXPECT_NE(two[0], two[1]);
        for (const std::size_t index : two) ++owned[index];
    }
    for (std::size_t i = 0; i < members.size(); ++i) EXPECT_NEAR(owned[i], 6667, 290) << i;
}

TEST(RendezvousTest, TheOrderInWhichMembersAreGivenDoesNotMatter) {
    const auto members = names(6);
    const std::vector<std::string> turned(members.rbegin(), members.rend());
    for (const std::string& key : keys())
        EXPECT_EQ(owner_names(members, key, 3), owner_names(turned, key, 3)) << key;
}

TEST(RendezvousTest, WhoOwnsIsWhatOwnersSays) {
    const auto members = names(5);
    for (const std::string& key : keys()) {
        for (std::size_t count = 1; count <= 6; ++count) {
            const auto some = owners(members, key, count);
            for (std::size_t i = 0; i < members.size(); ++i)
                EXPECT_EQ(owns(members, i, key, count), std::ranges::count(some, i) == 1) << key;
        }
    }
}

Member member(const std::string& id, std::int64_t epoch = 1) {
    Member out;
    out.report.id = id;
    out.epoch = epoch;
    return out;
}

TEST(GroupTest, MembersOwnEverythingWhileThereIsASpareForAll) {
    const Group two({member("b"), member("a")}, 2);
    EXPECT_TRUE(two.is_undivided());
    EXPECT_TRUE(two.owns("a", "BTC"));
    EXPECT_TRUE(two.owns("b", "BTC"));
    EXPECT_FALSE(two.owns("c", "BTC")) << "not a member";
    const Group three({member("a"), member("b"), member("c")}, 2);
    EXPECT_FALSE(three.is_undivided());
    int owned = 0;
    for (const char* id : {"a", "b", "c"}) owned += three.owns(id, "BTC") ? 1 : 0;
    EXPECT_EQ(owned, 2);
    EXPECT_EQ(three.owners("BTC").size(), 2U);
    EXPECT_TRUE(three.owns(three.owners("BTC")[0]->report.id, "BTC"));
}

TEST(GroupTest, AnotherMemberOrAnotherLifeOfOneIsAnotherView) {
    const std::string view = Group({member("a"), member("b")}, 2).view();
    EXPECT_EQ(Group({member("b"), member("a")}, 2).view(), view);
    std::set<std::string> views{view};
    views.insert(Group({member("a")}, 2).view());
    views.insert(Group({}, 2).view());
    views.insert(Group({member("a"), member("b", 2)}, 2).view());
    views.insert(Group({member("a"), member("b"), member("c")}, 2).view());
    EXPECT_EQ(views.size(), 5U);
}

TEST(GroupTest, ItIsSettledOnceAllHoldTheirSharesOfThisView) {
    std::vector<Member> members{member("a"), member("b")};
    const std::string view = Group(members, 1).view();
    members[0].report.settled = view;
    EXPECT_FALSE(Group(members, 1).is_settled());
    members[1].report.settled = view;
    EXPECT_TRUE(Group(members, 1).is_settled());
    members.push_back(member("c"));
    EXPECT_FALSE(Group(members, 1).is_settled());
}

}  // namespace
}  // namespace pricewire::cluster
