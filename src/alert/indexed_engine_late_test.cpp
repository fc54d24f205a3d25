// The engine in use beside one rule::Run for each alert: where late prices reach far back, or to the end of what is known.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "alert/live_alerts.hpp"
#include "alert/rule_steps_fixture.hpp"

namespace pricewire::alert {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

// A late price is judged by what was before it, however many prices have followed.
TEST(IndexedEngines, DoWhatOneRunForEachAlertDoesWhereManyPricesFollowALateOne) {
    RecentPrices recent;
    std::vector<std::string> expected, found;
    LiveAlerts naive(recent, [&](const RuleStep& step) { expected.push_back(text(step)); });
    const auto indexed =
        create_rule_engine(recent, [&](const RuleStep& step) { found.push_back(text(step)); });
    const auto both = [&](auto&& f) {
        f(static_cast<RuleEngine&>(naive));
        f(*indexed);
    };
    std::uint64_t sequence = 0;
    Timestamp now = beginning;
    const auto price = [&](Ticker ticker, double value, Timestamp time) {
        now = std::max(now, time);
        const Price made{ticker, Decimal::from_raw(Decimal::one_raw / 1000 * std::llround(value * 1000)),
                         time, ++sequence};
        const bool is_late = recent.add(made, now).has_value();
        both([&](RuleEngine& engine) { is_late ? engine.on_late(ticker, time) : engine.on_price(made); });
    };
    const std::vector<std::pair<Ticker, double>> quiet{{"BTC", 100}, {"SOL", 110}, {"ETH", 100}};
    for (const auto& [ticker, value] : quiet) price(ticker, value, now);
    const auto add = [&](Rule rule) {
        auto ruled = std::make_shared<RuledAlert>();
        ruled->terms = std::make_shared<const Terms>(Terms{.rules = {rule}});
        ruled->created_at = ruled->begun_at = now;
        const ActiveAlert alert{make_uuid(now), rule.ticker, Condition::lt, {}, ruled};
        both([&](RuleEngine& engine) { engine.add(alert, {}); });
    };
    const auto of = [](Anchor anchor, int percent) {
        return Level{.from = anchor, .by = Change{Decimal::from_int(percent), true}};
    };
    add({.ticker = "BTC", .word = Word::below, .level = of(Anchor::high, -3)});
    add({.ticker = "SOL", .word = Word::above, .level = of(Anchor::low, 12)});
    add({.ticker = "BTC",
         .watched = Watched::ratio,
         .other = "ETH",
         .word = Word::below,
         .level = of(Anchor::high, -3)});
    add({.ticker = "BTC",
         .watched = Watched::ratio,
         .other = "ETH",
         .word = Word::above,
         .level = of(Anchor::low, 9)});
    for (int i = 1; i < 240; ++i) {
        for (const auto& [ticker, value] : quiet) price(ticker, value - (i % 2), beginning + seconds{i});
    }
    // BTC rises from 99 to 110 and is at 108 in the end, SOL falls from 110 to 100.
    const auto late = beginning + minutes{4};
    for (int i = 1; i < 30'000; ++i) {
        const double passed = i / 500.0;
        const Timestamp time = late + Duration{i * 2000};
        price("BTC", passed < 10 ? 99 + 1.1 * passed : 110 - 0.04 * (passed - 10), time);
        price("SOL", 110 - passed / 6, time);
    }
    for (const double value : {104.0, 107.0, 98.0}) price("BTC", value, late);
    for (const double value : {111.0, 112.0, 108.0}) price("SOL", value, late + seconds{1});
    for (const int second : {-20, -5, 3, 30, 50}) price("BTC", 95 + second % 7, late + seconds{second});
    std::ranges::sort(expected);
    std::ranges::sort(found);
    EXPECT_EQ(found, expected);
    EXPECT_TRUE(std::ranges::any_of(expected, [](const auto& step) { return step.contains("fires"); }));
}

// The first alert was given the past until the price of 130, the second one with that price.
TEST(IndexedEngines, KnowWhatCameFirstOfTheMomentOfALatePrice) {
    const auto at = [](int second) { return beginning + seconds{second}; };
    const auto stretch = [](int price, Timestamp from, Timestamp to) {
        const Decimal value = Decimal::from_int(price);
        return Stretch{from, to, value, value, value};
    };
    const auto fired = [&](const auto& create) {
        RecentPrices recent;
        std::vector<std::string> steps;
        const auto engine = create(recent, [&](const RuleStep& step) { steps.push_back(text(step)); });
        const auto add = [&](std::uint8_t number, const std::vector<Stretch>& stretches, Timestamp begun) {
            auto terms = std::make_shared<Terms>();
            Rule& rule = terms->rules.emplace_back(Rule{.ticker = "BTC"});
            rule.word = Word::above;
            rule.level = {
                .from = Anchor::high, .over = minutes{1}, .by = Change{Decimal::from_int(2), false}};
            auto ruled = std::make_shared<RuledAlert>();
            ruled->terms = terms;
            ruled->created_at = ruled->begun_at = begun;
            Uuid id{};
            id.bytes[15] = number;
            const auto past = std::make_shared<const LinePast>(LinePast{"BTC", at(0), stretches});
            const std::shared_ptr<const LinePast> pasts[] = {past};
            engine->add({id, "BTC", Condition::lt, {}, ruled}, pasts);
        };
        const auto price = [&](int value, Timestamp time) {
            const Price price{"BTC", Decimal::from_int(value), time, 1};
            if (recent.add(price, at(1000))) {
                engine->on_late("BTC", time);
            } else {
                engine->on_price(price);
            }
        };
        add(1, {stretch(100, at(0), at(100))}, at(90));
        price(129, at(103));
        add(2, {stretch(100, at(0), at(100)), stretch(130, at(100), at(103))}, at(102));
        for (int second = 104; second < 110; ++second) price(128, at(second));
        price(124, at(100));
        for (int second = 110; second < 120; ++second) price(128, at(second));
        price(139, at(120));
        return steps;
    };
    const auto expected = fired([](const RecentPrices& recent, RuleEngine::Take take) {
        return std::make_unique<LiveAlerts>(recent, std::move(take));
    });
    const auto found = fired([](const RecentPrices& recent, RuleEngine::Take take) {
        return create_rule_engine(recent, std::move(take));
    });
    EXPECT_EQ(found, expected);
    ASSERT_FALSE(expected.empty());
    EXPECT_NE(expected.back().find("132"), std::string::npos) << expected.back();
}

// Above 100, and its edits.
class EditedAlert {
public:
    explicit EditedAlert(std::optional<Repeat> repeat) {
        auto ruled = std::make_shared<RuledAlert>();
        Terms terms{.repeat = repeat};
        terms.rules.push_back(
            {.ticker = "BTC", .word = Word::above, .level = {.number = Decimal::from_int(100)}});
        ruled->terms = std::make_shared<const Terms>(terms);
        ruled->created_at = ruled->begun_at = beginning;
        alert_ = {make_uuid(beginning), "BTC", Condition::lt, {}, ruled};
        engine_->add(alert_, {});
    }
    void price(int second, int value) {
        const Price price{"BTC", Decimal::from_int(value), beginning + seconds{second}, ++sequence_};
        if (recent_.add(price, beginning + seconds{1000})) {
            engine_->on_late("BTC", price.time);
        } else {
            engine_->on_price(price);
        }
    }
    void pass(int second) { engine_->on_time(beginning + seconds{second}); }
    template <typename Change>
    void edit(Change change) {
        auto ruled = std::make_shared<RuledAlert>(*alert_.ruled);
        Terms terms = *ruled->terms;
        change(terms, ruled->state);
        ruled->terms = std::make_shared<const Terms>(terms);
        alert_.ruled = ruled;
        engine_->update(alert_);
    }
    // At which seconds.
    const std::vector<int>& fired() const { return fired_; }

private:
    void take(const RuleStep& step) {
        if (const auto* firing = std::get_if<RuledFiring>(&step.what))
            fired_.push_back(static_cast<int>((firing->time - beginning) / seconds{1}));
    }

