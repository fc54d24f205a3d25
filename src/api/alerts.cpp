#include <fmt/format.h>

#include "api/bodies.hpp"
#include "api/handlers.hpp"
#include "api/paging.hpp"
#include "api/watching.hpp"
#include "base/json_writer.hpp"
#include "base/text.hpp"
#include "domain/late_json.hpp"
#include "webhook/payload.hpp"

namespace pricewire::api {
namespace {

void write_alert(JsonWriter& w, const Alert& alert, const Services& services) {
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
        .field("format", to_string(alert.format))
        .field("note", alert.note)
        .field("deliver_within", format_duration(alert.deliver_within));
    if (alert.custom) {
        w.key("template")
            .begin_object()
            .field("body", alert.custom->body)
            .field("content_type", alert.custom->content_type)
            .end_object();
    }
    if (const auto state = alert.is_active ? unwatched(services, alert.ticker) : std::nullopt)
        w.field("watched", false).field("unwatched_reason", state->reason);
    if (alert.endpoint_disabled_at) w.field("endpoint_disabled_at", *alert.endpoint_disabled_at);
    if (!alert.recover) w.field("recover", false);
    if (alert.late) write_late(w, *alert.late);
    w.end_object();
}

Alert alert_of(AlertBody body, const Uuid& user_id, Timestamp now) {
    Alert alert;
    alert.id = make_uuid(now);
    alert.user_id = user_id;
    alert.ticker = body.ticker;
    alert.target = body.target;
    alert.condition = body.condition;
    alert.webhook_url = std::move(body.webhook_url);
    alert.format = body.format;
    alert.custom = std::move(body.custom);
    alert.note = std::move(body.note);
    alert.deliver_within = body.deliver_within;
    alert.recover = body.recover;
    alert.created_at = now;
    return alert;
}

net::ServerResponse alert_response(int status, const Alert& alert, const Services& services) {
    return json_response(status, alert_json(alert, services));
}

std::optional<bool> parse_bool(std::string_view text) {
    const std::string upper = upper_case(text);
    if (upper == "TRUE" || upper == "1") return true;
    if (upper == "FALSE" || upper == "0") return false;
    return std::nullopt;
}

Parsed<storage::AlertFilter> parse_filter(const QueryString& query) {
    storage::AlertFilter filter;
    std::vector<Issue> issues;
    if (const auto text = query.find("is_active")) {
        filter.is_active = parse_bool(*text);
        if (!filter.is_active) {
            issues.push_back({{"query", "is_active"}, "Input should be true or false", "bool_parsing"});
        }
    }
    if (const auto text = query.find("ticker")) {
        // Not restricted to the configured tickers: alerts of a removed ticker can still be listed.
        const std::string ticker = upper_case(*text);
        if (is_ticker(ticker)) {
            filter.ticker = Ticker(ticker);
        } else {
            issues.push_back({{"query", "ticker"}, "Input should be a ticker such as BTC", "value_error"});
        }
    }
    read_page(query, filter.limit, filter.before, issues);
    if (!issues.empty()) return std::unexpected(std::move(issues));
    return filter;
}

}  // namespace

std::string alert_json(const Alert& alert, const Services& services) {
    JsonWriter w;
    write_alert(w, alert, services);
    return std::move(w).str();
}

net::ServerResponse create_alert(Services& services, Exchange& exchange) {
    const KnownTickers known(services.options.tickers,
                             services.options.on_demand ? listed_coins(services) : nullptr);
    auto body = parse_alert_body(exchange.request.body, known, services.options.url_policy);
    if (!body) return validation_response(body.error());
    if (const auto full = no_room_for(services, exchange.user.id, body->ticker))
        return validation_response({&*full, 1});
    if (!exchange.text_only) {
        if (const auto vetted = services.use.vet_webhook_url(body->webhook_url); !vetted) {
            return validation_response(
                std::vector{Issue{{"body", "webhook_url"}, vetted.error().message, "webhook_url"}});
        }
    }
    Alert alert = alert_of(std::move(*body), exchange.user.id, services.use.clock.now());
    // One trace covers the request, the firing and the webhook.
    if (!exchange.trace) exchange.trace = make_trace();
    alert.trace = exchange.trace;
    if (const auto fits = webhook::check_format(alert.format, alert.webhook_url); !fits) {
        return validation_response(
            std::vector{Issue{{"body", "webhook_url"}, fits.error().message, "value_error"}});
    }
    const auto created = services.use.storage.create_alert(alert, services.options.alerts_per_user);
    if (!created && created.error() == storage::CreateAlertError::duplicate) {
        return error_response(409, "An identical active alert already exists");
    }
    if (!created && created.error() == storage::CreateAlertError::endpoint_disabled) {
        return error_response(409, endpoint_is_disabled);
    }
    if (!created) {
        // Not 409: to clients that means "it already exists", which is as good as success.
        return error_response(
            403, fmt::format("Alert limit reached: a user may have {} active alerts. Delete some "
                             "first; alerts that have fired do not count.",
                             services.options.alerts_per_user));
    }
    exchange.alert_id = alert.id;
    auto response = alert_response(201, alert, services);
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
    for (const Alert& alert : alerts) write_alert(w, alert, services);
    w.end_array();
    auto response = json_response(200, std::move(w).str());
    if (alerts.size() == filter->limit) {
        storage::AlertFilter rest = *filter;
        rest.limit = 1;
        rest.before = alerts.back().id;
        // A full page may be the last one; clients must not be directed to an empty page.
        if (!services.use.storage.alerts(exchange.user.id, rest).empty()) {
            add_next_link(response, "/api/v1/alerts/", query, *rest.before);
        }
    }
    return response;
}

net::ServerResponse show_alert(Services& services, Exchange& exchange) {
    const auto id = Uuid::parse(exchange.parameter);
    if (!id) return error_response(404, no_such_alert);
    const auto alert = services.use.storage.alert(exchange.user.id, *id);
    if (!alert) return error_response(404, no_such_alert);
    return alert_response(200, *alert, services);
}

net::ServerResponse delete_alert(Services& services, Exchange& exchange) {
    const auto id = Uuid::parse(exchange.parameter);
    if (!id || !services.use.storage.delete_alert(exchange.user.id, *id))
        return error_response(404, no_such_alert);
    return no_content();
}

}  // namespace pricewire::api
