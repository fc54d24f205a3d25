#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "past/asker.hpp"
#include "past/combine.hpp"

namespace pricewire::past {

using Place = feed::FoundAt;

struct PastAsk {
    std::vector<Place> places;
    Timestamp from, to;                           // [from, to)
    Duration interval = std::chrono::minutes{1};  // of bars
    Urgency urgency = Urgency::backfill;
    Duration within = std::chrono::minutes{1};
    std::size_t most_venues = 8;  // those with the most weight that can answer
};

// What became of one place; those that were not asked are left out.
struct Answered {
    Place place;
    std::optional<Failure> failure;
    Duration reach{};  // how far back it tells; 0: all of history
};

struct PastBars {
    std::vector<CombinedBar> bars = {};  // oldest first; bit i of CombinedBar::sources is venues[i]
    std::vector<Answered> venues = {};
    std::size_t left_out = 0;  // places that were not asked because their venue is left out for a while
    PastRates rates = {};      // by which they were converted

    bool has_answer() const;  // one venue at least has answered
    // A venue that could answer has not: asking again later may tell more.
    bool may_tell_more() const;
};

struct PlaceTrades {
    Place place;
    int weight = 1;
    SourceName owner = {};  // empty: its own
    Trades trades;          // in dollars; those without a rate are left out
};

// The past of a ticker, as several venues tell it. Callbacks run on the asker's thread, exactly once.
class Past {
public:
    virtual ~Past() = default;
    // Any thread. Bars whose interval is not over are left out.
    virtual void bars(PastAsk ask, std::move_only_function<void(PastBars)> done) = 0;
    // Any thread. Of the places whose venue pages trades.
    virtual void trades(PastAsk ask, std::move_only_function<void(std::vector<PlaceTrades>)> done) = 0;
};

// `dollar_places`: where the stablecoins, USDT and USDC, are traded for dollars. `asker` calls back until it is destroyed,
// which must be first.
std::unique_ptr<Past> create_past(Asker& asker, std::map<Currency, std::vector<Place>> dollar_places);

}  // namespace pricewire::past
