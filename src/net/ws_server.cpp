#include <optional>

#include "net/detail/out_queue.hpp"
#include "net/detail/server_core.hpp"

namespace pricewire::net::detail {
namespace {

using boost::system::error_code;

constexpr std::size_t max_message = 64 * 1024;
constexpr Duration idle_timeout = std::chrono::seconds{60};
// Close codes of RFC 6455.
constexpr std::uint16_t going_away = 1001;
constexpr std::uint16_t policy_error = 1008;
constexpr std::uint16_t try_again_later = 1013;
// A client that has accepted nothing for this long is gone, whatever it sends meanwhile.
constexpr Duration write_timeout = std::chrono::seconds{30};
// For what was sent before the close, and the closing handshake.
constexpr Duration close_timeout = std::chrono::seconds{10};

class ServerWebSocket final : public WsPeer,
                              public PendingWebSocket,
                              public Connection,
                              public std::enable_shared_from_this<ServerWebSocket> {
public:
    explicit ServerWebSocket(Worker& worker) : worker_(worker), gate_(worker.gate()) {}

    std::shared_ptr<WsPeer> peer() override { return shared_from_this(); }

    void accept(Tcp::socket socket, std::unique_ptr<Crowd::Guest> guest, ServerRequest request,
                WsHandler handler) override {
        handler_ = std::move(handler);
        guest_ = std::move(guest);
        guest_->when_asked_to_go([gate = gate_, weak = weak_from_this()] {
            gate->post([weak] {
                const auto self = weak.lock();
                if (self && (self->first_text_by_ || self->closing_)) self->finish();
            });
        });
        // Before its first message and while it closes it is nobody's stream: it goes where room is needed.
        if (handler_.first_text_within) {
            first_text_by_ = std::chrono::steady_clock::now() + *handler_.first_text_within;
            guest_->waits();
        }
        stream_ = create_ws_server_stream(std::move(socket), request,
                                          {.max_message_bytes = max_message,
                                           .idle_timeout = idle_timeout,
                                           .subprotocol = handler_.subprotocol});
        worker_.add(shared_from_this());
        stream_->upgrade([self = shared_from_this()](error_code error) {
            if (error) {
                self->finish();
                return;
            }
            self->open_ = true;
            self->read();
            self->write();
        });
    }

    void send(std::shared_ptr<const std::string> data) override { add({std::move(data), false}); }
    void send_binary(std::string message) override {
        add({std::make_shared<const std::string>(std::move(message)), false, true});
    }
    void send_ping(std::string payload) override {
        add({std::make_shared<const std::string>(std::move(payload)), true});
    }
    using StreamPeer::close;
    void close(std::uint16_t code, std::string reason) override {
        gate_->post([self = shared_from_this(), code, r = std::move(reason)] { self->begin_close(code, r); });
    }
    // Ends the connection, from any thread: called by the peer's owner, or by the server when it stops.
    void abort() override {
        gate_->post([self = shared_from_this()] { self->finish(); });
    }
    std::size_t queued_bytes() const override { return out_.bytes(); }

    void on_sweep(MonoTime now) override {
        if (deadline_ && now > *deadline_) {
            finish();
            return;
        }
        if (first_text_by_ && now > *first_text_by_) {
            first_text_by_.reset();
            begin_close(policy_error, "no message came in time");
        }
        if (!stream_->has_half_message()) {
            message_by_.reset();
        } else if (!message_by_) {
            message_by_ = now + worker_.core().options.body_timeout;
        } else if (now > *message_by_) {
            begin_close(policy_error, "a message took too long to arrive");
        }
    }
    void on_stop() override { begin_close(going_away, {}); }

private:
    void add(OutQueue::Item item) {
        if (out_.add(std::move(item))) gate_->post([self = shared_from_this()] { self->write(); });
    }

    void read() {
        stream_->read([self = shared_from_this()](error_code error) {
            if (error) {
                self->finish();
                return;
            }
            self->message_by_.reset();
            if (std::exchange(self->first_text_by_, {}) && self->guest_ && !self->guest_->becomes_stream())
                self->begin_close(try_again_later, "too many streams are open");
            // A connection that is closing ignores messages: answers could delay the close for ever.
            if (!self->finished_ && !self->closing_) self->handler_.on_text(self->stream_->message());
            if (!self->finished_) self->read();
        });
    }

    void write() {
        const auto& outgoing = out_.take();
        if (!open_ || writing_ || finished_) return;
        if (outgoing.empty()) {
            if (closing_) send_close();
            return;
        }
        writing_ = true;
        if (!closing_) deadline_ = std::chrono::steady_clock::now() + write_timeout;
        auto done = [self = shared_from_this()](error_code error) {
            self->writing_ = false;
            if (!self->closing_) self->deadline_.reset();
            self->out_.pop(1);
            if (error) {
                self->finish();
            } else {
                self->write();
            }
        };
        const OutQueue::Item& item = outgoing.front();
        if (item.ping) {
            stream_->ping(*item.data, std::move(done));
        } else {
            stream_->write(*item.data, item.binary, std::move(done));
        }
    }

    void begin_close(std::uint16_t code, const std::string& reason) {
        if (finished_ || std::exchange(closing_, true)) return;
        if (guest_) guest_->waits();
        deadline_ = std::chrono::steady_clock::now() + close_timeout;
        close_code_ = code;
        close_reason_ = reason.substr(0, 123);
        write();
    }
    void send_close() {
        writing_ = true;
        stream_->close(close_code_, close_reason_,
                       [self = shared_from_this()](error_code) { self->finish(); });
    }

    void finish() {
        if (!stream_ || std::exchange(finished_, true)) return;
        stream_->drop();
        guest_.reset();
        worker_.remove(shared_from_this());
        if (handler_.on_close) handler_.on_close();
        // The handler may hold the peer, which holds the handler.
        handler_ = {};
    }

    Worker& worker_;
    const std::shared_ptr<Gate> gate_;
    std::unique_ptr<WsStream> stream_;
    std::unique_ptr<Crowd::Guest> guest_;  // from accept() until it has finished
    WsHandler handler_;
    OutQueue out_;
    std::uint16_t close_code_ = 0;
    std::string close_reason_;
    std::optional<MonoTime> first_text_by_;
    std::optional<MonoTime> message_by_;  // the end of the one under way
    std::optional<MonoTime> deadline_;    // of the write under way, or of the close
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
