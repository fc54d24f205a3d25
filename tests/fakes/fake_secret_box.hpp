#pragma once

#include <atomic>
#include <string>
#include <string_view>

#include "base/unusable.hpp"
#include "secrets/secret_box.hpp"

namespace pricewire::fakes {

// Seals by writing "sealed:<context>:" before the secret, so that tests see what was sealed and for whom.
class FakeSecretBox : public secrets::SecretBox {
public:
    std::string seal(std::string_view secret, std::string_view context) const override {
        return prefix(context).append(secret);
    }
    Result<std::string> open(std::string_view sealed, std::string_view context) const override {
        const std::string start = prefix(context);
        if (!sealed.starts_with(start)) return fail("sealed for another user");
        return std::string(sealed.substr(start.size()));
    }
    bool is_current(std::string_view sealed) const override { return sealed.starts_with("sealed:"); }

    void check() const override {
        if (const char* brief = missing_.load()) throw Unusable("the key file is not there", brief);
    }
    // From now on check() throws this, which must live forever.
    void fail_check(const char* brief) { missing_ = brief; }

private:
    static std::string prefix(std::string_view context) {
        return std::string("sealed:").append(context).append(":");
    }

    std::atomic<const char*> missing_ = nullptr;
};

}  // namespace pricewire::fakes
