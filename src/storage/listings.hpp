#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "domain/listing.hpp"
#include "storage/error.hpp"

namespace pricewire::storage {

struct ListedSource {
    SourceName source;
    SourceKind kind = SourceKind::exchange;
    Timestamp read_at;          // when its list was last read
    std::int64_t revision = 0;  // increases with every change of a pair of this source
    friend bool operator==(const ListedSource&, const ListedSource&) = default;
};

// What replace_listings() changed.
struct ListingChanges {
    std::vector<ListedPair> added;    // new, or back in the list
    std::vector<ListedPair> changed;  // another ticker, currency, status or name
    std::vector<ListedPair> gone;     // as they were
};

// What each source lists, as feeds have last read it. Part of Storage: see there for threads; writes survive kill -9,
// not a loss of power.
class Listings {
public:
    virtual ~Listings() = default;

    // Replaces a source's list by one read at `read_at`. Pairs are told apart by their symbols, which must be unique
    // in `pairs`; gone_at and disagrees_since are ignored there. A stored pair that is not in it becomes delisted,
    // and is removed a year later. A list older than the stored one changes nothing.
    virtual ListingChanges replace_listings(SourceName source, SourceKind kind,
                                            std::span<const ListedPair> pairs, Timestamp read_at) = 0;
    // Sources whose list was ever read, by name.
    virtual std::vector<ListedSource> listed_sources() = 0;
    // All pairs of a source, by symbol.
    virtual std::vector<ListedPair> listings(SourceName source) = 0;
    // Sets disagrees_since of a pair that has none, or unsets it (nullopt) where its price agrees again. False if
    // nothing changed.
    virtual bool note_disagreement(SourceName source, std::string_view symbol,
                                   std::optional<Timestamp> since) = 0;
};

}  // namespace pricewire::storage
