#include "queue/rabbitmq/rabbitmq_queue.hpp"

#include <optional>
#include <stdexcept>
#include <utility>

#include "base/mutex.hpp"
#include "queue/rabbitmq/broker_outage.hpp"
#include "queue/rabbitmq/broker_url.hpp"
#include "queue/rabbitmq/consumer.hpp"
#include "queue/rabbitmq/publisher.hpp"

namespace pricewire::queue {
namespace {

class RabbitmqQueue : public DeliveryQueue {
public:
    RabbitmqQueue(BrokerUrl url, const RabbitmqOptions& options)
        : url_(std::move(url)), options_(options), outage_(url_.address(), options.queue) {}

    void publish(std::span<const DeliveryTask> tasks) override {
        Publisher& publishing = publisher();
        if (!tasks.empty()) publishing.publish(tasks);
    }

    void hand_on(std::span<const QueuedTask> tasks) override {
        if (!tasks.empty()) publisher().hand_on(tasks);
    }

    void consume(std::function<void(std::span<const QueuedTask>)> on_tasks) override {
        MutexLock lock(consumer_mutex_);
        consumer_.reset();
        receipts_.take();
        if (on_tasks) consumer_.emplace(url_, options_, outage_, receipts_, std::move(on_tasks));
    }

    void done(std::span<const std::uint64_t> receipts) override { receipts_.push(receipts); }

    void ping() override { publisher().ping(); }

private:
    Publisher& publisher() {
        MutexLock lock(publisher_mutex_);
        if (!publisher_) publisher_.emplace(url_, options_, outage_);
        return *publisher_;
    }

    const BrokerUrl url_;
    const RabbitmqOptions options_;
    BrokerOutage outage_;
    Receipts receipts_;
    Mutex publisher_mutex_;
    std::optional<Publisher> publisher_ GUARDED_BY(publisher_mutex_);
    Mutex consumer_mutex_;
    std::optional<Consumer> consumer_ GUARDED_BY(consumer_mutex_);
};

}  // namespace

std::unique_ptr<DeliveryQueue> create_rabbitmq_queue(const RabbitmqOptions& options) {
    auto url = parse_broker_url(options.url);
    if (!url) throw std::invalid_argument(url.error().message);
    return std::make_unique<RabbitmqQueue>(std::move(*url), options);
}

}  // namespace pricewire::queue
