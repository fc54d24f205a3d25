// The engine in use against the brute force of room rule, on random alerts and prices with gaps and late prices.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "alert/rule_engine.hpp"
#include "rule/canonical.hpp"
#include "rule/random_alerts_fixture.hpp"

namespace pricewire::alert {
namespace {

using rule::number_from_environment;
using rule::RandomAlert;
using rule::RandomAlerts;
using rule::brute_force::Edit;
using rule::brute_force::Event;
using rule::brute_force::Firing;

// By time; of one moment, by arrival.
std::vector<Event> ordered(const std::vector<Event>& events) {
    std::multimap<Timestamp, Event> by_time;
    for (const Event& event : events) by_time.emplace(event.time, event);
    std::vector<Event> out;
    for (const auto& [time, event] : by_time) out.push_back(event);
    return out;
}

// An alert that was made before all prices, and what it has fired.
class Player {
public:
    explicit Player(const RandomAlert& random) {
        auto ruled = std::make_shared<RuledAlert>();
        ruled->terms = std::make_shared<const Terms>(random.terms);
        ruled->created_at = ruled->begun_at = random.life.begins;
        ruled->state.expires_at = random.life.expires;
        ruled->state.snoozed_until = random.life.snoozed_until;
        alert_ = {make_uuid(random.life.begins), random.terms.rules[0].ticker, Condition::lt, {}, ruled};
        engine_->add(alert_, {});
    }
    void edit(const Edit& edit) {
        auto ruled = std::make_shared<RuledAlert>(*alert_.ruled);
        Terms terms = *ruled->terms;
        terms.repeat = edit.repeat;
        ruled->terms = std::make_shared<const Terms>(terms);
        ruled->state.expires_at = edit.expires;
        ruled->state.snoozed_until = edit.snoozed_until;
        alert_.ruled = ruled;
        engine_->update(alert_);
    }
    // False: it came too late to count.
    bool arrive(const Event& event) {
        latest_ = std::max(latest_, event.time);
        if (!event.price && recent_.of(event.ticker).empty()) return false;
        const Price price{event.ticker, event.price.value_or(Decimal{}), event.time, ++sequence_};
        const PriceGone gone{event.ticker, event.time};
        const bool is_late =
            (event.price ? recent_.add(price, latest_) : recent_.add(gone, latest_)).has_value();
        if (is_late) {
            engine_->on_late(event.ticker, event.time);
        } else if (event.price) {
            engine_->on_price(price);
        } else {
            engine_->on_gone(gone);
        }
        return std::ranges::find(recent_.of(event.ticker), event.time, &RecentPrices::Entry::time) !=
               recent_.of(event.ticker).end();
    }
    // A checker's time always goes on a little.
    Timestamp pass(Timestamp time) {
        time += Duration{++passed_};
        engine_->on_time(time);
        return time;
    }
    Timestamp latest() const { return latest_; }
    const std::vector<Firing>& firings() const { return firings_; }

private:
    void take(const RuleStep& step) {
        if (const auto* firing = std::get_if<RuledFiring>(&step.what))
            firings_.push_back({firing->number, firing->time, firing->value});
    }

