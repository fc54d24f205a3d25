#pragma once

#include <memory>
#include <string>

#include "app/roles.hpp"
#include "bus/delivery_notices.hpp"
#include "bus/price_bus.hpp"
#include "access/auth_cache.hpp"
#include "access/rate_limits.hpp"
#include "ops/config.hpp"
#include "queue/delivery_queue.hpp"
#include "storage/storage.hpp"

// What stands behind each interface, as the configuration names it: the only place that picks
// implementations.
namespace pricewire {

// Brings the schema up to date first. Throws StorageError: PostgreSQL cannot be reached or used (it may be
// later), SQLite's file cannot be opened. Throws another std::runtime_error where waiting does not help.
std::unique_ptr<Storage> open_storage(const Config& config, StorageEvents events);
// These never fail because a server is away: they connect when it is there, and say so.
std::unique_ptr<PriceBus> open_bus(const Config& config, const Roles& roles);
std::unique_ptr<DeliveryNotices> open_notices(const Config& config);
std::unique_ptr<DeliveryQueue> open_queue(const Config& config, const Roles& roles);
std::unique_ptr<AuthCache> open_auth_cache(const Config& config);
std::unique_ptr<RateLimits> open_rate_limits(const Config& config);

}  // namespace pricewire
