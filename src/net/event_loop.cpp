#include "net/event_loop.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>
#include <unordered_map>

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
                context_.run();
                return;
            } catch (const std::exception& e) {
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
    void cancel(TimerId timer) override { timers_.erase(timer); }

    asio::io_context& context() { return context_; }

private:
    asio::io_context context_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    TimerId last_timer_ = 0;
    std::unordered_map<TimerId, std::unique_ptr<asio::steady_timer>> timers_;
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
