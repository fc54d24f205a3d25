#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.hpp"

namespace pricewire::api {

// Something that a process needs, or works better with.
struct HealthDependency {
    std::string name;            // "database"
    bool needed = true;          // without it the process is down, else degraded
    std::function<void()> ping;  // throws if it cannot be reached; may hang for a while
};

struct PingResult {
    std::string name;
    bool needed = true;
    bool up = false;
    std::optional<double> latency_ms;  // set if it answered
    std::string detail;                // why it is down, safe to show to anyone
};

// Pings dependencies with a time limit. Each has a thread of its own, so one that hangs neither delays the
// others nor takes a second thread. Checks requested while a probe runs share its results.
class HealthProbe {
public:
    // Runs on the probe's thread and must return quickly.
    using Done = std::move_only_function<void(const std::vector<PingResult>&)>;

    // Whether outages and recoveries of dependencies are logged.
    enum class Changes { logged, unlogged };

    HealthProbe(std::vector<HealthDependency> dependencies, Duration timeout,
                Changes changes = Changes::logged);
    // Waits for pings that still hang; drops unanswered checks.
    ~HealthProbe();
    HealthProbe(const HealthProbe&) = delete;
    HealthProbe& operator=(const HealthProbe&) = delete;

    // Never blocks.
    void check(Done done);

private:
    struct Pinger {
        HealthDependency dependency;
        std::uint64_t wanted = 0;    // the latest probe that needs it
        std::uint64_t answered = 0;  // the probe that `result` belongs to
        bool busy = false;
        MonoTime busy_since{};
        PingResult result;
        bool was_up = true;  // as last logged
        std::thread thread;
    };

    void run_pinger(Pinger& pinger);
    void run_probes();
    std::vector<PingResult> collect();
    void log_change(Pinger& pinger, const PingResult& result);

    const Duration timeout_;
    const Changes changes_;
    std::mutex mutex_;
    std::condition_variable asked_;     // for the probe's thread
    std::condition_variable wanted_;    // for the pingers
    std::condition_variable answered_;  // for the probe's thread
    std::vector<Done> waiting_;
    std::uint64_t probe_ = 0;
    bool stopping_ = false;
    std::vector<Pinger> pingers_;
    std::thread thread_;
};

}  // namespace pricewire::api