    RecentPrices recent_;
    ActiveAlert alert_;
    std::unique_ptr<RuleEngine> engine_ =
        create_rule_engine(recent_, [this](const RuleStep& step) { take(step); });
    Timestamp latest_ = Timestamp::min();
    std::uint64_t sequence_ = 0;
    int passed_ = 0;
    std::vector<Firing> firings_;
};

struct Outcome {
    std::vector<Firing> expected, actual;
    std::string story;
};

double seconds_at(Timestamp time) {
    return std::chrono::duration<double>(time - RandomAlerts::origin).count();
}

std::string text_of(const Edit& edit) {
    const auto at = [](const std::optional<Timestamp>& time) { return time ? seconds_at(*time) : -1; };
    return fmt::format("{:.6f} edited: snoozed until {}, expires {}, repeat {}\n", seconds_at(edit.time),
                       at(edit.snoozed_until), at(edit.expires), rule::repeat_json({.repeat = edit.repeat}));
}

// `edits`: it is edited, too.
Outcome play(const RandomAlert& random, RandomAlerts* edits = nullptr) {
    Outcome out;
    Player player(random);
    std::vector<Event> known;
    std::vector<Firing> happened;
    std::vector<Edit> edited;
    Edit last{{}, random.life.expires, random.life.snoozed_until, random.terms.repeat};
    const auto expect_until = [&](Timestamp time) {
        rule::brute_force::Alert brute(random.terms, random.life, ordered(known), happened, {}, edited);
        for (const Firing& firing : brute.run(time)) {
            happened.push_back(firing);
            out.expected.push_back({firing.number, firing.time, firing.value});
        }
    };
    for (std::size_t i = 0; i < random.events.size(); ++i) {
        const Event& event = random.events[i];
        const bool is_late = event.time < player.latest();
        if (is_late) {
            player.pass(player.latest());
            expect_until(player.latest());
        }
        known.push_back(event);
        out.story += fmt::format("{:.6f} {} {}\n", seconds_at(event.time), std::string_view(event.ticker),
                                 event.price ? event.price->to_string() : "gone");
        if (!player.arrive(event)) known.pop_back();
        if (is_late) {
            player.pass(player.latest());
            expect_until(player.latest());
        }
        const bool is_over = last.expires && *last.expires <= player.latest() + std::chrono::seconds{1};
        const bool more_comes = i + 1 < random.events.size() && random.events[i + 1].time == event.time;
        if (edits == nullptr || is_over || more_comes || !edits->chance(10)) continue;
        last = edits->edit(last, player.pass(player.latest()));
        player.edit(last);
        edited.push_back(last);
        if (random.some_are_late) expect_until(last.time);
        // Once the number of its firings has ended it, nothing that comes late is judged any more.
        if (last.repeat && last.repeat->times &&
            *last.repeat->times <= static_cast<std::int64_t>(player.firings().size()))
            break;
        out.story += text_of(last);
    }
    const Timestamp end = player.latest() + std::chrono::minutes{20};
    player.pass(end);
    expect_until(end);
    out.actual = player.firings();
    return out;
}

std::string text_of(const std::vector<Firing>& firings) {
    std::string out;
    for (const Firing& firing : firings) {
        out += fmt::format("  {}: {:.6f} @ {}\n", firing.number, seconds_at(firing.time),
                           firing.value.to_string());
    }
    return out;
}

// Levels that do not move, near the price, beyond which it has to be for a while; narrow channels, over which it often jumps.
void hold_beyond_levels(RandomAlert& random, RandomAlerts& dice) {
    const auto halves = [](int count) { return Decimal::from_raw(Decimal::one_raw / 2 * count); };
    Rule rule{.ticker = "BTC"};
    const int kind = dice.below(10);
    rule.word = kind < 5 ? Word::outside : kind < 8 ? Word::leaves : kind < 9 ? Word::crosses : Word::above;
    const int low = 198 + dice.below(4);
    rule.level.number = halves(low);
    if (kind < 8) rule.upper = Level{.number = halves(low + dice.below(4) + 1)};
    random.terms.joined = Joined::one;
    random.terms.rules = {rule};
    random.terms.hold = std::chrono::seconds{1 + dice.below(dice.chance(50) ? 10 : 90)};
}

// As rule's own comparison, and by default on other alerts: PRICEWIRE_RANDOM_ALERTS says how many, PRICEWIRE_RANDOM_SEED
// which one is the first.
void compare(void (*change)(RandomAlert&, RandomAlerts&)) {
#ifdef NDEBUG
    constexpr std::uint64_t usual = 20'000;
#else
    constexpr std::uint64_t usual = 1'000;
#endif
    const std::uint64_t count = number_from_environment("PRICEWIRE_RANDOM_ALERTS", usual);
    const std::uint64_t first = number_from_environment("PRICEWIRE_RANDOM_SEED", 100'001);
    std::size_t firings = 0;
    int failures = 0;
    for (std::uint64_t seed = first; seed < first + count && failures < 3; ++seed) {
        RandomAlerts dice(seed);
        RandomAlert random = dice.next();
        change(random, dice);
        const Outcome outcome = play(random, dice.chance(50) ? &dice : nullptr);
        firings += outcome.expected.size();
        if (outcome.expected == outcome.actual) continue;
        ++failures;
        ADD_FAILURE() << "PRICEWIRE_RANDOM_SEED=" << seed << "\n"
                      << rule::canonical(random.terms) << " begins " << seconds_at(random.life.begins) << "\n"
                      << outcome.story << "expected:\n"
                      << text_of(outcome.expected) << "fired:\n"
                      << text_of(outcome.actual);
    }
    // Rules that never fire would be equal, too.
    EXPECT_GE(firings, count / 5);
}

TEST(EngineReference, FiresAsTheBruteForce) {
    compare([](RandomAlert&, RandomAlerts&) {});
}

TEST(EngineReference, FiresAsTheBruteForceWhereAlertsHoldBeyondLevels) {
    compare(hold_beyond_levels);
}

// Over a channel within a hold that blind time has made longer.
TEST(EngineReference, HoldsOnWhereAPriceJumpsOverAChannel) {
    for (const std::uint64_t seed : {3'018'534, 4'006'370}) {
        RandomAlerts dice(seed);
        RandomAlert random = dice.next();
        hold_beyond_levels(random, dice);
        const Outcome outcome = play(random, dice.chance(50) ? &dice : nullptr);
        EXPECT_EQ(text_of(outcome.expected), text_of(outcome.actual)) << "PRICEWIRE_RANDOM_SEED=" << seed;
    }
}

// Several values at one moment that fires, in both orders of tickers; waits that end in a silence longer than lines
// remember, or begin after one; holds and windows that count from a firing; a firing whose price turns out to have been gone.
TEST(EngineReference, FiresAsTheBruteForceWhereItOnceDidNot) {
    for (const std::uint64_t seed :
         {34, 55, 393, 839, 954, 1536, 3432, 7081, 11'468, 17'779, 944'091, 6'006'903, 7'309'871}) {
        const Outcome outcome = play(RandomAlerts(seed).next());
        EXPECT_EQ(text_of(outcome.expected), text_of(outcome.actual)) << "PRICEWIRE_RANDOM_SEED=" << seed;
    }
}

}  // namespace
}  // namespace pricewire::alert
