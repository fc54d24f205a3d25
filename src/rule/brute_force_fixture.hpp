#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "domain/rule.hpp"
#include "rule/brute_force_events_fixture.hpp"
#include "rule/brute_force_numbers_fixture.hpp"

// What alerts with terms mean, written as plainly as possible and without anything of room `rule`, for comparison: it looks
// at every price of all time whenever it judges.
namespace pricewire::rule::brute_force {

class Alert {
public:
    // Events in order of time; of one moment, in order of arrival. `happened`: until all of them have been made, no other
    // firing is. After each of `restarts`, left_out begins anew.
    Alert(const Terms& terms, const Life& life, std::vector<Event> events, std::vector<Firing> happened = {},
          std::vector<Timestamp> restarts = {}, std::vector<Edit> edits = {})
        : terms_(terms),
          life_(life),
          events_(std::move(events)),
          happened_(std::move(happened)),
          restarts_(std::move(restarts)),
          edits_(std::move(edits)) {
        machines_.resize(terms_.joined == Joined::any ? terms_.rules.size() : 1);
        for (std::size_t m = 0; m < machines_.size(); ++m) {
            for (std::size_t i = 0; i < terms_.rules.size(); ++i) {
                if (terms_.joined != Joined::any || i == m) machines_[m].rules.push_back(i);
            }
        }
        start_prices_.resize(terms_.rules.size());
        at_start_.resize(terms_.rules.size());
        sides_.resize(terms_.rules.size());
    }

    // All firings until then, but for those that had happened.
    const std::vector<Firing>& run(Timestamp end) {
        for (const Event& event : events_) {
            pass(event.time);
            ++seen_;
            now_ = event.time;
            for (std::size_t m = 0; m < machines_.size(); ++m) {
                if (begun_ && is_value_of(m, event)) judge(m);
            }
        }
        pass(end);
        while (!ended_ && comes_before(end + Duration{1})) {
        }
        return firings_;
    }
    // Became true and false again within the mute, since the last firing.
    std::int64_t left_out() const { return left_out_; }

private:
    struct Machine {
        std::vector<std::size_t> rules;
        bool armed = false;
        bool fired = false;
        Timestamp start;
        // Of the time that it has been true without a break, blind time not counted.
        std::optional<Duration> held;
        std::optional<Timestamp> counted_until;  // by `held`
        std::optional<Timestamp> blind_since;
        bool became_true_while_muted = false;
        bool held_back = false;  // it would have fired, but for what had happened
        std::optional<Timestamp> timer;
    };
    struct Judgement {
        std::optional<bool> truth;
        bool calm = false;
    };

    static bool is_extreme(const Level& level) {
        return level.from == Anchor::high || level.from == Anchor::low;
    }

    std::vector<Event> seen_of(const Ticker& ticker) const {
        std::vector<Event> out;
        for (std::size_t i = 0; i < seen_; ++i) {
            if (events_[i].ticker == ticker) out.push_back(events_[i]);
        }
        return out;
    }
    std::vector<Span> ratio_spans(const Rule& rule) const {
        std::vector<Event> ratios;
        std::optional<Decimal> price, other;
        for (std::size_t i = 0; i < seen_; ++i) {
            const Event& event = events_[i];
            if (event.ticker != rule.ticker && event.ticker != rule.other) continue;
            (event.ticker == rule.ticker ? price : other) = event.price;
            std::optional<Decimal> ratio;
            if (price && other && other->is_positive())
                ratio =
                    to_decimal(to_integer(*price) * to_integer(Decimal::from_int(1)) / to_integer(*other));
            ratios.push_back({event.time, rule.ticker, ratio});
        }
        return spans_of(ratios);
    }
    static Timestamp bar_end_after(Timestamp time, Duration interval) {
        return time + (interval - time.time_since_epoch() % interval);
    }
    std::vector<Span> close_spans(const Rule& rule) const {
        const auto prices = spans_of(seen_of(rule.ticker));
        std::vector<Event> closes;
        if (prices.empty()) return {};
        for (Timestamp end = bar_end_after(prices.front().from, rule.interval); end <= closed_until_;
             end += rule.interval) {
            std::optional<Decimal> last;
            for (const Span& price : prices) {
                if (price.from < end && (!price.to || *price.to >= end)) last = price.value;
            }
            closes.push_back({end, rule.ticker, last});
        }
        return spans_of(closes);
    }
    std::vector<Span> line(const Rule& rule) const {
        switch (rule.watched) {
            case Watched::ratio:
                return ratio_spans(rule);
            case Watched::close:
                return close_spans(rule);
            default:
                return spans_of(seen_of(rule.ticker));
        }
    }
    std::optional<Timestamp> last_price(const Ticker& ticker) const {
        std::optional<Timestamp> last;
        for (const Event& event : seen_of(ticker)) {
            if (event.price) last = event.time;
        }
        return last;
    }
    bool is_value_of(std::size_t m, const Event& event) const {
        return std::any_of(machines_[m].rules.begin(), machines_[m].rules.end(), [&](std::size_t i) {
            const Rule& rule = terms_.rules[i];
            if (rule.watched == Watched::close) return false;
            if (rule.watched == Watched::age && !event.price) return false;
            return event.ticker == rule.ticker ||
                   (rule.watched == Watched::ratio && event.ticker == rule.other);
        });
    }

