#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "domain/enum_names.hpp"
#include "domain/market.hpp"

namespace pricewire::inline domain {

// Whether a source trades a pair. Delisted: it was in the source's list once, and no longer is.
enum class ListingStatus : std::uint8_t { trading, halted, delisted };
inline constexpr auto listing_status_names = enum_names<ListingStatus>({
    {ListingStatus::trading, "trading"},
    {ListingStatus::halted, "halted"},
    {ListingStatus::delisted, "delisted"},
});
constexpr std::string_view to_string(ListingStatus s) {
    return listing_status_names.name(s);
}
constexpr std::optional<ListingStatus> parse_listing_status(std::string_view text) {
    return listing_status_names.parse(text);
}

// A market in a source's own list, as last read. An aggregator lists coins: the symbol is then the coin's id.
struct ListedPair {
    std::string symbol;  // as the source spells it; unique among its pairs
    Ticker ticker;
    Currency currency = "USD";
    ListingStatus status = ListingStatus::trading;
    std::string name = {};                            // of the coin; empty where the list has none
    std::optional<Timestamp> gone_at = std::nullopt;  // set if delisted
    // Its price is far from other sources': probably another coin of the same letters.
    std::optional<Timestamp> disagrees_since = std::nullopt;
    friend bool operator==(const ListedPair&, const ListedPair&) = default;
};

}  // namespace pricewire::inline domain
