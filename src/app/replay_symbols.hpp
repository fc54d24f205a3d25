#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "feed/venue.hpp"

namespace pricewire::app {

// The symbols of a venue that a recording names: those in what was sent, all of which may have been subscribed, or,
// where the venue takes symbols in its URL or nothing sent was recorded, those in what came that have a well-known
// quote currency. Words that only look like symbols do no harm: no trade has their name. Pure.
class NamedSymbols {
public:
    static constexpr std::size_t most = 20'000;

    explicit NamedSymbols(const feed::VenueType& type) : type_(type) {}
    void note(std::string_view text, bool is_out);
    // In alphabetical order.
    std::vector<std::string> symbols() const;

private:
    void note_one(std::string_view word, bool is_out);

    const feed::VenueType& type_;
    std::set<std::string, std::less<>> sent_;
    std::set<std::string, std::less<>> received_;
};

// What a symbol is the price of, by its letters: "BTC" of "BTC-USDT", "tBTCUSD" and "btcusdt".
std::string ticker_in(const feed::VenueType& type, std::string_view symbol);

}  // namespace pricewire::app
