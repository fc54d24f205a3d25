#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/delivery.hpp"

// Notices as stored in Redis, 33 bytes each: the user's id, the delivery's or alert's id, and '1' if a delivery was
// written because its alert has fired, otherwise '0'. The version before looks for a delivery with an alert's id, and
// finds none. Pure.
namespace pricewire::bus {

void append_notices(std::string& out, std::span<const DeliveryNotice> notices);
// nullopt if the text is invalid.
std::optional<std::vector<DeliveryNotice>> parse_notices(std::string_view text);

}  // namespace pricewire::bus
