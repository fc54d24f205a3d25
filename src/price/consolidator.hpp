#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "domain/market.hpp"
#include "price/dollar_rates.hpp"
#include "price/votes.hpp"

namespace pricewire::price {

struct SourcePolicy {
    int weight = 1;         // votes of an exchange, at least 1
    SourceName owner = {};  // sources of one owner are not independent; empty: its own
    // Of an aggregator whose figures are older than `aggregator_ttl` by nature: they check for this long, with a
    // tolerance that allows for their age, and never replace an exchange. 0: none of this.
    Duration figures_ttl{};
};

// Limits of consolidation. Tolerances are in basis points (1 % = 100). Where each comes from is said above the
// code in consolidator.cpp.
struct ConsolidationPolicy {
    // an exchange's quote counts for this long after it arrives
    Duration quote_ttl = std::chrono::seconds{15};
    // an aggregator's counts for this long by its own time
    Duration aggregator_ttl = std::chrono::minutes{3};
    // after this its vote has a quarter of its weight: the last trade of a quiet venue is where the market was
    Duration faded_after = std::chrono::seconds{2};
    std::int64_t exchange_tolerance_bp = 200;           // exchanges within this of each other agree
    std::int64_t readmission_bp = 100;                  // one that was left out counts again within this
    std::int64_t aggregator_tolerance_bp = 1000;        // an aggregator contradicts beyond this
    std::int64_t older_figure_bp = 2000;                // likewise one whose figures are old by nature
    std::int64_t newcomer_bp = 1000;                    // a new source must be within this of the others
    Duration newcomer_until = std::chrono::minutes{1};  // a lone source judges newcomers after this
    std::int64_t believable_move_bp = 3000;  // a move that an aggregator's older price may have missed
    std::int64_t jump_tolerance_bp = 1000;   // without an aggregator, a lone exchange is believed within this
    // A jump is confirmed by this many further quotes near the first one, over at least this time; both are
    // larger where an aggregator's older price contradicts.
    int confirmations = 5;
    Duration confirmed_over = std::chrono::seconds{3};
    int contradicted_confirmations = 20;
    Duration contradicted_confirmed_over = std::chrono::seconds{10};
    // A figure that has left its aggregator's own past counts again after this many newer ones like it.
    int repeated_figures = 2;
    // Currencies whose venues are this far from the dollar venues for so long are left out.
    std::int64_t apart_bp = 50;
    Duration apart_for = std::chrono::seconds{10};
    Duration compared_within = std::chrono::seconds{3};  // by quotes that are not older than this
    // A quote that took this much longer than those of the others is of the past.
    Duration most_lag = std::chrono::seconds{5};
    // A source that repeats its last trade for longer than `quote_ttl`, or its last price for this long, and is
    // this far from the price does not count until it moves.
    Duration unchanged_for = std::chrono::minutes{1};
    std::int64_t stuck_bp = 20;
    // With this many exchanges or more, the first price of all waits until two agree in currencies whose rates are
    // known, or for so long.
    int exchanges = 0;  // how many may deliver quotes
    int expected_exchanges = 3;
    Duration first_wait = std::chrono::seconds{3};
    std::map<SourceName, SourcePolicy> sources;  // defaults where absent
};

// Makes one ticker's dollar price from all sources' quotes. No clock, no I/O; one thread. The method is described
// in consolidator.cpp. Allocates nothing once each source has been seen.
class Consolidator {
public:
    // `policy` and `rates` outlive it.
    Consolidator(Ticker ticker, const ConsolidationPolicy& policy, const DollarRates& rates)
        : ticker_(ticker), policy_(&policy), rates_(&rates) {}

    // Takes a quote, which took `lag` longer to arrive than its exchange's do (SourceClock). Returns the price if
    // the quote counts or changes it (by leaving the vote, say); nullopt if it does neither (an aggregator's quote
    // that confirms), or if there is no price. Quotes of an exchange count in the order given; an aggregator's
    // quote that is older than its last one is ignored.
    std::optional<Decimal> update(const Quote& quote, Timestamp now, Duration lag = {});

    // Judges the same quotes by their age and by the present rates; to be called about once a second. Returns the
    // new price if it changed (a fallback took over, say).
    std::optional<Decimal> refresh(Timestamp now);

