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
    // Once; requests go to the handler from here on. It lives until stop() has returned.
    void serve(net::HttpServer::Handler handler);
    // As HttpServer::stop.
    void stop(Duration grace) { server_->stop(grace); }

private:
    Front() = default;
    void handle(net::ServerRequest&& request, net::HttpServer::Respond respond);

    std::mutex mutex_;
    std::string starting_;
    net::HttpServer::Handler handler_;
    std::atomic<bool> serving_ = false;
    std::unique_ptr<net::HttpServer> server_;  // last, so that it ends first
};

}  // namespace pricewire
