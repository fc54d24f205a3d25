#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "net/http_client.hpp"

namespace pricewire::test {

// One request after another, as a test reads best. Any address, patient time-outs.
class BlockingHttp {
public:
    explicit BlockingHttp(std::chrono::seconds patience = std::chrono::seconds{60});
    net::HttpResult send(net::HttpRequest request);
    net::HttpResult get(const std::string& url, net::Headers headers = {});
    // JSON, unless `headers` say something else.
    net::HttpResult post(const std::string& url, std::string body, net::Headers headers = {});
    net::HttpResult patch(const std::string& url, std::string body, net::Headers headers = {});
    net::HttpResult del(const std::string& url, net::Headers headers = {});

private:
    std::chrono::seconds patience_;
    std::unique_ptr<net::HttpClient> client_;
};

}  // namespace pricewire::test
