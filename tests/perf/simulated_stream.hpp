#pragma once

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

#include "feed/venue.hpp"
#include "sim/venues/venue.hpp"

namespace pricewire::perf {

// A connection to a simulated venue without a socket, opened at the address that the venue hands out, where it does:
// `venue` needs both addresses for that, and any will do.
inline std::unique_ptr<sim::SimStream> open_simulated(const feed::Venue& venue,
                                                      const sim::SimVenue& simulated,
                                                      const sim::SimMarket& market) {
    const auto asked = venue.address_request();
    if (!asked) return simulated.open("", market);
    const std::string path = asked->url.substr(asked->url.find('/', asked->url.find("://") + 3));
    const auto answer = simulated.rest({.path = path,
                                        .query = {},
                                        .market = market,
                                        .taken = std::chrono::system_clock::now(),
                                        .method = asked->post ? "POST" : "GET",
                                        .address = "127.0.0.1:1"});
    const auto address = answer ? venue.parse_address(answer->body) : std::unexpected(feed::ParseError{});
    if (!address) throw std::runtime_error("the simulated venue hands out no address");
    return simulated.open(address->substr(address->find('?') + 1), market);
}

}  // namespace pricewire::perf
