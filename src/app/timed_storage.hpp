#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "base/clock.hpp"
#include "storage/storage.hpp"

namespace pricewire::app {

// Called after every call, on its thread: the method, the duration, and whether it threw. Must not throw.
using StorageObserver = std::function<void(std::string_view method, Duration took, bool failed)>;

// The same storage with every call timed.
std::unique_ptr<storage::Storage> time_storage(std::unique_ptr<storage::Storage> storage,
                                               StorageObserver observer);

}  // namespace pricewire::app
