#include "app/past_places.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "price/dollar_rates.hpp"

namespace pricewire::app {
namespace {

// The symbol of market.symbols.
std::optional<std::string> configured(const ops::Config& config, const feed::VenueType& venue,
                                      Ticker ticker) {
    const auto symbols = config.market.symbols.find(std::string(venue.name.view()));
    if (symbols == config.market.symbols.end()) return std::nullopt;
    const auto symbol = symbols->second.find(std::string(ticker.view()));
    if (symbol == symbols->second.end()) return std::nullopt;
    return symbol->second;
}

// The symbol by a venue's list; of a pinned ticker that it lacks, by the venue's rule.
std::optional<std::string> listed(const directory::Coin* coin, const feed::VenueType& venue, Ticker ticker) {
    if (coin == nullptr) return std::nullopt;
    const auto found = std::ranges::find(coin->venues, venue.name, &directory::Listing::source);
    if (found == coin->venues.end()) return coin->is_pinned ? venue.symbol_of(ticker) : std::nullopt;
    const ListedPair& pair = *found->pair;
    if (pair.status == ListingStatus::delisted || pair.disagrees_since) return std::nullopt;
    return pair.symbol;
}

// `symbol_at` gives the symbol where market.symbols has none.
template <typename SymbolAt>
std::vector<past::Place> places(const ops::Config& config, Ticker ticker, feed::VenueTypes venues,
                                SymbolAt symbol_at) {
    std::vector<past::Place> out;
    for (const past::AskedVenue& asked : asked_venues_of(config, venues)) {
        std::optional<std::string> symbol = configured(config, *asked.type, ticker);
        if (!symbol) symbol = symbol_at(*asked.type);
        if (symbol) out.push_back({asked.type->name, *std::move(symbol)});
    }
    return out;
}

}  // namespace

std::vector<past::AskedVenue> asked_venues_of(const ops::Config& config, feed::VenueTypes venues) {
    std::vector<past::AskedVenue> out;
    for (const feed::VenueType* venue : venues) {
        const auto found = config.sources.find(std::string(venue->name.view()));
        if (found == config.sources.end() || venue->kind != SourceKind::exchange) continue;
        const ops::SourceSettings& settings = found->second;
        if (settings.enabled && !settings.rest_url.empty())
            out.push_back({venue, settings.rest_url, settings.weight});
    }
    return out;
}

std::vector<past::Place> places_by_rule(const ops::Config& config, Ticker ticker, feed::VenueTypes venues) {
    return places(config, ticker, venues,
                  [&](const feed::VenueType& venue) { return venue.symbol_of(ticker); });
}

std::map<Currency, std::vector<past::Place>> dollar_places_of(const ops::Config& config,
                                                              feed::VenueTypes venues) {
    std::map<Currency, std::vector<past::Place>> out;
    for (const std::string_view coin : price::DollarRates::references) {
        for (past::Place& place : places_by_rule(config, Ticker(coin), venues)) {
            const feed::VenueType& venue = *feed::find_venue_type(place.source.view(), venues);
            if (venue.currency_of == nullptr || venue.currency_of(place.symbol) == Currency("USD"))
                out[Currency(coin)].push_back(std::move(place));
        }
    }
    return out;
}

std::vector<past::Place> past_places_of(const ops::Config& config, const directory::Directory& directory,
                                        Ticker ticker, feed::VenueTypes venues) {
    const directory::Coin* coin = directory.find(ticker);
    return places(config, ticker, venues,
                  [&](const feed::VenueType& venue) { return listed(coin, venue, ticker); });
}

}  // namespace pricewire::app
