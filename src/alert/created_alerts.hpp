#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <utility>
#include <vector>

#include "domain/alert.hpp"

namespace pricewire::alert {

// Alerts that wait for the end of a replay, in the order in which they came; there may be as many as a checker takes over. Pure;
// owned by one thread.
class CreatedAlerts {
public:
    bool contains(const Uuid& id) const { return places_.contains(id); }
    // One that is here stays as it is.
    void add(const ActiveAlert& alert) {
        if (places_.try_emplace(alert.id, alerts_.size()).second) alerts_.push_back(alert);
    }
    void remove(const Uuid& id) {
        if (places_.erase(id) == 0 || alerts_.size() < 2 * places_.size() + least) return;
        for (const ActiveAlert& alert : take_all()) add(alert);
    }
    std::vector<ActiveAlert> take_all() {
        std::vector<ActiveAlert> out;
        out.reserve(places_.size());
        for (std::size_t i = 0; i < alerts_.size(); ++i) {
            const auto place = places_.find(alerts_[i].id);
            if (place != places_.end() && place->second == i) out.push_back(std::move(alerts_[i]));
        }
        alerts_ = {};
        places_ = {};
        return out;
    }

private:
    static constexpr std::size_t least = 64;
    std::vector<ActiveAlert> alerts_;                // some of which were removed
    absl::flat_hash_map<Uuid, std::size_t> places_;  // of the others
};

}  // namespace pricewire::alert
