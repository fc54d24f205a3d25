#pragma once

#include <string>

#include "domain/delivery.hpp"

namespace pricewire {

// The body of a webhook: {"alert_id","ticker","triggered_price","target_price","condition","triggered_at",
// "created_at","message"}, where created_at is the alert's. Made of what is stored alone, so that it is
// the same to the byte on every attempt; prices are JSON numbers with their exact digits.
// `alert` has fired: triggered_at and triggered_price are set.
std::string webhook_payload(const Alert& alert);

// The same in plain words: "BTC rose above 70000: 70100.5".
std::string webhook_message(const Alert& alert);

}  // namespace pricewire
