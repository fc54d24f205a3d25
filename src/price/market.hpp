#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "domain/market.hpp"
#include "price/bars.hpp"
#include "price/consolidator.hpp"
#include "price/dollar_rates.hpp"
#include "price/meters.hpp"
#include "price/source_clock.hpp"

namespace pricewire::price {

// Receivers of what Market makes; called on the thread that calls Market.
struct MarketSinks {
    std::function<void(const Price&)> price;           // every price, in order
    std::function<void(const PriceGone&)> price_gone;  // there was a price, and now there is none
    std::function<void(const TickerBoard&)> board;     // a ticker's quotes or price changed
    // A currency has left its peg or returned to it, or its rate has become known or unknown. May be empty.
    std::function<void(const DollarRate&)> rate = {};
    // A ticker is no longer watched: its board is to be removed. A price_gone came before if it had a price. May be
    // empty.
    std::function<void(Ticker)> removed = {};
};

// All watched tickers: takes quotes, makes dollar rates, prices, boards and minute bars. No I/O apart from its sinks; one
// thread.
class Market {
public:
    // Begins with these tickers. Quotes of `sources` are counted by the meters; those of others are only judged.
    Market(std::span<const Ticker> tickers, ConsolidationPolicy policy, MarketSinks sinks,
           std::span<const SourceName> sources = {});
    Market(const Market&) = delete;
    Market& operator=(const Market&) = delete;

    // No effect if the ticker is watched already, or is not watched.
    void watch(Ticker ticker);
    void unwatch(Ticker ticker, Timestamp now);
    // Quotes of tickers that are not watched, and those that are not live, are ignored. Every quote that counts makes a
    // price. Those of DollarRates::references make dollar rates, whether they are among the tickers or not.
    void on_quotes(std::span<const Quote> quotes, Timestamp now);
    // To be called about once a second: judges quotes by age, so that a silent market loses its price.
    void refresh(Timestamp now);
    // Bars changed since the last call.
    std::vector<Bar> take_bars() { return bars_.take_changed(); }
    // Those of them that a kill should not lose: see MinuteBars.
    std::vector<Bar> take_widened_bars() { return bars_.take_widened(); }
    // Any thread.
    const MarketMeters& meters() const { return meters_; }
    const RateMeters& rate_meters() const { return rate_meters_; }

private:
    struct Line {
        Consolidator consolidator;
        std::shared_ptr<TickerMeter> meter;
        std::optional<Price> price;
        std::optional<Timestamp> unpriced_since;  // unset before the first quote or refresh
        Timestamp last_time{};                    // of the last price, or of its end
        bool touched = false;
    };

    void note_rates();
    void settle(Line& line, std::optional<Decimal> made, Timestamp at, Timestamp now);
    TickerBoard publish_board(Line& line, Timestamp now);

    const ConsolidationPolicy policy_;
    const std::vector<SourceName> sources_;
    MarketSinks sinks_;
    MarketMeters meters_;
    RateMeters rate_meters_;
    DollarRates rates_;
    std::array<DollarRate, DollarRates::currencies.size()> noted_rates_;
    std::map<Ticker, Line> lines_;
    std::map<SourceName, SourceClock> clocks_;
    std::vector<Line*> touched_;
    MinuteBars bars_;
    std::uint64_t sequence_ = 0;
};

}  // namespace pricewire::price
