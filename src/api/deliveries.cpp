// Listing, retrying and cancelling deliveries.
#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "api/bodies.hpp"
#include "api/delivery_json.hpp"
#include "api/gap_reasons.hpp"
#include "api/handlers.hpp"
#include "api/hint.hpp"
#include "api/paging.hpp"
#include "api/query_values.hpp"
#include "base/json_writer.hpp"

namespace pricewire::api {
namespace {

constexpr std::string_view not_found = "Delivery not found";
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

void read_kind(const QueryString& query, storage::DeliveryFilter& filter, std::vector<Issue>& issues) {
    const auto text = query.find("kind");
    if (!text) return;
    filter.kind = parse_delivery_kind(*text);
    if (!filter.kind)
        issues.push_back({{"query", "kind"}, "Input should be " + delivery_kind_names.choices(), "enum"});
}

void read_code(const QueryString& query, storage::DeliveryFilter& filter, std::vector<Issue>& issues) {
    constexpr std::string_view classes[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
    const auto text = query.find("code");
    if (!text) return;
    const auto found = std::ranges::find(classes, *text);
    if (found == std::end(classes)) {
        issues.push_back({{"query", "code"}, "Input should be 2xx, 3xx, 4xx, 5xx or none", "enum"});
    } else {
        filter.status_class = static_cast<int>(found - std::begin(classes));
    }
}

// `from` and `to` are other names for `since` and `until`.
std::optional<Timestamp> read_bound(const QueryString& query, const char* name, const char* other,
                                    std::vector<Issue>& issues) {
    return read_time(query, query.find(name) ? name : other, issues);
}

Parsed<DeliveryQuery> parse_query(const QueryString& query, const net::UrlPolicy& policy) {
    DeliveryQuery out;
    std::vector<Issue> issues;
    if (const auto text = query.find("status")) read_states(*text, out, issues);
    if (const auto text = query.find("alert_id")) {
        out.filter.alert_id = Uuid::parse(*text);
        if (!out.filter.alert_id) {
            issues.push_back({{"query", "alert_id"}, "Input should be a valid UUID", "uuid_parsing"});
        }
    }
    if (const auto text = query.find("endpoint")) out.filter.webhook_url = stored_url(*text, policy);
    read_kind(query, out.filter, issues);
    read_code(query, out.filter, issues);
    out.filter.since = read_bound(query, "since", "from", issues);
    out.filter.until = read_bound(query, "until", "to", issues);
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
    const bool selective = query.filter.is_selective();
    if ((indexed && !selective) || query.filter.alert_id) return std::nullopt;
    return storage.delivery_horizon(user_id, query.filter, most_looked_at);
}

net::ServerResponse list(Services& services, const Exchange& exchange, const QueryString& query,
                         DeliveryQuery wanted, std::string_view path) {
    wanted.filter.back_to = horizon(services.use.storage, exchange.user.id, wanted);
    std::vector<DeliveryView> page = find(services.use.storage, exchange.user.id, wanted);
    tell_gap_reasons(services.use.storage, page, services.use.clock.now());
    JsonWriter w;
    w.begin_array();
    for (const DeliveryView& delivery : page) write_delivery(w, delivery, services.options.attempts);
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
    auto delivery = services.use.storage.delivery(exchange.user.id, id);
    if (!delivery) return error_response(404, not_found);
    tell_gap_reasons(services.use.storage, {&*delivery, 1}, services.use.clock.now());
    return json_response(status, delivery_json(*delivery, services.options.attempts));
}

std::optional<Breaker> breaker_of(storage::Outbox& storage, const Uuid& user_id,
                                  const std::string& endpoint) {
    const std::vector<Breaker> breakers = storage.breakers_of(user_id);
    const auto found = std::find_if(breakers.begin(), breakers.end(),
                                    [&](const Breaker& b) { return b.endpoint == endpoint; });
    if (found == breakers.end()) return std::nullopt;
    return *found;
}

}  // namespace

net::ServerResponse list_deliveries(Services& services, Exchange& exchange) {
    const QueryString query(exchange.request.query);
    auto wanted = parse_query(query, services.options.url_policy);
    if (!wanted) return validation_response(wanted.error());
    return list(services, exchange, query, std::move(*wanted), "/api/v1/deliveries/");
}

net::ServerResponse list_alert_deliveries(Services& services, Exchange& exchange) {
    const auto alert_id = Uuid::parse(exchange.parameter);
    if (!alert_id) return error_response(404, no_such_alert);
    const QueryString query(exchange.request.query);
    auto wanted = parse_query(query, services.options.url_policy);
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
    auto delivery = id ? storage.delivery(exchange.user.id, *id) : std::nullopt;
    if (!delivery) return error_response(404, not_found);
    tell_gap_reasons(storage, {&*delivery, 1}, services.use.clock.now());
    const DeliveryDetail detail{.attempts = storage.attempts_of(*id),
                                .request = storage.last_request(*id),
                                .breaker = breaker_of(storage, exchange.user.id, endpoint_of(*delivery))};
    return json_response(200, delivery_detail_json(*delivery, detail, services.options.attempts));
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
    if (!task && task.error() == storage::RetryError::device_removed)
        return error_response(409, "The device that this delivery was for has been removed");
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

}  // namespace pricewire::api
