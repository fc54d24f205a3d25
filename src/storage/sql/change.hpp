#pragma once

#include <variant>

#include "base/uuid.hpp"
#include "domain/alert.hpp"

namespace pricewire::storage {

// What a call survives once it has returned: kill -9 of every process, or loss of power as well.
enum class Durability { process, power };

struct UserChange {
    Uuid user_id;
};
using Change = std::variant<AlertChange, UserChange>;

}  // namespace pricewire::storage
