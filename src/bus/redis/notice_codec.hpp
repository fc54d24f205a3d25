#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/delivery.hpp"

// Notices as stored in Redis, 33 bytes each: the user's id, the delivery's or alert's id, and '1' if it is new, otherwise
// '0'. The version before takes an alert that was created for one that was changed. Pure.
namespace pricewire::bus {

void append_notices(std::string& out, std::span<const DeliveryNotice> notices);
// nullopt if the text is invalid.
std::optional<std::vector<DeliveryNotice>> parse_notices(std::string_view text);

}  // namespace pricewire::bus
