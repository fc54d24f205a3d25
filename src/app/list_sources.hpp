#pragma once

#include <vector>

#include "directory/discovery.hpp"
#include "feed/venue.hpp"
#include "ops/config.hpp"

// The enabled sources that have a list of their markets. Pure.
namespace pricewire::app {

std::vector<directory::ListSource> list_sources_of(const ops::Config& config,
                                                   feed::VenueTypes venues = feed::venue_types());

// The pairs in a source's list that can be watched: of a ticker, in a currency that counts. Of an aggregator, the coins
// that it knows for sure.
std::vector<ListedPair> watchable(const feed::VenueType& venue, std::vector<feed::Listing> list);

}  // namespace pricewire::app
