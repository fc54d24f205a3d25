#include "deliver/pruner.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "fakes/log_capture.hpp"
#include "fakes/test_storage.hpp"

namespace pricewire::deliver {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

class PrunerTest : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(storage_.create_user({{user_, "a@example.com", true, now_}, {}, "sealed"}));
    }
    // Creates deliveries at that time, ended or not.
    void add(int count, Timestamp created, bool ended) {
        const FiringGroup g = storage_.add_alerts(
            count, {.user_id = user_, .webhook_url = "https://example.com/", .created_at = created});
        storage_.fire(std::span(&g, 1));
        if (!ended) return;
        for (const Firing& f : g.firings) {
            ASSERT_TRUE(storage_.cancel_delivery(user_, f.delivery_id, created));
        }
    }
    bool left(std::size_t count) {
        return storage_.wait_until([&] { return storage_.all_deliveries().size() == count; });
    }

    const Timestamp now_ = system_clock().now();
    const Uuid user_ = make_uuid(now_);
    fakes::TestStorage storage_;
    PrunerOptions options_{.keep = hours{24}, .step = 10, .pause = milliseconds{1}, .every = milliseconds{5}};
};

TEST_F(PrunerTest, RemovesOldEndedDeliveriesInSmallSteps) {
    add(105, now_ - hours{25}, true);
    add(20, now_ - hours{25}, false);
    add(30, now_ - hours{23}, true);
    const auto pruner = start_pruner(storage_, system_clock(), options_);
    EXPECT_TRUE(left(50));
    EXPECT_GE(storage_.calls("prune"), 10) << "ten at a time";
    add(7, now_ - hours{26}, true);
    EXPECT_TRUE(left(50)) << "it goes on";
    pruner->stop();
}

TEST_F(PrunerTest, AClockThatIsFarAheadMakesNothingOld) {
    add(5, now_ - hours{1}, true);
    add(3, now_ - hours{25}, true);
    const ManualClock ahead(now_ + hours{24 * 31});
    const auto pruner = start_pruner(storage_, ahead, options_);
    EXPECT_TRUE(left(5)) << "by the database's";
    const int calls = storage_.calls("prune");
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.calls("prune") > calls + 1; }));
    EXPECT_TRUE(left(5));
}

TEST_F(PrunerTest, LogsOnceThatTheDatabaseIsAwayAndRetries) {
    fakes::LogCapture log;
    add(5, now_ - hours{25}, true);
    storage_.fail("disk full");
    const auto pruner = start_pruner(storage_, system_clock(), options_);
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.calls("database_time") >= 5; }));
    storage_.heal();
    EXPECT_TRUE(left(0));
    const int calls = storage_.calls("prune");
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.calls("prune") > calls + 1; }));
    pruner->stop();
    EXPECT_EQ(log.count("old deliveries cannot be removed"), 1U);
    EXPECT_EQ(log.count("old deliveries are removed again"), 1U);
}

TEST_F(PrunerTest, StopsWithinItsPause) {
    options_.every = hours{24};
    options_.pause = hours{24};
    add(50, now_ - hours{25}, true);
    const auto pruner = start_pruner(storage_, system_clock(), options_);
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.calls("prune") == 1; }));
    pruner->stop();
    pruner->stop();
    EXPECT_EQ(storage_.calls("prune"), 1);
}

}  // namespace
}  // namespace pricewire::deliver
