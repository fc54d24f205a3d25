#pragma once

#include <map>
#include <vector>

#include "directory/directory.hpp"
#include "feed/venue.hpp"
#include "ops/config.hpp"
#include "past/past.hpp"

// Which venues are asked about the past, and under which symbols. Pure.
namespace pricewire::app {

// The enabled exchanges with a REST address. Places at other venues are of no use.
std::vector<past::AskedVenue> asked_venues_of(const ops::Config& config,
                                              feed::VenueTypes venues = feed::venue_types());
// Where a ticker is traded by the configuration's symbols and the venues' rules, at each of those exchanges.
std::vector<past::Place> places_by_rule(const ops::Config& config, Ticker ticker,
                                        feed::VenueTypes venues = feed::venue_types());
// Where the stablecoins are traded for dollars.
std::map<Currency, std::vector<past::Place>> dollar_places_of(const ops::Config& config,
                                                              feed::VenueTypes venues = feed::venue_types());
// Where a ticker is traded: at those exchanges that list it, under the symbol of market.symbols where it has one there.
// Of exchanges whose list is unknown, those of a pinned ticker, under the symbol that their rule gives.
std::vector<past::Place> past_places_of(const ops::Config& config, const directory::Directory& directory,
                                        Ticker ticker, feed::VenueTypes venues = feed::venue_types());

}  // namespace pricewire::app
