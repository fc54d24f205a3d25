#include "storage/migration.hpp"

#include <algorithm>

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

Result<void> check_not_newer(const std::string& database, int version, int latest) {
    if (version <= latest) return {};
    return fail(fmt::format("{} has version {}, this binary knows {}: it needs a newer Pricewire", database,
                            version, latest));
}

}  // namespace pricewire::storage
