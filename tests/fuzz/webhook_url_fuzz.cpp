#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "net/webhook_url.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pricewire::net;
    static const UrlPolicy policy{.allow_http = true, .allow_ports = {{1, 65535}}, .guard = AddressGuard()};
    const auto url = parse_webhook_url({reinterpret_cast<const char*>(data), size}, policy);
    if (!url) {
        if (url.error().message.empty()) std::abort();
        return 0;
    }
    if (url->host.empty() || url->port == 0) std::abort();
    // An address that is forbidden must not come through, however it was spelled.
    if (const auto address = IpAddress::parse(url->host); address && policy.guard.refuses(*address))
        std::abort();
    return 0;
}
