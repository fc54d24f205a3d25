#include "api/access_log.hpp"

#include <fmt/format.h>

#include "api/client_address.hpp"
#include "api/routes.hpp"

namespace pricewire::api {
namespace {

// Polled every few seconds by monitors; outages are logged once by the probe.
bool is_health(const Route* route) {
    return route != nullptr && (route->name == "health" || route->name == "live");
}

bool only_reads(std::string_view method) {
    return method == "GET" || method == "HEAD" || method == "OPTIONS";
}

std::string id_in_path(const Exchange& x, std::string_view prefix) {
    if (x.route == nullptr || !x.route->path.starts_with(prefix)) return {};
    const auto id = Uuid::parse(x.parameter);
    return id ? id->to_string() : std::string{};
}

std::string text_of(const std::optional<Uuid>& id) {
    return id ? id->to_string() : std::string{};
}

}  // namespace

void AccessLog::write(const Exchange& x, int status, const Clock& clock,
                      const std::vector<net::Network>& trusted_proxies) {
    const bool refused = status >= 400;
    const bool loggable =
        (refused || !only_reads(x.request.method)) && !is_health(x.route) && log::enabled(log::Level::info);
    const bool at_info = loggable && (!refused || refused_.take(clock.mono()));
    const log::Level level = at_info ? log::Level::info : log::Level::debug;
    if (!log::enabled(level)) return;
    const RequestScope request(x);
    const std::string user_id = x.authenticated ? x.user.id.to_string() : std::string{};
    const std::string alert_id = x.alert_id ? text_of(x.alert_id) : id_in_path(x, "/api/v1/alerts/{}");
    const std::string delivery_id =
        x.delivery_id ? text_of(x.delivery_id) : id_in_path(x, "/api/v1/deliveries/{}");
    const log::Scope about({{"user_id", user_id}, {"alert_id", alert_id}, {"delivery_id", delivery_id}});
    std::string_view route = "none";
    if (x.route != nullptr) route = x.route->path.empty() ? "/" : x.route->path;
    // Without a route, the method is arbitrary text from the client.
    const std::string method =
        x.route != nullptr || only_reads(x.request.method) ? x.request.method : "other";
    log::write(
        level, "request",
        {{"method", method},
         {"route", std::string(route)},
         {"status", std::to_string(status)},
         {"ms",
          fmt::format("{:.3f}", std::chrono::duration<double, std::milli>(clock.mono() - x.started).count())},
         {"client", client_address(x.request, trusted_proxies).to_string()}});
}

std::optional<TraceContext> trace_of(const net::ServerRequest& request) {
    const std::string* parent = nullptr;
    std::string state;
    for (const auto& [name, value] : request.headers) {
        if (name == "traceparent") {
            // Two of them are ambiguous.
            if (parent != nullptr) return std::nullopt;
            parent = &value;
        } else if (name == "tracestate") {
            if (!state.empty()) state += ',';
            state += value;
        }
    }
    if (parent == nullptr) return std::nullopt;
    return parse_trace_context(*parent, state);
}

}  // namespace pricewire::api
