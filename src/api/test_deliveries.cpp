// Sending tests: of an alert, or of an endpoint that no alert has yet.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "api/alert_fields.hpp"
#include "api/delivery_json.hpp"
#include "api/handlers.hpp"
#include "api/hint.hpp"
#include "api/idempotency.hpp"
#include "api/json_fields.hpp"
#include "api/watching.hpp"
#include "base/crypto.hpp"
#include "rule/levels.hpp"

namespace pricewire::api {
namespace {

// Whoever tests an endpoint waits for the outcome.
constexpr Duration tests_deliver_within = std::chrono::hours{1};

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

std::optional<Decimal> price_of(const Services& services, const Ticker& ticker) {
    const auto board = services.use.bus.board(ticker);
    if (!board || !board->price) return std::nullopt;
    return board->price->value;
}

// What the alert that is tested compares now; zero, which no price is, where that is not known. Of silence, and of a bar
// that has ended, the price in effect; of several rules what the first one compares.
Decimal compared_now(const Services& services, const Alert& alert) {
    const auto price = price_of(services, alert.ticker);
    if (!price || !alert.terms) return price.value_or(Decimal{});
    const Rule& first = alert.terms->rules.front();
    if (first.watched != Watched::ratio) return *price;
    const auto other = price_of(services, first.other);
    return other ? rule::ratio(*price, *other).value_or(Decimal{}) : Decimal{};
}

// Adds a test of what the alert says, or of a device, by `add`, a method of the storage.
template <typename Add>
OnceMade add_test(Services& services, Exchange& exchange, const Alert& alert,
                  storage::IdempotentRequest* request, const Add& add,
                  const PushSubscription* device = nullptr) {
    using storage::TestError;
    const Timestamp now = services.use.clock.now();
    const DeliveryTask task{make_uuid(now), 1};
    DeliveryView view = added_test(alert, task.delivery_id, now);
    if (device != nullptr) {
        view.kind = DeliveryKind::push;
        view.device = PushedDevice{device->id, DeliveryKind::test, device->endpoint, device->label};
    }
    const std::string shown = delivery_json(view, services.options.attempts);
    if (request != nullptr) {
        request->status = 202;
        request->answer = shown;
    }
    const std::expected<void, TestError> added = add(task.delivery_id, now);
    if (!added) {
        switch (added.error()) {
            case TestError::key_used:
                return key_is_used();
            case TestError::too_many:
                return nothing_made(error_response(
                    409, fmt::format("{} tests of this {} have not ended yet; ask again when "
                                     "one of them has ended, or cancel one",
                                     max_unfinished_tests, device != nullptr ? "device" : "alert")));
            case TestError::endpoint_disabled:
                return nothing_made(error_response(409, endpoint_is_disabled));
            case TestError::not_found:
                return nothing_made(error_response(404, device != nullptr ? no_such_device : no_such_alert));
        }
    }
    exchange.delivery_id = task.delivery_id;
    hint_sender(services, exchange, {&task, 1});
    auto response = json_response(202, shown);
    response.headers.emplace_back("Location", "/api/v1/deliveries/" + task.delivery_id.to_string());
    return response;
}

// What a test of an endpoint says: an alert that is never stored as one. Its id depends on the user and on all that it
// says, so that tests which say the same are bounded as those of one alert.
Parsed<Alert> parse_carrier(const Services& services, const Exchange& exchange) {
    const std::string& body = exchange.request.body;
    const auto fields = parse_json_object(body);
    if (!fields) return std::unexpected(std::vector{fields.error()});
    BodyReader reader(*fields);
    const KnownTickers known = known_tickers(services);
    Alert out;
    out.user_id = exchange.user.id;
    out.ticker = reader.optional("ticker") != nullptr ? read_ticker(reader, known) : Ticker("BTC");
    out.webhook_url = read_webhook_url(reader, with_catcher(services, exchange.user.id));
    out.format = read_format(reader);
    out.custom = read_template(reader, out.format);
    out.note = read_note(reader);
    out.message = read_message(reader);
    out.deliver_within = tests_deliver_within;
    std::string said = out.user_id.to_string();
    const auto add = [&said](std::string_view part) { said.append(1, '\0').append(part); };
    add(out.ticker.view());
    add(out.webhook_url);
    add(to_string(out.format));
    if (out.custom) add(out.custom->body);
    if (out.custom) add(out.custom->content_type);
    add(out.note);
    add(out.message);
    const Sha256 hash = sha256(said);
    std::copy_n(hash.begin(), out.id.bytes.size(), out.id.bytes.begin());
    // RFC 9562, section 5.8: version 8, made as its maker likes.
    out.id.bytes[6] = static_cast<std::uint8_t>((out.id.bytes[6] & 0x0fU) | 0x80U);
    out.id.bytes[8] = static_cast<std::uint8_t>((out.id.bytes[8] & 0x3fU) | 0x80U);
    return reader.result(std::move(out));
}

}  // namespace

net::ServerResponse test_alert(Services& services, Exchange& exchange) {
    return answer_once(services, exchange, [&](storage::IdempotentRequest* request) -> OnceMade {
        storage::Storage& storage = services.use.storage;
        const auto id = Uuid::parse(exchange.parameter);
        const auto alert = id ? storage.alert(exchange.user.id, *id) : std::nullopt;
        if (!alert) return nothing_made(error_response(404, no_such_alert));
        if (alert->endpoint_disabled_at) return nothing_made(error_response(409, endpoint_is_disabled));
        const Decimal price = compared_now(services, *alert);
        return add_test(services, exchange, *alert, request, [&](const Uuid& delivery_id, Timestamp now) {
            return storage.add_test_delivery(exchange.user.id, alert->id, delivery_id, price, now, request);
        });
    });
}

net::ServerResponse test_push(Services& services, Exchange& exchange) {
    return answer_once(services, exchange, [&](storage::IdempotentRequest* request) -> OnceMade {
        storage::Storage& storage = services.use.storage;
        const auto id = Uuid::parse(exchange.parameter);
        const auto device = id ? storage.push(exchange.user.id, *id) : std::nullopt;
        if (!device) return nothing_made(error_response(404, no_such_device));
        Alert carrier;
        carrier.id = device->id;
        carrier.user_id = device->user_id;
        carrier.ticker = "BTC";
        carrier.target = price_of(services, carrier.ticker).value_or(Decimal::from_int(1));
        carrier.deliver_within = tests_deliver_within;
        const auto add = [&](const Uuid& delivery_id, Timestamp now) {
            return storage.add_push_test(carrier, delivery_id, now, request);
        };
        return add_test(services, exchange, carrier, request, add, &*device);
    });
}

net::ServerResponse test_endpoint(Services& services, Exchange& exchange) {
    return answer_once(services, exchange, [&](storage::IdempotentRequest* request) -> OnceMade {
        auto carrier = parse_carrier(services, exchange);
        if (!carrier) return nothing_made(validation_response(carrier.error()));
        Result<net::WebhookUrl> vetted;
        if (!exchange.text_only) vetted = vet_url(services, exchange.user.id, carrier->webhook_url);
        if (const auto issue = webhook_issue(vetted, carrier->format, carrier->webhook_url))
            return nothing_made(validation_response({&*issue, 1}));
        const Decimal price = price_of(services, carrier->ticker).value_or(Decimal{});
        carrier->target = price.is_positive() ? price : Decimal::from_int(1);
        return add_test(services, exchange, *carrier, request, [&](const Uuid& delivery_id, Timestamp now) {
            return services.use.storage.add_endpoint_test(*carrier, delivery_id, price, now, request);
        });
    });
}

}  // namespace pricewire::api
