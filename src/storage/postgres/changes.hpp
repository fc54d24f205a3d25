#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "storage/postgres/values.hpp"
#include "storage/sql/change.hpp"

namespace pricewire::storage::postgres {

inline constexpr const char* changes_channel = "pricewire_changes";

// Notifications carry one line per change: "+ <id> <ticker> <condition> <target>", "- …" or "u <id>"; for an alert with
// terms "+ <id> <ticker> rule" (created) or "+ <id> <ticker> changed": the rest is read from its row.
// These payloads, each below PostgreSQL's limit of 8000 bytes (manual, NOTIFY), carry all changes in order.
Array to_payloads(const std::vector<Change>& changes);

struct ReceivedChanges {
    std::vector<Change> changes;
    std::set<Uuid> rows;  // alerts with terms: what was created or changed is to be read from their rows
    // Ids of alerts of a kind that this version does not know: created or deleted by a newer version, which
    // serves them.
    std::vector<Uuid> unknown_alerts;
};
// Nullopt if the payload cannot be understood.
std::optional<ReceivedChanges> parse_payload(std::string_view payload);

}  // namespace pricewire::storage::postgres
