#pragma once

#include <vector>

#include "directory/directory.hpp"
#include "feed/venue.hpp"
#include "ops/config.hpp"
#include "past/past.hpp"

namespace pricewire::app {

// Where a ticker is traded: at enabled exchanges that list it, under the symbol of market.symbols where it has one there.
// Of exchanges whose list is unknown, those of a pinned ticker, under the symbol that their rule gives.
std::vector<past::Place> past_places_of(const ops::Config& config, const directory::Directory& directory,
                                        Ticker ticker, feed::VenueTypes venues = feed::venue_types());

}  // namespace pricewire::app
