#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.hpp"
#include "base/p256.hpp"
#include "base/result.hpp"

// The key by which push services recognize this server (VAPID, RFC 8292). A browser subscribes with its public half, so
// that it is the same in all processes and for as long as there are subscriptions.
namespace pricewire::push {

// A new private key as a text, to be sealed.
std::string make_server_key();
// Error: the text is none that make_server_key() wrote; the message does not contain it.
Result<P256KeyPair> parse_server_key(std::string_view text);
// As PushManager.subscribe() takes it: the uncompressed point in base64url.
std::string public_key_text(const P256KeyPair& key);

// Writes the header Authorization. One thread.
class Vapid {
public:
    // `contact` is whom a push service may turn to: a mailto: or https: URL, or empty.
    Vapid(const P256KeyPair& key, std::string contact);

    // For pushes to `origin`, "https://push.example" with its port unless that is the scheme's own. Tokens are valid for
    // 12 hours and reused for half of that.
    std::string authorization(const std::string& origin, Timestamp now);

private:
    struct Token {
        std::string text;
        Timestamp made_at;
    };
    std::string token(const std::string& origin, Timestamp now) const;

    const P256KeyPair key_;
    const std::string public_key_;
    const std::string contact_;
    std::unordered_map<std::string, Token> tokens_;
};

}  // namespace pricewire::push
