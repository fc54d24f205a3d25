#include "api/hint.hpp"

#include <exception>
#include <vector>

#include "base/log.hpp"

namespace pricewire::api {

void hint_sender(Services& services, const Exchange& exchange, std::span<const DeliveryTask> tasks) {
    std::vector<DeliveryNotice> notices;
    for (const DeliveryTask& task : tasks) notices.push_back({exchange.user.id, task.delivery_id});
    services.use.notices.publish(notices);
    if (tasks.empty() || !services.use.hint) return;
    try {
        std::vector<DeliveryTask> of_user(tasks.begin(), tasks.end());
        for (DeliveryTask& task : of_user) task.user_id = exchange.user.id;
        services.use.hint(of_user);
    } catch (const std::exception& e) {
        log::warn("could not notify the senders of a delivery; they will find it in the database",
                  {{"reason", e.what()}});
    }
}

void tell_of_alerts(Services& services, const Exchange& exchange, std::span<const Uuid> alerts, bool is_new) {
    std::vector<DeliveryNotice> notices;
    notices.reserve(alerts.size());
    for (const Uuid& id : alerts) notices.push_back({exchange.user.id, id, is_new});
    services.use.notices.publish(notices);
}

}  // namespace pricewire::api
