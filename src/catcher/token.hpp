#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/crypto.hpp"

namespace pricewire::catcher {

// Unguessable: 32 random bytes, in the form that net::own_token() recognizes.
inline std::string make_token() {
    std::array<std::uint8_t, 32> bytes;
    random_bytes(bytes);
    return base64url_encode(bytes);
}

}  // namespace pricewire::catcher
