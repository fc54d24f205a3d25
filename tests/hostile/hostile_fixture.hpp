#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "net/http_client.hpp"

// Requests as the tests in this folder make them.
namespace pricewire::test {

// Longer than any wait in these tests if all is well, even on a busy machine.
constexpr std::chrono::seconds patience{30};

struct Trust {
    std::string ca_file;                   // empty: the system's
    std::vector<std::string> dns_servers;  // empty: the system's
};

inline std::unique_ptr<net::HttpClient> make_client(const Trust& trust = {}) {
    net::HttpClientOptions options;
    options.dns_servers = trust.dns_servers;
    options.ca_file = trust.ca_file;
    return net::create_http_client(options);
}

inline std::future<net::HttpResult> start(net::HttpClient& client, net::HttpRequest request) {
    auto promise = std::make_shared<std::promise<net::HttpResult>>();
    auto out = promise->get_future();
    client.start(std::move(request),
                 [promise](net::HttpResult result) { promise->set_value(std::move(result)); });
    return out;
}

// Throws if the request does not end.
inline net::HttpResult wait_for(std::future<net::HttpResult>& answer) {
    if (answer.wait_for(patience) != std::future_status::ready)
        throw std::runtime_error("a request that does not end");
    return answer.get();
}

inline net::HttpResult send(net::HttpClient& client, net::HttpRequest request) {
    auto answer = start(client, std::move(request));
    return wait_for(answer);
}

inline net::HttpRequest webhook_to(const std::string& url, const net::AddressGuard* guard = nullptr) {
    return {.method = "POST",
            .url = url,
            .headers = {{"content-type", "application/json"}},
            .body = R"({"ticker":"BTC"})",
            .timeout = std::chrono::milliseconds{1500},
            .body_within = std::chrono::milliseconds{500},
            .guard = guard};
}

}  // namespace pricewire::test
