#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "api/bodies.hpp"
#include "api/handlers.hpp"
#include "api/query_string.hpp"
#include "base/crypto.hpp"
#include "base/json_writer.hpp"

namespace pricewire::api {
namespace {

constexpr std::size_t max_page = 1000;
constexpr std::string_view not_found = "Alert not found";

void write_alert(JsonWriter& w, const Alert& alert) {
    w.begin_object()
        .field("id", alert.id)
        .field("ticker", alert.ticker.view())
        .field("target_price", alert.target)
        .field("condition", to_string(alert.condition))
        .field("webhook_url", alert.webhook_url)
        .field("is_active", alert.is_active)
        .field("created_at", alert.created_at)
        .field("triggered_at", alert.triggered_at)
        .field("triggered_price", alert.triggered_price)
        .end_object();
}

net::ServerResponse alert_response(int status, const Alert& alert) {
    JsonWriter w;
    write_alert(w, alert);
    return json_response(status, std::move(w).str());
}

// A cursor is the id of the last alert of a page; its spelling says nothing, so that it may change.
std::string make_cursor(const Uuid& id) {
    return base64url_encode(id.bytes);
}

std::optional<Uuid> parse_cursor(std::string_view text) {
    if (text.size() != 22) return std::nullopt;
    std::string standard(text);
    std::replace(standard.begin(), standard.end(), '-', '+');
    std::replace(standard.begin(), standard.end(), '_', '/');
    const auto bytes = base64_decode(standard + "==");
    if (!bytes || bytes->size() != 16) return std::nullopt;
    Uuid id;
    std::copy(bytes->begin(), bytes->end(), id.bytes.begin());
    return id;
}

std::optional<bool> parse_bool(std::string_view text) {
    const std::string upper = upper_case(text);
    if (upper == "TRUE" || upper == "1") return true;
    if (upper == "FALSE" || upper == "0") return false;
    return std::nullopt;
}

std::optional<Issue> read_limit(std::string_view text, std::size_t& limit) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc::invalid_argument || end != text.data() + text.size()) {
        return Issue{"query", "limit", "Input should be a valid integer", "int_parsing"};
    }
    if (error != std::errc{} || number < 1 || number > static_cast<std::int64_t>(max_page)) {
        return Issue{"query", "limit", fmt::format("Input should be between 1 and {}", max_page),
                     "out_of_range"};
    }
    limit = static_cast<std::size_t>(number);
    return std::nullopt;
}

Parsed<AlertFilter> parse_filter(const QueryString& query) {
    AlertFilter filter;
    std::vector<Issue> issues;
    if (const auto text = query.find("is_active")) {
        filter.is_active = parse_bool(*text);
        if (!filter.is_active) {
            issues.push_back({"query", "is_active", "Input should be true or false", "bool_parsing"});
        }
    }
    if (const auto text = query.find("ticker")) {
        // Not held against the configured ones: alerts of a ticker that was taken out are still there to be
        // seen.
        const std::string ticker = upper_case(*text);
        if (is_ticker(ticker)) {
            filter.ticker = Ticker(ticker);
        } else {
            issues.push_back({"query", "ticker", "Input should be a ticker such as BTC", "value_error"});
        }
    }
    if (const auto text = query.find("limit")) {
        if (auto issue = read_limit(*text, filter.limit)) issues.push_back(std::move(*issue));
    }
    if (const auto text = query.find("cursor")) {
        filter.before = parse_cursor(*text);
        if (!filter.before) {
            issues.push_back(
                {"query", "cursor", "Input should be a cursor from a Link header", "value_error"});
        }
    }
    if (!issues.empty()) return std::unexpected(std::move(issues));
    return filter;
}

}  // namespace

net::ServerResponse create_alert(Services& services, Exchange& exchange) {
    auto body =
        parse_alert_body(exchange.request.body, services.options.tickers, services.options.url_policy);
    if (!body) return validation_response(body.error());
    if (!exchange.text_only) {
        if (const auto vetted = services.use.vet_webhook_url(body->webhook_url); !vetted) {
            return validation_response(
                std::vector{Issue{"body", "webhook_url", vetted.error().message, "webhook_url"}});
        }
    }
    const Timestamp now = services.use.clock.now();
    Alert alert;
    alert.id = make_uuid(now);
    alert.user_id = exchange.user.id;
    alert.ticker = body->ticker;
    alert.target = body->target;
    alert.condition = body->condition;
    alert.webhook_url = std::move(body->webhook_url);
    alert.created_at = now;
    const auto created = services.use.storage.create_alert(alert, services.options.alerts_per_user);
    if (!created && created.error() == CreateAlertError::duplicate) {
        return error_response(409, "An identical active alert already exists");
    }
    if (!created) {
        // Not 409: to a client that one means "it is there already", which is as good as success.
        return error_response(
            403, fmt::format("Alert limit reached: a user may have {} active alerts. Delete some "
                             "first; alerts that have fired do not count.",
                             services.options.alerts_per_user));
    }
    auto response = alert_response(201, alert);
    response.headers.emplace_back("Location", "/api/v1/alerts/" + alert.id.to_string());
    return response;
}

net::ServerResponse list_alerts(Services& services, Exchange& exchange) {
    const QueryString query(exchange.request.query);
    const auto filter = parse_filter(query);
    if (!filter) return validation_response(filter.error());
    const std::vector<Alert> alerts = services.use.storage.alerts(exchange.user.id, *filter);
    JsonWriter w;
    w.begin_array();
    for (const Alert& alert : alerts) write_alert(w, alert);
    w.end_array();
    auto response = json_response(200, std::move(w).str());
    if (alerts.size() == filter->limit) {
        AlertFilter rest = *filter;
        rest.limit = 1;
        rest.before = alerts.back().id;
        // A full page may be the last one; a client should not be sent after an empty page.
        if (!services.use.storage.alerts(exchange.user.id, rest).empty()) {
            response.headers.emplace_back("Link",
                                          fmt::format("</api/v1/alerts/?{}>; rel=\"next\"",
                                                      query.with("cursor", make_cursor(*rest.before))));
        }
    }
    return response;
}

net::ServerResponse show_alert(Services& services, Exchange& exchange) {
    const auto id = Uuid::parse(exchange.parameter);
    if (!id) return error_response(404, not_found);
    const auto alert = services.use.storage.alert(exchange.user.id, *id);
    if (!alert) return error_response(404, not_found);
    return alert_response(200, *alert);
}

net::ServerResponse delete_alert(Services& services, Exchange& exchange) {
    const auto id = Uuid::parse(exchange.parameter);
    if (!id || !services.use.storage.delete_alert(exchange.user.id, *id))
        return error_response(404, not_found);
    net::ServerResponse response;
    response.status = 204;
    return response;
}

}  // namespace pricewire::api
