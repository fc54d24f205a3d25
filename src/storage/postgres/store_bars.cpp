#include <algorithm>
#include <map>

#include "domain/bars.hpp"
#include "storage/postgres/store.hpp"

namespace pricewire::storage::postgres {

void Store::upsert_bars(std::span<const Bar> bars) {
    if (bars.empty()) return;
    // One statement cannot change a row twice, so bars of one minute are merged here first.
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
    statement("upsert_bars", Durability::process,
              [&](Connection& db) { db.run("bars_put", ticker, start, open, high, low, close); });
}

std::vector<Bar> Store::bars(Ticker ticker, Duration interval, Timestamp from, Timestamp to,
                             std::size_t limit) {
    const bool of_hours = interval % std::chrono::hours{1} == Duration::zero();
    const Duration part = of_hours ? Duration{std::chrono::hours{1}} : std::chrono::minutes{1};
    const auto parts = static_cast<std::size_t>(interval / part) * limit;
    return read("bars", [&](Connection& db) {
        return db.all([&](const Row& row) { return sql::read_bar(row, ticker, row.time(0), 1); },
                      of_hours ? "hour_bars" : "bars", ticker.view(), interval,
                      next_interval_start(from, interval), next_interval_start(to, interval), parts, limit);
    });
}

}  // namespace pricewire::storage::postgres
