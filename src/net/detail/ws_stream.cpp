#include "net/detail/ws_stream.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket.hpp>
#include <limits>

#include "net/detail/asio_loop.hpp"
#include "net/detail/server_core.hpp"
#include "net/detail/ws_transport.hpp"

namespace pricewire::net::detail {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;

constexpr std::size_t max_refusal_body = 4096;

// One type of handler for every operation, so that each operation is instantiated once.
struct Handler {
    WsStream::Done done;
    void operator()(error_code error, std::size_t = 0) { done(error); }
};

// Without compression, which neither side offers.
using Stream = websocket::stream<WsTransport, false>;

// What clients and servers share.
template <typename Interface>
class StreamBase : public Interface {
public:
    using Done = WsStream::Done;

    template <typename... Transport>
    explicit StreamBase(Transport&&... transport) : stream_(std::forward<Transport>(transport)...) {}
    void read(Done done) override {
        buffer_.consume(buffer_.size());
        if (buffer_.capacity() > keep_bytes_) buffer_.shrink_to_fit();
        stream_.async_read(buffer_, Handler{[this, d = std::move(done)](error_code error) mutable {
                               reading_ = false;
                               d(error);
                           }});
        reading_ = true;
    }
    bool has_half_message() const override { return reading_ && buffer_.size() > 0; }
    std::string_view message() const override {
        const auto data = buffer_.cdata();
        return {static_cast<const char*>(data.data()), data.size()};
    }
    bool message_is_text() const override { return stream_.got_text(); }
    void write(std::string_view data, bool binary, Done done) override {
        stream_.text(!binary);
        stream_.async_write(asio::const_buffer(data.data(), data.size()), Handler{std::move(done)});
    }
    void ping(std::string_view payload, Done done) override {
        stream_.async_ping({payload.data(), payload.size()}, Handler{std::move(done)});
    }
    void close(std::uint16_t code, std::string_view reason, Done done) override {
        websocket::close_reason sent(code);
        sent.reason.assign(reason.data(), reason.size());
        stream_.async_close(sent, Handler{std::move(done)});
    }
    std::string close_reason() const override {
        const auto& reason = stream_.reason().reason;
        return {reason.data(), reason.size()};
    }
    void drop() override { beast_close_socket(stream_.next_layer()); }

protected:
    Stream stream_;
    beast::flat_buffer buffer_;
    std::size_t keep_bytes_ = std::numeric_limits<std::size_t>::max();  // of a buffer, between messages
    bool reading_ = false;
};

class ServerStream final : public StreamBase<WsStream> {
public:
    ServerStream(Tcp::socket socket, const ServerRequest& request, const WsServerSettings& settings)
        : StreamBase(std::move(socket)), request_(http::verb::get, request.target, 11) {
        for (const auto& [name, value] : request.headers) request_.insert(name, value);
        keep_bytes_ = 4096;
        buffer_.max_size(settings.max_message_bytes + keep_bytes_);
        auto timeouts = websocket::stream_base::timeout::suggested(beast::role_type::server);
        timeouts.idle_timeout = settings.idle_timeout;
        stream_.set_option(timeouts);
        stream_.read_message_max(settings.max_message_bytes);
        if (settings.subprotocol.empty()) return;
        stream_.set_option(websocket::stream_base::decorator(
            [name = settings.subprotocol](websocket::response_type& response) {
                response.set(http::field::sec_websocket_protocol, name);
            }));
    }
    void upgrade(Done done) override {
        stream_.async_accept(request_, Handler{[this, d = std::move(done)](error_code error) mutable {
                                 request_ = {};
                                 d(error);
                             }});
    }

private:
    http::request<http::string_body> request_;
};

// A verified peer must prove the name that was requested.
asio::ssl::context make_tls(const WsClientTarget& target) {
    asio::ssl::context out(asio::ssl::context::tls_client);
    error_code ignored;
    out.set_default_verify_paths(ignored);
    if (!target.ca_file.empty()) out.load_verify_file(target.ca_file, ignored);
    out.set_verify_mode(target.verify_tls ? asio::ssl::verify_peer : asio::ssl::verify_none);
    return out;
}

class ClientStream final : public StreamBase<WsClientStream> {
public:
    ClientStream(asio::io_context& context, const WsClientTarget& target, std::function<void()> on_ping)
        : StreamBase(Tcp::socket(context)), target_(target), resolver_(context) {
        prepare(std::move(on_ping));
    }
    ClientStream(asio::io_context& context, asio::ssl::context tls, const WsClientTarget& target,
                 std::function<void()> on_ping)
        : StreamBase(Tcp::socket(context), tls), target_(target), resolver_(context) {
        auto& layer = *stream_.next_layer().tls();
        SSL_set_tlsext_host_name(layer.native_handle(), target_.host.c_str());
        if (target_.verify_tls) layer.set_verify_callback(asio::ssl::host_name_verification(target_.host));
        prepare(std::move(on_ping));
    }

