#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/bodies.hpp"
#include "api/handlers.hpp"
#include "api/paging.hpp"
#include "api/query_values.hpp"
#include "base/crypto.hpp"
#include "base/json_writer.hpp"
#include "base/utf8.hpp"
#include "net/endpoint_name.hpp"

namespace pricewire::api {
namespace {

struct EndpointPage {
    std::size_t limit = max_page;
    std::optional<UserEndpoint> after;
    std::optional<std::string> only;  // this URL, which no limit or cursor hides
};

// A cursor is the page's last URL, marked 0 if it is disabled and 1 if not: those come first.
std::string make_cursor(const UserEndpoint& last) {
    return base64url_encode(as_bytes((last.disabled_at ? "0" : "1") + last.webhook_url));
}

std::optional<UserEndpoint> parse_cursor(std::string_view text) {
    const auto bytes = base64url_decode(text);
    if (!bytes || bytes->empty()) return std::nullopt;
    const std::string marked(bytes->begin(), bytes->end());
    const char mark = marked[0];
    if ((mark != '0' && mark != '1') || !is_utf8(marked) || marked.contains('\0')) return std::nullopt;
    UserEndpoint out{.webhook_url = marked.substr(1), .disabled_at = {}, .reason = {}};
    if (mark == '0') out.disabled_at = Timestamp{};
    return out;
}

Parsed<EndpointPage> parse_page(const QueryString& query, const net::UrlPolicy& policy) {
    EndpointPage out;
    std::vector<Issue> issues;
    read_limit(query, max_page, out.limit, issues);
    if (const auto text = query.find("cursor")) {
        out.after = parse_cursor(*text);
        if (!out.after) issues.push_back(bad_cursor());
    }
    if (const auto text = query.find("webhook_url")) out.only = stored_url(*text, policy);
    if (!issues.empty()) return std::unexpected(std::move(issues));
    return out;
}

// What its last attempt says; never that it works while nothing has arrived there.
std::string_view state_of(const UserEndpoint& endpoint, const EndpointRecord& record,
                          const Breaker& breaker) {
    if (endpoint.disabled_at || breaker.state != BreakerState::closed) return "paused";
    if (record.failure_at && (!record.success_at || *record.failure_at > *record.success_at))
        return "failing";
    return record.success_at ? "ok" : "not_called";
}

// The time in milliseconds that a share of the answers took at most, linear within the bounds that hold it.
std::optional<double> latency_ms(const LatencyCounts& counts, double share) {
    const std::int64_t all = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
    if (all == 0) return std::nullopt;
    double left = share * static_cast<double>(all);
    double low = 0;
    for (std::size_t place = 0; place < latency_bounds.size(); ++place) {
        const double high = latency_bounds[place];
        const auto here = static_cast<double>(counts[place]);
        if (here > 0 && left <= here) return std::round((low + (high - low) * left / here) * 10) / 10;
        left -= here;
        low = high;
    }
    return low;
}

void write_record(JsonWriter& w, const EndpointRecord& record) {
    std::optional<double> rate;
    if (record.attempts > 0)
        rate = std::round(static_cast<double>(record.succeeded) * 10'000 /
                          static_cast<double>(record.attempts)) /
               10'000;
    w.key("last_24h")
        .begin_object()
        .field("attempts", record.attempts)
        .field("succeeded", record.succeeded)
        .field("success_rate", rate)
        .field("p50_ms", latency_ms(record.latency, 0.5))
        .field("p95_ms", latency_ms(record.latency, 0.95))
        .end_object()
        .field("last_success_at", record.success_at)
        .key("last_failure");
    if (!record.failure_at) {
        w.value(nullptr);
        return;
    }
    w.begin_object()
        .field("at", record.failure_at)
        .field("reason", text_or_null(record.failure))
        .field("status", record.failure_status)
        .end_object();
}

void write_endpoint(JsonWriter& w, const UserEndpoint& endpoint, const EndpointRecord& record,
                    const Breaker& breaker) {
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
        .field("state", state_of(endpoint, record, breaker));
    write_record(w, record);
    w.end_object();
}

// By URL; none for those that were never called.
std::map<std::string, EndpointRecord> records_of(storage::Storage& storage, const Uuid& user_id,
                                                 const std::vector<UserEndpoint>& endpoints, Timestamp now) {
    std::map<std::string, EndpointRecord> out;
    if (endpoints.empty()) return out;
    const auto [first, last] = std::ranges::minmax_element(endpoints, {}, &UserEndpoint::webhook_url);
    const Timestamp since = now - std::chrono::hours{23};  // and the hour before it, as far as it is counted
    for (EndpointRecord& record :
         storage.endpoint_records(user_id, first->webhook_url, last->webhook_url, since)) {
        std::string url = record.webhook_url;
        out.emplace(std::move(url), std::move(record));
    }
    return out;
}

}  // namespace

net::ServerResponse list_endpoints(Services& services, Exchange& exchange) {
    const QueryString query(exchange.request.query);
    const auto page = parse_page(query, services.options.url_policy);
    if (!page) return validation_response(page.error());
    // One more than asked for says whether there are more.
    std::vector<UserEndpoint> endpoints;
    if (!page->only) {
        endpoints = services.use.storage.endpoints(exchange.user.id, page->limit + 1, page->after);
    } else if (auto found = services.use.storage.endpoint(exchange.user.id, *page->only)) {
        endpoints.push_back(std::move(*found));
    }
    const bool more = endpoints.size() > page->limit;
    if (more) endpoints.pop_back();
    std::map<std::string, Breaker> breakers;
    const std::vector<Breaker> kept =
        endpoints.empty() ? std::vector<Breaker>{} : services.use.storage.breakers_of(exchange.user.id);
    for (const Breaker& breaker : kept) breakers.emplace(breaker.endpoint, breaker);
    const auto records =
        records_of(services.use.storage, exchange.user.id, endpoints, services.use.clock.now());
    JsonWriter w;
    w.begin_array();
    for (const UserEndpoint& endpoint : endpoints) {
        const auto found = breakers.find(net::endpoint_name(endpoint.webhook_url));
        const auto record = records.find(endpoint.webhook_url);
        write_endpoint(w, endpoint, record == records.end() ? EndpointRecord{} : record->second,
                       found == breakers.end() ? Breaker{} : found->second);
    }
    w.end_array();
    auto response = json_response(200, std::move(w).str());
    if (more) add_next_link(response, "/api/v1/endpoints/", query, make_cursor(endpoints.back()));
    return response;
}

net::ServerResponse enable_endpoint(Services& services, Exchange& exchange) {
    const auto body = parse_enable_body(exchange.request.body);
    if (!body) return validation_response(body.error());
    storage::Alerts& storage = services.use.storage;
    bool enabled = storage.enable_endpoint(exchange.user.id, body->webhook_url);
    if (!enabled) {
        // Accept the spelling that was used when the alert was created.
        const std::string url = stored_url(body->webhook_url, services.options.url_policy);
        enabled = url != body->webhook_url && storage.enable_endpoint(exchange.user.id, url);
    }
    return enabled ? no_content() : error_response(404, "This webhook_url is not disabled");
}

}  // namespace pricewire::api
