// Changing an alert.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/alert_body.hpp"
#include "api/alert_fields.hpp"
#include "api/alert_json.hpp"
#include "api/handlers.hpp"
#include "api/hint.hpp"
#include "api/watching.hpp"
#include "base/text.hpp"

namespace pricewire::api {
namespace {

constexpr std::string_view other_revision =
    "The alert has another revision than If-Match names; read it again";

// Whether it is a list of entity tags, or *.
bool is_if_match(std::string_view rest) {
    if (trimmed(rest) == "*") return true;
    if (trimmed(rest).empty()) return false;
    while (!rest.empty()) {
        std::string_view tag = trimmed(take_part(rest, ','));
        if (tag.starts_with("W/")) tag.remove_prefix(2);
        if (!tag.empty() && (tag.size() < 2 || !tag.starts_with('"') || !tag.ends_with('"'))) return false;
    }
    return true;
}

// The revision that If-Match asks for; `out` is unset without the header. False: it names only others.
bool read_if_match(const net::ServerRequest& request, const Alert& alert, std::optional<std::int64_t>& out) {
    const std::string* header = request.header("if-match");
    if (header == nullptr || trimmed(*header) == "*") return true;
    std::string_view rest = *header;
    while (!rest.empty()) {
        const std::string_view tag = trimmed(take_part(rest, ','));
        if (tag == etag_of(alert)) out = alert.state.revision;
    }
    return out.has_value();
}

// What only the network and the other alerts can refuse.
std::optional<Issue> refuse_places(Services& services, Exchange& exchange, const Alert& before,
                                   const ChangedAlert& change) {
    const Alert& alert = change.alert;
    const Terms terms = terms_of(alert);
    if (alert.is_active && !(before.is_active && terms == terms_of(before))) {
        if (auto full = TickerRoom(services, exchange.user.id).take(tickers_of(terms))) return full;
    }
    Result<net::WebhookUrl> vetted;
    if (change.new_url && !exchange.text_only)
        vetted = vet_url(services, exchange.user.id, alert.webhook_url);
    return webhook_issue(vetted, alert.format, alert.webhook_url);
}

net::ServerResponse refusal(storage::ChangeAlertError error, const Alert& wanted, const Services& services) {
    switch (error) {
        case storage::ChangeAlertError::not_found:
        case storage::ChangeAlertError::refused:
            break;
        case storage::ChangeAlertError::stale:
            return error_response(412, other_revision);
        case storage::ChangeAlertError::duplicate:
            return error_response(409, identical_alert);
        case storage::ChangeAlertError::limit_reached:
            return alert_limit_reached(services);
        case storage::ChangeAlertError::endpoint_disabled:
            return error_response(409, endpoint_is_disabled);
        case storage::ChangeAlertError::ratios_full: {
            const Issue issue = no_room_for_ratios(terms_of(wanted));
            return validation_response({&issue, 1});
        }
    }
    return error_response(404, no_such_alert);
}

}  // namespace

net::ServerResponse change_alert(Services& services, Exchange& exchange) {
    const auto id = Uuid::parse(exchange.parameter);
    const auto before = id ? services.use.storage.alert(exchange.user.id, *id) : std::nullopt;
    if (!before) return error_response(404, no_such_alert);
    storage::EditOptions options{.now = services.use.clock.now(), .limit = services.options.alerts_per_user};
    if (const std::string* header = exchange.request.header("if-match"); header && !is_if_match(*header))
        return error_response(400, "If-Match should be a revision in double quotes, such as \"2\", or *");
    if (!read_if_match(exchange.request, *before, options.if_revision))
        return error_response(412, other_revision);
    const KnownTickers known = known_tickers(services);
    const net::UrlPolicy policy = with_catcher(services, exchange.user.id);
    const AlertContext context{known, policy, options.now};
    const std::string& body = exchange.request.body;
    const auto wanted = parse_alert_change(body, *before, context);
    if (!wanted) return validation_response(wanted.error());
    if (const auto issue = refuse_places(services, exchange, *before, *wanted))
        return validation_response({&*issue, 1});
    // The alert may have fired or been changed since it was read.
    std::vector<Issue> issues;
    const auto edit = [&](Alert& alert) {
        auto change = parse_alert_change(body, alert, context);
        issues = change ? std::vector<Issue>() : change.error();
        if (change) alert = std::move(change->alert);
        return change.has_value();
    };
    const auto changed = services.use.storage.change_alert(exchange.user.id, *id, edit, options);
    if (!changed && changed.error() == storage::ChangeAlertError::refused) return validation_response(issues);
    if (!changed) return refusal(changed.error(), wanted->alert, services);
    tell_of_alerts(services, exchange, {&*id, 1});
    auto response = json_response(200, alert_json(*changed, services));
    response.headers.emplace_back("ETag", etag_of(*changed));
    return response;
}

}  // namespace pricewire::api
