#include <algorithm>

#include "domain/bars.hpp"
#include "storage/sqlite/rows.hpp"
#include "storage/sqlite/store.hpp"

namespace pricewire::storage::sqlite {

namespace {

Bar read_bar(SQLite::Statement& s, Ticker ticker, Timestamp start, int column) {
    return {ticker,
            start,
            decimal_at(s, column),
            decimal_at(s, column + 1),
            decimal_at(s, column + 2),
            decimal_at(s, column + 3)};
}

Bar upsert_minute(Connection& db, const Bar& bar) {
    Bar merged = bar;
    const auto there = first_row(with(db.statement("bar_get"), bar.ticker.view(), bar.start),
                                 [&](SQLite::Statement& s) { return read_bar(s, bar.ticker, bar.start, 0); });
    if (there) {
        merged.open = there->open;
        merged.high = std::max(there->high, bar.high);
        merged.low = std::min(there->low, bar.low);
    }
    with(db.statement("bar_put"), bar.ticker.view(), bar.start, merged.open, merged.high, merged.low,
         merged.close)
        .exec();
    return merged;
}

// What an hour becomes by a minute of it as it is now.
void upsert_hour(Connection& db, const Bar& minute) {
    struct Hour {
        Bar bar;
        Timestamp first, last;
    };
    Hour hour{minute, minute.start, minute.start};
    hour.bar.start = interval_start(minute.start, std::chrono::hours{1});
    const auto there = first_row(
        with(db.statement("hour_bar_get"), minute.ticker.view(), hour.bar.start), [&](SQLite::Statement& s) {
            return Hour{read_bar(s, minute.ticker, hour.bar.start, 0), time_at(s, 4), time_at(s, 5)};
        });
    if (there) {
        if (there->first <= minute.start) hour.bar.open = there->bar.open;
        if (there->last > minute.start) hour.bar.close = there->bar.close;
        hour.bar.high = std::max(there->bar.high, minute.high);
        hour.bar.low = std::min(there->bar.low, minute.low);
        hour.first = std::min(there->first, minute.start);
        hour.last = std::max(there->last, minute.start);
    }
    with(db.statement("hour_bar_put"), minute.ticker.view(), hour.bar.start, hour.bar.open, hour.bar.high,
         hour.bar.low, hour.bar.close, hour.first, hour.last)
        .exec();
}

}  // namespace

void Store::upsert_bars(std::span<const Bar> bars) {
    writer_.run(Durability::process, [&](Connection& db, Events&) {
        for (const Bar& bar : bars) upsert_hour(db, upsert_minute(db, bar));
    });
}

std::vector<Bar> Store::bars(Ticker ticker, Duration interval, Timestamp from, Timestamp to,
                             std::size_t limit) {
    return readers_.run([&](Connection& db) {
        SQLite::Statement& s =
            with(db.statement(interval % std::chrono::hours{1} == Duration::zero() ? "hour_bars" : "bars"),
                 ticker.view(), next_interval_start(from, interval), next_interval_start(to, interval));
        const Finish finish(s);
        BarsBackwards bars(interval, limit);
        while (s.executeStep() && bars.add(read_bar(s, ticker, time_at(s, 0), 1))) {
        }
        return std::move(bars).take();
    });
}

std::size_t Store::prune_bars(Timestamp before, std::size_t limit) {
    return writer_.run(Durability::process, [&](Connection& db, Events&) {
        const int minutes = with(db.statement("bars_prune"), before, row_count(limit)).exec();
        const int hours =
            with(db.statement("hour_bars_prune"), before - std::chrono::hours{1}, row_count(limit)).exec();
        return static_cast<std::size_t>(std::max(minutes, hours));
    });
}

}  // namespace pricewire::storage::sqlite
