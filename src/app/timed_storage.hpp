#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "base/clock.hpp"
#include "storage/storage.hpp"

namespace pricewire::app {

// Told of every call: the method, how long it took, and whether it threw. On the thread of the call; must not
// throw.
using StorageObserver = std::function<void(std::string_view method, Duration took, bool failed)>;

// The same storage, with each of its calls timed.
std::unique_ptr<storage::Storage> time_storage(std::unique_ptr<storage::Storage> storage,
                                               StorageObserver observer);

}  // namespace pricewire::app
