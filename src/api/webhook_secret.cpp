// The secret that signs a user's webhooks; shown only when it is created.
#include <chrono>
#include <stdexcept>

#include "api/bodies.hpp"
#include "api/handlers.hpp"
#include "base/json_writer.hpp"
#include "base/log.hpp"
#include "webhook/signature.hpp"

namespace pricewire::api {
namespace {

// How long webhooks are also signed with the previous secret after a rotation.
constexpr Duration rotation_overlap = std::chrono::hours{24};

// The public part of the current secret. Error: it cannot be opened or is invalid.
Result<webhook::SecretInfo> key_info(Services& services, const Uuid& user_id, const WebhookSecrets& secrets) {
    const auto secret = services.use.secrets.open(secrets.current, user_id.to_string());
    if (!secret) return std::unexpected(secret.error());
    return webhook::describe_secret(*secret);
}

}  // namespace

net::ServerResponse show_webhook_secret(Services& services, Exchange& exchange) {
    const auto secrets = services.use.storage.webhook_secrets(exchange.user.id);
    if (!secrets) return unauthorized(invalid_key);
    const auto info = key_info(services, exchange.user.id, *secrets);
    if (!info) throw std::runtime_error("a webhook secret cannot be read: " + info.error().message);
    const bool overlaps = secrets->previous_until && *secrets->previous_until > services.use.clock.now();
    JsonWriter w;
    w.begin_object().field("scheme", to_string(info->scheme));
    if (info->scheme == SignatureScheme::v1a) w.field("webhook_public_key", info->public_key);
    w.field("previous_valid_until", overlaps ? secrets->previous_until : std::nullopt).end_object();
    return json_response(200, std::move(w).str());
}

net::ServerResponse rotate_webhook_secret(Services& services, Exchange& exchange) {
    const auto body = parse_webhook_secret_body(exchange.request.body);
    if (!body) return validation_response(body.error());
    std::optional<SignatureScheme> scheme = body->scheme;
    if (!scheme) {
        const auto secrets = services.use.storage.webhook_secrets(exchange.user.id);
        if (!secrets) return unauthorized(invalid_key);
        const auto info = key_info(services, exchange.user.id, *secrets);
        if (!info) {
            log::error("a webhook secret cannot be read", {{"reason", info.error().message}});
            return error_response(
                409, "The present secret cannot be read, so its scheme is not known: name one in \"scheme\"");
        }
        scheme = info->scheme;
    }
    const NewWebhookSecret fresh = services.use.make_webhook_secret(*scheme);
    const std::string sealed = services.use.secrets.seal(fresh.secret, exchange.user.id.to_string());
    const Timestamp previous_until = services.use.clock.now() + rotation_overlap;
    if (!services.use.storage.rotate_webhook_secret(exchange.user.id, sealed, previous_until)) {
        return unauthorized(invalid_key);
    }
    JsonWriter w;
    w.begin_object()
        .field("scheme", to_string(*scheme))
        .field(shown_secret_field(*scheme), fresh.shown)
        .field("previous_valid_until", previous_until)
        .end_object();
    return json_response(200, std::move(w).str());
}

}  // namespace pricewire::api
