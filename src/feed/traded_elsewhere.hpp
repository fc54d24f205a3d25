#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <vector>

#include "base/clock.hpp"
#include "domain/market.hpp"

namespace pricewire::feed {

// When each source last brought a live trade of each ticker, so that a source can be compared with the
// others. One thread.
class TradedElsewhere {
public:
    // The place of a source's ticker; the same for the same arguments.
    struct Seat {
        std::size_t row = 0;
        std::size_t column = 0;
    };
    Seat seat(Ticker ticker, SourceName source) {
        const Seat seat{rows_.try_emplace(ticker, rows_.size()).first->second,
                        columns_.try_emplace(source, columns_.size()).first->second};
        if (last_.size() <= seat.row) last_.resize(seat.row + 1);
        if (last_[seat.row].size() <= seat.column) last_[seat.row].resize(seat.column + 1, MonoTime::min());
        return seat;
    }

    void traded(Seat seat, MonoTime now) { last_[seat.row][seat.column] = now; }
    // How many other sources have traded it since then.
    int others(Seat seat, MonoTime since) const {
        const auto& row = last_[seat.row];
        const auto all = std::ranges::count_if(row, [&](MonoTime at) { return at >= since; });
        return static_cast<int>(all) - (row[seat.column] >= since ? 1 : 0);
    }

private:
    std::map<Ticker, std::size_t> rows_;
    std::map<SourceName, std::size_t> columns_;
    std::vector<std::vector<MonoTime>> last_;  // by row and column; MonoTime::min(): never
};

}  // namespace pricewire::feed
