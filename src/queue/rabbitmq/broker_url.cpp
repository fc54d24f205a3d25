#include "queue/rabbitmq/broker_url.hpp"

#include <amqp.h>

#include "queue/rabbitmq/rabbitmq_queue.hpp"

namespace pricewire::queue {

std::string BrokerUrl::address() const {
    const bool v6 = host.find(':') != std::string::npos;
    return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<BrokerUrl> parse_broker_url(std::string_view url) {
    static constexpr const char* form = "amqp://user:password@host:port/vhost, or amqps:// for TLS";
    const bool tls = url.starts_with("amqps://");
    if (!tls && !url.starts_with("amqp://")) {
        return fail(std::string("a RabbitMQ URL looks like ") + form);
    }
    if (url.find_first_of("?#") != std::string_view::npos) {
        return fail(std::string("a RabbitMQ URL has no parameters: write ") + form);
    }
    const std::string_view rest = url.substr(url.find("//") + 2);
    std::string text(url);  // the parser writes into it, and its result points into it
    amqp_connection_info info;
    if (amqp_parse_url(text.data(), &info) != AMQP_STATUS_OK || *info.host == '\0' || rest.empty() ||
        rest.front() == '/') {
        return fail(std::string("invalid RabbitMQ URL: write ") + form +
                    ", with %XX for special characters in the password");
    }
    BrokerUrl out{.user = info.user, .password = info.password, .host = info.host, .port = info.port};
    out.tls = tls;
    if (*info.vhost != '\0') out.vhost = info.vhost;
    return out;
}

Result<std::string> rabbitmq_address(std::string_view url) {
    const auto parsed = parse_broker_url(url);
    if (!parsed) return std::unexpected(parsed.error());
    return parsed->address();
}

}  // namespace pricewire::queue
