#pragma once

#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/mutex.hpp"

namespace pricewire::api {

// Something that a process needs, or works better with.
struct HealthDependency {
    std::string name;    // "database"
    bool needed = true;  // without it the process is down, else degraded
    // Throws if it does not do its work, Unusable if more can be said than that it is not reachable; may hang
    // for a while.
    std::function<void()> ping;
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
        std::uint64_t wanted = 0;    // the latest probe that needs it
        std::uint64_t answered = 0;  // the probe that `result` belongs to
        bool busy = false;
        MonoTime busy_since{};
        PingResult result;
        bool was_up = true;  // as last logged
    };

    void run_pinger(std::size_t i);
    void run_probes();
    std::vector<PingResult> collect();
    void log_change(Pinger& pinger, const PingResult& result) REQUIRES(mutex_);

    const Duration timeout_;
    const Changes changes_;
    const std::vector<HealthDependency> dependencies_;
    Mutex mutex_;
    CondVar asked_;     // for the probe's thread
    CondVar wanted_;    // for the pingers
    CondVar answered_;  // for the probe's thread
    std::vector<Done> waiting_ GUARDED_BY(mutex_);
    std::uint64_t probe_ GUARDED_BY(mutex_) = 0;
    bool stopping_ GUARDED_BY(mutex_) = false;
    std::vector<Pinger> pingers_ GUARDED_BY(mutex_);  // one per dependency, in order
    std::vector<std::thread> pinger_threads_;
    std::thread thread_;
};

}  // namespace pricewire::api
