#pragma once

#include <map>
#include <span>
#include <string_view>
#include <tuple>
#include <vector>

#include "domain/delivery.hpp"
#include "storage/sql/endpoint_calls.hpp"
#include "storage/sql/rows.hpp"

// Deliveries to devices, within the transactions that write and finish them.
namespace pricewire::storage::sql {

// The delivery to a device that belongs to a webhook's: listed beside it, and the same if it is written again. In SQL it
// is push_delivery().
Uuid push_delivery_id(const Uuid& delivery_id, const Uuid& subscription_id);

// Ends what waits for a device that is gone.
template <typename Connection>
void end_pushes(Connection& db, const Uuid& subscription_id, DeliveryState state, Timestamp now,
                std::string_view reason) {
    db.change("push_end", subscription_id, to_string(state), now, reason);
}

// Notes how the last attempts for devices went, and removes those that are gone. In the order of ids, since other senders
// do the same.
template <typename Connection>
void note_pushes(Connection& db, std::span<const DeliveryOutcome* const> written) {
    std::map<Uuid, LastCalls> last;
    std::map<Uuid, const DeliveryOutcome*> gone;
    for (const DeliveryOutcome* o : written) {
        if (!o->push_id || !o->attempt) continue;
        last[*o->push_id].add(*o, o->next == DeliveryState::delivered);
        if (o->push_gone) gone.emplace(*o->push_id, o);
    }
    if (last.empty()) return;
    db.change_each("push_seen", last, [](const auto& entry) {
        const auto& [id, seen] = entry;
        return std::tie(id, seen.success_at, seen.failure_at, seen.failure);
    });
    for (const auto& [id, outcome] : gone) {
        db.change("push_remove", id);
        end_pushes(db, id, DeliveryState::failed, outcome->ended_at, outcome->reason);
    }
}

}  // namespace pricewire::storage::sql
