#pragma once

#include <cstddef>
#include <span>
#include <unordered_set>

#include "domain/alert.hpp"
#include "domain/delivery.hpp"

namespace pricewire::outbox {

// How much a group asks to be written.
inline std::size_t steps_in(const FiringGroup& group) {
    return group.firings.size() + group.ruled.size() + group.notes.size() + group.expiries.size();
}

// Which of its groups' deliveries a commit wrote: nearly always all, which is checked without looking at each. If one is
// missing, another checker was first, or the alert was deleted or changed.
class Written {
public:
    Written(std::span<const FiringGroup> groups, std::span<const DeliveryTask> written) {
        const auto tasks = webhooks_of(written);
        std::size_t tried = 0;
        // The alert's row decides whether an expiry has a delivery.
        bool may_differ = false;
        for (const FiringGroup& group : groups) {
            tried += group.firings.size() + group.ruled.size();
            may_differ = may_differ || !group.expiries.empty();
        }
        is_all_ = tried == tasks.size() && !may_differ;
        if (is_all_) return;
        for (const DeliveryTask& task : tasks) deliveries_.insert(task.delivery_id);
    }
    bool is_all() const { return is_all_; }
    bool has(const Uuid& delivery_id) const { return is_all_ || deliveries_.contains(delivery_id); }
    // The group's firings that were written.
    std::size_t count(const FiringGroup& group) const {
        if (is_all_) return group.firings.size() + group.ruled.size();
        std::size_t n = 0;
        for (const Firing& firing : group.firings) n += has(firing.delivery_id) ? 1 : 0;
        for (const RuledFiring& firing : group.ruled) n += has(firing.delivery_id) ? 1 : 0;
        return n;
    }

private:
    bool is_all_ = false;
    std::unordered_set<Uuid> deliveries_;
};

}  // namespace pricewire::outbox
