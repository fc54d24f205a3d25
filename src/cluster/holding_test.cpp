#include "cluster/holding.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace pricewire::cluster {
namespace {

// Members that see the same and take a step now and then: "+a" joins, "-a" dies, "~a" loads what it is to hold.
class Cluster {
public:
    explicit Cluster(std::size_t redundancy) : redundancy_(redundancy) {}

    void join(const std::string& id) {
        living_.push_back({.id = id, .holding = Holding(id)});
        see();
    }
    void die(const std::string& id) {
        std::erase_if(living_, [&](const One& one) { return one.id == id; });
        see();
    }
    void settle(const std::string& id) {
        for (One& one : living_) {
            if (one.id != id) continue;
            one.settled = one.holding.view();
            one.loaded = one.holding;
        }
        see();
    }
    // How many hold the key, and have loaded it.
    int holders(const std::string& key) const {
        return static_cast<int>(std::ranges::count_if(living_, [&](const One& one) {
            return one.loaded && one.holding.holds(key) && one.loaded->holds(key);
        }));
    }
    bool holds(const std::string& id, const std::string& key) const {
        return std::ranges::find(living_, id, &One::id)->holding.holds(key);
    }
    int kept_by_others(const std::string& id) const {
        const auto kept = std::ranges::find(living_, id, &One::id)->holding.kept();
        return static_cast<int>(
            std::ranges::count_if(keys(), [&](const std::string& key) { return kept && kept(Ticker(key)); }));
    }
    int held_by(const std::string& id) const {
        const auto found = std::ranges::find(living_, id, &One::id);
        return static_cast<int>(
            std::ranges::count_if(keys(), [&](const std::string& key) { return found->holding.holds(key); }));
    }
    static const std::vector<std::string>& keys() {
        static const std::vector<std::string> keys = [] {
            std::vector<std::string> out;
            for (int i = 0; i < 300; ++i) out.push_back(fmt::format("T{}", i));
            return out;
        }();
        return keys;
    }

private:
    struct One {
        std::string id;
        Holding holding;
        std::string settled = {};
        std::optional<Holding> loaded = {};  // what it held when it was settled last
    };
    void see() {
        std::vector<Member> members;
        for (const One& one : living_) {
            Member member;
            member.report.id = one.id;
            member.report.settled = one.settled;
            members.push_back(member);
        }
        const auto group = std::make_shared<const Group>(members, redundancy_);
        std::vector<One> next;
        for (One& one : living_) {
            one.holding.update(group);
            // What it need not hold any more is let go at once.
            if (one.settled == one.holding.view()) one.loaded.emplace(one.holding);
            next.push_back({one.id, one.holding, one.settled, one.loaded});
        }
        living_.swap(next);
    }

