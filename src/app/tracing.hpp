#pragma once

#include <memory>
#include <span>

#include "base/clock.hpp"
#include "domain/alert.hpp"
#include "domain/delivery.hpp"
#include "metrics/instruments.hpp"
#include "net/http_client.hpp"
#include "ops/config.hpp"
#include "storage/alerts.hpp"
#include "trace/exporter.hpp"

namespace pricewire::app {

// What this process tells an OTLP receiver, if one is configured; else none of it does anything. Thread-safe.
class Tracing {
public:
    // All outlive it.
    Tracing(const ops::Config& config, storage::Alerts& alerts, const Clock& clock,
            metrics::Instruments& instruments);
    Tracing(const Tracing&) = delete;
    Tracing& operator=(const Tracing&) = delete;
    ~Tracing();

    // Firings that were just committed.
    void committed(std::span<const FiringGroup> groups, std::span<const DeliveryTask> written);
    // The outcome of a claim.
    void settled(const ClaimedDelivery& claimed, const DeliveryOutcome& outcome);

private:
    storage::Alerts& alerts_;
    const Clock& clock_;
    const int percent_;
    std::unique_ptr<net::HttpClient> client_;
    std::unique_ptr<trace::Exporter> exporter_;  // null if no receiver is configured
};

}  // namespace pricewire::app
