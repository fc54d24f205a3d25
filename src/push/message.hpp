#pragma once

#include <cstddef>
#include <string>

#include "domain/delivery.hpp"

namespace pricewire::push {

// In bytes; what does not fit of the body is cut.
constexpr std::size_t max_message = 3000;

// What a push says, for the page's service worker (web/public/sw.js), which shows it:
// {"title","body","tag","url","ticker","alert_id","delivery_id","firing","fired_at"}, and "late", "test" or "expired":true.
// A notification replaces another with the same tag, such as the one that the page shows of the same firing. Pure; the
// same bytes on every attempt.
std::string push_message(const ClaimedDelivery& delivery);

}  // namespace pricewire::push
