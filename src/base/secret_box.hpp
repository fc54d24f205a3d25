#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pricewire::inline base {

// Seals secrets under a master key for storing them. What is sealed names the key that sealed it, so that
// keys can be replaced one after the other. Thread-safe.
class SecretBox {
public:
    virtual ~SecretBox() = default;
    // Under the current master key. `context` is bound into it and must be the same at open(), so that what
    // was sealed for one user is worth nothing in another's row.
    virtual std::string seal(std::string_view secret, std::string_view context) const = 0;
    // Error: another context, a key that is not here, or text that seal() has not written. The message names
    // what is missing, never the secret.
    virtual Result<std::string> open(std::string_view sealed, std::string_view context) const = 0;
    // Whether `sealed` is under the current key; false for secrets in the clear as well.
    virtual bool is_current(std::string_view sealed) const = 0;
};

}  // namespace pricewire::inline base
