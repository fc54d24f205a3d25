#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "domain/heard.hpp"
#include "domain/market.hpp"

namespace pricewire::feed {

// Finds the tickers that no session hears, in rounds: in each, every session says when it last heard each of its tickers.
// An aggregator, whose figures are a minute old and leave out what was between them, counts only where no exchange has
// the ticker. Pure; one thread.
class HeardTickers {
public:
    // `heard`: when the session last heard the ticker; nullopt: it cannot right now.
    void note(Ticker ticker, SourceKind kind, std::optional<Timestamp> heard) {
        Said& said = round_[ticker];
        if (kind == SourceKind::exchange) said.is_at_exchange = true;
        auto& best = kind == SourceKind::exchange ? said.by_exchange : said.by_aggregator;
        if (heard) best = std::max(best.value_or(*heard), *heard);
    }
    // Ends the round; by ticker. A ticker that first appears soon after the first round counts as unheard since before the
    // start: which tickers are needed beside the pinned ones is only read then. One that appears later is unheard since
    // it appeared.
    std::vector<Unheard> take_unheard(Timestamp now) {
        first_ = first_.value_or(now);
        std::vector<Unheard> out;
        std::map<Ticker, std::optional<Timestamp>> last;
        for (const auto& [ticker, said] : std::exchange(round_, {})) {
            const auto& best = said.is_at_exchange ? said.by_exchange : said.by_aggregator;
            const auto before = last_.find(ticker);
            std::optional<Timestamp> since;
            if (before != last_.end()) {
                since = before->second;
            } else if (now - *first_ >= soon) {
                since = now;
            }
            if (best) {
                since = std::max(since.value_or(*best), *best);
            } else {
                out.push_back({ticker, since});
            }
            last[ticker] = since;
        }
        last_ = std::move(last);
        return out;
    }

private:
    static constexpr Duration soon = std::chrono::seconds{10};
    struct Said {
        bool is_at_exchange = false;
        std::optional<Timestamp> by_exchange, by_aggregator;
    };
    std::map<Ticker, Said> round_;
    std::optional<Timestamp> first_;  // when the first round ended
    // When it was heard last, or appeared; unset: not heard since the start.
    std::map<Ticker, std::optional<Timestamp>> last_;
};

}  // namespace pricewire::feed
