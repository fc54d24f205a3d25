#pragma once

#include <span>

#include "base/log.hpp"
#include "domain/alert.hpp"
#include "domain/delivery.hpp"

namespace pricewire::outbox {

// Logs which alerts have fired, after the commit. A few firings of one price are logged at info, one line
// each; many are one line with their number at info, and one line each at debug, so that the firings after a
// market crash do not wait for a hundred thousand log lines. One thread.
class FiringLog {
public:
    // `tasks`: those written for the groups.
    void written(std::span<const FiringGroup> groups, std::span<const DeliveryTask> tasks);

private:
    log::LineBudget budget_{"alerts that fired", 200};
};

}  // namespace pricewire::outbox
