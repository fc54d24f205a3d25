#include "api/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "api/client_address.hpp"
#include "api/routes.hpp"

namespace pricewire::api {
namespace {

std::int64_t seconds_rounded_up(Duration d) {
    return std::chrono::ceil<std::chrono::seconds>(d).count();
}

std::string by_address(const Services& services, const Exchange& x, std::string_view what) {
    return fmt::format("{}:{}", what,
                       address_key(client_address(x.request, services.options.trusted_proxies)));
}
std::string by_user(const Exchange& x, std::string_view what) {
    return access::bucket_of(x.user.id, what);
}

// The limit of a route's requests, and what its buckets by address are called; empty: they are the users'.
struct RouteLimit {
    access::RateLimit limit;
    std::string_view by_address;
};

std::optional<RouteLimit> limit_of(const ApiOptions& options, const Route& route) {
    switch (route.limit) {
        case Limit::none:
            return std::nullopt;
        case Limit::register_by_ip:
            return RouteLimit{options.register_limit, "register"};
        case Limit::rates_by_ip:
            return RouteLimit{options.rates_limit, "rates"};
        case Limit::user:
            return RouteLimit{options.user_limit, {}};
        case Limit::history:
            return RouteLimit{options.history_limit, {}};
        case Limit::preview:
            return RouteLimit{options.preview_limit, {}};
    }
    return std::nullopt;
}

constexpr std::string_view bulk_bucket = "created_in_bulk";

access::RateLimit bulk_limit(const ApiOptions& options) {
    access::RateLimit limit = options.user_limit;
    const auto most = std::min<std::size_t>(options.alerts_per_user, 1'000'000);
    limit.count += static_cast<std::uint32_t>(most);
    limit.period = Duration{options.user_limit.period.count() / options.user_limit.count * limit.count};
    return limit;
}

net::ServerResponse limited(const Exchange& x, std::string_view what) {
    const std::int64_t wait = std::max<std::int64_t>(1, seconds_rounded_up(x.decision->retry_after));
    auto out = error_response(429, fmt::format("Rate limit exceeded: {} {} per {}. Try again in {} s.",
                                               x.limit->count, what, format_duration(x.limit->period), wait));
    out.headers.emplace_back("Retry-After", std::to_string(wait));
    return out;
}

// Whether the bucket holds a token; takes none.
bool has_token(Services& services, Exchange& x, const std::string& bucket, const access::RateLimit& limit,
               std::string_view what, net::ServerResponse& out) {
    const auto decision = services.use.rate_limits.look(bucket, limit, services.use.clock.mono());
    if (decision.allowed) return true;
    x.limit = limit;
    x.decision = decision;
    out = limited(x, what);
    return false;
}

}  // namespace

bool within_limit(Services& services, Exchange& x, net::ServerResponse& out) {
    if (!x.decision) {
        const auto limit = limit_of(services.options, *x.route);
        if (!limit) return true;
        const std::string bucket = limit->by_address.empty() ? by_user(x, x.route->name)
                                                             : by_address(services, x, limit->by_address);
        x.limit = limit->limit;
        x.decision = services.use.rate_limits.take(bucket, *x.limit, services.use.clock.mono());
    }
    if (x.decision->allowed) return true;
    out = limited(x, "requests");
    return false;
}

access::Ask ask_about(const Services& services, Exchange& x, const Sha256& key) {
    const auto limit = limit_of(services.options, *x.route).value();
    x.limit = limit.limit;
    const bool is_of_user = limit.by_address.empty();
    return {.key = key,
            .bucket = is_of_user ? std::string(x.route->name) : by_address(services, x, limit.by_address),
            .is_of_user = is_of_user,
            .limit = limit.limit};
}

bool may_look_up(Services& services, Exchange& x, net::ServerResponse& out) {
    return has_token(services, x, by_address(services, x, "failed_keys"), services.options.failed_keys_limit,
                     "invalid API keys", out);
}

void count_failed_key(Services& services, const Exchange& x) {
    services.use.rate_limits.take(by_address(services, x, "failed_keys"), services.options.failed_keys_limit,
                                  services.use.clock.mono());
}

bool may_create_in_bulk(Services& services, Exchange& x, net::ServerResponse& out) {
    return has_token(services, x, by_user(x, bulk_bucket), bulk_limit(services.options),
                     "alerts created in bulk", out);
}

void count_created_in_bulk(Services& services, const Exchange& x, std::uint32_t created) {
    services.use.rate_limits.spend(by_user(x, bulk_bucket), bulk_limit(services.options), created,
                                   services.use.clock.mono());
}

void add_limit_headers(net::ServerResponse& response, const Exchange& x) {
    if (!x.decision) return;
    response.headers.emplace_back("RateLimit-Limit", std::to_string(x.limit->count));
    response.headers.emplace_back("RateLimit-Remaining", std::to_string(x.decision->remaining));
    response.headers.emplace_back("RateLimit-Reset",
                                  std::to_string(seconds_rounded_up(x.decision->reset_after)));
}

}  // namespace pricewire::api
