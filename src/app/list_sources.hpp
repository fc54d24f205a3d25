#pragma once

#include <vector>

#include "app/roles.hpp"
#include "directory/book.hpp"
#include "directory/discovery.hpp"
#include "feed/venue.hpp"
#include "ops/config.hpp"

// The enabled sources that have a list of their markets. Pure.
namespace pricewire::app {

std::vector<directory::ListSource> list_sources_of(const ops::Config& config,
                                                   feed::VenueTypes venues = feed::venue_types());

// What a process of these roles takes from the stored lists. A process without a feed does not know which sources feeds
// have enabled.
directory::BookOptions book_options_of(const ops::Config& config, const Roles& roles);

// The pairs in a source's list that can be watched: of a ticker, in a currency that counts. Of an aggregator, the coins
// that it knows for sure.
std::vector<ListedPair> watchable(const feed::VenueType& venue, std::vector<feed::Listing> list);

}  // namespace pricewire::app
