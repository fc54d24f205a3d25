#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/clock.hpp"

namespace pricewire::net {

// One thread's worth of callbacks and timers. The thread that calls run() owns whatever the callbacks change.
class EventLoop {
public:
    using Task = std::move_only_function<void()>;
    using TimerId = std::uint64_t;

    virtual ~EventLoop() = default;
    virtual void run() = 0;            // until stop(); callbacks run here
    virtual void stop() = 0;           // any thread
    virtual void post(Task task) = 0;  // any thread; runs in the order posted by one thread
    // The loop's thread only. A cancelled timer does not run.
    virtual TimerId after(Duration delay, Task task) = 0;
    virtual void cancel(TimerId timer) = 0;
};

std::unique_ptr<EventLoop> create_event_loop();

}  // namespace pricewire::net
