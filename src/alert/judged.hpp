#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "alert/recent_prices.hpp"
#include "alert/rule_engine.hpp"
#include "rule/run.hpp"

namespace pricewire::alert {

// An alert that is put aside: nothing changes of it while it is, but what its lines know.
struct PutAside {
    RuledAlert alert;
    rule::Run::Memory memory;
    // Since when it has been so. Timestamp::min(): before all that is known.
    Timestamp since = Timestamp::min();
    // Set where its hold is read from the past of its line (lines/holds.hpp): its memory has it as of then.
    std::optional<Timestamp> hold_from = {};
};

// One alert that is given every price of its tickers, and its steps. Late prices are judged again from copies of its run, as
// far as RecentPrices reaches back. Pure.
class Judged {
public:
    // Its run as it was before everything of a time, and the price that was in effect then, if RecentPrices does not have
    // it any more.
    struct Before {
        rule::Run run;
        std::optional<Price> shown;
    };
    using RunOf = std::function<Before(const PutAside&, Timestamp)>;

    // `recent` outlives it.
    Judged(const ActiveAlert& alert, const RecentPrices& recent);

    // It is put aside from `from` on, and has no run until replay() goes on with it. What late prices before
    // `from`, but not before `reach`, are judged by is kept.
    void rest(Timestamp from, Timestamp reach);
    // It was put aside from `from` until before everything of `until`; replay() goes on with it. `run_of` outlives it.
    void put_aside(PutAside aside, Timestamp from, Timestamp until, const RunOf& run_of);

    const ActiveAlert& alert() const { return alert_; }
    // It does not rest.
    const rule::Run& run() const { return *run_; }

    // The past, then what is recent.
    std::vector<RuleStep> begin(std::span<const std::shared_ptr<const LinePast>> pasts);
    // As RecentPrices says since then.
    void begin_blind();
    // RecentPrices has it already.
    std::vector<RuleStep> value(Ticker ticker, Timestamp time, const std::optional<Price>& price);
    std::vector<RuleStep> time(Timestamp until);
    // Judges everything again since `time`.
    std::vector<RuleStep> replay(Timestamp time);
    // Time has passed until `until`, as of which it counts for prices that come late, too.
    std::vector<RuleStep> amend(const ActiveAlert& row, Timestamp until);
    RuleStep expiry() const;

    // Since when nothing of it has changed but what its lines know. Timestamp::min(): before all that it was given.
    Timestamp unchanged_since() const { return unchanged_since_; }
    // Until when it was given prices, or time.
    Timestamp last() const { return last_; }
    // From when on nothing of it has changed or was told.
    Timestamp settled_from() const;

private:
    // As of before everything of `from`; the first one as of any time before. One that was put aside, as of any time from
    // then until `until`.
    struct Base {
        Timestamp from;
        std::optional<rule::Run> run = {};
        std::size_t mark = 0;
        Timestamp unchanged_since = Timestamp::min();
        std::unique_ptr<PutAside> aside = {};  // where there is no run
        Timestamp until = {};
    };
    struct Amendment {
        Timestamp time;  // after everything of it
        std::shared_ptr<const RuledAlert> row;
    };
    void give(Ticker ticker, Timestamp time, const std::optional<Price>& price, std::vector<RuleStep>& out);
    void pass(Timestamp until, std::vector<RuleStep>& out);
    void take(const rule::Steps& steps, const std::optional<Price>& price,
              const std::optional<Timestamp>& muted_until, std::vector<RuleStep>& out);
    void make(const Amendment& amendment, std::vector<RuleStep>& out);
    void amend_again(const Amendment& amendment, std::vector<RuleStep>& out);
    void keep_base(Timestamp time, std::vector<RuleStep>& out);
    void keep_past();
    Timestamp restore(Timestamp time);
    void forget_bases(Timestamp reach);
    void thin_bases();
    void see_change();
    Price shown(Timestamp time) const;
    Timestamp last_fired() const;
    Timestamp last_noted() const;

    ActiveAlert alert_;
    const RecentPrices& recent_;
    std::vector<Ticker> tickers_;  // in order
    std::unique_ptr<rule::Run> run_;
    Timestamp last_ = Timestamp{};  // until when it was given prices, or time
    Timestamp timed_until_ = Timestamp{};
    Timestamp amended_ = Timestamp::min();
    std::size_t mark_ = 0;  // of what unchanged_since_ is about
    Timestamp unchanged_since_ = Timestamp::min();
    std::map<Ticker, std::optional<Price>> shown_;
    const RunOf* run_of_ = nullptr;
    std::deque<Base> bases_;  // the oldest first
    // Since the oldest of them.
    std::vector<rule::Fired> fired_;
    std::vector<Amendment> amendments_;  // in order
    std::vector<std::pair<Timestamp, std::vector<RuleState>>> noted_;
};

}  // namespace pricewire::alert
