#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "domain/listing.hpp"
#include "storage/listings.hpp"

// Which coin is listed where. Pure.
namespace pricewire::directory {

// What one source lists, as storage has it.
struct SourceList {
    storage::ListedSource source;
    std::vector<ListedPair> pairs;
};

// Where a ticker is listed. `pair` lives as long as the directory.
struct Listing {
    SourceName source;
    const ListedPair* pair = nullptr;
};

// A ticker, and where it is listed: one pair a source, the one that is traded, in USD before USDT before USDC.
struct Coin {
    Ticker ticker;
    std::string_view name;        // as an aggregator has it that knows the coin for sure; else empty
    std::vector<Listing> venues;  // exchanges, by name
    // Those that know it for sure, and whose price does not say that they mean another coin; by name.
    std::vector<Listing> aggregators;
    bool is_pinned = false;  // it is watched, whoever lists it
    // The number of venues where its pair has that status.
    std::size_t count(ListingStatus status) const;
    // Whether the present list of any venue has it, even if its trading is halted.
    bool is_listed() const { return count(ListingStatus::delisted) < venues.size(); }
    bool can_be_watched() const { return is_pinned || is_listed(); }
};

// The place of a hit among the results of a search, which are in ascending order.
struct Rank {
    std::uint8_t match = 0;    // 0: the ticker itself; then weaker ones
    std::uint32_t absent = 0;  // less where more venues list it
    Ticker ticker;
    friend auto operator<=>(const Rank&, const Rank&) = default;
};

struct Hit {
    const Coin* coin = nullptr;
    Rank rank;
};

// What the operator has chosen.
struct Choices {
    std::vector<Ticker> pinned = {};
    bool only_pinned = false;  // no other ticker can be watched
    // Pairs to take, whatever else a source lists.
    std::map<SourceName, std::map<Ticker, std::string>> symbols = {};
    // Lists count however old they are, since their sources are known to be enabled.
    bool old_lists_count = false;
};

// All tickers that an exchange lists or once listed, and the pinned ones. Immutable; any thread.
class Directory {
public:
    using Lists = std::vector<std::shared_ptr<const SourceList>>;

    Directory() = default;
    // A list that is more than a day older than the newest one does not count: its source seems to be disabled.
    explicit Directory(Lists lists, const Choices& choices = {});

    // Whether no exchange's list is known.
    bool empty() const { return !has_exchange_; }
    // Null if it is not pinned and no exchange ever listed it.
    const Coin* find(Ticker ticker) const;
    std::span<const Coin> coins() const { return coins_; }  // by ticker

    // Up to `limit` coins whose ticker or name matches `text`, ignoring case, after the given rank: first the ticker
    // itself (also as "BTCUSDT", "BTC/USD"), then tickers and names that begin with it, then those that contain it;
    // among equals those that more venues list. Empty text: every coin, pinned ones first. Coins that no venue lists
    // any more are found only by their ticker.
    std::vector<Hit> search(std::string_view text, std::size_t limit,
                            const std::optional<Rank>& after = std::nullopt) const;
    // Up to `most` tickers that `text` may stand for, the likeliest first; may be empty.
    std::vector<Ticker> nearest(std::string_view text, std::size_t most) const;

private:
    Lists lists_;  // what the coins point into
    std::vector<Coin> coins_;
    bool has_exchange_ = false;
};

// The rank of a currency: of a source's pairs of a coin, the one of the lowest rank is taken. nullopt for pairs that do
// not count: in other currencies, and of stablecoins in each other, which say nothing about the dollar (USDC in USDT).
std::optional<std::size_t> currency_rank(Ticker ticker, Currency currency);

}  // namespace pricewire::directory
