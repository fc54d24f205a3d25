#include "net/http_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include "base/http_date.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "net/detail/server_core.hpp"
#include "net/local_failures.hpp"

namespace pricewire::net {
namespace detail {

namespace asio = boost::asio;
using namespace std::chrono_literals;

ServerResponse ServerCore::error(int status, std::string_view detail) const {
    if (options.error_response) return options.error_response(status, detail);
    return {.status = status, .content_type = "text/plain", .body = std::string(detail)};
}

std::shared_ptr<const void> ServerCore::place_of_large_body() {
    if (++*large_bodies <= options.max_large_bodies) {
        // Outlives the server where a request does.
        return {large_bodies.get(), [taken = large_bodies](const void*) { --*taken; }};
    }
    --*large_bodies;
    return nullptr;
}

Worker::Worker(ServerCore& core) : core_(core), work_(asio::make_work_guard(context_)), timer_(context_) {}

void Worker::start() {
    asio::post(context_, [this] {
        gate_->set_thread(std::this_thread::get_id());
        sweep();
    });
    thread_ = std::thread([this] {
        while (true) {
            try {
                context_.run();
                return;
            } catch (const std::exception& e) {
                log::error("a connection's task failed; the server continues", {{"reason", e.what()}});
            }
        }
    });
}

void Worker::stop_context() {
    context_.stop();
}

void Worker::join() {
    if (thread_.joinable()) thread_.join();
    gate_->close();
}

const std::string& Worker::date(MonoTime now) {
    if (date_.empty() || now - date_made_ >= 1s) {
        date_made_ = now;
        date_ = format_http_date(system_clock().now());
    }
    return date_;
}

void Worker::adopt(Tcp::socket socket, std::unique_ptr<Crowd::Guest> guest) {
    if (stopping_) return;  // closed by its destructor
    boost::system::error_code ignored;
    socket.set_option(Tcp::no_delay(true), ignored);
    start_http_connection(*this, std::move(socket), std::move(guest));
}

void Worker::add(std::shared_ptr<Connection> connection) {
    core_.connections.fetch_add(1);
    connections_.insert(std::move(connection));
}

void Worker::remove(const std::shared_ptr<Connection>& connection) {
    if (connections_.erase(connection) == 0) return;
    if (core_.connections.fetch_sub(1) == 1) {
        MutexLock lock(core_.mutex);
        core_.emptied.notify_all();
    }
}

void Worker::begin_stop() {
    stopping_ = true;
    const auto all = connections_;
    for (const auto& connection : all) connection->on_stop();
}

void Worker::abort_all() {
    const auto all = connections_;
    for (const auto& connection : all) connection->abort();
}

void Worker::sweep() {
    timer_.expires_after(250ms);
    timer_.async_wait([this](boost::system::error_code error) {
        if (error) return;
        sweep();  // first: a connection that throws must not end the sweeps
        const MonoTime now = std::chrono::steady_clock::now();
        const auto all = connections_;
        for (const auto& connection : all) connection->on_sweep(now);
    });
}

}  // namespace detail

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using detail::Tcp;

class HttpServerImpl final : public HttpServer {
public:
    HttpServerImpl(const ServerOptions& options, Handler handler, UpgradeHandler upgrade) {
        core_.options = options;
        core_.handler = std::move(handler);
        core_.upgrade = std::move(upgrade);
        core_.crowd = std::make_unique<detail::Crowd>(
            detail::CrowdLimits{.connections = options.max_connections,
                                .reserve = options.health_reserve,
                                .per_address = options.max_connections_per_address,
                                .exempt = options.proxies},
            [cut = options.cut](std::string_view reason) {
                if (cut) cut(reason);
            });
        for (int i = 0; i < std::max(options.threads, 1); ++i) {
            workers_.push_back(std::make_unique<detail::Worker>(core_));
        }
        acceptor_.emplace(workers_[0]->context());
        retry_.emplace(workers_[0]->context());
    }

    ~HttpServerImpl() override { stop(Duration::zero()); }

    Result<void> listen() {
        const std::string& text = core_.options.listen;
        const std::size_t colon = text.rfind(':');
        const auto port = colon == std::string::npos
                              ? std::nullopt
                              : parse_number<std::uint16_t>(std::string_view(text).substr(colon + 1));
        if (!port) return fail(fmt::format("'{}' is not host:port", text));
        std::string host = text.substr(0, colon);
        if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
        boost::system::error_code error;
        Tcp::endpoint endpoint;
        if (const auto address = asio::ip::make_address(host, error); !error) {
            endpoint = Tcp::endpoint(address, *port);
        } else {
            Tcp::resolver resolver(workers_[0]->context());
            const auto found = resolver.resolve(host, std::to_string(*port), error);
            if (error || found.empty()) return fail(fmt::format("cannot listen on {}: unknown host", text));
            endpoint = found.begin()->endpoint();
        }
        const auto check = [&](const char* what) {
            return error ? Result<void>(
                               fail(fmt::format("cannot listen on {}: {}: {}", text, what, error.message())))
                         : Result<void>();
        };
        acceptor_->open(endpoint.protocol(), error);
        if (auto ok = check("socket"); !ok) return ok;
        acceptor_->set_option(Tcp::acceptor::reuse_address(true), error);
        acceptor_->bind(endpoint, error);
        if (auto ok = check("bind"); !ok) return ok;
        acceptor_->listen(1024, error);
        if (auto ok = check("listen"); !ok) return ok;
        port_ = acceptor_->local_endpoint().port();
        accept();
        for (auto& worker : workers_) worker->start();
        return {};
    }

