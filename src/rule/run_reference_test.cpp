#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "rule/canonical.hpp"
#include "rule/detail/rule_levels.hpp"
#include "rule/random_alerts_fixture.hpp"
#include "rule/run.hpp"

// Run against the brute force, on random alerts and prices with gaps, late prices and restarts.

namespace pricewire::rule {
namespace {

using brute_force::Edit;
using brute_force::Event;
using brute_force::Firing;

RuledAlert alert_of(const RandomAlert& random) {
    RuledAlert alert{std::make_shared<const Terms>(random.terms), {}, random.life.begins, random.life.begins};
    alert.state.expires_at = random.life.expires;
    alert.state.snoozed_until = random.life.snoozed_until;
    return alert;
}

RuledAlert edited(RuledAlert alert, const Edit& edit) {
    Terms terms = *alert.terms;
    terms.repeat = edit.repeat;
    change_margin(alert.state.rules, *alert.terms, terms, edit.time);
    alert.terms = std::make_shared<const Terms>(terms);
    alert.state.expires_at = edit.expires;
    alert.state.snoozed_until = edit.snoozed_until;
    return alert;
}

Firing firing_of(const RandomAlert& random, const Fired& fired) {
    Firing firing{fired.number, fired.time, fired.value, fired.left_out, fired.rule};
    for (std::size_t i = 0; i < fired.rules.size(); ++i) {
        if (random.terms.joined != Joined::any || i == fired.rule)
            firing.values.push_back(fired.rules[i].value);
    }
    return firing;
}

// By time; of one moment, by arrival.
std::vector<Event> ordered(const std::vector<Event>& events) {
    std::multimap<Timestamp, Event> by_time;
    for (const Event& event : events) by_time.emplace(event.time, event);
    std::vector<Event> out;
    for (const auto& [time, event] : by_time) out.push_back(event);
    return out;
}

// Gives a Run events as they arrive. A late one is judged by a copy of before it, on which what has fired is imposed.
class Player {
public:
    explicit Player(const RandomAlert& random)
        : random_(random), alert_(alert_of(random)), run_(alert_), base_(run_) {}

    void arrive(const Event& event) {
        all_.push_back(event);
        since_base_.push_back(event);
        if (event.time >= latest_) {
            latest_ = event.time;
            give(event);
        } else {
            replay();
        }
    }
    void edit(const Edit& edit) {
        latest_ = edit.time;
        pass(latest_);
        edits_since_base_.push_back(edit);
        alert_ = edited(alert_, edit);
        make(edit);
    }
    // A late price may take back that it was armed, which is not written: see ruled_alerts.cpp.
    bool is_written() const {
        const auto &row = alert_.state.rules, &known = run_.state().rules;
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (row[i].armed && !known[i].armed) return false;
        }
        return true;
    }
    // The process is killed and started again: what is known is the row, and the past as it was.
    void restart(Timestamp now) {
        latest_ = now;
        pass(now);
        if (run_.has_ended()) return;
        AlertState& row = alert_.state;
        row.rules = parse_rule_states(to_text(row.rules)).value();
        run_ = Run(alert_);
        for (const Ticker ticker : {Ticker("BTC"), Ticker("ETH")}) give_past(ticker, now);
        pass(now);
        base_ = run_;
        since_base_.clear();
        edits_since_base_.clear();
        fired_since_base_.clear();
    }
    void pass(Timestamp time) {
        Steps steps;
        run_.time(time, steps);
        take(steps);
    }
    bool has_ended() const { return run_.has_ended(); }
    std::int64_t left_out() const { return run_.left_out(); }
    Timestamp latest() const { return latest_; }
    const std::vector<Firing>& firings() const { return firings_; }

private:
    void give(const Event& event) {
        Steps steps;
        run_.value(event.ticker, event.time, event.price, steps);
        take(steps);
    }
    void replay() {
        run_ = base_;
        run_.impose(fired_since_base_);
        auto edit = edits_since_base_.begin();
        const auto edit_before = [&](Timestamp time) {
            for (; edit != edits_since_base_.end() && edit->time < time; ++edit) {
                pass(edit->time);
                make(*edit);
            }
        };
        for (const Event& event : ordered(since_base_)) {
            edit_before(event.time);
            give(event);
        }
        edit_before(Timestamp::max());
        pass(latest_);
    }
    void make(const Edit& edit) {
        Steps steps;
        run_.amend(edited(run_.alert(), edit), edit.time, steps);
        take(steps);
    }
    // What an edit has set is no part of what a step writes.
    void write(const AlertState& after) {
        const auto expires = alert_.state.expires_at, snoozed_until = alert_.state.snoozed_until;
        alert_.state = after;
        alert_.state.expires_at = expires;
        alert_.state.snoozed_until = snoozed_until;
    }
    void take(const Steps& steps) {
        for (const Step& step : steps) {
            if (step.after.firings >= alert_.state.firings) write(step.after);
            if (!step.fired) continue;
            fired_since_base_.push_back(*step.fired);
            firings_.push_back(firing_of(random_, *step.fired));
        }
    }
    void give_past(const Ticker& ticker, Timestamp now) {
        std::optional<Event> current;
        const bool is_age = random_.terms.rules[0].watched == Watched::age;
        const auto end = [&](Timestamp time) {
            if (current && current->price) {
                // Of an age, bars tell when the last price was.
                run_.history(ticker, {current->time, is_age ? current->time : time, *current->price,
                                      *current->price, *current->price});
            }
            current.reset();
        };
        for (const Event& event : ordered(all_)) {
            if (event.ticker != ticker) continue;
            end(event.time);
            current = event;
        }
        end(now);
    }

