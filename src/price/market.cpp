#include "price/market.hpp"

#include <utility>

namespace pricewire {

Market::Market(std::span<const Ticker> tickers, ConsolidationPolicy policy, MarketSinks sinks)
    : policy_(std::move(policy)), sinks_(std::move(sinks)) {
    for (const Ticker ticker : tickers)
        lines_.try_emplace(ticker, Line{Consolidator(ticker, policy_), std::nullopt, false});
}

void Market::on_quotes(std::span<const Quote> quotes, Timestamp now) {
    for (const Quote& quote : quotes) {
        const auto found = lines_.find(quote.ticker);
        if (found == lines_.end()) continue;
        Line& line = found->second;
        settle(line, line.consolidator.update(quote, now), now);
        if (!std::exchange(line.touched, true)) touched_.push_back(&line);
    }
    // A board is for looking at: once for a batch is enough.
    for (Line* line : touched_) {
        line->touched = false;
        publish_board(*line);
    }
    touched_.clear();
}

void Market::refresh(Timestamp now) {
    for (auto& [ticker, line] : lines_) {
        settle(line, line.consolidator.refresh(now), now);
        publish_board(line);
    }
}

void Market::settle(Line& line, std::optional<Decimal> made, Timestamp now) {
    if (made) {
        line.price = Price{line.consolidator.ticker(), *made, now, ++sequence_};
        bars_.add(*line.price);
        sinks_.price(*line.price);
    } else if (line.price && !line.consolidator.price()) {
        line.price.reset();
        sinks_.price_gone(line.consolidator.ticker());
    }
}

void Market::publish_board(const Line& line) {
    TickerBoard board = line.consolidator.board();
    board.price = line.price;
    sinks_.board(board);
}

}  // namespace pricewire