    // --- Levels

    std::optional<Decimal> anchor(std::size_t i, const Level& level, const Machine& machine,
                                  const std::vector<Span>& spans) const {
        if (level.from == Anchor::number) return level.number;
        if (level.from == Anchor::start) return start_prices_[i];
        Timestamp since = machine.start;
        if (level.over > Duration{}) {
            since = now_ - level.over;
            if (!level.by && spans.front().from > since) return std::nullopt;
            if (machine.fired) since = std::max(since, machine.start);
        }
        std::optional<Decimal> best;
        const auto consider = [&](Decimal value) {
            if (!best || (level.from == Anchor::high ? value > *best : value < *best)) best = value;
        };
        for (std::size_t s = 0; s + 1 < spans.size(); ++s) {
            if (*spans[s].to > since) consider(spans[s].value);
        }
        // What was in effect at the start counts, however soon something else came.
        if (since == machine.start && (machine.fired || level.over == Duration{}) && at_start_[i])
            consider(*at_start_[i]);
        return best ? best : spans.back().value;
    }
    std::optional<Integer> level_of(std::size_t i, const Level& level, const Machine& machine,
                                    const std::vector<Span>& spans) const {
        const auto from = anchor(i, level, machine, spans);
        if (!from) return std::nullopt;
        Integer out = to_integer(*from);
        if (level.by) out += change_of(*level.by, out);
        if (!to_decimal(out)) return std::nullopt;
        return out;
    }

    Judgement judge_rule(std::size_t i, const Machine& machine) {
        const Rule& rule = terms_.rules[i];
        if (rule.watched == Watched::age) return judge_age(rule, machine);
        const auto spans = line(rule);
        if (spans.empty() || spans.back().to) return {};
        const Decimal current = spans.back().value;
        if (!start_prices_[i]) start_prices_[i] = at_start_[i] = current;
        const Integer value = to_integer(current);
        const auto lower = level_of(i, rule.level, machine, spans);
        const auto upper = rule.upper ? level_of(i, *rule.upper, machine, spans) : lower;
        if (!lower || !upper) return {};
        const auto margin = [&](const Integer& level) -> Integer {
            return terms_.repeat ? abs(change_of(terms_.repeat->rearm, level)) : Integer(0);
        };
        Judgement out;
        switch (rule.word) {
            case Word::above:
            case Word::crosses_up:
                out = {value > *lower, value <= *lower - margin(*lower)};
                break;
            case Word::below:
            case Word::crosses_down:
                out = {value < *lower, value >= *lower + margin(*lower)};
                break;
            case Word::inside:
            case Word::enters:
                out.truth = value >= *lower && value <= *upper;
                out.calm =
                    !*out.truth && (value <= *lower - margin(*lower) || value >= *upper + margin(*upper));
                break;
            case Word::outside:
            case Word::leaves:
                out = {value < *lower || value > *upper,
                       value >= *lower + margin(*lower) && value <= *upper - margin(*upper)};
                break;
            case Word::crosses: {
                const int side = value > *lower ? 1 : value < *lower ? -1 : 0;
                if (!machine.fired) {
                    // The first value off the level makes it ready.
                    return {side != 0 && sides_[i] != 0 && side != sides_[i], side != 0};
                }
                const bool is_far = value <= *lower - margin(*lower) || value >= *lower + margin(*lower);
                return {side != 0 && sides_[i] != 0 && side != sides_[i],
                        is_far && (side != 0 || sides_[i] != 0)};
            }
        }
        if (!machine.fired) out.calm = !*out.truth;
        return out;
    }
    Judgement judge_age(const Rule& rule, const Machine& machine) const {
        const auto last = last_price(rule.ticker);
        if (!last) return {};
        const Integer age = to_integer(age_of(*last)), level = to_integer(rule.level.number);
        const Integer margin = terms_.repeat ? change_of(terms_.repeat->rearm, level) : Integer(0);
        const bool truth = age >= level;
        return {truth, !truth && (!machine.fired || age <= level - margin)};
    }
    Decimal age_of(Timestamp last) const {
        return Decimal::from_raw((now_ - last).count() * (Decimal::one_raw / 1'000'000));
    }
    std::optional<Decimal> value_of(std::size_t i) const {
        const Rule& rule = terms_.rules[i];
        if (rule.watched == Watched::age) {
            const auto last = last_price(rule.ticker);
            return last ? std::optional(age_of(*last)) : std::nullopt;
        }
        const auto spans = line(rule);
        if (spans.empty() || spans.back().to) return std::nullopt;
        return spans.back().value;
    }

