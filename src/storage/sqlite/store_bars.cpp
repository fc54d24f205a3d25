#include <algorithm>

#include "domain/bars.hpp"
#include "storage/sqlite/rows.hpp"
#include "storage/sqlite/store.hpp"

namespace pricewire::sqlite {

void Store::upsert_bars(std::span<const Bar> bars) {
    writer_.run(Durability::process, [&](Connection& db, Events&) {
        for (const Bar& bar : bars) {
            Bar merged = bar;
            const auto there = first_row(with(db.statement("bar_get"), bar.ticker.view(), bar.start),
                                         [&](SQLite::Statement& s) {
                                             return Bar{bar.ticker,       bar.start,        decimal_at(s, 0),
                                                        decimal_at(s, 1), decimal_at(s, 2), decimal_at(s, 3)};
                                         });
            if (there) {
                merged.open = there->open;
                merged.high = std::max(there->high, bar.high);
                merged.low = std::min(there->low, bar.low);
            }
            with(db.statement("bar_put"), bar.ticker.view(), bar.start, merged.open, merged.high, merged.low,
                 merged.close)
                .exec();
        }
    });
}

std::vector<Bar> Store::bars(Ticker ticker, Duration interval, Timestamp from, Timestamp to,
                             std::size_t limit) {
    return readers_.run([&](Connection& db) {
        SQLite::Statement& s = with(db.statement("bars"), ticker.view(), next_interval_start(from, interval),
                                    next_interval_start(to, interval));
        const Finish finish(s);
        BarsBackwards bars(interval, limit);
        while (s.executeStep() && bars.add({ticker, time_at(s, 0), decimal_at(s, 1), decimal_at(s, 2),
                                            decimal_at(s, 3), decimal_at(s, 4)})) {
        }
        return std::move(bars).take();
    });
}

std::size_t Store::prune_bars(Timestamp before, std::size_t limit) {
    return writer_.run(Durability::process, [&](Connection& db, Events&) {
        return static_cast<std::size_t>(with(db.statement("bars_prune"), before, row_count(limit)).exec());
    });
}

}  // namespace pricewire::sqlite
