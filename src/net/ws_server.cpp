#include <atomic>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket.hpp>
#include <deque>
#include <optional>

#include "net/detail/server_core.hpp"

namespace pricewire::net::detail {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;

constexpr std::size_t max_message = 64 * 1024;

class ServerWebSocket final : public WsPeer,
                              public PendingWebSocket,
                              public Connection,
                              public std::enable_shared_from_this<ServerWebSocket> {
public:
    explicit ServerWebSocket(Worker& worker) : worker_(worker), gate_(worker.gate()) {}

    std::shared_ptr<WsPeer> peer() override { return shared_from_this(); }

    void accept(Tcp::socket socket, BeastRequest request, WsHandler handler) override {
        handler_ = std::move(handler);
        stream_.emplace(std::move(socket));
        worker_.add(shared_from_this());
        auto timeouts = websocket::stream_base::timeout::suggested(beast::role_type::server);
        timeouts.idle_timeout = std::chrono::seconds{60};  // half of it: a ping
        stream_->set_option(timeouts);
        stream_->read_message_max(max_message);
        stream_->text(true);
        request_ = std::move(request);
        stream_->async_accept(request_, [self = shared_from_this()](error_code error) {
            if (error) {
                self->finish();
                return;
            }
            self->open_ = true;
            self->read();
            self->write();
        });
    }

    void send_text(std::string message) override { enqueue({std::move(message), false}); }
    void send_ping(std::string payload) override { enqueue({std::move(payload), true}); }
    void close() override {
        gate_->post([self = shared_from_this()] { self->begin_close(); });
    }
    // Ends the connection, whichever thread asks: a peer's own code, or the server at its end.
    void abort() override {
        gate_->post([self = shared_from_this()] { self->finish(); });
    }
    std::size_t queued_bytes() const override { return queued_.load(std::memory_order_relaxed); }

    void on_sweep(MonoTime) override {}
    void on_stop() override { begin_close(); }

private:
    struct Message {
        std::string data;
        bool ping = false;
    };

    void enqueue(Message message) {
        queued_.fetch_add(message.data.size(), std::memory_order_relaxed);
        {
            std::lock_guard lock(mutex_);
            incoming_.push_back(std::move(message));
            if (std::exchange(wake_posted_, true)) return;
        }
        gate_->post([self = shared_from_this()] { self->write(); });
    }

    void read() {
        stream_->async_read(buffer_, [self = shared_from_this()](error_code error, std::size_t) {
            if (error) {
                self->finish();
                return;
            }
            const auto data = self->buffer_.cdata();
            if (!self->finished_)
                self->handler_.on_text({static_cast<const char*>(data.data()), data.size()});
            self->buffer_.consume(self->buffer_.size());
            if (!self->finished_) self->read();
        });
    }

    void write() {
        {
            std::lock_guard lock(mutex_);
            for (Message& message : incoming_) outgoing_.push_back(std::move(message));
            incoming_.clear();
            wake_posted_ = false;
        }
        if (!open_ || writing_ || finished_) return;
        if (outgoing_.empty()) {
            if (closing_) send_close();
            return;
        }
        writing_ = true;
        const auto done = [self = shared_from_this()](error_code error, std::size_t = 0) {
            self->writing_ = false;
            self->queued_.fetch_sub(self->outgoing_.front().data.size(), std::memory_order_relaxed);
            self->outgoing_.pop_front();
            if (error) {
                self->finish();
            } else {
                self->write();
            }
        };
        const Message& message = outgoing_.front();
        if (message.ping) {
            stream_->async_ping(websocket::ping_data(message.data),
                                [done](error_code error) { done(error); });
        } else {
            stream_->async_write(asio::buffer(message.data), done);
        }
    }

    void begin_close() {
        if (finished_ || std::exchange(closing_, true)) return;
        write();
    }
    void send_close() {
        writing_ = true;
        stream_->async_close(websocket::close_code::going_away,
                             [self = shared_from_this()](error_code) { self->finish(); });
    }

    void finish() {
        if (!stream_ || std::exchange(finished_, true)) return;
        error_code ignored;
        beast::get_lowest_layer(*stream_).socket().close(ignored);
        worker_.remove(shared_from_this());
        if (handler_.on_close) handler_.on_close();
        // The handler may hold the peer, which holds the handler.
        handler_ = {};
    }

    Worker& worker_;
    const std::shared_ptr<Gate> gate_;
    std::optional<websocket::stream<beast::tcp_stream>> stream_;
    BeastRequest request_;
    WsHandler handler_;
    beast::flat_buffer buffer_;
    std::mutex mutex_;
    std::deque<Message> incoming_;  // under mutex_, as is wake_posted_
    bool wake_posted_ = false;
    std::deque<Message> outgoing_;
    std::atomic<std::size_t> queued_ = 0;
    bool open_ = false;
    bool writing_ = false;
    bool closing_ = false;
    bool finished_ = false;
};

}  // namespace

std::shared_ptr<PendingWebSocket> create_websocket(Worker& worker) {
    return std::make_shared<ServerWebSocket>(worker);
}

}  // namespace pricewire::net::detail