    const RandomAlert& random_;
    RuledAlert alert_;  // as its row is
    Run run_, base_;
    Timestamp latest_ = Timestamp::min();
    std::vector<Event> all_, since_base_;
    std::vector<Edit> edits_since_base_;
    std::vector<Fired> fired_since_base_;
    std::vector<Firing> firings_;
};

// What a restart does to others is known, and is not this: the windows and holds of ratios begin anew; and the extreme that a
// row tells holds the price that is in effect, which is no part of its own level.
bool can_restart(const Terms& terms) {
    const auto is_beyond_itself = [](const Level& level) {
        return detail::is_extreme(level) &&
               (!level.by || level.by->amount.is_positive() == (level.from == Anchor::high));
    };
    return std::none_of(terms.rules.begin(), terms.rules.end(), [&](const Rule& rule) {
        if (detail::any_level(rule, is_beyond_itself)) return true;
        return rule.watched == Watched::ratio &&
               (terms.hold > Duration{} || detail::any_level(rule, detail::is_extreme));
    });
}

// A row tells at what it has fired, which after a late price is not what was in effect.
bool can_restart_after_late(const Terms& terms) {
    return std::none_of(terms.rules.begin(), terms.rules.end(), [&](const Rule& rule) {
        return rule.word == Word::crosses ||
               detail::any_level(rule, [](const Level& level) { return level.from != Anchor::number; });
    });
}

struct Outcome {
    std::vector<Firing> expected, actual;
    std::int64_t expected_left_out = 0, left_out = 0;
    std::string story;
};

// What another rule leaves out at the moment of a firing counts before it where the firing is imposed.
void ignore_left_out(Outcome& outcome) {
    for (auto* const firings : {&outcome.expected, &outcome.actual}) {
        for (Firing& firing : *firings) firing.left_out = 0;
    }
    outcome.left_out = outcome.expected_left_out = 0;
}

double seconds_at(Timestamp time) {
    return std::chrono::duration<double>(time - RandomAlerts::origin).count();
}

void tell(std::string& story, const Event& event) {
    story += fmt::format("{:.1f} {} {}\n", seconds_at(event.time), std::string_view(event.ticker),
                         event.price ? event.price->to_string() : "gone");
}

void tell(std::string& story, const Edit& edit) {
    const auto at = [](const std::optional<Timestamp>& time) { return time ? seconds_at(*time) : -1; };
    story += fmt::format("{:.6f} edited: snoozed until {}, expires {}, repeat {}\n", seconds_at(edit.time),
                         at(edit.snoozed_until), at(edit.expires), repeat_json({.repeat = edit.repeat}));
}

Outcome play(const RandomAlert& random, RandomAlerts& dice) {
    Outcome out;
    Player player(random);
    std::vector<Event> known;
    std::vector<Timestamp> restarts;
    std::vector<Edit> edits;
    Edit last{{}, random.life.expires, random.life.snoozed_until, random.terms.repeat};
    const auto expect_until = [&](Timestamp time) {
        brute_force::Alert brute(random.terms, random.life, ordered(known), out.expected, restarts, edits);
        for (const Firing& firing : brute.run(time)) out.expected.push_back(firing);
        out.expected_left_out = brute.left_out();
    };
    const bool may_restart = random.some_are_late ? can_restart_after_late(random.terms) : true;
    const bool restarts_some = may_restart && can_restart(random.terms) && dice.chance(70);
    const bool edits_some = dice.chance(40);
    for (std::size_t i = 0; i < random.events.size(); ++i) {
        const Event& event = random.events[i];
        // What comes late from before a start is in the past that the start was given, or nowhere.
        if (!restarts.empty() && event.time < restarts.back()) continue;
        const bool is_late = event.time < player.latest();
        if (is_late) expect_until(player.latest());
        known.push_back(event);
        tell(out.story, event);
        player.arrive(event);
        if (is_late) expect_until(player.latest());
        const bool is_last_of_moment =
            i + 1 == random.events.size() || random.events[i + 1].time > event.time;
        if (!is_last_of_moment || player.has_ended()) continue;
        const bool is_over = last.expires && *last.expires <= player.latest() + std::chrono::seconds{1};
        if (edits_some && !is_over && dice.chance(10)) {
            last = dice.edit(last, player.latest() + Duration{300});
            edits.push_back(last);
            player.edit(last);
            if (random.some_are_late) expect_until(last.time);
            tell(out.story, last);
            if (player.has_ended()) break;
        }
        if (!restarts_some || player.has_ended() || !dice.chance(15) || !player.is_written()) continue;
        const Timestamp now = player.latest() + std::chrono::milliseconds{500};
        player.restart(now);
        restarts.push_back(now);
        out.story += "restart\n";
    }
    const Timestamp end = player.latest() + std::chrono::minutes{20};
    player.pass(end);
    expect_until(end);
    out.actual = player.firings();
    out.left_out = player.left_out();
    if (random.some_are_late && random.terms.joined == Joined::any) ignore_left_out(out);
    return out;
}

std::string text_of(const std::vector<Firing>& firings) {
    std::string out;
    for (const Firing& firing : firings) {
        out += fmt::format("  {}: {} @ {}, left out {}, rule {}\n", firing.number, seconds_at(firing.time),
                           firing.value.to_string(), firing.left_out, firing.machine);
    }
    return out;
}

std::string describe(const RandomAlert& random) {
    return fmt::format("{}\nbegins {} expires {} snoozed {}", canonical(random.terms),
                       seconds_at(random.life.begins),
                       random.life.expires ? seconds_at(*random.life.expires) : -1,
                       random.life.snoozed_until ? seconds_at(*random.life.snoozed_until) : -1);
}

// In parts, so that each is short: the same alerts in each run. PRICEWIRE_RANDOM_ALERTS says how many a part has,
// PRICEWIRE_RANDOM_SEED which one is the first of the first part.
class RunReference : public testing::TestWithParam<std::uint64_t> {};

TEST_P(RunReference, FiresAsTheBruteForce) {
#ifdef NDEBUG
    constexpr std::uint64_t usual = 10'000;
#else
    constexpr std::uint64_t usual = 200;
#endif
    const std::uint64_t count = number_from_environment("PRICEWIRE_RANDOM_ALERTS", usual);
    const std::uint64_t first = number_from_environment("PRICEWIRE_RANDOM_SEED", 1) + GetParam() * count;
    std::size_t firings = 0;
    int failures = 0;
    for (std::uint64_t seed = first; seed < first + count && failures < 3; ++seed) {
        RandomAlerts dice(seed);
        const RandomAlert random = dice.next();
        const Outcome outcome = play(random, dice);
        firings += outcome.expected.size();
        if (outcome.expected == outcome.actual && outcome.expected_left_out == outcome.left_out) continue;
        ++failures;
        ADD_FAILURE() << "PRICEWIRE_RANDOM_SEED=" << seed << "\n"
                      << describe(random) << "\n"
                      << outcome.story << "expected:\n"
                      << text_of(outcome.expected) << "left out " << outcome.expected_left_out << "\nfired:\n"
                      << text_of(outcome.actual) << "left out " << outcome.left_out;
    }
    // Rules that never fire would be equal, too.
    EXPECT_GE(firings, count / 5);
}

INSTANTIATE_TEST_SUITE_P(Parts, RunReference, testing::Range(std::uint64_t{0}, std::uint64_t{10}));

}  // namespace
}  // namespace pricewire::rule
