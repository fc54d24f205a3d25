#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json_writer.hpp"
#include "domain/delivery.hpp"
#include "storage/deliveries.hpp"

namespace pricewire::api {

// A delivery as shown in listings, where deliveries get `attempts` attempts. Missing values are null.
void write_delivery(JsonWriter& w, const DeliveryView& delivery, int attempts);
std::string delivery_json(const DeliveryView& delivery, int attempts);

// The name of the endpoint that it goes to, as its breaker has it.
std::string endpoint_of(const DeliveryView& delivery);

struct DeliveryDetail {
    std::vector<Attempt> attempts;
    std::optional<storage::SentRequest> request;
    std::optional<Breaker> breaker;  // unset: it is closed
};
std::string delivery_detail_json(const DeliveryView& delivery, const DeliveryDetail& detail, int attempts);

}  // namespace pricewire::api
