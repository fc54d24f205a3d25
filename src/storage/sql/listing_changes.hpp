#pragma once

#include <chrono>
#include <span>
#include <string_view>
#include <tuple>
#include <vector>

#include "storage/listings.hpp"

namespace pricewire::storage::sql {

// What turns the stored pairs of a source into those of its new list. Pure.
ListingChanges difference(const std::vector<ListedPair>& stored, std::span<const ListedPair> list);

// Writes what differs, in a transaction that has locked the source's row.
template <typename Connection>
void write_changes(Connection& db, SourceName source, const ListingChanges& changes, Timestamp read_at) {
    constexpr Duration keep_delisted = std::chrono::hours{24 * 365};
    const auto values = [](const ListedPair& pair) {
        return std::tuple(std::string_view(pair.symbol), pair.ticker.view(), pair.currency.view(),
                          to_string(pair.status), std::string_view(pair.name));
    };
    const auto symbol = [](const ListedPair& pair) { return std::tie(pair.symbol); };
    std::size_t rows = db.change_each("listing_put", changes.added, values, source.view());
    rows += db.change_each("listing_put", changes.changed, values, source.view());
    rows += db.change_each("listing_gone", changes.gone, symbol, source.view(), read_at);
    rows += db.change("listings_forget", source.view(), read_at - keep_delisted);
    if (rows > 0) db.change("listing_source_changed", source.view());
}

}  // namespace pricewire::storage::sql
