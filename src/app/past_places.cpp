#include "app/past_places.hpp"

#include <algorithm>
#include <optional>

namespace pricewire::app {
namespace {

const ops::SourceSettings* enabled(const ops::Config& config, const feed::VenueType& venue) {
    const auto found = config.sources.find(std::string(venue.name.view()));
    const bool is_asked = found != config.sources.end() && found->second.enabled &&
                          !found->second.rest_url.empty() && venue.kind == SourceKind::exchange;
    return is_asked ? &found->second : nullptr;
}

std::optional<std::string> configured(const ops::Config& config, SourceName source, Ticker ticker) {
    const auto symbols = config.market.symbols.find(std::string(source.view()));
    if (symbols == config.market.symbols.end()) return std::nullopt;
    const auto symbol = symbols->second.find(std::string(ticker.view()));
    if (symbol == symbols->second.end()) return std::nullopt;
    return symbol->second;
}

}  // namespace

std::vector<past::Place> past_places_of(const ops::Config& config, const directory::Directory& directory,
                                        Ticker ticker, feed::VenueTypes venues) {
    const directory::Coin* coin = directory.find(ticker);
    std::vector<past::Place> out;
    for (const feed::VenueType* venue : venues) {
        if (enabled(config, *venue) == nullptr) continue;
        std::optional<std::string> symbol = configured(config, venue->name, ticker);
        const directory::Listing* listing = nullptr;
        if (coin != nullptr) {
            const auto found = std::ranges::find(coin->venues, venue->name, &directory::Listing::source);
            if (found != coin->venues.end()) listing = &*found;
        }
        if (!symbol && listing != nullptr) {
            const ListedPair& pair = *listing->pair;
            if (pair.status != ListingStatus::delisted && !pair.disagrees_since) symbol = pair.symbol;
        } else if (!symbol && coin != nullptr && coin->is_pinned) {
            symbol = venue->symbol_of(ticker);
        }
        if (symbol) out.push_back({venue->name, *symbol});
    }
    return out;
}

}  // namespace pricewire::app
