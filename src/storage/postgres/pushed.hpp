#pragma once

#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "domain/delivery.hpp"
#include "storage/postgres/connection.hpp"
#include "storage/postgres/rows.hpp"
#include "storage/sql/pushed.hpp"

// Deliveries to devices, beside the webhooks of firings and expiries.
namespace pricewire::storage::postgres {

template <typename Ids>
Array ids_of(const Ids& ids) {
    Array out;
    for (const Uuid& id : ids) out.add(id);
    return out;
}

// Empty: all of them.
inline Array numbers_of(const std::optional<UserSlots>& slots) {
    Array out;
    if (!slots) return out;
    for (std::size_t slot = 0; slot < user_slots; ++slot) {
        if (slots->test(slot)) out.add(slot);
    }
    // No user has this one.
    if (slots->none()) out.add(user_slots);
    return out;
}

// Of a statement that has written a delivery and one for each of the devices, whose ids are separated by spaces.
inline void add_pushes(std::vector<DeliveryTask>& out, const Uuid& delivery_id, const Uuid& user_id,
                       std::string_view devices) {
    while (!devices.empty()) {
        if (const auto device = Uuid::parse(take_part(devices, ' ')))
            out.push_back({sql::push_delivery_id(delivery_id, *device), 1, user_id, true});
    }
}

// The user and the devices of what a statement wrote.
inline constexpr auto read_fired = [](const Row& row) {
    return std::pair(row.id(0), std::string(row.text(1)));
};

// Writes those that belong to deliveries which the transaction has written; given with their users.
template <typename Deliveries>
std::vector<DeliveryTask> write_pushes(Connection& db, const Deliveries& written) {
    std::set<Uuid> users;
    for (const auto& [delivery, user] : written) users.insert(user);
    if (users.empty()) return {};
    std::set<Uuid> with_devices;
    for (const Row row : db.run("push_users", ids_of(users))) with_devices.insert(row.id(0));
    if (with_devices.empty()) return {};
    Array deliveries;
    for (const auto& [delivery, user] : written) {
        if (with_devices.contains(user)) deliveries.add(delivery);
    }
    std::vector<DeliveryTask> out;
    for (const Row row : db.run("push_deliveries", deliveries))
        out.push_back({row.id(0), 1, row.id(1), true});
    return out;
}

}  // namespace pricewire::storage::postgres
