#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "catcher/catcher.hpp"

// Addresses and requests as stored in Redis: each part as its length, a colon and its bytes. Pure. Reading returns nullopt
// if the text is not valid.
namespace pricewire::catcher {

std::string address_text(const CatcherAddress& address);
std::optional<CatcherAddress> parse_address(std::string_view text);
std::string request_text(const CaughtRequest& request);
std::optional<CaughtRequest> parse_request(std::string_view text);

}  // namespace pricewire::catcher
