#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "api/health_endpoint.hpp"
#include "api/health_probe.hpp"
#include "base/clock.hpp"

namespace pricewire::app {

// Looks every few seconds at what lies outside of the process, so that a scrape tells of it without ever
// waiting for it. One that hangs keeps nobody else's figures back.
class Sampler {
public:
    // `measure` is called as often as each ping, may hang and throw as they do, and is not told of; may be
    // empty.
    Sampler(std::vector<api::HealthDependency> dependencies, std::function<void()> measure,
            Duration every = std::chrono::seconds{5}, Duration timeout = std::chrono::seconds{1});
    // Waits for what still hangs.
    ~Sampler();
    Sampler(const Sampler&) = delete;
    Sampler& operator=(const Sampler&) = delete;

    // As of the last look; empty before the first has ended. Any thread.
    std::vector<api::PingResult> last() const;

private:
    void run();

    const std::size_t dependencies_;
    const Duration every_;
    mutable std::mutex mutex_;
    std::condition_variable stop_asked_;
    bool stopping_ = false;
    std::vector<api::PingResult> last_;
    std::unique_ptr<api::HealthProbe> probe_;
    std::thread thread_;
};

}  // namespace pricewire::app
