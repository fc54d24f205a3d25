#include "deliver/pruner.hpp"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "base/log.hpp"

namespace pricewire::deliver {
namespace {

class RealPruner final : public Pruner {
public:
    RealPruner(storage::Deliveries& storage, const Clock& clock, const PrunerOptions& options)
        : storage_(storage), clock_(clock), options_(options), thread_([this] { run(); }) {}
    ~RealPruner() override { stop(); }

    void stop() override {
        {
            std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        wake_.notify_all();
        std::lock_guard lock(join_mutex_);
        if (thread_.joinable()) thread_.join();
    }

private:
    void run() {
        do {
            round();
        } while (!wait(options_.every));
    }

    void round() {
        try {
            while (storage_.prune(clock_.now() - options_.keep, options_.step) >= options_.step) {
                if (wait(options_.pause)) return;
            }
            if (std::exchange(failing_, false)) log::info("old deliveries are removed again");
        } catch (const std::exception& e) {
            if (!std::exchange(failing_, true)) {
                log::error("old deliveries cannot be removed; this is tried again later",
                           {{"reason", e.what()}});
            }
        }
    }

    // True where it is to stop.
    bool wait(Duration d) {
        std::unique_lock lock(mutex_);
        return wake_.wait_for(lock, d, [&] { return stopping_; });
    }

    storage::Deliveries& storage_;
    const Clock& clock_;
    const PrunerOptions options_;
    bool failing_ = false;  // the thread's own
    std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    std::mutex join_mutex_;
    std::thread thread_;
};

}  // namespace

std::unique_ptr<Pruner> start_pruner(storage::Deliveries& storage, const Clock& clock,
                                     const PrunerOptions& options) {
    return std::make_unique<RealPruner>(storage, clock, options);
}

}  // namespace pricewire::deliver
