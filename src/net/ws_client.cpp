#include "net/ws_client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <deque>
#include <variant>

#include "net/detail/asio_loop.hpp"

namespace pricewire::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t max_refusal_body = 4096;

struct Target {
    bool tls = false;
    std::string host;
    std::string port;
    std::string path;
};

Result<Target> parse_target(const std::string& text) {
    const auto parsed = boost::urls::parse_uri(text);
    if (!parsed || (parsed->scheme() != "ws" && parsed->scheme() != "wss") || parsed->host().empty()) {
        return fail("'" + text + "' is not a ws:// or wss:// URL");
    }
    Target target;
    target.tls = parsed->scheme() == "wss";
    target.host = parsed->host_address();
    target.port = parsed->has_port() ? std::string(parsed->port()) : (target.tls ? "443" : "80");
    const boost::core::string_view encoded = parsed->encoded_target();
    target.path = encoded.empty() ? "/" : std::string(encoded);
    if (!target.path.starts_with('/')) target.path.insert(0, "/");
    return target;
}

// The connection's life; kept alive by its operations, silent once detached from the WsClient that the caller
// holds.
template <typename Stream>
class Connection final : public std::enable_shared_from_this<Connection<Stream>> {
public:
    static constexpr bool tls = !std::is_same_v<Stream, beast::tcp_stream>;

    Connection(EventLoop& loop, const WsClientOptions& options, WsClientHandler handler, Target target)
        : options_(options),
          handler_(std::move(handler)),
          target_(std::move(target)),
          resolver_(detail::context_of(loop)),
          ssl_(asio::ssl::context::tls_client),
          stream_(make_stream(loop)) {}

