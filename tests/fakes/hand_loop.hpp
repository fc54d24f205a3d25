#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "net/event_loop.hpp"

namespace pricewire::fakes {

// A loop that a test turns by hand, with its clock.
class HandLoop final : public net::EventLoop {
public:
    void run() override {}
    void stop() override {}
    void post(Task task) override { tasks_.push_back(std::move(task)); }
    TimerId after(Duration delay, Task task) override {
        add(++last_, delay, std::move(task));
        return last_;
    }
    TimerId every(Duration interval, std::string, Task task) override {
        const TimerId id = ++last_;
        repeat(id, interval, std::make_shared<Task>(std::move(task)));
        return id;
    }
    void cancel(TimerId timer) override {
        const auto found = due_.find(timer);
        if (found == due_.end()) return;
        timers_.erase({found->second, timer});
        due_.erase(found);
    }

    void turn() {
        while (!tasks_.empty()) {
            Task task = std::move(tasks_.front());
            tasks_.pop_front();
            task();
        }
    }
    void wait(Duration d) {
        const MonoTime end = clock.mono() + d;
        turn();
        while (!timers_.empty() && timers_.begin()->first.first <= end) {
            const auto [at, id] = timers_.begin()->first;
            Task task = std::move(timers_.begin()->second);
            cancel(id);
            move_to(std::max(at, clock.mono()));
            task();
            turn();
        }
        move_to(end);
    }
    std::size_t timers() const { return timers_.size(); }

    ManualClock clock;

private:
    void add(TimerId id, Duration delay, Task task) {
        due_[id] = clock.mono() + delay;
        timers_.emplace(std::pair(due_[id], id), std::move(task));
    }
    void repeat(TimerId id, Duration interval, std::shared_ptr<Task> task) {
        add(id, interval, [this, id, interval, task] {
            repeat(id, interval, task);
            (*task)();
        });
    }
    void move_to(MonoTime at) { clock.advance(std::chrono::ceil<Duration>(at - clock.mono())); }

    std::deque<Task> tasks_;
    std::map<std::pair<MonoTime, TimerId>, Task> timers_;  // the next one first
    std::map<TimerId, MonoTime> due_;                      // of timers_
    TimerId last_ = 0;
};

}  // namespace pricewire::fakes
