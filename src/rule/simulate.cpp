#include "rule/simulate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <memory>
#include <set>

#include "domain/bars.hpp"
#include "domain/blind.hpp"
#include "rule/canonical.hpp"
#include "rule/detail/minute_player.hpp"
#include "rule/detail/rule_levels.hpp"
#include "rule/levels.hpp"
#include "rule/words.hpp"

// An alert is judged twice at once, by two Runs: by minutes as open, low, high, close, and as open, high, low, close. Where
// all levels are numbers, an hour whose prices, with the one before, touch no level at which anything could change is
// judged as one price, unless a wait ends in it.

namespace pricewire::rule {
namespace {

using detail::hour;
using detail::minute;
using detail::MinutePlayer;
using detail::Minutes;
using First = MinutePlayer::First;

// The prices at which a rule's truth may change, or it may be armed.
std::vector<Decimal> turning_points(const Terms& terms, const Ticker& ticker) {
    std::vector<Decimal> all;
    for (const Rule& rule : terms.rules) {
        if (rule.ticker != ticker) continue;
        for (std::size_t which = 0; which < detail::levels_of(rule); ++which) {
            const Level& level = detail::level_of(rule, which);
            const auto at = shifted(level.number, level.by);
            if (!at) continue;
            all.push_back(*at);
            if (!terms.repeat) continue;
            const Change& rearm = terms.repeat->rearm;
            for (const Change& by : {rearm, Change{-rearm.amount, rearm.is_percent}}) {
                if (const auto moved = shifted(*at, by)) all.push_back(*moved);
            }
        }
    }
    return all;
}

class Simulation {
public:
    Simulation(const Terms& terms, Timestamp from, Timestamp to, const Past& past, const AlertState& life)
        : terms_(std::make_shared<const Terms>(terms)),
          tickers_(tickers_of(terms)),
          past_(past),
          life_(life),
          asked_from_(from) {
        out_.from = from;
        out_.to = to;
    }

    std::optional<Simulated> run() {
        if (!(detail::has_only_numbers(*terms_) ? run_hours() : run_minutes())) return std::nullopt;
        for (Side& side : sides_) end(side);
        join_before(Timestamp::max());
        trim_firings();
        out_.least = std::min(sides_[0].fired, sides_[1].fired);
        out_.most = std::max(sides_[0].fired, sides_[1].fired);
        out_.blind = blind();
        if (!judge_now()) return std::nullopt;
        note();
        return std::move(out_);
    }

private:
    struct Firing {
        Timestamp minute;
        Decimal value, level;
        Condition condition;
    };
    // One of the two orders.
    struct Side {
        First first;
        std::optional<MinutePlayer> player = {};
        std::optional<Run> run = {};
        std::deque<Firing> firings = {};  // not yet joined with those of the other
        std::int64_t fired = 0;
    };

    void begin(Timestamp from) {
        out_.from = std::clamp(from, out_.from, out_.to);
        RuledAlert alert{terms_, life_, out_.from, std::max(out_.from, life_.starts_at.value_or(out_.from))};
        for (Side& side : sides_) {
            side.player.emplace(*terms_);
            side.run.emplace(alert);
        }
    }
    void take(Side& side) {
        for (const Step& step : steps_) {
            if (!step.fired) continue;
            const Fired& fired = *step.fired;
            ++side.fired;
            side.firings.push_back(
                {interval_start(fired.time, minute), fired.value, fired.level, fired.condition});
        }
        steps_.clear();
    }
    void end(Side& side) {
        if (!side.run) return;
        side.player->end(out_.to, *side.run, steps_);
        take(side);
    }
    bool has_ended() const {
        return std::all_of(sides_.begin(), sides_.end(),
                           [](const Side& side) { return side.run->has_ended(); });
    }
    bool is_stopped() { return ++asked_ % 256 == 0 && past_.stop && past_.stop(); }

