#include "metrics/instruments.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/uuid_time.hpp"
#include "net/local_failures.hpp"
#include "outbox/written.hpp"

namespace pricewire::metrics {
namespace {

using Buckets = prometheus::Histogram::BucketBoundaries;

// In seconds. Each set spans the range from normal to worth waking someone up.
const Buckets request_buckets{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
const Buckets firing_buckets{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                             0.25,   0.5,   1,      2.5,   5,    10,    30,   60};
const Buckets delivered_buckets{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,  1,
                                2.5,   5,    10,    30,   60,  300,  1800, 21600};
const Buckets attempt_buckets{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
const Buckets storage_buckets{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5};

#if defined(__clang__)
constexpr std::string_view compiler = "clang " __clang_version__;
#else
constexpr std::string_view compiler = "g++ " __VERSION__;
#endif

// Clients can send any method; unknown ones share a label.
std::string_view method_label(std::string_view method) {
    static constexpr std::array<std::string_view, 7> known{"GET",   "HEAD",   "POST",   "PUT",
                                                           "PATCH", "DELETE", "OPTIONS"};
    const auto* const found = std::find(known.begin(), known.end(), method);
    return found == known.end() ? "other" : *found;
}

// How an attempt ended: the class of the response's status, or why there was no response.
std::string result_label(const Attempt& attempt, net::HttpError error) {
    if (error != net::HttpError::none || !attempt.status) return std::string(net::to_string(error));
    return std::to_string(*attempt.status / 100) + "xx";
}

std::string_view outcome_label(DeliveryState next) {
    return next == DeliveryState::pending ? "retried" : to_string(next);
}

// Collects observations and adds them to a histogram in one call.
class Observations {
public:
    explicit Observations(const Buckets& buckets) : buckets_(buckets), counts_(buckets.size() + 1) {}
    void add(double value) {
        const auto bucket = std::lower_bound(buckets_.begin(), buckets_.end(), value);
        counts_[static_cast<std::size_t>(bucket - buckets_.begin())] += 1;
        sum_ += value;
    }
    void add_to(prometheus::Histogram& histogram) const { histogram.ObserveMultiple(counts_, sum_); }

private:
    const Buckets& buckets_;
    std::vector<double> counts_;
    double sum_ = 0;
};

}  // namespace

Instruments::Instruments(const MeasuredRole& role, const Clock& clock)
    : clock_(clock),
      registry_(clock),
      requests_(registry_.counters("pricewire_http_requests_total",
                                   "Requests that were answered, by route, method and status.")),
      request_time_(registry_.histograms("pricewire_http_request_duration_seconds",
                                         "From a request's arrival to its answer, by route.")),
      cut_(registry_.counters("pricewire_http_connections_cut_total",
                              "Connections that were closed or refused for lack of room, by reason.")),
      storage_time_(registry_.histograms("pricewire_storage_call_duration_seconds",
                                         "How long calls of the database took, by method.")),
      storage_errors_(registry_.counters("pricewire_storage_errors_total",
                                         "Calls of the database that failed, by method.")) {
    registry_.gauge("pricewire_build_info", "What is running; always 1.", [name = role.name] {
        return Figures{
            {{{"version", PRICEWIRE_VERSION}, {"compiler", std::string(compiler)}, {"role", name}}, 1}};
    });
    add_process_metrics(registry_);
    registry_.counter("pricewire_local_failures_total",
                      "Requests that failed for what this process or machine lacks, by cause.", [] {
                          Figures out;
                          for (const net::LocalCauseRow& row : net::local_causes) {
                              out.push_back({{{"cause", std::string(row.name)}},
                                             static_cast<double>(net::local_failures().count(row.cause))});
                          }
                          return out;
                      });
    // A rate includes the first event only if a zero was scraped before it.
    for (const std::string_view reason : net::cut::all) cut_.Add({{"reason", std::string(reason)}});
    if (role.checker) {
        price_to_firing_ =
            &registry_
                 .histograms("pricewire_price_to_firing_seconds",
                             "From a price (or an alert's creation, where that came later) to the "
                             "commit of the firing and its delivery.")
                 .Add({}, firing_buckets);
    }
    if (role.sender) count_deliveries();
}

void Instruments::count_deliveries() {
    attempts_ = &registry_.counters(
        "pricewire_delivery_attempts_total",
        "Attempts to deliver, by what came of the delivery and by the answer (its class of "
        "status, or why there was none).");
    attempt_time_ = &registry_
                         .histograms("pricewire_delivery_attempt_duration_seconds",
                                     "How long an attempt took, from resolving the name to the answer's end.")
                         .Add({}, attempt_buckets);
    firing_to_delivered_ = &registry_
                                .histograms("pricewire_firing_to_delivered_seconds",
                                            "From an alert's firing to its receiver's 2xx, retries included.")
                                .Add({}, delivered_buckets);
    ended_ = &registry_.counters("pricewire_deliveries_ended_total",
                                 "Deliveries that a sender brought to their end, by their final state.");
    // A rate includes the first event only if a zero was scraped before it.
    for (const auto state : {DeliveryState::delivered, DeliveryState::failed, DeliveryState::expired})
        ended_->Add({{"state", std::string(to_string(state))}});
    pushes_ended_ = &registry_.counters("pricewire_pushes_ended_total",
                                        "Of pricewire_deliveries_ended_total those to devices; gone: the "
                                        "browser had ended its subscription.");
    for (const char* state : {"delivered", "failed", "expired", "gone"})
        pushes_ended_->Add({{"state", state}});
    put_off_ = &registry_
                    .counters("pricewire_deliveries_put_off_total",
                              "Deliveries put off without an attempt because their user's secret, or their "
                              "device's keys, cannot be opened.")
                    .Add({});
    over_budget_ = &registry_
                        .counters("pricewire_deliveries_over_budget_total",
                                  "Deliveries put off without an attempt because their user's attempts "
                                  "(limits.attempts) were used up.")
                        .Add({});
}

Instruments::OfRequests Instruments::of(const api::AnsweredRequest& request) {
    const std::tuple key{request.route.data(), method_label(request.method), request.status};
    MutexLock lock(seen_mutex_);
    if (const auto found = seen_.find(key); found != seen_.end()) return found->second;
    const std::string route(request.route);
    return seen_
        .emplace(key, OfRequests{&requests_.Add({{"route", route},
                                                 {"method", std::string(std::get<1>(key))},
                                                 {"code", std::to_string(request.status)}}),
                                 &request_time_.Add({{"route", route}}, request_buckets)})
        .first->second;
}

void Instruments::answered(const api::AnsweredRequest& request) {
    const OfRequests found = of(request);
    found.count->Increment();
    found.time->Observe(seconds(request.took));
}

void Instruments::cut(std::string_view reason) {
    cut_.Add({{"reason", std::string(reason)}}).Increment();
}

void Instruments::refused_by_server(int status) {
    requests_.Add({{"route", "none"}, {"method", "other"}, {"code", std::to_string(status)}}).Increment();
}

void Instruments::committed(std::span<const FiringGroup> groups, std::span<const DeliveryTask> written) {
    // A feed without a checker only fires late.
    if (written.empty() || price_to_firing_ == nullptr) return;
    const Timestamp now = clock_.now();
    // Another checker may have fired some of them first.
    const outbox::Written ours(groups, written);
    Observations observations(firing_buckets);
    for (const FiringGroup& group : groups) {
        // The time of a late one would be how long nobody watched.
        if (group.late) continue;
        for (const Firing& firing : group.firings) {
            if (ours.has(firing.delivery_id))
                observations.add(seconds(now - std::max(group.price.time, made_at(firing.alert_id))));
        }
        for (const RuledFiring& firing : group.ruled) {
            if (ours.has(firing.delivery_id)) observations.add(seconds(now - firing.time));
        }
    }
    observations.add_to(*price_to_firing_);
}

void Instruments::settled(const ClaimedDelivery& claimed, const DeliveryOutcome& outcome,
                          net::HttpError error) {
    if (outcome.attempt) {
        attempts_
            ->Add({{"outcome", std::string(outcome_label(outcome.next))},
                   {"result", result_label(*outcome.attempt, error)}})
            .Increment();
        attempt_time_->Observe(seconds(outcome.attempt->duration));
    } else if (outcome.over_budget) {
        over_budget_->Increment();
    } else if (outcome.next == DeliveryState::pending && error == net::HttpError::none) {
        put_off_->Increment();
    }
    if (is_final(outcome.next)) {
        const std::string state(to_string(outcome.next));
        ended_->Add({{"state", state}}).Increment();
        if (claimed.push) pushes_ended_->Add({{"state", outcome.push_gone ? "gone" : state}}).Increment();
    }
    if (outcome.next == DeliveryState::delivered && claimed.kind == DeliveryKind::alert && !claimed.push &&
        claimed.alert.triggered_at) {
        firing_to_delivered_->Observe(seconds(outcome.ended_at - *claimed.alert.triggered_at));
    }
}

void Instruments::stored(std::string_view method, Duration took, bool failed) {
    const prometheus::Labels labels{{"method", std::string(method)}};
    storage_time_.Add(labels, storage_buckets).Observe(seconds(took));
    prometheus::Counter& errors = storage_errors_.Add(labels);
    if (failed) errors.Increment();
}

void Instruments::row_skipped(std::string_view method) {
    storage_errors_.Add({{"method", std::string(method)}}).Increment();
}

}  // namespace pricewire::metrics
