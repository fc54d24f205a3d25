#include "app/parts.hpp"

#include <stdexcept>
#include <utility>

#include "access/in_process/in_process_auth_cache.hpp"
#include "access/in_process/in_process_rate_limits.hpp"
#include "access/redis/redis_auth_cache.hpp"
#include "access/redis/redis_gate.hpp"
#include "access/redis/redis_rate_limits.hpp"
#include "app/options.hpp"
#include "app/sending.hpp"
#include "bus/in_process/in_process_bus.hpp"
#include "bus/in_process/in_process_notices.hpp"
#include "bus/redis/redis_bus.hpp"
#include "bus/redis/redis_notices.hpp"
#include "catcher/in_process/in_process_catcher.hpp"
#include "catcher/redis/redis_catcher.hpp"
#include "queue/in_process/in_process_queue.hpp"
#include "queue/rabbitmq/rabbitmq_queue.hpp"
#include "storage/open.hpp"

namespace pricewire::app {
namespace {

// For a process without a sender and without a broker: the senders poll the database.
class NoQueue : public queue::DeliveryQueue {
public:
    void publish(std::span<const DeliveryTask>) override {}
    void consume(std::function<void(std::span<const queue::QueuedTask>)>) override {}
    void done(std::span<const std::uint64_t>) override {}
    void ping() override {}
};

template <typename Options>
Options redis_options(const ops::Config& config) {
    Options options;
    options.url = config.storage.redis_url;
    options.prefix = config.storage.redis_prefix;
    return options;
}

}  // namespace

std::unique_ptr<storage::Storage> open_storage(const ops::Config& config, storage::StorageEvents events,
                                               bool reads_behind) {
    if (const auto there = check_not_lost(config); !there) throw std::runtime_error(there.error().message);
    storage::OpenOptions options{.pool = static_cast<std::size_t>(config.storage.pool)};
    if (reads_behind) {
        options.replica_url = config.storage.replica_url;
        options.replica_lag = config.storage.replica_lag;
    }
    return storage::open(config.storage.database_url, options, std::move(events));
}

std::unique_ptr<bus::PriceBus> open_bus(const ops::Config& config, const Roles& roles, const Clock& clock) {
    if (config.storage.redis_url.empty()) return bus::create_in_process_bus(tickers_of(config));
    auto options = redis_options<bus::RedisBusOptions>(config);
    options.tickers = tickers_of(config);
    options.reads = roles.api || roles.checker;  // a firing carries the board
    return bus::create_redis_bus(options, clock);
}

std::unique_ptr<bus::DeliveryNotices> open_notices(const ops::Config& config, const Clock& clock) {
    if (config.storage.redis_url.empty()) return bus::create_in_process_notices();
    return bus::create_redis_notices(redis_options<bus::RedisNoticesOptions>(config), clock);
}

std::unique_ptr<queue::DeliveryQueue> open_queue(const ops::Config& config, const Roles& roles,
                                                 const Sharding* sharding) {
    if (config.storage.rabbitmq_url.empty()) {
        if (roles.sender) return queue::create_in_process_queue();
        return std::make_unique<NoQueue>();
    }
    queue::RabbitmqOptions options;
    options.url = config.storage.rabbitmq_url;
    options.queue = config.storage.rabbitmq_queue;
    // The default of earlier versions, and the name of the predecessor's queue, which is a classic one. What an
    // older process still publishes there, senders find in the database.
    if (options.queue != "webhooks_queue") options.earlier_queue = "webhooks_queue";
    options.ca_file = config.storage.rabbitmq_ca_file;
    if (sharding != nullptr) {
        if (roles.sender) options.own = queue_of_sender(options.queue, sharding->id(MemberRole::sender));
        options.queue_of = queues_of_senders(*sharding, options.queue);
    }
    return queue::create_rabbitmq_queue(options);
}

Access open_access(const ops::Config& config) {
    if (config.storage.redis_url.empty()) {
        return {access::create_in_process_auth_cache(system_clock()), access::create_in_process_rate_limits(),
                nullptr};
    }
    const auto options = redis_options<access::RedisAuthCacheOptions>(config);
    auto keys = access::create_redis_auth_cache(options);
    auto limits = access::create_redis_rate_limits(options);
    auto gate = access::create_redis_gate(options, *keys, *limits);
    return {std::move(keys), std::move(limits), std::move(gate)};
}

std::unique_ptr<catcher::Catcher> open_catcher(const ops::Config& config) {
    if (config.storage.redis_url.empty()) return catcher::create_in_process_catcher();
    auto options = redis_options<catcher::RedisCatcherOptions>(config);
    // Nobody waits for it but those who look at it; and for the sender a thread of its own does.
    options.connections = 1;
    options.command_timeout = std::chrono::seconds{1};
    return catcher::create_redis_catcher(options);
}

}  // namespace pricewire::app
