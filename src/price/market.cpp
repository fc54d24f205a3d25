#include "price/market.hpp"

#include <algorithm>
#include <utility>

namespace pricewire::price {

Market::Market(std::span<const Ticker> tickers, ConsolidationPolicy policy, MarketSinks sinks,
               std::span<const SourceName> sources)
    : policy_(std::move(policy)), sources_(sources.begin(), sources.end()), sinks_(std::move(sinks)) {
    for (const DollarRate& rate : rates_.all().subspan(1)) rate_meters_.emplace_back(rate.currency);
    std::ranges::copy(rates_.all(), noted_rates_.begin());
    for (const Ticker ticker : tickers) watch(ticker);
}

void Market::watch(Ticker ticker) {
    if (lines_.contains(ticker)) return;
    lines_.try_emplace(ticker, Line{Consolidator(ticker, policy_, rates_),
                                    meters_.add(ticker, sources_),
                                    std::nullopt,
                                    std::nullopt,
                                    {},
                                    false});
}

void Market::unwatch(Ticker ticker, Timestamp now) {
    const auto found = lines_.find(ticker);
    if (found == lines_.end()) return;
    if (found->second.price) sinks_.price_gone({ticker, now});
    lines_.erase(found);
    bars_.finish(ticker);
    meters_.remove(ticker);
    if (sinks_.removed) sinks_.removed(ticker);
}

void Market::on_quotes(std::span<const Quote> quotes, Timestamp now) {
    for (const Quote& quote : quotes) {
        if (DollarRates::is_reference(quote.ticker)) {
            rates_.update(quote, now);
            note_rates();
        }
        const auto found = lines_.find(quote.ticker);
        if (found == lines_.end() || !quote.is_live) continue;
        Line& line = found->second;
        SourceClock& clock = clocks_[quote.source];
        const Timestamp made_at = clock.made_at(quote);
        const auto made = line.consolidator.update(quote, now, clock.lag_of(quote));
        if (QuoteMeter* meter = line.meter->of(quote.source)) meter->note(quote, line.consolidator.verdict());
        settle(line, made, made_at, now);
        if (!std::exchange(line.touched, true)) touched_.push_back(&line);
    }
    // Boards are only displayed: one for a batch is enough.
    for (Line* line : touched_) {
        line->touched = false;
        publish_board(*line, now);
    }
    touched_.clear();
}

void Market::refresh(Timestamp now) {
    rates_.refresh(now);
    note_rates();
    for (auto& [ticker, line] : lines_) {
        settle(line, line.consolidator.refresh(now), now, now);
        line.meter->note(publish_board(line, now));
    }
}

void Market::note_rates() {
    for (std::size_t i = 1; i < noted_rates_.size(); ++i) {
        const DollarRate& rate = rates_.at(i);
        const DollarRate before = std::exchange(noted_rates_[i], rate);
        if (rate == before) continue;
        RateMeter& meter = rate_meters_[i - 1];
        meter.e5.store(rate.e5, std::memory_order_relaxed);
        meter.is_known.store(rate.is_known, std::memory_order_relaxed);
        meter.is_off_peg.store(rate.is_off_peg, std::memory_order_relaxed);
        meter.sources.store(rate.sources, std::memory_order_relaxed);
        const bool is_news = rate.is_off_peg != before.is_off_peg || rate.is_known != before.is_known;
        if (is_news && sinks_.rate) sinks_.rate(rate);
    }
}

// `at` is when the change was made. Sources' clocks differ a little: it is moved forward, so that no price ends
// before it began, but not beyond `now`, since our own clock may have been set back.
void Market::settle(Line& line, std::optional<Decimal> made, Timestamp at, Timestamp now) {
    at = std::max(at, std::min(line.last_time, now));
    if (made) {
        line.last_time = at;
        line.price = Price{line.consolidator.ticker(), *made, at, ++sequence_};
        line.meter->prices.add();
        line.meter->has_price.store(true, std::memory_order_relaxed);
        bars_.add(*line.price);
        sinks_.price(*line.price);
    } else if (line.price && !line.consolidator.price()) {
        line.last_time = at;
        line.price.reset();
        line.meter->has_price.store(false, std::memory_order_relaxed);
        sinks_.price_gone({line.consolidator.ticker(), at});
    }
}

TickerBoard Market::publish_board(Line& line, Timestamp now) {
    if (line.price) {
        line.unpriced_since.reset();
    } else if (!line.unpriced_since) {
        line.unpriced_since = now;
    }
    TickerBoard board = line.consolidator.board();
    board.price = line.price;
    board.unpriced_since = line.unpriced_since;
    sinks_.board(board);
    return board;
}

}  // namespace pricewire::price
