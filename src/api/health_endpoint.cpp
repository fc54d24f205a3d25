#include "api/health_endpoint.hpp"

#include <utility>

#include "api/handlers.hpp"
#include "base/json_writer.hpp"

namespace pricewire::api {
namespace {

std::string_view without_slash(std::string_view path) {
    if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    return path;
}

bool is_health(std::string_view path) {
    path = without_slash(path);
    return path == "/health" || path == "/api/v1/health";
}

bool is_live(std::string_view path) {
    path = without_slash(path);
    return path == "/health/live" || path == "/api/v1/health/live";
}

net::ServerResponse live() {
    return json_response(200, R"({"status":"ok"})");
}

class ProbedHealth : public HealthEndpoint {
public:
    ProbedHealth(std::vector<HealthDependency> dependencies, Duration timeout)
        : probe_(std::move(dependencies), timeout) {}

    void handle(net::ServerRequest&& request, net::HttpServer::Respond respond) override {
        if (is_live(request.path)) return respond(live());
        if (!is_health(request.path)) return respond(api_error_response(404, "Not Found"));
        probe_.check([respond = std::move(respond)](const std::vector<PingResult>& pings) mutable {
            respond(health_response(pings, std::nullopt, system_clock().now()));
        });
    }

private:
    HealthProbe probe_;
};

}  // namespace

std::unique_ptr<HealthEndpoint> create_health_endpoint(std::vector<HealthDependency> dependencies,
                                                       Duration timeout) {
    return std::make_unique<ProbedHealth>(std::move(dependencies), timeout);
}

bool is_health_path(std::string_view path) {
    return is_health(path) || is_live(path);
}

net::ServerResponse starting_response(std::string_view path, std::string_view waiting) {
    if (is_live(path)) return live();
    if (!is_health(path)) {
        return unavailable("Pricewire is starting: " + std::string(waiting), 1);
    }
    JsonWriter w;
    w.begin_object()
        .field("status", "down")
        .field("version", PRICEWIRE_VERSION)
        .field("detail", waiting)
        .key("dependencies")
        .begin_object()
        .end_object()
        .end_object();
    return json_response(503, std::move(w).str());
}

}  // namespace pricewire::api
