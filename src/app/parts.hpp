#pragma once

#include <memory>
#include <string>

#include "access/auth_cache.hpp"
#include "access/gate.hpp"
#include "access/rate_limits.hpp"
#include "app/roles.hpp"
#include "app/sharding.hpp"
#include "bus/delivery_notices.hpp"
#include "bus/price_bus.hpp"
#include "catcher/catcher.hpp"
#include "ops/config.hpp"
#include "queue/delivery_queue.hpp"
#include "storage/storage.hpp"

// The implementation of each interface according to the configuration: the only place that picks
// implementations.
namespace pricewire::app {

// Brings the schema up to date first. Throws StorageError: PostgreSQL cannot be reached or used (it may be
// later), SQLite's file cannot be opened. Throws another std::runtime_error where waiting does not help, or
// check_not_lost() says so.
// `reads_behind`: what need not be the newest may come from the replica.
std::unique_ptr<storage::Storage> open_storage(const ops::Config& config, storage::StorageEvents events,
                                               bool reads_behind = false);
// These do not fail if a server is unavailable: they connect once it is available, and log it.
std::unique_ptr<bus::PriceBus> open_bus(const ops::Config& config, const Roles& roles, const Clock& clock);
std::unique_ptr<bus::DeliveryNotices> open_notices(const ops::Config& config, const Clock& clock);
// `sharding` is null in a process that divides nothing; else it outlives the queue.
std::unique_ptr<queue::DeliveryQueue> open_queue(const ops::Config& config, const Roles& roles,
                                                 const Sharding* sharding);
// Who may call and how often.
struct Access {
    std::unique_ptr<access::AuthCache> keys;
    std::unique_ptr<access::RateLimits> limits;
    std::unique_ptr<access::Gate> gate;  // in front of both; null: neither blocks
};
Access open_access(const ops::Config& config);
std::unique_ptr<catcher::Catcher> open_catcher(const ops::Config& config);

}  // namespace pricewire::app
