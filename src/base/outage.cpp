#include "base/outage.hpp"

#include <utility>

#include "base/log.hpp"

namespace pricewire::inline base {

Outage::Outage(std::string service, std::string meaning, std::string healed)
    : service_(std::move(service)), meaning_(std::move(meaning)), healed_(std::move(healed)) {}

void Outage::begin(std::string_view reason) {
    if (ongoing_.exchange(true)) return;
    log::warn("waiting for " + service_ + ": " + meaning_, {{"reason", std::string(reason)}});
}

void Outage::end() {
    if (!ongoing_.exchange(false)) return;
    log::info(service_ + " answers again: " + healed_);
}

}  // namespace pricewire::inline base
