#pragma once

#include <prometheus/registry.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "net/http_server.hpp"

namespace pricewire::ops {

// Prometheus' unit of time. What clocks that differ make negative is none.
inline double metric_seconds(Duration d) {
    return std::chrono::duration<double>(std::max(d, Duration::zero())).count();
}

// One figure as it stands at a scrape. Labels come from bounded sets: never a user, a URL or a host.
struct Figure {
    std::vector<std::pair<std::string, std::string>> labels;
    double value = 0;
};

// What /metrics tells, in Prometheus' text format. Thread-safe.
//
// What happens now and then (a request, an attempt, a commit) is counted in the registry's counters and
// histograms. What happens with every price or quote, and what somebody knows anyway, is read at the scrape.
class Metrics {
public:
    // On the thread of whoever scrapes; must not wait for anything but a short lock, nor throw.
    using Read = std::function<std::vector<Figure>()>;

    explicit Metrics(const Clock& clock) : clock_(clock) {}
    Metrics(const Metrics&) = delete;
    Metrics& operator=(const Metrics&) = delete;

    prometheus::Registry& registry() { return registry_; }
    // `read`, and all it uses, lives until no scrape comes any more.
    void counter(std::string name, std::string help, Read read);
    void gauge(std::string name, std::string help, Read read);

    // Made anew a second after the last time at the earliest, so that nobody can keep the process busy by
    // asking.
    std::shared_ptr<const std::string> text();

    static bool is_at(std::string_view path) { return path == "/metrics" || path == "/metrics/"; }
    // The answer to a request for /metrics.
    net::ServerResponse answer(std::string_view method);

private:
    struct Family {
        prometheus::MetricType type;
        std::string name;
        std::string help;
        Read read;
    };

    std::string render() const;

    const Clock& clock_;
    prometheus::Registry registry_;
    std::mutex mutex_;
    std::vector<Family> families_;
    std::shared_ptr<const std::string> text_;
    MonoTime made_at_;
};

// CPU time, memory, files, threads and start of this process, by the names that all client libraries use.
void add_process_metrics(Metrics& metrics);

}  // namespace pricewire::ops
