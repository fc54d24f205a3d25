#include "redis/outage.hpp"

#include "base/log.hpp"

namespace pricewire::redis {

Outage::Outage(const Address& address, std::string meaning, std::string healed)
    : where_(address.text()), meaning_(std::move(meaning)), healed_(std::move(healed)) {}

void Outage::away(std::string_view reason) {
    {
        MutexLock lock(mutex_);
        if (away_) return;
        away_ = true;
    }
    log::warn("waiting for Redis at " + where_ + ": " + meaning_, {{"reason", std::string(reason)}});
}

void Outage::back() {
    {
        MutexLock lock(mutex_);
        if (!away_) return;
        away_ = false;
    }
    log::info("Redis at " + where_ + " answers again: " + healed_);
}

bool Outage::is_away() const {
    MutexLock lock(mutex_);
    return away_;
}

}  // namespace pricewire::redis
