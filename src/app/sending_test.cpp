// What a sender learns of those that went before it came; they are played by the test.
#include "app/sending.hpp"

#include <gtest/gtest.h>

#include <atomic>

#include "fakes/fake_sender.hpp"
#include "storage/open.hpp"
#include "support/eventually.hpp"
#include "test_database/test_database.hpp"

namespace pricewire::app {
namespace {

using namespace std::chrono_literals;

// Shows signs of life.
class LivingSender : public fakes::FakeSender {
public:
    deliver::SenderStats stats() const override {
        deliver::SenderStats out;
        out.steps = ++steps_;
        return out;
    }

private:
    mutable std::atomic<std::uint64_t> steps_ = 0;
};

class SendingTest : public ::testing::Test {
protected:
    void SetUp() override {
        if (!test::postgres_url()) GTEST_SKIP() << test::postgres_missing;
        database_.emplace();
        storage_ = storage::open(database_->url(), {}, {});
    }
    void other_lives() { storage_->renew_members(std::vector{other_}, 1h); }
    void other_goes() { storage_->end_membership(MemberRole::sender, other_.id); }
    void start() {
        Roles roles;
        roles.sender = true;
        sharding_.emplace(config_, roles, *storage_, system_clock());
        options_.timeout = 1h;
        sending_.emplace(*sharding_, *storage_, system_clock(), options_);
    }
    bool waits_for_what_has_gone() const {
        return options_.charge()->gone_have_ended > system_clock().mono() + 30min;
    }

    const ops::Config config_{};
    std::optional<test::TestDatabase> database_;
    std::unique_ptr<storage::Storage> storage_;
    MemberReport other_{.role = MemberRole::sender, .id = "other", .name = "", .version = "", .settled = "-"};
    deliver::SenderOptions options_;
    LivingSender sender_;
    std::optional<Sharding> sharding_;
    std::optional<Sending> sending_;
};

TEST_F(SendingTest, WhereNobodyWasThereIsNothingToWaitFor) {
    start();
    EXPECT_FALSE(waits_for_what_has_gone());
}

TEST_F(SendingTest, OneThatHasGoneMayHaveAttemptsUnderWay) {
    other_lives();
    other_goes();
    start();
    EXPECT_TRUE(options_.charge()->others.empty());
    EXPECT_TRUE(waits_for_what_has_gone());
}

TEST_F(SendingTest, OneThatGoesLaterMayAsWellUntilTheSenderHasSeenItGo) {
    other_lives();
    start();
    EXPECT_EQ(options_.charge()->others.size(), 1U);
    EXPECT_FALSE(waits_for_what_has_gone());
    other_goes();
    sending_->begun(sender_);
    ASSERT_TRUE(test::eventually([&] { return options_.charge()->others.empty(); }));
    EXPECT_TRUE(waits_for_what_has_gone());
}

TEST_F(SendingTest, OneThatHasNotBegunHasNothingUnderWay) {
    other_.settled.clear();
    other_lives();
    other_goes();
    start();
    EXPECT_FALSE(waits_for_what_has_gone());
}

TEST_F(SendingTest, ALifeAfterTheRowOfTheOneBeforeWasRemovedIsAnotherOne) {
    other_lives();
    start();
    const std::string self = options_.charge()->self;
    const std::string other = options_.charge()->others.at(0).life;
    sending_->begun(sender_);
    ASSERT_TRUE(test::eventually([&] { return options_.charge()->is_sure; }));
    EXPECT_EQ(options_.charge()->self, self);
    database_->ask("WITH gone AS (DELETE FROM members RETURNING 1) SELECT count(*) FROM gone");
    other_lives();
    ASSERT_TRUE(test::eventually([&] { return options_.charge()->self != self; }));
    ASSERT_TRUE(test::eventually([&] { return options_.charge()->others.size() == 1; }));
    EXPECT_NE(options_.charge()->others[0].life, other);
}

}  // namespace
}  // namespace pricewire::app
