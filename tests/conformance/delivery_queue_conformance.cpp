// The contract of every DeliveryQueue. To add an implementation, add it to the list of factories at the end.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "base/uuid.hpp"
#include "queue/delivery_queue.hpp"
#include "queue/in_process/in_process_queue.hpp"
#include "queue/rabbitmq/broker_fixture.hpp"
#include "queue/rabbitmq/rabbitmq_queue.hpp"
#include "support/eventually.hpp"

namespace pricewire::conformance::delivery_queue {
namespace {

struct Factory {
    std::string name;
    std::function<std::unique_ptr<queue::DeliveryQueue>(const std::string& queue)> create;
    bool broker = false;
};

// Collects what arrives, on any thread, and lets a test wait for it.
class Collector {
public:
    void take(std::span<const queue::QueuedTask> tasks) {
        MutexLock lock(mutex_);
        for (const queue::QueuedTask& t : tasks) {
            tasks_.push_back(t.task);
            receipts_.push_back(t.receipt);
        }
        arrived_.notify_all();
    }
    std::vector<DeliveryTask> wait_for(std::size_t count) {
        MutexLock lock(mutex_);
        arrived_.wait_for(lock, std::chrono::seconds{30},
                          [&]() REQUIRES(mutex_) { return tasks_.size() >= count; });
        return tasks_;
    }
    std::vector<std::uint64_t> receipts() {
        MutexLock lock(mutex_);
        return receipts_;
    }

private:
    Mutex mutex_;
    CondVar arrived_;
    std::vector<DeliveryTask> tasks_ GUARDED_BY(mutex_);
    std::vector<std::uint64_t> receipts_ GUARDED_BY(mutex_);
};

std::vector<DeliveryTask> make_tasks(std::size_t count) {
    std::vector<DeliveryTask> out;
    for (std::size_t i = 0; i < count; ++i) {
        out.push_back({make_uuid(system_clock().now()), static_cast<int>(i % 4) + 1});
    }
    return out;
}

// Sorted by id: tasks that a broker refused at first arrive after later ones.
std::vector<std::pair<Uuid, int>> pairs(const std::vector<DeliveryTask>& tasks) {
    std::vector<std::pair<Uuid, int>> out;
    for (const DeliveryTask& t : tasks) out.emplace_back(t.delivery_id, t.attempt);
    std::sort(out.begin(), out.end());
    return out;
}

class DeliveryQueueConformance : public testing::TestWithParam<Factory> {
protected:
    void SetUp() override {
        if (GetParam().broker) {
            if (queue::test_broker_url().empty()) GTEST_SKIP() << queue::no_broker;
            at_broker_.emplace();
        }
        queue_ = GetParam().create(at_broker_ ? at_broker_->name : "");
    }
    std::optional<queue::TestQueue> at_broker_;
    std::unique_ptr<queue::DeliveryQueue> queue_;
};

TEST_P(DeliveryQueueConformance, DeliversWhatWasPublished) {
    Collector collector;
    queue_->consume([&](std::span<const queue::QueuedTask> tasks) { collector.take(tasks); });
    const auto tasks = make_tasks(500);
    for (std::size_t i = 0; i < tasks.size(); i += 100) {
        queue_->publish(std::span(tasks).subspan(i, 100));
    }
    EXPECT_EQ(pairs(collector.wait_for(500)), pairs(tasks));
    queue_->consume({});
}

TEST_P(DeliveryQueueConformance, KeepsTasksForAConsumerThatComesLater) {
    const auto tasks = make_tasks(50);
    queue_->publish(tasks);
    Collector collector;
    queue_->consume([&](std::span<const queue::QueuedTask> more) { collector.take(more); });
    EXPECT_EQ(pairs(collector.wait_for(50)), pairs(tasks));
    queue_->consume({});
}

TEST_P(DeliveryQueueConformance, PublishingNothingDeliversNothing) {
    Collector collector;
    queue_->consume([&](std::span<const queue::QueuedTask> tasks) { collector.take(tasks); });
    queue_->publish({});
    const auto one = make_tasks(1);
    queue_->publish(one);
    EXPECT_EQ(pairs(collector.wait_for(1)), pairs(one));
    queue_->consume({});
}

TEST_P(DeliveryQueueConformance, ManyPublishersLoseNothing) {
    Collector collector;
    queue_->consume([&](std::span<const queue::QueuedTask> tasks) { collector.take(tasks); });
    std::vector<std::vector<DeliveryTask>> sets;
    for (int i = 0; i < 4; ++i) sets.push_back(make_tasks(250));
    std::vector<std::thread> threads;
    for (const auto& set : sets) {
        threads.emplace_back([&] {
            for (const DeliveryTask& t : set) queue_->publish(std::span(&t, 1));
        });
    }
    for (std::thread& t : threads) t.join();

    auto seen = pairs(collector.wait_for(1000));
    std::vector<std::pair<Uuid, int>> wanted;
    for (const auto& set : sets) {
        for (const auto& p : pairs(set)) wanted.push_back(p);
    }
    std::sort(seen.begin(), seen.end());
    std::sort(wanted.begin(), wanted.end());
    EXPECT_EQ(seen, wanted);
    queue_->consume({});
}

TEST_P(DeliveryQueueConformance, ARemovedConsumerIsNotCalledAgain) {
    int calls = 0;
    queue_->consume([&](std::span<const queue::QueuedTask>) { ++calls; });
    queue_->consume({});
    queue_->publish(make_tasks(3));
    EXPECT_EQ(calls, 0);
}

TEST_P(DeliveryQueueConformance, AcknowledgedTasksAreNotRedelivered) {
    Collector first;
    queue_->consume([&](std::span<const queue::QueuedTask> tasks) {
        first.take(tasks);
        // From within the callback, as a consumer without free slots does.
        std::vector<std::uint64_t> receipts;
        for (const queue::QueuedTask& t : tasks) receipts.push_back(t.receipt);
        queue_->done(receipts);
    });
    queue_->publish(make_tasks(100));
    EXPECT_EQ(first.wait_for(100).size(), 100U);
    queue_->consume({});

    Collector second;
    queue_->consume([&](std::span<const queue::QueuedTask> tasks) { second.take(tasks); });
    const auto later = make_tasks(1);
    queue_->publish(later);
    EXPECT_EQ(pairs(second.wait_for(1)), pairs(later));
    queue_->consume({});
}

TEST_P(DeliveryQueueConformance, ReceiptsOfARemovedConsumerAreIgnored) {
    Collector first;
    queue_->consume([&](std::span<const queue::QueuedTask> tasks) { first.take(tasks); });
    queue_->publish(make_tasks(10));
    first.wait_for(10);
    queue_->consume({});
    queue_->done(first.receipts());
    queue_->done(first.receipts());
    Collector second;
    queue_->consume([&](std::span<const queue::QueuedTask> tasks) { second.take(tasks); });
    queue_->done(first.receipts());
    const auto later = make_tasks(1);
    queue_->publish(later);
    EXPECT_TRUE(test::eventually([&] {
        const auto seen = pairs(second.wait_for(1));
        return std::find(seen.begin(), seen.end(), pairs(later)[0]) != seen.end();
    }));
    queue_->consume({});
}

TEST_P(DeliveryQueueConformance, AnswersAPing) {
    EXPECT_NO_THROW(queue_->ping());
}

std::unique_ptr<queue::DeliveryQueue> rabbitmq(const std::string& queue) {
    return queue::create_rabbitmq_queue({.url = queue::test_broker_url(), .ca_file = {}, .queue = queue});
}

INSTANTIATE_TEST_SUITE_P(Queues, DeliveryQueueConformance,
                         testing::Values(Factory{"in_process",
                                                 [](const std::string&) {
                                                     return queue::create_in_process_queue(10'000);
                                                 }},
                                         Factory{"rabbitmq", rabbitmq, true}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pricewire::conformance::delivery_queue
