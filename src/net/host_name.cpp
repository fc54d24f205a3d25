#include "net/host_name.hpp"

#include <idn2.h>

#include <cstdint>
#include <memory>

#include "base/text.hpp"

namespace pricewire::net {

Result<std::string> ascii_host(std::string_view name) {
    if (is_ascii(name)) return lower_case(name);
    const std::string copy(name);
    std::uint8_t* mapped = nullptr;
    const int error = idn2_lookup_u8(reinterpret_cast<const std::uint8_t*>(copy.c_str()), &mapped,
                                     IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    const std::unique_ptr<std::uint8_t, decltype(&idn2_free)> owned(mapped, &idn2_free);
    if (error != IDN2_OK) return fail(idn2_strerror(error));
    return lower_case(reinterpret_cast<const char*>(mapped));
}

std::string international_host(std::string_view ascii) {
    const std::string copy(ascii);
    char* decoded = nullptr;
    const int error = idn2_to_unicode_8z8z(copy.c_str(), &decoded, 0);
    const std::unique_ptr<char, decltype(&idn2_free)> owned(decoded, &idn2_free);
    return error == IDN2_OK ? std::string(decoded) : copy;
}

}  // namespace pricewire::net
