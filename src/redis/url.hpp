#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pricewire::redis {

// The address of a Redis server and the credentials for it.
struct Address {
    std::string host = "127.0.0.1";  // a name or an IP address, without brackets
    std::uint16_t port = 6379;
    std::string user;      // empty: the default user
    std::string password;  // empty: no authentication
    int db = 0;

    // "host:port": what may be logged.
    std::string text() const;
};

// redis://[[user]:password@]host[:port][/db], with percent-encoding where needed. Anything else is an error,
// including TLS (rediss://). The error never contains the text.
Result<Address> parse_url(std::string_view text);
// Throws std::invalid_argument for an error.
Address address_of(std::string_view url);

}  // namespace pricewire::redis
