// Tasks for the process that is in charge of their users.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/mutex.hpp"
#include "domain/user_slot.hpp"
#include "fakes/log_capture.hpp"
#include "queue/rabbitmq/broker_fixture.hpp"
#include "queue/rabbitmq/rabbitmq_queue.hpp"
#include "queue/rabbitmq/task_text.hpp"
#include "support/eventually.hpp"

namespace pricewire::queue {
namespace {

using test::eventually;

std::vector<DeliveryTask> tasks_of_users(std::size_t count) {
    std::vector<DeliveryTask> out;
    for (std::size_t i = 0; i < count; ++i) {
        const Timestamp now = system_clock().now();
        out.push_back({.delivery_id = make_uuid(now), .attempt = 1, .user_id = make_uuid(now)});
    }
    return out;
}

// Records everything of what it gets, and acknowledges it.
class Receiver {
public:
    explicit Receiver(DeliveryQueue& queue) : queue_(queue) {
        queue_.consume([this](std::span<const QueuedTask> tasks) {
            std::vector<std::uint64_t> receipts;
            {
                MutexLock lock(mutex_);
                tasks_.insert(tasks_.end(), tasks.begin(), tasks.end());
                for (const QueuedTask& t : tasks) receipts.push_back(t.receipt);
            }
            queue_.done(receipts);
        });
    }
    ~Receiver() { queue_.consume({}); }
    std::vector<QueuedTask> tasks() const {
        MutexLock lock(mutex_);
        return tasks_;
    }

private:
    DeliveryQueue& queue_;
    mutable Mutex mutex_;
    std::vector<QueuedTask> tasks_ GUARDED_BY(mutex_);
};

class RabbitmqOwnQueueTest : public testing::Test {
protected:
    void SetUp() override {
        if (test_broker_url().empty()) GTEST_SKIP() << no_broker;
        at_broker_.emplace();
    }
    RabbitmqOptions options() const {
        return {.url = test_broker_url(), .ca_file = {}, .queue = at_broker_->name};
    }
    // Publishes to the queue of a process that is gone.
    RabbitmqOptions to_nobody() const {
        RabbitmqOptions out = options();
        out.queue_of = [name = at_broker_->name](std::uint8_t) { return name + ".nobody"; };
        return out;
    }
    const std::string& name() const { return at_broker_->name; }

