// The catcher: an address of this server that shows its user what is sent there.
#include "catcher/catcher.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "api/client_address.hpp"
#include "api/handlers.hpp"
#include "base/json_writer.hpp"
#include "base/text.hpp"
#include "webhook/signature.hpp"

namespace pricewire::api {
namespace {

using catcher::CatcherAddress;
using catcher::CaughtRequest;

constexpr std::string_view no_catcher = "You have no such address; POST /api/v1/catcher makes one";

std::string_view header_of(const CaughtRequest& request, std::string_view name) {
    for (const auto& [key, value] : request.headers) {
        if (key == name) return value;
    }
    return {};
}

// Whether the request is signed as a webhook of the user's: what a receiver has to find out.
std::string_view judge(const Services& services, const WebhookSecrets& secrets, const Uuid& user_id,
                       const CaughtRequest& request) {
    std::string_view signatures = header_of(request, "webhook-signature");
    const auto timestamp = parse_number<std::int64_t>(header_of(request, "webhook-timestamp"));
    if (signatures.empty() || !timestamp) return "missing";
    if (request.body.size() < request.body_bytes) return "unknown";
    const auto right = webhook::sign_delivery(secrets, services.use.secrets, user_id.to_string(),
                                              header_of(request, "webhook-id"), *timestamp, request.body);
    if (!right) return "unknown";
    while (!signatures.empty()) {
        const std::string_view one = take_part(signatures, ' ');
        std::string_view good = *right;
        while (!good.empty()) {
            if (one == take_part(good, ' ')) return "valid";
        }
    }
    return "invalid";
}

std::string request_json(const CaughtRequest& request, std::string_view signature) {
    JsonWriter w;
    w.begin_object()
        .field("id", request.id)
        .field("at", request.at)
        .field("method", request.method)
        .key("headers")
        .begin_object();
    for (const auto& [name, value] : request.headers) w.field(name, value);
    w.end_object()
        .field("body", request.body)
        .field("body_bytes", request.body_bytes)
        .field("signature", signature)
        .end_object();
    return std::move(w).str();
}

// As its user reached this server.
std::string url_of(const Services& services, const net::ServerRequest& request, std::string_view token) {
    const std::string* host = request.header("host");
    const std::string* proto = request.header("x-forwarded-proto");
    const bool proxied = std::ranges::any_of(services.options.trusted_proxies,
                                             [&](const net::Network& n) { return n.contains(request.peer); });
    const bool https = proxied && proto != nullptr && equal_ignoring_case(*proto, "https");
    return fmt::format("{}://{}/try/{}", https ? "https" : "http", host != nullptr ? *host : request.host,
                       token);
}

net::ServerResponse catcher_response(Services& services, const Exchange& exchange, int status,
                                     const CatcherAddress& address) {
    JsonWriter w;
    w.begin_object()
        .field("id", address.id)
        .field("url", url_of(services, exchange.request, address.token))
        .field("expires_at", address.expires_at)
        .key("requests")
        .begin_array();
    for (const live::CaughtEvent& event : caught_events(services, address.user_id)) w.raw(event.json);
    w.end_array().end_object();
    return json_response(status, std::move(w).str());
}

}  // namespace

std::vector<live::CaughtEvent> caught_events(const Services& services, const Uuid& user_id) {
    std::vector<live::CaughtEvent> out;
    if (services.use.catcher == nullptr) return out;
    const Timestamp now = services.use.clock.now();
    const auto address = services.use.catcher->of_user(user_id, now);
    if (!address) return out;
    const std::vector<CaughtRequest> requests = services.use.catcher->requests(*address, now);
    const auto secrets =
        requests.empty() ? std::nullopt : services.use.storage.webhook_secrets(address->user_id);
    for (const CaughtRequest& request : requests) {
        const std::string_view signature =
            secrets ? judge(services, *secrets, address->user_id, request) : "unknown";
        out.push_back({request.id, request.at, request_json(request, signature)});
    }
    return out;
}

net::UrlPolicy with_catcher(const Services& services, const Uuid& user_id) {
    net::UrlPolicy policy = services.options.url_policy;
    if (services.use.catcher == nullptr) return policy;
    policy.keeps = [&services, user_id](std::string_view token) {
        const auto address = services.use.catcher->find(token, services.use.clock.now());
        return address && address->user_id == user_id;
    };
    return policy;
}

Result<net::WebhookUrl> vet_url(const Services& services, const Uuid& user_id, const std::string& url) {
    const auto token = net::own_token(url);
    if (token && services.use.catcher != nullptr && with_catcher(services, user_id).keeps(*token))
        return net::WebhookUrl{};
    return services.use.vet_webhook_url(url);
}

net::ServerResponse open_catcher(Services& services, Exchange& exchange) {
    if (services.use.catcher == nullptr) return error_response(404, "Not Found");
    bool is_new = false;
    const CatcherAddress address =
        services.use.catcher->open(exchange.user.id, services.use.clock.now(), is_new);
    return catcher_response(services, exchange, is_new ? 201 : 200, address);
}

net::ServerResponse show_catcher(Services& services, Exchange& exchange) {
    if (services.use.catcher == nullptr) return error_response(404, no_catcher);
    const auto address = services.use.catcher->of_user(exchange.user.id, services.use.clock.now());
    const bool other =
        address && !exchange.parameter.empty() && exchange.parameter != address->id.to_string();
    if (!address || other) return error_response(404, no_catcher);
    return catcher_response(services, exchange, 200, *address);
}

net::ServerResponse close_catcher(Services& services, Exchange& exchange) {
    const bool closed = services.use.catcher != nullptr && services.use.catcher->close(exchange.user.id);
    return closed ? no_content() : error_response(404, no_catcher);
}

net::ServerResponse catch_request(Services& services, Exchange& exchange) {
    const Timestamp now = services.use.clock.now();
    const auto address =
        services.use.catcher == nullptr ? std::nullopt : services.use.catcher->find(exchange.parameter, now);
    const net::ServerRequest& request = exchange.request;
    const CaughtRequest kept = catcher::caught(request.method, request.headers, request.body, now);
    if (!address || !services.use.catcher->keep(*address, kept, now))
        return error_response(410, "This address is not there any more; it lived for an hour");
    const DeliveryNotice notice{address->user_id, kept.id, true};
    services.use.notices.publish({&notice, 1});
    return json_response(200, R"({"caught":true})");
}

}  // namespace pricewire::api
