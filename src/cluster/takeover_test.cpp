// How long what a member owned is held by nobody, as the others learn of its end by their renewals alone. Database and clock are
// played, and what a member loads it has at its next step.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/backoff.hpp"
#include "cluster/holding.hpp"
#include "cluster/membership.hpp"
#include "cluster/played_members.hpp"
#include "cluster/pulse.hpp"

namespace pricewire::cluster {
namespace {

using namespace std::chrono_literals;

constexpr Duration a_step = 50ms;
constexpr Duration latest = 5s;

class OneChecker {
public:
    OneChecker(std::string id, PlayedMembers& members, const Clock& clock)
        : members_(members), clock_(clock), report_{.id = std::move(id)}, holding_(report_.id) {}

    void die() { is_dead_ = true; }
    void hang_until(MonoTime until) { hangs_until_ = until; }
    void cut_off_until(MonoTime until) { cut_off_until_ = until; }
    bool is_well() const { return works() && clock_.mono() >= cut_off_until_; }
    bool judges(const Ticker& ticker) const { return works() && loaded_ && loaded_(ticker); }

    void step() {
        if (is_dead_) return;
        if (clock_.mono() >= renew_at_) renew();
        if (!works()) return;
        ++signs_;
        if (holding_.view().empty()) return;
        loaded_ = holding_.is_all() ? [](const Ticker&) { return true; } : holding_.function();
        report_.settled = holding_.view();
    }

private:
    bool works() const { return !is_dead_ && clock_.mono() >= hangs_until_; }
    void renew() {
        const MembershipOptions options;
        renew_at_ = clock_.mono() + options.renew_every;
        if (!pulse_.beats(signs_, clock_.mono()) || clock_.mono() < cut_off_until_) return;
        holding_.update(std::make_shared<const Group>(members_.renew(report_, options.lease), 1));
    }

    PlayedMembers& members_;
    const Clock& clock_;
    MemberReport report_;
    Holding holding_;
    std::function<bool(const Ticker&)> loaded_;
    Pulse pulse_;
    std::uint64_t signs_ = 0;
    MonoTime renew_at_{}, hangs_until_{}, cut_off_until_{};
    bool is_dead_ = false;
};

class TakeoverTest : public testing::Test {
protected:
    void come() { checkers_.emplace_back("checker-" + std::to_string(checkers_.size()), members_, clock_); }
    void step() {
        clock_.advance(a_step);
        for (OneChecker& checker : checkers_) checker.step();
        members_.end_step();
        for (const Ticker& ticker : tickers_) {
            const auto judges = [&](const OneChecker& checker) { return checker.judges(ticker); };
            if (std::ranges::any_of(checkers_, judges)) judged_at_[ticker] = clock_.mono();
            EXPECT_LE(clock_.mono() - std::max(judged_at_[ticker], event_at_), latest) << ticker.view();
        }
    }
    void live(Duration time) {
        for (Duration gone{}; gone < time && !HasFailure(); gone += a_step) step();
    }
    OneChecker& any_that_is_well() {
        while (true) {
            OneChecker& checker = checkers_[rng_() % checkers_.size()];
            if (checker.is_well()) return checker;
        }
    }
    void let_something_happen() {
        event_at_ = clock_.mono();
        const auto well = std::ranges::count_if(checkers_, &OneChecker::is_well);
        if (well < 2 || (well < 5 && rng_() % 3 == 0)) return come();
        const MonoTime until = clock_.mono() + rng_() % 9000 * 1ms;
        switch (rng_() % 3) {
            case 0:
                return any_that_is_well().die();
            case 1:
                return any_that_is_well().hang_until(until);
            default:
                return any_that_is_well().cut_off_until(until);
        }
    }

    const std::vector<Ticker> tickers_{"AAA", "BBB", "CCC", "DDD", "EEE"};
    ManualClock clock_;
    Rng rng_{1};
    PlayedMembers members_{clock_};
    std::deque<OneChecker> checkers_;
    std::map<Ticker, MonoTime> judged_at_;
    MonoTime event_at_ = clock_.mono();
};

TEST_F(TakeoverTest, WhatOneThatDiesOrHangsHeldIsHeldByAnotherWithinFiveSeconds) {
    come();
    for (int event = 0; event < 400 && !HasFailure(); ++event) {
        live(rng_() % (rng_() % 4 == 0 ? 100 : 8000) * 1ms);
        let_something_happen();
    }
}

}  // namespace
}  // namespace pricewire::cluster
