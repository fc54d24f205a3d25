#pragma once

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "net/http_server.hpp"

namespace pricewire::metrics {

// Prometheus' unit of time. A negative duration, which clocks that differ can produce, is 0.
inline double seconds(Duration d) {
    return std::chrono::duration<double>(std::max(d, Duration::zero())).count();
}

// One value at the time of a scrape. Labels come from bounded sets: never a user, a URL or a host.
struct Figure {
    std::vector<std::pair<std::string, std::string>> labels;
    double value = 0;
};
using Figures = std::vector<Figure>;

// The content of /metrics, in Prometheus' text format. Thread-safe.
//
// Events (a request, an attempt, a commit) are counted in counters() and histograms() as they happen. What
// happens with every price or quote, and what another object knows anyway, is read by counter() and gauge()
// at the scrape.
class Registry {
public:
    // Runs on the scraping thread; may wait for nothing but a short lock and must not throw.
    using Read = std::function<Figures()>;

    explicit Registry(const Clock& clock) : clock_(clock) {}
    Registry(const Registry&) = delete;
    Registry& operator=(const Registry&) = delete;

    prometheus::Family<prometheus::Counter>& counters(std::string name, std::string help);
    prometheus::Family<prometheus::Histogram>& histograms(std::string name, std::string help);
    // `read` returns Figures, or one number if there are no labels. It, and everything it uses, must live
    // until the last scrape.
    template <typename F>
    void counter(std::string name, std::string help, F read) {
        add(prometheus::MetricType::Counter, std::move(name), std::move(help), reading(std::move(read)));
    }
    template <typename F>
    void gauge(std::string name, std::string help, F read) {
        add(prometheus::MetricType::Gauge, std::move(name), std::move(help), reading(std::move(read)));
    }

    // The names of all metrics, whether or not they have a value yet.
    std::vector<std::string> names() const;

    // Rendered at most once a second, so that frequent requests cannot keep the process busy.
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

    template <typename F>
    static Read reading(F read) {
        if constexpr (std::is_arithmetic_v<std::invoke_result_t<F>>) {
            return [read = std::move(read)] { return Figures{{{}, static_cast<double>(read())}}; };
        } else {
            return read;
        }
    }
    void add(prometheus::MetricType type, std::string name, std::string help, Read read);
    std::string render() const REQUIRES(mutex_);

    const Clock& clock_;
    prometheus::Registry registry_;
    mutable Mutex mutex_;
    std::vector<std::string> counted_ GUARDED_BY(mutex_);  // the names in registry_
    std::vector<Family> families_ GUARDED_BY(mutex_);
    std::shared_ptr<const std::string> text_ GUARDED_BY(mutex_);
    MonoTime made_at_ GUARDED_BY(mutex_);
};

// CPU time, memory, files, threads and start time of this process, under the names that all Prometheus client
// libraries use.
void add_process_metrics(Registry& registry);

}  // namespace pricewire::metrics
