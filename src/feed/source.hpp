#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "feed/feed.hpp"
#include "feed/heard_tickers.hpp"
#include "feed/runner.hpp"

namespace pricewire::feed {

// The symbols of tickers at a source, by its rule and the configuration.
struct Instruments {
    std::vector<Instrument> list;
    std::string unnamed;  // tickers without a symbol at the source
};
Result<Instruments> instruments_of(const VenueType& type, const SourceOptions& options,
                                   std::span<const Ticker> tickers, std::span<const Ticker> references = {});

// One source: its sessions, each with as many tickers as fit on a connection, and which of them has which. Those of the
// configuration are pinned: they neither move nor go. The loop's thread, except status().
class Source {
public:
    Source(const Surroundings& around, const VenueType& type, const SourceOptions& options);
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;

    void start();
    void stop();
    void revive();
    SourceName name() const { return type_.name; }
    // The ticker is asked for under this symbol, or no longer if it is empty. Nothing changes for one that is pinned.
    void watch(Ticker ticker, const std::string& symbol);
    SourceStatus status() const;
    // Notes when each of its tickers was heard last.
    void note(HeardTickers& heard) const;

private:
    struct Place {
        Runner* runner = nullptr;
        std::string symbol;
        bool is_pinned = false;
    };
    struct Shown {
        const Runner* runner = nullptr;
        bool is_pinned = false;  // it began with tickers of the configuration
    };

    Runner& open(std::vector<Instrument> instruments, bool is_pinned, Duration start_after);
    void close(const Runner& runner);
    void add(Ticker ticker, const std::string& symbol);
    void remove(Ticker ticker);

    const Surroundings around_;
    const VenueType& type_;
    const SourceOptions options_;
    const bool is_on_;
    SourceStatus without_runners_;  // its status if there are none
    Pace pace_;
    bool is_started_ = false;
    std::vector<std::unique_ptr<Runner>> runners_;
    std::map<Ticker, Place> places_;
    std::set<std::string> symbols_;  // of places_
    mutable Mutex mutex_;
    std::vector<Shown> shown_ GUARDED_BY(mutex_);  // as runners_
    SourceStatus closed_ GUARDED_BY(mutex_);       // the sums of runners that are gone
};

}  // namespace pricewire::feed
