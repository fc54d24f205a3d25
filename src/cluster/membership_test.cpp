#include "cluster/membership.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>

#include "base/mutex.hpp"
#include "cluster/rendezvous.hpp"
#include "fakes/log_capture.hpp"
#include "storage/postgres/postgres_storage.hpp"
#include "support/eventually.hpp"
#include "support/tcp_gate.hpp"
#include "test_database/test_database.hpp"

namespace pricewire::cluster {
namespace {

using namespace std::chrono_literals;
using test::eventually;

// A machine whose wall clock is wrong.
class SkewedClock final : public Clock {
public:
    explicit SkewedClock(Duration skew) : skew_(skew) {}
    Timestamp now() const override { return system_clock().now() + skew_; }
    MonoTime mono() const override { return system_clock().mono(); }

private:
    const Duration skew_;
};

class MembershipTest : public ::testing::Test {
protected:
    void SetUp() override {
        if (!test::postgres_url()) GTEST_SKIP() << test::postgres_missing;
        database_.emplace();
        storage_ = open(database_->url());
    }
    static std::unique_ptr<storage::Storage> open(const std::string& url) {
        return storage::create_postgres_storage({.url = url}, {});
    }
    static MembershipOptions options(const std::string& id, Duration lease = 30s) {
        MembershipOptions out;
        out.members = {{.role = MemberRole::checker, .id = id, .name = "here", .version = "1"}};
        out.renew_every = 5ms;
        out.lease = lease;
        return out;
    }
    // For a process that is a feed too.
    static MembershipOptions with_feed(MembershipOptions options) {
        options.members.push_back({.role = MemberRole::feed, .id = "feed", .name = "here", .version = "1"});
        return options;
    }
    std::unique_ptr<Membership> start(const MembershipOptions& options, const Clock& clock = system_clock()) {
        return start_membership(options, *storage_, clock);
    }
    static std::string ids(const Membership& membership) {
        std::string out;
        for (const Member& member : membership.groups()->of(MemberRole::checker)->members())
            out += member.report.id;
        return out;
    }
    // `other` sees both and, once `hangs` is true, itself alone; the one that hangs is fenced by then.
    static void expect_replaced(const Membership& hanging, const Membership& other, const std::string& both,
                                std::atomic<bool>& hangs) {
        EXPECT_TRUE(eventually([&] { return ids(other) == both; }));
        hangs = true;
        EXPECT_TRUE(eventually([&] { return ids(other) == "other"; }));
        EXPECT_TRUE(hanging.is_fenced(system_clock().mono()));
    }
    static std::string view(const Membership& membership) {
        return membership.groups()->of(MemberRole::checker)->view();
    }
    // The lease ends as if its member had been silent for that long.
    void end_lease(const std::string& id) {
        database_->ask("UPDATE members SET lease_until = clock_timestamp() WHERE id = '" + id + "'");
    }

