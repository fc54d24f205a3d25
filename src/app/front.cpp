#include "app/front.hpp"

#include <fmt/format.h>

#include <utility>

#include "api/api.hpp"
#include "api/health_endpoint.hpp"

namespace pricewire::app {

namespace {

std::unexpected<Error> unavailable(const Error& why, std::string_view key) {
    return fail(fmt::format("{}; set {} to another address", why.message, key));
}

}  // namespace

Result<std::unique_ptr<Front>> Front::listen(const FrontOptions& options, metrics::Registry& metrics) {
    std::unique_ptr<Front> front(new Front(metrics));
    front->serves_metrics_ = options.metrics_listen.empty();
    if (!front->serves_metrics_) {
        net::ServerOptions own = options.server;
        own.listen = options.metrics_listen;
        own.threads = 1;
        own.max_connections = 28;  // with the next, the files that file_needs_of() sets apart
        own.health_reserve = 4;
        auto server = net::create_http_server(
            own, [&metrics](net::ServerRequest&& request, net::HttpServer::Respond respond) {
                respond(metrics::Registry::is_at(request.path) ? metrics.answer(request.method)
                                                               : api::api_error_response(404, "Not Found"));
            });
        if (!server) return unavailable(server.error(), "metrics.listen");
        front->metrics_server_ = std::move(*server);
    }
    auto server = net::create_http_server(
        options.server,
        [front = front.get()](net::ServerRequest&& request, net::HttpServer::Respond respond) {
            front->handle(std::move(request), std::move(respond));
        },
        [front = front.get()](const net::ServerRequest& request, std::shared_ptr<net::WsPeer> peer) {
            return front->upgrade(request, std::move(peer));
        });
    if (!server) return unavailable(server.error(), options.listen_key);
    front->server_ = std::move(*server);
    return front;
}

void Front::starting(std::string what) {
    MutexLock lock(mutex_);
    starting_ = std::move(what);
}

void Front::serve(net::HttpServer::Handler handler, net::HttpServer::UpgradeHandler upgrade) {
    handler_ = std::move(handler);
    upgrade_ = std::move(upgrade);
    serving_.store(true, std::memory_order_release);
}

void Front::handle(net::ServerRequest&& request, net::HttpServer::Respond respond) {
    if (serves_metrics_ && metrics::Registry::is_at(request.path))
        return respond(metrics_.answer(request.method));
    if (serving_.load(std::memory_order_acquire)) {
        handler_(std::move(request), std::move(respond));
        return;
    }
    respond(still_starting(request.path));
}

net::WsHandler Front::upgrade(const net::ServerRequest& request, std::shared_ptr<net::WsPeer> peer) {
    if (!serving_.load(std::memory_order_acquire)) return {.refusal = still_starting(request.path)};
    if (!upgrade_) return {.refusal = api::api_error_response(404, "There is no WebSocket here")};
    return upgrade_(request, std::move(peer));
}

net::ServerResponse Front::still_starting(std::string_view path) {
    MutexLock lock(mutex_);
    return api::starting_response(path, starting_);
}

}  // namespace pricewire::app
