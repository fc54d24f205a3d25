#include <map>

#include "api/bodies.hpp"
#include "api/handlers.hpp"
#include "base/json_writer.hpp"
#include "net/endpoint_name.hpp"

namespace pricewire::api {
namespace {

constexpr std::size_t max_endpoints = 1000;

void write_endpoint(JsonWriter& w, const UserEndpoint& endpoint, const Breaker& breaker) {
    w.begin_object()
        .field("webhook_url", endpoint.webhook_url)
        .field("disabled_at", endpoint.disabled_at)
        .field("reason", text_or_null(endpoint.reason))
        .key("breaker")
        .begin_object()
        .field("state", to_string(breaker.state))
        .field("failures", breaker.failures)
        .field("retry_at", breaker.retry_at)
        .field("reason", text_or_null(breaker.reason))
        .end_object()
        .end_object();
}

}  // namespace

net::ServerResponse list_endpoints(Services& services, Exchange& exchange) {
    const std::vector<UserEndpoint> endpoints =
        services.use.storage.endpoints(exchange.user.id, max_endpoints);
    std::map<std::string, Breaker> breakers;
    const std::vector<Breaker> kept =
        endpoints.empty() ? std::vector<Breaker>{} : services.use.storage.breakers_of(exchange.user.id);
    for (const Breaker& breaker : kept) breakers.emplace(breaker.endpoint, breaker);
    JsonWriter w;
    w.begin_array();
    for (const UserEndpoint& endpoint : endpoints) {
        const auto found = breakers.find(net::endpoint_name(endpoint.webhook_url));
        write_endpoint(w, endpoint, found == breakers.end() ? Breaker{} : found->second);
    }
    w.end_array();
    return json_response(200, std::move(w).str());
}

net::ServerResponse enable_endpoint(Services& services, Exchange& exchange) {
    const auto body = parse_enable_body(exchange.request.body);
    if (!body) return validation_response(body.error());
    storage::Alerts& storage = services.use.storage;
    bool enabled = storage.enable_endpoint(exchange.user.id, body->webhook_url);
    if (!enabled) {
        // Accept the spelling that was used when the alert was created.
        const auto url = net::parse_webhook_url(body->webhook_url, services.options.url_policy);
        enabled = url && url->url != body->webhook_url && storage.enable_endpoint(exchange.user.id, url->url);
    }
    return enabled ? no_content() : error_response(404, "This webhook_url is not disabled");
}

}  // namespace pricewire::api
