#include "base/p256.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <vector>

#include "base/crypto.hpp"
#include "base/detail/openssl.hpp"

namespace pricewire::inline base {
namespace {

using detail::Freeing;
using Number = std::unique_ptr<BIGNUM, Freeing<BN_clear_free>>;
using Group = std::unique_ptr<EC_GROUP, Freeing<EC_GROUP_free>>;
using Point = std::unique_ptr<EC_POINT, Freeing<EC_POINT_free>>;
using CurveKey = std::unique_ptr<EVP_PKEY, Freeing<EVP_PKEY_free>>;
using CurveContext = std::unique_ptr<EVP_PKEY_CTX, Freeing<EVP_PKEY_CTX_free>>;
using SignContext = std::unique_ptr<EVP_MD_CTX, Freeing<EVP_MD_CTX_free>>;
using SignatureParts = std::unique_ptr<ECDSA_SIG, Freeing<ECDSA_SIG_free>>;

void expect(bool success) {
    if (!success) throw std::runtime_error("P-256 failed");
}

const EC_GROUP* curve() {
    static const Group group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
    expect(group != nullptr);
    return group.get();
}

Number number(std::span<const std::uint8_t> bytes) {
    Number out(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
    expect(out != nullptr);
    return out;
}

// Null if the point is not on the curve. Without a private key it is good for verifying and as the other side.
CurveKey curve_key(const P256PublicKey& point, const P256PrivateKey* private_key) {
    const std::unique_ptr<OSSL_PARAM_BLD, Freeing<OSSL_PARAM_BLD_free>> builder(OSSL_PARAM_BLD_new());
    expect(builder != nullptr);
    expect(OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1);
    expect(OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                            point.size()) == 1);
    Number secret;
    if (private_key) {
        secret = number(*private_key);
        expect(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, secret.get()) == 1);
    }
    const std::unique_ptr<OSSL_PARAM, Freeing<OSSL_PARAM_free>> params(
        OSSL_PARAM_BLD_to_param(builder.get()));
    const CurveContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
    expect(params != nullptr && context != nullptr && EVP_PKEY_fromdata_init(context.get()) == 1);
    EVP_PKEY* key = nullptr;
    const int selection = private_key ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
    if (EVP_PKEY_fromdata(context.get(), &key, selection, params.get()) != 1) return nullptr;
    return CurveKey(key);
}

CurveKey curve_key(const P256KeyPair& pair) {
    CurveKey key = curve_key(pair.public_key, &pair.private_key);
    expect(key != nullptr);
    return key;
}

}  // namespace

P256KeyPair make_p256_key_pair() {
    P256PrivateKey bytes;
    for (;;) {
        random_bytes(bytes);
        if (const auto pair = p256_key_pair(bytes)) return *pair;
    }
}

std::optional<P256KeyPair> p256_key_pair(const P256PrivateKey& private_key) {
    const Number secret = number(private_key);
    if (BN_is_zero(secret.get()) || BN_cmp(secret.get(), EC_GROUP_get0_order(curve())) >= 0)
        return std::nullopt;
    const Point point(EC_POINT_new(curve()));
    expect(point && EC_POINT_mul(curve(), point.get(), secret.get(), nullptr, nullptr, nullptr) == 1);
    P256KeyPair pair{.private_key = private_key, .public_key = {}};
    expect(EC_POINT_point2oct(curve(), point.get(), POINT_CONVERSION_UNCOMPRESSED, pair.public_key.data(),
                              pair.public_key.size(), nullptr) == pair.public_key.size());
    return pair;
}

std::optional<P256PublicKey> p256_public_key(std::span<const std::uint8_t> bytes) {
    P256PublicKey key;
    if (bytes.size() != key.size() || bytes[0] != POINT_CONVERSION_UNCOMPRESSED) return std::nullopt;
    std::ranges::copy(bytes, key.begin());
    const Point point(EC_POINT_new(curve()));
    expect(point != nullptr);
    // Fails for a point that is not on the curve.
    if (EC_POINT_oct2point(curve(), point.get(), key.data(), key.size(), nullptr) != 1) return std::nullopt;
    return key;
}

std::array<std::uint8_t, 32> p256_shared_secret(const P256KeyPair& own, const P256PublicKey& other) {
    const CurveKey key = curve_key(own);
    const CurveKey peer = curve_key(other, nullptr);
    const CurveContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
    expect(peer && context && EVP_PKEY_derive_init(context.get()) == 1);
    expect(EVP_PKEY_derive_set_peer(context.get(), peer.get()) == 1);
    std::array<std::uint8_t, 32> out;
    std::size_t size = out.size();
    expect(EVP_PKEY_derive(context.get(), out.data(), &size) == 1 && size == out.size());
    return out;
}

P256Signature p256_sign(const P256KeyPair& pair, std::string_view message) {
    const CurveKey key = curve_key(pair);
    const SignContext context(EVP_MD_CTX_new());
    expect(context && EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1);
    std::size_t size = 0;
    const std::span<const std::uint8_t> data = as_bytes(message);
    expect(EVP_DigestSign(context.get(), nullptr, &size, data.data(), data.size()) == 1);
    std::vector<std::uint8_t> der(size);
    expect(EVP_DigestSign(context.get(), der.data(), &size, data.data(), data.size()) == 1);
    const std::uint8_t* begin = der.data();
    const SignatureParts parts(d2i_ECDSA_SIG(nullptr, &begin, static_cast<long>(size)));
    P256Signature out;
    expect(parts && BN_bn2binpad(ECDSA_SIG_get0_r(parts.get()), out.data(), 32) == 32);
    expect(BN_bn2binpad(ECDSA_SIG_get0_s(parts.get()), out.data() + 32, 32) == 32);
    return out;
}

bool p256_verify(const P256PublicKey& key, std::string_view message, const P256Signature& signature) {
    const CurveKey public_key = curve_key(key, nullptr);
    if (!public_key) return false;
    const SignatureParts parts(ECDSA_SIG_new());
    Number r = number(std::span(signature).first(32)), s = number(std::span(signature).last(32));
    expect(parts && ECDSA_SIG_set0(parts.get(), r.release(), s.release()) == 1);
    std::uint8_t* der = nullptr;
    const int size = i2d_ECDSA_SIG(parts.get(), &der);
    const std::unique_ptr<std::uint8_t, void (*)(std::uint8_t*)> owned(
        der, [](std::uint8_t* p) { OPENSSL_free(p); });
    const SignContext context(EVP_MD_CTX_new());
    expect(size > 0 && context != nullptr);
    expect(EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, public_key.get()) == 1);
    return EVP_DigestVerify(context.get(), der, static_cast<std::size_t>(size), as_bytes(message).data(),
                            message.size()) == 1;
}

}  // namespace pricewire::inline base
