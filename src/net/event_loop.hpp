#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.hpp"

namespace pricewire::net {

// One thread's worth of callbacks and timers. The thread that calls run() owns whatever the callbacks change.
// A callback that throws is logged, once a second at most, and the loop continues: one that sets
// itself again does so by every(), or before anything that can fail.
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
    // Runs `task` every `interval`, first after one, until cancelled. It is due again before it runs, so one
    // that throws runs again; `what` it does is named in the log, once until it has worked again.
    virtual TimerId every(Duration interval, std::string what, Task task) = 0;
    virtual void cancel(TimerId timer) = 0;
};

std::unique_ptr<EventLoop> create_event_loop();

}  // namespace pricewire::net
