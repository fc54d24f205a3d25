#include "base/crypto.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "base/detail/openssl.hpp"

namespace pricewire::inline base {
namespace {

using detail::Freeing;
using MacContext = std::unique_ptr<EVP_MAC_CTX, Freeing<EVP_MAC_CTX_free>>;

}  // namespace

void random_bytes(std::span<std::uint8_t> out) {
    if (RAND_bytes(out.data(), static_cast<int>(out.size())) != 1) throw std::runtime_error("no randomness");
}

Sha256 sha256(std::string_view data) {
    Sha256 out;
    SHA256(as_bytes(data).data(), data.size(), out.data());
    return out;
}

Sha256 hmac_sha256(std::span<const std::uint8_t> key, std::string_view data) {
    // Copied, since looking HMAC and SHA-256 up by name costs more than using them.
    static const MacContext prepared = [] {
        const std::unique_ptr<EVP_MAC, Freeing<EVP_MAC_free>> mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
        MacContext context(EVP_MAC_CTX_new(mac.get()));
        char digest[] = "SHA256";
        const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                     OSSL_PARAM_construct_end()};
        if (!context || EVP_MAC_CTX_set_params(context.get(), params) != 1) context.reset();
        return context;
    }();
    const MacContext context(prepared ? EVP_MAC_CTX_dup(prepared.get()) : nullptr);
    // OpenSSL takes a null key to mean the key set before.
    static constexpr std::uint8_t nothing = 0;
    const std::uint8_t* const bytes = key.empty() ? &nothing : key.data();
    Sha256 out;
    std::size_t size = 0;
    if (!context || EVP_MAC_init(context.get(), bytes, key.size(), nullptr) != 1 ||
        EVP_MAC_update(context.get(), as_bytes(data).data(), data.size()) != 1 ||
        EVP_MAC_final(context.get(), out.data(), &size, out.size()) != 1) {
        throw std::runtime_error("HMAC failed");
    }
    return out;
}

bool equal_constant_time(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string base64_encode(std::span<const std::uint8_t> data) {
    // EVP_EncodeBlock writes a terminating NUL past the text.
    std::string out((data.size() + 2) / 3 * 4 + 1, '\0');
    out.resize(static_cast<std::size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                                        data.data(), static_cast<int>(data.size()))));
    return out;
}

std::optional<std::vector<std::uint8_t>> base64_decode(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    const std::size_t padding = text.size() - std::min(text.size(), text.find('='));
    if (padding > 2) return std::nullopt;
    std::vector<std::uint8_t> out(text.size() / 4 * 3);
    const int size = EVP_DecodeBlock(out.data(), as_bytes(text).data(), static_cast<int>(text.size()));
    if (size < 0) return std::nullopt;
    out.resize(static_cast<std::size_t>(size) - padding);
    // EVP_DecodeBlock ignores white space and stray bits, so the result is encoded again and compared.
    if (base64_encode(out) != text) return std::nullopt;
    return out;
}

std::string base64url_encode(std::span<const std::uint8_t> data) {
    std::string out = base64_encode(data);
    out.erase(std::find(out.begin(), out.end(), '='), out.end());
    std::replace(out.begin(), out.end(), '+', '-');
    std::replace(out.begin(), out.end(), '/', '_');
    return out;
}

std::optional<std::vector<std::uint8_t>> base64url_decode(std::string_view text) {
    if (text.find_first_of("+/=") != text.npos) return std::nullopt;
    std::string plain(text);
    std::replace(plain.begin(), plain.end(), '-', '+');
    std::replace(plain.begin(), plain.end(), '_', '/');
    plain.append((4 - plain.size() % 4) % 4, '=');
    return base64_decode(plain);
}

std::string hex_encode(std::span<const std::uint8_t> data) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    out.reserve(data.size() * 2);
    for (const std::uint8_t byte : data) {
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out;
}

}  // namespace pricewire::inline base
