#include "alert/lines/holds.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <utility>
#include <vector>

namespace pricewire::alert {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr Timestamp t0{seconds{1'700'000'000}};

RuledAlert held(Word word, std::int64_t level, std::optional<std::int64_t> upper = {}) {
    Terms terms;
    terms.rules = {Rule{.ticker = "BTC", .word = word, .level = {.number = Decimal::from_int(level)}}};
    if (upper) terms.rules[0].upper = Level{.number = Decimal::from_int(*upper)};
    terms.hold = hours{10};
    RuledAlert alert;
    alert.terms = std::make_shared<const Terms>(std::move(terms));
    alert.created_at = alert.begun_at = t0;
    return alert;
}
RuledAlert held_above(std::int64_t level) {
    return held(Word::above, level);
}

// Another value each second or so, and now and then none for up to two minutes.
class FlappingPrices {
public:
    std::optional<Decimal> next(Timestamp& time) {
        time += Duration{1 + random_() % 2'000'000};
        if (is_gone_ && random_() % 2 == 0) time += seconds{random_() % 120};
        is_gone_ = random_() % 15 == 0;
        if (is_gone_) return std::nullopt;
        return Decimal::from_int(95 + static_cast<std::int64_t>(random_() % 11));
    }

private:
    std::mt19937_64 random_{1};
    bool is_gone_ = false;
};

void compare_with_run(const RuledAlert& alert, Decimal first) {
    rule::Run run(alert);
    SharedLine line;
    line.keep(hours{10});
    rule::Steps steps;
    Timestamp time = t0 - seconds{1};
    const auto give = [&](const std::optional<Decimal>& value) {
        run.value("BTC", time, value, steps);
        line.set(value, time);
    };
    give(first);
    run.time(t0, steps);
    time = t0;
    ASSERT_TRUE(is_hold_in_past(run.alert(), run.memory().rules[0].machine, t0));
    PutAside aside{.alert = run.alert(), .memory = run.memory(), .hold_from = t0 + Duration{1}};
    const auto found_at = [&](Timestamp moment) {
        const rule::LineState state = line.as_of(moment);
        std::vector<Piece> later;
        line.take_back(moment, later);
        const rule::Machine found = hold_as_of(aside, line, state, moment);
        for (auto piece = later.rbegin(); piece != later.rend(); ++piece) line.past().push(*piece);
        return found;
    };
    FlappingPrices market;
    std::deque<std::pair<Timestamp, rule::Machine>> known;
    int holding = 0, blind = 0;
    std::optional<Side> side;  // where it holds
    for (int i = 0; i < 5'000; ++i) {
        const auto value = market.next(time);
        give(value);
        // One that jumps over a channel is told.
        if (value && run.memory().rules[0].machine.true_since) {
            const Side now = other_side(aside, *value);
            if (alert.terms->rules[0].upper && side && side != now) {
                aside = {.alert = run.alert(), .memory = run.memory(), .hold_from = time + Duration{1}};
                known.clear();
            }
            side = now;
        } else if (value) {
            side.reset();
        }
        known.emplace_back(time + Duration{1}, run.memory().rules[0].machine);
        if (known.size() > 100) known.pop_front();
        // As of now, and as of an earlier moment, as a late price needs it.
        for (const auto& [moment, machine] : {known.back(), known.front()}) {
            const rule::Machine found = found_at(moment);
            ASSERT_EQ(found.true_since, machine.true_since) << i;
            ASSERT_EQ(found.holds_from, machine.holds_from) << i;
            ASSERT_EQ(found.blind_since, machine.blind_since) << i;
            holding += machine.true_since ? 1 : 0;
            blind += machine.blind_since ? 1 : 0;
        }
    }
    EXPECT_GT(holding, 1'000);
    EXPECT_GT(blind, 100);
}

TEST(HoldsInPast, AreThoseOfARunThatIsGivenEachValue) {
    compare_with_run(held_above(97), Decimal::from_int(90));
    compare_with_run(held(Word::below, 103), Decimal::from_int(110));
    compare_with_run(held(Word::outside, 97, 103), Decimal::from_int(100));
    compare_with_run(held(Word::leaves, 97, 103), Decimal::from_int(100));
    compare_with_run(held(Word::crosses, 97), Decimal::from_int(90));
    compare_with_run(held(Word::crosses_down, 103), Decimal::from_int(110));
}

TEST(HoldsInPast, AreThoseOfOneRuleThatFiresWhenItHasHeld) {
    RuledAlert alert = held_above(97);
    alert.state.rules = {RuleState{.armed = true, .start = t0, .as_of = t0}};
    EXPECT_TRUE(is_hold_in_past(alert, {}, t0));
    alert.state.muted_until = t0 + hours{10};
    EXPECT_TRUE(is_hold_in_past(alert, {}, t0));
    // What became false while muted is counted.
    alert.state.muted_until = t0 + hours{11};
    EXPECT_FALSE(is_hold_in_past(alert, {}, t0));
    alert.state.muted_until.reset();
    alert.state.rules[0].armed = false;
    EXPECT_FALSE(is_hold_in_past(alert, {}, t0));
}

TEST(HoldsInPast, BeginWithTheFirstValueAfterASilenceThatTheLineDoesNotReachBehind) {
    rule::Run run(held_above(97));
    SharedLine line;
    line.keep(std::chrono::minutes{6});
    rule::Steps steps;
    const auto give = [&](int second, std::optional<int> value) {
        const Timestamp time = t0 + seconds{second};
        const auto price = value ? std::optional(Decimal::from_int(*value)) : std::nullopt;
        run.value("BTC", time, price, steps);
        line.set(price, time);
    };
    give(-1, 90);
    run.time(t0, steps);
    const PutAside aside{.alert = run.alert(), .memory = run.memory(), .hold_from = t0 + Duration{1}};
    give(5, {});
    give(3600, 100);
    for (int second = 3601; second < 3700; second += 10) {
        give(second, 101);
        const Timestamp moment = t0 + seconds{second} + Duration{1};
        const rule::Machine found = hold_as_of(aside, line, line.as_of(moment), moment);
        EXPECT_EQ(found.true_since, t0 + seconds{3600}) << second;
        EXPECT_EQ(found.true_since, run.memory().rules[0].machine.true_since) << second;
    }
}

}  // namespace
}  // namespace pricewire::alert
