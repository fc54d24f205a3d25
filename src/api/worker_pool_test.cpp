#include "api/worker_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <string>

namespace pricewire::api {
namespace {

class WorkerPoolTest : public ::testing::Test {
protected:
    bool post(const std::string& owner, const std::string& name) {
        WorkerPool::Task task = [this, name] {
            MutexLock lock(mutex_);
            order_ += name + " ";
            ran_.notify_all();
        };
        return pool_->try_post(owner, task);
    }
    // Occupies a thread until release().
    bool block(const std::string& owner) {
        WorkerPool::Task task = [this] {
            ++blocked_;
            gate_.wait();
        };
        return pool_->try_post(owner, task);
    }
    void wait_for_blocked(int count) const {
        while (blocked_ < count) std::this_thread::yield();
    }
    void release() { open_gate_.set_value(); }
    std::string wait_for(const std::string& order) {
        MutexLock lock(mutex_);
        ran_.wait_for(lock, std::chrono::seconds{60},
                      [&]() REQUIRES(mutex_) { return order_.size() >= order.size(); });
        return order_;
    }

    std::atomic<int> blocked_ = 0;
    std::promise<void> open_gate_;
    std::shared_future<void> gate_ = open_gate_.get_future().share();
    Mutex mutex_;
    CondVar ran_;
    std::string order_ GUARDED_BY(mutex_);
    std::unique_ptr<WorkerPool> pool_;  // last: its threads use the others
};

TEST_F(WorkerPoolTest, OwnersTakeTurns) {
    pool_ = std::make_unique<WorkerPool>(1, 100);
    block("x");
    wait_for_blocked(1);
    for (const char* name : {"a1", "a2", "a3", "a4"}) EXPECT_TRUE(post("a", name));
    EXPECT_TRUE(post("b", "b1"));
    EXPECT_TRUE(post("c", "c1"));
    EXPECT_TRUE(post("b", "b2"));
    release();
    const std::string order = "a1 b1 c1 a2 b2 a3 a4 ";
    EXPECT_EQ(wait_for(order), order);
}

TEST_F(WorkerPoolTest, OneOwnersSlowTasksLeaveHalfOfTheThreads) {
    pool_ = std::make_unique<WorkerPool>(4, 100);
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(block("slow"));
    wait_for_blocked(2);
    EXPECT_TRUE(post("b", "b1"));
    EXPECT_EQ(wait_for("b1 "), "b1 ");
    EXPECT_EQ(blocked_, 2);
    release();
    while (blocked_ < 20) std::this_thread::yield();
}

TEST_F(WorkerPoolTest, OneOwnerFillsAQuarterOfTheQueueAndAllTogetherNoMoreThanAll) {
    pool_ = std::make_unique<WorkerPool>(1, 8);
    block("x");
    wait_for_blocked(1);
    EXPECT_TRUE(post("a", "a1"));
    EXPECT_TRUE(post("a", "a2"));
    EXPECT_FALSE(post("a", "a3"));
    for (const char* owner : {"b", "c", "d"}) {
        EXPECT_TRUE(post(owner, owner));
        EXPECT_TRUE(post(owner, owner));
    }
    EXPECT_FALSE(post("e", "e1"));
    release();
    const std::string order = "a1 b c d a2 b c d ";
    EXPECT_EQ(wait_for(order), order);
}

TEST_F(WorkerPoolTest, OneThatHasStoppedRunsNothingAndHasNoRoom) {
    pool_ = std::make_unique<WorkerPool>(2, 8);
    EXPECT_TRUE(post("a", "a1"));
    EXPECT_EQ(wait_for("a1 "), "a1 ");
    pool_->stop();
    EXPECT_FALSE(post("b", "b1"));
    pool_->stop();
}

}  // namespace
}  // namespace pricewire::api
