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

// Reads amqp[s]://[user[:password]@]host[:port][/[vhost]], as RabbitMQ's "URI Specification" has it, but
// that an empty vhost is "/", as most clients take it. Errors do not repeat the URL, since it holds a
// password.
Result<BrokerUrl> parse_broker_url(std::string_view url);

}  // namespace pricewire::queue
