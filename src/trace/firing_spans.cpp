#include "trace/firing_spans.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace pricewire::trace {
namespace {

constexpr std::string_view firing_name = "firing";

std::string attempt_name(int attempt) {
    return "attempt " + std::to_string(attempt);
}

}  // namespace

bool is_recorded(const Uuid& alert, int percent) {
    // The last bytes of an id are random.
    const unsigned low = alert.bytes[14] * 256U + alert.bytes[15];
    return low * 100U < static_cast<unsigned>(percent) * 65536U;
}

std::vector<WrittenFiring> recorded_firings(std::span<const FiringGroup> groups,
                                            std::span<const DeliveryTask> written, Timestamp committed_at,
                                            int percent, std::size_t most) {
    std::vector<WrittenFiring> out;
    std::unordered_map<Uuid, Uuid> owners;  // by delivery, once the first is recorded
    const auto add = [&](const FiringGroup& group, const auto& firing, Timestamp price_time) {
        if (out.size() >= most || !is_recorded(firing.alert_id, percent)) return;
        if (owners.empty()) {
            for (const DeliveryTask& task : webhooks_of(written))
                owners.emplace(task.delivery_id, task.user_id);
        }
        // Another checker may have been first.
        const auto owner = owners.find(firing.delivery_id);
        if (owner == owners.end()) return;
        // A price's time is by its venue's clock as we know it, and may be a moment ahead.
        const Timestamp fired_at = std::max(group.fired_at, price_time);
        out.push_back({.alert_id = firing.alert_id,
                       .user_id = owner->second,
                       .delivery_id = firing.delivery_id,
                       .ticker = std::string(group.price.ticker),
                       .price_time = price_time,
                       .fired_at = fired_at,
                       .committed_at = std::max(committed_at, fired_at),
                       .is_late = group.late.has_value()});
    };
    for (const FiringGroup& group : groups) {
        for (const Firing& firing : group.firings) add(group, firing, group.price.time);
        for (const RuledFiring& firing : group.ruled) add(group, firing, firing.time);
    }
    return out;
}

std::vector<Span> firing_spans(const WrittenFiring& firing, const std::string& trace_id) {
    std::vector<Span> out;
    const auto add = [&](std::string_view name, Timestamp start, Timestamp end) -> Span& {
        return out.emplace_back(Span{.context = {trace_id, span_id_of(firing.delivery_id, name)},
                                     .name = std::string(name),
                                     .start = start,
                                     .end = end});
    };
    Span& root = add(firing_name, firing.price_time, firing.committed_at);
    root.attributes = {{"pricewire.alert.id", firing.alert_id.to_string()},
                       {"pricewire.delivery.id", firing.delivery_id.to_string()},
                       {"pricewire.ticker", firing.ticker},
                       {"pricewire.late", firing.is_late}};
    const std::string parent = root.context.span_id;
    add("judge", firing.price_time, firing.fired_at).parent_id = parent;
    add("commit", firing.fired_at, firing.committed_at).parent_id = parent;
    return out;
}

std::vector<Span> attempt_spans(const ClaimedDelivery& claimed, const Attempt& attempt,
                                const DeliveryOutcome& outcome, const std::string& trace_id) {
    Span post{.context = {trace_id, attempt_span_id(claimed.id, attempt.number)},
              .name = "POST",
              .kind = Span::Kind::client,
              .start = attempt.started_at,
              .end = attempt.started_at + attempt.duration,
              .attributes = {{"http.request.method", std::string("POST")},
                             {"pricewire.delivery.id", claimed.id.to_string()},
                             {"pricewire.delivery.attempt", std::int64_t{attempt.number}},
                             {"pricewire.delivery.state", std::string(to_string(outcome.next))}}};
    // The URL may be a capability: where it leads is told alone.
    if (!attempt.remote_ip.empty()) post.attributes.emplace_back("network.peer.address", attempt.remote_ip);
    if (attempt.status) {
        post.attributes.emplace_back("http.response.status_code", std::int64_t{*attempt.status});
    }
    if (outcome.next != DeliveryState::delivered) post.error = outcome.reason;
    if (claimed.kind == DeliveryKind::alert && !claimed.push) {
        post.parent_id = span_id_of(claimed.id, firing_name);
    }
    std::vector<Span> out{std::move(post)};
    Timestamp at = attempt.started_at;
    const auto add = [&](std::string_view name, const std::optional<Duration>& took) {
        if (!took) return;
        const std::string id = span_id_of(claimed.id, attempt_name(attempt.number) + "/" + std::string(name));
        out.push_back({.context = {trace_id, id},
                       .parent_id = out.front().context.span_id,
                       .name = std::string(name),
                       .start = at,
                       .end = at + *took});
        at += *took;
    };
    add("dns", attempt.times.dns);
    add("connect", attempt.times.connect);
    add("tls", attempt.times.tls);
    add("answer", attempt.times.first_byte);
    return out;
}

std::string attempt_span_id(const Uuid& delivery, int attempt) {
    return span_id_of(delivery, attempt_name(attempt));
}

}  // namespace pricewire::trace
