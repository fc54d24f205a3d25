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

struct Dependency {
    std::string name;
    bool needed = true;          // down without it
    std::function<void()> ping;  // throws where it cannot be reached; may hang for a while
};

struct PingResult {
    std::string name;
    bool needed = true;
    bool up = false;
    std::optional<double> latency_ms;  // where it answered
    std::string detail;                // why it is down, for anybody's eyes
};

// Pings dependencies within a time limit. Each has a thread of its own, so one that hangs costs nobody else's
// answer and no second thread; questions that come while a probe runs get that probe's answer.
class HealthProbe {
public:
    // Runs on the probe's thread and must return quickly.
    using Done = std::move_only_function<void(const std::vector<PingResult>&)>;

    // Whether the log is told when a dependency goes and comes back.
    enum class Changes { said, unsaid };

    HealthProbe(std::vector<Dependency> dependencies, Duration timeout, Changes changes = Changes::said);
    // Waits for pings that still hang; questions without an answer are dropped.
    ~HealthProbe();
    HealthProbe(const HealthProbe&) = delete;
    HealthProbe& operator=(const HealthProbe&) = delete;

    // Never blocks.
    void check(Done done);

private:
    struct Pinger {
        Dependency dependency;
        std::uint64_t wanted = 0;    // the newest probe that asks for it
        std::uint64_t answered = 0;  // the probe that its result belongs to
        bool busy = false;
        MonoTime busy_since{};
        PingResult result;
        bool was_up = true;  // for the log, which tells changes
        std::thread thread;
    };

    void run_pinger(Pinger& pinger);
    void run_probes();
    std::vector<PingResult> collect();
    void tell_change(Pinger& pinger, const PingResult& result);

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