    // The first moment from which a price of each ticker is known.
    std::optional<Timestamp> known_from() const {
        if (first_.size() < tickers_.size()) return std::nullopt;
        Timestamp latest = Timestamp::min();
        for (const auto& [ticker, time] : first_) latest = std::max(latest, time);
        return latest;
    }

    bool run_minutes() {
        const Timestamp before = out_.from - detail::looked_back(*terms_);
        for (const Ticker& ticker : tickers_) {
            Minutes of({ticker}, before, out_.to, past_);
            const auto& first = of.next();
            if (of.was_stopped()) return false;
            if (!first.empty()) first_.emplace(ticker, first.front().start);
        }
        if (!known_from()) return begin_nowhere();
        Minutes minutes(tickers_, before, out_.to, past_);
        begin(*known_from());
        while (true) {
            const auto& bars = minutes.next();
            if (minutes.was_stopped() || is_stopped()) return false;
            if (bars.empty()) return true;
            play(bars);
            if (has_ended()) return true;
        }
    }
    bool begin_nowhere() {
        out_.from = out_.to;
        return true;
    }
    void play(const std::vector<Bar>& bars) {
        for (Side& side : sides_) {
            side.player->play(bars, side.first, *side.run, steps_);
            take(side);
        }
        for (const Bar& bar : bars) {
            has_candles_ = has_candles_ || bar.is_history;
            if (!sides_[0].firings.empty() || !sides_[1].firings.empty()) remember(bar);
        }
        join_before(bars.front().start);
    }
    // Bars in which it has fired.
    void remember(const Bar& bar) {
        for (const Side& side : sides_) {
            if (!side.firings.empty() && side.firings.back().minute == bar.start)
                fired_in_[bar.start].push_back(bar);
        }
    }

    // --- Hours

    struct Hour {
        std::vector<Bar> bars;  // of each ticker that has one
        bool is_touched = false;
    };

    bool load_hours(std::map<Timestamp, Hour>& hours) {
        for (const Ticker& ticker : tickers_) {
            if (past_.stop && past_.stop()) return false;
            const auto points = turning_points(*terms_, ticker);
            std::optional<Decimal> before;
            for (const Bar& bar : past_.hours(ticker, interval_start(out_.from, hour), out_.to)) {
                const Decimal low = std::min(bar.low, before.value_or(bar.low));
                const Decimal high = std::max(bar.high, before.value_or(bar.high));
                Hour& one = hours[bar.start];
                one.bars.push_back(bar);
                one.is_touched = one.is_touched || !before || bar.start + hour > out_.to ||
                                 std::any_of(points.begin(), points.end(),
                                             [&](Decimal point) { return low <= point && point <= high; });
                before = bar.close;
            }
        }
        return true;
    }
    bool run_hours() {
        std::map<Timestamp, Hour> hours;
        if (!load_hours(hours)) return false;
        for (auto at = hours.begin(); at != hours.end();) {
            if (is_stopped()) return false;
            auto end = std::next(at);
            const bool waits = sides_[0].run && waits_before(at->first + hour);
            if (!at->second.is_touched && !waits) {
                for (const Bar& bar : at->second.bars) play_hour(bar);
                at = end;
                continue;
            }
            Timestamp until = at->first + hour;
            for (; end != hours.end() && end->second.is_touched && end->first == until; ++end) until += hour;
            if (!play_minutes(std::max(at->first, out_.from), std::min(until, out_.to))) return false;
            if (sides_[0].run && has_ended()) return true;
            at = end;
        }
        return sides_[0].run ? true : begin_nowhere();
    }
    // While it holds, gaps within an hour matter, too.
    bool waits_before(Timestamp time) const {
        return std::any_of(sides_.begin(), sides_.end(), [&](const Side& side) {
            const auto next = side.run->next_time();
            return (next && *next < time) || (terms_->hold > Duration{} && side.run->held_since());
        });
    }
    void play_hour(const Bar& bar) {
        has_candles_ = has_candles_ || bar.is_history;
        for (Side& side : sides_) {
            if (!side.run) continue;
            side.player->play_hour(bar, *side.run, steps_);
            take(side);
        }
        join_before(bar.start);
    }
    bool play_minutes(Timestamp from, Timestamp to) {
        Minutes minutes(tickers_, from, to, past_);
        while (true) {
            const auto& bars = minutes.next();
            if (minutes.was_stopped() || is_stopped()) return false;
            if (bars.empty()) return true;
            for (const Bar& bar : bars) first_.try_emplace(bar.ticker, bar.start);
            const auto known = known_from();
            if (!known) continue;
            if (!sides_[0].run) begin(*known);
            play(bars);
            if (has_ended()) return true;
        }
    }

