#include <array>

#include "api/accounts.hpp"
#include "api/bodies.hpp"
#include "api/email.hpp"
#include "api/handlers.hpp"
#include "base/crypto.hpp"
#include "base/json_writer.hpp"

namespace pricewire::api {
namespace {

JsonWriter& write_user(JsonWriter& w, const User& user) {
    return w.field("id", user.id)
        .field("email", user.email)
        .field("is_active", user.is_active)
        .field("created_at", user.created_at);
}

}  // namespace

std::string make_api_key() {
    std::array<std::uint8_t, 32> random{};
    random_bytes(random);
    return "sk_live_" + base64url_encode(random);
}

std::optional<User> find_user(storage::Storage& storage, std::string_view email) {
    for (const std::string& spelling : email_spellings(email)) {
        if (auto user = storage.user_by_email(spelling)) return user;
    }
    return std::nullopt;
}

NewAccount make_account(std::string email, const NewWebhookSecret& secret, const secrets::SecretBox& box,
                        Timestamp now) {
    NewAccount out;
    out.api_key = make_api_key();
    out.stored.user = {make_uuid(now), std::move(email), true, now};
    out.stored.api_key_hash = sha256(out.api_key);
    out.stored.webhook_secret = box.seal(secret.secret, out.stored.user.id.to_string());
    return out;
}

std::string_view shown_secret_field(SignatureScheme scheme) {
    return scheme == SignatureScheme::v1 ? "webhook_secret" : "webhook_public_key";
}

net::ServerResponse register_user(Services& services, Exchange& exchange) {
    auto body = parse_register_body(exchange.request.body);
    if (!body) return validation_response(body.error());
    constexpr std::string_view taken = "Email already registered";
    // The storage compares texts: of a second spelling it would not know that it is the same.
    if (email_spellings(body->email).size() > 1 && find_user(services.use.storage, body->email))
        return error_response(400, taken);
    const NewWebhookSecret secret = services.use.make_webhook_secret(body->signature);
    const NewAccount account =
        make_account(std::move(body->email), secret, services.use.secrets, services.use.clock.now());
    if (!services.use.storage.create_user(account.stored)) return error_response(400, taken);
    JsonWriter w;
    write_user(w.begin_object(), account.stored.user)
        .field("api_key", account.api_key)
        .field(shown_secret_field(body->signature), secret.shown)
        .end_object();
    return json_response(201, std::move(w).str());
}

net::ServerResponse show_registration(Services& services, Exchange&) {
    return json_response(200, services.options.registration_open ? R"({"registration":"open"})"
                                                                 : R"({"registration":"closed"})");
}

net::ServerResponse show_me(Services&, Exchange& exchange) {
    JsonWriter w;
    write_user(w.begin_object(), exchange.user).end_object();
    return json_response(200, std::move(w).str());
}

net::ServerResponse delete_me(Services& services, Exchange& exchange) {
    const bool deleted = services.use.storage.delete_user(exchange.user.id, services.use.clock.now());
    // The storage's event evicts the key from all caches, but later; this process must not wait for it.
    services.use.auth_cache.evict(exchange.user.id);
    return deleted ? no_content() : unauthorized(invalid_key);
}

net::ServerResponse replace_api_key(Services& services, Exchange& exchange) {
    const std::string api_key = make_api_key();
    const bool replaced = services.use.storage.replace_api_key(exchange.user.id, sha256(api_key));
    // As in delete_me: the old key stops working with this response.
    services.use.auth_cache.evict(exchange.user.id);
    if (!replaced) return unauthorized(invalid_key);
    JsonWriter w;
    w.begin_object().field("api_key", api_key).end_object();
    return json_response(200, std::move(w).str());
}

}  // namespace pricewire::api
