#pragma once

#include <span>

#include "base/log.hpp"
#include "domain/alert.hpp"
#include "domain/delivery.hpp"

namespace pricewire::outbox {

// Tells the operator which alerts have fired, after the commit that made it so. What a price fires is a line
// an alert at info where it is a few, else one line with their number at info and a line an alert at debug:
// the firings after a market's crash should not wait for a hundred thousand lines about it. One thread.
class FiringLog {
public:
    // `tasks` are those that were written of the groups.
    void written(std::span<const FiringGroup> groups, std::span<const DeliveryTask> tasks);

private:
    log::LineBudget budget_{"alerts that fired", 200};
};

}  // namespace pricewire::outbox