    // --- The result

    // What both have done in the minutes before, once both have come so far: so nothing grows with the length of time.
    void join_before(Timestamp end) {
        auto &a = sides_[0].firings, &b = sides_[1].firings;
        const auto has_next = [end](const auto& firings) {
            return !firings.empty() && firings.front().minute < end;
        };
        while (has_next(a) || has_next(b)) {
            const bool has_a = !a.empty() && (b.empty() || a.front().minute <= b.front().minute);
            const bool has_b = !b.empty() && (a.empty() || b.front().minute <= a.front().minute);
            out_.firings.push_back(joined(has_a ? a.front() : b.front(), has_a && has_b));
            // A minute apart, they are the same firing in the two orders, unless the later one is its own in both.
            if (has_a && !has_b && is_next(a, b)) b.pop_front();
            if (has_b && !has_a && is_next(b, a)) a.pop_front();
            unsure_ += out_.firings.back().sure ? 0 : 1;
            if (has_a) a.pop_front();
            if (has_b) b.pop_front();
            if (out_.firings.size() >= 2 * max_simulated_firings) trim_firings();
        }
        fired_in_.erase(fired_in_.begin(), fired_in_.lower_bound(end));
    }
    static bool is_next(const std::deque<Firing>& earlier, const std::deque<Firing>& later) {
        if (later.empty() || later.front().minute != earlier.front().minute + minute) return false;
        return earlier.size() < 2 || earlier[1].minute != later.front().minute;
    }
    void trim_firings() {
        if (out_.firings.size() <= max_simulated_firings) return;
        out_.more = true;
        out_.firings.erase(out_.firings.begin(),
                           out_.firings.end() - static_cast<std::ptrdiff_t>(max_simulated_firings));
    }
    SimulatedFiring joined(const Firing& firing, bool in_both) const {
        SimulatedFiring one{firing.minute, firing.value, firing.value, in_both && !has(Watched::ratio)};
        const Rule& rule = terms_->rules.front();
        const auto found = fired_in_.find(firing.minute);
        if (terms_->joined != Joined::one || rule.watched != Watched::price || found == fired_in_.end())
            return one;
        const Bar& bar = found->second.front();
        // A wait that ended before the first price of the minute.
        if (firing.value < bar.low || firing.value > bar.high) return one;
        const bool is_above = firing.condition == Condition::gt;
        one.from = std::min(firing.value, is_above ? std::max(bar.low, firing.level) : bar.low);
        one.to = std::max(firing.value, is_above ? bar.high : std::min(bar.high, firing.level));
        return one;
    }
    bool has(Watched watched) const {
        return std::any_of(terms_->rules.begin(), terms_->rules.end(),
                           [watched](const Rule& rule) { return rule.watched == watched; });
    }
    // Of all tickers together.
    Duration blind() const {
        std::vector<std::pair<Timestamp, Timestamp>> spans;
        for (const Ticker& ticker : tickers_) {
            if (!past_.blind || out_.from >= out_.to) continue;
            for (const auto& span : past_.blind(ticker, out_.from, out_.to)) spans.push_back(span);
        }
        return covered(std::move(spans));
    }
    // False if it was stopped.
    bool judge_now() {
        const auto now = present(RuledAlert{terms_, {}, out_.to, out_.to}, out_.to, past_);
        if (!now) return false;
        std::optional<bool> truth = terms_->joined != Joined::any;
        const bool decisive = !*truth;  // one that holds is enough for any, one that does not for all
        for (const RuleView& view : now->rules()) {
            if (view.holds == decisive) truth = decisive;
            if (!view.holds && truth != decisive) truth.reset();
        }
        out_.true_now = truth;
        return true;
    }
    void note() {
        const auto add = [this](std::string text) { out_.notes.push_back(std::move(text)); };
        if (has(Watched::ratio)) {
            add("A ratio is known by the closes of minutes only: no firing is certain.");
        } else if (unsure_ > 0) {
            add(fmt::format(
                "Prices within a minute are known only by their high and low: {} on which came first.",
                unsure_ == 1 ? "1 firing depends" : fmt::format("{} firings depend", unsure_)));
        }
        if (has(Watched::age)) add("Of times without a price, only those of a minute and more are known.");
        if (is_short()) add("What lasts a minute or less is known only roughly: counts are bounds.");
        if (out_.from > asked_from_ + minute) {
            for (const Ticker& ticker : tickers_) {
                const auto found = first_.find(ticker);
                if (found == first_.end())
                    add(fmt::format("Pricewire has no prices of {} of this time.", ticker.view()));
                else if (found->second > asked_from_ + minute)
                    add(fmt::format("Before {} Pricewire kept no prices of {}.",
                                    date_words(found->second, out_.to), ticker.view()));
            }
        }
        note_unknown_levels();
        if (has_candles_)
            add("Some of the prices are exchanges' candles, not what Pricewire judged at the time.");
        if (!terms_->repeat && out_.most > 0)
            add("It fires once: what came after its first firing does not count.");
    }
    // A new high or low is unknown until prices are known for the whole time before. What is measured from one is not.
    void note_unknown_levels() {
        std::set<std::pair<Ticker, Duration>> noted;
        for (const Rule& rule : terms_->rules) {
            const auto found = first_.find(rule.ticker);
            if (found == first_.end()) continue;
            for (std::size_t which = 0; which < detail::levels_of(rule); ++which) {
                const Level& level = detail::level_of(rule, which);
                const Duration over = level.over;
                const Timestamp known = found->second + over;
                if (over == Duration{} || level.by || known <= out_.from + minute) continue;
                if (!noted.insert({rule.ticker, over}).second) continue;
                const std::string until =
                    known < out_.to ? fmt::format("Until {}", date_words(known, out_.to)) : "All the time";
                out_.notes.push_back(
                    fmt::format("{} the level was unknown: prices of {} are not known for "
                                "the whole {} before.",
                                until, rule.ticker.view(), window_name(over)));
            }
        }
    }
    // Holds, windows and mutes within a minute.
    bool is_short() const {
        const auto is_in_a_minute = [](const Level& level) {
            return level.over > Duration{} && level.over <= minute;
        };
        if (terms_->hold > Duration{} && terms_->hold < minute) return true;
        if (terms_->repeat && terms_->repeat->cooldown < minute) return true;
        return std::any_of(terms_->rules.begin(), terms_->rules.end(),
                           [&](const Rule& rule) { return detail::any_level(rule, is_in_a_minute); });
    }

    const std::shared_ptr<const Terms> terms_;
    const std::vector<Ticker> tickers_;
    const Past& past_;
    const AlertState life_;
    const Timestamp asked_from_;
    Simulated out_;
    std::array<Side, 2> sides_{Side{First::low}, Side{First::high}};
    std::map<Ticker, Timestamp> first_;
    std::map<Timestamp, std::vector<Bar>> fired_in_;
    Steps steps_;
    int unsure_ = 0;
    bool has_candles_ = false;
    unsigned asked_ = 0;
};

}  // namespace

std::optional<Simulated> simulate(const Terms& terms, Timestamp from, Timestamp to, const Past& past,
                                  const AlertState& life) {
    return Simulation(terms, from, to, past, life).run();
}

}  // namespace pricewire::rule
