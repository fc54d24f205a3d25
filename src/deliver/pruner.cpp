#include "deliver/pruner.hpp"

#include <exception>
#include <thread>
#include <utility>

#include "base/log.hpp"
#include "base/mutex.hpp"

namespace pricewire::deliver {
namespace {

class RealPruner final : public Pruner {
public:
    RealPruner(storage::Deliveries& storage, const Clock& clock, const PrunerOptions& options)
        : storage_(storage), clock_(clock), options_(options), thread_([this] { run(); }) {}
    ~RealPruner() override { stop(); }

    void stop() override {
        {
            MutexLock lock(mutex_);
            stopping_ = true;
        }
        wake_.notify_all();
        MutexLock lock(join_mutex_);
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
        MutexLock lock(mutex_);
        return wake_.wait_for(lock, d, [&]() REQUIRES(mutex_) { return stopping_; });
    }

    storage::Deliveries& storage_;
    const Clock& clock_;
    const PrunerOptions options_;
    bool failing_ = false;  // the thread's own
    Mutex mutex_;
    CondVar wake_;
    bool stopping_ GUARDED_BY(mutex_) = false;
    Mutex join_mutex_;
    std::thread thread_ GUARDED_BY(join_mutex_);
};

}  // namespace

std::unique_ptr<Pruner> start_pruner(storage::Deliveries& storage, const Clock& clock,
                                     const PrunerOptions& options) {
    return std::make_unique<RealPruner>(storage, clock, options);
}

}  // namespace pricewire::deliver
