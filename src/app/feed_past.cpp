#include "app/feed_past.hpp"

#include <utility>

#include "app/options.hpp"
#include "app/past_places.hpp"
#include "net/http_client.hpp"

namespace pricewire::app {

FeedPast::FeedPast(const ops::Config& config, storage::Bars& storage, const Clock& clock, std::string owner)
    : asker_(
          past::start_asker(asked_venues_of(config), net::create_http_client(past_client_options()), clock)),
      past_(past::create_past(*asker_, dollar_places_of(config))),
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
