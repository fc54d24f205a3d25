// Making alerts, one or many.
#include <expected>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "api/alert_body.hpp"
#include "api/alert_fields.hpp"
#include "api/alert_json.hpp"
#include "api/handlers.hpp"
#include "api/hint.hpp"
#include "api/idempotency.hpp"
#include "api/json_fields.hpp"
#include "api/limits.hpp"
#include "api/watching.hpp"

namespace pricewire::api {
namespace {

constexpr std::size_t max_bulk = 1000;

// An alert that only the storage can refuse, or the answer that refuses it.
using NewAlert = std::expected<Alert, net::ServerResponse>;

// Reads and checks the alerts of one request.
class AlertMaker {
public:
    AlertMaker(Services& services, Exchange& exchange)
        : services_(services),
          exchange_(exchange),
          known_(known_tickers(services)),
          policy_(with_catcher(services, exchange.user.id)),
          room_(services, exchange.user.id),
          resolves_until_(services.use.clock.mono() + services.options.resolve_timeout) {
        // One trace covers the request, the firing and the webhook.
        if (!exchange.trace) exchange.trace = make_trace();
    }

    NewAlert make(std::string_view text) {
        const Timestamp now = services_.use.clock.now();
        auto body = parse_alert_body(text, {known_, policy_, now});
        if (!body) return std::unexpected(validation_response(body.error()));
        if (const auto issue = webhook_issue(vet(body->webhook_url), body->format, body->webhook_url))
            return std::unexpected(validation_response({&*issue, 1}));
        // Last, since what is refused takes no room.
        if (const auto full = room_.take(tickers_of(body->terms)))
            return std::unexpected(validation_response({&*full, 1}));
        Alert alert = alert_of(std::move(*body), exchange_.user.id, now);
        alert.trace = exchange_.trace;
        return alert;
    }

private:
    // Each URL once. What is not resolved when the time of one name has passed is taken on its text alone, like a name
    // that does not resolve now: the sender checks every address again.
    Result<net::WebhookUrl> vet(const std::string& url) {
        const auto known = vetted_.find(url);
        if (known != vetted_.end()) return known->second;
        if (exchange_.text_only || (!vetted_.empty() && services_.use.clock.mono() >= resolves_until_))
            return net::WebhookUrl{};
        return vetted_.emplace(url, vet_url(services_, exchange_.user.id, url)).first->second;
    }

