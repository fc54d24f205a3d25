#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "storage/sql/alert_columns.hpp"
#include "storage/sql/alert_rows.hpp"
#include "storage/sql/listing_changes.hpp"
#include "storage/sql/rows.hpp"
#include "storage/sql/store_base.hpp"

namespace pricewire::storage::sql {

inline constexpr auto read_alert_count = [](const auto& row) {
    return std::pair(std::string(row.text(0)), static_cast<std::size_t>(row.number(1)));
};

// What is stored of tickers: Needs, Listings and BlindSpans, in either database.
template <typename Db>
class TickerStore : public StoreBase<Db> {
public:
    using Connection = typename Db::Connection;

    // Needs.
    void need_tickers(std::span<const Ticker> tickers, Timestamp now, Timestamp until) override {
        const std::set<Ticker> distinct(tickers.begin(), tickers.end());
        if (distinct.empty()) return;
        transaction("need_tickers", Durability::process, [&](Connection& db) {
            const std::chrono::hours day{24};
            db.change("needs_forget", now - day, now + day);
            db.change_each("need", distinct, [](const Ticker& t) { return std::tuple(t.view()); }, until);
        });
    }
    std::vector<NeededTicker> needed_tickers(Timestamp now) override {
        const auto needed = [](const auto& row) { return std::pair(Ticker(row.text(0)), row.flag(1)); };
        return read("needed_tickers", [&](Connection& db) {
            std::map<Ticker, bool> by_alert;
            for (const auto& [ticker, alert] : db.all(needed, "needed_tickers", now))
                by_alert[ticker] |= alert;
            for (const std::string& others : db.all(read_text, "other_tickers"))
                for (const Ticker ticker : split_tickers(others)) by_alert[ticker] = true;
            std::vector<NeededTicker> out;
            for (const auto& [ticker, alert] : by_alert) out.push_back({ticker, alert});
            return out;
        });
    }
    std::vector<Ticker> alert_tickers(const Uuid& user_id) override {
        return read("alert_tickers", [&](Connection& db) {
            std::set<Ticker> tickers;
            for (const char* query : {"alert_tickers", "other_tickers_of"})
                for (const std::string& names : db.all(read_text, query, user_id))
                    for (const Ticker ticker : split_tickers(names)) tickers.insert(ticker);
            return std::vector(tickers.begin(), tickers.end());
        });
    }
    void set_watch_states(std::span<const WatchState> unwatched, std::span<const Ticker> watched) override {
        std::map<Ticker, const WatchState*> states;
        for (const WatchState& state : unwatched) states[state.ticker] = &state;
        const std::set<Ticker> gone(watched.begin(), watched.end());
        if (states.empty() && gone.empty()) return;
        transaction("set_watch_states", Durability::process, [&](Connection& db) {
            db.change_each("watch_state_remove", gone, [](const Ticker& t) { return std::tuple(t.view()); });
            db.change_each("watch_state_put", states, [](const auto& entry) {
                const WatchState& state = *entry.second;
                return std::tuple(state.ticker.view(), to_string(state.why), std::string_view(state.reason),
                                  state.since);
            });
        });
    }
    std::vector<WatchState> watch_states() override {
        return read("watch_states", [&](Connection& db) {
            return present(db.all(or_skip("watch_states", read_watch_state), "watch_states"));
        });
    }

    std::vector<TickerAlerts> alert_counts(const Uuid& user_id) override {
        return read("alert_counts", [&](Connection& db) {
            std::map<Ticker, std::size_t> counts;
            for (const char* query : {"alert_counts", "alert_counts_by_others"})
                for (const auto& [names, alerts] : db.all(read_alert_count, query, user_id))
                    for (const Ticker ticker : split_tickers(names)) counts[ticker] += alerts;
            std::vector<TickerAlerts> out;
            for (const auto& [ticker, alerts] : counts) out.push_back({ticker, alerts});
            return out;
        });
    }
    std::size_t count_alerts(std::span<const Ticker> tickers) override {
        const std::set<Ticker> wanted(tickers.begin(), tickers.end());
        if (wanted.empty()) return 0;
        const auto is_wanted = [&](const Ticker& ticker) { return wanted.contains(ticker); };
        return read("count_alerts", [&](Connection& db) {
            std::size_t count = 0;
            for (const Ticker& ticker : wanted) {
                for (const auto& [name, alerts] : db.all(read_alert_count, "alerts_of_ticker", ticker.view()))
                    count += alerts;
            }
            for (const auto& [names, alerts] : db.all(read_alert_count, "alerts_by_others"))
                if (std::ranges::any_of(split_tickers(names), is_wanted)) count += alerts;
            return count;
        });
    }

