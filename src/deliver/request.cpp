#include "deliver/request.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/json_writer.hpp"
#include "trace/firing_spans.hpp"
#include "webhook/payload.hpp"
#include "webhook/signature.hpp"

namespace pricewire::deliver {

Result<net::HttpRequest> webhook_request(const ClaimedDelivery& delivery, const secrets::SecretBox& secrets,
                                         Timestamp now, const std::string& user_agent, int traced_percent) {
    const std::int64_t timestamp = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
    std::string id = delivery.id.to_string();
    net::HttpRequest request;
    request.method = "POST";
    request.url = delivery.alert.webhook_url;
    webhook::WebhookBody body = webhook::webhook_body(delivery);
    request.body = std::move(body.text);
    auto signature = webhook::sign_delivery(delivery.secrets, secrets, delivery.alert.user_id.to_string(), id,
                                            timestamp, request.body);
    if (!signature) return std::unexpected(signature.error());
    request.headers.reserve(9);
    request.headers.emplace_back("content-type", std::move(body.content_type));
    request.headers.emplace_back("user-agent", user_agent);
    request.headers.emplace_back("webhook-id", std::move(id));
    request.headers.emplace_back("webhook-timestamp", std::to_string(timestamp));
    request.headers.emplace_back("webhook-signature", std::move(*signature));
    TraceContext trace = trace_of(delivery);
    trace.sampled = trace.sampled || trace::is_recorded(delivery.alert.id, traced_percent);
    request.headers.emplace_back(
        "traceparent", make_traceparent(trace, trace::attempt_span_id(delivery.id, delivery.attempt)));
    if (!trace.state.empty()) request.headers.emplace_back("tracestate", trace.state);
    if (body.test) request.headers.emplace_back(webhook::test_header, "true");
    if (!body.event.empty()) request.headers.emplace_back(webhook::event_header, body.event);
    // The status and the start of the body are kept; the rest is read so that the connection can be reused.
    request.max_response_bytes = 16 * 1024;
    request.body_within = std::chrono::seconds{1};
    return request;
}

bool go_together(const ClaimedDelivery& a, const ClaimedDelivery& b) {
    if (a.push && b.push) return a.push->subscription_id == b.push->subscription_id;
    return !a.push && !b.push && a.alert.user_id == b.alert.user_id &&
           a.alert.webhook_url == b.alert.webhook_url;
}

void close_destination(ClaimedDelivery& delivery, Timestamp now) {
    if (delivery.push) {
        delivery.push->endpoint.clear();
    } else {
        delivery.alert.endpoint_disabled_at = now;
    }
}

TraceContext trace_of(const ClaimedDelivery& delivery) {
    return delivery.alert.trace ? *delivery.alert.trace : trace_named(delivery.id);
}

std::string kept_headers(const net::Headers& headers) {
    JsonWriter w;
    w.begin_object();
    for (const auto& [name, value] : headers) {
        if (name == "authorization") {
            // "vapid t=TOKEN, k=KEY"
            const auto token = value.find("t=") + 2;
            w.field(name, std::string(value).replace(token, value.find(',') - token, "…"));
            continue;
        }
        if (name != "webhook-signature") {
            w.field(name, value);
            continue;
        }
        // Signatures are separated by spaces, each "scheme,signature".
        std::string schemes;
        for (std::string_view rest = value; !rest.empty();) {
            const std::string_view one = rest.substr(0, rest.find(' '));
            rest.remove_prefix(std::min(rest.size(), one.size() + 1));
            if (!schemes.empty()) schemes += ' ';
            schemes.append(one.substr(0, one.find(','))).append(",…");
        }
        w.field(name, schemes);
    }
    w.end_object();
    return std::move(w).str();
}

std::string host_in(std::string_view url) {
    if (const auto scheme = url.find("://"); scheme != url.npos) url.remove_prefix(scheme + 3);
    url = url.substr(0, url.find_first_of("/?#\\"));
    if (const auto user = url.rfind('@'); user != url.npos) url.remove_prefix(user + 1);
    return std::string(url.substr(0, 255));
}

}  // namespace pricewire::deliver
