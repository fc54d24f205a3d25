#pragma once

#include "deliver/sender.hpp"
#include "net/address_guard.hpp"

namespace pricewire::perf {

// Of a sender to receivers on this machine.
inline deliver::SenderOptions loopback_sender_options() {
    deliver::SenderOptions options;
    options.urls.allow_http = true;
    options.urls.allow_ports = {{1, 65535}};
    options.urls.guard = net::AddressGuard({net::Network::parse("127.0.0.0/8").value()});
    return options;
}

}  // namespace pricewire::perf
