#include "secrets/sealed.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace pricewire::secrets {
namespace {

constexpr std::string_view prefix = "sealed:1:";
constexpr std::size_t id_size = 8;
constexpr std::size_t header_size = prefix.size() + id_size + 1;
constexpr std::size_t max_sealed_size = header_size + (max_secret_size + 28) * 4 / 3 + 4;

struct NamedKey {
    std::string header;  // "sealed:1:" id ":"
    MasterKey key;
};

class AesSecretBox : public SecretBox {
public:
    explicit AesSecretBox(const MasterKeys& keys) {
        keys_.push_back(named(keys.current));
        for (const MasterKey& key : keys.previous) keys_.push_back(named(key));
    }

    std::string seal(std::string_view secret, std::string_view context) const override {
        if (secret.size() > max_secret_size)
            throw std::invalid_argument("the secret is too long to be sealed");
        const NamedKey& key = keys_.front();
        return key.header +
               base64url_encode(aes_gcm_seal(key.key, as_bytes(secret), key.header + std::string(context)));
    }

    Result<std::string> open(std::string_view sealed, std::string_view context) const override {
        if (!is_sealed(sealed)) return fail("the secret is not sealed");
        const std::string_view id = key_id_of(sealed);
        if (id.empty() || sealed.size() > max_sealed_size) return fail("the sealed secret is damaged");
        const std::string_view header = sealed.substr(0, header_size);
        const auto bytes = base64url_decode(sealed.substr(header_size));
        if (!bytes) return fail("the sealed secret is damaged");
        bool known = false;
        for (const NamedKey& key : keys_) {
            if (key.header != header) continue;
            known = true;
            const auto plain = aes_gcm_open(key.key, *bytes, key.header + std::string(context));
            if (plain) return std::string(plain->begin(), plain->end());
        }
        if (!known)
            return fail(fmt::format("the secret is sealed under master key {}, which is not available", id));
        return fail("the sealed secret is damaged or belongs to another user");
    }

    bool is_current(std::string_view sealed) const override {
        return sealed.starts_with(keys_.front().header);
    }

private:
    static NamedKey named(const MasterKey& key) { return {fmt::format("{}{}:", prefix, key_id(key)), key}; }

    std::vector<NamedKey> keys_;  // the current one first
};

}  // namespace

std::string key_id(const MasterKey& key) {
    std::string labelled = "pricewire master key\n";
    labelled.append(reinterpret_cast<const char*>(key.data()), key.size());
    const Sha256 hash = sha256(labelled);
    return hex_encode(std::span(hash).first(id_size / 2));
}

std::vector<std::string> key_ids(const MasterKeys& keys) {
    std::vector<std::string> ids{key_id(keys.current)};
    for (const MasterKey& key : keys.previous) ids.push_back(key_id(key));
    return ids;
}

MasterKeys with_keys(MasterKeys keys, const std::vector<MasterKey>& more) {
    keys.previous.insert(keys.previous.end(), more.begin(), more.end());
    return keys;
}

bool is_sealed(std::string_view text) {
    return text.starts_with("sealed:");
}

std::string_view key_id_of(std::string_view sealed) {
    if (!sealed.starts_with(prefix) || sealed.size() < header_size || sealed[header_size - 1] != ':')
        return {};
    const std::string_view id = sealed.substr(prefix.size(), id_size);
    return id.find_first_not_of("0123456789abcdef") == id.npos ? id : std::string_view();
}

std::unique_ptr<SecretBox> create_secret_box(const MasterKeys& keys) {
    return std::make_unique<AesSecretBox>(keys);
}

}  // namespace pricewire::secrets