    // Listings.
    ListingChanges replace_listings(SourceName source, SourceKind kind, std::span<const ListedPair> pairs,
                                    Timestamp read_at) override {
        return transaction("replace_listings", Durability::process, [&](Connection& db) -> ListingChanges {
            // Locks the source's row, so that lists are compared one after the other.
            if (db.change("listing_source_read", source.view(), to_string(kind), read_at) == 0) return {};
            const auto row = or_skip("replace_listings", read_listed_pair);
            auto changes = difference(present(db.all(row, "listings", source.view())), pairs);
            write_changes(db, source, changes, read_at);
            return changes;
        });
    }
    std::vector<ListedSource> listed_sources() override {
        return read("listed_sources", [&](Connection& db) {
            return present(db.all(or_skip("listed_sources", read_listed_source), "listing_sources"));
        });
    }
    std::vector<ListedPair> listings(SourceName source) override {
        return read("listings", [&](Connection& db) {
            return present(db.all(or_skip("listings", read_listed_pair), "listings", source.view()));
        });
    }
    bool note_disagreement(SourceName source, std::string_view symbol,
                           std::optional<Timestamp> since) override {
        return transaction("note_disagreement", Durability::process, [&](Connection& db) {
            const bool noted = db.change("listing_disagrees", source.view(), symbol, since) > 0;
            if (noted) db.change("listing_source_changed", source.view());
            return noted;
        });
    }

    // BlindSpans.
    std::optional<Timestamp> judged_until() override {
        return read("judged_until", [](Connection& db) {
            return db.first([](const auto& row) { return row.time(0); }, "judged_until");
        });
    }
    void note_judged(Timestamp until, Timestamp now) override {
        statement("note_judged", Durability::process,
                  [&](Connection& db) { db.change("judged_note", until, now); });
    }
    void save_blind(std::span<const BlindSpan> spans) override {
        if (spans.empty()) return;
        // One statement cannot change a row twice: the last one of a span counts.
        std::map<std::pair<Ticker, Timestamp>, const BlindSpan*> last;
        for (const BlindSpan& span : spans) last[{span.ticker, span.from}] = &span;
        const auto values = [](const auto& entry) {
            const BlindSpan& span = *entry.second;
            std::optional<Timestamp> due;
            if (span.state == BlindState::waiting) due = span.to;
            return std::tuple(span.ticker.view(), span.from, span.to, std::string_view(span.reason),
                              to_string(span.state), span.unknown, due);
        };
        statement("save_blind", Durability::process,
                  [&](Connection& db) { db.change_each("blind_put", last, values); });
    }
    std::vector<BlindSpan> open_blind() override {
        return read("open_blind", [&](Connection& db) {
            return present(db.all(or_skip("open_blind", read_blind), "blind_open"));
        });
    }
    std::map<Ticker, Timestamp> unresolved_blind() override {
        const auto begun = [](const auto& row) { return std::pair(Ticker(row.text(0)), row.time(1)); };
        return read("unresolved_blind", [&](Connection& db) {
            std::map<Ticker, Timestamp> out;
            for (const auto& [ticker, from] : db.all(begun, "blind_unresolved")) {
                Timestamp& since = out.try_emplace(ticker, from).first->second;
                since = std::min(since, from);
            }
            return out;
        });
    }
    std::vector<BlindSpan> blind_spans(Ticker ticker, Timestamp since, std::size_t limit) override {
        return read("blind_spans", [&](Connection& db) {
            const auto row = or_skip("blind_spans", read_blind);
            return present(ticker.empty() ? db.all(row, "blind_all", since, limit)
                                          : db.all(row, "blind_of_ticker", ticker.view(), since, limit));
        });
    }
    std::vector<BlindSpan> claim_blind(Timestamp now, std::size_t limit, std::string_view owner,
                                       Timestamp lease_until) override {
        return transaction("claim_blind", Durability::process, [&](Connection& db) {
            return present(
                db.all(or_skip("claim_blind", read_blind), "blind_claim", now, limit, owner, lease_until));
        });
    }
    bool finish_blind(const BlindSpan& span, std::string_view owner, std::optional<Timestamp> due) override {
        return statement("finish_blind", Durability::process, [&](Connection& db) {
            return db.change("blind_finish", span.ticker.view(), span.from, owner, to_string(span.state),
                             span.told_until, span.unknown, span.fired, span.tries, due) == 1;
        });
    }
    std::vector<RecoverableAlert> recoverable_alerts(Ticker ticker, Timestamp before) override {
        return read("recoverable_alerts", [&](Connection& db) {
            return present(db.all(or_skip("recoverable_alerts", read_recoverable), "alerts_recoverable",
                                  ticker.view(), before));
        });
    }
    std::vector<ActiveAlert> recoverable_ruled(Ticker ticker, Timestamp before, std::size_t limit) override {
        return read("recoverable_ruled", [&](Connection& db) {
            return present(db.all(or_skip("recoverable_ruled", read_active_alert), "alerts_recoverable_ruled",
                                  ticker.view(), before, limit));
        });
    }
    std::size_t prune_blind(Timestamp before, std::size_t limit) override {
        return statement("prune_blind", Durability::process,
                         [&](Connection& db) { return db.change("blind_prune", before, limit); });
    }

protected:
    using StoreBase<Db>::StoreBase;
    using StoreBase<Db>::or_skip;
    using StoreBase<Db>::present;
    using StoreBase<Db>::read;
    using StoreBase<Db>::statement;
    using StoreBase<Db>::transaction;
};

}  // namespace pricewire::storage::sql
