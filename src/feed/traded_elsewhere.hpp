#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <vector>

#include "base/clock.hpp"
#include "domain/market.hpp"

namespace pricewire::feed {

// When each source last brought a live trade of each ticker, and how long it pauses between them, so that a source can
// be compared with the others. One thread.
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
        if (last_[seat.row].size() <= seat.column) last_[seat.row].resize(seat.column + 1);
        return seat;
    }

    void traded(Seat seat, MonoTime now) {
        Last& last = last_[seat.row][seat.column];
        // Trades of one second are one order that met several.
        if (last.at != MonoTime::min() && now >= last.at + std::chrono::seconds{1}) {
            const auto pause = now - last.at;
            last.pause += last.pause.count() == 0 ? pause : (pause - last.pause) / 16;
        }
        last.at = now;
    }
    // How many other sources have traded it since then.
    int others(Seat seat, MonoTime since) const {
        const auto& row = last_[seat.row];
        const auto all = std::ranges::count_if(row, [&](const Last& last) { return last.at >= since; });
        return static_cast<int>(all) - (row[seat.column].at >= since ? 1 : 0);
    }
    // How long those of them pause between two trades, by their median, where one that has traded once counts as a
    // minute; 0: there are none.
    MonoTime::duration pause_of_others(Seat seat, MonoTime since) const {
        std::vector<MonoTime::duration> pauses;
        const auto& row = last_[seat.row];
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (i == seat.column || row[i].at < since) continue;
            const bool is_known = row[i].pause.count() > 0;
            pauses.push_back(is_known ? row[i].pause : MonoTime::duration(std::chrono::minutes{1}));
        }
        if (pauses.empty()) return {};
        const auto middle = pauses.begin() + std::ssize(pauses) / 2;
        std::ranges::nth_element(pauses, middle);
        return *middle;
    }

private:
    std::map<Ticker, std::size_t> rows_;
    std::map<SourceName, std::size_t> columns_;
    struct Last {
        MonoTime at = MonoTime::min();  // never
        MonoTime::duration pause{};     // between its last trades, on average
    };
    std::vector<std::vector<Last>> last_;  // by row and column
};

}  // namespace pricewire::feed
