#include "app/list_sources.hpp"

#include <utility>

#include "app/options.hpp"
#include "directory/directory.hpp"
#include "directory/sure_coins.hpp"

namespace pricewire::app {

std::vector<directory::ListSource> list_sources_of(const ops::Config& config, feed::VenueTypes venues) {
    std::vector<directory::ListSource> out;
    for (const feed::VenueType* venue : venues) {
        const auto source = config.sources.find(std::string(venue->name.view()));
        if (venue->listings.path.empty() || source == config.sources.end()) continue;
        const ops::SourceSettings& settings = source->second;
        if (!settings.enabled || settings.rest_url.empty()) continue;
        directory::ListSource list;
        list.source = venue->name;
        list.kind = venue->kind;
        list.url = settings.rest_url + std::string(venue->listings.path);
        if (!settings.api_key.empty() && venue->rest.key_header != nullptr)
            list.headers.emplace_back(venue->rest.key_header(settings.rest_url), settings.api_key);
        list.max_answer = venue->listings.max_answer;
        list.parse = [venue](std::string_view body) -> Result<std::vector<ListedPair>> {
            auto parsed = venue->listings.parse(body);
            if (!parsed) return fail(parsed.error().text);
            return watchable(*venue, std::move(*parsed));
        };
        out.push_back(std::move(list));
    }
    return out;
}

directory::BookOptions book_options_of(const ops::Config& config, const Roles& roles) {
    directory::BookOptions options;
    options.choices.pinned = tickers_of(config);
    options.choices.only_pinned = !config.market.on_demand;
    for (const auto& [source, symbols] : config.market.symbols) {
        for (const auto& [ticker, symbol] : symbols)
            options.choices.symbols[SourceName(source)][Ticker(ticker)] = symbol;
    }
    if (!roles.feed) return options;
    options.choices.old_lists_count = true;
    options.sources.emplace();
    for (const directory::ListSource& source : list_sources_of(config))
        options.sources->push_back(source.source);
    return options;
}

std::vector<ListedPair> watchable(const feed::VenueType& venue, std::vector<feed::Listing> list) {
    std::vector<ListedPair> pairs;
    for (feed::Listing& listing : list) {
        if (!is_ticker(listing.base) || !directory::currency_rank(Ticker(listing.base), listing.quote))
            continue;
        ListedPair& pair = pairs.emplace_back();
        pair.symbol = std::move(listing.symbol);
        pair.ticker = Ticker(listing.base);
        pair.currency = listing.quote;
        pair.status =
            listing.status == feed::ListingStatus::trading ? ListingStatus::trading : ListingStatus::halted;
        pair.name = std::move(listing.name);
    }
    if (venue.kind != SourceKind::aggregator) return pairs;
    return directory::sure_coins(std::move(pairs), venue.symbol_of);
}

}  // namespace pricewire::app