    void connect(Connected done) override {
        resolver_.async_resolve(
            target_.host, target_.port,
            [this, d = std::move(done)](error_code error, const Tcp::resolver::results_type& found) mutable {
                // A host that is resolved already is no longer cancelled by drop().
                if (dropped_) error = asio::error::operation_aborted;
                if (error) return d(error, "could not resolve the host");
                reach(found, std::move(d));
            });
    }
    void upgrade(Done done) override {
        const bool v6 = target_.host.find(':') != std::string::npos;
        const std::string host = v6 ? "[" + target_.host + "]" : target_.host;
        stream_.async_handshake(response_, host + ":" + target_.port, target_.path,
                                [this, d = std::move(done)](error_code error) mutable {
                                    if (error == websocket::error::upgrade_declined) keep_refusal();
                                    d(error);
                                });
    }
    const WsRefusal* refusal() const override { return refusal_ ? &*refusal_ : nullptr; }
    void drop() override {
        dropped_ = true;
        resolver_.cancel();
        StreamBase::drop();
    }

private:
    // The owner has a time-out of its own over connecting and the handshake.
    void prepare(std::function<void()> on_ping) {
        auto timeouts = websocket::stream_base::timeout::suggested(beast::role_type::client);
        timeouts.handshake_timeout = target_.handshake_timeout;
        timeouts.idle_timeout = websocket::stream_base::none();
        stream_.set_option(timeouts);
        stream_.read_message_max(target_.max_message_bytes);
        stream_.set_option(websocket::stream_base::decorator([](websocket::request_type& request) {
            request.set(http::field::user_agent, "Pricewire/" PRICEWIRE_VERSION);
        }));
        stream_.control_callback([ping = std::move(on_ping)](websocket::frame_type type, beast::string_view) {
            if (type != websocket::frame_type::close) ping();
        });
    }
    void reach(const Tcp::resolver::results_type& found, Connected done) {
        asio::async_connect(stream_.next_layer().socket(), found,
                            [this, d = std::move(done)](error_code error, const Tcp::endpoint&) mutable {
                                if (error) return d(error, "could not connect");
                                error_code ignored;
                                stream_.next_layer().socket().set_option(Tcp::no_delay(true), ignored);
                                secure(std::move(d));
                            });
    }
    void secure(Connected done) {
        auto* tls = stream_.next_layer().tls();
        if (tls == nullptr) return done({}, nullptr);
        tls->async_handshake(asio::ssl::stream_base::client, [d = std::move(done)](error_code error) mutable {
            d(error, error ? "the TLS handshake failed" : nullptr);
        });
    }
    void keep_refusal() {
        refusal_.emplace();
        refusal_->status = static_cast<int>(response_.result_int());
        if (const auto found = response_.find(http::field::retry_after); found != response_.end()) {
            refusal_->retry_after = std::string(found->value());
        }
        refusal_->body = response_.body().substr(0, max_refusal_body);
    }

    const WsClientTarget target_;
    Tcp::resolver resolver_;
    websocket::response_type response_;
    std::optional<WsRefusal> refusal_;
    bool dropped_ = false;
};

}  // namespace

std::unique_ptr<WsClientStream> create_ws_client_stream(EventLoop& loop, const WsClientTarget& target,
                                                        std::function<void()> on_ping) {
    auto& context = context_of(loop);
    if (!target.tls) return std::make_unique<ClientStream>(context, target, std::move(on_ping));
    return std::make_unique<ClientStream>(context, make_tls(target), target, std::move(on_ping));
}

std::unique_ptr<WsStream> create_ws_server_stream(Tcp::socket socket, const ServerRequest& request,
                                                  const WsServerSettings& settings) {
    return std::make_unique<ServerStream>(std::move(socket), request, settings);
}

}  // namespace pricewire::net::detail
