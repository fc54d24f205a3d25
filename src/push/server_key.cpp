#include "push/server_key.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/crypto.hpp"
#include "base/json_writer.hpp"

namespace pricewire::push {
namespace {

// RFC 8292, section 2: at most 24 hours.
constexpr Duration token_lasts = std::chrono::hours{12};
constexpr Duration token_reused = std::chrono::hours{6};
// There are a handful of push services; beyond this somebody is inventing them.
constexpr std::size_t most_tokens = 256;

}  // namespace

std::string make_server_key() {
    return base64url_encode(make_p256_key_pair().private_key);
}

Result<P256KeyPair> parse_server_key(std::string_view text) {
    const auto bytes = base64url_decode(text);
    P256PrivateKey key;
    if (bytes && bytes->size() == key.size()) {
        std::ranges::copy(*bytes, key.begin());
        if (const auto pair = p256_key_pair(key)) return *pair;
    }
    return fail("the server's key for pushes is not a private key of P-256");
}

std::string public_key_text(const P256KeyPair& key) {
    return base64url_encode(key.public_key);
}

Vapid::Vapid(const P256KeyPair& key, std::string contact)
    : key_(key), public_key_(public_key_text(key)), contact_(std::move(contact)) {}

std::string Vapid::authorization(const std::string& origin, Timestamp now) {
    if (tokens_.size() >= most_tokens && !tokens_.contains(origin)) tokens_.clear();
    Token& kept = tokens_[origin];
    // A clock that was set back would make the token seem to last for longer than services accept.
    if (kept.text.empty() || now < kept.made_at || now - kept.made_at > token_reused)
        kept = {token(origin, now), now};
    return "vapid t=" + kept.text + ", k=" + public_key_;
}

std::string Vapid::token(const std::string& origin, Timestamp now) const {
    JsonWriter claims;
    claims.begin_object().field("aud", origin);
    claims.field("exp",
                 std::chrono::floor<std::chrono::seconds>(now + token_lasts).time_since_epoch().count());
    if (!contact_.empty()) claims.field("sub", contact_);
    claims.end_object();
    const std::string text = base64url_encode(as_bytes(R"({"typ":"JWT","alg":"ES256"})")) + '.' +
                             base64url_encode(as_bytes(claims.str()));
    return text + '.' + base64url_encode(p256_sign(key_, text));
}

}  // namespace pricewire::push
