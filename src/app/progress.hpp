#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "bus/price_bus.hpp"

namespace pricewire::app {

// Tracks up to which position of the price stream every firing is durable. Pure; one thread.
class Progress {
public:
    // Everything up to `position` has been matched; its firings are among the first `taken` that the outbox
    // took.
    void note(bus::BusPosition position, std::uint64_t taken) {
        if (!waiting_.empty() && waiting_.back().second == taken) {
            waiting_.back().first = position;
        } else {
            waiting_.emplace_back(position, taken);
        }
    }
    // The furthest position whose firings are durable, now that the outbox has settled its first `settled`
    // firings; nullopt if it has not advanced.
    std::optional<bus::BusPosition> done(std::uint64_t settled) {
        std::optional<bus::BusPosition> out;
        while (!waiting_.empty() && waiting_.front().second <= settled) {
            out = waiting_.front().first;
            waiting_.pop_front();
        }
        return out;
    }

private:
    std::deque<std::pair<bus::BusPosition, std::uint64_t>> waiting_;
};

}  // namespace pricewire::app
