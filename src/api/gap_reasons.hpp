#pragma once

#include <span>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "domain/delivery.hpp"
#include "domain/market.hpp"
#include "storage/blind.hpp"

namespace pricewire::api {

// Says in the evidence of firings why there was no price in the gaps that it names. Checkers do not know: it is looked up in
// the stored blind times, once for each ticker. With each firing, its alert's ticker. Of a gap that has ended a moment ago
// nothing may be stored yet: its reason stays empty then.
void tell_gap_reasons(storage::BlindSpans& blind, const std::vector<std::pair<FiringView*, Ticker>>& firings,
                      Timestamp now);
void tell_gap_reasons(storage::BlindSpans& blind, std::span<DeliveryView> deliveries, Timestamp now);

}  // namespace pricewire::api