    void start() {
        // One deadline over it all: it ends whatever step is under way.
        lowest().expires_after(options_.connect_timeout);
        deadline_.emplace(resolver_.get_executor());
        deadline_->expires_after(options_.connect_timeout);
        deadline_->async_wait([self = this->shared_from_this()](error_code error) {
            if (error || self->open_) return;
            self->closed(
                {.reason = "no connection within " + format_duration(self->options_.connect_timeout)});
        });
        resolver_.async_resolve(
            target_.host, target_.port,
            [self = this->shared_from_this()](error_code error, tcp::resolver::results_type found) {
                if (self->failed(error, "could not resolve the host")) return;
                self->connect(found);
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

    websocket::stream<Stream> make_stream(EventLoop& loop) {
        if constexpr (tls) {
            error_code ignored;
            ssl_.set_default_verify_paths(ignored);
            if (!options_.ca_file.empty()) ssl_.load_verify_file(options_.ca_file, ignored);
            ssl_.set_verify_mode(options_.verify_tls ? asio::ssl::verify_peer : asio::ssl::verify_none);
            return websocket::stream<Stream>(detail::context_of(loop), ssl_);
        } else {
            return websocket::stream<Stream>(detail::context_of(loop));
        }
    }
    beast::tcp_stream& lowest() { return beast::get_lowest_layer(stream_); }

    void connect(const tcp::resolver::results_type& found) {
        lowest().async_connect(found,
                               [self = this->shared_from_this()](error_code error, const tcp::endpoint&) {
                                   if (self->failed(error, "could not connect")) return;
                                   error_code ignored;
                                   self->lowest().socket().set_option(tcp::no_delay(true), ignored);
                                   self->secure();
                               });
    }

    void secure() {
        if constexpr (tls) {
            auto& layer = stream_.next_layer();
            SSL_set_tlsext_host_name(layer.native_handle(), target_.host.c_str());
            if (options_.verify_tls)
                layer.set_verify_callback(asio::ssl::host_name_verification(target_.host));
            layer.async_handshake(asio::ssl::stream_base::client,
                                  [self = this->shared_from_this()](error_code error) {
                                      if (self->failed(error, "the TLS handshake failed")) return;
                                      self->upgrade();
                                  });
        } else {
            upgrade();
        }
    }

    void upgrade() {
        // The WebSocket has time-outs of its own from here; our deadline still stands until it is open.
        lowest().expires_never();
        auto timeouts = websocket::stream_base::timeout::suggested(beast::role_type::client);
        timeouts.handshake_timeout = options_.connect_timeout;
        timeouts.idle_timeout = websocket::stream_base::none();
        stream_.set_option(timeouts);
        stream_.read_message_max(options_.max_message_bytes);
        stream_.set_option(websocket::stream_base::decorator([](websocket::request_type& request) {
            request.set(http::field::user_agent, "Pricewire/" PRICEWIRE_VERSION);
        }));
        stream_.control_callback([this](websocket::frame_type type, beast::string_view) {
            if (type != websocket::frame_type::close && handler_.on_ping) {
                const auto keep = handler_.on_ping;
                keep();
            }
        });
        const std::string host =
            target_.host.find(':') == std::string::npos ? target_.host : "[" + target_.host + "]";
        stream_.async_handshake(
            response_, host + ":" + target_.port, target_.path,
            [self = this->shared_from_this()](error_code error) { self->on_upgraded(error); });
    }

    void on_upgraded(error_code error) {
        if (finished_) return;
        if (error == websocket::error::upgrade_declined) {
            WsClosed info;
            info.http_status = static_cast<int>(response_.result_int());
            if (const auto found = response_.find(http::field::retry_after); found != response_.end()) {
                info.retry_after = std::string(found->value());
            }
            info.body = response_.body().substr(0, max_refusal_body);
            info.reason = fmt::format("the upgrade was answered with status {}", info.http_status);
            closed(info);
            return;
        }
        if (failed(error, "the WebSocket upgrade failed")) return;
        open_ = true;
        deadline_->cancel();
        if (handler_.on_open) {
            const auto keep = handler_.on_open;
            keep();
        }
        if (finished_) return;
        read();
        write();
    }

    void read() {
        stream_.async_read(buffer_, [self = this->shared_from_this()](error_code error, std::size_t) {
            if (self->failed(error, "the connection ended")) return;
            const auto data = self->buffer_.cdata();
            // The callback may destroy the client, and with it the handler.
            const auto keep = self->stream_.got_text() ? self->handler_.on_text : self->handler_.on_binary;
            if (keep) keep({static_cast<const char*>(data.data()), data.size()});
            self->buffer_.consume(self->buffer_.size());
            if (!self->finished_) self->read();
        });
    }

    void write() {
        if (!open_ || writing_ || finished_ || outgoing_.empty()) return;
        writing_ = true;
        const auto done = [self = this->shared_from_this()](error_code error, std::size_t = 0) {
            self->writing_ = false;
            self->outgoing_.pop_front();
            if (!self->failed(error, "the connection ended")) self->write();
        };
        if (outgoing_.front().ping) {
            stream_.async_ping({}, [done](error_code error) { done(error); });
        } else {
            stream_.text(true);
            stream_.async_write(asio::buffer(outgoing_.front().data), done);
        }
    }

    bool failed(error_code error, const char* what) {
        if (finished_) return true;
        if (!error) return false;
        std::string reason = fmt::format("{}: {}", what, error.message());
        if (error == websocket::error::closed && !stream_.reason().reason.empty()) {
            reason += fmt::format(
                " ({})", std::string_view(stream_.reason().reason.data(), stream_.reason().reason.size()));
        }
        closed({.reason = std::move(reason)});
        return true;
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
        error_code ignored;
        resolver_.cancel();
        if (deadline_) deadline_->cancel();
        lowest().socket().close(ignored);
    }

    const WsClientOptions options_;
    WsClientHandler handler_;
    const Target target_;
    tcp::resolver resolver_;
    asio::ssl::context ssl_;
    websocket::stream<Stream> stream_;
    std::optional<asio::steady_timer> deadline_;
    websocket::response_type response_;
    beast::flat_buffer buffer_;
    std::deque<Message> outgoing_;
    bool open_ = false;
    bool writing_ = false;
    bool finished_ = false;
};

template <typename Stream>
class Client final : public WsClient {
public:
    explicit Client(std::shared_ptr<Connection<Stream>> connection) : connection_(std::move(connection)) {
        connection_->start();
    }
    ~Client() override { connection_->detach(); }
    void send_text(std::string message) override { connection_->send(std::move(message), false); }
    void send_ping() override { connection_->send({}, true); }

private:
    std::shared_ptr<Connection<Stream>> connection_;
};

// A URL that is none ends like a connection that fails: later, on the loop, with a reason.
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

template <typename Stream>
std::unique_ptr<WsClient> open(EventLoop& loop, const WsClientOptions& options, WsClientHandler handler,
                               Target target) {
    return std::make_unique<Client<Stream>>(
        std::make_shared<Connection<Stream>>(loop, options, std::move(handler), std::move(target)));
}

}  // namespace

std::unique_ptr<WsClient> open_websocket(EventLoop& loop, const WsClientOptions& options,
                                         WsClientHandler handler) {
    auto target = parse_target(options.url);
    if (!target) return std::make_unique<Refused>(loop, std::move(handler), target.error().message);
    if (target->tls) {
        return open<beast::ssl_stream<beast::tcp_stream>>(loop, options, std::move(handler),
                                                          std::move(*target));
    }
    return open<beast::tcp_stream>(loop, options, std::move(handler), std::move(*target));
}

}  // namespace pricewire::net
