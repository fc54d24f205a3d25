#include "rule/simulate.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "rule/detail/minute_player.hpp"
#include "rule/past_fixture.hpp"
#include "rule/random_alerts_fixture.hpp"
#include "rule/terms_fixture.hpp"
#include "rule/vectors_fixture.hpp"

namespace pricewire::rule {
namespace {

constexpr Timestamp simulated_day{std::chrono::hours{24 * 20'000}};
constexpr Duration minute = std::chrono::minutes{1};

Decimal price_of(const char* text) {
    return Decimal::parse(text).value();
}

// The vectors with minutes for seconds: each price is a minute of that price, and so are the minutes until it changes or
// goes, but for ages, which are of minutes without a price. All durations of the rule are 60 times as long.

Terms stretched(Terms terms) {
    const auto stretch = [](Level& level) { level.over *= 60; };
    for (Rule& rule : terms.rules) {
        rule.interval *= 60;
        stretch(rule.level);
        if (rule.upper) stretch(*rule.upper);
        if (rule.watched == Watched::age) rule.level.number = rule.level.number.scaled(60, 1);
    }
    terms.hold *= 60;
    if (terms.repeat) terms.repeat->cooldown *= 60;
    return terms;
}

Timestamp minute_of(Duration at) {
    return std::chrono::floor<std::chrono::minutes>(simulated_day + at * 60);
}

void store(const AlertVector& vector, Timestamp end, StoredMinutes& stored) {
    const bool is_age = vector.terms.rules[0].watched == Watched::age;
    for (std::size_t i = 0; i < vector.prices.size(); ++i) {
        const VectorPrice& price = vector.prices[i];
        if (!price.price) continue;
        Timestamp until = end;
        for (std::size_t k = vector.prices.size(); k-- > i + 1;) {
            if (vector.prices[k].ticker == price.ticker) until = minute_of(vector.prices[k].at);
        }
        const Timestamp start = minute_of(price.at);
        if (is_age) until = start + minute;
        for (Timestamp at = start; at < until; at += minute)
            stored.add(price.ticker, at, *price.price, *price.price, *price.price, *price.price);
    }
}

// How an alert that is judged by minutes ends.
struct Ending {
    RuledAlert row;
    std::vector<Timestamp> fired;
    std::int64_t told = 0;  // by its firings, of what was left out
    std::string status;
};
Ending ending_of(const RuledAlert& made, Timestamp end, const Past& past) {
    Ending out{.row = made};
    Run run(made);
    detail::MinutePlayer player(*made.terms);
    detail::Minutes minutes(tickers_of(*made.terms), simulated_day - detail::looked_back(*made.terms), end,
                            past);
    Steps steps;
    for (auto bars = minutes.next(); !bars.empty(); bars = minutes.next())
        player.play(bars, detail::MinutePlayer::First::low, run, steps);
    player.end(end, run, steps);
    for (const Step& step : steps) {
        out.row.state = step.after;
        if (!step.fired) continue;
        out.fired.push_back(interval_start(step.fired->time, minute));
        out.told += step.fired->left_out;
    }
    out.status = run.has_ended() ? "fired" : run.is_expired(end) ? "expired" : "active";
    return out;
}

class SimulatedVectors : public testing::TestWithParam<AlertVector> {};

TEST_P(SimulatedVectors, Fire) {
    const AlertVector& vector = GetParam();
    const Timestamp end = minute_of(std::max(vector.prices.back().at, Duration{}) + std::chrono::minutes{2});
    StoredMinutes stored;
    store(vector, end, stored);
    AlertState life;
    if (vector.starts_at) life.starts_at = simulated_day + *vector.starts_at * 60;
    if (vector.expires_at) life.expires_at = simulated_day + *vector.expires_at * 60;
    if (vector.snoozed_until) life.snoozed_until = simulated_day + *vector.snoozed_until * 60;

    const auto simulated = simulate(stretched(vector.terms), simulated_day, end, stored.past(), life);

    ASSERT_TRUE(simulated);
    const bool is_age = vector.terms.rules[0].watched == Watched::age;
    std::vector<std::pair<Timestamp, std::string>> expected, fired;
    std::vector<Timestamp> times;
    for (const VectorFiring& firing : vector.fires) {
        const Decimal value = is_age ? firing.value.scaled(60, 1) : firing.value;
        // Half an hour without a price begins the hold anew, as half a minute does not.
        const Duration at = vector.number == 50 ? std::chrono::seconds{80} : firing.at;
        expected.emplace_back(minute_of(at), value.to_string());
    }
    for (const SimulatedFiring& firing : simulated->firings) {
        fired.emplace_back(firing.time, firing.from.to_string());
        times.push_back(firing.time);
        EXPECT_EQ(firing.from, firing.to);
        EXPECT_EQ(firing.sure, vector.terms.rules[0].watched != Watched::ratio);
    }
    EXPECT_EQ(fired, expected);
    EXPECT_EQ(simulated->least, static_cast<std::int64_t>(expected.size()));
    EXPECT_EQ(simulated->most, static_cast<std::int64_t>(expected.size()));

    const RuledAlert made{std::make_shared<const Terms>(stretched(vector.terms)), life, simulated_day,
                          life.starts_at.value_or(simulated_day)};
    const Ending ending = ending_of(made, end, stored.past());
    EXPECT_EQ(ending.fired, times);
    EXPECT_EQ(ending.status, vector.status);
    const auto untold = static_cast<std::int64_t>(left_out(ending.row, end, stored.past()).size());
    EXPECT_EQ(ending.told + untold, vector.left_out);
}

INSTANTIATE_TEST_SUITE_P(All, SimulatedVectors, testing::ValuesIn(alert_vectors()),
                         [](const auto& one) { return std::to_string(one.param.number); });

class Simulating : public testing::Test {
protected:
    // "OPEN LOW HIGH CLOSE" of the minute.
    void bar(int at, const char* open, const char* low, const char* high, const char* close) {
        stored.add(Ticker("BTC"), simulated_day + at * minute, price_of(open), price_of(low), price_of(high),
                   price_of(close));
    }
    Simulated simulated(const Terms& terms, int minutes) {
        return simulate(terms, simulated_day, simulated_day + minutes * minute, stored.past()).value();
    }
    StoredMinutes stored;
};

TEST_F(Simulating, CountsWhatDependsOnTheOrderWithinAMinute) {
    bar(0, "99", "99", "99", "99");
    bar(1, "99", "99", "101", "101");
    bar(2, "101", "97", "102", "97");
    const Simulated result = simulated(
        terms_of(R"({"is":"above","level":100})", "null", R"({"cooldown":"10s","rearm":"2%"})"), 60);

    // In the second minute it may have come back before it rose.
    EXPECT_EQ(result.least, 1);
    EXPECT_EQ(result.most, 2);
    ASSERT_EQ(result.firings.size(), 2U);
    EXPECT_TRUE(result.firings[0].sure);
    EXPECT_FALSE(result.firings[1].sure);
    EXPECT_EQ(result.firings[0].from, price_of("100"));
    EXPECT_EQ(result.firings[0].to, price_of("101"));
    ASSERT_FALSE(result.notes.empty());
    EXPECT_EQ(
        result.notes[0],
        "Prices within a minute are known only by their high and low: 1 firing depends on which came first.");
}

TEST_F(Simulating, SaysWhenPricesBeginAndThatItFiresOnce) {
    for (int at = 600; at < 660; ++at) bar(at, "99", "98", "101", "99");
    const Simulated result = simulated(terms_of(R"({"is":"above","level":100})"), 1440);

    EXPECT_EQ(result.from, simulated_day + 600 * minute);
    EXPECT_EQ(result.least, 1);
    EXPECT_EQ(result.most, 1);
    EXPECT_EQ(result.notes,
              (std::vector<std::string>{"Before 4 Oct 10:00 Pricewire kept no prices of BTC.",
                                        "It fires once: what came after its first firing does not count."}));
}

TEST_F(Simulating, KnowsNothingWithoutPrices) {
    const Simulated result =
        simulated(terms_of(R"({"is":"above","level":{"from":"low","over":"1h","by":"5%"}})"), 60);

    EXPECT_EQ(result.from, result.to);
    EXPECT_EQ(result.most, 0);
    EXPECT_EQ(result.true_now, std::nullopt);
    EXPECT_EQ(result.notes, std::vector<std::string>{"Pricewire has no prices of BTC of this time."});
}

TEST_F(Simulating, AsksForMinutesOfHoursThatTouchTheLevelOnly) {
    for (int at = 0; at < 100 * 60; ++at) {
        const char* const price = at == 50 * 60 + 7 ? "101" : "99";
        bar(at, price, price, price, price);
    }
    const Simulated result = simulated(terms_of(R"({"is":"above","level":100})", "null", "{}"), 100 * 60);

    EXPECT_EQ(result.least, 1);
    ASSERT_EQ(result.firings.size(), 1U);
    EXPECT_EQ(result.firings[0].time, simulated_day + (50 * 60 + 7) * minute);
    // The first hour, the one that touches it, and the next, in which its cooldown ends.
    EXPECT_LE(stored.asked_minutes, 3);
}

// Nothing that is held grows with the length of time: of minutes a day is asked for at once.
TEST_F(Simulating, HoldsADayOfMinutesAtATime) {
    for (int at = 0; at < 10 * 24 * 60; ++at) {
        const char* const price = at % 2 == 0 ? "101" : "99";
        bar(at, price, price, price, price);
    }
    const Timestamp end = simulated_day + 10 * 24 * 60 * minute;
    const auto expect_days = [&](const char* what) {
        EXPECT_GT(stored.asked_minutes, 9) << what;
        EXPECT_LE(stored.longest_asked, std::chrono::hours{24}) << what;
        stored.asked_minutes = 0;
    };
    const Terms number = terms_of(R"({"is":"above","level":100})", "null", R"({"cooldown":"10s"})");
    const Simulated hours = simulated(number, 10 * 24 * 60);
    expect_days("hours that touch");
    const Terms moving = terms_of(R"({"is":"above","level":{"from":"low","over":"1h","by":"1%"}})", "null",
                                  R"({"cooldown":"10s","rearm":"0%"})");
    const Simulated minutes = simulated(moving, 10 * 24 * 60);
    expect_days("all minutes");
    for (const Simulated& result : {hours, minutes}) {
        EXPECT_EQ(result.firings.size(), max_simulated_firings);
        EXPECT_TRUE(result.more);
        EXPECT_EQ(result.firings.back().time, end - 2 * minute);
    }
    EXPECT_EQ(hours.least, 10 * 24 * 30);
    const auto trailing =
        std::make_shared<const Terms>(terms_of(R"({"is":"below","level":{"from":"high","by":"-10%"}})"));
    const RuledAlert alert{.terms = trailing, .created_at = simulated_day, .begun_at = simulated_day};
    const Past past = stored.past();
    EXPECT_TRUE(present(alert, end, past));
    expect_days("the present");
    EXPECT_TRUE(closest(alert, end, past).closest);
    expect_days("the closest");
}

TEST_F(Simulating, WhatItWasOrIsIsNotKnownWhenThereIsNoTimeLeft) {
    for (int at = 0; at < 3 * 24 * 60; ++at) bar(at, "99", "99", "99", "99");
    const Timestamp end = simulated_day + 3 * 24 * 60 * minute;
    const RuledAlert alert{.terms = std::make_shared<const Terms>(
                               terms_of(R"({"is":"below","level":{"from":"high","by":"-10%"}})")),
                           .created_at = simulated_day,
                           .begun_at = simulated_day};
    Past past = stored.past();
    past.stop = [&] { return stored.asked_minutes > 1; };
    EXPECT_FALSE(present(alert, end, past));
    stored.asked_minutes = 0;
    EXPECT_FALSE(closest(alert, end, past).closest) << "a part of it is not all of it";
}

TEST_F(Simulating, StopsWhenThereIsNoTimeLeft) {
    for (int at = 0; at < 600; ++at) bar(at, "99", "99", "99", "99");
    Past past = stored.past();
    past.stop = [] { return true; };
    EXPECT_FALSE(simulate(terms_of(R"({"is":"above","level":100})"), simulated_day,
                          simulated_day + 600 * minute, past));
}

TEST_F(Simulating, TellsWhetherItHoldsNow) {
    for (int at = 0; at < 90; ++at) bar(at, "99", "99", "99", "99");
    Past past = stored.past();
    const Timestamp now = simulated_day + 90 * minute;
    past.price = [now](const Ticker&) { return Point{price_of("106"), now}; };
    const auto holds = [&](const char* when) {
        return simulate(terms_of(when), simulated_day, now, past)->true_now;
    };

    EXPECT_EQ(holds(R"({"is":"above","level":100})"), true);
    EXPECT_EQ(holds(R"({"is":"crosses_up","level":100})"), true);
    EXPECT_EQ(holds(R"({"is":"below","level":100})"), false);
    EXPECT_EQ(holds(R"({"is":"above","level":{"from":"low","over":"1h","by":"5%"}})"), true);
    EXPECT_EQ(holds(R"({"is":"above","level":{"from":"high","over":"24h"}})"), std::nullopt);
    EXPECT_EQ(holds(R"({"is":"above","level":{"from":"start","by":"5%"}})"), false);
}

// Hours that are passed over change nothing: the same as all minutes, one by one.
TEST(SimulatedHours, FireAsAllMinutes) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        RandomAlerts dice(seed);
        Terms terms =
            terms_of(R"({"is":"above","level":100})", "null", R"({"cooldown":"10s","rearm":"0.5%"})");
        terms.rules[0].word = static_cast<Word>(dice.below(9));
        terms.rules[0].level.number = Decimal::from_int(96 + dice.below(9));
        if (is_channel(terms.rules[0].word))
            terms.rules[0].upper =
                Level{.number = terms.rules[0].level.number + Decimal::from_int(1 + dice.below(3))};
        if (dice.chance(30)) terms.hold = std::chrono::minutes{1 + dice.below(300)};
        terms.repeat->cooldown = std::chrono::minutes{1 + dice.below(500)};
        StoredMinutes stored;
        const int count = 72 * 60;
        int at = 200;
        for (int m = 0; m < count; ++m) {
            const auto halves = [](int n) { return Decimal::from_raw(Decimal::one_raw / 2 * n); };
            const int open = at, close = at + (dice.chance(10) ? dice.below(5) - 2 : 0);
            const int low = std::min(open, close) - (dice.chance(3) ? 1 : 0);
            const int high = std::max(open, close) + (dice.chance(3) ? 1 : 0);
            at = std::clamp(close, 190, 210);
            if (dice.chance(1)) m += dice.below(90);
            stored.add(Ticker("BTC"), simulated_day + m * minute, halves(open), halves(low), halves(high),
                       halves(close));
        }
        const auto fast = simulate(terms, simulated_day, simulated_day + count * minute, stored.past());
        // The same rule beside one that never holds, and whose level is no number.
        Terms slow_terms = terms;
        slow_terms.joined = Joined::any;
        slow_terms.rules.push_back({.ticker = Ticker("BTC"),
                                    .level = {.from = Anchor::start, .by = Change{price_of("1000"), false}}});
        const auto slow = simulate(slow_terms, simulated_day, simulated_day + count * minute, stored.past());
        ASSERT_TRUE(fast && slow);
        EXPECT_EQ(fast->least, slow->least) << seed;
        EXPECT_EQ(fast->most, slow->most) << seed;
        ASSERT_EQ(fast->firings.size(), slow->firings.size()) << seed;
        for (std::size_t i = 0; i < fast->firings.size(); ++i) {
            EXPECT_EQ(fast->firings[i].time, slow->firings[i].time) << seed;
            EXPECT_EQ(fast->firings[i].sure, slow->firings[i].sure) << seed;
        }
    }
}

class ClosestTest : public Simulating {
protected:
    ClosestFound found(const Terms& terms, int now, AlertState state = {}) {
        RuledAlert alert{std::make_shared<const Terms>(terms), std::move(state), simulated_day,
                         simulated_day};
        return closest(alert, simulated_day + now * minute, stored.past());
    }
};

TEST_F(ClosestTest, IsTheBestMinuteOfTheBestHour) {
    for (int at = -600; at < 600; ++at) bar(at, "90", "89", "91", "90");
    bar(-30, "99", "99", "99.9", "99");
    bar(200, "95", "94", "96.5", "95");
    bar(400, "97", "97", "99.5", "97");

    const ClosestFound up = found(terms_of(R"({"is":"above","level":100})"), 600);
    ASSERT_TRUE(up.closest);
    EXPECT_EQ(up.closest->price, price_of("99.5"));
    EXPECT_EQ(up.closest->distance, price_of("0.5"));
    EXPECT_EQ(up.closest->time, simulated_day + 400 * minute);
    EXPECT_EQ(up.closest->within, minute);
    EXPECT_FALSE(up.cut);

    const ClosestFound band = found(terms_of(R"({"is":"inside","level":[80,85]})"), 600);
    ASSERT_TRUE(band.closest);
    EXPECT_EQ(band.closest->distance, price_of("4"));
}

TEST_F(ClosestTest, OfATrailingLevelIsFromTheSimulation) {
    for (int at = 0; at < 100; ++at) bar(at, "90", "90", "90", "90");
    bar(30, "90", "90", "100", "99");
    bar(31, "99", "97.5", "99", "98");
    for (int at = 32; at < 100; ++at) bar(at, "99", "99", "99", "99");
    const ClosestFound result = found(terms_of(R"({"is":"below","level":{"from":"high","by":"-3%"}})"), 100);
    ASSERT_TRUE(result.closest);
    EXPECT_EQ(result.closest->distance, price_of("0.5"));
    EXPECT_EQ(result.closest->time, simulated_day + 31 * minute);
}

TEST_F(ClosestTest, LooksBackThirtyDaysAtMost) {
    const int month = 30 * 1440;
    bar(10, "99", "99", "99.9", "99");
    bar(month + 100, "95", "95", "95", "95");
    const ClosestFound result = found(terms_of(R"({"is":"above","level":100})"), month + 200);
    ASSERT_TRUE(result.closest);
    EXPECT_TRUE(result.cut);
    EXPECT_EQ(result.closest->distance, price_of("5"));
}

TEST_F(ClosestTest, OfAllIsWhereTheFarthestWasNearest) {
    for (int at = 0; at < 60; ++at) {
        bar(at, "90", "90", "90", "90");
        const Decimal eth = price_of(at == 20 ? "51" : "60");
        stored.add(Ticker("ETH"), simulated_day + at * minute, eth, eth, eth, eth);
    }
    bar(40, "99", "99", "99", "99");
    const ClosestFound result = found(
        terms_of(R"({"all":[{"is":"above","level":100},{"ticker":"ETH","is":"below","level":50}]})"), 60);
    ASSERT_TRUE(result.closest);
    // BTC a tenth away is nearer than ETH a fifth away.
    EXPECT_EQ(result.closest->time, simulated_day + 20 * minute);
    EXPECT_EQ(result.closest->price, price_of("90"));
    EXPECT_EQ(result.closest->distance, price_of("10"));
}

class LeftOutTest : public Simulating {
protected:
    // Minutes of an alert above 100 that was made at 0.
    std::vector<int> minutes(int now, const AlertState& state) {
        const RuledAlert alert{std::make_shared<const Terms>(
                                   terms_of(R"({"is":"above","level":100})", "null", R"({"rearm":0})")),
                               state, simulated_day, simulated_day};
        std::vector<int> out;
        for (const Timestamp time : left_out(alert, simulated_day + now * minute, stored.past()))
            out.push_back(static_cast<int>((time - simulated_day) / minute));
        return out;
    }
    void flap() {
        for (int at = 0; at < 60; ++at) bar(at, "99", "99", "99", "99");
        bar(5, "99", "99", "101", "99");
        bar(7, "99", "99", "101", "101");
        bar(20, "99", "99", "101", "99");
        bar(50, "99", "99", "101", "99");
    }
    static AlertState snoozed(int until) {
        AlertState state;
        state.snoozed_until = simulated_day + until * minute;
        return state;
    }
};

TEST_F(LeftOutTest, IsWhatBecameTrueAndFalseAgainInTheMute) {
    flap();
    EXPECT_EQ(minutes(60, snoozed(30)), (std::vector{5, 8, 20}));
    EXPECT_EQ(minutes(10, snoozed(30)), (std::vector{5, 8}));
    EXPECT_EQ(minutes(60, {}), std::vector<int>{});
}

TEST_F(LeftOutTest, CountsFromTheLastFiring) {
    flap();
    AlertState state;
    state.firings = 1;
    state.muted_until = simulated_day + 40 * minute;
    const Timestamp fired = simulated_day + 10 * minute;
    state.rules = {{.armed = true, .fired = true, .start = fired, .as_of = fired}};
    EXPECT_EQ(minutes(60, state), std::vector{20});
}

TEST_F(LeftOutTest, IsOnlyWhatIsSureWhicheverOfHighAndLowCameFirst) {
    for (int at = 0; at < 60; ++at) bar(at, "101", "101", "101", "101");
    bar(5, "101", "99", "101", "101");
    // Twice if the low came first.
    bar(9, "101", "99", "102", "99");
    EXPECT_EQ(minutes(60, snoozed(30)), (std::vector{5, 9}));
}

TEST(Present, ShowsAnAlertAsItStands) {
    StoredMinutes stored;
    const auto flat = [&stored](int at, const char* price) {
        stored.add(Ticker("BTC"), simulated_day + at * minute, price_of(price), price_of(price),
                   price_of(price), price_of(price));
    };
    for (int at = 0; at < 60; ++at) flat(at, at == 30 ? "110" : "100");
    Past past = stored.past();
    const Timestamp now = simulated_day + 60 * minute;
    past.price = [now](const Ticker&) { return Point{price_of("108"), now}; };
    const RuledAlert alert{
        std::make_shared<const Terms>(terms_of(R"({"is":"below","level":{"from":"high","by":"-3%"}})")),
        {},
        simulated_day,
        simulated_day};

    const rule::Run run = present(alert, now, past).value();
    const auto rules = run.rules();
    ASSERT_EQ(rules.size(), 1U);
    EXPECT_EQ(rules[0].value, price_of("108"));
    EXPECT_EQ(rules[0].level, price_of("106.7"));
    EXPECT_EQ(rules[0].holds, false);
    EXPECT_EQ(distance(alert.terms->rules[0], rules[0]), price_of("1.3"));
    ASSERT_TRUE(rules[0].anchor);
    EXPECT_EQ(rules[0].anchor->value, price_of("110"));
}

TEST(Present, KnowsTheLastPriceHoweverOldItIs) {
    StoredMinutes stored;
    const auto flat = [&stored](int at, const char* price) {
        stored.add(Ticker("BTC"), simulated_day + at * minute, price_of(price), price_of(price),
                   price_of(price), price_of(price));
    };
    for (const int at : {0, 200, 201}) flat(at, at == 0 ? "110" : "100");
    const Past past = stored.past();
    const auto shown = [&past](const char* when, int at) {
        const RuledAlert alert{
            std::make_shared<const Terms>(terms_of(when)), {}, simulated_day, simulated_day};
        return present(alert, simulated_day + at * minute, past).value().rules()[0];
    };
    EXPECT_EQ(shown(R"({"watch":"age","is":"above","level":"60s"})", 180).value, Decimal::from_int(179 * 60));
    const auto high = shown(R"({"is":"above","level":{"from":"high","over":"1h"}})", 202);
    EXPECT_EQ(high.level, price_of("100")) << "110 was before the window";
}

}  // namespace
}  // namespace pricewire::rule