    Judgement look(Machine& machine) {
        Judgement all{true, false};
        for (const std::size_t i : machine.rules) {
            const Judgement one = judge_rule(i, machine);
            all.calm = all.calm || one.calm;
            if (one.truth && !*one.truth) all.truth = false;
            if (!one.truth && all.truth && *all.truth) all.truth.reset();
        }
        return all;
    }

    // --- The machine

    std::optional<Timestamp> muted_until() const {
        auto until = cooldown_until_;
        if (life_.snoozed_until && (!until || *until < *life_.snoozed_until)) until = life_.snoozed_until;
        return until;
    }

    void judge(std::size_t m) {
        Machine& machine = machines_[m];
        machine.timer.reset();
        machine.held_back = false;
        if (ended_ || (life_.expires && now_ >= *life_.expires)) return;
        const Judgement judgement = look(machine);
        if (!machine.armed && judgement.calm) {
            machine.armed = true;
            machine.held.reset();
            for (const std::size_t i : machine.rules) {
                if (sides_[i] == 0) sides_[i] = side_now(i, machine);
            }
        }
        count_held(machine, judgement.truth);
        if (!judgement.truth || !machine.armed) return;
        if (!*judgement.truth) {
            if (machine.became_true_while_muted) ++left_out_;
            machine.became_true_while_muted = false;
            machine.held.reset();
            return;
        }
        if (!machine.held) machine.held = Duration{};
        machine.counted_until = now_;
        if (*machine.held < terms_.hold) {
            machine.timer = now_ + (terms_.hold - *machine.held);
            return;
        }
        const auto muted = muted_until();
        machine.became_true_while_muted = muted && now_ < *muted;
        if (machine.became_true_while_muted) {
            machine.timer = muted;
        } else if (happened_.empty()) {
            fire(m);
        } else {
            machine.held_back = true;
        }
    }
    // Up to now it was true, or not known.
    void count_held(Machine& machine, const std::optional<bool>& truth) {
        if (!machine.held) {
            machine.blind_since.reset();
            return;
        }
        if (!machine.blind_since) *machine.held += now_ - *machine.counted_until;
        machine.counted_until = now_;
        if (!truth) {
            if (!machine.blind_since) machine.blind_since = now_;
            return;
        }
        if (machine.blind_since && now_ - *machine.blind_since > std::chrono::seconds{60})
            machine.held.reset();
        machine.blind_since.reset();
    }
    void fire(std::size_t m) {
        Machine& machine = machines_[m];
        Firing firing{++count_, now_, value_of(machine.rules.front()).value_or(Decimal{}), left_out_, m};
        for (const std::size_t i : machine.rules) firing.values.push_back(value_of(i));
        firings_.push_back(firing);
        start_again(machine, firings_.back().values);
    }
    void start_again(Machine& machine, const std::vector<std::optional<Decimal>>& values) {
        cooldown_until_.reset();
        if (terms_.repeat) cooldown_until_ = now_ + terms_.repeat->cooldown;
        ended_ = !terms_.repeat || (terms_.repeat->times && count_ >= *terms_.repeat->times);
        left_out_ = 0;
        for (std::size_t k = 0; k < machine.rules.size(); ++k) {
            const std::size_t i = machine.rules[k];
            start_prices_[i] = values[k];
            at_start_[i] = value_of(i);
        }
        machine.armed = false;
        machine.fired = true;
        machine.start = now_;
        machine.held.reset();
        machine.blind_since.reset();
        machine.became_true_while_muted = false;
        machine.held_back = false;
        machine.timer.reset();
        if (ended_) return;
        for (const std::size_t i : machine.rules) sides_[i] = side_now(i, machine);
        machine.armed = look(machine).calm;
    }
    int side_now(std::size_t i, const Machine& machine) const {
        const Rule& rule = terms_.rules[i];
        const auto value = value_of(i);
        if (rule.word != Word::crosses || !value) return 0;
        const auto level = level_of(i, rule.level, machine, line(rule));
        if (!level) return 0;
        const Integer at = to_integer(*value);
        return at > *level ? 1 : at < *level ? -1 : 0;
    }

    // --- Time

