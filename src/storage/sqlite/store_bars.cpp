#include <algorithm>

#include "domain/bars.hpp"
#include "storage/sqlite/store.hpp"

namespace pricewire::storage::sqlite {

namespace {

Bar upsert_minute(Connection& db, const Bar& bar) {
    Bar merged = bar;
    const auto there = db.first([&](const Row& row) { return sql::read_bar(row, bar.ticker, bar.start, 0); },
                                "bar_get", bar.ticker.view(), bar.start);
    if (there) {
        merged.open = there->open;
        merged.high = std::max(there->high, bar.high);
        merged.low = std::min(there->low, bar.low);
    }
    db.change("bar_put", bar.ticker.view(), bar.start, merged.open, merged.high, merged.low, merged.close);
    return merged;
}

// Merges a minute, as it is now, into its hour.
void upsert_hour(Connection& db, const Bar& minute) {
    struct Hour {
        Bar bar;
        Timestamp first, last;
    };
    Hour hour{minute, minute.start, minute.start};
    hour.bar.start = interval_start(minute.start, std::chrono::hours{1});
    const auto there = db.first(
        [&](const Row& row) {
            return Hour{sql::read_bar(row, minute.ticker, hour.bar.start, 0), row.time(4), row.time(5)};
        },
        "hour_bar_get", minute.ticker.view(), hour.bar.start);
    if (there) {
        if (there->first <= minute.start) hour.bar.open = there->bar.open;
        if (there->last > minute.start) hour.bar.close = there->bar.close;
        hour.bar.high = std::max(there->bar.high, minute.high);
        hour.bar.low = std::min(there->bar.low, minute.low);
        hour.first = std::min(there->first, minute.start);
        hour.last = std::max(there->last, minute.start);
    }
    db.change("hour_bar_put", minute.ticker.view(), hour.bar.start, hour.bar.open, hour.bar.high,
              hour.bar.low, hour.bar.close, hour.first, hour.last);
}

}  // namespace

void Store::upsert_bars(std::span<const Bar> bars) {
    transaction("upsert_bars", Durability::process, [&](Connection& db) {
        for (const Bar& bar : bars) upsert_hour(db, upsert_minute(db, bar));
    });
}

std::vector<Bar> Store::bars(Ticker ticker, Duration interval, Timestamp from, Timestamp to,
                             std::size_t limit) {
    return read("bars", [&](Connection& db) {
        BarsBackwards bars(interval, limit);
        db.each([&](const Row& row) { return bars.add(sql::read_bar(row, ticker, row.time(0), 1)); },
                interval % std::chrono::hours{1} == Duration::zero() ? "hour_bars" : "bars", ticker.view(),
                next_interval_start(from, interval), next_interval_start(to, interval));
        return std::move(bars).take();
    });
}

}  // namespace pricewire::storage::sqlite
