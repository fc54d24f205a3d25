#pragma once

#include <prometheus/counter.h>
#include <prometheus/histogram.h>

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "alert/checker.hpp"
#include "api/api.hpp"
#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "cluster/membership.hpp"
#include "deliver/sender.hpp"
#include "directory/discovery.hpp"
#include "domain/alert.hpp"
#include "domain/delivery.hpp"
#include "feed/status.hpp"
#include "history/backfill.hpp"
#include "metrics/registry.hpp"
#include "metrics/sampler.hpp"
#include "net/http_client.hpp"
#include "outbox/outbox.hpp"
#include "price/meters.hpp"
#include "recover/recorder.hpp"
#include "recover/runner.hpp"
#include "storage/outbox.hpp"
#include "trace/exporter.hpp"
#include "watch/watcher.hpp"

namespace pricewire::metrics {

// What a process does, as far as it decides what is measured.
struct MeasuredRole {
    std::string name;  // the label of pricewire_build_info
    bool checker = false;
    bool sender = false;
};

// All metrics of the process. instruments.cpp names those that are counted as events happen, watched.cpp
// those that are read at a scrape; docs/operations.md explains each. Thread-safe.
class Instruments {
public:
    // `clock` outlives it.
    Instruments(const MeasuredRole& role, const Clock& clock);
    Instruments(const Instruments&) = delete;
    Instruments& operator=(const Instruments&) = delete;

    Registry& registry() { return registry_; }

    // Events, reported by the hooks of the rooms they happen in.
    void answered(const api::AnsweredRequest& request);
    void cut(std::string_view reason);   // a connection was closed or refused for lack of room
    void refused_by_server(int status);  // a request that reached no route, such as a malformed one
    void committed(std::span<const FiringGroup> groups, std::span<const DeliveryTask> written);
    void settled(const ClaimedDelivery& claimed, const DeliveryOutcome& outcome, net::HttpError error);
    // A database call.
    void stored(std::string_view method, Duration took, bool failed);
    // A row that this version does not understand was skipped; counts as an error of the method.
    void row_skipped(std::string_view method);

    // Objects to read at every scrape; each must live until the last scrape. Call each once. Tickers that are not
    // `pinned` come and go as users need them: they have no series by source, and none to base alarms on.
    void watch_feed(const price::MarketMeters& meters, const price::RateMeters& rates,
                    std::function<std::vector<feed::SourceStatus>()> sources, std::span<const Ticker> pinned);
    void watch(const alert::Checker& checker);
    void watch(const outbox::Outbox& outbox);
    void watch(const deliver::Sender& sender);
    void watch(const api::Api& api);
    void watch(const directory::Discovery& discovery);
    void watch(const history::Backfill& backfill);
    void watch(const watch::Watcher& watcher);
    void watch(const recover::Recorder& recorder);
    void watch(const recover::Runner& runner);
    void watch(const cluster::Membership& membership);
    void watch(const trace::Exporter& exporter);
    void watch(const Sampler& sampler);

    // Reads the delivery backlog from the database; to be called every few seconds in a process with a
    // sender.
    void measure_backlog(storage::Outbox& storage);
    // Counts the alerts that wait for a price, likewise in a process with an API.
    void measure_blind(storage::Needs& storage, const std::function<bool(const Ticker&)>& has_price);

private:
    struct OfRequests {
        prometheus::Counter* count;
        prometheus::Histogram* time;
    };

    void count_deliveries();
    OfRequests of(const api::AnsweredRequest& request);
    void watch_backlog();

    const Clock& clock_;
    Registry registry_;
    prometheus::Family<prometheus::Counter>& requests_;
    prometheus::Family<prometheus::Histogram>& request_time_;
    prometheus::Family<prometheus::Counter>& cut_;
    prometheus::Family<prometheus::Histogram>& storage_time_;
    prometheus::Family<prometheus::Counter>& storage_errors_;
    prometheus::Histogram* price_to_firing_ = nullptr;  // only with a checker
    // Only with a sender.
    prometheus::Family<prometheus::Counter>* attempts_ = nullptr;
    prometheus::Histogram* attempt_time_ = nullptr;
    prometheus::Histogram* firing_to_delivered_ = nullptr;
    prometheus::Family<prometheus::Counter>* ended_ = nullptr;
    prometheus::Family<prometheus::Counter>* pushes_ended_ = nullptr;
    prometheus::Counter* put_off_ = nullptr;
    prometheus::Counter* over_budget_ = nullptr;

    // By route, method and status, so that a request is counted without building label strings.
    Mutex seen_mutex_;
    std::map<std::tuple<const char*, std::string_view, int>, OfRequests> seen_ GUARDED_BY(seen_mutex_);

    Mutex backlog_mutex_;
    // As last read from the database.
    std::optional<storage::DeliveryBacklog> backlog_ GUARDED_BY(backlog_mutex_);
    std::optional<std::size_t> blind_alerts_ GUARDED_BY(backlog_mutex_);
};

}  // namespace pricewire::metrics
