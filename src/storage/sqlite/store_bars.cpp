#include <algorithm>

#include "domain/bars.hpp"
#include "storage/sqlite/store.hpp"

namespace pricewire::storage::sqlite {

std::vector<Bar> Store::merge_minutes(Connection& db, std::span<const Bar> bars) {
    std::vector<Bar> merged;
    for (const Bar& live : bars) {
        const auto read = [&](const Row& row) { return sql::read_bar(row, live.ticker); };
        Bar bar = live;
        if (const auto there = db.first(read, "bar_get", live.ticker.view(), live.start)) {
            bar = *there;
            append(bar, live);
        }
        db.change("bar_set", bar.ticker.view(), bar.start, bar.open, bar.high, bar.low, bar.close, bar.volume,
                  sql::origin_of(bar));
        merged.push_back(bar);
    }
    return merged;
}

std::vector<Bar> Store::read_bars_of(Connection& db, const char* stored, std::span<const Ticker> tickers,
                                     Timestamp from, Timestamp to, std::size_t limit) {
    std::vector<Bar> out;
    for (const Ticker& ticker : tickers) {
        const std::vector<Bar> bars = sql::stored_bars(db, stored, ticker, from, to, limit);
        out.insert(out.end(), bars.rbegin(), bars.rend());
    }
    return out;
}

void Store::merge_hours(Connection& db, std::span<const HourBar> hours) {
    for (const HourBar& part : hours) {
        const Ticker ticker = part.bar.ticker;
        const auto read = [&](const Row& row) {
            return HourBar{sql::read_bar(row, ticker), row.time(7), row.time(8),
                           row.number(6) == static_cast<int>(sql::Origin::candle)};
        };
        HourBar hour = part;
        if (const auto there = db.first(read, "hour_bar_get", ticker.view(), part.bar.start)) {
            hour = *there;
            merge(hour, part);
        }
        const Bar& bar = hour.bar;
        db.change("hour_bar_set", bar.ticker.view(), bar.start, bar.open, bar.high, bar.low, bar.close,
                  bar.volume, sql::origin_of(bar, hour.is_candle), hour.first, hour.last);
    }
}

}  // namespace pricewire::storage::sqlite
