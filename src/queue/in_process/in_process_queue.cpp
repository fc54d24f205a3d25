#include "queue/in_process/in_process_queue.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "base/mutex.hpp"

namespace pricewire::queue {
namespace {

class InProcessQueue : public DeliveryQueue {
public:
    explicit InProcessQueue(std::size_t capacity) : capacity_(capacity) {}

    void publish(std::span<const DeliveryTask> tasks) override {
        if (tasks.empty()) return;
        MutexLock lock(mutex_);
        const std::size_t room = on_tasks_ ? tasks.size() : capacity_ - kept_.size();
        const std::size_t taken = std::min(room, tasks.size());
        for (const DeliveryTask& task : tasks.first(taken)) kept_.push_back({task});
        hand_over();
        if (taken < tasks.size() && !overflow_told_) {
            overflow_told_ = true;
            log::warn(
                "the delivery queue is full because no sender takes from it; senders will find the other "
                "deliveries in the database, a little later",
                {{"capacity", std::to_string(capacity_)}});
        }
    }

    void consume(std::function<void(std::span<const QueuedTask>)> on_tasks) override {
        // The lock is held during callbacks, so that a removed consumer is not running any more and tasks
        // keep their order.
        MutexLock lock(mutex_);
        on_tasks_ = std::move(on_tasks);
        if (!on_tasks_) return;
        overflow_told_ = false;
        hand_over();
    }

    void done(std::span<const std::uint64_t>) override {}
    void ping() override {}

private:
    void hand_over() REQUIRES(mutex_) {
        if (!on_tasks_ || kept_.empty()) return;
        const std::vector<QueuedTask> kept = std::exchange(kept_, {});
        on_tasks_(kept);
    }

    const std::size_t capacity_;
    Mutex mutex_;
    std::function<void(std::span<const QueuedTask>)> on_tasks_ GUARDED_BY(mutex_);
    std::vector<QueuedTask> kept_ GUARDED_BY(mutex_);
    bool overflow_told_ GUARDED_BY(mutex_) = false;
};

}  // namespace

std::unique_ptr<DeliveryQueue> create_in_process_queue(std::size_t capacity) {
    return std::make_unique<InProcessQueue>(capacity);
}

}  // namespace pricewire::queue
