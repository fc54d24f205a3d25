#include "storage/migration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <regex>

#include "storage/error.hpp"

namespace pricewire::storage {

std::vector<MigrationState> merge_states(const std::vector<KnownMigration>& known,
                                         const std::vector<MigrationState>& applied) {
    std::vector<MigrationState> out;
    for (const KnownMigration& k : known) out.push_back({k.version, k.name, std::nullopt});
    for (const MigrationState& a : applied) {
        auto found = std::find_if(out.begin(), out.end(),
                                  [&](const MigrationState& s) { return s.version == a.version; });
        if (found == out.end())
            found = out.insert(out.end(), {a.version, a.name + " (unknown to this binary)", std::nullopt});
        found->applied_at = a.applied_at;
    }
    return out;
}

int version_of(const std::vector<MigrationState>& states) {
    int version = 0;
    for (const MigrationState& s : states) {
        if (s.applied_at) version = std::max(version, s.version);
    }
    return version;
}

std::vector<std::string> created_by(const std::vector<KnownMigration>& known) {
    static const std::regex statement(R"(CREATE (?:TABLE|TYPE|SEQUENCE) (\w+))");
    std::vector<std::string> out;
    for (const KnownMigration& k : known) {
        const std::string sql(k.sql);
        for (std::sregex_iterator it(sql.begin(), sql.end(), statement); it != std::sregex_iterator(); ++it)
            out.push_back((*it)[1]);
    }
    return out;
}

void refuse_foreign(const std::string& database, const std::vector<std::string>& tables) {
    constexpr std::size_t shown = 5;
    const std::size_t count = std::min(shown, tables.size());
    throw StorageError(
        fmt::format("{} belongs to another application (it has {}{}) and was left as it is: give Pricewire a "
                    "database of its own (storage.database_url, or DB_NAME)",
                    database,
                    fmt::join(tables.begin(), tables.begin() + static_cast<std::ptrdiff_t>(count), ", "),
                    tables.size() > count ? ", …" : ""),
        Trouble::foreign);
}

Result<void> check_not_newer(const std::string& database, int version, int latest) {
    if (version <= latest) return {};
    return fail(fmt::format("{} has version {}, this binary knows {}: it needs a newer Pricewire", database,
                            version, latest));
}

}  // namespace pricewire::storage
