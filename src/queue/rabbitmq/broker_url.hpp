#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pricewire::queue {

struct BrokerUrl {
    std::string user = "guest";
    std::string password = "guest";
    std::string host;
    int port = 0;
    std::string vhost = "/";
    bool tls = false;

    std::string address() const;  // "host:port", "[::1]:5672"
};

// Parses amqp[s]://[user[:password]@]host[:port][/[vhost]] according to RabbitMQ's "URI Specification",
// except that an empty vhost means "/", as in most clients. Errors do not repeat the URL, since it contains a
// password.
Result<BrokerUrl> parse_broker_url(std::string_view url);

}  // namespace pricewire::queue
