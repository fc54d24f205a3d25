#include "net/detail/host_slots.hpp"

namespace pricewire::net::detail {

void HostSlots::enqueue(const std::string& host, Id id) {
    auto& entry = *hosts_.try_emplace(host).first;
    entry.second.waiting.push_back(id);
    members_.emplace(id, Member{&entry, std::prev(entry.second.waiting.end())});
    offer_turn(entry);
}

std::optional<HostSlots::Id> HostSlots::next() {
    while (taken_ < total_ && !turns_.empty()) {
        auto& entry = *turns_.front();
        turns_.pop_front();
        Host& host = entry.second;
        host.has_turn = false;
        if (host.waiting.empty() || host.taken >= per_host_) {
            forget_if_idle(entry);
            continue;
        }
        const Id id = host.waiting.front();
        host.waiting.pop_front();
        members_.at(id).waits_at.reset();
        ++host.taken;
        ++taken_;
        offer_turn(entry);
        return id;
    }
    return std::nullopt;
}

void HostSlots::release(Id id) {
    const auto found = members_.find(id);
    if (found == members_.end()) return;
    auto& entry = *found->second.host;
    if (found->second.waits_at) {
        entry.second.waiting.erase(*found->second.waits_at);
    } else {
        --entry.second.taken;
        --taken_;
    }
    members_.erase(found);
    offer_turn(entry);
    forget_if_idle(entry);
}

void HostSlots::offer_turn(Hosts::value_type& entry) {
    Host& host = entry.second;
    if (host.has_turn || host.waiting.empty() || host.taken >= per_host_) return;
    host.has_turn = true;
    turns_.push_back(&entry);
}

// A host in turns_ is forgotten when its turn comes.
void HostSlots::forget_if_idle(Hosts::value_type& entry) {
    const Host& host = entry.second;
    if (host.taken == 0 && host.waiting.empty() && !host.has_turn) hosts_.erase(entry.first);
}

}  // namespace pricewire::net::detail
