// Listing, retrying, cancelling and recovering deliveries.
#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "api/bodies.hpp"
#include "api/delivery_json.hpp"
#include "api/handlers.hpp"
#include "api/hint.hpp"
#include "api/idempotency.hpp"
#include "api/paging.hpp"
#include "api/query_values.hpp"
#include "base/json_writer.hpp"
#include "base/log.hpp"
#include "net/endpoint_name.hpp"

namespace pricewire::api {
namespace {

constexpr std::string_view not_found = "Delivery not found";
// A recovery commits at most `recover_step` deliveries at a time, so that it does not delay firings.
constexpr std::size_t recover_step = 1000;
constexpr std::size_t max_recovered = 10'000;

// How many deliveries a page may look at to find those in the states that were asked for.
constexpr std::size_t most_looked_at = 20'000;

struct DeliveryQuery {
    storage::DeliveryFilter filter;
    std::vector<DeliveryState> states;  // several; empty: the filter's
};

void read_states(std::string_view text, DeliveryQuery& out, std::vector<Issue>& issues) {
    std::vector<DeliveryState> states;
    while (true) {
        const std::size_t comma = text.find(',');
        const auto state = parse_delivery_state(text.substr(0, comma));
        if (!state) {
            issues.push_back({{"query", "status"},
                              fmt::format("Input should be some of {}, with commas between them",
                                          fmt::join(delivery_state_names.all(), ", ")),
                              "enum"});
            return;
        }
        if (std::find(states.begin(), states.end(), *state) == states.end()) states.push_back(*state);
        if (comma == std::string_view::npos) break;
        text.remove_prefix(comma + 1);
    }
    if (states.size() == 1) {
        out.filter.state = states.front();
    } else {
        out.states = std::move(states);
    }
}

Parsed<DeliveryQuery> parse_query(const QueryString& query) {
    DeliveryQuery out;
    std::vector<Issue> issues;
    if (const auto text = query.find("status")) read_states(*text, out, issues);
    if (const auto text = query.find("alert_id")) {
        out.filter.alert_id = Uuid::parse(*text);
        if (!out.filter.alert_id) {
            issues.push_back({{"query", "alert_id"}, "Input should be a valid UUID", "uuid_parsing"});
        }
    }
    out.filter.since = read_time(query, "since", issues);
    out.filter.until = read_time(query, "until", issues);
    read_page(query, out.filter.limit, out.filter.before, issues);
    if (!issues.empty()) return std::unexpected(std::move(issues));
    return out;
}

// Newest first, up to the filter's limit.
std::vector<DeliveryView> find(storage::Deliveries& storage, const Uuid& user_id,
                               const DeliveryQuery& query) {
    if (query.states.empty()) return storage.deliveries(user_id, query.filter);
    std::vector<DeliveryView> all;
    storage::DeliveryFilter filter = query.filter;
    for (const DeliveryState state : query.states) {
        filter.state = state;
        const std::vector<DeliveryView> some = storage.deliveries(user_id, filter);
        all.insert(all.end(), some.begin(), some.end());
    }
    std::sort(all.begin(), all.end(),
              [](const DeliveryView& a, const DeliveryView& b) { return b.id < a.id; });
    // A delivery that changes its state between two queries may be returned twice.
    const auto same = [](const DeliveryView& a, const DeliveryView& b) { return a.id == b.id; };
    all.erase(std::unique(all.begin(), all.end(), same), all.end());
    if (all.size() > filter.limit)
        all.erase(all.begin() + static_cast<std::ptrdiff_t>(filter.limit), all.end());
    return all;
}

// Where a page has to end, since it would look at too many deliveries; nullopt if an index finds them: all of
// a user or of an alert, and those that ended without arriving.
std::optional<Uuid> horizon(storage::Deliveries& storage, const Uuid& user_id, const DeliveryQuery& query) {
    const auto missed = [](DeliveryState s) { return is_final(s) && s != DeliveryState::delivered; };
    const bool indexed = query.filter.state ? missed(*query.filter.state)
                                            : std::all_of(query.states.begin(), query.states.end(), missed);
    if (indexed || query.filter.alert_id) return std::nullopt;
    return storage.delivery_horizon(user_id, query.filter, most_looked_at);
}

net::ServerResponse list(Services& services, const Exchange& exchange, const QueryString& query,
                         DeliveryQuery wanted, std::string_view path) {
    wanted.filter.back_to = horizon(services.use.storage, exchange.user.id, wanted);
    const std::vector<DeliveryView> page = find(services.use.storage, exchange.user.id, wanted);
    JsonWriter w;
    w.begin_array();
    for (const DeliveryView& delivery : page) write_delivery(w, delivery);
    w.end_array();
    auto response = json_response(200, std::move(w).str());
    if (page.size() == wanted.filter.limit) {
        // A full page may be the last one; clients must not be directed to an empty page.
        wanted.filter.limit = 1;
        wanted.filter.before = page.back().id;
        if (!find(services.use.storage, exchange.user.id, wanted).empty()) {
            add_next_link(response, path, query, page.back().id);
            return response;
        }
    }
    if (wanted.filter.back_to) add_next_link(response, path, query, *wanted.filter.back_to);
    return response;
}

// The current state of the user's delivery `id`.
net::ServerResponse delivery_response(Services& services, const Exchange& exchange, int status,
                                      const Uuid& id) {
    const auto delivery = services.use.storage.delivery(exchange.user.id, id);
    if (!delivery) return error_response(404, not_found);
    return json_response(status, delivery_json(*delivery));
}

std::optional<Breaker> breaker_of(storage::Outbox& storage, const Uuid& user_id,
                                  const std::string& endpoint) {
    const std::vector<Breaker> breakers = storage.breakers_of(user_id);
    const auto found = std::find_if(breakers.begin(), breakers.end(),
                                    [&](const Breaker& b) { return b.endpoint == endpoint; });
    if (found == breakers.end()) return std::nullopt;
    return *found;
}

struct Recovered {
    std::size_t recovered = 0;
    std::size_t used_up = 0;
    std::size_t endpoint_disabled = 0;
    std::optional<Timestamp> next_since;  // where to continue; nullopt if there are no more
};

net::ServerResponse recovered_response(const Recovered& r) {
    JsonWriter w;
    w.begin_object()
        .field("recovered", r.recovered)
        .field("more", r.next_since.has_value())
        .field("next_since", r.next_since)
        .key("passed_over")
        .begin_object()
        .field("retries_used_up", r.used_up)
        .field("endpoint_disabled", r.endpoint_disabled)
        .end_object()
        .end_object();
    return json_response(202, std::move(w).str());
}

// Recovers step by step. Losing the database is no error once something has changed.
void recover(Services& services, const Exchange& exchange, Timestamp since, Recovered& out) {
    storage::Deliveries& storage = services.use.storage;
    std::optional<Uuid> last;
    std::size_t looked_at = 0;
    try {
        do {
            const storage::Recovery step = storage.recover_deliveries(
                exchange.user.id, since, services.use.clock.now(), recover_step, last);
            hint_sender(services, exchange, step.tasks);
            out.recovered += step.tasks.size();
            out.used_up += step.used_up;
            out.endpoint_disabled += step.endpoint_disabled;
            looked_at += recover_step;
            last = step.last;
        } while (last && looked_at < max_recovered);
        if (last) {
            // Read again, since it may have been pruned.
            const auto delivery = storage.delivery(exchange.user.id, *last);
            out.next_since = delivery ? delivery->created_at : since;
        }
    } catch (const storage::StorageError& e) {
        if (out.recovered == 0) throw;
        log::warn(
            "the database became unavailable during a recovery of deliveries; the client is told to continue",
            {{"recovered", std::to_string(out.recovered)}, {"reason", e.what()}});
        out.next_since = since;
    }
}

// A test that is about to be added, for the answer that is stored with it.
DeliveryView added_test(const Alert& alert, const Uuid& id, Timestamp now) {
    DeliveryView out;
    out.id = id;
    out.alert_id = alert.id;
    out.ticker = alert.ticker;
    out.webhook_url = alert.webhook_url;
    out.kind = DeliveryKind::test;
    out.created_at = now;
    out.deadline = now + alert.deliver_within;
    out.next_attempt_at = now;
    return out;
}

// nullopt: `request` has been answered already.
std::optional<net::ServerResponse> add_test(Services& services, Exchange& exchange,
                                            storage::IdempotentRequest* request) {
    storage::Storage& storage = services.use.storage;
    const auto alert_id = Uuid::parse(exchange.parameter);
    const auto alert = alert_id ? storage.alert(exchange.user.id, *alert_id) : std::nullopt;
    if (!alert) return error_response(404, no_such_alert);
    if (alert->endpoint_disabled_at) return error_response(409, endpoint_is_disabled);
    const auto board = services.use.bus.board(alert->ticker);
    const Decimal price = board && board->price ? board->price->value : alert->target;
    const Timestamp now = services.use.clock.now();
    const DeliveryTask task{make_uuid(now), 1};
    if (request != nullptr) {
        request->status = 202;
        request->answer = delivery_json(added_test(*alert, task.delivery_id, now));
    }
    const auto added =
        storage.add_test_delivery(exchange.user.id, alert->id, task.delivery_id, price, now, request);
    if (!added && added.error() == storage::TestError::key_used) return std::nullopt;
    if (!added && added.error() == storage::TestError::too_many) {
        return error_response(409,
                              fmt::format("{} tests of this alert have not ended yet; ask again when one "
                                          "of them has ended, or cancel one",
                                          max_unfinished_tests));
    }
    if (!added) return error_response(404, no_such_alert);
    exchange.delivery_id = task.delivery_id;
    hint_sender(services, exchange, {&task, 1});
    auto response = request != nullptr ? json_response(202, request->answer)
                                       : delivery_response(services, exchange, 202, task.delivery_id);
    response.headers.emplace_back("Location", "/api/v1/deliveries/" + task.delivery_id.to_string());
    return response;
}

}  // namespace

net::ServerResponse list_deliveries(Services& services, Exchange& exchange) {
    const QueryString query(exchange.request.query);
    auto wanted = parse_query(query);
    if (!wanted) return validation_response(wanted.error());
    return list(services, exchange, query, std::move(*wanted), "/api/v1/deliveries/");
}

net::ServerResponse list_alert_deliveries(Services& services, Exchange& exchange) {
    const auto alert_id = Uuid::parse(exchange.parameter);
    if (!alert_id) return error_response(404, no_such_alert);
    const QueryString query(exchange.request.query);
    auto wanted = parse_query(query);
    if (!wanted) return validation_response(wanted.error());
    wanted->filter.alert_id = *alert_id;
    if (!services.use.storage.alert(exchange.user.id, *alert_id)) {
        // The deliveries of a deleted alert still exist.
        storage::DeliveryFilter any;
        any.alert_id = *alert_id;
        any.limit = 1;
        if (services.use.storage.deliveries(exchange.user.id, any).empty()) {
            return error_response(404, no_such_alert);
        }
    }
    return list(services, exchange, query, std::move(*wanted),
                fmt::format("/api/v1/alerts/{}/deliveries/", alert_id->to_string()));
}

net::ServerResponse show_delivery(Services& services, Exchange& exchange) {
    storage::Storage& storage = services.use.storage;
    const auto id = Uuid::parse(exchange.parameter);
    const auto delivery = id ? storage.delivery(exchange.user.id, *id) : std::nullopt;
    if (!delivery) return error_response(404, not_found);
    const std::vector<Attempt> attempts = storage.attempts_of(*id);
    return json_response(200, delivery_detail_json(*delivery, attempts,
                                                   breaker_of(storage, exchange.user.id,
                                                              net::endpoint_name(delivery->webhook_url))));
}

net::ServerResponse retry_delivery(Services& services, Exchange& exchange) {
    const auto id = Uuid::parse(exchange.parameter);
    if (!id) return error_response(404, not_found);
    const auto task = services.use.storage.retry_delivery(exchange.user.id, *id, services.use.clock.now());
    if (!task && task.error() == storage::RetryError::under_way) {
        return error_response(409, "An attempt of this delivery is under way; ask again when it has ended");
    }
    if (!task && task.error() == storage::RetryError::endpoint_disabled)
        return error_response(409, endpoint_is_disabled);
    if (!task && task.error() == storage::RetryError::used_up) {
        return error_response(
            409, fmt::format("This delivery has been retried {} times, which is the most", max_user_retries));
    }
    if (!task) return error_response(404, not_found);
    hint_sender(services, exchange, {&*task, 1});
    return delivery_response(services, exchange, 202, *id);
}

net::ServerResponse cancel_delivery(Services& services, Exchange& exchange) {
    const auto id = Uuid::parse(exchange.parameter);
    if (!id) return error_response(404, not_found);
    const auto cancelled =
        services.use.storage.cancel_delivery(exchange.user.id, *id, services.use.clock.now());
    if (!cancelled && cancelled.error() == storage::CancelError::final) {
        return error_response(409, "This delivery has ended already");
    }
    if (!cancelled) return error_response(404, not_found);
    const DeliveryNotice notice{exchange.user.id, *id};
    services.use.notices.publish({&notice, 1});
    return delivery_response(services, exchange, 200, *id);
}

net::ServerResponse recover_deliveries(Services& services, Exchange& exchange) {
    const auto body = parse_recover_body(exchange.request.body);
    if (!body) return validation_response(body.error());
    Recovered recovered;
    recover(services, exchange, body->since, recovered);
    return recovered_response(recovered);
}

net::ServerResponse test_alert(Services& services, Exchange& exchange) {
    return answer_once(services, exchange, [&](storage::IdempotentRequest* request) {
        return add_test(services, exchange, request);
    });
}

}  // namespace pricewire::api
