// The devices that notify a user of all alerts, and what a browser needs to be one.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "api/body_reader.hpp"
#include "api/handlers.hpp"
#include "api/idempotency.hpp"
#include "api/json_fields.hpp"
#include "base/json_writer.hpp"
#include "base/text.hpp"
#include "base/utf8.hpp"
#include "net/endpoint_name.hpp"
#include "push/encrypt.hpp"

namespace pricewire::api {
namespace {

// "p256dh auth", as they are stored.
std::string read_keys(BodyReader& reader, const JsonFields& keys) {
    BodyReader inner(keys, "keys");
    const std::string* p256dh = inner.string("p256dh");
    const std::string* auth = inner.string("auth");
    reader.add(inner.take_issues());
    if (p256dh == nullptr || auth == nullptr) return {};
    if (const auto ok = push::parse_browser_keys(*p256dh, *auth); !ok)
        reader.refuse("keys", ok.error().message, "value_error");
    return *p256dh + " " + *auth;
}

// What PushSubscription.toJSON() has, and the device's name. Its expirationTime says nothing: no browser sets it, and a
// push service says itself that a subscription has ended.
Parsed<PushSubscription> parse_subscription(const JsonFields& fields) {
    BodyReader reader(fields);
    PushSubscription out;
    if (const std::string* url = reader.string("endpoint"); url != nullptr) out.endpoint = *url;
    if (const JsonField* keys = reader.field("keys"); keys != nullptr) {
        if (keys->kind == JsonField::Kind::object) {
            out.keys = read_keys(reader, JsonFields(keys->members));
        } else {
            reader.refuse("keys", "Input should be an object", "dict_type");
        }
    }
    if (const std::string* label = reader.optional_string("label"); label != nullptr) {
        out.label = trimmed(*label);
        if (count_code_points(out.label) > max_push_label) {
            reader.refuse("label", fmt::format("Input should have at most {} characters", max_push_label),
                          "too_long");
        } else if (std::ranges::any_of(out.label,
                                       [](char c) { return is_control(static_cast<unsigned char>(c)); })) {
            reader.refuse("label", "Input should have no control characters", "value_error");
        }
    }
    return reader.result(std::move(out));
}

// With its endpoint in one spelling and its keys sealed.
Parsed<PushSubscription> read_subscription(const Services& services, const Exchange& exchange) {
    const auto fields = parse_json_object(exchange.request.body);
    if (!fields) return std::unexpected(std::vector{fields.error()});
    auto out = parse_subscription(*fields);
    if (!out) return out;
    auto url = net::parse_webhook_url(out->endpoint, services.options.url_policy);
    if (url && !exchange.text_only) {
        if (auto vetted = services.use.vet_webhook_url(url->url); !vetted) url = std::move(vetted);
    }
    if (!url)
        return std::unexpected(std::vector{Issue{{"body", "endpoint"}, url.error().message, "value_error"}});
    const Timestamp now = services.use.clock.now();
    out->id = make_uuid(now);
    out->user_id = exchange.user.id;
    out->endpoint = url->url;
    out->keys = services.use.secrets.seal(out->keys, exchange.user.id.to_string());
    out->created_at = now;
    return out;
}

std::string host_of(const std::string& endpoint) {
    const std::string origin = net::origin_of(endpoint);
    return origin.substr(std::min(origin.find("://") + 3, origin.size()));
}

void write_device(JsonWriter& w, const PushSubscription& push) {
    w.begin_object()
        .field("id", push.id)
        .field("label", push.label)
        .field("host", host_of(push.endpoint))
        .field("created_at", push.created_at)
        .field("last_success_at", push.success_at)
        .key("last_failure");
    if (push.failure_at) {
        w.begin_object().field("at", *push.failure_at).field("reason", push.failure).end_object();
    } else {
        w.value(nullptr);
    }
    w.end_object();
}

std::string device_json(const PushSubscription& push) {
    JsonWriter w;
    write_device(w, push);
    return std::move(w).str();
}

constexpr std::string_view switched_off = "This server does not send notifications to devices (push.enabled)";

}  // namespace

net::ServerResponse list_pushes(Services& services, Exchange& exchange) {
    std::optional<std::string> key;
    if (services.use.push_key) {
        auto own = services.use.push_key();
        if (!own) throw std::runtime_error("the key for pushes cannot be read: " + own.error().message);
        key = std::move(*own);
    }
    JsonWriter w;
    w.begin_object().field("public_key", key).key("subscriptions").begin_array();
    for (const PushSubscription& push : services.use.storage.pushes(exchange.user.id)) write_device(w, push);
    w.end_array().end_object();
    return json_response(200, std::move(w).str());
}

net::ServerResponse add_push(Services& services, Exchange& exchange) {
    return answer_once(services, exchange, [&](storage::IdempotentRequest* request) -> OnceMade {
        if (!services.use.push_key) return nothing_made(error_response(409, switched_off));
        const auto wanted = read_subscription(services, exchange);
        if (!wanted) return nothing_made(validation_response(wanted.error()));
        const auto answer = [](const storage::PutPush& put, storage::IdempotentRequest& out) {
            out.status = put.is_new ? 201 : 200;
            out.answer = device_json(put.stored);
        };
        const auto put = services.use.storage.put_push(*wanted, max_push_subscriptions, request, answer);
        if (put) return json_response(put->is_new ? 201 : 200, device_json(put->stored));
        switch (put.error()) {
            case storage::PutPushError::key_used:
                return key_is_used();
            case storage::PutPushError::not_found:
                return nothing_made(unauthorized(invalid_key));
            case storage::PutPushError::limit_reached:
                break;
        }
        const Issue issue{
            {"body"},
            fmt::format("At most {} devices can be notified; remove one first", max_push_subscriptions),
            "limit_reached"};
        return nothing_made(validation_response({&issue, 1}));
    });
}

net::ServerResponse remove_push(Services& services, Exchange& exchange) {
    const auto id = Uuid::parse(exchange.parameter);
    const bool removed =
        id && services.use.storage.remove_push(exchange.user.id, *id, services.use.clock.now());
    return removed ? no_content() : error_response(404, no_such_device);
}

}  // namespace pricewire::api
