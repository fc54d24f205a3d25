#include "deliver/pruner.hpp"

#include <exception>
#include <thread>
#include <utility>

#include "base/log.hpp"
#include "base/mutex.hpp"
#include "base/stop_signal.hpp"

namespace pricewire::deliver {
namespace {

class RealPruner final : public Pruner {
public:
    RealPruner(storage::Storage& storage, const Clock& clock, const PrunerOptions& options)
        : storage_(storage), clock_(clock), options_(options), thread_([this] { run(); }) {}
    ~RealPruner() override { stop(); }

    void stop() override {
        stop_.set();
        MutexLock lock(join_mutex_);
        if (thread_.joinable()) thread_.join();
    }

private:
    void run() {
        do {
            round();
        } while (!stop_.wait_for(options_.every));
    }

    void round() {
        try {
            const Timestamp now = storage::earlier_time(storage_, clock_);
            while (storage_.prune(now - options_.keep, options_.step, now) >= options_.step) {
                if (stop_.wait_for(options_.pause)) return;
            }
            if (std::exchange(failing_, false)) log::info("old deliveries are removed again");
        } catch (const std::exception& e) {
            if (!std::exchange(failing_, true)) {
                log::error("old deliveries cannot be removed; this is retried later", {{"reason", e.what()}});
            }
        }
    }

    storage::Storage& storage_;
    const Clock& clock_;
    const PrunerOptions options_;
    bool failing_ = false;  // the thread's own
    StopSignal stop_;
    Mutex join_mutex_;
    std::thread thread_ GUARDED_BY(join_mutex_);
};

}  // namespace

std::unique_ptr<Pruner> start_pruner(storage::Storage& storage, const Clock& clock,
                                     const PrunerOptions& options) {
    return std::make_unique<RealPruner>(storage, clock, options);
}

}  // namespace pricewire::deliver
