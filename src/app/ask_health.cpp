#include "app/ask_health.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <future>
#include <string_view>

#include "app/options.hpp"
#include "app/report.hpp"
#include "net/http_client.hpp"

namespace pricewire::app {
namespace {

// Longer than /health's own timeout for dependencies.
constexpr Duration patience = std::chrono::seconds{4};

}  // namespace

Result<std::string> health_url(const ops::Config& config, const Roles& roles) {
    const std::string listen = listen_of(config, roles);
    const std::size_t colon = listen.rfind(':');
    std::string_view host = std::string_view(listen).substr(0, colon);
    const std::string_view port = std::string_view(listen).substr(colon + 1);
    if (port == "0") {
        return fail(fmt::format("{} is {}: the port is chosen at the start and unknown here",
                                roles.api ? "http.listen" : "health.listen", listen));
    }
    if (host == "0.0.0.0") host = "127.0.0.1";
    if (host == "[::]") host = "[::1]";
    return fmt::format("http://{}:{}/health", host, port);
}

int ask_health(const ops::Config& config, const Roles& roles) {
    const auto url = health_url(config, roles);
    if (!url) return report(url.error().message, 1);
    std::promise<net::HttpResult> promise;
    auto answer = promise.get_future();
    const auto client = net::create_http_client({.max_connections = 1});
    net::HttpRequest request;
    request.url = *url;
    request.timeout = patience;
    client->start(std::move(request), [&](net::HttpResult result) { promise.set_value(std::move(result)); });
    const net::HttpResult result = answer.get();
    if (result.error != net::HttpError::none)
        return report(fmt::format("no answer from {}: {}", *url, result.error_text), 1);
    fmt::print("{}\n", result.body);
    return result.status == 200 ? 0 : 1;
}

}  // namespace pricewire::app
