#include "app/watching.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "app/options.hpp"
#include "cluster/pulse.hpp"

namespace pricewire::app {
namespace {

// "kraken and okx list it no more".
std::string delisted_text(const std::vector<std::string>& sources) {
    std::string names;
    for (std::size_t i = 0; i < sources.size(); ++i)
        names += (i == 0 ? "" : i + 1 == sources.size() ? " and " : ", ") + sources[i];
    return fmt::format(
        "It was delisted or renamed: {} {} it no more, and no other source that is enabled here does.", names,
        sources.size() == 1 ? "lists" : "list");
}

// The same, remembered: the watcher asks of every ticker that is needed, twice a second. For one thread.
std::function<bool(const Ticker&)> remembered(std::function<bool(const Ticker&)> holds) {
    if (!holds) return holds;
    const auto known = std::make_shared<std::unordered_map<Ticker, bool>>();
    return [holds = std::move(holds), known](const Ticker& ticker) {
        const auto [found, is_new] = known->try_emplace(ticker, false);
        if (is_new) found->second = holds(ticker);
        return found->second;
    };
}

bool is_in(const std::vector<Ticker>& tickers, const Ticker& ticker) {
    return std::ranges::find(tickers, ticker) != tickers.end();
}

}  // namespace

std::optional<watch::Places> places_of(const Ticker& ticker, const directory::Directory& listed,
                                       const feed::FeedOptions& feed) {
    const auto enabled = [&](const SourceName& source) {
        return std::ranges::any_of(feed.sources,
                                   [&](const auto& s) { return s.enabled && s.name == source.view(); });
    };
    watch::Places out;
    std::vector<std::string> left;
    const directory::Coin* coin = listed.find(ticker);
    if (coin != nullptr) {
        for (const directory::Listing& listing : coin->venues) {
            if (!enabled(listing.source)) continue;
            if (listing.pair->status == ListingStatus::delisted) {
                left.emplace_back(listing.source.view());
            } else {
                out.places.push_back(
                    {listing.source, listing.pair->symbol, listing.pair->status == ListingStatus::halted});
            }
        }
    }
    if (!out.places.empty()) {
        // An aggregator repeats the last price of a halted market, so it does not show that the ticker is traded.
        for (const directory::Listing& listing : coin->aggregators) {
            if (enabled(listing.source)) out.places.push_back({listing.source, listing.pair->symbol, true});
        }
        return out;
    }
    if (is_in(feed.tickers, ticker)) {
        // Its symbols come from the configuration or by each venue's rule, so a list that lacks it proves nothing.
        if (!is_in(tickers_with_a_source(feed), ticker)) {
            out.reason = "No enabled source has it.";
            return out;
        }
        if (left.empty()) return std::nullopt;
    }
    if (!left.empty()) {
        out.why = Unwatchable::delisted;
        out.reason = delisted_text(left);
    } else if (listed.empty()) {
        out.reason = "No source's list of markets has been read yet, so it is not known who trades it.";
    } else {
        out.reason = "No source that is enabled here lists it.";
    }
    return out;
}

watch::WatcherOptions watcher_options_of(const ops::Config& config) {
    watch::WatcherOptions options;
    options.pinned = tickers_of(config);
    options.limits = {config.market.on_demand, static_cast<std::size_t>(config.market.max_tickers)};
    return options;
}

watch::DemandOptions demand_options_of(const ops::Config& config) {
    watch::DemandOptions options;
    options.pinned = tickers_of(config);
    options.most_per_user =
        watch::most_looked_at(static_cast<std::size_t>(config.market.max_tickers) - options.pinned.size());
    return options;
}

watch::WatcherUses watcher_uses(const ops::Config& config, directory::Book& directory, MarketThread& market,
                                history::Backfill& backfill) {
    struct Seen {
        directory::Book::Pointer listed;
        std::uint64_t changes = 0;
    };
    const auto seen = std::make_shared<Seen>();
    watch::WatcherUses uses;
    uses.listings = [seen, &directory] {
        auto listed = directory.current();
        if (listed != seen->listed) ++seen->changes;
        seen->listed = std::move(listed);
        return seen->changes;
    };
    uses.find = [&directory, feed = feed_options_of(config)](const Ticker& ticker) {
        return places_of(ticker, *directory.latest(), feed);
    };
    uses.watch = [&market, &backfill](const watch::WatchList::Watch& watch) {
        std::vector<feed::FoundAt> found;
        for (const watch::Place& place : watch.places) found.push_back({place.source, place.symbol});
        market.watch(watch.ticker, found);
        backfill.watch(watch.ticker, std::move(found), true);
    };
    uses.unwatch = [&market, &backfill](const Ticker& ticker) {
        market.unwatch(ticker);
        backfill.unwatch(ticker);
    };
    return uses;
}

Watching::Watching(const ops::Config& config, watch::WatcherUses uses, MarketThread& market,
                   storage::Needs& needs, Sharding* sharding, const Clock& clock)
    : sharding_(sharding != nullptr && sharding->divides(MemberRole::feed) ? sharding : nullptr) {
    if (sharding_ != nullptr) {
        holding_.emplace(sharding_->id(MemberRole::feed));
        holding_->update(sharding_->group(MemberRole::feed));
        set_share(*holding_);
        uses.share = [this] {
            MutexLock lock(mutex_);
            return share_;
        };
        uses.elsewhere = [&market](std::vector<Ticker> tickers) { market.set_elsewhere(std::move(tickers)); };
        uses.heard = [&market] { return market.heard(); };
    }
    watcher_ = watch::start_watcher(watcher_options_of(config), std::move(uses), needs, clock);
    if (sharding_ == nullptr) return;
    sharding_->attach(MemberRole::feed,
                      {.report =
                           [this, &market, &clock, pulse = cluster::Pulse()](MemberReport& report) mutable {
                               report.holds = static_cast<std::int64_t>(watcher_->counts().watched);
                               report.settled = watcher_->settled();
                               const bool beats = pulse.beats(market.signs_of_life(), clock.mono());
                               return beats ? cluster::Work::goes_on : cluster::Work::hangs;
                           },
                       .renewed =
                           [this](const std::shared_ptr<const cluster::Group>& group) {
                               if (!holding_->update(group)) return;
                               set_share(*holding_);
                               watcher_->poke();
                           }});
}

Watching::~Watching() {
    if (sharding_ != nullptr) sharding_->detach(MemberRole::feed);
}

void Watching::set_share(const cluster::Holding& holding) {
    watch::FeedShare share{remembered(holding.function()), holding.view()};
    MutexLock lock(mutex_);
    share_ = std::move(share);
}

}  // namespace pricewire::app
