#include "api/delivery_json.hpp"

#include <algorithm>
#include <string_view>

#include "api/firing_json.hpp"
#include "api/responses.hpp"
#include "domain/late_json.hpp"
#include "net/endpoint_name.hpp"

namespace pricewire::api {
namespace {

std::optional<double> milliseconds(const std::optional<Duration>& d) {
    if (!d) return std::nullopt;
    return static_cast<double>(d->count()) / 1000;
}

// Where it goes. A device's endpoint is a capability: its origin alone is shown.
std::string shown_url(const DeliveryView& d) {
    return d.device ? net::origin_of(d.device->endpoint) : d.webhook_url;
}

void write_fields(JsonWriter& w, const DeliveryView& d, int attempts) {
    w.field("id", d.id)
        .field("alert_id", d.alert_id)
        .field("ticker", d.ticker.view())
        .field("webhook_url", shown_url(d))
        .field("kind", to_string(d.kind))
        .field("status", to_string(d.state))
        .field("attempt_count", d.attempts)
        .field("created_at", d.created_at)
        .field("deadline", d.deadline)
        .field("next_attempt_at", d.next_attempt_at)
        .field("finished_at", d.finished_at)
        .field("reason", text_or_null(d.reason))
        .field("last_status", d.last_status)
        .field("attempts_allowed", std::max(max_attempts_of(d, attempts), d.attempts));
    if (d.late) write_late(w, *d.late);
    if (d.device) {
        w.key("device")
            .begin_object()
            .field("id", d.device->id)
            .field("label", d.device->label)
            .field("event", to_string(d.device->of))
            .end_object();
    }
    if (!d.firing) return;
    w.key("firing");
    write_firing(w, *d.firing, d.ticker, d.device ? d.device->of : d.kind);
}

void write_attempt(JsonWriter& w, const Attempt& a) {
    w.begin_object()
        .field("number", a.number)
        .field("started_at", a.started_at)
        .field("duration_ms", milliseconds(a.duration))
        .field("status", a.status)
        .field("error", text_or_null(a.error))
        .field("address", text_or_null(a.remote_ip))
        .key("request_headers")
        .raw(a.request_headers.empty() ? "null" : a.request_headers);
    // A response without a body differs from no response.
    w.key("answer");
    if (a.status) {
        w.value(a.answer);
    } else {
        w.value(nullptr);
    }
    w.key("times")
        .begin_object()
        .field("dns_ms", milliseconds(a.times.dns))
        .field("connect_ms", milliseconds(a.times.connect))
        .field("tls_ms", milliseconds(a.times.tls))
        .field("first_byte_ms", milliseconds(a.times.first_byte))
        .end_object()
        .end_object();
}

// What the last attempt sent, as far as it is kept.
void write_request(JsonWriter& w, const DeliveryView& delivery, const DeliveryDetail& detail) {
    w.key("request");
    if (!detail.request) {
        w.value(nullptr);
        return;
    }
    const auto sent = std::ranges::find(detail.attempts, detail.request->attempt, &Attempt::number);
    const bool known = sent != detail.attempts.end() && !sent->request_headers.empty();
    w.begin_object()
        .field("attempt", detail.request->attempt)
        .field("method", "POST")
        .field("url", shown_url(delivery))
        .key("headers")
        .raw(known ? sent->request_headers : "{}")
        .field("body", detail.request->body)
        .end_object();
}

}  // namespace

std::string endpoint_of(const DeliveryView& delivery) {
    return net::endpoint_name(delivery.device ? delivery.device->endpoint : delivery.webhook_url);
}

void write_delivery(JsonWriter& w, const DeliveryView& delivery, int attempts) {
    w.begin_object();
    write_fields(w, delivery, attempts);
    w.end_object();
}

std::string delivery_json(const DeliveryView& delivery, int attempts) {
    JsonWriter w;
    write_delivery(w, delivery, attempts);
    return std::move(w).str();
}

std::string delivery_detail_json(const DeliveryView& delivery, const DeliveryDetail& detail, int attempts) {
    const auto& breaker = detail.breaker;
    JsonWriter w;
    w.begin_object();
    write_fields(w, delivery, attempts);
    w.key("endpoint")
        .begin_object()
        .field("name", endpoint_of(delivery))
        .field("breaker", to_string(breaker ? breaker->state : BreakerState::closed))
        .field("retry_at", breaker ? breaker->retry_at : std::nullopt)
        .end_object();
    write_request(w, delivery, detail);
    w.field("attempts_dropped", detail.attempts.empty() ? 0 : detail.attempts.front().number - 1);
    w.key("attempts").begin_array();
    for (const Attempt& attempt : detail.attempts) write_attempt(w, attempt);
    w.end_array().end_object();
    return std::move(w).str();
}

}  // namespace pricewire::api
