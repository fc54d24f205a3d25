#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/json_writer.hpp"
#include "domain/delivery.hpp"

namespace pricewire::api {

// A delivery as shown in listings. Missing values are null.
void write_delivery(JsonWriter& w, const DeliveryView& delivery);
std::string delivery_json(const DeliveryView& delivery);

// With its attempts and its endpoint's state: `breaker` is nullopt if the endpoint has none, which means that
// it is closed.
std::string delivery_detail_json(const DeliveryView& delivery, std::span<const Attempt> attempts,
                                 const std::optional<Breaker>& breaker);

}  // namespace pricewire::api
