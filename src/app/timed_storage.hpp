#pragma once

#include <functional>
#include <string_view>

#include "base/clock.hpp"

namespace pricewire::app {

// Called after every call, on its thread: the method, the duration, and whether it threw. Must not throw.
using StorageObserver = std::function<void(std::string_view method, Duration took, bool failed)>;

// For StorageEvents::around: times each call and reports it.
std::function<void(std::string_view method, const std::function<void()>& call)> timed_by(
    StorageObserver observer);

}  // namespace pricewire::app
