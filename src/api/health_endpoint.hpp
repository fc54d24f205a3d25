#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "api/health_probe.hpp"
#include "base/clock.hpp"
#include "net/http_server.hpp"

namespace pricewire::api {

// /health and /health/live of a process without the API; everything else is 404. Thread-safe.
class HealthEndpoint {
public:
    virtual ~HealthEndpoint() = default;
    virtual void handle(net::ServerRequest&& request, net::HttpServer::Respond respond) = 0;
};

// A dependency that does not answer within `timeout` is down.
std::unique_ptr<HealthEndpoint> create_health_endpoint(std::vector<HealthDependency> dependencies,
                                                       Duration timeout = std::chrono::seconds{1});

// Whether `path` is one of /health and /health/live.
bool is_health_path(std::string_view path);

// The response to `path` while a process is starting: it is alive, and `waiting` says what it waits for.
net::ServerResponse starting_response(std::string_view path, std::string_view waiting);

}  // namespace pricewire::api
