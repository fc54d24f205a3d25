#pragma once

#include <span>
#include <utility>
#include <vector>

#include "domain/delivery.hpp"
#include "domain/market.hpp"
#include "storage/blind.hpp"

namespace pricewire::api {

// Says in the evidence of firings why there was no price in the gaps that it names. Checkers do not know: it is looked up in
// the stored blind times, once for each ticker. With each firing, its alert's ticker.
void tell_gap_reasons(storage::BlindSpans& blind, const std::vector<std::pair<FiringView*, Ticker>>& firings);
void tell_gap_reasons(storage::BlindSpans& blind, std::span<DeliveryView> deliveries);

}  // namespace pricewire::api
