#include <algorithm>

#include "domain/bars.hpp"
#include "storage/sqlite/store.hpp"

namespace pricewire::storage::sqlite {

std::vector<Bar> Store::merge_minutes(Connection& db, std::span<const Bar> bars) {
    std::vector<Bar> merged;
    for (Bar bar : bars) {
        const auto there = db.first([&](const Row& row) { return sql::read_bar(row, bar.ticker); }, "bar_get",
                                    bar.ticker.view(), bar.start);
        if (there) {
            const Decimal close = std::exchange(bar, *there).close;
            const Bar& live = bars[merged.size()];
            bar.high = std::max(bar.high, live.high);
            bar.low = std::min(bar.low, live.low);
            bar.close = close;
        }
        db.change("bar_set", bar.ticker.view(), bar.start, bar.open, bar.high, bar.low, bar.close, bar.volume,
                  sql::origin_of(bar));
        merged.push_back(bar);
    }
    return merged;
}

void Store::merge_hours(Connection& db, std::span<const HourBar> hours) {
    for (HourBar hour : hours) {
        const Bar& bar = hour.bar;
        const auto read = [&](const Row& row) {
            return HourBar{sql::read_bar(row, bar.ticker), row.time(7), row.time(8),
                           row.number(6) == static_cast<int>(sql::Origin::candle)};
        };
        if (auto there = db.first(read, "hour_bar_get", bar.ticker.view(), bar.start)) {
            merge(*there, hour);
            hour = *there;
        }
        db.change("hour_bar_set", bar.ticker.view(), bar.start, bar.open, bar.high, bar.low, bar.close,
                  bar.volume, sql::origin_of(bar, hour.is_candle), hour.first, hour.last);
    }
}

}  // namespace pricewire::storage::sqlite
