#include "app/front.hpp"

#include <utility>

#include "api/api.hpp"
#include "api/health_endpoint.hpp"

namespace pricewire {

Result<std::unique_ptr<Front>> Front::listen(const net::ServerOptions& options) {
    std::unique_ptr<Front> front(new Front);
    front->starting_ = "starting";
    auto server = net::create_http_server(
        options,
        [front = front.get()](net::ServerRequest&& request, net::HttpServer::Respond respond) {
            front->handle(std::move(request), std::move(respond));
        },
        [front = front.get()](const net::ServerRequest& request, std::shared_ptr<net::WsPeer> peer) {
            return front->upgrade(request, std::move(peer));
        });
    if (!server) return std::unexpected(server.error());
    front->server_ = std::move(*server);
    return front;
}

void Front::starting(std::string what) {
    std::lock_guard lock(mutex_);
    starting_ = std::move(what);
}

void Front::serve(net::HttpServer::Handler handler, net::HttpServer::UpgradeHandler upgrade) {
    handler_ = std::move(handler);
    upgrade_ = std::move(upgrade);
    serving_.store(true, std::memory_order_release);
}

void Front::handle(net::ServerRequest&& request, net::HttpServer::Respond respond) {
    if (serving_.load(std::memory_order_acquire)) {
        handler_(std::move(request), std::move(respond));
        return;
    }
    respond(still_starting(request.path));
}

net::WsHandler Front::upgrade(const net::ServerRequest& request, std::shared_ptr<net::WsPeer> peer) {
    if (!serving_.load(std::memory_order_acquire)) return {.refusal = still_starting(request.path)};
    if (!upgrade_) return {.refusal = api_error_response(404, "There is no WebSocket here")};
    return upgrade_(request, std::move(peer));
}

net::ServerResponse Front::still_starting(std::string_view path) {
    std::unique_lock lock(mutex_);
    const std::string what = starting_;
    lock.unlock();
    return starting_response(path, what);
}

}  // namespace pricewire