    enum Order : std::uint8_t { begins, wait_ends, age_reached, bar_ends };
    struct Moment {
        Timestamp time;
        Order order;
        std::size_t machine = 0;
        friend auto operator<=>(const Moment&, const Moment&) = default;
    };
    std::optional<Moment> next_moment() const {
        std::vector<Moment> moments;
        if (!begun_) moments.push_back({life_.begins, begins});
        for (std::size_t m = 0; m < machines_.size(); ++m) {
            if (begun_ && machines_[m].timer && !machines_[m].blind_since)
                moments.push_back({*machines_[m].timer, wait_ends, m});
            for (const std::size_t i : machines_[m].rules) {
                const Rule& rule = terms_.rules[i];
                if (begun_ && rule.watched == Watched::age) {
                    const auto last = last_price(rule.ticker);
                    const auto micros = to_integer(rule.level.number) / (Decimal::one_raw / 1'000'000);
                    const auto at = last ? *last + Duration{static_cast<std::int64_t>(micros)} : Timestamp{};
                    if (last && at > now_) moments.push_back({at, age_reached, m});
                }
                if (rule.watched == Watched::close && seen_ > 0)
                    moments.push_back({bar_end_after(closed_until_, rule.interval), bar_ends, m});
            }
        }
        if (moments.empty()) return std::nullopt;
        return *std::min_element(moments.begin(), moments.end());
    }
    void pass(Timestamp until) {
        if (seen_ == 0 && !events_.empty()) closed_until_ = std::min(events_.front().time, until);
        while (!ended_) {
            const auto next = next_moment();
            const Timestamp before = next ? std::min(next->time, until) : until;
            if (comes_before(before)) continue;
            if (!next || next->time > until) break;
            move_to(next->time);
            if (next->order == begins) {
                begin();
            } else {
                if (next->order == bar_ends) closed_until_ = next->time;
                if (next->order == wait_ends) machines_[next->machine].timer.reset();
                if (begun_) judge(next->machine);
            }
        }
        move_to(until);
    }
    void move_to(Timestamp time) {
        for (; !restarts_.empty() && restarts_.front() < time; restarts_.erase(restarts_.begin()))
            forget_left_out();
        now_ = time;
    }
    // With what has not become false again, but is not known now.
    void forget_left_out() {
        left_out_ = 0;
        for (Machine& machine : machines_) {
            for (const std::size_t i : machine.rules) {
                if (!value_of(i)) machine.became_true_while_muted = false;
            }
        }
    }
    void begin() {
        begun_ = true;
        for (Machine& machine : machines_) {
            const Word word = terms_.rules[machine.rules.front()].word;
            machine.armed =
                word == Word::above || word == Word::below || word == Word::inside || word == Word::outside;
            machine.start = now_;
        }
        for (std::size_t i = 0; i < terms_.rules.size(); ++i) at_start_[i] = value_of(i);
        for (std::size_t m = 0; m < machines_.size(); ++m) judge(m);
    }
    // What has happened, and edits, come after everything else of their moments.
    bool comes_before(Timestamp time) {
        const Timestamp happens = happened_.empty() ? Timestamp::max() : happened_.front().time;
        const Timestamp edited = edits_.empty() ? Timestamp::max() : edits_.front().time;
        if (std::min(happens, edited) >= time) return false;
        if (happens <= edited) {
            make_happen(happens);
        } else {
            edit();
        }
        return true;
    }
    // Where a mute has ended by it, what waits for that is judged.
    void edit() {
        const Edit edit = edits_.front();
        edits_.erase(edits_.begin());
        move_to(edit.time);
        life_.expires = edit.expires;
        life_.snoozed_until = edit.snoozed_until;
        terms_.repeat = edit.repeat;
        ended_ = terms_.repeat && terms_.repeat->times && count_ >= *terms_.repeat->times;
        for (std::size_t m = 0; m < machines_.size(); ++m) {
            if (machines_[m].became_true_while_muted) judge(m);
        }
    }
    void make_happen(Timestamp until) {
        while (!happened_.empty() && happened_.front().time <= until && !ended_) {
            const Firing firing = happened_.front();
            happened_.erase(happened_.begin());
            move_to(firing.time);
            count_ = firing.number;
            start_again(machines_[firing.machine], firing.values);
            for (std::size_t m = 0; m < machines_.size(); ++m) {
                if (m != firing.machine && machines_[m].held_back) judge(m);
            }
        }
    }

    Terms terms_;
    Life life_;
    std::vector<Event> events_;
    std::vector<Firing> happened_;
    std::vector<Timestamp> restarts_;
    std::vector<Edit> edits_;
    std::size_t seen_ = 0;
    Timestamp now_ = Timestamp::min();
    Timestamp closed_until_ = Timestamp::min();
    bool begun_ = false, ended_ = false;
    std::vector<Machine> machines_;
    std::vector<std::optional<Decimal>> start_prices_;  // as told, where it has fired
    std::vector<std::optional<Decimal>> at_start_;      // as it was
    std::vector<int> sides_;
    std::optional<Timestamp> cooldown_until_;
    std::int64_t count_ = 0, left_out_ = 0;
    std::vector<Firing> firings_;
};

}  // namespace pricewire::rule::brute_force