    RecentPrices recent_;
    ActiveAlert alert_;
    std::unique_ptr<RuleEngine> engine_ =
        create_rule_engine(recent_, [this](const RuleStep& step) { take(step); });
    std::uint64_t sequence_ = 0;
    std::vector<int> fired_;
};

TEST(IndexedEngines, KeepTheMuteOfAFiringBeforeAnEditOfTheCooldownWhereALatePriceFollows) {
    EditedAlert alert(Repeat{.cooldown = minutes{5}, .rearm = {}, .times = {}});
    alert.price(0, 99);
    alert.price(10, 101);
    alert.price(12, 99);
    alert.price(14, 101);
    alert.pass(15);
    alert.edit([](Terms& terms, AlertState&) { terms.repeat->cooldown = seconds{10}; });
    alert.price(11, 98);
    alert.pass(309);
    EXPECT_EQ(alert.fired(), std::vector{10});
    alert.pass(311);
    EXPECT_EQ(alert.fired(), (std::vector{10, 310}));
}

TEST(IndexedEngines, FireByALatePriceFromBeforeASnooze) {
    EditedAlert alert(std::nullopt);
    alert.price(0, 99);
    alert.price(18, 98);
    alert.pass(20);
    alert.edit([](Terms&, AlertState& state) { state.snoozed_until = beginning + seconds{60}; });
    alert.price(15, 101);
    EXPECT_EQ(alert.fired(), std::vector{15}) << "the outcome is that of the order of times";
}

TEST(IndexedEngines, FireNothingByALatePriceFromWithinASnooze) {
    EditedAlert alert(std::nullopt);
    alert.price(0, 99);
    alert.pass(10);
    alert.edit([](Terms&, AlertState& state) { state.snoozed_until = beginning + seconds{60}; });
    alert.price(18, 98);
    alert.price(15, 101);
    alert.pass(100);
    EXPECT_TRUE(alert.fired().empty());
}

}  // namespace
}  // namespace pricewire::alert
