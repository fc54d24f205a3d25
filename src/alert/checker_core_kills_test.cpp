// Checkers that are killed again and again, and resume where what they wrote is durable, fire what one that runs through
// would have fired.
#include <gtest/gtest.h>

#include <algorithm>
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
    // Returns what was passed over.
    std::vector<PassedOver> write(const FiringGroup& group) {
        std::vector<PassedOver> out;
        for (const RuledFiring& f : group.ruled) {
            if (!is_active_ || f.number != state_.firings + 1 ||
                (state_.muted_until && f.time < *state_.muted_until)) {
                out.push_back({f.alert_id, f.revision, f.number});
                continue;
            }
            state_ = f.after;
            is_active_ = !f.is_last;
            fired_ += shown(f.number, f.time, f.value);
        }
        for (const StateNote& note : group.notes) {
            if (is_active_ && note.firings == state_.firings) state_.rules = note.rules;
        }
        return out;
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
    Killed(Row& row, const std::vector<Price>& prices, std::mt19937_64& rng)
        : row_(row), prices_(prices), rng_(rng) {
        begin();
    }
    bool is_done() const { return durable_ == prices_.size(); }
    // The row has changed.
    void notice() { notices_ = true; }
    // Returns whether it has written something.
    bool turn() {
        if (one_in(20)) {
            unwritten_.clear();
            begin();
        }
        if (notices_ && one_in(3)) {
            notices_ = false;
            const auto kind = row_.is_active() ? AlertChange::Kind::changed : AlertChange::Kind::deleted;
            core_->on_alert_change({kind, row_.read()}, now());
        }
        if (next_ < prices_.size() && one_in(2)) hand_over(prices_[next_++]);
        return one_in(3) && write();
    }

private:
    bool one_in(int n) { return std::uniform_int_distribution(1, n)(rng_) == 1; }
    Timestamp now() const { return next_ == 0 ? start : prices_[next_ - 1].time; }
    void begin() {
        core_.emplace(RuledAlerts::Uses{[this](FiringGroup group) { unwritten_.push_back(std::move(group)); },
                                        [this](const PastNeed& need) { needs_.push_back(need); }},
                      BackoffPolicy{1s, 4s}, Rng{7});
        notices_ = false;
        const std::vector<ActiveAlert> rows{row_.read()};
        core_->on_snapshot_piece(row_.is_active() ? std::span(rows) : std::span<const ActiveAlert>());
        core_->on_snapshot(now());
        core_->on_behind();
        core_->on_batch_end(now());
        give_pasts();
        for (std::size_t i = durable_ - std::min<std::size_t>(durable_, 3); i < next_; ++i)
            hand_over(prices_[i]);
        core_->on_caught_up(now());
    }
    // Bars of before are empty: all that counts comes once more.
    void give_pasts() {
        for (const PastNeed& need : std::exchange(needs_, {}))
            core_->on_past(std::make_shared<const LinePast>(LinePast{need.ticker, need.from, {}}), now());
    }
    void hand_over(const Price& price) {
        core_->on_heard("feed", price.time - 1us, price.time);
        core_->on_price(price, price.time);
        core_->on_batch_end(price.time);
        give_pasts();
    }
    // Some of them, or all.
    bool write() {
        bool has_written = false;
        while (!unwritten_.empty()) {
            const auto passed_over = row_.write(unwritten_.front());
            unwritten_.pop_front();
            has_written = true;
            for (const PassedOver& firing : passed_over)
                core_->on_passed_over(firing, row_.is_active() ? std::optional(row_.read()) : std::nullopt,
                                      now());
            give_pasts();
            if (one_in(4)) return true;
        }
        durable_ = next_;
        return has_written;
    }

    Row& row_;
    const std::vector<Price>& prices_;
    std::mt19937_64& rng_;
    std::size_t next_ = 0;     // price
    std::size_t durable_ = 0;  // prices up to which everything is written
    bool notices_ = false;
    std::deque<FiringGroup> unwritten_;
    std::vector<PastNeed> needs_;
    std::optional<CheckerCore> core_;
};

std::string play(const ActiveAlert& alert, const std::vector<Price>& prices, int count,
                 std::mt19937_64& rng) {
    Row row(alert);
    std::deque<Killed> checkers;
    for (int i = 0; i < count; ++i) checkers.emplace_back(row, prices, rng);
    while (!std::ranges::all_of(checkers, &Killed::is_done)) {
        auto& one = checkers[std::uniform_int_distribution<std::size_t>(0, checkers.size() - 1)(rng)];
        if (!one.turn()) continue;
        for (Killed& checker : checkers) checker.notice();
    }
    return row.fired();
}

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

void compare(int checkers) {
#ifdef NDEBUG
    constexpr int runs = 400;
#else
    constexpr int runs = 80;
#endif
    std::mt19937_64 rng(static_cast<std::uint64_t>(checkers));
    for (int i = 0; i < runs; ++i) {
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
        ASSERT_EQ(play(alert, prices, checkers, rng), uninterrupted(alert, prices)) << text << ", run " << i;
    }
}

TEST(CheckerCoreKills, OneCheckerFiresWhatItWouldFireUninterrupted) {
    compare(1);
}

TEST(CheckerCoreKills, SoDoTwoThatWriteTheSameRow) {
    compare(2);
}

}  // namespace
}  // namespace pricewire::alert
