#include "queue/in_process/in_process_queue.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/log.hpp"

namespace pricewire::queue {
namespace {

DeliveryTask task(int n) {
    DeliveryTask t;
    t.delivery_id.bytes[15] = static_cast<std::uint8_t>(n);
    return t;
}

std::vector<int> numbers(std::span<const QueuedTask> tasks) {
    std::vector<int> out;
    for (const QueuedTask& t : tasks) out.push_back(t.task.delivery_id.bytes[15]);
    return out;
}

class InProcessQueueTest : public testing::Test {
protected:
    void SetUp() override {
        log::set_sink([this](log::Level, std::string_view m,
                             std::initializer_list<log::Field>) { lines_.emplace_back(m); },
                      log::Level::warn);
    }
    void TearDown() override { log::set_sink({}, log::Level::warn); }
    std::vector<std::string> lines_;
};

TEST_F(InProcessQueueTest, KeepsTasksThatFitUntilThereIsAConsumer) {
    const auto queue = create_in_process_queue(3);
    queue->publish(std::vector{task(1), task(2)});
    EXPECT_TRUE(lines_.empty());
    queue->publish(std::vector{task(3), task(4), task(5)});
    queue->publish(std::vector{task(6)});
    EXPECT_EQ(lines_.size(), 1U) << "one line per overflow";

    std::vector<int> seen;
    queue->consume([&](std::span<const QueuedTask> tasks) {
        for (const int n : numbers(tasks)) seen.push_back(n);
    });
    EXPECT_EQ(seen, (std::vector{1, 2, 3}));
}

TEST_F(InProcessQueueTest, LogsANewOverflowAgain) {
    const auto queue = create_in_process_queue(1);
    queue->publish(std::vector{task(1), task(2)});
    queue->consume([](std::span<const QueuedTask>) {});
    queue->consume({});
    queue->publish(std::vector{task(3), task(4)});
    EXPECT_EQ(lines_.size(), 2U);
}

TEST_F(InProcessQueueTest, KeepsTasksAgainOnceItsConsumerIsRemoved) {
    const auto queue = create_in_process_queue(10);
    std::vector<int> first, second;
    queue->consume([&](std::span<const QueuedTask> tasks) { first = numbers(tasks); });
    queue->publish(std::vector{task(1)});
    queue->consume({});
    queue->publish(std::vector{task(2)});
    queue->consume([&](std::span<const QueuedTask> tasks) { second = numbers(tasks); });
    EXPECT_EQ(first, std::vector{1});
    EXPECT_EQ(second, std::vector{2});
}

}  // namespace
}  // namespace pricewire::queue
