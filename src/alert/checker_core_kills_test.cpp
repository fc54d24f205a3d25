// A checker that is killed again and again, and resumes where what it wrote is durable, fires what one that runs
// through would have fired.
#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <sstream>

#include "alert/checker_core.hpp"
#include "alert/rule_text.hpp"
#include "rule/run.hpp"

namespace pricewire::alert {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp start{std::chrono::seconds{1'700'000'000}};

std::string shown(std::int64_t number, Timestamp time, Decimal value) {
    return std::to_string(number) + ":" + value.to_string() + "@" + std::to_string((time - start) / 1ms) +
           " ";
}

// An alert's row, changed as storage would.
class Row {
public:
    explicit Row(ActiveAlert alert) : alert_(std::move(alert)), state_(alert_.ruled->state) {}

    ActiveAlert read() const {
        auto ruled = *alert_.ruled;
        ruled.state = state_;
        ActiveAlert out = alert_;
        out.ruled = std::make_shared<const RuledAlert>(std::move(ruled));
        return out;
    }
    void write(const FiringGroup& group) {
        for (const RuledFiring& f : group.ruled) {
            if (!is_active_ || f.number != state_.firings + 1) continue;
            if (state_.muted_until && f.time < *state_.muted_until) continue;
            state_ = f.after;
            is_active_ = !f.is_last;
            fired_ += shown(f.number, f.time, f.value);
        }
        for (const StateNote& note : group.notes) {
            if (is_active_ && note.firings == state_.firings) state_.rules = note.rules;
        }
    }
    bool is_active() const { return is_active_; }
    const std::string& fired() const { return fired_; }

private:
    ActiveAlert alert_;
    AlertState state_;
    bool is_active_ = true;
    std::string fired_;
};

// Writes groups later, in order; a kill loses those that are not written.
class Killed {
public:
    Killed(const ActiveAlert& alert, std::vector<Price> prices, std::mt19937_64& rng)
        : row_(alert), prices_(std::move(prices)), rng_(rng) {
        begin(0);
    }
    std::string play() {
        for (std::size_t i = 0; i < prices_.size();) {
            if (one_in(15)) {
                unwritten_.clear();
                begin(i);
                continue;
            }
            hand_over(prices_[i++]);
            if (one_in(2)) write(i);
        }
        write(prices_.size());
        return row_.fired();
    }

private:
    bool one_in(int n) { return std::uniform_int_distribution(1, n)(rng_) == 1; }
    void begin(std::size_t now) {
        core_.emplace(RuledAlerts::Uses{[this](FiringGroup group) { unwritten_.push_back(std::move(group)); },
                                        [this](const PastNeed& need) { needs_.push_back(need); }},
                      BackoffPolicy{1s, 4s}, Rng{7});
        const Timestamp at = now == 0 ? start : prices_[now - 1].time;
        const std::vector<ActiveAlert> rows{row_.read()};
        core_->on_snapshot_piece(row_.is_active() ? std::span(rows) : std::span<const ActiveAlert>());
        core_->on_snapshot(at);
        core_->on_behind();
        core_->on_batch_end(at);
        // Bars of before are empty: all that counts comes once more.
        for (const PastNeed& need : std::exchange(needs_, {}))
            core_->on_past(std::make_shared<const LinePast>(LinePast{need.ticker, need.from, {}}), at);
        const std::size_t again = std::min<std::size_t>(durable_, 3);
        for (std::size_t i = durable_ - again; i < now; ++i) hand_over(prices_[i]);
        core_->on_caught_up(at);
    }
    void hand_over(const Price& price) {
        core_->on_heard("feed", price.time - 1us, price.time);
        core_->on_price(price, price.time);
        core_->on_batch_end(price.time);
    }
    // Some of them, or all.
    void write(std::size_t until) {
        while (!unwritten_.empty()) {
            row_.write(unwritten_.front());
            unwritten_.pop_front();
            if (until < prices_.size() && one_in(4)) return;
        }
        durable_ = until;
    }

    Row row_;
    const std::vector<Price> prices_;
    std::mt19937_64& rng_;
    std::size_t durable_ = 0;  // prices up to which everything is written
    std::deque<FiringGroup> unwritten_;
    std::vector<PastNeed> needs_;
    std::optional<CheckerCore> core_;
};

std::string uninterrupted(const ActiveAlert& alert, const std::vector<Price>& prices) {
    rule::Run run(*alert.ruled);
    rule::Steps steps;
    for (const Price& price : prices) run.value(price.ticker, price.time, price.value, steps);
    std::string out;
    for (const rule::Step& step : steps) {
        if (step.fired) out += shown(step.fired->number, step.fired->time, step.fired->value);
    }
    return out;
}

std::string random_rule(std::mt19937_64& rng) {
    const auto pick = [&](const std::vector<std::string>& from) {
        return from[std::uniform_int_distribution<std::size_t>(0, from.size() - 1)(rng)];
    };
    return pick({"above 100", "below 100", "crosses 100", "crosses_up 100", "crosses_down 100",
                 "inside 99 101", "outside 99 101", "enters 99 101", "leaves 99 101", "above 102 | below 98",
                 "outside start -2% start +2%", "above 101 & above 100.5"}) +
           pick({"", " repeat rearm 0 cooldown 10s", " repeat rearm 1% cooldown 10s times 3",
                 " repeat rearm 0.5% cooldown 1m"}) +
           pick({"", " snoozed 100", " starts 60", " expires 200"});
}

TEST(CheckerCoreKills, FiresWhatOneThatRunsThroughWouldFire) {
    std::mt19937_64 rng(20);
    for (int i = 0; i < 1500; ++i) {
        std::vector<Price> prices;
        Timestamp time = start;
        int cents = 10'000;
        for (std::uint64_t n = 1; n <= 120; ++n) {
            time += std::chrono::milliseconds{std::uniform_int_distribution(1, 6000)(rng)};
            cents += std::uniform_int_distribution(-90, 90)(rng);
            prices.push_back({"BTC", Decimal::from_int(cents).scaled(1, 100), time, n});
        }
        const std::string text = random_rule(rng);
        std::istringstream words(text);
        ActiveAlert alert{make_uuid(start),
                          "BTC",
                          Condition::lt,
                          {},
                          std::make_shared<const RuledAlert>(RuleText(start).parse(words, start))};
        const std::string expected = uninterrupted(alert, prices);
        ASSERT_EQ(Killed(alert, prices, rng).play(), expected) << text << ", run " << i;
    }
}

}  // namespace
}  // namespace pricewire::alert
