#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pricewire::secrets {

// Seals secrets under a master key for storage. A sealed text names the key that sealed it, so that keys can
// be rotated. Thread-safe.
class SecretBox {
public:
    virtual ~SecretBox() = default;
    // Seals under the current master key. `context` is authenticated and must be the same at open(), so that
    // a text sealed for one user is useless in another user's row.
    virtual std::string seal(std::string_view secret, std::string_view context) const = 0;
    // Error: a different context, an unavailable key, or text that seal() did not write. The message never
    // contains the secret.
    virtual Result<std::string> open(std::string_view sealed, std::string_view context) const = 0;
    // Whether `sealed` is under the current key; false for a secret in the clear.
    virtual bool is_current(std::string_view sealed) const = 0;
    // Throws Unusable if the keys would be missing at the next start.
    virtual void check() const {}
};

}  // namespace pricewire::secrets
