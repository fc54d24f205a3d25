#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "api/health_probe.hpp"
#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "base/stop_signal.hpp"

namespace pricewire::metrics {

// Pings dependencies outside the process every few seconds, so that a scrape can report them without waiting.
// One that hangs does not delay the others.
class Sampler {
public:
    // `measure` is called as often as each ping and may hang and throw likewise, but is not reported; may be
    // empty.
    Sampler(std::vector<api::HealthDependency> dependencies, std::function<void()> measure,
            Duration every = std::chrono::seconds{5}, Duration timeout = std::chrono::seconds{1});
    // Waits for calls that still hang.
    ~Sampler();
    Sampler(const Sampler&) = delete;
    Sampler& operator=(const Sampler&) = delete;

    // The results of the last round; empty before the first has ended. Any thread.
    std::vector<api::PingResult> last() const;

private:
    void run();

    const std::size_t dependencies_;
    const Duration every_;
    StopSignal stop_;
    mutable Mutex mutex_;
    std::vector<api::PingResult> last_ GUARDED_BY(mutex_);
    std::unique_ptr<api::HealthProbe> probe_;
    std::thread thread_;
};

}  // namespace pricewire::metrics
