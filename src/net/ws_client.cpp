#include "net/ws_client.hpp"

#include <fmt/format.h>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <deque>
#include <optional>

#include "base/result.hpp"
#include "net/detail/ws_stream.hpp"
#include "net/local_failures.hpp"

namespace pricewire::net {
namespace {

using boost::system::error_code;
using detail::WsClientTarget;

Result<WsClientTarget> parse_target(const WsClientOptions& options) {
    const std::string& text = options.url;
    const auto parsed = boost::urls::parse_uri(text);
    if (!parsed || (parsed->scheme() != "ws" && parsed->scheme() != "wss") || parsed->host().empty()) {
        return fail("'" + text + "' is not a ws:// or wss:// URL");
    }
    WsClientTarget target;
    target.verify_tls = options.verify_tls;
    target.ca_file = options.ca_file;
    target.max_message_bytes = options.max_message_bytes;
    target.handshake_timeout = options.connect_timeout;
    target.tls = parsed->scheme() == "wss";
    target.host = parsed->host_address();
    target.port = parsed->has_port() ? std::string(parsed->port()) : (target.tls ? "443" : "80");
    const boost::core::string_view encoded = parsed->encoded_target();
    target.path = encoded.empty() ? "/" : std::string(encoded);
    if (!target.path.starts_with('/')) target.path.insert(0, "/");
    return target;
}

// A connection; kept alive by its operations. Makes no callback once detached from the caller's WsClient.
class ClientConnection final : public std::enable_shared_from_this<ClientConnection> {
public:
    ClientConnection(EventLoop& loop, const WsClientTarget& target, WsClientHandler handler)
        : loop_(loop),
          connect_timeout_(target.handshake_timeout),
          handler_(std::move(handler)),
          stream_(detail::create_ws_client_stream(loop, target, [this] { on_ping(); })) {}

    void start() {
        // One deadline over all steps: it ends whatever step is under way.
        deadline_ = loop_.after(connect_timeout_, [self = shared_from_this()] {
            self->deadline_.reset();
            self->closed({.reason = "no connection within " + format_duration(self->connect_timeout_)});
        });
        stream_->connect([self = shared_from_this()](error_code error, const char* failed) {
            if (!self->failed(error, failed)) self->upgrade();
        });
    }

    void send(std::string message, bool ping) {
        outgoing_.push_back({std::move(message), ping});
        write();
    }

    // No callback from now on.
    void detach() {
        handler_ = {};
        end();
    }

private:
    struct Message {
        std::string data;
        bool ping;
    };

    void on_ping() {
        if (!handler_.on_ping) return;
        const auto keep = handler_.on_ping;
        keep();
    }

    void upgrade() {
        stream_->upgrade([self = shared_from_this()](error_code error) { self->on_upgraded(error); });
    }

    void on_upgraded(error_code error) {
        if (finished_) return;
        if (const auto* refusal = stream_->refusal()) {
            closed({.http_status = refusal->status,
                    .retry_after = refusal->retry_after,
                    .body = refusal->body,
                    .reason = fmt::format("the upgrade was answered with status {}", refusal->status)});
            return;
        }
        if (failed(error, "the WebSocket upgrade failed")) return;
        open_ = true;
        cancel_deadline();
        if (handler_.on_open) {
            const auto keep = handler_.on_open;
            keep();
        }
        if (finished_) return;
        read();
        write();
    }

    void read() {
        stream_->read([self = shared_from_this()](error_code error) {
            if (self->failed(error, "the connection ended")) return;
            // The callback may destroy the client, and with it the handler.
            const auto keep =
                self->stream_->message_is_text() ? self->handler_.on_text : self->handler_.on_binary;
            if (keep) keep(self->stream_->message());
            if (!self->finished_) self->read();
        });
    }

    void write() {
        if (!open_ || writing_ || finished_ || outgoing_.empty()) return;
        writing_ = true;
        auto done = [self = shared_from_this()](error_code error) {
            self->writing_ = false;
            self->outgoing_.pop_front();
            if (!self->failed(error, "the connection ended")) self->write();
        };
        if (outgoing_.front().ping) {
            stream_->ping({}, std::move(done));
        } else {
            stream_->write(outgoing_.front().data, false, std::move(done));
        }
    }

    bool failed(error_code error, const char* what) {
        if (finished_) return true;
        if (!error) return false;
        if (const auto cause = lack(error)) {
            local_failures().failed(*cause);
            closed({.reason = fmt::format("Pricewire itself could not connect: {}", row_of(*cause).words),
                    .local = cause});
            return true;
        }
        std::string reason = fmt::format("{}: {}", what, error.message());
        if (const auto given = stream_->close_reason(); !given.empty()) reason += fmt::format(" ({})", given);
        closed({.reason = std::move(reason)});
        return true;
    }

    // What we lacked to connect; the system's resolver says only that a name was not found.
    std::optional<LocalCause> lack(const error_code& error) const {
        if (open_) return std::nullopt;
        if (error.category() == boost::system::system_category()) {
            if (const auto cause = local_cause(error.value())) return cause;
        }
        return exhausted();
    }

    void closed(const WsClosed& info) {
        if (finished_) return;
        const auto keep = std::move(handler_.on_closed);
        handler_ = {};
        end();
        if (keep) keep(info);
    }

    void end() {
        if (std::exchange(finished_, true)) return;
        cancel_deadline();
        stream_->drop();
    }
    void cancel_deadline() {
        if (deadline_) loop_.cancel(*std::exchange(deadline_, {}));
    }

    EventLoop& loop_;
    const Duration connect_timeout_;
    WsClientHandler handler_;
    const std::unique_ptr<detail::WsClientStream> stream_;
    std::optional<EventLoop::TimerId> deadline_;
    std::deque<Message> outgoing_;
    bool open_ = false;
    bool writing_ = false;
    bool finished_ = false;
};

class Client final : public WsClient {
public:
    explicit Client(std::shared_ptr<ClientConnection> connection) : connection_(std::move(connection)) {}
    ~Client() override { connection_->detach(); }
    void send_text(std::string message) override { connection_->send(std::move(message), false); }
    void send_ping() override { connection_->send({}, true); }

private:
    std::shared_ptr<ClientConnection> connection_;
};

// What cannot even be begun ends like a connection that fails: later, on the loop, with a reason.
class Refused final : public WsClient {
public:
    Refused(EventLoop& loop, WsClientHandler handler, std::string reason) {
        loop.post([alive = std::weak_ptr<int>(alive_), h = std::move(handler), r = std::move(reason)] {
            if (alive.lock() && h.on_closed) h.on_closed({.reason = r});
        });
    }
    void send_text(std::string) override {}
    void send_ping() override {}

private:
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace

std::unique_ptr<WsClient> open_websocket(EventLoop& loop, const WsClientOptions& options,
                                         WsClientHandler handler) {
    const auto target = parse_target(options);
    if (!target) return std::make_unique<Refused>(loop, std::move(handler), target.error().message);
    std::shared_ptr<ClientConnection> connection;
    try {
        connection = std::make_shared<ClientConnection>(loop, *target, handler);
        connection->start();
        return std::make_unique<Client>(connection);
    } catch (const std::exception& e) {  // no open file is left for it, say
        if (connection) connection->detach();
        return std::make_unique<Refused>(loop, std::move(handler), e.what());
    }
}

}  // namespace pricewire::net
