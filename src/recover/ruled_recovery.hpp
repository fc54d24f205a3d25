#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "domain/alert.hpp"
#include "domain/stretch.hpp"
#include "recover/recovery.hpp"
#include "rule/run.hpp"

namespace pricewire::recover {

struct LateRuledFiring {
    LateFiring late;
    RuledFiring firing;  // without the id of its delivery
};

// What an alert with terms has done in a time in which nobody watched, in order of time.
struct RuledOutcome {
    std::vector<LateRuledFiring> firings;
    // Set if it was armed after them, or has seen a higher high or a lower low. `rearmed` is set, so that checkers are
    // told.
    std::optional<StateNote> note;
};

// What alerts with terms have done between two moments in which nobody watched. Pure; one thread. ruled_recovery.cpp
// describes how it decides.
class RuledRecovery {
public:
    // What was known of a ticker from then until the time in which nobody watched.
    using Known = std::function<std::vector<Stretch>(Ticker, Timestamp from)>;
    using Minute = std::pair<Ticker, Timestamp>;

    // [from, to), and alerts for which is_recoverable(); `told` has all tickers that they watch. Calls `known` once at
    // most for each ticker.
    RuledRecovery(Timestamp from, Timestamp to, std::map<Ticker, ToldMinutes> told,
                  std::vector<ActiveAlert> alerts, const Known& known);

    // As Recovery: minutes of which bars alone do not tell everything.
    std::set<Minute> wanted() const;
    void take(const Minute& minute, std::optional<ToldTrades> trades);
    // Of each alert to which something has happened.
    std::vector<RuledOutcome> outcomes() const;

private:
    struct Judged {
        ActiveAlert alert;
        std::vector<Ticker> tickers;
        std::optional<Timestamp> wanted = {};
        RuledOutcome outcome = {};
    };
    struct Pair;
    struct Part;
    struct Moment;
    using Bars = std::vector<std::pair<Ticker, past::CombinedBar>>;

    void judge(Judged& judged) const;
    void play(Pair& pair, const Part& part) const;
    void play_bars(Pair& pair, const Part& part, const Bars& bars) const;
    template <typename F>
    static void give_together(rule::Run& run, const Part& part, const Bars& bars, F&& price,
                              rule::Steps& steps);
    static bool may_happen(const Pair& pair, const Part& part, const Bars& bars);
    void play_closes(Pair& pair, const Part& part, const Bars& bars) const;
    void play_first(Pair& pair, const Part& part, const Bars& bars) const;
    bool touches(Pair& pair, const Part& part, const Ticker& ticker, Decimal value) const;
    bool play_trades(Pair& pair, const Part& part) const;
    template <typename F>
    bool both(Pair& pair, const Moment& moment, F&& play) const;
    static bool is_older(const Pair& pair, Timestamp minute);
    void want(Pair& pair, const Part& part) const;
    // Unset: no trades tell.
    std::optional<past::CombinedBar> within_reach(const Ticker& ticker, past::CombinedBar bar) const;
    bool are_decided_by_trades(const Pair& pair, Timestamp minute) const;
    const past::CombinedBar* bar_of(const Ticker& ticker, Timestamp minute) const;
    std::vector<SourceName> sources(const ActiveAlert& alert, const rule::Fired& fired) const;

    const Timestamp from_, to_;
    const std::map<Ticker, ToldMinutes> told_;
    std::map<Ticker, std::vector<Stretch>> known_;
    std::map<Minute, std::optional<ToldTrades>> trades_;  // that came, or will not
    std::vector<Judged> judged_;
};

}  // namespace pricewire::recover
