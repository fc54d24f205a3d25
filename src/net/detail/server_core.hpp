#pragma once

#include <array>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <thread>
#include <unordered_set>

#include "base/mutex.hpp"
#include "net/detail/crowd.hpp"
#include "net/detail/ws_stream.hpp"
#include "net/http_server.hpp"

// What the HTTP server's files share. A connection lives on one worker's thread from its first byte to its
// last.
namespace pricewire::net::detail {

using Tcp = boost::asio::ip::tcp;

class Worker;

// The way to a worker's thread from any other: closed when the worker ends, so that an answer or a message
// after the server's end is dropped.
class Gate {
public:
    explicit Gate(boost::asio::io_context& context) : context_(&context) {}
    template <typename F>
    void post(F task) {
        MutexLock lock(mutex_);
        if (context_ != nullptr) boost::asio::post(*context_, std::move(task));
    }
    void close() {
        MutexLock lock(mutex_);
        context_ = nullptr;
    }
    void set_thread(std::thread::id id) { thread_ = id; }
    bool on_own_thread() const { return std::this_thread::get_id() == thread_.load(); }

private:
    Mutex mutex_;
    boost::asio::io_context* context_ GUARDED_BY(mutex_);
    std::atomic<std::thread::id> thread_{};
};

// Something with a socket that a worker closes: when its deadline has passed, or when the server stops.
class Connection {
public:
    virtual ~Connection() = default;
    virtual void on_sweep(MonoTime now) = 0;
    // Ends at once if it is idle, otherwise after the current request.
    virtual void on_stop() = 0;
    virtual void abort() = 0;
};

// What a client is told for which there is no connection.
constexpr std::string_view no_connection_free = "the server has no connection free; try again shortly";

struct ServerCore {
    ServerOptions options;
    HttpServer::Handler handler;
    HttpServer::UpgradeHandler upgrade;
    std::unique_ptr<Crowd> crowd;
    std::atomic<std::size_t> connections = 0;
    std::shared_ptr<std::atomic<std::size_t>> large_bodies = std::make_shared<std::atomic<std::size_t>>(0);
    Mutex mutex;
    CondVar emptied;  // connections fell to zero; `mutex` serves only this, since they are atomic

    ServerResponse error(int status, std::string_view detail) const;
    // Null: there is none.
    std::shared_ptr<const void> place_of_large_body();
};

// One thread with its io_context and the connections that live there.
class Worker {
public:
    explicit Worker(ServerCore& core);
    void start();
    void stop_context();
    void join();

    boost::asio::io_context& context() { return context_; }
    ServerCore& core() { return core_; }
    bool stopping() const { return stopping_; }
    const std::shared_ptr<Gate>& gate() const { return gate_; }
    // "Tue, 24 Nov 2026 12:00:00 GMT", renewed once a second.
    const std::string& date(MonoTime now);

    // The worker's thread only.
    // For one read at a time: whoever reads takes what it needs before it returns to the event loop.
    std::array<char, 16 * 1024>& scratch() { return scratch_; }
    void adopt(Tcp::socket socket, std::unique_ptr<Crowd::Guest> guest);
    void add(std::shared_ptr<Connection> connection);
    void remove(const std::shared_ptr<Connection>& connection);
    void begin_stop();
    void abort_all();

private:
    void sweep();

    ServerCore& core_;
    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    boost::asio::steady_timer timer_;
    std::unordered_set<std::shared_ptr<Connection>> connections_;
    bool stopping_ = false;
    std::array<char, 16 * 1024> scratch_{};
    std::string date_;
    MonoTime date_made_{};
    std::thread thread_;
    std::shared_ptr<Gate> gate_ = std::make_shared<Gate>(context_);
};

std::shared_ptr<Connection> start_http_connection(Worker& worker, Tcp::socket socket,
                                                  std::unique_ptr<Crowd::Guest> guest);

// A WebSocket before its upgrade is answered: the application already gets it as a peer.
class PendingWebSocket {
public:
    virtual ~PendingWebSocket() = default;
    virtual std::shared_ptr<WsPeer> peer() = 0;
    // Takes over the socket, answers the upgrade and starts reading.
    virtual void accept(Tcp::socket socket, std::unique_ptr<Crowd::Guest> guest, ServerRequest request,
                        WsHandler handler) = 0;
};
std::shared_ptr<PendingWebSocket> create_websocket(Worker& worker);

struct WsServerSettings {
    std::size_t max_message_bytes = 0;
    Duration idle_timeout{};  // a ping after half of it
    std::string subprotocol;  // may be empty
};
// `request` is the upgrade request that was read from `socket`; upgrade() answers it.
std::unique_ptr<WsStream> create_ws_server_stream(Tcp::socket socket, const ServerRequest& request,
                                                  const WsServerSettings& settings);

// Sends `head`, then what its peer is given, until either side ends it. `socket` is open.
void start_event_stream(Worker& worker, Tcp::socket socket, std::unique_ptr<Crowd::Guest> guest,
                        std::string head,
                        const std::function<std::function<void()>(std::shared_ptr<StreamPeer>)>& opened);

}  // namespace pricewire::net::detail
