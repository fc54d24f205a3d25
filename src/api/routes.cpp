#include "api/routes.hpp"

#include <algorithm>
#include <iterator>

#include "api/handlers.hpp"
#include "api/query_string.hpp"
#include "base/text.hpp"

namespace pricewire::api {
namespace {

constexpr auto key = Access::key;
constexpr auto user = Limit::user;
constexpr auto storage = Where::storage;

constexpr Route routes[] = {
    {"GET", "/api/v1/rates", "rates", key, Limit::rates_by_ip, Where::server, show_rates},
    {"GET", "/api/v1/rates/changes", "changes", key, Limit::history, storage, show_changes, true},
    {"GET", "/api/v1/rates/{}", "rate", key, Limit::rates_by_ip, Where::server, show_rate},
    {"GET", "/api/v1/tickers", "tickers", key, Limit::history, storage, list_tickers, true},
    {"GET", "/api/v1/stream", "stream", key, user, Where::server, open_stream},
    {"GET", "/api/v1/events", "events", key, user, Where::server, open_events, true},
    {"GET", "/api/v1/rates/{}/history", "history", key, Limit::history, storage, show_history, true},
    {"POST", "/api/v1/users/register", "register", Access::sign_up, Limit::register_by_ip, storage,
     register_user},
    {"GET", "/api/v1/users/registration", "registration", Access::open, Limit::none, Where::server,
     show_registration},
    {"GET", "/api/v1/users/me", "me", key, user, Where::server, show_me},
    {"DELETE", "/api/v1/users/me", "delete_me", key, user, storage, delete_me},
    {"POST", "/api/v1/users/me/api-key", "replace_api_key", key, user, storage, replace_api_key},
    {"GET", "/api/v1/users/me/webhook-secret", "webhook_secret", key, user, storage, show_webhook_secret},
    {"POST", "/api/v1/users/me/webhook-secret", "rotate_webhook_secret", key, user, storage,
     rotate_webhook_secret},
    {"POST", "/api/v1/alerts", "create_alert", key, user, Where::resolver, create_alert},
    {"POST", "/api/v1/alerts/bulk", "create_alerts", key, user, Where::resolver, create_alerts},
    {"POST", "/api/v1/alerts/preview", "preview_alert", key, Limit::preview, storage, preview_alert},
    {"GET", "/api/v1/alerts", "list_alerts", key, user, storage, list_alerts, true},
    {"DELETE", "/api/v1/alerts", "delete_alerts", key, user, storage, delete_alerts, true},
    {"GET", "/api/v1/alerts/{}", "show_alert", key, user, storage, show_alert},
    {"PATCH", "/api/v1/alerts/{}", "change_alert", key, user, Where::resolver, change_alert},
    {"DELETE", "/api/v1/alerts/{}", "delete_alert", key, user, storage, delete_alert},
    {"GET", "/api/v1/alerts/{}/deliveries", "alert_deliveries", key, user, storage, list_alert_deliveries,
     true},
    {"GET", "/api/v1/alerts/{}/firings", "alert_firings", key, user, storage, list_firings, true},
    {"GET", "/api/v1/alerts/{}/state", "alert_state", key, user, storage, show_state},
    {"POST", "/api/v1/alerts/{}/test", "test_alert", key, user, storage, test_alert},
    {"GET", "/api/v1/deliveries", "list_deliveries", key, user, storage, list_deliveries, true},
    {"POST", "/api/v1/deliveries/recover", "recover_deliveries", key, user, storage, recover_deliveries},
    {"GET", "/api/v1/deliveries/{}", "show_delivery", key, user, storage, show_delivery},
    {"POST", "/api/v1/deliveries/{}/retry", "retry_delivery", key, user, storage, retry_delivery},
    {"POST", "/api/v1/deliveries/{}/cancel", "cancel_delivery", key, user, storage, cancel_delivery},
    {"GET", "/api/v1/endpoints", "list_endpoints", key, user, storage, list_endpoints, true},
    {"POST", "/api/v1/endpoints/enable", "enable_endpoint", key, user, storage, enable_endpoint},
    {"POST", "/api/v1/endpoints/test", "test_endpoint", key, user, Where::resolver, test_endpoint},
    {"GET", "/api/v1/push", "list_pushes", key, user, storage, list_pushes},
    {"POST", "/api/v1/push/subscriptions", "add_push", key, user, Where::resolver, add_push},
    {"DELETE", "/api/v1/push/subscriptions/{}", "remove_push", key, user, storage, remove_push},
    {"POST", "/api/v1/push/subscriptions/{}/test", "test_push", key, user, storage, test_push},
    {"POST", "/api/v1/catcher", "open_catcher", key, user, storage, open_catcher},
    {"GET", "/api/v1/catcher", "show_catcher", key, user, storage, show_catcher},
    {"GET", "/api/v1/catcher/{}", "show_catcher_of_id", key, user, storage, show_catcher},
    {"DELETE", "/api/v1/catcher", "close_catcher", key, user, storage, close_catcher},
    {"POST", "/try/{}", "catch", Access::open, Limit::rates_by_ip, storage, catch_request},
    {"GET", "/health", "health", Access::open, Limit::none, Where::health, nullptr},
    {"GET", "/api/v1/health", "health", Access::open, Limit::none, Where::health, nullptr},
    {"GET", "/health/live", "live", Access::open, Limit::none, Where::server, show_live},
    {"GET", "/api/v1/health/live", "live", Access::open, Limit::none, Where::server, show_live},
    {"GET", "/openapi.json", "openapi", Access::open, Limit::none, Where::server, show_openapi},
    {"GET", "/docs", "docs", Access::open, Limit::none, Where::server, show_docs},
    {"GET", "/docs/plain", "docs", Access::open, Limit::none, Where::server, show_plain_docs},
    {"GET", "/docs/{}", "docs", Access::open, Limit::none, Where::server, show_docs_file},
    {"GET", "/assets/{}", "asset", Access::open, Limit::none, Where::server, show_asset},
    // A service worker is in charge of what is below its own path, so it is beside the page.
    {"GET", "/sw.js", "asset", Access::open, Limit::none, Where::server, show_service_worker},
    {"GET", "", "home", Access::open, Limit::none, Where::server, show_home},
};

// The segment at "{}" if `path` matches `pattern`, empty if the pattern has no "{}"; else nullopt.
std::optional<std::string_view> fit(std::string_view pattern, std::string_view path) {
    const std::size_t hole = pattern.find("{}");
    if (hole == std::string_view::npos) {
        if (pattern == path) return std::string_view{};
        return std::nullopt;
    }
    const std::string_view before = pattern.substr(0, hole);
    const std::string_view after = pattern.substr(hole + 2);
    if (path.size() <= before.size() + after.size() || !path.starts_with(before) || !path.ends_with(after)) {
        return std::nullopt;
    }
    const std::string_view segment = path.substr(hole, path.size() - before.size() - after.size());
    if (segment.find('/') != std::string_view::npos) return std::nullopt;
    return segment;
}

}  // namespace

std::span<const Route> all_routes() {
    return routes;
}

bool takes_large_body(std::string_view path) {
    const RouteMatch match = find_route("POST", path);
    return match.route != nullptr && match.route->handler == create_alerts;
}

RouteMatch find_route(std::string_view method, std::string_view path) {
    if (path.ends_with('/')) path.remove_suffix(1);
    // A literal path wins over "{}": "recover" is not an id.
    const bool spelled_out =
        std::any_of(std::begin(routes), std::end(routes), [&](const Route& r) { return r.path == path; });
    RouteMatch match;
    for (const Route& route : routes) {
        if (spelled_out && route.path != path) continue;
        const auto segment = fit(route.path, path);
        if (!segment) continue;
        if (route.method == method || (method == "HEAD" && route.method == "GET")) {
            match.route = &route;
            match.parameter = percent_decode(*segment);
            return match;
        }
        if (!match.allow.empty()) match.allow += ", ";
        match.allow += route.method;
        if (route.method == "GET") match.allow += ", HEAD";
    }
    if (!match.allow.empty()) match.allow += ", OPTIONS";
    return match;
}

}  // namespace pricewire::api