    // Of the quote that update() took last; nullopt if it was ignored.
    std::optional<Verdict> verdict() const { return verdict_; }
    // The price as of the last call.
    std::optional<Decimal> price() const { return price_; }
    // All quotes with their verdicts, the band and the note; `board.price` is left empty, because the caller
    // numbers prices.
    TickerBoard board() const;
    Ticker ticker() const { return ticker_; }

private:
    // What a source said when it was last believed.
    struct Past {
        Decimal price;
        Timestamp time;   // quoted_at()
        Timestamp since;  // when it was first believed
    };
    struct Source {
        Quote quote;
        int weight = 1;
        SourceName owner_name = {};
        std::uint32_t owner = 0;              // index of the first source with this owner
        Duration figures_ttl{};               // of its SourcePolicy
        std::optional<std::size_t> currency;  // index of its rate; unset: foreign
        Verdict verdict = Verdict::stale;
        Decimal value{};           // its quote in dollars
        Decimal check{};           // of an aggregator that checks: its value, or that of its past
        bool checks = false;       // whether it is one
        bool is_left_out = false;  // was an outlier among three or more
        bool is_stuck = false;     // see judge_stuck()
        bool is_faded = false;     // its vote has a part of its weight
        std::optional<Past> past;  // unset until it has agreed with a price, or made one
        int repeats = 0;           // newer figures of an aggregator like the one before them
        Duration lag{};            // of its last quote
        Timestamp trade_since{};   // when its last trade came first
        Timestamp price_since{};   // when its last price came first
    };
    // A jump that is not confirmed yet.
    struct Jump {
        Decimal price;
        Timestamp since;
        int quotes = 0;
    };
    // A currency whose venues may be apart from the dollar venues.
    struct Group {
        std::optional<Timestamp> apart_since;
        bool is_apart = false;
        std::int64_t spread_bp10 = 0;  // when it was last compared
    };

    Source& source_of(const Quote& quote);
    std::uint32_t index_of(const Source& source) const {
        return static_cast<std::uint32_t>(&source - sources_.data());
    }
    std::int64_t tolerance_of(const Source& aggregator) const;
    bool takes(Source& source, const Quote& quote, Timestamp now, Duration lag);
    bool moves_calmly(Source& source, Timestamp now);
    void forget_the_future(Timestamp now);
    void evaluate(Timestamp now, const Source* just_came);

    // What each quote is worth before they are compared (consolidator_judge.cpp).
    void judge_alone(Timestamp now, const Source* just_came);
    void judge_by_age(Timestamp now);
    void judge_lags();
    void judge_stuck(Timestamp now);
    void judge_leavers(Timestamp now);
    void judge_groups(Timestamp now, bool is_due);
    void judge_group(std::size_t currency, Timestamp now, bool is_due);
    void leave_out_off_peg();
    void judge_newcomers(Timestamp now);
    void judge_figures(Timestamp now);
    bool is_stalled(const Source& source, Timestamp now) const;
    bool is_distrusted(std::size_t currency) const;
    bool is_suspect(const Source& aggregator) const;
    bool another_figure_agrees(Decimal price, const Source& aggregator) const;
    std::optional<Decimal> check_of_figures();

    std::optional<Decimal> fallback();
    bool figures_agree() const;
    std::optional<Decimal> lone_owner(std::optional<Decimal> check, Timestamp now, const Source* just_came);
    std::optional<Decimal> lone_exchange(Source& exchange, std::optional<Decimal> check, Timestamp now,
                                         bool just_came);
    bool moves_beyond_an_older_figure(const Source& exchange, Decimal check, Timestamp now, bool just_came);
    bool confirms(const Source& exchange, int quotes, Duration over, Timestamp now, bool just_came);
    std::optional<Decimal> vote(std::optional<Decimal> check);
    std::optional<Decimal> centre_of_votes() const;
    std::optional<Decimal> arbitrate(std::optional<Decimal> check);
    std::optional<Decimal> without_those_that_left();
    bool is_first_and_waits(Timestamp now) const;
    void note_what_was_believed(bool has_exchange);
    void note_past(Source& source);
    void note_calm(std::size_t owners, std::optional<Decimal> check);

    static bool votes(const Source& source);
    int weight_of(const Source& source) const;
    bool is_settling(Timestamp now) const;
    void become(Verdict from, Verdict to);
    // Fills `votes_` with the values of those that `which` is true of; returns their number of owners.
    template <typename Which>
    std::size_t take(Which&& which) {
        votes_.clear();
        for (const Source& source : sources_) {
            if (which(source)) votes_.add({source.value, weight_of(source), index_of(source), source.owner});
        }
        votes_.settle();
        return votes_.owners();
    }
    std::size_t take_counted();
    std::optional<Decimal> median_of_counted();
    std::size_t owners_near(Decimal centre, std::int64_t tolerance_bp) const;
    std::optional<PriceBand> band() const;
    std::string note() const;

    Ticker ticker_;
    const ConsolidationPolicy* policy_;
    const DollarRates* rates_;
    std::vector<Source> sources_;
    std::array<Group, DollarRates::currencies.size()> groups_;
    Votes votes_;                 // those that made the price
    std::vector<Duration> lags_;  // scratch
    std::optional<Decimal> price_;
    std::optional<Verdict> verdict_;
    std::optional<Decimal> last_exchange_price_;
    Timestamp last_exchange_at_{};
    std::optional<Jump> jump_;
    std::optional<Timestamp> left_at_;   // when the lone exchange left the aggregator's tolerance
    std::optional<Timestamp> first_at_;  // when the first quote came
    std::int64_t check_tolerance_bp_ = 0;
    Timestamp last_now_{};
    Duration lag_limit_{};  // beyond which a quote is of the past
    std::uint64_t rates_version_ = 0;
    // While three or more exchanges agree and nothing is left out, or a lone one moves by little, a trade only moves
    // one vote.
    bool is_calm_ = false;
    Decimal calm_from_, calm_to_;  // of a lone one
    Timestamp calm_until_{};       // when the first of them will be stale
};

}  // namespace pricewire::price
