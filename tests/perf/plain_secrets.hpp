#pragma once

#include <string>
#include <string_view>

#include "secrets/secret_box.hpp"

namespace pricewire::perf {

// Leaves secrets unsealed: the sender's benchmarks do not measure sealing.
class PlainSecrets : public secrets::SecretBox {
public:
    std::string seal(std::string_view secret, std::string_view) const override { return std::string(secret); }
    Result<std::string> open(std::string_view sealed, std::string_view) const override {
        return std::string(sealed);
    }
    bool is_current(std::string_view) const override { return true; }
};

}  // namespace pricewire::perf
