#pragma once

#include <optional>

#include "app/market_thread.hpp"
#include "directory/book.hpp"
#include "feed/feed.hpp"
#include "history/backfill.hpp"
#include "ops/config.hpp"
#include "watch/demand.hpp"
#include "watch/watcher.hpp"

// What the watch room needs of the others: where tickers are listed, and what watches them.
namespace pricewire::app {

// Where a ticker can be watched: at the enabled sources of `feed` that list it. nullopt for a configured one that no
// list mentions. Pure.
std::optional<watch::Places> places_of(const Ticker& ticker, const directory::Directory& listed,
                                       const feed::FeedOptions& feed);

watch::WatcherOptions watcher_options_of(const ops::Config& config);
watch::DemandOptions demand_options_of(const ops::Config& config);
// What is watched is quoted by `market`, and its past is filled by `backfill`. All three outlive the watcher.
watch::WatcherUses watcher_uses(const ops::Config& config, directory::Book& directory, MarketThread& market,
                                history::Backfill& backfill);

}  // namespace pricewire::app