    Services& services_;
    Exchange& exchange_;
    const KnownTickers known_;
    const net::UrlPolicy policy_;
    TickerRoom room_;
    const MonoTime resolves_until_;
    std::map<std::string, Result<net::WebhookUrl>> vetted_;
};

net::ServerResponse refusal(storage::CreateAlertError error, const Alert& alert, const Services& services) {
    switch (error) {
        case storage::CreateAlertError::duplicate:
            return error_response(409, identical_alert);
        case storage::CreateAlertError::endpoint_disabled:
            return error_response(409, endpoint_is_disabled);
        case storage::CreateAlertError::ratios_full: {
            const Issue issue = no_room_for_ratios(terms_of(alert));
            return validation_response({&issue, 1});
        }
        case storage::CreateAlertError::limit_reached:
        case storage::CreateAlertError::key_used:  // not of one alert
            break;
    }
    return alert_limit_reached(services);
}

// What became of the alerts of one request, `results` being those of the ones that reached the storage.
std::string bulk_json(std::span<const NewAlert> alerts, std::span<const storage::CreateAlertResult> results,
                      const Services& services) {
    std::size_t created = 0, stored = 0;
    JsonWriter list;
    list.begin_array();
    for (std::size_t i = 0; i < alerts.size(); ++i) {
        list.begin_object().field("index", i);
        const storage::CreateAlertResult* const result = alerts[i] ? &results[stored++] : nullptr;
        if (result != nullptr && *result) {
            ++created;
            list.field("status", 201).key("alert");
            write_alert(list, *alerts[i], services);
        } else {
            const auto refused =
                result == nullptr ? alerts[i].error() : refusal(result->error(), *alerts[i], services);
            list.field("status", refused.status).key("error").raw(refused.body);
        }
        list.end_object();
    }
    list.end_array();
    JsonWriter w;
    w.begin_object()
        .field("created", created)
        .field("failed", alerts.size() - created)
        .key("results")
        .raw(std::move(list).str())
        .end_object();
    return std::move(w).str();
}

net::ServerResponse created(Services& services, Exchange& exchange, const Alert& alert,
                            net::ServerResponse answer) {
    exchange.alert_id = alert.id;
    tell_of_alerts(services, exchange, {&alert.id, 1}, true);
    answer.headers.emplace_back("Location", "/api/v1/alerts/" + alert.id.to_string());
    return answer;
}

// With a key, whose answer is stored together with the alert.
OnceMade create_one(Services& services, Exchange& exchange, storage::IdempotentRequest& request) {
    const NewAlert alert = AlertMaker(services, exchange).make(exchange.request.body);
    if (!alert) return nothing_made(alert.error());
    auto response = alert_response(201, *alert, services);
    request.answer = response.body;
    const auto result = services.use.storage.create_alert(*alert, services.options.alerts_per_user, &request);
    if (!result && result.error() == storage::CreateAlertError::key_used) return key_is_used();
    if (!result) return nothing_made(refusal(result.error(), *alert, services));
    return created(services, exchange, *alert, std::move(response));
}

// Without one: it is created with those of other requests.
net::ServerResponse ask_to_create(Services& services, Exchange& exchange) {
    NewAlert alert = AlertMaker(services, exchange).make(exchange.request.body);
    if (!alert) return alert.error();
    auto response = alert_response(201, *alert, services);
    exchange.new_alert.emplace(
        PendingAlert{{std::move(*alert), services.options.alerts_per_user}, std::move(response)});
    return {};
}

net::ServerResponse answer_decided(Services& services, Exchange& exchange) {
    PendingAlert& made = *exchange.new_alert;
    if (made.creation.error) std::rethrow_exception(made.creation.error);
    if (!made.creation.result) return refusal(made.creation.result.error(), made.creation.alert, services);
    return created(services, exchange, made.creation.alert, std::move(made.answer));
}

OnceMade create_many(Services& services, Exchange& exchange, std::span<const std::string> bodies,
                     storage::IdempotentRequest* request) {
    AlertMaker maker(services, exchange);
    std::vector<NewAlert> alerts;
    std::vector<Alert> good;
    for (const std::string& body : bodies) {
        alerts.push_back(maker.make(body));
        if (alerts.back()) good.push_back(*alerts.back());
    }
    std::vector<storage::CreateAlertResult> results;
    const auto answer = [&](std::span<const storage::CreateAlertResult> all) {
        return bulk_json(alerts, all, services);
    };
    if (request != nullptr) request->status = 200;
    if (!good.empty())
        results = services.use.storage.create_alerts(good, services.options.alerts_per_user, request, answer);
    std::vector<Uuid> created;
    for (std::size_t i = 0; i < results.size(); ++i) {
        if (!results[i] && results[i].error() == storage::CreateAlertError::key_used) return key_is_used();
        if (results[i]) created.push_back(good[i].id);
    }
    if (created.empty()) return nothing_made(json_response(200, answer(results)));
    tell_of_alerts(services, exchange, created, true);
    count_created_in_bulk(services, exchange, static_cast<std::uint32_t>(created.size()));
    return json_response(200, answer(results));
}

}  // namespace

net::ServerResponse create_alert(Services& services, Exchange& exchange) {
    if (exchange.new_alert) return answer_decided(services, exchange);
    if (exchange.request.header("idempotency-key") == nullptr) return ask_to_create(services, exchange);
    return answer_once(services, exchange, [&](storage::IdempotentRequest* request) {
        return create_one(services, exchange, *request);
    });
}

net::ServerResponse create_alerts(Services& services, Exchange& exchange) {
    net::ServerResponse limited;
    if (!may_create_in_bulk(services, exchange, limited)) return limited;
    const auto bodies = parse_json_list(exchange.request.body, "alerts", max_bulk);
    if (!bodies) return validation_response({&bodies.error(), 1});
    return answer_once(services, exchange, [&](storage::IdempotentRequest* request) {
        return create_many(services, exchange, *bodies, request);
    });
}

}  // namespace pricewire::api
