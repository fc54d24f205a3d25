#pragma once

#include <boost/asio/io_context.hpp>

#include "net/event_loop.hpp"

namespace pricewire::net::detail {

// The loop's io_context, for what in this room opens sockets on it.
boost::asio::io_context& context_of(EventLoop& loop);

}  // namespace pricewire::net::detail
