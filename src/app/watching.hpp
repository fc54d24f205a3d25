#pragma once

#include <memory>
#include <optional>

#include "app/market_thread.hpp"
#include "app/sharding.hpp"
#include "base/mutex.hpp"
#include "cluster/holding.hpp"
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

// A feed's watcher, and what it watches of those tickers that feeds divide.
class Watching {
public:
    // All outlive it; `sharding` may be null, and need not divide tickers.
    Watching(const ops::Config& config, watch::WatcherUses uses, MarketThread& market, storage::Needs& needs,
             Sharding* sharding, const Clock& clock);
    ~Watching();
    Watching(const Watching&) = delete;
    Watching& operator=(const Watching&) = delete;

    watch::Watcher& watcher() { return *watcher_; }

private:
    void set_share(const cluster::Holding& holding);

    Sharding* const sharding_;                 // null if tickers are not divided
    std::optional<cluster::Holding> holding_;  // used by the membership's thread, once it is attached
    Mutex mutex_;
    watch::FeedShare share_ GUARDED_BY(mutex_);
    std::unique_ptr<watch::Watcher> watcher_;
};

}  // namespace pricewire::app
