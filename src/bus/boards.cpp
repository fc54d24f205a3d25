#include "bus/boards.hpp"

#include "base/json_writer.hpp"

namespace pricewire::bus {
namespace {

std::optional<Decimal> value_of(const TickerBoard& board) {
    if (!board.price) return std::nullopt;
    return board.price->value;
}

}  // namespace

Boards::Boards(std::span<const Ticker> pinned) {
    for (std::size_t i = 0; i < pinned.size(); ++i) {
        if (pinned_.try_emplace(pinned[i], i).second) put({.ticker = pinned[i]});
    }
}

Boards::Place Boards::place_of(const Ticker& ticker) const {
    const auto found = pinned_.find(ticker);
    return {found == pinned_.end() ? unpinned : found->second, ticker};
}

bool Boards::put(TickerBoard board) {
    TickerBoard& there = boards_[place_of(board.ticker)];
    const bool changed = value_of(there) != value_of(board);
    there = std::move(board);
    return changed;
}

bool Boards::remove(const Ticker& ticker) {
    const auto found = boards_.find(place_of(ticker));
    if (found == boards_.end()) return false;
    const bool changed = found->second.price.has_value();
    if (found->first.first == unpinned) {
        boards_.erase(found);
    } else {
        found->second = TickerBoard{.ticker = ticker};
    }
    return changed;
}

const TickerBoard* Boards::find(const Ticker& ticker) const {
    const auto found = boards_.find(place_of(ticker));
    return found == boards_.end() ? nullptr : &found->second;
}

std::vector<Ticker> Boards::tickers() const {
    std::vector<Ticker> out;
    out.reserve(boards_.size());
    for (const auto& [place, board] : boards_) out.push_back(place.second);
    return out;
}

std::vector<Ticker> Boards::unpriced() const {
    std::vector<Ticker> out;
    for (const auto& [place, board] : boards_) {
        if (!board.price) out.push_back(place.second);
    }
    return out;
}

std::vector<Price> Boards::prices() const {
    std::vector<Price> out;
    for (const auto& [place, board] : boards_) {
        if (board.price) out.push_back(*board.price);
    }
    return out;
}

std::string Boards::rates_json() const {
    JsonWriter w;
    w.begin_object();
    for (const Price& price : prices()) w.field(price.ticker.view(), price.value);
    w.end_object();
    return std::move(w).str();
}

}  // namespace pricewire::bus
