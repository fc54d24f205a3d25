#include "storage/sql/listing_changes.hpp"

#include <string_view>
#include <unordered_map>

namespace pricewire::storage::sql {

ListingChanges difference(const std::vector<ListedPair>& stored, std::span<const ListedPair> list) {
    std::unordered_map<std::string_view, const ListedPair*> unseen;
    for (const ListedPair& pair : stored) unseen.emplace(pair.symbol, &pair);
    ListingChanges changes;
    for (const ListedPair& pair : list) {
        const auto found = unseen.find(pair.symbol);
        const ListedPair* const before = found == unseen.end() ? nullptr : found->second;
        if (before != nullptr) unseen.erase(found);
        if (before == nullptr || before->gone_at) {
            changes.added.push_back(pair);
        } else if (before->ticker != pair.ticker || before->currency != pair.currency ||
                   before->status != pair.status || before->name != pair.name) {
            changes.changed.push_back(pair);
        }
    }
    for (const ListedPair& pair : stored) {
        if (!pair.gone_at && unseen.contains(pair.symbol)) changes.gone.push_back(pair);
    }
    return changes;
}

}  // namespace pricewire::storage::sql
