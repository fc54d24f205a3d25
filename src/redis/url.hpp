#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pricewire::redis {

// Where a Redis is, and how to enter.
struct Address {
    std::string host = "127.0.0.1";  // a name or an IP address, without brackets
    std::uint16_t port = 6379;
    std::string user;      // empty: the default user
    std::string password;  // empty: none is asked for
    int db = 0;

    // "host:port": what may be logged.
    std::string text() const;
};

// redis://[[user]:password@]host[:port][/db], parts percent-encoded where needed. Anything else is refused,
// TLS (rediss://) among it, in words that show nothing of the text.
Result<Address> parse_url(std::string_view text);

}  // namespace pricewire::redis
