#include "support/blocking_http.hpp"

#include <algorithm>
#include <future>
#include <utility>

#include "base/text.hpp"

namespace pricewire::test {

BlockingHttp::BlockingHttp(std::chrono::seconds patience)
    : patience_(patience), client_(net::create_http_client()) {}

net::HttpResult BlockingHttp::send(net::HttpRequest request) {
    request.timeout = patience_;
    request.max_response_bytes = 64 * 1024 * 1024;
    std::promise<net::HttpResult> promise;
    auto result = promise.get_future();
    client_->start(std::move(request), [&promise](net::HttpResult r) { promise.set_value(std::move(r)); });
    return result.get();
}

net::HttpResult BlockingHttp::get(const std::string& url, net::Headers headers) {
    return send({.method = "GET", .url = url, .headers = std::move(headers)});
}

net::HttpResult BlockingHttp::post(const std::string& url, std::string body, net::Headers headers) {
    const auto is_type = [](const auto& h) { return equal_ignoring_case(h.first, "content-type"); };
    if (!body.empty() && std::ranges::none_of(headers, is_type))
        headers.emplace_back("content-type", "application/json");
    return send({.method = "POST", .url = url, .headers = std::move(headers), .body = std::move(body)});
}

net::HttpResult BlockingHttp::patch(const std::string& url, std::string body, net::Headers headers) {
    headers.emplace_back("content-type", "application/json");
    return send({.method = "PATCH", .url = url, .headers = std::move(headers), .body = std::move(body)});
}

net::HttpResult BlockingHttp::del(const std::string& url, net::Headers headers) {
    return send({.method = "DELETE", .url = url, .headers = std::move(headers)});
}

}  // namespace pricewire::test
