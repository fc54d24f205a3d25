#include "recover/ruled_recovery.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include "recover/recoverable.hpp"
#include "rule/detail/rule_levels.hpp"
#include "rule/firing.hpp"
#include "rule/run.hpp"

// How it decides
//
// An alert is judged by two Runs from its state at the beginning of the blind time: minutes count as open, low, high, close
// in one, as open, high, low, close in the other. Only what both do in the same minute is certain, and happens.
//
//   trades of the minute decide        both are given their prices: a firing has its moment. If nothing happens by them, what
//                                      venues have reached within seconds of each other counts as the minute's bar
//   both fire                          the firing has the minute; the later of the two counts, for what follows as well
//   one fires                          nothing is known to have happened: both go on as the one that has not fired
//   several tickers decide together    only the closes of a minute are of one moment
//   a mute ends within the minute      its prices came before that, all but the close, which is in effect at the end
//   the alert began within the minute  the same
//   the first minute of the blind time it holds time in which prices were judged, of which nothing is known here. An alert
//                                      that was ready before the minute began was not touched then, so that the bar counts
//                                      for it if its level does not move; else it is as the past, but for the close
//   the last minute                    as any: what came after the blind time was judged as well, by an alert that was not
//                                      armed perhaps, where this one knows that it was
//   no bar                             nobody traded, or it is not known: then there was no price
//
// Prices of a bar are given as of the minute's last moments, so that a cooldown ends too late rather than too early; where a
// level has a window, as of its first moments, so that it forgets too early, as with bars of the past.
//
// What has fired stays fired: an alert that has fired after the blind time is left as it is, and one that was armed again
// after it is judged as it was before.

