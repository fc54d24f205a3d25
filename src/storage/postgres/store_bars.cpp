#include <algorithm>
#include <map>

#include "domain/bars.hpp"
#include "storage/postgres/rows.hpp"
#include "storage/postgres/store.hpp"

namespace pricewire::storage::postgres {

void Store::upsert_bars(std::span<const Bar> bars) {
    if (bars.empty()) return;
    // One statement cannot change a row twice: bars of one minute are merged here first.
    std::map<std::pair<std::string_view, Timestamp>, Bar> merged;
    for (const Bar& bar : bars) {
        const auto [it, fresh] = merged.try_emplace({bar.ticker.view(), bar.start}, bar);
        if (fresh) continue;
        it->second.high = std::max(it->second.high, bar.high);
        it->second.low = std::min(it->second.low, bar.low);
        it->second.close = bar.close;
    }
    Array ticker, start, open, high, low, close;
    for (const auto& [key, bar] : merged) {
        ticker.add(bar.ticker.view());
        start.add(bar.start);
        open.add(bar.open);
        high.add(bar.high);
        low.add(bar.low);
        close.add(bar.close);
    }
    pool_.statement(Durability::process,
                    [&](Connection& db) { db.run("bars_put", ticker, start, open, high, low, close); });
}

std::vector<Bar> Store::bars(Ticker ticker, Duration interval, Timestamp from, Timestamp to,
                             std::size_t limit) {
    const bool of_hours = interval % std::chrono::hours{1} == Duration::zero();
    const Duration part = of_hours ? Duration{std::chrono::hours{1}} : std::chrono::minutes{1};
    const auto parts = static_cast<std::size_t>(interval / part) * limit;
    return pool_.read([&](Connection& db) {
        const pqxx::result rows =
            db.run(of_hours ? "hour_bars" : "bars", ticker.view(), interval,
                   next_interval_start(from, interval), next_interval_start(to, interval), parts, limit);
        return all_rows(rows, [&](const Row& row) {
            return Bar{ticker,
                       time_at(row, 0),
                       decimal_at(row, 1),
                       decimal_at(row, 2),
                       decimal_at(row, 3),
                       decimal_at(row, 4)};
        });
    });
}

std::size_t Store::prune_bars(Timestamp before, std::size_t limit) {
    return pool_.transaction(Durability::process, [&](Connection& db) {
        const std::size_t minutes = changed(db.run("bars_prune", before, limit));
        return std::max(minutes, changed(db.run("hour_bars_prune", before - std::chrono::hours{1}, limit)));
    });
}

}  // namespace pricewire::storage::postgres
