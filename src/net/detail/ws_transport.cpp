#include "net/detail/ws_transport.hpp"

#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/teardown.hpp>

namespace pricewire::net::detail {

void WsTransport::read_some(boost::asio::mutable_buffer into, Done done) {
    if (tls_) {
        tls_->async_read_some(into, std::move(done));
    } else {
        socket_.async_read_some(into, std::move(done));
    }
}

void WsTransport::write_some(const Buffers& from, Done done) {
    if (tls_) {
        tls_->async_write_some(from, std::move(done));
    } else {
        socket_.async_write_some(from, std::move(done));
    }
}

void WsTransport::tear_down(boost::beast::role_type role, Done done) {
    auto ended = [d = std::move(done)](boost::system::error_code error) mutable { d(error, 0); };
    if (tls_) {
        boost::beast::async_teardown(role, *tls_, std::move(ended));
    } else {
        boost::beast::websocket::async_teardown(role, socket_, std::move(ended));
    }
}

}  // namespace pricewire::net::detail