    std::optional<test::TestDatabase> database_;
    std::unique_ptr<storage::Storage> storage_;
};

TEST_F(MembershipTest, MembersSeeOneAnotherAndAgreeOnOwners) {
    const auto a = start(options("a")), b = start(options("b")), c = start(options("c"));
    for (const auto* each : {&a, &b, &c}) EXPECT_TRUE(eventually([&] { return ids(**each) == "abc"; }));
    EXPECT_EQ(view(*a), view(*c));
    for (const char* ticker : {"BTC", "ETH", "SOL"}) {
        const auto owners = a->groups()->of(MemberRole::checker)->owners(ticker);
        ASSERT_EQ(owners.size(), 2U);
        EXPECT_EQ(c->groups()->of(MemberRole::checker)->owners(ticker)[1]->report.id, owners[1]->report.id);
    }
    EXPECT_EQ(a->groups()->of(MemberRole::feed)->size(), 0U);
}

TEST_F(MembershipTest, OneThatStopsIsGoneAtOnceAndOneThatDiesWithItsLease) {
    const auto a = start(options("a"));
    auto b = start(options("b"));
    EXPECT_TRUE(eventually([&] { return ids(*a) == "ab"; }));
    b.reset();
    EXPECT_TRUE(eventually([&] { return ids(*a) == "a"; }));
    // As one that was killed has left it.
    storage_->renew_members(options("c").members, 200ms);
    EXPECT_TRUE(eventually([&] { return ids(*a) == "ac"; }));
    EXPECT_TRUE(eventually([&] { return ids(*a) == "a"; }));
}

TEST_F(MembershipTest, AClockThatIsAMinuteOffDoesNoHarm) {
    const SkewedClock ahead(1min), behind(-1min);
    const auto a = start(options("a"), ahead), b = start(options("b"), behind), c = start(options("c"));
    for (const auto* each : {&a, &b, &c}) EXPECT_TRUE(eventually([&] { return ids(**each) == "abc"; }));
    for (const Member& member : storage_->members()) {
        EXPECT_GT(member.left, 0s);
        EXPECT_LE(member.left, 30s);
        EXPECT_LT(std::chrono::abs(member.since - c->groups()->of(MemberRole::checker)->find("c")->since),
                  30s);
    }
}

TEST_F(MembershipTest, OneThatIsOnlySlowIsFencedBeforeTheOthersTakeOver) {
    test::TcpGate gate(test::port_in(database_->url()));
    const auto behind_gate = open(test::with_port(database_->url(), gate.port()));
    const fakes::LogCapture log;
    const auto slow = start_membership(options("slow", 2s), *behind_gate, system_clock());
    const auto other = start(options("other"));
    EXPECT_TRUE(eventually([&] { return ids(*slow) == "otherslow"; }));
    EXPECT_FALSE(slow->is_fenced(system_clock().mono()));
    const std::string before = view(*slow);
    gate.half_open();
    // When the others see it dead, it has known so before.
    EXPECT_TRUE(eventually([&] { return ids(*other) == "other"; }));
    EXPECT_TRUE(slow->is_fenced(system_clock().mono()));
    EXPECT_EQ(view(*slow), before) << "it keeps what it knows";
    gate.pass();
    gate.reset();
    EXPECT_TRUE(eventually([&] { return !slow->is_fenced(system_clock().mono()); }));
    EXPECT_TRUE(eventually([&] { return ids(*other) == "otherslow"; }));
    EXPECT_TRUE(eventually([&] { return view(*slow) != before; })) << "another life";
    EXPECT_EQ(storage_->members().at(1).epoch, 2);
    EXPECT_TRUE(eventually([&] { return log.count("lease") > 0; }));
}

TEST_F(MembershipTest, OneWhoseThreadHangsIsReplacedUntilItGoesOn) {
    const fakes::LogCapture log;
    std::atomic<bool> hangs = false;
    auto hanging = options("slow", 2s);
    hanging.report = [&](MemberReport&) { return hangs ? Work::hangs : Work::goes_on; };
    const auto slow = start(hanging);
    const auto other = start(options("other"));
    expect_replaced(*slow, *other, "otherslow", hangs);
    EXPECT_EQ(log.count("a thread hangs"), 1U);
    hangs = false;
    EXPECT_TRUE(eventually([&] { return ids(*other) == "otherslow"; }));
    EXPECT_TRUE(eventually([&] { return !slow->is_fenced(system_clock().mono()); }));
    EXPECT_TRUE(eventually([&] { return ids(*slow) == "otherslow"; }));
}

TEST_F(MembershipTest, OneThatIsFarBehindIsReplacedAndOneLineSaysSo) {
    const fakes::LogCapture log;
    std::atomic<bool> is_behind = false;
    auto lagging = options("slow", 2s);
    lagging.report = [&](MemberReport&) { return is_behind ? Work::is_behind : Work::goes_on; };
    const auto slow = start(lagging);
    const auto other = start(options("other"));
    expect_replaced(*slow, *other, "otherslow", is_behind);
    EXPECT_EQ(log.count("far behind"), 1U);
    is_behind = false;
    EXPECT_TRUE(eventually([&] { return ids(*other) == "otherslow"; }));
    EXPECT_EQ(log.count("far behind"), 2U) << "and one that it is not any more";
}

TEST_F(MembershipTest, ARoleThatHangsLeavesTheProcessesOthersAlone) {
    std::atomic<bool> hangs = false;
    auto both = with_feed(options("checker", 2s));
    both.report = [&](MemberReport& report) {
        return report.role == MemberRole::checker && hangs ? Work::hangs : Work::goes_on;
    };
    const auto process = start(both);
    const auto other = start(options("other"));
    expect_replaced(*process, *other, "checkerother", hangs);
    const auto third = start(options("third"));
    EXPECT_TRUE(eventually([&] { return ids(*process) == "otherthird"; }));
    EXPECT_NE(other->groups()->of(MemberRole::feed)->find("feed"), nullptr);
}

TEST_F(MembershipTest, AFailedRenewalIsNotLoggedWhileOneLeaseLasts) {
    test::TcpGate gate(test::port_in(database_->url()));
    const auto behind_gate = open(test::with_port(database_->url(), gate.port()));
    const fakes::LogCapture log;
    std::atomic<int> renewals = 0;
    auto both = with_feed(options("checker", 10min));
    both.report = [&](MemberReport& report) {
        if (report.role == MemberRole::feed) ++renewals;
        return report.role == MemberRole::feed ? Work::goes_on : Work::hangs;
    };
    const auto process = start_membership(both, *behind_gate, system_clock());
    EXPECT_TRUE(process->is_fenced(system_clock().mono())) << "as a checker";
    gate.cut();
    const int before = renewals;
    EXPECT_TRUE(eventually([&] { return renewals > before + 2; }));
    EXPECT_EQ(log.count("cannot renew its lease"), 0U);
    gate.pass();
}

// Each of them would be the first to come back, and take everything.
TEST_F(MembershipTest, AfterAnOutageOfTheDatabaseNobodyFindsItselfAlone) {
    test::TcpGate gate(test::port_in(database_->url()));
    const auto behind_gate = open(test::with_port(database_->url(), gate.port()));
    Mutex mutex;
    std::set<std::size_t> sizes;
    const auto watched = [&](const std::string& id) {
        auto out = options(id, 1s);
        out.renewed = [&](const Groups& groups, const Groups&) {
            MutexLock lock(mutex);
            sizes.insert(groups.of(MemberRole::checker)->size());
        };
        return out;
    };
    const auto a = start_membership(watched("a"), *behind_gate, system_clock());
    const auto b = start_membership(watched("b"), *behind_gate, system_clock());
    EXPECT_TRUE(eventually([&] { return ids(*a) == "ab" && ids(*b) == "ab"; }));
    {
        MutexLock lock(mutex);
        sizes.clear();
    }
    const std::string before = view(*a);
    gate.cut();
    EXPECT_TRUE(eventually(
        [&] { return a->is_fenced(system_clock().mono()) && b->is_fenced(system_clock().mono()); }));
    gate.pass();
    EXPECT_TRUE(eventually([&] { return view(*a) != before && view(*b) == view(*a); }));
    MutexLock lock(mutex);
    EXPECT_EQ(sizes, std::set<std::size_t>{2});
}

TEST_F(MembershipTest, AnotherLifeBeginsWithTheNextEpoch) {
    const auto a = start(options("a"));
    const auto before = a->groups()->of(MemberRole::checker)->members()[0];
    EXPECT_EQ(before.epoch, 1);
    end_lease("a");
    EXPECT_TRUE(eventually([&] { return a->groups()->of(MemberRole::checker)->members()[0].epoch == 2; }));
    EXPECT_GT(a->groups()->of(MemberRole::checker)->members()[0].since, before.since);
}

TEST_F(MembershipTest, WhatIsReportedReachesTheOthers) {
    const Timestamp judged = system_clock().now();
    std::atomic<int> holds = 3;
    auto reporting = options("a");
    reporting.report = [&](MemberReport& report) {
        report.holds = holds;
        report.settled = "view";
        report.judged = judged;
        report.position = "17-3";
        return Work::goes_on;
    };
    const auto a = start(reporting);
    const auto b = start(options("b"));
    const auto reported = [&] { return b->groups()->of(MemberRole::checker)->find("a")->report; };
    EXPECT_TRUE(eventually([&] { return ids(*b) == "ab" && reported().holds == 3; }));
    EXPECT_EQ(reported().settled, "view");
    EXPECT_EQ(reported().judged, judged);
    EXPECT_EQ(reported().position, "17-3");
    EXPECT_EQ(reported().name, "here");
    holds = 4;
    EXPECT_TRUE(eventually([&] { return reported().holds == 4; }));
}

TEST_F(MembershipTest, EachRenewalIsHandedOver) {
    std::atomic<int> renewed = 0;
    auto told = options("a");
    told.renewed = [&](const Groups& groups, const Groups&) {
        renewed += static_cast<int>(groups.of(MemberRole::checker)->size());
    };
    const auto a = start(told);
    EXPECT_TRUE(eventually([&] { return renewed > 2; }));
}

TEST_F(MembershipTest, AMemberOfARoleThatIsNotKnownIsSkipped) {
    storage_->renew_members(options("b").members, 1min);
    database_->ask("UPDATE members SET role = 'brand_new' WHERE id = 'b'");
    const fakes::LogCapture log;
    const auto a = start(options("a"));
    EXPECT_EQ(ids(*a), "a");
    EXPECT_EQ(storage_->members().size(), 1U);
    EXPECT_GE(log.count("brand_new"), 1U);
}

TEST_F(MembershipTest, ThoseThatEndedAreShownForAWhile) {
    storage_->renew_members(options("a").members, 1min);
    storage_->renew_members(options("b").members, 1min);
    end_lease("a");
    ASSERT_EQ(storage_->members().size(), 2U);
    EXPECT_LE(storage_->members()[0].left, 0s);
    database_->ask(
        "UPDATE members SET lease_until = clock_timestamp() - interval '61 minutes' WHERE id = 'a'");
    ASSERT_EQ(storage_->members().size(), 1U);
    EXPECT_EQ(database_->ask("SELECT count(*) FROM members"), "1");
}

TEST_F(MembershipTest, PruningRemovesMembersThatEndedLongAgo) {
    storage_->renew_members(options("a").members, 1min);
    storage_->renew_members(options("b").members, 1min);
    database_->ask(
        "UPDATE members SET lease_until = clock_timestamp() - interval '61 minutes' WHERE id = 'a'");
    storage_->prune(system_clock().now(), 100);
    EXPECT_EQ(database_->ask("SELECT count(*) FROM members"), "1");
}

// Whoever asks in SQL gets the same owners.
TEST_F(MembershipTest, TheDatabaseComputesTheSameWeight) {
    for (const char* key : {"BTC", "ann\nhttps://example.com", ""}) {
        const std::string hex =
            database_->ask(std::string("SELECT encode(substring(sha256(convert_to('a' || E'\\n' || $$") +
                           key + "$$, 'UTF8')) FOR 8), 'hex')");
        EXPECT_EQ(fmt::format("{:016x}", weight("a", key)), hex);
    }
}

}  // namespace
}  // namespace pricewire::cluster
