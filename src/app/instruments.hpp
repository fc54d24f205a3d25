#pragma once

#include <prometheus/counter.h>
#include <prometheus/histogram.h>

#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string_view>
#include <tuple>

#include "alert/checker.hpp"
#include "api/api.hpp"
#include "app/market_thread.hpp"
#include "app/roles.hpp"
#include "app/sampler.hpp"
#include "base/clock.hpp"
#include "deliver/sender.hpp"
#include "domain/alert.hpp"
#include "domain/delivery.hpp"
#include "net/http_client.hpp"
#include "ops/metrics.hpp"
#include "outbox/outbox.hpp"
#include "storage/outbox.hpp"

namespace pricewire::app {

// What of this process is measured, under which name: every figure that /metrics tells has its name here, in
// instruments.cpp what is counted as it happens and in instruments_watched.cpp what is read at a scrape.
// docs/operations.md says what each means. Thread-safe.
class Instruments {
public:
    // Of a process with these roles. `clock` outlives it.
    Instruments(const Roles& roles, const Clock& clock);
    Instruments(const Instruments&) = delete;
    Instruments& operator=(const Instruments&) = delete;

    ops::Metrics& metrics() { return metrics_; }

    // What happens, for the hooks of the rooms that it happens in.
    void answered(const api::AnsweredRequest& request);
    void refused_by_server(int status);  // a request that came to no route: malformed, say
    void committed(std::span<const FiringGroup> groups, std::span<const DeliveryTask> written);
    void settled(const ClaimedDelivery& claimed, const DeliveryOutcome& outcome, net::HttpError error);
    // A call of the database.
    void stored(std::string_view method, Duration took, bool failed);

    // What is read at every scrape from here on: each lives until no scrape comes any more. Once each.
    void watch(const MarketThread& market);
    void watch(const alert::Checker& checker);
    void watch(const outbox::Outbox& outbox);
    void watch(const deliver::Sender& sender);
    void watch(const api::Api& api);
    void watch(const Sampler& sampler);

    // Asks the database what waits to be delivered; to be called every few seconds, where watch(Sender) is.
    void measure_backlog(storage::Outbox& storage);

private:
    struct OfRequests {
        prometheus::Counter* count;
        prometheus::Histogram* time;
    };

    void count_deliveries();
    OfRequests of(const api::AnsweredRequest& request);
    void watch_backlog();

    const Clock& clock_;
    ops::Metrics metrics_;
    prometheus::Family<prometheus::Counter>& requests_;
    prometheus::Family<prometheus::Histogram>& request_time_;
    prometheus::Family<prometheus::Histogram>& storage_time_;
    prometheus::Family<prometheus::Counter>& storage_errors_;
    prometheus::Histogram* price_to_firing_ = nullptr;  // of a checker
    // Of a sender.
    prometheus::Family<prometheus::Counter>* attempts_ = nullptr;
    prometheus::Histogram* attempt_time_ = nullptr;
    prometheus::Histogram* firing_to_delivered_ = nullptr;
    prometheus::Family<prometheus::Counter>* ended_ = nullptr;
    prometheus::Counter* put_off_ = nullptr;

    // By route, method and status, found without making any text.
    std::shared_mutex seen_mutex_;
    std::map<std::tuple<const char*, std::string_view, int>, OfRequests> seen_;

    std::mutex backlog_mutex_;
    std::optional<storage::DeliveryBacklog> backlog_;  // as it was when the database could be asked last
};

}  // namespace pricewire::app
