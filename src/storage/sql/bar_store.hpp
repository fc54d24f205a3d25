#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "storage/sql/bars.hpp"
#include "storage/sql/ticker_store.hpp"

namespace pricewire::storage::sql {

// Bars, in either database.
template <typename Db>
class BarStore : public TickerStore<Db> {
public:
    using Connection = typename Db::Connection;

    void upsert_bars(std::span<const Bar> bars) override {
        if (bars.empty()) return;
        transaction("upsert_bars", Durability::process, [&](Connection& db) {
            std::vector<Bar> minutes = merge_minutes(db, bars);
            // Their hours keep the volume that they have: it is that of more minutes than these.
            for (Bar& minute : minutes) minute.volume.reset();
            merge_hours(db, hours_of(minutes));
        });
    }
    void add_history(Ticker ticker, Duration interval, std::span<const Bar> bars) override {
        if (bars.empty()) return;
        transaction("add_history", Durability::process,
                    [&](Connection& db) { merge_hours(db, add_bars(db, ticker, interval, bars)); });
    }
    std::vector<Bar> bars(Ticker ticker, Duration interval, Timestamp from, Timestamp to,
                          std::size_t limit) override {
        return read_behind("bars",
                           [&](Connection& db) { return read_bars(db, ticker, interval, from, to, limit); });
    }
    std::vector<Bar> bars_of(std::span<const Ticker> tickers, Duration interval, Timestamp from, Timestamp to,
                             std::size_t limit) override {
        return read_behind("bars_of", [&](Connection& db) {
            return interval == std::chrono::hours{1} ? read_bars_of(db, "hour_bars", tickers, from, to, limit)
                                                     : read_bars_of(db, "bars", tickers, from, to, limit);
        });
    }
    std::size_t prune_bars(Timestamp minutes_before, Timestamp longer_before, std::size_t limit) override {
        return transaction("prune_bars", Durability::process, [&](Connection& db) {
            return std::max({db.change("bars_prune", minutes_before, limit),
                             db.change("hour_bars_prune", longer_before - std::chrono::hours{1}, limit),
                             db.change("day_bars_prune", longer_before - std::chrono::hours{24}, limit)});
        });
    }
    std::optional<Filled> claim_fill(Ticker ticker, std::string_view owner, Timestamp now, Timestamp lease,
                                     Timestamp behind = {}) override {
        return transaction("claim_fill", Durability::process, [&](Connection& db) -> std::optional<Filled> {
            if (db.change("fill_claim", ticker.view(), owner, now, lease, behind) == 0) return std::nullopt;
            return db.first(read_filled, "fill_get", ticker.view());
        });
    }
    void finish_fill(Ticker ticker, std::string_view owner, const Filled& filled) override {
        statement("finish_fill", Durability::process, [&](Connection& db) {
            return db.change("fill_finish", ticker.view(), owner, filled.until, filled.next_at);
        });
    }
    std::optional<Filled> filled(Ticker ticker) override {
        return read("filled",
                    [&](Connection& db) { return db.first(read_filled, "fill_get", ticker.view()); });
    }

protected:
    using TickerStore<Db>::TickerStore;
    using StoreBase<Db>::read;
    using StoreBase<Db>::read_behind;
    using StoreBase<Db>::statement;
    using StoreBase<Db>::transaction;

    // Merges minutes of live prices into those stored, and returns them as they are then.
    virtual std::vector<Bar> merge_minutes(Connection& db, std::span<const Bar> bars) = 0;
    // `stored`: the name of the query that reads those of one ticker.
    virtual std::vector<Bar> read_bars_of(Connection& db, const char* stored, std::span<const Ticker> tickers,
                                          Timestamp from, Timestamp to, std::size_t limit) = 0;
    // At most one of each hour; by ticker and hour.
    virtual void merge_hours(Connection& db, std::span<const HourBar> hours) = 0;
};

}  // namespace pricewire::storage::sql
