#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <memory>
#include <stdexcept>

#include "base/crypto.hpp"
#include "base/detail/openssl.hpp"

namespace pricewire::inline base {
namespace {

constexpr std::size_t nonce_size = 12;
constexpr std::size_t tag_size = 16;

using detail::Freeing;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Freeing<EVP_CIPHER_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freeing<EVP_MD_CTX_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freeing<EVP_PKEY_free>>;

void need(bool success, const char* what) {
    if (!success) throw std::runtime_error(std::string(what) + " failed");
}

// Fetched once: the look-up by name costs more than sealing a secret.
const EVP_CIPHER* aes_gcm() {
    static const std::unique_ptr<EVP_CIPHER, Freeing<EVP_CIPHER_free>> cipher(
        EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr));
    need(cipher != nullptr, "AES-256-GCM");
    return cipher.get();
}

// Writes the cipher text and, behind it, the tag to `out`.
void gcm_encrypt(const EVP_CIPHER* type, const std::uint8_t* key, const std::uint8_t* nonce,
                 std::span<const std::uint8_t> plain, std::string_view context, std::uint8_t* out) {
    constexpr const char* what = "AES-GCM";
    const CipherContext cipher(EVP_CIPHER_CTX_new());
    need(cipher != nullptr, what);
    need(EVP_EncryptInit_ex2(cipher.get(), type, key, nonce, nullptr) == 1, what);
    int size = 0;
    if (!context.empty())
        need(EVP_EncryptUpdate(cipher.get(), nullptr, &size, as_bytes(context).data(),
                               static_cast<int>(context.size())) == 1,
             what);
    need(EVP_EncryptUpdate(cipher.get(), out, &size, plain.data(), static_cast<int>(plain.size())) == 1,
         what);
    need(EVP_EncryptFinal_ex(cipher.get(), out + size, &size) == 1, what);
    need(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, tag_size, out + plain.size()) == 1, what);
}

Key private_key(const Ed25519KeyPair& pair) {
    using Context = std::unique_ptr<EVP_PKEY_CTX, Freeing<EVP_PKEY_CTX_free>>;
    const Context context(EVP_PKEY_CTX_new_from_name(nullptr, "ED25519", nullptr));
    need(context != nullptr && EVP_PKEY_fromdata_init(context.get()) == 1, "Ed25519");
    // OpenSSL wants non-const parameters but does not change these.
    auto* const seed = const_cast<std::uint8_t*>(pair.seed.data());
    auto* const public_key = const_cast<std::uint8_t*>(pair.public_key.data());
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, seed, pair.seed.size()),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, public_key, pair.public_key.size()),
        OSSL_PARAM_construct_end()};
    EVP_PKEY* key = nullptr;
    need(EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, params) == 1, "Ed25519");
    return Key(key);
}

}  // namespace

std::vector<std::uint8_t> aes_gcm_seal(const SymmetricKey& key, std::span<const std::uint8_t> plain,
                                       std::string_view context) {
    std::vector<std::uint8_t> out(nonce_size + plain.size() + tag_size);
    random_bytes(std::span(out).first(nonce_size));
    gcm_encrypt(aes_gcm(), key.data(), out.data(), plain, context, out.data() + nonce_size);
    return out;
}

std::optional<std::vector<std::uint8_t>> aes_gcm_open(const SymmetricKey& key,
                                                      std::span<const std::uint8_t> sealed,
                                                      std::string_view context) {
    if (sealed.size() < nonce_size + tag_size) return std::nullopt;
    std::vector<std::uint8_t> out(sealed.size() - nonce_size - tag_size);
    const CipherContext cipher(EVP_CIPHER_CTX_new());
    need(cipher != nullptr, "AES-256-GCM");
    need(EVP_DecryptInit_ex2(cipher.get(), aes_gcm(), key.data(), sealed.data(), nullptr) == 1,
         "AES-256-GCM");
    int size = 0;
    need(EVP_DecryptUpdate(cipher.get(), nullptr, &size, as_bytes(context).data(),
                           static_cast<int>(context.size())) == 1,
         "AES-256-GCM");
    need(EVP_DecryptUpdate(cipher.get(), out.data(), &size, sealed.data() + nonce_size,
                           static_cast<int>(out.size())) == 1,
         "AES-256-GCM");
    // OpenSSL wants a non-const tag but does not change it.
    auto* const tag = const_cast<std::uint8_t*>(sealed.data() + sealed.size() - tag_size);
    need(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, tag_size, tag) == 1, "AES-256-GCM");
    if (EVP_DecryptFinal_ex(cipher.get(), out.data() + size, &size) != 1) return std::nullopt;
    return out;
}

std::vector<std::uint8_t> aes_128_gcm(std::span<const std::uint8_t, 16> key,
                                      std::span<const std::uint8_t, 12> nonce,
                                      std::span<const std::uint8_t> plain) {
    std::vector<std::uint8_t> out(plain.size() + tag_size);
    gcm_encrypt(EVP_aes_128_gcm(), key.data(), nonce.data(), plain, {}, out.data());
    return out;
}

Ed25519PublicKey ed25519_public_key(const Ed25519Seed& seed) {
    const Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()));
    need(key != nullptr, "Ed25519");
    Ed25519PublicKey out;
    std::size_t size = out.size();
    need(EVP_PKEY_get_raw_public_key(key.get(), out.data(), &size) == 1, "Ed25519");
    return out;
}

Ed25519Signature ed25519_sign(const Ed25519KeyPair& pair, std::string_view message) {
    const Key key = private_key(pair);
    const DigestContext context(EVP_MD_CTX_new());
    need(context != nullptr, "Ed25519");
    need(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1, "Ed25519");
    Ed25519Signature out;
    std::size_t size = out.size();
    need(EVP_DigestSign(context.get(), out.data(), &size, as_bytes(message).data(), message.size()) == 1,
         "Ed25519");
    return out;
}

bool ed25519_verify(const Ed25519PublicKey& key, std::string_view message,
                    const Ed25519Signature& signature) {
    const Key public_key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()));
    if (public_key == nullptr) return false;
    const DigestContext context(EVP_MD_CTX_new());
    need(context != nullptr, "Ed25519");
    need(EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, public_key.get()) == 1, "Ed25519");
    return EVP_DigestVerify(context.get(), signature.data(), signature.size(), as_bytes(message).data(),
                            message.size()) == 1;
}

}  // namespace pricewire::inline base
