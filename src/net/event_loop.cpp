#include "net/event_loop.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>
#include <unordered_map>
#include <utility>

#include "base/log.hpp"
#include "net/detail/asio_loop.hpp"

namespace pricewire::net {
namespace {

namespace asio = boost::asio;

class AsioLoop final : public EventLoop {
public:
    AsioLoop() : work_(asio::make_work_guard(context_)) {}

    void run() override {
        while (true) {
            try {
                arm_repeating();
                context_.run();
                return;
            } catch (const std::exception& e) {
                if (failures_.take(std::chrono::steady_clock::now()))
                    log::error("an event loop's task failed; the loop continues", {{"reason", e.what()}});
            }
        }
    }
    void stop() override { context_.stop(); }
    void post(Task task) override {
        asio::post(context_, [task = std::move(task)]() mutable { task(); });
    }
    TimerId after(Duration delay, Task task) override {
        const TimerId id = ++last_timer_;
        auto timer = std::make_unique<asio::steady_timer>(context_, delay);
        timer->async_wait([this, id, task = std::move(task)](boost::system::error_code error) mutable {
            // cancel() does not stop an expiry that is already queued: the map decides.
            if (error || timers_.erase(id) == 0) return;
            task();
        });
        timers_.emplace(id, std::move(timer));
        return id;
    }
    TimerId every(Duration interval, std::string what, Task task) override {
        const TimerId id = ++last_timer_;
        const auto repeating = std::make_shared<Repeating>(id, interval, std::move(what), std::move(task),
                                                           asio::steady_timer(context_, interval));
        repeating_.emplace(id, repeating);
        wait(repeating);
        return id;
    }
    void cancel(TimerId timer) override {
        timers_.erase(timer);
        repeating_.erase(timer);
    }

    asio::io_context& context() { return context_; }

private:
    struct Repeating {
        TimerId id;
        Duration interval;
        std::string what;
        Task task;
        asio::steady_timer timer;
        bool is_armed = false;
        bool is_failing = false;
    };

    void wait(const std::shared_ptr<Repeating>& repeating) {
        repeating->timer.async_wait([this, weak = std::weak_ptr(repeating)](boost::system::error_code error) {
            const auto due = weak.lock();
            if (!due || error || !repeating_.contains(due->id)) return;
            due->is_armed = false;
            due->timer.expires_after(due->interval);
            wait(due);
            run_task(*due);
        });
        repeating->is_armed = true;
    }
    void run_task(Repeating& due) {
        try {
            due.task();
        } catch (const std::exception& e) {
            if (!std::exchange(due.is_failing, true))
                log::error("a task failed; it is tried again", {{"task", due.what}, {"reason", e.what()}});
            return;
        }
        if (std::exchange(due.is_failing, false)) log::info("a task works again", {{"task", due.what}});
    }
    // Those whose arming failed, for want of memory, say.
    void arm_repeating() {
        for (const auto& [id, repeating] : repeating_) {
            if (!repeating->is_armed) wait(repeating);
        }
    }

    asio::io_context context_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    TimerId last_timer_ = 0;
    std::unordered_map<TimerId, std::unique_ptr<asio::steady_timer>> timers_;
    std::unordered_map<TimerId, std::shared_ptr<Repeating>> repeating_;
    log::LineBudget failures_{"failed tasks", 1};
};

}  // namespace

namespace detail {

// Only create_event_loop() makes loops, so the type is known.
boost::asio::io_context& context_of(EventLoop& loop) {
    return static_cast<AsioLoop&>(loop).context();
}

}  // namespace detail

std::unique_ptr<EventLoop> create_event_loop() {
    return std::make_unique<AsioLoop>();
}

}  // namespace pricewire::net
