#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.hpp"
#include "net/http_server.hpp"

namespace pricewire {

// A process' HTTP server, from its first moment: until serve() is called it answers what the process waits
// for.
class Front {
public:
    static Result<std::unique_ptr<Front>> listen(const net::ServerOptions& options);
    Front(const Front&) = delete;
    Front& operator=(const Front&) = delete;

    std::uint16_t port() const { return server_->port(); }
    // One plain sentence: "waiting for the database: …".
    void starting(std::string what);
    // Once; requests go to the handlers from here on. They live until stop() has returned. Without `upgrade`
    // there is no WebSocket.
    void serve(net::HttpServer::Handler handler, net::HttpServer::UpgradeHandler upgrade = {});
    // As HttpServer::stop.
    void stop(Duration grace) { server_->stop(grace); }

private:
    Front() = default;
    void handle(net::ServerRequest&& request, net::HttpServer::Respond respond);
    net::WsHandler upgrade(const net::ServerRequest& request, std::shared_ptr<net::WsPeer> peer);
    net::ServerResponse still_starting(std::string_view path);

    std::mutex mutex_;
    std::string starting_;
    net::HttpServer::Handler handler_;
    net::HttpServer::UpgradeHandler upgrade_;
    std::atomic<bool> serving_ = false;
    std::unique_ptr<net::HttpServer> server_;  // last, so that it ends first
};

}  // namespace pricewire
