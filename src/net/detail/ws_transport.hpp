#pragma once

#include <algorithm>
#include <array>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/system/error_code.hpp>
#include <functional>
#include <optional>

namespace pricewire::net::detail {

// A TCP connection, with TLS or without: one type for both, so that what is built on it is compiled once. It
// models Beast's AsyncStream.
class WsTransport {
public:
    using Tcp = boost::asio::ip::tcp;
    using executor_type = Tcp::socket::executor_type;
    using Done = std::move_only_function<void(boost::system::error_code, std::size_t)>;
    using Buffers = std::array<boost::asio::const_buffer, 8>;

    explicit WsTransport(Tcp::socket socket) : socket_(std::move(socket)) {}
    WsTransport(Tcp::socket socket, boost::asio::ssl::context& context) : socket_(std::move(socket)) {
        tls_.emplace(socket_, context);
    }
    WsTransport(const WsTransport&) = delete;
    WsTransport& operator=(const WsTransport&) = delete;

    Tcp::socket& socket() { return socket_; }
    boost::asio::ssl::stream<Tcp::socket&>* tls() { return tls_ ? &*tls_ : nullptr; }
    executor_type get_executor() { return socket_.get_executor(); }

    template <typename Sequence, typename Handler>
    auto async_read_some(const Sequence& buffers, Handler&& handler) {
        namespace asio = boost::asio;
        return asio::async_initiate<Handler, void(boost::system::error_code, std::size_t)>(
            [this](auto done, asio::mutable_buffer into) { read_some(into, std::move(done)); }, handler,
            first_of(buffers));
    }
    template <typename Sequence, typename Handler>
    auto async_write_some(const Sequence& buffers, Handler&& handler) {
        return boost::asio::async_initiate<Handler, void(boost::system::error_code, std::size_t)>(
            [this](auto done, const Buffers& from) { write_some(from, std::move(done)); }, handler,
            as_array(buffers));
    }

    // Beast looks for these names: closing at a time-out, and the end after the closing handshake.
    friend void beast_close_socket(WsTransport& transport) {
        boost::system::error_code ignored;
        transport.socket_.close(ignored);
    }
    template <typename Handler>
    friend void async_teardown(boost::beast::role_type role, WsTransport& transport, Handler&& handler) {
        transport.tear_down(role, [h = std::forward<Handler>(handler)](boost::system::error_code error,
                                                                       std::size_t) mutable { h(error); });
    }

private:
    void read_some(boost::asio::mutable_buffer into, Done done);
    void write_some(const Buffers& from, Done done);
    void tear_down(boost::beast::role_type role, Done done);

    // Reading and writing some may leave buffers for the next call.
    template <typename Sequence>
    static boost::asio::mutable_buffer first_of(const Sequence& buffers) {
        const auto end = boost::asio::buffer_sequence_end(buffers);
        for (auto at = boost::asio::buffer_sequence_begin(buffers); at != end; ++at) {
            if (const boost::asio::mutable_buffer buffer = *at; buffer.size() > 0) return buffer;
        }
        return {};
    }
    template <typename Sequence>
    static Buffers as_array(const Sequence& buffers) {
        Buffers out;
        std::size_t count = 0;
        const auto end = boost::asio::buffer_sequence_end(buffers);
        for (auto at = boost::asio::buffer_sequence_begin(buffers); at != end && count < out.size(); ++at) {
            if (const boost::asio::const_buffer buffer = *at; buffer.size() > 0) out[count++] = buffer;
        }
        return out;
    }

    Tcp::socket socket_;
    std::optional<boost::asio::ssl::stream<Tcp::socket&>> tls_;
};

}  // namespace pricewire::net::detail
