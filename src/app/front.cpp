#include "app/front.hpp"

#include <utility>

#include "api/api.hpp"
#include "api/health_endpoint.hpp"

namespace pricewire {

Result<std::unique_ptr<Front>> Front::listen(const net::ServerOptions& options) {
    std::unique_ptr<Front> front(new Front);
    front->starting_ = "starting";
    auto server = net::create_http_server(
        options, [front = front.get()](net::ServerRequest&& request, net::HttpServer::Respond respond) {
            front->handle(std::move(request), std::move(respond));
        });
    if (!server) return std::unexpected(server.error());
    front->server_ = std::move(*server);
    return front;
}

void Front::starting(std::string what) {
    std::lock_guard lock(mutex_);
    starting_ = std::move(what);
}

void Front::serve(net::HttpServer::Handler handler) {
    handler_ = std::move(handler);
    serving_.store(true, std::memory_order_release);
}

void Front::handle(net::ServerRequest&& request, net::HttpServer::Respond respond) {
    if (serving_.load(std::memory_order_acquire)) {
        handler_(std::move(request), std::move(respond));
        return;
    }
    std::unique_lock lock(mutex_);
    const std::string what = starting_;
    lock.unlock();
    respond(starting_response(request.path, what));
}

}  // namespace pricewire
