#include <openssl/evp.h>

#include <array>
#include <stdexcept>
#include <vector>

#include "base/crypto.hpp"
#include "redis/connection.hpp"

namespace pricewire::redis {
namespace {

// Redis names scripts by their SHA-1 (redis.io/commands/evalsha); it does not protect any secret.
std::string sha1_hex(std::string_view text) {
    std::array<std::uint8_t, 20> digest{};
    unsigned size = 0;
    if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1)
        throw std::runtime_error("SHA-1 failed");
    return hex_encode(digest);
}

}  // namespace

Script::Script(std::string text) : text_(std::move(text)), name_(sha1_hex(text_)) {}

Reply Script::run(Connection& connection, std::span<const std::string_view> keys,
                  std::span<const std::string_view> arguments) const {
    const std::string count = std::to_string(keys.size());
    std::vector<std::string_view> words{"EVALSHA", name_, count};
    words.insert(words.end(), keys.begin(), keys.end());
    words.insert(words.end(), arguments.begin(), arguments.end());
    Reply reply = connection.command(words);
    if (!reply.is_error() || !reply.text().starts_with("NOSCRIPT")) return reply;
    words[0] = "EVAL";
    words[1] = text_;
    return connection.command(words);
}

}  // namespace pricewire::redis
