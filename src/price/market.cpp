#include "price/market.hpp"

#include <utility>

namespace pricewire::price {

Market::Market(std::span<const Ticker> tickers, ConsolidationPolicy policy, MarketSinks sinks,
               std::span<const SourceName> sources)
    : policy_(std::move(policy)), sinks_(std::move(sinks)) {
    for (const Ticker ticker : tickers) {
        TickerMeter& meter = meters_.emplace_back(ticker);
        for (const SourceName source : sources) meter.quotes.emplace_back(source);
        lines_.try_emplace(
            ticker, Line{Consolidator(ticker, policy_), &meter, std::nullopt, std::nullopt, {}, false});
    }
}

void Market::on_quotes(std::span<const Quote> quotes, Timestamp now) {
    for (const Quote& quote : quotes) {
        const auto found = lines_.find(quote.ticker);
        if (found == lines_.end() || !quote.is_live) continue;
        Line& line = found->second;
        const auto made = line.consolidator.update(quote, now);
        if (QuoteMeter* meter = line.meter->of(quote.source)) meter->note(quote, line.consolidator.verdict());
        settle(line, made, clocks_[quote.source].made_at(quote), now);
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
    for (auto& [ticker, line] : lines_) {
        settle(line, line.consolidator.refresh(now), now, now);
        line.meter->note(publish_board(line, now));
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