    const std::size_t redundancy_;
    std::vector<One> living_;
};

TEST(HoldingTest, AMemberHoldsEverythingUntilAnotherHasItsShare) {
    Cluster cluster(1);
    cluster.join("a");
    cluster.settle("a");
    EXPECT_EQ(cluster.held_by("a"), 300);
    cluster.join("b");
    EXPECT_EQ(cluster.held_by("a"), 300) << "b has loaded nothing yet";
    cluster.settle("a");
    EXPECT_EQ(cluster.held_by("a"), 300);
    cluster.settle("b");
    EXPECT_EQ(cluster.held_by("a") + cluster.held_by("b"), 300);
    EXPECT_NEAR(cluster.held_by("a"), 150, 60);
}

TEST(HoldingTest, OneThatDiesBeforeItIsSettledKeepsNobodyWaiting) {
    Cluster cluster(1);
    for (const char* id : {"a", "b"}) cluster.join(id);
    for (const char* id : {"a", "b"}) cluster.settle(id);
    cluster.join("c");
    cluster.die("c");
    for (const char* id : {"a", "b"}) cluster.settle(id);
    EXPECT_EQ(cluster.held_by("a") + cluster.held_by("b"), 300);
}

// It is started again before its lease has ended, so that never all that live are settled.
TEST(HoldingTest, OneThatDiesAgainAndAgainMakesNobodyHoldMoreThanWithoutIt) {
    Cluster cluster(1);
    for (const char* id : {"a", "b", "c", "x0"}) cluster.join(id);
    for (const char* id : {"a", "b", "c", "x0"}) cluster.settle(id);
    EXPECT_LT(cluster.held_by("a"), 130);
    for (int i = 1; i <= 100; ++i) {
        cluster.join(fmt::format("x{}", i));
        for (const char* id : {"a", "b", "c"}) cluster.settle(id);
        cluster.die(fmt::format("x{}", i - 1));
        for (const char* id : {"a", "b", "c"}) cluster.settle(id);
        for (const char* id : {"a", "b", "c"}) ASSERT_LT(cluster.held_by(id), 160) << id << " " << i;
    }
    cluster.die("x100");
    for (const char* id : {"a", "b", "c"}) cluster.settle(id);
    EXPECT_EQ(cluster.held_by("a") + cluster.held_by("b") + cluster.held_by("c"), 300);
}

// What it held before is loaded by the others.
TEST(HoldingTest, NothingWaitsForEverForOneThatDiesAgainAndAgain) {
    Cluster cluster(1);
    for (const char* id : {"a", "b", "x0"}) cluster.join(id);
    for (const char* id : {"a", "b", "x0"}) cluster.settle(id);
    for (int i = 1; i <= 10; ++i) {
        cluster.join(fmt::format("x{}", i));
        cluster.die(fmt::format("x{}", i - 1));
    }
    for (const char* id : {"a", "b"}) cluster.settle(id);
    for (const std::string& key : Cluster::keys()) ASSERT_GE(cluster.holders(key), 1) << key;
}

// All others are replaced before anybody is settled: no more is held than the shares of all groups there were.
TEST(HoldingTest, SharesThatAreMergedHaveWhatEachOfThemHad) {
    for (const std::size_t redundancy : {1U, 2U}) {
        Cluster cluster(redundancy);
        for (int i = 0; i < 8; ++i) cluster.join(fmt::format("m{}", i));
        for (int i = 0; i < 8; ++i) cluster.settle(fmt::format("m{}", i));
        std::vector<std::string> had;
        const auto note = [&] {
            for (const std::string& key : Cluster::keys()) {
                if (cluster.holds("m7", key)) had.push_back(key);
            }
        };
        note();
        for (int i = 8; i < 40; ++i) {
            cluster.die(fmt::format("m{}", i == 15 ? 6 : i - 8));
            note();
            cluster.join(fmt::format("m{}", i));
            note();
            for (const std::string& key : had) ASSERT_TRUE(cluster.holds("m7", key)) << i << " " << key;
        }
    }
}

TEST(HoldingTest, WhatALivingMemberHadWhenAllWereSettledIsKept) {
    Cluster cluster(2);
    for (const char* id : {"a", "b", "c"}) cluster.join(id);
    EXPECT_EQ(cluster.kept_by_others("a"), 0);
    for (const char* id : {"a", "b", "c"}) cluster.settle(id);
    EXPECT_EQ(cluster.kept_by_others("a"), 300) << "two have each";
    cluster.join("d");
    cluster.die("b");
    const int kept = cluster.kept_by_others("a");
    EXPECT_NEAR(kept, 200, 50) << "c has two of three";
    cluster.settle("d");
    EXPECT_EQ(cluster.kept_by_others("a"), kept);
    for (const char* id : {"a", "c"}) cluster.settle(id);
    EXPECT_EQ(cluster.kept_by_others("a"), 300);
}

// Whoever joins, and however many steps are between, no key that somebody held is held by nobody.
TEST(HoldingTest, NothingIsHeldByNobodyWhileMembersJoin) {
    for (const std::size_t redundancy : {1U, 2U}) {
        Cluster cluster(redundancy);
        cluster.join("a");
        cluster.settle("a");
        const auto check = [&](const char* when) {
            for (const std::string& key : Cluster::keys())
                ASSERT_GE(cluster.holders(key), 1) << when << " " << key;
        };
        for (const char* id : {"b", "c", "d", "e"}) {
            cluster.join(id);
            check("joined");
            for (const char* other : {"d", "a", "e", "c", "b"}) {
                cluster.settle(other);
                check("settled");
            }
        }
        cluster.join("f");
        cluster.join("g");
        check("two joined at once");
    }
}

// With a spare, one may die at any time.
TEST(HoldingTest, WithASpareADeathLeavesNothingUnheld) {
    Cluster cluster(2);
    for (const char* id : {"a", "b", "c", "d"}) {
        cluster.join(id);
        for (const char* other : {"a", "b", "c", "d"}) cluster.settle(other);
    }
    for (const char* id : {"b", "d", "a"}) {
        cluster.die(id);
        for (const std::string& key : Cluster::keys()) ASSERT_GE(cluster.holders(key), 1) << id << " " << key;
        for (const char* other : {"a", "b", "c", "d"}) cluster.settle(other);
    }
    EXPECT_EQ(cluster.held_by("c"), 300);
}

}  // namespace
}  // namespace pricewire::cluster
