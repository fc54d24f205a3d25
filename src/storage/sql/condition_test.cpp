#include "storage/sql/condition.hpp"

#include <gtest/gtest.h>

#include "fakes/log_capture.hpp"

namespace pricewire::storage::sql {
namespace {

using namespace std::chrono_literals;

class ConditionTest : public ::testing::Test {
protected:
    void fail(std::string_view method, Trouble trouble) {
        condition_.failed(method, StorageError("database: it has a reason", trouble), now_);
    }
    void succeed(std::string_view method) { condition_.succeeded(method, now_); }
    // What check() says; empty if all is well.
    std::string trouble() const {
        try {
            condition_.check();
            return "";
        } catch (const StorageError& e) {
            return std::string(e.brief());
        }
    }

    Condition condition_;
    MonoTime now_{100s};
};

TEST_F(ConditionTest, ATroubleLastsUntilTheMethodThatMetItSucceeds) {
    fakes::LogCapture log;
    EXPECT_EQ(trouble(), "");
    fail("fire", Trouble::full);
    EXPECT_EQ(trouble(), "cannot store anything: the disk is full");
    fail("fire", Trouble::full);
    succeed("alerts");
    EXPECT_EQ(trouble(), "cannot store anything: the disk is full") << "reading is no proof of writing";
    succeed("fire");
    EXPECT_EQ(trouble(), "");
    EXPECT_EQ(log.count("error the database does not work"), 1u);
    EXPECT_EQ(log.count("reason=database: it has a reason call=fire"), 1u);
    EXPECT_EQ(log.count("info the database works again"), 1u);
}

TEST_F(ConditionTest, AWorkingProbeEndsATroubleThatNobodyMeetsAnyMore) {
    fail("create_user", Trouble::full);
    fail("ping", Trouble::full);
    now_ += 1s;
    succeed("ping");
    EXPECT_NE(trouble(), "") << "a disk with room for a small row may have none for a large one";
    now_ += 30s;
    succeed("alerts");
    EXPECT_NE(trouble(), "");
    succeed("ping");
    EXPECT_EQ(trouble(), "");
}

TEST_F(ConditionTest, DamageIsNotForgottenWhenOtherPagesAreIntact) {
    fail("alerts", Trouble::damaged);
    now_ += 1min;
    succeed("alerts");
    succeed("ping");
    EXPECT_EQ(trouble(), "the database is damaged");
    now_ += 1h;
    succeed("ping");
    EXPECT_EQ(trouble(), "");
}

TEST_F(ConditionTest, WhatPassesByItselfIsLeftToThePing) {
    for (const Trouble trouble : {Trouble::unreachable, Trouble::busy, Trouble::no_connections})
        fail("fire", trouble);
    EXPECT_EQ(trouble(), "");
}

TEST_F(ConditionTest, PingsWriteAtMostOnceASecond) {
    EXPECT_TRUE(condition_.claim_probe(now_));
    EXPECT_FALSE(condition_.claim_probe(now_));
    EXPECT_FALSE(condition_.claim_probe(now_ + 999ms));
    EXPECT_TRUE(condition_.claim_probe(now_ + 1s));
}

TEST_F(ConditionTest, PingsDoNotWaitForWritesThatAreUnderWay) {
    {
        const Condition::Writing writing(condition_, now_);
        EXPECT_FALSE(condition_.claim_probe(now_ + 5s));
        EXPECT_TRUE(condition_.claim_probe(now_ + 30s)) << "it may hang, and so shall the probe";
    }
    EXPECT_TRUE(condition_.claim_probe(now_ + 31s));
}

}  // namespace
}  // namespace pricewire::storage::sql