    fakes::LogCapture log_;
    std::optional<TestQueue> at_broker_;
};

TEST_F(RabbitmqOwnQueueTest, ATaskGoesToTheQueueOfWhoeverIsInChargeAndToAllOnceThatIsGone) {
    RabbitmqOptions mine = options();
    mine.own = name() + ".mine";
    // Fewer than there are messages: each is acknowledged.
    mine.prefetch = 2;
    const auto queue = create_rabbitmq_queue(mine);
    RabbitmqOptions to_mine = options();
    to_mine.queue_of = [&](std::uint8_t) { return name() + ".mine"; };
    const auto publisher = create_rabbitmq_queue(to_mine);
    const std::vector<DeliveryTask> tasks = tasks_of_users(500);
    {
        const auto all_queue = create_rabbitmq_queue(options());
        const Receiver all(*all_queue);
        const Receiver own(*queue);
        // Until its queue is there, they go to both.
        ASSERT_TRUE(eventually([&] {
            publisher->publish(std::span(tasks).first(1));
            return std::ranges::any_of(own.tasks(), &QueuedTask::directed);
        }));
        // The last of them; what was published until then may still arrive, too.
        const auto last = [&](int attempt) -> std::optional<QueuedTask> {
            for (const QueuedTask& one : own.tasks()) {
                if (one.task.delivery_id == tasks.back().delivery_id && one.task.attempt == attempt)
                    return one;
            }
            return std::nullopt;
        };
        publisher->publish(tasks);
        ASSERT_TRUE(eventually([&] { return last(1).has_value(); }));
        EXPECT_TRUE(last(1)->directed);
        EXPECT_EQ(last(1)->task.user_id, tasks.back().user_id);
        EXPECT_EQ(last(1)->slot, user_slot(tasks.back().user_id));
        // What was received without that is handed on likewise.
        std::vector<QueuedTask> received;
        for (const DeliveryTask& task : tasks)
            received.push_back({.task = {task.delivery_id, 2}, .slot = user_slot(task.user_id)});
        publisher->hand_on(received);
        ASSERT_TRUE(eventually([&] { return last(2).has_value(); }));
        EXPECT_TRUE(last(2)->directed);
    }
    const auto all_queue = create_rabbitmq_queue(options());
    const Receiver all(*all_queue);
    publisher->publish(tasks);
    ASSERT_TRUE(eventually([&] { return all.tasks().size() >= tasks.size(); })) << "its queue is gone";
    for (const QueuedTask& task : all.tasks()) {
        EXPECT_FALSE(task.directed);
        EXPECT_TRUE(task.slot);
    }
}

TEST_F(RabbitmqOwnQueueTest, ThoseForOneProcessShareMessages) {
    const std::string own = name() + ".own";
    TestBroker broker;
    broker.declare_classic(own);
    RabbitmqOptions to_own = options();
    to_own.queue_of = [&](std::uint8_t) { return own; };
    const auto publisher = create_rabbitmq_queue(to_own);
    const std::vector<DeliveryTask> tasks = tasks_of_users(10 * max_tasks_in_message);
    publisher->publish(tasks);
    std::vector<QueuedTask> read;
    std::size_t messages = 0;
    ASSERT_TRUE(eventually([&] {
        for (std::string body; !(body = broker.take(own)).empty(); ++messages) {
            const auto some = parse_tasks_text(body);
            read.insert(read.end(), some.begin(), some.end());
        }
        return read.size() >= tasks.size();
    }));
    EXPECT_EQ(messages, 10U);
    ASSERT_EQ(read.size(), tasks.size());
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        EXPECT_EQ(read[i].task.delivery_id, tasks[i].delivery_id);
        EXPECT_EQ(read[i].task.user_id, tasks[i].user_id);
    }
    broker.delete_queue(own);
}

TEST_F(RabbitmqOwnQueueTest, WhatWasHandedOnAndCannotArriveIsLeftToTheDatabase) {
    const auto all_queue = create_rabbitmq_queue(options());
    const Receiver all(*all_queue);
    const auto publisher = create_rabbitmq_queue(to_nobody());
    const std::vector<DeliveryTask> tasks = tasks_of_users(2);
    const auto arrived = [&](const DeliveryTask& task) {
        const auto seen = all.tasks();
        return std::ranges::any_of(seen, [&](const auto& one) {
            return one.task.delivery_id == task.delivery_id && one.task.attempt == task.attempt;
        });
    };
    publisher->publish(std::span(tasks).first(1));
    ASSERT_TRUE(eventually([&] { return arrived(tasks[0]); }));
    const DeliveryTask again{.delivery_id = tasks[0].delivery_id, .attempt = 2};
    const QueuedTask received{.task = again, .slot = user_slot(tasks[0].user_id)};
    publisher->hand_on({&received, 1});
    publisher->publish(std::span(tasks).last(1));
    ASSERT_TRUE(eventually([&] { return arrived(tasks[1]); }));
    EXPECT_FALSE(arrived(again)) << "whoever gets it hands it on again";
}

// By the name, which is the broker's; as for a user whose permissions are for the queue of all.
TEST_F(RabbitmqOwnQueueTest, WithoutTheRightToItsOwnTheQueueOfAllIsUsed) {
    RabbitmqOptions refused = options();
    refused.own = "amq.pricewire-test";
    const auto queue = create_rabbitmq_queue(refused);
    const Receiver receiver(*queue);
    const std::vector<DeliveryTask> tasks = tasks_of_users(10);
    queue->publish(tasks);
    ASSERT_TRUE(eventually([&] { return receiver.tasks().size() >= tasks.size(); }));
    EXPECT_EQ(log_.count("refuses this process a queue of its own"), 1U);
}

}  // namespace
}  // namespace pricewire::queue
