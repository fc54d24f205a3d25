#include <fmt/format.h>

#include "api/alert_json.hpp"
#include "api/bodies.hpp"
#include "api/handlers.hpp"
#include "api/hint.hpp"
#include "api/paging.hpp"
#include "api/query_values.hpp"
#include "base/json_writer.hpp"
#include "base/text.hpp"

namespace pricewire::api {
namespace {

// Not restricted to the configured tickers: alerts of a removed ticker can still be listed and deleted.
std::optional<Ticker> read_query_ticker(std::string_view text, std::vector<Issue>& issues) {
    const std::string ticker = upper_case(text);
    if (is_ticker(ticker)) return Ticker(ticker);
    issues.push_back({{"query", "ticker"}, "Input should be a ticker such as BTC", "value_error"});
    return std::nullopt;
}

Parsed<storage::AlertFilter> parse_filter(const QueryString& query, Timestamp now) {
    storage::AlertFilter filter{.now = now};
    std::vector<Issue> issues;
    filter.is_active = read_bool(query, "is_active", issues);
    if (const auto text = query.find("ticker")) filter.ticker = read_query_ticker(*text, issues);
    if (const auto text = query.find("status")) {
        filter.status = parse_alert_status(*text);
        if (!filter.status)
            issues.push_back(
                {{"query", "status"}, "Input should be " + alert_status_names.choices(), "enum"});
    }
    read_page(query, filter.limit, filter.before, issues);
    if (!issues.empty()) return std::unexpected(std::move(issues));
    return filter;
}

struct Deletion {
    Ticker ticker;
    bool dry_run = false;
};

// Refuses what it does not understand: that may have been meant to spare some of the alerts.
Parsed<Deletion> parse_deletion(const QueryString& query) {
    Deletion out;
    std::vector<Issue> issues;
    for (const std::string& name : query.names()) {
        if (name != "ticker" && name != "dry_run")
            issues.push_back({{"query", name}, "There is no such parameter here", "extra_forbidden"});
    }
    if (const auto text = query.find("ticker")) {
        out.ticker = read_query_ticker(*text, issues).value_or(Ticker());
    } else {
        issues.push_back({{"query", "ticker"}, "Field required", "missing"});
    }
    out.dry_run = read_bool(query, "dry_run", issues).value_or(false);
    if (!issues.empty()) return std::unexpected(std::move(issues));
    return out;
}

}  // namespace

net::ServerResponse list_alerts(Services& services, Exchange& exchange) {
    const QueryString query(exchange.request.query);
    const auto filter = parse_filter(query, services.use.clock.now());
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
    if (!id || !services.use.storage.delete_alert(exchange.user.id, *id, services.use.stream_clock.now()))
        return error_response(404, no_such_alert);
    tell_of_alerts(services, exchange, {&*id, 1});
    return no_content();
}

net::ServerResponse delete_alerts(Services& services, Exchange& exchange) {
    const auto wanted = parse_deletion(QueryString(exchange.request.query));
    if (!wanted) return validation_response(wanted.error());
    storage::Alerts& storage = services.use.storage;
    // By the clock of the live stream, which asks for what was deleted lately.
    const Timestamp now = services.use.stream_clock.now();
    const std::size_t count =
        storage.delete_alerts_of(exchange.user.id, wanted->ticker, wanted->dry_run, now);
    if (!wanted->dry_run && count > 0) {
        // One more than is told one by one.
        tell_of_alerts(services, exchange, storage.deleted_alerts(exchange.user.id, now, 1001));
    }
    JsonWriter w;
    w.begin_object()
        .field("ticker", wanted->ticker.view())
        .field("dry_run", wanted->dry_run)
        .field(wanted->dry_run ? "would_delete" : "deleted", count)
        .end_object();
    return json_response(200, std::move(w).str());
}

}  // namespace pricewire::api
