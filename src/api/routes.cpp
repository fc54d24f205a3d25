#include "api/routes.hpp"

#include "api/handlers.hpp"
#include "api/query_string.hpp"

namespace pricewire::api {
namespace {

constexpr Route routes[] = {
    {"GET", "/api/v1/rates", "rates", Access::key, Limit::rates_by_ip, Where::server, show_rates},
    {"GET", "/api/v1/rates/{}", "rate", Access::key, Limit::rates_by_ip, Where::server, show_rate},
    {"POST", "/api/v1/users/register", "register", Access::open, Limit::register_by_ip, Where::storage,
     register_user},
    {"GET", "/api/v1/users/me", "me", Access::key, Limit::user, Where::server, show_me},
    {"POST", "/api/v1/alerts", "create_alert", Access::key, Limit::user, Where::resolver, create_alert},
    {"GET", "/api/v1/alerts", "list_alerts", Access::key, Limit::user, Where::storage, list_alerts},
    {"GET", "/api/v1/alerts/{}", "show_alert", Access::key, Limit::user, Where::storage, show_alert},
    {"DELETE", "/api/v1/alerts/{}", "delete_alert", Access::key, Limit::user, Where::storage, delete_alert},
    {"GET", "/health", "health", Access::open, Limit::none, Where::health, nullptr},
    {"GET", "/api/v1/health", "health", Access::open, Limit::none, Where::health, nullptr},
    {"GET", "/health/live", "live", Access::open, Limit::none, Where::server, show_live},
    {"GET", "/api/v1/health/live", "live", Access::open, Limit::none, Where::server, show_live},
    {"GET", "/openapi.json", "openapi", Access::open, Limit::none, Where::server, show_openapi},
    {"GET", "/docs", "docs", Access::open, Limit::none, Where::server, show_docs},
    {"GET", "", "home", Access::open, Limit::none, Where::server, show_home},
};

// The segment that stands for "{}", where `path` fits `pattern`; an empty one where there is none.
std::optional<std::string_view> fit(std::string_view pattern, std::string_view path) {
    const std::size_t hole = pattern.find("{}");
    if (hole == std::string_view::npos) {
        if (pattern == path) return std::string_view{};
        return std::nullopt;
    }
    if (!path.starts_with(pattern.substr(0, hole))) return std::nullopt;
    const std::string_view segment = path.substr(hole);
    if (segment.empty() || segment.find('/') != std::string_view::npos) return std::nullopt;
    return segment;
}

}  // namespace

RouteMatch find_route(std::string_view method, std::string_view path) {
    if (path.ends_with('/')) path.remove_suffix(1);
    RouteMatch match;
    for (const Route& route : routes) {
        const auto segment = fit(route.path, path);
        if (!segment) continue;
        if (route.method == method || (method == "HEAD" && route.method == "GET")) {
            match.route = &route;
            match.parameter = percent_decode(*segment, false);
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
