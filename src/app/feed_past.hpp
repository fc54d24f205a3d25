#pragma once

#include <memory>
#include <string>
#include <vector>

#include "feed/venue.hpp"
#include "history/backfill.hpp"
#include "ops/config.hpp"
#include "past/past.hpp"
#include "storage/bars.hpp"

// What a feed's process asks venues about the past.
namespace pricewire::app {

// The enabled exchanges with a REST address.
std::vector<past::AskedVenue> asked_venues_of(const ops::Config& config,
                                              feed::VenueTypes venues = feed::venue_types());
// Where a ticker is traded by the configuration's symbols and the venues' rules.
std::vector<past::Place> places_by_rule(const ops::Config& config, Ticker ticker,
                                        feed::VenueTypes venues = feed::venue_types());

// Asks the venues, and fills the pinned tickers' history.
class FeedPast {
public:
    // `storage` and `clock` outlive it. `owner`: of what it claims, see history::BackfillOptions.
    FeedPast(const ops::Config& config, storage::Bars& storage, const Clock& clock, std::string owner);
    ~FeedPast();
    FeedPast(const FeedPast&) = delete;
    FeedPast& operator=(const FeedPast&) = delete;

    past::Past& past() { return *past_; }
    history::Backfill& backfill() { return *backfill_; }
    // Before what uses past() is destroyed: nothing more is asked, and what is open ends as `stopped`.
    void stop();

private:
    std::unique_ptr<past::Asker> asker_;
    std::unique_ptr<past::Past> past_;
    std::unique_ptr<history::Backfill> backfill_;
};

}  // namespace pricewire::app
