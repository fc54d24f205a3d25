// The time of a price that fires nothing where alerts with terms of every kind watch its ticker, what an alert takes, and
// the worst cases; beside them the same alerts all live, each judged at every price.
#include <fmt/format.h>
#include <malloc.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "alert/live_alerts.hpp"
#include "alert/recent_prices.hpp"
#include "alert/rule_engine.hpp"
#include "cpu_seconds.hpp"
#include "report.hpp"

namespace {

using namespace pricewire;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Timestamp start{seconds{1'700'000'000}};
constexpr std::int64_t middle = 65'000;

Decimal amount(std::int64_t whole, std::int64_t cents = 0) {
    return Decimal::from_raw(Decimal::from_int(whole).raw() + Decimal::one_raw / 100 * cents);
}

std::size_t heap_bytes() {
    const auto info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

std::string short_count(std::size_t count) {
    return count >= 1'000'000 ? fmt::format("{} M", count / 1'000'000) : fmt::format("{} k", count / 1000);
}

Rule rule_of(Word word, Level level, std::optional<Level> upper = {}) {
    Rule out{.ticker = "BTC", .word = word, .level = std::move(level)};
    out.upper = std::move(upper);
    return out;
}
Level number(Decimal at) {
    return {.number = at};
}
Level moved(Anchor from, Decimal by, Duration over = {}) {
    return {.from = from, .over = over, .by = Change{by, true}};
}

// Alerts that no price within one percent of `middle` fires.
class Alerts {
public:
    Terms plain() {
        const bool is_above = below(2) == 0;
        return one(rule_of(is_above ? Word::above : Word::below, number(far(is_above))));
    }
    // Each kind as often as the others.
    Terms any_kind() {
        switch (below(16)) {
            case 0:
                return plain();
            case 1:
                return repeated(
                    one(rule_of(below(2) == 0 ? Word::crosses : Word::crosses_up, number(far(true)))));
            case 2:
                return one(rule_of(Word::outside, number(far(false)), number(far(true))));
            case 3:
                return one(rule_of(below(2) == 0 ? Word::inside : Word::enters, number(amount(80'000)),
                                   number(amount(81'000, cents()))));
            case 4:
                return one(rule_of(Word::outside, moved(Anchor::start, -percent()),
                                   moved(Anchor::start, percent())));
            case 5:
                return repeated(one(rule_of(Word::below, moved(Anchor::high, -percent()))));
            case 6:
                return repeated(one(rule_of(Word::above, moved(Anchor::low, percent()))));
            case 7:
                return one(rule_of(Word::above, moved(Anchor::low, percent(), window())));
            case 8:
                return one(rule_of(Word::below, moved(Anchor::high, -percent(), window())));
            case 9:
                return held(one(rule_of(Word::above, number(far(true)))));
            case 10: {
                Rule rule = rule_of(Word::above, number(far(true)));
                rule.watched = Watched::close;
                rule.interval = below(2) == 0 ? Duration{minutes{5}} : Duration{hours{1}};
                return one(rule);
            }
            case 11: {
                Rule rule = rule_of(Word::above, number(amount(2 + static_cast<std::int64_t>(below(100)))));
                rule.watched = Watched::ratio;
                rule.other = below(2) == 0 ? "ETH" : "SOL";
                return one(rule);
            }
            case 12: {
                Rule rule = rule_of(Word::above, number(amount(60 + static_cast<std::int64_t>(below(3600)))));
                rule.watched = Watched::age;
                return one(rule);
            }
            case 13: {
                Terms terms = one(rule_of(Word::above, number(far(true))));
                terms.joined = Joined::all;
                terms.rules.push_back(rule_of(Word::above, number(amount(1))));
                terms.rules.back().ticker = "ETH";
                return terms;
            }
            case 14: {
                Terms terms = one(rule_of(Word::above, number(far(true))));
                terms.joined = Joined::any;
                terms.rules.push_back(rule_of(Word::below, moved(Anchor::high, -percent())));
                return terms;
            }
            default:
                return repeated(one(rule_of(Word::leaves, number(far(false)), number(far(true)))));
        }
    }

    // With a leg whose ticker has no price: of any, or of a ratio.
    Terms unpriced() {
        Rule rule = rule_of(Word::above, number(far(true)));
        if (below(2) == 0) {
            rule.watched = Watched::ratio;
            rule.other = "XYZ";
            return one(rule);
        }
        Terms terms = one(rule);
        terms.joined = Joined::any;
        terms.rules.push_back(rule_of(Word::above, number(amount(1))));
        terms.rules.back().ticker = "XYZ";
        return terms;
    }

    static Terms one(Rule rule) {
        Terms terms;
        terms.rules = {std::move(rule)};
        return terms;
    }
    static Terms repeated(Terms terms) {
        terms.repeat = Repeat{.rearm = {*Decimal::parse("0.5"), true}};
        return terms;
    }
    static Terms held(Terms terms) {
        terms.hold = seconds{30};
        return terms;
    }
    Decimal percent() {
        return amount(3 + static_cast<std::int64_t>(below(20)), static_cast<std::int64_t>(below(100)));
    }

private:
    std::uint64_t below(std::uint64_t n) { return rng_() % n; }
    std::int64_t cents() { return static_cast<std::int64_t>(below(1'000'000)); }
    Decimal far(bool is_above) { return amount(is_above ? 70'000 : 50'000, cents()); }
    Duration window() { return below(2) == 0 ? Duration{minutes{5}} : Duration{hours{1}}; }
    std::mt19937_64 rng_{1};
};

// An engine, and what its owner does.
class World {
public:
    explicit World(bool is_live = false) {
        auto take = [this](const alert::RuleStep&) { ++steps_; };
        if (is_live) {
            engine_ = std::make_unique<alert::LiveAlerts>(recent_, take);
        } else {
            engine_ = alert::create_rule_engine(recent_, take);
        }
        for (int i = 0; i < 190; ++i) {
            for (const Ticker ticker : {Ticker("ETH"), Ticker("SOL"), Ticker("BTC")})
                price(ticker, amount(middle));
            now_ += seconds{1};
        }
    }

    void price(Ticker ticker, Decimal value) {
        const Price price{ticker, value, now_, ++sequence_};
        recent_.add(price, now_);
        engine_->on_price(price);
    }
    void pass(Duration time) {
        now_ += time;
        engine_->on_time(now_);
    }
    // As a start finds it: it has begun an hour ago, and nothing has happened to it.
    void add(Terms terms) {
        auto ruled = std::make_shared<RuledAlert>();
        ruled->created_at = ruled->begun_at = start - hours{1};
        for (const Rule& rule : terms.rules) {
            RuleState state{.armed = true, .start = ruled->begun_at, .as_of = ruled->begun_at};
            const bool is_priced = rule.ticker != Ticker("XYZ") && rule.other != Ticker("XYZ");
            if (rule.watched != Watched::age && is_priced) state.start_price = amount(middle);
            if (rule.word == Word::crosses) state.side = Side::below;
            state.extreme = rule.level.from == Anchor::high || rule.level.from == Anchor::low
                                ? std::optional(amount(middle))
                                : std::nullopt;
            state.extreme_until = state.extreme ? ruled->begun_at + minutes{1} : Timestamp{};
            ruled->state.rules.push_back(state);
        }
        ruled->terms = std::make_shared<const Terms>(std::move(terms));
        add(std::move(ruled));
    }
    // It begins tomorrow.
    void add_scheduled(Terms terms) {
        auto ruled = std::make_shared<RuledAlert>();
        ruled->created_at = start - hours{1};
        ruled->state.starts_at = ruled->begun_at = start + hours{24};
        ruled->terms = std::make_shared<const Terms>(std::move(terms));
        add(std::move(ruled));
    }
    alert::RuleEngine& engine() { return *engine_; }
    std::size_t steps() const { return steps_; }

private:
    void add(std::shared_ptr<const RuledAlert> ruled) {
        const ActiveAlert alert{make_uuid(now_), "BTC", Condition::lt, {}, std::move(ruled)};
        std::vector<std::shared_ptr<const alert::LinePast>> pasts;
        for (const alert::PastNeed& need : engine_->needs(alert, now_)) pasts.push_back(past(need));
        engine_->add(alert, pasts);
    }
    std::shared_ptr<const alert::LinePast> past(const alert::PastNeed& need) {
        auto& known = pasts_[need.ticker];
        if (!known || known->from > need.from) {
            auto made = std::make_shared<alert::LinePast>(alert::LinePast{need.ticker, need.from, {}});
            for (Timestamp at = start - hours{2}; at < now_; at += minutes{1})
                made->stretches.push_back(
                    {at, at + minutes{1}, amount(middle), amount(middle), amount(middle)});
            if (need.ticker == Ticker("XYZ")) made->stretches.clear();
            known = std::move(made);
        }
        return known;
    }

    alert::RecentPrices recent_;
    std::unique_ptr<alert::RuleEngine> engine_;
    Timestamp now_ = start;
    std::uint64_t sequence_ = 0;
    std::size_t steps_ = 0;
    std::map<Ticker, std::shared_ptr<const alert::LinePast>> pasts_;
};

// Nanoseconds of CPU a price, of `count` prices or as many as three seconds have. The clock is a system call: it is not read
// at each price where there are many.
template <typename PriceOf>
double time_of(World& world, int count, Duration every, PriceOf price_of) {
    const int looks = count > 10'000 ? 1024 : 1;
    const double begun = perf::cpu_seconds();
    int done = 0;
    while (done < count && (done % looks != 0 || perf::cpu_seconds() - begun < 3)) {
        world.pass(every);
        world.price("BTC", price_of(done++));
    }
    return (perf::cpu_seconds() - begun) / done * 1e9;
}
std::string figure(double nanoseconds) {
    if (nanoseconds < 10'000) return fmt::format("{:.0f} ns", nanoseconds);
    if (nanoseconds < 10'000'000) return fmt::format("{:.0f} us", nanoseconds / 1e3);
    return fmt::format("{:.0f} ms", nanoseconds / 1e6);
}

Decimal quiet(int i) {
    return amount(middle, i * 37 % 1000 - 500);
}

template <typename Make>
void measure_quiet(const std::string& what, std::size_t count, bool is_live, const std::string& goal,
                   const std::string& bytes_goal, Make make, void (World::*add)(Terms) = &World::add) {
    World world(is_live);
    Alerts alerts;
    const std::size_t before = heap_bytes();
    const double begun = perf::cpu_seconds();
    for (std::size_t i = 0; i < count; ++i) (world.*add)(make(alerts));
    const double load = perf::cpu_seconds() - begun;
    // What was woken by the first prices is put aside again.
    if (!is_live) time_of(world, 200, seconds{1}, quiet);
    const double each_of = 1 / static_cast<double>(count);
    const double bytes = static_cast<double>(heap_bytes() - before) * each_of;
    const double each = time_of(world, is_live ? 30 : 1'000'000, milliseconds{10}, quiet);
    if (world.steps() != 0) std::abort();
    const std::string name =
        fmt::format("{}, {} alerts{}", what, short_count(count), is_live ? ", all live" : "");
    perf::row("a price that fires nothing: " + name, figure(each), goal);
    perf::row("  bytes an alert: " + name, fmt::format("{:.0f} B", bytes), bytes_goal);
    perf::row("  adding one: " + name, figure(load * each_of * 1e9));
}

// What the engine's owner does at a price, which is a part of all other figures.
void measure_owner() {
    World world;
    perf::row("a price where there is no alert", figure(time_of(world, 1'000'000, milliseconds{10}, quiet)));
}

template <typename Make, typename PriceOf>
void measure_worst(const std::string& what, std::size_t count, int prices, Duration every, Make make,
                   PriceOf price_of) {
    for (const bool is_live : {true, false}) {
        if (is_live && count > 100'000) continue;
        World world(is_live);
        Alerts alerts;
        for (std::size_t i = 0; i < count; ++i) world.add(make(alerts));
        const double each = time_of(world, prices, every, price_of);
        perf::row(
            fmt::format("{}, {} alerts{}: a price", what, short_count(count), is_live ? ", all live" : ""),
            figure(each), "");
    }
}

Terms at_one_level(Alerts&) {
    return Alerts::one(rule_of(Word::above, number(amount(middle + 10))));
}

}  // namespace

int main(int argc, char** argv) {
    const std::string only = argc > 1 ? argv[1] : "";
    const std::vector<std::size_t> counts =
        argc > 2 ? std::vector{std::stoul(argv[2])} : std::vector{10'000UL, 100'000UL, 1'000'000UL};
    const auto plain = [](Alerts& alerts) { return alerts.plain(); };
    const auto every = [](Alerts& alerts) { return alerts.any_kind(); };
    if (only.empty() || only == "quiet") measure_quiet("every kind", 10'000, true, "", "", every);
    if (only.empty() || only == "quiet" || only == "kinds") {
        for (const std::size_t count : counts)
            measure_quiet("every kind", count, false, "<= 100 ns, flat", "<= 200 B", every);
    }
    if (only.empty() || only == "quiet" || only == "number") {
        measure_owner();
        for (const std::size_t count : counts)
            measure_quiet("a number", count, false, "<= 100 ns, flat", "<= 200 B", plain);
    }
    if (only.empty() || only == "waiting") {
        const auto unpriced = [](Alerts& alerts) { return alerts.unpriced(); };
        for (const bool is_live : {true, false}) {
            measure_quiet("begins tomorrow", 10'000, is_live, is_live ? "" : "<= 100 ns",
                          is_live ? "" : "<= 200 B", every, &World::add_scheduled);
            measure_quiet("a leg has no price", 10'000, is_live, is_live ? "" : "<= 100 ns",
                          is_live ? "" : "<= 200 B", unpriced);
        }
    }
    if (only.empty() || only == "worst") {
        const auto rising = [](int i) { return amount(middle, i); };
        const auto flapping = [](int i) { return amount(middle + 10, i % 2 == 0 ? 5 : -5); };
        measure_worst(
            "every price a new high, below the high", 100'000, 1'000, milliseconds{10},
            [](Alerts& alerts) {
                return Alerts::one(rule_of(Word::below, moved(Anchor::high, -alerts.percent())));
            },
            rising);
        measure_worst(
            "holds at one level, the price flaps", 100'000, 40, seconds{1},
            [](Alerts& alerts) { return Alerts::held(at_one_level(alerts)); }, flapping);
        for (const std::size_t count : {10'000UL, 100'000UL}) {
            measure_worst(
                "holds outside, the price flaps at a bound", count, 40, seconds{1},
                [](Alerts&) {
                    Terms terms = Alerts::one(
                        rule_of(Word::outside, number(amount(middle - 10)), number(amount(middle + 10))));
                    terms.hold = minutes{5};
                    return terms;
                },
                flapping);
        }
        measure_worst(
            "repeating at one level, the price flaps", 100'000, 40, seconds{1},
            [](Alerts& alerts) { return Alerts::repeated(at_one_level(alerts)); }, flapping);
        measure_worst(
            "all of two at one level, the other false, the price flaps", 100'000, 40, seconds{1},
            [](Alerts& alerts) {
                Terms terms = at_one_level(alerts);
                terms.joined = Joined::all;
                terms.rules.push_back(rule_of(Word::below, number(amount(1))));
                return terms;
            },
            flapping);
    }
    return 0;
}