namespace pricewire::recover {
namespace {

using namespace std::chrono_literals;

constexpr Duration tick{1};

struct Sum {
    int count = 0;
    Timestamp last = {};
    friend bool operator==(const Sum&, const Sum&) = default;
};
Sum firings_in(const rule::Steps& steps) {
    Sum out;
    for (const rule::Step& step : steps) {
        if (step.fired) ++out.count, out.last = step.fired->time;
    }
    return out;
}

// Open first and close last.
Decimal price_of(const past::CombinedBar& bar, std::size_t k, bool high_first) {
    if (k == 0 || k == 3) return k == 0 ? bar.open : bar.close;
    return (k == 1) == high_first ? bar.high : bar.low;
}

// A bar says nothing of prices between its own: whether one was within a channel that it spans.
bool may_have_been_inside(const rule::Run& run,
                          const std::vector<std::pair<Ticker, past::CombinedBar>>& bars) {
    const auto& rules = run.alert().terms->rules;
    if (std::ranges::none_of(rules, [](const Rule& rule) { return rule.upper.has_value(); })) return false;
    const auto seen = run.rules();
    for (const auto& [ticker, bar] : bars) {
        for (std::size_t i = 0; i < seen.size(); ++i) {
            if (rules[i].ticker == ticker && seen[i].level && seen[i].upper && bar.low <= *seen[i].upper &&
                bar.high >= *seen[i].level)
                return true;
        }
    }
    return false;
}

}  // namespace

// The two orders of one alert.
struct RuledRecovery::Pair {
    Judged& judged;
    bool together;  // decide_together()
    std::array<rule::Run, 2> runs;
    const ActiveAlert& alert() const { return judged.alert; }
    bool is_muted(Timestamp at) const {
        return std::ranges::any_of(runs, [&](const rule::Run& run) {
            const auto until = run.muted_until();
            return until && *until > at;
        });
    }
};

// What of a minute was blind.
struct RuledRecovery::Part {
    Timestamp minute, begin, end;
    bool is_first() const { return minute < begin; }
    Timestamp last() const { return end - tick; }
};

// For when a firing counts.
struct RuledRecovery::Moment {
    std::optional<Timestamp> minute = {};                       // unset: its own time is exact
    const std::optional<std::vector<SourceName>> sources = {};  // unset: those of the bars
};

RuledRecovery::RuledRecovery(Timestamp from, Timestamp to, std::map<Ticker, ToldMinutes> told,
                             std::vector<ActiveAlert> alerts, const Known& known)
    : from_(from), to_(to), told_(std::move(told)) {
    std::map<Ticker, Timestamp> needed;
    for (ActiveAlert& alert : alerts) {
        for (const auto& [ticker, since] : rule::past_needed(as_of(*alert.ruled, from_), from_)) {
            const auto [found, is_new] = needed.try_emplace(ticker, since);
            if (!is_new) found->second = std::min(found->second, since);
        }
        auto tickers = tickers_of(*alert.ruled->terms);
        judged_.push_back({std::move(alert), std::move(tickers)});
    }
    // The first minute, where it is not whole, is told by its bar or its trades.
    const Timestamp until = std::chrono::floor<std::chrono::minutes>(from_);
    for (const auto& [ticker, since] : needed) {
        auto& stretches = known_[ticker] = known(ticker, since);
        for (Stretch& stretch : stretches) stretch.to = std::min(stretch.to, until);
        std::erase_if(stretches, [](const Stretch& stretch) { return stretch.from >= stretch.to; });
    }
    for (Judged& judged : judged_) judge(judged);
}

std::set<RuledRecovery::Minute> RuledRecovery::wanted() const {
    std::set<Minute> out;
    for (const Judged& judged : judged_) {
        if (!judged.wanted) continue;
        for (const Ticker& ticker : judged.tickers) {
            const Minute minute{ticker, *judged.wanted};
            if (!trades_.contains(minute) && bar_of(ticker, minute.second)) out.insert(minute);
        }
    }
    return out;
}

void RuledRecovery::take(const Minute& minute, std::optional<ToldTrades> trades) {
    trades_.insert_or_assign(minute, std::move(trades));
    for (Judged& judged : judged_) {
        const bool is_its = std::ranges::find(judged.tickers, minute.first) != judged.tickers.end();
        if (judged.wanted == minute.second && is_its) judge(judged);
    }
}

std::vector<RuledOutcome> RuledRecovery::outcomes() const {
    std::vector<RuledOutcome> out;
    for (const Judged& judged : judged_) {
        if (!judged.outcome.firings.empty() || judged.outcome.note) out.push_back(judged.outcome);
    }
    return out;
}

const past::CombinedBar* RuledRecovery::bar_of(const Ticker& ticker, Timestamp minute) const {
    const ToldMinutes& told = told_.at(ticker);
    const auto bar = std::ranges::lower_bound(told.bars, minute, {}, &past::CombinedBar::start);
    if (bar == told.bars.end() || bar->start != minute) return nullptr;
    return bar->owners > 1 || told.owners_listed <= 1 ? &*bar : nullptr;
}

// Of the last bars before a firing.
std::vector<SourceName> RuledRecovery::sources(const ActiveAlert& alert, const rule::Fired& fired) const {
    std::set<SourceName> out;
    const Terms& terms = *alert.ruled->terms;
    for (std::size_t i = 0; i < terms.rules.size(); ++i) {
        const Rule& rule = terms.rules[i];
        if (terms.joined == Joined::any && i != fired.rule) continue;
        for (const Ticker& ticker :
             {rule.ticker, rule.watched == Watched::ratio ? rule.other : rule.ticker}) {
            const ToldMinutes& told = told_.at(ticker);
            const auto after = std::ranges::upper_bound(told.bars, fired.time, {}, &past::CombinedBar::start);
            if (after == told.bars.begin()) continue;
            for (const SourceName source : names_of((after - 1)->sources, told.venues)) out.insert(source);
        }
    }
    return {out.begin(), out.end()};
}

void RuledRecovery::want(Pair& pair, const Part& part) const {
    const bool may_come = std::ranges::any_of(pair.judged.tickers, [&](const Ticker& ticker) {
        return bar_of(ticker, part.minute) && !trades_.contains({ticker, part.minute});
    });
    if (may_come && !pair.judged.wanted) pair.judged.wanted = part.minute;
}

void RuledRecovery::judge(Judged& judged) const {
    judged.wanted.reset();
    judged.outcome = {};
    const RuledAlert before = as_of(*judged.alert.ruled, from_);
    rule::Run run(before);
    for (const auto& [ticker, since] : rule::past_needed(before, from_)) {
        // With the last price before, however old it is.
        const auto& all = known_.at(ticker);
        auto next = std::ranges::find_if(all, [&](const Stretch& one) { return one.to > since; });
        if (next != all.begin()) --next;
        for (; next != all.end(); ++next) run.history(ticker, *next);
    }
    Pair pair{judged, decide_together(*before.terms), {run, run}};
    const Timestamp first = std::chrono::floor<std::chrono::minutes>(from_);
    // A bar may have ended with the time that was watched.
    if (first == from_)
        both(pair, {}, [&](rule::Run& one, bool, rule::Steps& steps) { one.time(from_, steps); });
    for (Timestamp minute = first; minute < to_ && !pair.runs[0].has_ended(); minute += minute_length) {
        const Part part{minute, std::max(minute, from_), std::min(minute + minute_length, to_)};
        if (part.end <= before.begun_at) continue;
        if (before.state.expires_at && *before.state.expires_at < part.end) break;
        play(pair, part);
    }
    // Waits that end with the blind time.
    both(pair, {}, [&](rule::Run& one, bool, rule::Steps& steps) { one.time(to_, steps); });
    const auto& firings = judged.outcome.firings;
    judged.outcome.note = left_to_note(judged.alert, run, pair.runs,
                                       firings.empty() ? nullptr : &firings.back().firing.after, to_);
}

void RuledRecovery::play(Pair& pair, const Part& part) const {
    const bool is_decided = are_decided_by_trades(pair, part.minute);
    std::optional<Pair> before;
    if (is_decided) {
        before.emplace(pair);
        if (play_trades(pair, part)) return;
    }
    Bars bars;
    for (const Ticker& ticker : pair.judged.tickers) {
        if (const past::CombinedBar* bar = bar_of(ticker, part.minute)) {
            const auto reached = is_decided ? within_reach(ticker, *bar) : std::optional(*bar);
            if (!reached) return;
            bars.emplace_back(ticker, *reached);
        } else if (!told_.at(ticker).is_whole && !part.is_first()) {
            both(pair, {}, [&](rule::Run& run, bool, rule::Steps& steps) {
                run.value(ticker, part.begin, std::nullopt, steps);
            });
        }
    }
    if (before) {
        if (!may_happen(*before, part, bars)) return;
        pair.runs = std::move(before->runs);
    }
    if (part.is_first()) {
        play_first(pair, part, bars);
    } else if (pair.together) {
        play_closes(pair, part, bars);
    } else {
        play_bars(pair, part, bars);
    }
}

// Lets both do the same, and goes on as far as it is certain. Whether anything has happened.
template <typename F>
bool RuledRecovery::both(Pair& pair, const Moment& moment, F&& play) const {
    std::array<rule::Steps, 2> steps;
    std::array<std::optional<Timestamp>, 2> muted_until;
    for (std::size_t r = 0; r < 2; ++r) {
        muted_until[r] = pair.runs[r].muted_until();
        play(pair.runs[r], r == 1, steps[r]);
    }
    if (steps[0].empty() && steps[1].empty()) return false;
    const std::array sums{firings_in(steps[0]), firings_in(steps[1])};
    if (sums[0] == Sum{} && sums[1] == Sum{}) return true;
    // The one with fewer, or later, firings.
    const std::size_t one =
        sums[1].count < sums[0].count || (sums[1].count == sums[0].count && sums[1].last > sums[0].last) ? 1
                                                                                                         : 0;
    for (rule::Step& step : steps[one]) {
        if (!step.fired) continue;
        // What has been recovered was not blind.
        std::erase_if(step.fired->blind, [&](const rule::LineGap& gap) {
            return gap.from > from_ - minute_length && gap.to <= to_ && gap.to - gap.from < minute_length;
        });
        const Timestamp at = step.fired->time;
        LateFiring late{at, at, moment.sources ? *moment.sources : sources(pair.alert(), *step.fired)};
        // Until then only waits and bars have ended.
        if (moment.minute && at > *moment.minute)
            late.from = *moment.minute, late.to = *moment.minute + minute_length;
        pair.judged.outcome.firings.push_back(
            {std::move(late), rule::firing_of(pair.alert(), step, muted_until[one])});
    }
    if (sums[0] != sums[1]) pair.runs[1 - one] = pair.runs[one];
    return true;
}

// Of alerts for which each price counts by itself.
void RuledRecovery::play_bars(Pair& pair, const Part& part, const Bars& bars) const {
    const RuledAlert& alert = *pair.alert().ruled;
    const bool is_hidden = pair.is_muted(part.begin + 5 * tick) || alert.begun_at > part.begin;
    const bool is_early = is_hidden || std::ranges::any_of(alert.terms->rules, rule::detail::has_window);
    const bool may_have = is_hidden ? may_happen(pair, part, bars) : may_have_been_inside(pair.runs[0], bars);
    const bool has_happened =
        both(pair, {.minute = part.minute}, [&](rule::Run& run, bool high_first, rule::Steps& steps) {
            const auto give = [&](Timestamp at, auto price) {
                for (const auto& [ticker, bar] : bars)
                    run.value(ticker, std::clamp(at, part.begin, part.last()), price(bar), steps);
            };
            run.time(part.begin, steps);
            for (int k = 0; k < 4; ++k) {
                give(is_early ? part.begin + (k + 1) * tick : part.end - (4 - k) * tick,
                     [&](const past::CombinedBar& bar) { return price_of(bar, k, high_first); });
            }
            // When the close came is not known: it counts from the end.
            if (is_hidden) {
                give(part.begin + 5 * tick, [](const auto&) { return std::optional<Decimal>(); });
                give(part.last(), [](const past::CombinedBar& bar) { return bar.close; });
            }
            run.time(part.last(), steps);
        });
    if (has_happened || may_have) want(pair, part);
}

// At the end of a part. Of one moment: no price of before is compared with one of after.
template <typename F>
void RuledRecovery::give_together(rule::Run& run, const Part& part, const Bars& bars, F&& price,
                                  rule::Steps& steps) {
    for (const auto& [ticker, bar] : bars) {
        if (bars.size() > 1) run.value(ticker, part.last(), std::nullopt, steps);
    }
    for (const auto& [ticker, bar] : bars)
        run.value(ticker, part.last(), price(bar, ticker == bars[0].first), steps);
    run.time(part.last(), steps);
}

// By the lows and highs, in some order, or by the price before them.
bool RuledRecovery::may_happen(const Pair& pair, const Part& part, const Bars& bars) {
    if (may_have_been_inside(pair.runs[0], bars)) return true;
    for (const unsigned high : {0U, 1U, 2U, 3U}) {  // first; bits: of the first ticker, of the others
        rule::Run run = pair.runs[0];
        rule::Steps steps;
        run.time(part.last(), steps);
        for (const std::size_t k : {1U, 2U}) {
            give_together(
                run, part, bars,
                [&](const past::CombinedBar& bar, bool is_first) {
                    return price_of(bar, k, (high >> (is_first ? 0 : 1) & 1U) != 0);
                },
                steps);
        }
        if (!steps.empty()) return true;
    }
    return false;
}

void RuledRecovery::play_closes(Pair& pair, const Part& part, const Bars& bars) const {
    if (may_happen(pair, part, bars)) want(pair, part);
    both(pair, {.minute = part.minute}, [&](rule::Run& run, bool, rule::Steps& steps) {
        give_together(run, part, bars, [](const past::CombinedBar& bar, bool) { return bar.close; }, steps);
    });
}

// Its state is of before the minute.
bool RuledRecovery::is_older(const Pair& pair, Timestamp minute) {
    const RuledAlert& alert = pair.runs[0].alert();
    return alert.begun_at <= minute && std::ranges::all_of(alert.state.rules, [&](const RuleState& known) {
               return known.start <= minute && known.as_of <= minute;
           });
}

// A part of the minute was watched.
void RuledRecovery::play_first(Pair& pair, const Part& part, const Bars& bars) const {
    if (may_happen(pair, part, bars)) want(pair, part);
    const RuledAlert& alert = pair.runs[0].alert();
    const Terms& terms = *alert.terms;
    const auto& rules = alert.state.rules;
    const bool was_older = is_older(pair, part.minute);
    if (!was_older && has_levels_that_move(terms)) want(pair, part);
    const bool is_armed = rules.empty() ? rule::is_state(terms.rules[0].word) : rules[0].armed;
    const bool is_ready = was_older && is_armed && terms.joined == Joined::one && !pair.together &&
                          terms.rules[0].watched == Watched::price && !has_levels_that_move(terms) &&
                          !pair.is_muted(part.minute);
    for (const auto& [ticker, bar] : bars) {
        if (is_ready && (touches(pair, part, ticker, bar.low) || touches(pair, part, ticker, bar.high)))
            break;
        if (!was_older) continue;
        for (rule::Run& run : pair.runs)
            run.history(ticker, {part.minute, part.begin, bar.low, bar.high, bar.close});
    }
    play_closes(pair, part, bars);
}

// Fires by a price of the bar, if it is beyond the level.
bool RuledRecovery::touches(Pair& pair, const Part& part, const Ticker& ticker, Decimal value) const {
    const Timestamp at = std::max(part.begin, part.last() - tick);
    rule::Run tried = pair.runs[0];
    rule::Steps steps;
    tried.value(ticker, at, value, steps);
    const auto is_it = [&](const rule::Step& step) { return step.fired && step.fired->value == value; };
    if (std::ranges::none_of(steps, is_it)) return false;
    return both(pair, {.minute = part.minute},
                [&](rule::Run& run, bool, rule::Steps& out) { run.value(ticker, at, value, out); });
}

// By the order of their trades alone, a moment that all venues shared may seem to be nobody's: see reached_together().
std::optional<past::CombinedBar> RuledRecovery::within_reach(const Ticker& ticker,
                                                             past::CombinedBar bar) const {
    const auto trades = trades_.find({ticker, bar.start});
    if (trades == trades_.end() || !trades->second || !trades->second->reached) return std::nullopt;
    const PriceBand& reached = *trades->second->reached;
    bar.low = std::min({std::max(bar.low, reached.low), bar.open, bar.close});
    bar.high = std::max({std::min(bar.high, reached.high), bar.open, bar.close});
    return bar;
}

bool RuledRecovery::are_decided_by_trades(const Pair& pair, Timestamp minute) const {
    bool any = false;
    for (const Ticker& ticker : pair.judged.tickers) {
        const auto trades = trades_.find({ticker, minute});
        const bool are_told = trades != trades_.end() && trades->second && trades->second->decide;
        any = any || are_told;
        if (!are_told && (bar_of(ticker, minute) || !told_.at(ticker).is_whole)) return false;
    }
    return any;
}

// Whether anything has happened.
bool RuledRecovery::play_trades(Pair& pair, const Part& part) const {
    struct Given {
        Timestamp time;
        Ticker ticker;
        const PastPrice* price;
        const std::vector<SourceName>* venues;
    };
    std::vector<Given> given;
    for (const Ticker& ticker : pair.judged.tickers) {
        const auto found = trades_.find({ticker, part.minute});
        if (found == trades_.end() || !found->second) continue;
        const ToldTrades& trades = *found->second;
        std::vector<Stretch> watched;
        const PastPrice* in_effect = nullptr;
        for (const PastPrice& price : trades.prices) {
            if (!price.value || (price.owners < 2 && told_.at(ticker).owners_listed > 1)) continue;
            if (price.time >= part.end) break;
            if (price.time >= part.begin) {
                given.push_back({price.time, ticker, &price, &trades.venues});
                continue;
            }
            in_effect = &price;
            const Timestamp since = std::max(price.time, part.minute);
            if (!watched.empty()) watched.back().to = since;
            if (!watched.empty() && watched.back().from == since) watched.pop_back();
            watched.push_back({since, part.begin, *price.value, *price.value, *price.value});
        }
        for (const Stretch& stretch : watched) {
            for (rule::Run& run : pair.runs) {
                if (part.is_first()) run.history(ticker, stretch);
            }
        }
        if (in_effect == nullptr) continue;
        // Before the blind time it was judged, and fired nothing.
        rule::Run tried = pair.runs[0];
        rule::Steps steps;
        if (part.begin == from_) tried.value(ticker, part.begin, in_effect->value, steps);
        if (firings_in(steps).count == 0)
            given.insert(given.begin(), {part.begin, ticker, in_effect, &trades.venues});
    }
    std::ranges::stable_sort(given, {}, &Given::time);
    bool any = false;
    for (const Given& one : given) {
        any |= both(pair, {.sources = names_of(one.price->sources, *one.venues)},
                    [&](rule::Run& run, bool, rule::Steps& steps) {
                        run.value(one.ticker, one.time, one.price->value, steps);
                    });
    }
    any |= both(pair, {}, [&](rule::Run& run, bool, rule::Steps& steps) { run.time(part.last(), steps); });
    return any;
}

}  // namespace pricewire::recover
