#include <algorithm>
#include <map>

#include "domain/bars.hpp"
#include "storage/postgres/store.hpp"

namespace pricewire::storage::postgres {

std::vector<Bar> Store::merge_minutes(Connection& db, std::span<const Bar> bars) {
    // One statement cannot change a row twice, so bars of one minute are merged here first.
    std::map<std::pair<std::string_view, Timestamp>, Bar> merged;
    for (const Bar& bar : bars) {
        const auto [it, fresh] = merged.try_emplace({bar.ticker.view(), bar.start}, bar);
        if (!fresh) append(it->second, bar);
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
    return db.all([](const Row& row) { return sql::read_bar(row, Ticker(row.text(7))); }, "bars_merge",
                  ticker, start, open, high, low, close);
}

std::vector<Bar> Store::read_bars_of(Connection& db, const char* stored, std::span<const Ticker> tickers,
                                     Timestamp from, Timestamp to, std::size_t limit) {
    Array names;
    for (const Ticker& ticker : tickers) names.add(ticker.view());
    return db.all([](const Row& row) { return sql::read_bar(row, Ticker(row.text(7))); },
                  (std::string(stored) + "_of").c_str(), names, from, to, limit);
}

void Store::merge_hours(Connection& db, std::span<const HourBar> hours) {
    db.change_each("hour_bars_merge", hours, [](const HourBar& hour) {
        const Bar& b = hour.bar;
        return std::tuple(b.ticker.view(), b.start, b.open, b.high, b.low, b.close, b.volume,
                          sql::origin_of(b, hour.is_candle), hour.first, hour.last);
    });
}

}  // namespace pricewire::storage::postgres
