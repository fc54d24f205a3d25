#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/delivery.hpp"

// How notices stand in Redis: 33 bytes each, the user's id, the delivery's, and '1' where it was written
// because its alert has fired, else '0'. Pure.
namespace pricewire::bus {

void append_notices(std::string& out, std::span<const DeliveryNotice> notices);
// nullopt where it is none.
std::optional<std::vector<DeliveryNotice>> parse_notices(std::string_view text);

}  // namespace pricewire::bus
