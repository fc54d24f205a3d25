#include "api/idempotency.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/crypto.hpp"

namespace pricewire::api {
namespace {

constexpr std::size_t max_key = 255;
constexpr std::string_view header_name = "Idempotency-Key";

net::ServerResponse refuse_key(std::string message, std::string type) {
    const Issue issue{{"header", std::string(header_name)}, std::move(message), std::move(type)};
    return validation_response({&issue, 1});
}

bool is_printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

// Identifies what is asked for. A slash at the end of the path makes no difference.
Sha256 fingerprint(const net::ServerRequest& request) {
    std::string_view path = request.path;
    if (path.ends_with('/')) path.remove_suffix(1);
    std::string text = request.method + ' ';
    text.append(path).append("\n").append(request.body);
    return sha256(text);
}

// The path of what was created, by the id that its answer begins with.
std::optional<std::string> location_of(const Exchange& exchange, const std::string& answer) {
    constexpr std::string_view start = R"({"id":")";
    constexpr std::size_t id_length = 36;
    if (!answer.starts_with(start) || answer.size() < start.size() + id_length) return std::nullopt;
    std::string_view path = exchange.request.path;
    if (path.ends_with('/')) path.remove_suffix(1);
    const std::string id = answer.substr(start.size(), id_length);
    if (path.ends_with("/test")) return "/api/v1/deliveries/" + id;
    if (path.ends_with("/alerts")) return "/api/v1/alerts/" + id;
    return std::nullopt;
}

net::ServerResponse not_kept() {
    return error_response(409,
                          "A request with this Idempotency-Key has created what it asked for within the last "
                          "24 h; its answer was too large to be kept");
}

// Until `room_at`.
net::ServerResponse too_many_keys(std::size_t kept, Timestamp now, Timestamp room_at) {
    const std::int64_t wait =
        std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(room_at - now).count());
    auto out =
        error_response(429, fmt::format("You have used {} keys within the last 24 h, as many as are kept. "
                                        "Try again in {} s, or without an Idempotency-Key.",
                                        kept, wait));
    out.headers.emplace_back("Retry-After", std::to_string(wait));
    return out;
}

net::ServerResponse again(const Exchange& exchange, const storage::StoredAnswer& stored,
                          const Sha256& request) {
    if (stored.request != request)
        return refuse_key("It was used for another request within the last 24 h", "idempotency_key");
    auto response = stored.answer ? json_response(stored.status, *stored.answer) : not_kept();
    if (const auto location = location_of(exchange, stored.answer.value_or("")))
        response.headers.emplace_back("Location", *location);
    response.headers.emplace_back("Idempotent-Replayed", "true");
    return response;
}

net::ServerResponse under_way() {
    auto response = error_response(
        409, "A request with this Idempotency-Key is being handled; ask again when it has been answered");
    response.headers.emplace_back("Retry-After", "1");
    return response;
}

}  // namespace

net::ServerResponse answer_once(Services& services, Exchange& exchange,
                                const std::function<OnceMade(storage::IdempotentRequest* request)>& make) {
    const std::string* key = exchange.request.header("idempotency-key");
    if (key == nullptr) {
        OnceMade made = make(nullptr);
        return made ? std::move(*made) : std::move(made.error().answer).value();
    }
    if (key->empty() || key->size() > max_key || !is_printable(*key))
        return refuse_key("Input should be 1 to 255 printable ASCII characters", "string_pattern_mismatch");
    const Uuid& user = exchange.user.id;
    if (!services.keys_under_way.begin(user, *key)) return under_way();
    struct End {
        KeysUnderWay& keys;
        const Uuid& user;
        const std::string& key;
        ~End() { keys.end(user, key); }
    } const end{services.keys_under_way, user, *key};
    const Timestamp now = services.use.clock.now();
    storage::IdempotentRequest request{.key = *key, .request = fingerprint(exchange.request), .at = now};
    auto stored = services.use.storage.stored_answer(user, *key, now);
    if (!stored) {
        if (const auto room_at = services.use.storage.key_room_at(user, now, services.options.kept_keys))
            return too_many_keys(services.options.kept_keys, now, *room_at);
        OnceMade made = make(&request);
        if (made) return std::move(*made);
        // Another process may have been faster: what it has created may be why nothing was created here.
        stored = services.use.storage.stored_answer(user, *key, now);
        if (!stored) return made.error().answer ? std::move(*made.error().answer) : under_way();
    }
    return again(exchange, *stored, request.request);
}

}  // namespace pricewire::api
