#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "domain/alert.hpp"
#include "storage/postgres/values.hpp"

namespace pricewire::storage::postgres {

inline constexpr const char* changes_channel = "pricewire_changes";

struct UserChange {
    Uuid user_id;
};
using Change = std::variant<AlertChange, UserChange>;

// What notifications carry, one line a change: "+ <id> <ticker> <gt|lt> <target>", "- …" or "u <id>".
// Payloads of less than 8000 bytes, PostgreSQL's limit (manual, NOTIFY), that carry all of them in order.
Array to_payloads(const std::vector<Change>& changes);
std::string to_payload(const UserChange& change);
// Nullopt where it is none that this program writes.
std::optional<std::vector<Change>> parse_payload(std::string_view payload);

}  // namespace pricewire::storage::postgres
