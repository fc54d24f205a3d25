#include "api/alert_json.hpp"

#include <fmt/format.h>

#include <optional>
#include <string_view>

#include "api/alert_body.hpp"
#include "api/handlers.hpp"
#include "api/watching.hpp"
#include "domain/late_json.hpp"
#include "rule/canonical.hpp"
#include "rule/words.hpp"

namespace pricewire::api {
namespace {

// What an alert shows if it uses any of it.
void write_new_members(JsonWriter& w, const Alert& alert, Timestamp now) {
    const Terms terms = terms_of(alert);
    const AlertState& state = alert.state;
    w.field("says", rule::says(terms, {state.starts_at, state.expires_at, now}))
        .key("when")
        .raw(rule::when_json(terms, alert.ticker))
        .key("for")
        .raw(rule::hold_json(terms))
        .key("repeat")
        .raw(rule::repeat_json(terms))
        .field("starts_at", state.starts_at)
        .field("expires_at", state.expires_at)
        .field("snoozed_until", state.snoozed_until)
        .field("notify_on_expiry", alert.notify_on_expiry)
        .field("message", text_or_null(alert.message))
        .field("status", to_string(status_of(alert, now)))
        .field("firings", firings_of(alert))
        .field("revision", state.revision);
}

}  // namespace

void write_alert(JsonWriter& w, const Alert& alert, const Services& services) {
    // An alert with terms shows them only where they are one number's.
    std::optional<Decimal> target = alert.target;
    std::optional<std::string_view> condition = to_string(alert.condition);
    if (alert.terms && !rule::shown_target(*alert.terms)) {
        target.reset();
        condition.reset();
    }
    w.begin_object()
        .field("id", alert.id)
        .field("ticker", alert.ticker.view())
        .field("target_price", target)
        .field("condition", condition)
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
    if (!is_plain(alert)) write_new_members(w, alert, services.use.clock.now());
    w.end_object();
}

std::string alert_json(const Alert& alert, const Services& services) {
    JsonWriter w;
    write_alert(w, alert, services);
    return std::move(w).str();
}

net::ServerResponse alert_response(int status, const Alert& alert, const Services& services) {
    auto response = json_response(status, alert_json(alert, services));
    if (!is_plain(alert)) response.headers.emplace_back("ETag", etag_of(alert));
    return response;
}

net::ServerResponse alert_limit_reached(const Services& services) {
    // Not 409: to clients that means "it already exists", which is as good as success.
    return error_response(403,
                          fmt::format("Alert limit reached: a user may have {} active alerts. Delete some "
                                      "first; alerts that have fired do not count.",
                                      services.options.alerts_per_user));
}

std::string etag_of(const Alert& alert) {
    return fmt::format("\"{}\"", alert.state.revision);
}

}  // namespace pricewire::api
