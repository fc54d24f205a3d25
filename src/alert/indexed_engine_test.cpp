// The engine in use beside one rule::Run for each alert, on random alerts and prices with gaps, late prices, edits and
// restarts.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "alert/live_alerts.hpp"
#include "alert/rule_steps_fixture.hpp"
#include "rule/canonical.hpp"
#include "rule/random_alerts_fixture.hpp"

namespace pricewire::alert {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class Rules {
public:
    explicit Rules(unsigned seed) : rng_(seed) {}

    std::uint64_t below(std::uint64_t n) { return rng_() % n; }
    bool one_in(std::uint64_t n) { return below(n) == 0; }
    template <typename T>
    T of(std::initializer_list<T> all) {
        return *(all.begin() + below(all.size()));
    }

    Terms terms() {
        Terms out;
        if (one_in(6)) out.joined = of({Joined::all, Joined::any});
        const std::size_t count = out.joined == Joined::one ? 1 : 2 + below(2);
        for (std::size_t i = 0; i < count; ++i) out.rules.push_back(rule(out.joined));
        const bool has_window = std::ranges::any_of(out.rules, [](const Rule& r) {
            return r.level.over > Duration{} || (r.upper && r.upper->over > Duration{});
        });
        if (!has_window && out.rules[0].watched != Watched::age && one_in(3))
            out.hold = of<Duration>({seconds{5}, seconds{30}, minutes{2}});
        if (one_in(2)) {
            out.repeat = Repeat{.cooldown = of<Duration>({seconds{10}, seconds{30}, minutes{5}})};
            out.repeat->rearm = of<Change>({{{}, true},
                                            {*Decimal::parse("0.5"), true},
                                            {*Decimal::parse("0.05"), true},
                                            {Decimal::from_int(2), false}});
            if (one_in(3)) out.repeat->times = 1 + static_cast<std::int64_t>(below(4));
        }
        return out;
    }
    Ticker ticker() { return of<Ticker>({"BTC", "ETH", "SOL"}); }

private:
    Rule rule(Joined joined) {
        Rule out{.ticker = ticker()};
        out.word = joined == Joined::all
                       ? of({Word::above, Word::below, Word::inside, Word::outside})
                       : of({Word::above, Word::below, Word::inside, Word::outside, Word::crosses_up,
                             Word::crosses_down, Word::enters, Word::leaves, Word::crosses});
        if (one_in(10)) {
            out.watched = Watched::ratio;
            out.other = out.ticker == Ticker("BTC") ? "ETH" : "BTC";
        } else if (joined == Joined::one && one_in(10)) {
            out.watched = Watched::close;
            out.interval = of<Duration>({minutes{1}, minutes{5}});
        } else if (joined == Joined::one && one_in(10)) {
            out.watched = Watched::age;
            out.word = Word::above;
            out.level.number = Decimal::from_int(static_cast<std::int64_t>(2 + below(20)));
            return out;
        }
        const bool is_plain = out.watched == Watched::close;
        if (is_channel(out.word)) {
            out.level = level(out, is_plain, -1);
            out.upper = level(out, is_plain, 1);
        } else {
            out.level = level(out, is_plain, 0);
        }
        return out;
    }
    // `side`: -1 of a lower level, 1 of an upper one.
    Level level(const Rule& rule, bool is_plain, int side) {
        Level out;
        const auto amount = [&](std::int64_t most) {
            const auto value = static_cast<std::int64_t>(1 + below(static_cast<std::uint64_t>(most)));
            return side == 0 ? (one_in(2) ? value : -value) : side * value;
        };
        if (!is_plain && !one_in(3)) {
            out.from = of({Anchor::start, Anchor::high, Anchor::low});
            if (out.from != Anchor::start && one_in(2))
                out.over = rule.watched == Watched::ratio ? minutes{1}
                                                          : of<Duration>({minutes{1}, minutes{5}, hours{1}});
            if (out.from != Anchor::start && side == 0 && rule.watched != Watched::ratio && one_in(4))
                return out;
            out.by = rule.watched == Watched::ratio || one_in(2)
                         ? Change{Decimal::from_raw(Decimal::one_raw / 10 * amount(20)), true}
                         : Change{Decimal::from_int(amount(20)), false};
            return out;
        }
        out.number = rule.watched == Watched::ratio
                         ? Decimal::from_raw(Decimal::one_raw / 1000 * (1000 + amount(30)))
                         : Decimal::from_int(1000 + amount(30));
        if (one_in(6)) out.by = Change{*Decimal::parse("0.3"), true};
        return out;
    }
    std::mt19937_64 rng_;
};

// Both engines, given the same.
class Pair {
public:
    Pair(unsigned seed, std::size_t alerts) : random_(seed), alerts_(alerts) {
        start();
        for (const Ticker ticker : {Ticker("BTC"), Ticker("ETH"), Ticker("SOL")}) values_[ticker] = 1000;
    }

