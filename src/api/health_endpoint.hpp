#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "net/http_server.hpp"

namespace pricewire::api {

// Something that a process needs, or does better with.
struct HealthDependency {
    std::string name;            // "database"
    bool needed = true;          // down without it; else degraded
    std::function<void()> ping;  // throws where it cannot be reached; may hang for a while
};

// /health and /health/live of a process without the REST interface; everything else is 404. Thread-safe.
class HealthEndpoint {
public:
    virtual ~HealthEndpoint() = default;
    virtual void handle(net::ServerRequest&& request, net::HttpServer::Respond respond) = 0;
};

// Dependencies that have not answered within `timeout` are down.
std::unique_ptr<HealthEndpoint> create_health_endpoint(std::vector<HealthDependency> dependencies,
                                                       Duration timeout = std::chrono::seconds{1});

// What a process answers to `path` while it cannot serve yet: it lives, and waits for what `waiting` says.
net::ServerResponse starting_response(std::string_view path, std::string_view waiting);

}  // namespace pricewire::api
