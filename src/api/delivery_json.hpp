#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/json_writer.hpp"
#include "domain/delivery.hpp"

namespace pricewire::api {

// A delivery as it stands in listings. What is not there is null.
void write_delivery(JsonWriter& w, const DeliveryView& delivery);
std::string delivery_json(const DeliveryView& delivery);

// With its attempts, and how its endpoint is: `breaker` is the endpoint's, or nullopt where none is kept for
// it, which means that it is closed.
std::string delivery_detail_json(const DeliveryView& delivery, std::span<const Attempt> attempts,
                                 const std::optional<Breaker>& breaker);

}  // namespace pricewire::api
