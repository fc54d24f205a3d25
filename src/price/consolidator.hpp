#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "domain/market.hpp"

namespace pricewire::price {

// What consolidation believes. Tolerances are in basis points (1 % = 100).
struct ConsolidationPolicy {
    Duration quote_ttl = std::chrono::seconds{15};      // an exchange's quote counts this long after it came
    Duration aggregator_ttl = std::chrono::minutes{3};  // an aggregator's figure, by its own time
    std::int64_t exchange_tolerance_bp = 200;           // exchanges this near to each other agree
    std::int64_t aggregator_tolerance_bp = 1000;        // an aggregator contradicts beyond this
    std::int64_t believable_move_bp = 3000;  // a move that an aggregator's older figure may have missed
    std::int64_t jump_tolerance_bp = 1000;   // without an aggregator, a lone exchange is believed within this
    // What confirms a jump: so many further quotes near the first one, over at least so long; more of both
    // where an aggregator's older figure speaks against it.
    int confirmations = 5;
    Duration confirmed_over = std::chrono::seconds{3};
    int contradicted_confirmations = 20;
    Duration contradicted_confirmed_over = std::chrono::seconds{10};
    std::map<SourceName, int> weights;  // votes of an exchange, at least 1; 1 where absent
};

// One ticker's price out of all sources' quotes. Pure: no clock, no I/O; one thread. The method stands above
// the code in consolidator.cpp. Nothing is allocated once each source has been seen.
class Consolidator {
public:
    // `policy` outlives it.
    Consolidator(Ticker ticker, const ConsolidationPolicy& policy) : ticker_(ticker), policy_(&policy) {}

    // Takes a quote. The price it makes, where it counts or changes the price (by leaving the vote, say);
    // nullopt where it does neither (an aggregator's figure that confirms), or where there is no price.
    // Quotes of an exchange count in the order given; an aggregator's figure that is older than its last one
    // is passed over.
    std::optional<Decimal> update(const Quote& quote, Timestamp now);

    // Judges anew by age alone. The new price, where it changed (a fallback took over, say).
    std::optional<Decimal> refresh(Timestamp now);

    // Of the quote that update() took last; nullopt where it was passed over.
    std::optional<Verdict> verdict() const { return verdict_; }
    // The present price, as of the last call.
    std::optional<Decimal> price() const { return price_; }
    // All quotes with their verdicts; `board.price` is left to the caller, who numbers prices.
    TickerBoard board() const;
    Ticker ticker() const { return ticker_; }

private:
    struct Source {
        Quote quote;
        int weight = 1;
        Verdict verdict = Verdict::stale;
    };
    // A jump that waits for confirmation.
    struct Jump {
        Decimal price;
        Timestamp since;
        int quotes = 0;
    };

    void forget_the_future(Timestamp now);
    void evaluate(Timestamp now, const Source* just_came);
    std::optional<Decimal> lone_exchange(Source& exchange, std::optional<Decimal> check, Timestamp now,
                                         bool just_came);
    bool leaves_an_old_figure(const Source& exchange, Decimal check, Timestamp now, bool just_came);
    bool confirms(const Source& exchange, int quotes, Duration over, Timestamp now, bool just_came);
    std::optional<Decimal> vote(std::optional<Decimal> check);
    std::optional<Decimal> arbitrate(std::optional<Decimal> check);
    std::optional<Decimal> median_of(Verdict verdict, SourceKind kind);
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
    std::optional<Timestamp> left_at_;  // when the lone exchange went beyond the aggregator's tolerance
};

}  // namespace pricewire::price
