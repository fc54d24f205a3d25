#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/text.hpp"

namespace pricewire::storage {

// One step of a database's schema, and when this database took it.
struct MigrationState {
    int version = 0;
    std::string name;
    std::optional<Timestamp> applied_at;
};

// A migration that is in the binary.
struct KnownMigration {
    int version = 0;
    std::string name;
    std::string_view sql;
};

// From files named "0001_initial.sql", in the order of their numbers, which begin at 1 and leave none out.
template <typename Files>
std::vector<KnownMigration> known_migrations(const Files& files) {
    std::vector<KnownMigration> out;
    for (const auto& file : files) {
        KnownMigration known{parse_number<int>(file.name.substr(0, 4)).value_or(0),
                             std::string(file.name.substr(5, file.name.size() - 9)), file.text};
        out.push_back(std::move(known));
    }
    return out;
}

}  // namespace pricewire::storage
