#pragma once

#include <string>

#include "base/json_writer.hpp"
#include "domain/delivery.hpp"
#include "domain/market.hpp"

namespace pricewire::api {

// A firing, and why it happened; an expiry has no such reason. `ticker` is its alert's.
void write_firing(JsonWriter& w, const FiringView& firing, const Ticker& ticker,
                  DeliveryKind kind = DeliveryKind::alert);
std::string firing_json(const FiringView& firing, const Ticker& ticker);

}  // namespace pricewire::api
