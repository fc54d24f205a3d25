#include "app/tracing.hpp"

#include <utility>

#include "base/uuid.hpp"
#include "deliver/request.hpp"
#include "trace/firing_spans.hpp"

namespace pricewire::app {
namespace {

// Of one commit: a market move may fire a hundred thousand alerts, of which these show what one takes.
constexpr std::size_t most_firings = 50;

}  // namespace

Tracing::Tracing(const ops::Config& config, storage::Alerts& alerts, const Clock& clock,
                 metrics::Instruments& instruments)
    : alerts_(alerts), clock_(clock), percent_(config.tracing.percent) {
    if (config.tracing.endpoint.empty()) return;
    client_ = net::create_http_client({.max_connections = 1, .user_agent = "Pricewire/" PRICEWIRE_VERSION});
    exporter_ = trace::start_exporter(
        {.endpoint = config.tracing.endpoint,
         .service = {.version = PRICEWIRE_VERSION, .instance = make_uuid(clock.now()).to_string()}},
        *client_);
    instruments.watch(*exporter_);
}

Tracing::~Tracing() = default;

void Tracing::committed(std::span<const FiringGroup> groups, std::span<const DeliveryTask> written) {
    if (!exporter_) return;
    for (trace::WrittenFiring& firing :
         trace::recorded_firings(groups, written, clock_.now(), percent_, most_firings)) {
        // The alert's trace is read here rather than by the firing's statement, which is not to take longer for it.
        exporter_->add([&alerts = alerts_, firing = std::move(firing)]() -> std::vector<trace::Span> {
            const auto alert = alerts.alert(firing.user_id, firing.alert_id);
            if (!alert) return {};  // deleted since
            return trace::firing_spans(firing, alert->trace.value_or(trace_named(firing.delivery_id)).id);
        });
    }
}

void Tracing::settled(const ClaimedDelivery& claimed, const DeliveryOutcome& outcome) {
    if (!exporter_ || !outcome.attempt || !trace::is_recorded(claimed.alert.id, percent_)) return;
    auto spans = trace::attempt_spans(claimed, *outcome.attempt, outcome, deliver::trace_of(claimed).id);
    exporter_->add([spans = std::move(spans)]() mutable { return std::move(spans); });
}

}  // namespace pricewire::app