    void play(int events) {
        if (terms_.empty()) {
            for (int i = 0; i < 30; ++i) price(random_.ticker(), step());
        }
        for (int i = 0; i < events && !testing::Test::HasFailure(); ++i) {
            while (terms_.size() < alerts_) add();
            event();
            compare();
        }
    }
    std::size_t firings() const { return firings_; }
    std::size_t lates = 0;

private:
    void start() {
        naive_.reset();
        indexed_.reset();
        recent_ = std::make_unique<RecentPrices>();
        naive_ = std::make_unique<LiveAlerts>(*recent_,
                                              [this](RuleStep step) { expected_.push_back(text(step)); });
        indexed_ = create_rule_engine(*recent_, [this](RuleStep step) { found_.push_back(text(step)); });
    }
    Timestamp step() { return now_ += Duration{1 + random_.below(8) * random_.below(500'000)}; }

    void event() {
        const Ticker ticker = random_.ticker();
        const auto what = random_.below(100);
        if (what < 70) {
            price(ticker, step());
        } else if (what < 76) {
            price(ticker, now_ - Duration{random_.below(random_.one_in(5) ? 15'000'000 : 3'000'000)});
        } else if (what < 79) {
            gone(ticker, step());
        } else if (what < 80) {
            now_ += seconds{random_.below(100)};
        } else if (what < 90) {
            time();
        } else if (what < 94) {
            remove();
        } else if (what < 96) {
            update();
        } else if (what < 97) {
            random_.one_in(40) ? restart() : take_row(any());
        } else if (what < 98) {
            const Timestamp until = now_ - seconds{random_.below(5)};
            log_.push_back(fmt::format("expire {}", text(until)));
            both([&](RuleEngine& engine) { engine.on_time(until); });
            both([&](RuleEngine& engine) { engine.expire(until); });
        } else {
            add();
        }
    }
    void price(Ticker ticker, Timestamp at) {
        at = std::max(at, started_);
        auto& value = values_[ticker];
        value += static_cast<std::int64_t>(random_.below(random_.one_in(10) ? 41 : 7));
        value -= random_.one_in(10) ? 20 : 3;
        value = std::clamp<std::int64_t>(value, 950, 1050);
        const Price price{ticker, Decimal::from_int(value), at, ++sequence_};
        log_.push_back(fmt::format("{} {} @{}", ticker.view(), value, text(at)));
        const auto ceased = recent_->add(price, now_);
        if (!ceased || recent_->of(ticker).front().time <= at) history_[ticker].emplace(at, price.value);
        if (ceased) {
            ++lates;
            both([&](RuleEngine& engine) { engine.on_late(ticker, at); });
        } else {
            both([&](RuleEngine& engine) { engine.on_price(price); });
        }
    }
    void gone(Ticker ticker, Timestamp at) {
        log_.push_back(fmt::format("{} gone @{}", ticker.view(), text(at)));
        if (recent_->of(ticker).empty()) return;
        recent_->add(PriceGone{ticker, at}, now_);
        history_[ticker].emplace(at, std::nullopt);
        both([&](RuleEngine& engine) { engine.on_gone({ticker, at}); });
    }
    void time() {
        const Timestamp until = now_ - Duration{random_.below(2'000'000)};
        log_.push_back(fmt::format("time {}", text(until)));
        both([&](RuleEngine& engine) { engine.on_time(until); });
    }
    void add() {
        auto ruled = std::make_shared<RuledAlert>();
        ruled->terms = std::make_shared<const Terms>(random_.terms());
        ruled->created_at = ruled->begun_at = now_ - Duration{random_.below(2'000'000)};
        if (random_.one_in(20)) ruled->state.starts_at = ruled->begun_at = now_ + seconds{random_.below(60)};
        if (random_.one_in(10)) ruled->state.expires_at = now_ + seconds{random_.below(600)};
        if (random_.one_in(20)) ruled->state.snoozed_until = now_ + seconds{random_.below(60)};
        Uuid id = make_uuid(now_);
        std::fill(id.bytes.begin() + 6, id.bytes.end(), 0);
        id.bytes[14] = static_cast<std::uint8_t>(++made_ >> 8);
        id.bytes[15] = static_cast<std::uint8_t>(made_);
        log_.push_back(fmt::format("add {} {} begun {}", id.to_string(), rule::canonical(*ruled->terms),
                                   text(ruled->begun_at)));
        add(id, ruled);
    }
    void add(const Uuid& id, const std::shared_ptr<const RuledAlert>& ruled) {
        terms_[id] = ruled;
        const ActiveAlert alert{id, ruled->terms->rules[0].ticker, Condition::lt, {}, ruled};
        both([&](RuleEngine& engine) {
            std::vector<std::shared_ptr<const LinePast>> pasts;
            for (const PastNeed& need : engine.needs(alert, now_)) pasts.push_back(past(need));
            engine.add(alert, pasts);
        });
    }
    // Its row, as another checker has written it.
    void take_row(const Uuid& id) {
        if (naive_->state(id) == nullptr) return;
        log_.push_back("row of " + id.to_string());
        add(id, row_of(id));
    }
    std::shared_ptr<const RuledAlert> row_of(const Uuid& id) {
        auto ruled = std::make_shared<RuledAlert>(*terms_[id]);
        ruled->state = *naive_->state(id);
        return ruled;
    }
    // The process is killed and started again: what is known are the rows, and the past.
    void restart() {
        log_.push_back("restart");
        started_ = now_;
        std::map<Uuid, std::shared_ptr<const RuledAlert>> rows;
        for (const auto& [id, ruled] : terms_) {
            if (naive_->state(id) != nullptr) rows[id] = row_of(id);
        }
        start();
        for (const auto& [id, row] : rows) add(id, row);
    }
    // Each price as a stretch of its own; the first of them may have been gone for long.
    std::shared_ptr<const LinePast> past(const PastNeed& need) const {
        auto out = std::make_shared<LinePast>(LinePast{need.ticker, need.from, {}});
        const auto found = history_.find(need.ticker);
        if (found == history_.end()) return out;
        for (auto entry = found->second.begin(); entry != found->second.end(); ++entry) {
            const auto next = std::next(entry);
            const Timestamp until = next == found->second.end() ? now_ : next->first;
            if (!entry->second || entry->first >= until) continue;
            const Decimal value = *entry->second;
            if (until <= need.from) out->stretches.clear();
            out->stretches.push_back({entry->first, until, value, value, value});
        }
        return out;
    }
    Uuid any() {
        return std::next(terms_.begin(), static_cast<std::ptrdiff_t>(random_.below(terms_.size())))->first;
    }
    void remove() {
        const Uuid id = any();
        log_.push_back("remove " + id.to_string());
        ASSERT_EQ(naive_->remove(id), indexed_->remove(id));
        terms_.erase(id);
    }
    void update() {
        const Uuid id = any();
        auto ruled = std::make_shared<RuledAlert>(*terms_[id]);
        // One that is ended early ends now.
        auto& snoozed_until = ruled->state.snoozed_until;
        if (snoozed_until) snoozed_until = std::min(*snoozed_until, now_);
        if (random_.one_in(2)) ruled->state.snoozed_until = now_ + seconds{random_.below(60)};
        terms_[id] = ruled;
        log_.push_back(fmt::format("snooze {} {}", id.to_string(), text(ruled->state.snoozed_until)));
        const ActiveAlert alert{id, ruled->terms->rules[0].ticker, Condition::lt, {}, ruled};
        both([&](RuleEngine& engine) { engine.update(alert); });
    }
    template <typename F>
    void both(F&& f) {
        f(*naive_);
        f(*indexed_);
    }
    void compare() {
        std::ranges::sort(expected_);
        std::ranges::sort(found_);
        for (const std::string& line : expected_)
            firings_ += line.find(" fires ") != std::string::npos ? 1 : 0;
        if (expected_ != found_) return fail();
        expected_.clear();
        found_.clear();
        ASSERT_EQ(naive_->size(), indexed_->size());
        ASSERT_EQ(naive_->next_expiry(), indexed_->next_expiry());
        std::erase_if(terms_, [&](const auto& alert) { return naive_->state(alert.first) == nullptr; });
    }
    void fail() {
        std::string out, about;
        for (const std::string& line : expected_) {
            if (std::ranges::find(found_, line) == found_.end())
                out += "expected " + line + "\n", about = line;
        }
        for (const std::string& line : found_) {
            if (std::ranges::find(expected_, line) == expected_.end())
                out += "found " + line + "\n", about = line;
        }
        about = about.substr(0, about.find(' '));
        out += "log\n";
        for (const std::string& line : log_) {
            const bool is_other =
                line.find("-") != std::string::npos && line.find(about) == std::string::npos;
            if (!is_other) out += line + "\n";
        }
        FAIL() << out.substr(0, 1500) << "\n...\n"
               << out.substr(out.size() - std::min<std::size_t>(out.size(), 3000));
    }

    Rules random_;
    std::size_t alerts_;
    Timestamp now_ = beginning, started_ = beginning;
    std::uint64_t sequence_ = 0;
    std::map<Ticker, std::int64_t> values_;
    std::map<Uuid, std::shared_ptr<const RuledAlert>> terms_;
    std::map<Ticker, std::multimap<Timestamp, std::optional<Decimal>>> history_;
    std::vector<std::string> expected_, found_, log_;
    std::unique_ptr<RecentPrices> recent_;
    std::unique_ptr<RuleEngine> naive_, indexed_;
    std::size_t firings_ = 0;
    unsigned made_ = 0;
};

// In parts, so that each is short: the same mixtures in each run. PRICEWIRE_RANDOM_MIXTURES says how many a part has,
// PRICEWIRE_RANDOM_SEED which one is the first of the first part.
class IndexedEngine : public testing::TestWithParam<unsigned> {};

TEST_P(IndexedEngine, DoesWhatOneRunForEachAlertDoes) {
#ifdef NDEBUG
    constexpr unsigned usual = 40;
#else
    constexpr unsigned usual = 2;
#endif
    const auto count =
        static_cast<unsigned>(rule::number_from_environment("PRICEWIRE_RANDOM_MIXTURES", usual));
    const unsigned first =
        static_cast<unsigned>(rule::number_from_environment("PRICEWIRE_RANDOM_SEED", 1)) + GetParam() * count;
    std::size_t firings = 0, lates = 0;
    for (unsigned seed = first; seed < first + count && !HasFailure(); ++seed) {
        SCOPED_TRACE(fmt::format("PRICEWIRE_RANDOM_SEED={}", seed));
        Pair pair(seed, 20);
        pair.play(1200);
        firings += pair.firings();
        lates += pair.lates;
    }
    // Rules that never fire would be equal, too.
    EXPECT_GT(firings, 20 * count);
    EXPECT_GT(lates, 10 * count);
}

INSTANTIATE_TEST_SUITE_P(Parts, IndexedEngine, testing::Range(0U, 10U));

// Late prices before the end of a bar, of ratios, right after a firing, and right where the past ends; edits; restarts;
// ages that expire.
TEST(IndexedEngines, DoWhatOneRunForEachAlertDoesWhereTheyOnceDidNot) {
    for (const unsigned seed :
         {151U, 203U, 430U, 449U, 458U, 750U, 1037U, 1658U, 2569U, 3581U, 5279U, 501371U}) {
        SCOPED_TRACE(fmt::format("PRICEWIRE_RANDOM_SEED={}", seed));
        Pair(seed, 20).play(1200);
        if (HasFailure()) return;
    }
}

TEST(IndexedEngines, DoWhatOneRunForEachAlertDoesWithManyAlerts) {
#ifdef NDEBUG
    constexpr int alerts = 10'000;
#else
    constexpr int alerts = 1'000;
#endif
    Pair pair(1, alerts);
    pair.play(150);
    EXPECT_GT(pair.firings(), alerts / 10U);
}

}  // namespace
}  // namespace pricewire::alert
