#include <map>
#include <optional>
#include <string>

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

constexpr std::size_t max_page = 1000;

struct EndpointPage {
    std::size_t limit = max_page;
    std::optional<UserEndpoint> after;
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

Parsed<EndpointPage> parse_query(const QueryString& query) {
    EndpointPage out;
    std::vector<Issue> issues;
    read_limit(query, max_page, out.limit, issues);
    if (const auto text = query.find("cursor")) {
        out.after = parse_cursor(*text);
        if (!out.after) issues.push_back(bad_cursor());
    }
    if (!issues.empty()) return std::unexpected(std::move(issues));
    return out;
}

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
    const QueryString query(exchange.request.query);
    const auto page = parse_query(query);
    if (!page) return validation_response(page.error());
    // One more than asked for says whether there are more.
    std::vector<UserEndpoint> endpoints =
        services.use.storage.endpoints(exchange.user.id, page->limit + 1, page->after);
    const bool more = endpoints.size() > page->limit;
    if (more) endpoints.pop_back();
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
        const auto url = net::parse_webhook_url(body->webhook_url, services.options.url_policy);
        enabled = url && url->url != body->webhook_url && storage.enable_endpoint(exchange.user.id, url->url);
    }
    return enabled ? no_content() : error_response(404, "This webhook_url is not disabled");
}

}  // namespace pricewire::api
