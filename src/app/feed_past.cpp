#include "app/feed_past.hpp"

#include <map>
#include <utility>

#include "app/options.hpp"
#include "net/http_client.hpp"
#include "price/dollar_rates.hpp"

namespace pricewire::app {
namespace {

const ops::SourceSettings* settings_of(const ops::Config& config, const feed::VenueType& venue) {
    const auto found = config.sources.find(std::string(venue.name.view()));
    if (found == config.sources.end() || !found->second.enabled || venue.kind != SourceKind::exchange)
        return nullptr;
    return &found->second;
}

// Where the stablecoins are traded for dollars.
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

}  // namespace

std::vector<past::AskedVenue> asked_venues_of(const ops::Config& config, feed::VenueTypes venues) {
    std::vector<past::AskedVenue> out;
    for (const feed::VenueType* venue : venues) {
        const ops::SourceSettings* settings = settings_of(config, *venue);
        if (settings != nullptr && !settings->rest_url.empty())
            out.push_back({venue, settings->rest_url, settings->weight});
    }
    return out;
}

std::vector<past::Place> places_by_rule(const ops::Config& config, Ticker ticker, feed::VenueTypes venues) {
    std::vector<past::Place> out;
    for (const feed::VenueType* venue : venues) {
        if (settings_of(config, *venue) == nullptr) continue;
        std::optional<std::string> symbol = venue->symbol_of(ticker);
        if (const auto symbols = config.market.symbols.find(std::string(venue->name.view()));
            symbols != config.market.symbols.end()) {
            const auto named = symbols->second.find(std::string(ticker.view()));
            if (named != symbols->second.end()) symbol = named->second;
        }
        if (symbol) out.push_back({venue->name, std::move(*symbol)});
    }
    return out;
}

FeedPast::FeedPast(const ops::Config& config, storage::Bars& storage, const Clock& clock, std::string owner)
    : asker_(past::start_asker(asked_venues_of(config),
                               net::create_http_client({.max_connections = 32,
                                                        .max_connections_per_host = 32,
                                                        .user_agent = "Pricewire/" PRICEWIRE_VERSION}),
                               clock)),
      past_(past::create_past(*asker_, dollar_places_of(config, feed::venue_types()))),
      backfill_(history::start_backfill(*past_, storage, clock, {.owner = std::move(owner)})) {
    for (const Ticker& ticker : tickers_of(config))
        backfill_->watch(ticker, places_by_rule(config, ticker), false);
}

FeedPast::~FeedPast() {
    stop();
}

void FeedPast::stop() {
    backfill_->stop();
    asker_.reset();
}

}  // namespace pricewire::app
