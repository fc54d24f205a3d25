#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/mutex.hpp"
#include "base/result.hpp"
#include "metrics/registry.hpp"
#include "net/http_server.hpp"

namespace pricewire::app {

struct FrontOptions {
    net::ServerOptions server;
    std::string listen_key = "http.listen";  // the configuration key of server.listen
    std::string metrics_listen;              // may be empty
};

// A process's HTTP server, from the start: until serve() is called it reports what the process waits for.
// Serves /metrics from the start too, or leaves that to a separate server if metrics_listen is set.
class Front {
public:
    // `metrics` outlives it. Error: an address that is unavailable, with its configuration key.
    static Result<std::unique_ptr<Front>> listen(const FrontOptions& options, metrics::Registry& metrics);
    Front(const Front&) = delete;
    Front& operator=(const Front&) = delete;

    std::uint16_t port() const { return server_->port(); }
    // The port of the separate server for /metrics; 0 if there is none.
    std::uint16_t metrics_port() const { return metrics_server_ ? metrics_server_->port() : 0; }
    // What the process waits for, such as "waiting for the database".
    void starting(std::string what);
    // Passes requests to the handlers from then on; to be called once. They must live until stop() has
    // returned. Without `upgrade` WebSockets are refused.
    void serve(net::HttpServer::Handler handler, net::HttpServer::UpgradeHandler upgrade = {});
    // As HttpServer::stop.
    void stop(Duration grace) {
        server_->stop(grace);
        if (metrics_server_) metrics_server_->stop(grace);
    }

private:
    explicit Front(metrics::Registry& metrics) : metrics_(metrics) {}
    void handle(net::ServerRequest&& request, net::HttpServer::Respond respond);
    net::WsHandler upgrade(const net::ServerRequest& request, std::shared_ptr<net::WsPeer> peer);
    net::ServerResponse still_starting(std::string_view path);

    metrics::Registry& metrics_;
    bool serves_metrics_ = true;  // itself
    Mutex mutex_;
    std::string starting_ GUARDED_BY(mutex_) = "waiting for the database";
    net::HttpServer::Handler handler_;
    net::HttpServer::UpgradeHandler upgrade_;
    std::atomic<bool> serving_ = false;
    // Last, so that they are destroyed first.
    std::unique_ptr<net::HttpServer> metrics_server_;
    std::unique_ptr<net::HttpServer> server_;
};

}  // namespace pricewire::app
