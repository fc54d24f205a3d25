#include "api/hint.hpp"

#include <exception>

#include "base/log.hpp"

namespace pricewire::api {

void hint_sender(Services& services, std::span<const DeliveryTask> tasks) {
    if (tasks.empty() || !services.use.hint) return;
    try {
        services.use.hint(tasks);
    } catch (const std::exception& e) {
        log::warn("the senders could not be told of a delivery; they will find it by themselves",
                  {{"reason", e.what()}});
    }
}

}  // namespace pricewire::api
