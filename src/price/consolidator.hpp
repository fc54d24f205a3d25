#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "domain/market.hpp"

namespace pricewire::price {

// Limits of consolidation. Tolerances are in basis points (1 % = 100).
struct ConsolidationPolicy {
    // an exchange's quote counts for this long after it arrives
    Duration quote_ttl = std::chrono::seconds{15};
    // an aggregator's counts for this long by its own time
    Duration aggregator_ttl = std::chrono::minutes{3};
    std::int64_t exchange_tolerance_bp = 200;     // exchanges within this of each other agree
    std::int64_t aggregator_tolerance_bp = 1000;  // an aggregator contradicts beyond this
    std::int64_t believable_move_bp = 3000;       // a move that an aggregator's older price may have missed
    std::int64_t jump_tolerance_bp = 1000;  // without an aggregator, a lone exchange is believed within this
    // A jump is confirmed by this many further quotes near the first one, over at least this time; both are
    // larger where an aggregator's older price contradicts.
    int confirmations = 5;
    Duration confirmed_over = std::chrono::seconds{3};
    int contradicted_confirmations = 20;
    Duration contradicted_confirmed_over = std::chrono::seconds{10};
    // A figure that has left its aggregator's own past counts again after this many newer ones like it.
    int repeated_figures = 2;
    std::map<SourceName, int> weights;  // votes of an exchange, at least 1; 1 where absent
};

// Makes one ticker's price from all sources' quotes. No clock, no I/O; one thread. The method is described in
// consolidator.cpp. Allocates nothing once each source has been seen.
class Consolidator {
public:
    // `policy` outlives it.
    Consolidator(Ticker ticker, const ConsolidationPolicy& policy) : ticker_(ticker), policy_(&policy) {}

    // Takes a quote. Returns the price if the quote counts or changes it (by leaving the vote, say); nullopt
    // if it does neither (an aggregator's quote that confirms), or if there is no price. Quotes of an
    // exchange count in the order given; an aggregator's quote that is older than its last one is ignored.
    std::optional<Decimal> update(const Quote& quote, Timestamp now);

    // Judges the same quotes by their age. Returns the new price if it changed (a fallback took over, say).
    std::optional<Decimal> refresh(Timestamp now);

    // Of the quote that update() took last; nullopt if it was ignored.
    std::optional<Verdict> verdict() const { return verdict_; }
    // The price as of the last call.
    std::optional<Decimal> price() const { return price_; }
    // All quotes with their verdicts; `board.price` is left empty, because the caller numbers prices.
    TickerBoard board() const;
    Ticker ticker() const { return ticker_; }

private:
    // What a source said when it was last believed.
    struct Past {
        Decimal price;
        Timestamp time;  // quoted_at()
    };
    struct Source {
        Quote quote;
        int weight = 1;
        Verdict verdict = Verdict::stale;
        Decimal value{};           // what it stands for in a median: its quote's price, or that of its past
        bool checks = false;       // an aggregator whose value checks the exchanges
        std::optional<Past> past;  // unset until it has agreed with a price, or made one
        int repeats = 0;           // newer figures of an aggregator like the one before them
    };
    // A jump that is not confirmed yet.
    struct Jump {
        Decimal price;
        Timestamp since;
        int quotes = 0;
    };

    void forget_the_future(Timestamp now);
    void evaluate(Timestamp now, const Source* just_came);
    void judge_figures(Timestamp now);
    bool is_suspect(const Source& aggregator) const;
    bool another_figure_agrees(Decimal price, const Source& aggregator) const;
    void note_pasts();
    std::optional<Decimal> without_those_that_left();
    std::optional<Decimal> lone_exchange(Source& exchange, std::optional<Decimal> check, Timestamp now,
                                         bool just_came);
    bool moves_beyond_an_older_figure(const Source& exchange, Decimal check, Timestamp now, bool just_came);
    bool confirms(const Source& exchange, int quotes, Duration over, Timestamp now, bool just_came);
    std::optional<Decimal> vote(std::optional<Decimal> check);
    std::optional<Decimal> arbitrate(std::optional<Decimal> check);
    std::optional<Decimal> fallback();
    bool figures_agree() const;
    template <typename Voter>
    std::optional<Decimal> median_of(Voter&& votes);
    std::optional<Decimal> median_of_counted(SourceKind kind);
    bool is_fresh(const Quote& quote, Timestamp now) const;

    Ticker ticker_;
    const ConsolidationPolicy* policy_;
    std::vector<Source> sources_;
    std::vector<const Source*> ordered_;  // scratch
    std::optional<Decimal> price_;
    std::optional<Verdict> verdict_;
    std::optional<Decimal> last_exchange_price_;
    Timestamp last_exchange_at_{};
    std::optional<Jump> jump_;
    std::optional<Timestamp> left_at_;  // when the lone exchange left the aggregator's tolerance
};

}  // namespace pricewire::price