    std::uint16_t port() const override { return port_; }

    void stop(Duration grace) override {
        if (std::exchange(stopped_, true)) return;
        asio::post(workers_[0]->context(), [this] {
            boost::system::error_code ignored;
            acceptor_->close(ignored);
            retry_->cancel();
        });
        for (auto& worker : workers_) asio::post(worker->context(), [w = worker.get()] { w->begin_stop(); });
        {
            MutexLock lock(core_.mutex);
            core_.emptied.wait_for(lock, grace, [&] { return core_.connections.load() == 0; });
        }
        for (auto& worker : workers_) {
            asio::post(worker->context(), [w = worker.get()] {
                w->abort_all();
                // After the aborts posted above, so that their on_close callbacks run.
                asio::post(w->context(), [w] { w->stop_context(); });
            });
        }
        for (auto& worker : workers_) worker->join();
    }

private:
    void accept() {
        if (!acceptor_->is_open()) return;  // stopping
        detail::Worker& worker = *workers_[next_++ % workers_.size()];
        acceptor_->async_accept(
            worker.context(), peer_, [this, &worker](boost::system::error_code error, Tcp::socket socket) {
                if (error == asio::error::operation_aborted) return;
                if (error) {
                    const bool room =
                        error == asio::error::no_descriptors && core_.crowd->make_room(cut::files);
                    if (const auto cause = local_cause(error.value())) local_failures().failed(*cause);
                    if (!accept_failing_ && outage_lines_.take(std::chrono::steady_clock::now())) {
                        accept_failing_ = true;
                        log::error("new connections cannot be accepted; trying again",
                                   {{"reason", error.message()}});
                    }
                    // Accepting again at once would only spin.
                    retry_->expires_after(room ? 2ms : 100ms);
                    retry_->async_wait([this](boost::system::error_code stopped) {
                        if (!stopped) accept();
                    });
                    return;
                }
                if (std::exchange(accept_failing_, false)) log::info("new connections are accepted again");
                const auto peer = IpAddress::from_sockaddr(*peer_.data());
                admit(worker, std::move(socket), peer.value_or(IpAddress{}));
            });
    }

    // Then accepts the next one, whatever comes of this one.
    void admit(detail::Worker& worker, Tcp::socket socket, const IpAddress& peer) {
        bool placed = true;
        try {
            placed = place(worker, socket, peer);
        } catch (const std::exception& e) {
            if (unserved_lines_.take(std::chrono::steady_clock::now()))
                log::error("a new connection could not be served", {{"reason", e.what()}});
        }
        if (placed) return accept();
        retry_->expires_after(2ms);
        retry_->async_wait(
            [this, &worker, peer, s = std::move(socket)](boost::system::error_code stopped) mutable {
                if (!stopped) admit(worker, std::move(s), peer);
            });
    }

    // False if it has to be asked again.
    bool place(detail::Worker& worker, Tcp::socket& socket, const IpAddress& peer) {
        auto guest = core_.crowd->enter(peer);
        if (!guest) return false;
        if (*guest) {
            asio::post(worker.context(), [&worker, s = std::move(socket), g = std::move(*guest)]() mutable {
                worker.adopt(std::move(s), std::move(g));
            });
        } else {
            turn_away(std::move(socket));
        }
        return true;
    }

    void turn_away(Tcp::socket socket) const {
        // As far as the socket's buffer takes it; a request that arrives meanwhile may cost the client the
        // answer.
        const ServerResponse busy = core_.error(503, detail::no_connection_free);
        boost::system::error_code ignored;
        socket.non_blocking(true, ignored);
        const std::string text = fmt::format(
            "HTTP/1.1 503 Service Unavailable\r\nContent-Type: {}\r\nContent-Length: {}\r\nRetry-After: 1\r\n"
            "Connection: close\r\n\r\n{}",
            busy.content_type, busy.body.size(), busy.body);
        socket.write_some(asio::buffer(text), ignored);
        socket.shutdown(Tcp::socket::shutdown_send, ignored);
    }

    detail::ServerCore core_;
    std::vector<std::unique_ptr<detail::Worker>> workers_;
    std::optional<Tcp::acceptor> acceptor_;
    std::optional<asio::steady_timer> retry_;
    Tcp::endpoint peer_;  // of the connection being accepted
    std::size_t next_ = 0;
    bool accept_failing_ = false;          // and logged
    log::AtMostEvery outage_lines_{1min};  // without a file left they come and go with each connection
    log::LineBudget unserved_lines_{"connections that could not be served", 1};
    bool stopped_ = false;
    std::uint16_t port_ = 0;
};

}  // namespace

const std::string* ServerRequest::header(std::string_view lower_name) const {
    const auto found =
        std::find_if(headers.begin(), headers.end(), [&](const auto& h) { return h.first == lower_name; });
    return found == headers.end() ? nullptr : &found->second;
}

Result<std::unique_ptr<HttpServer>> create_http_server(const ServerOptions& options,
                                                       HttpServer::Handler handler,
                                                       HttpServer::UpgradeHandler upgrade) {
    auto server = std::make_unique<HttpServerImpl>(options, std::move(handler), std::move(upgrade));
    if (auto listening = server->listen(); !listening) return std::unexpected(listening.error());
    return server;
}

}  // namespace pricewire::net
