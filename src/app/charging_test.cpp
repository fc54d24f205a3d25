// Senders that come, die, are stopped, hang and lose their database, as each of them learns of it by its renewals alone, and
// what they have under way to one endpoint. Database, clock and receiver are played.
#include "app/charging.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/backoff.hpp"
#include "cluster/membership.hpp"
#include "cluster/played_members.hpp"
#include "cluster/pulse.hpp"

namespace pricewire::app {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t window = 4;
constexpr std::uint8_t slot = 7;  // of the endpoint's user
constexpr Duration timeout = 5s;
constexpr Duration a_step = 100ms;
constexpr Duration latest = 5s;  // that a share which is taken over may be served again

// As Sending and Dispatcher do it.
class OneSender {
public:
    OneSender(std::string id, cluster::PlayedMembers& rows, const Clock& clock) : rows_(rows), clock_(clock) {
        report_.role = MemberRole::sender;
        report_.id = std::move(id);
        const auto living = rows_.renew(report_, cluster::MembershipOptions{}.lease);
        charging_.emplace(report_.id, timeout, gone_have_ended(rows_.all(), timeout, clock_.mono()));
        follow(living);
    }

    enum class Trouble { none, stopped, hangs, cut_off };
    void die() { is_dead_ = true; }
    void meet(Trouble trouble, Duration how_long) {
        trouble_ = trouble;
        trouble_ends_ = clock_.mono() + how_long;
    }

    void step(Rng& rng) {
        std::erase_if(under_way_, [&](MonoTime ends) { return ends <= clock_.mono(); });
        if (clock_.mono() >= trouble_ends_) trouble_ = Trouble::none;
        if (is_dead_ || trouble_ == Trouble::stopped) return;
        if (clock_.mono() >= renew_at_) renew(rng);
        if (trouble_ != Trouble::hangs) work(rng);
    }

    const std::string& id() const { return report_.id; }
    bool is_healthy() const { return !is_dead_ && trouble_ == Trouble::none; }
    bool serves() const {
        const bool goes_on = !is_dead_ && trouble_ != Trouble::stopped && trouble_ != Trouble::hangs;
        return goes_on && slots_.owned().test(slot) && clock_.mono() < charge_.until;
    }
    // At its receiver, which does not see that the sender has died.
    std::size_t under_way() const { return under_way_.size(); }

private:
    void renew(Rng& rng) {
        const cluster::MembershipOptions options;
        renew_at_ = clock_.mono() + options.renew_every + rng() % 200 * 1ms;
        if (!pulse_.beats(steps_, clock_.mono()) || trouble_ == Trouble::cut_off) return;
        report_.settled = settled_view_.empty() ? "-" : settled_view_;
        charging_->tell();
        follow(rows_.renew(report_, options.lease));
    }
    void follow(const std::vector<Member>& living) {
        const cluster::Groups groups(living, 1);
        charge_ = charging_->renewed(*groups.of(MemberRole::sender),
                                     clock_.mono() + cluster::MembershipOptions{}.lease, clock_.mono());
        has_news_ = true;
    }
    void work(Rng& rng) {
        ++steps_;
        if (std::exchange(has_news_, false) || slots_.one_each().any()) slots_.update(charge_, clock_.mono());
        const bool owns = slots_.owned().test(slot);
        if (owns && clock_.mono() < charge_.until) {
            const std::size_t most = slots_.one_each().test(slot) ? 1 : window;
            while (under_way_.size() < most)
                under_way_.push_back(clock_.mono() + std::min<Duration>(timeout, rng() % 10'000 * 1ms));
        }
        if (owns || under_way_.empty()) settled_view_ = charge_.view;
    }

    cluster::PlayedMembers& rows_;
    const Clock& clock_;
    MemberReport report_;
    std::optional<Charging> charging_;
    deliver::Slots slots_{timeout};
    deliver::Charge charge_;
    bool has_news_ = false;  // in the charge
    cluster::Pulse pulse_{1s};
    std::uint64_t steps_ = 0;
    std::string settled_view_;
    MonoTime renew_at_{};
    std::vector<MonoTime> under_way_;  // until then
    bool is_dead_ = false;
    Trouble trouble_ = Trouble::none;
    MonoTime trouble_ends_{};
};

class ChargingTest : public testing::Test {
protected:
    using Trouble = OneSender::Trouble;

    OneSender& come() {
        return senders_.emplace_back("sender-" + std::to_string(senders_.size()), *rows_, clock_);
    }
    // No two senders have more under way than one may have and one more, and somebody serves the user.
    void step() {
        clock_.advance(a_step);
        for (OneSender& sender : senders_) sender.step(rng_);
        rows_->end_step();
        std::vector<std::size_t> counts;
        for (const OneSender& sender : senders_) counts.push_back(sender.under_way());
        std::ranges::sort(counts, std::greater<>());
        counts.resize(std::max<std::size_t>(counts.size(), 2));
        most_ = std::max(most_, counts[0] + counts[1]);
        EXPECT_LE(counts[0], window);
        EXPECT_LE(counts[0] + counts[1], window + 1);
        if (serving() != nullptr || healthy() == 0) served_at_ = clock_.mono();
        EXPECT_LE(clock_.mono() - served_at_, latest);
    }
    void live(Duration time) {
        for (Duration gone{}; gone < time && !HasFailure(); gone += a_step) step();
    }
    OneSender* serving() {
        const auto found = std::ranges::find_if(senders_, &OneSender::serves);
        return found == senders_.end() ? nullptr : &*found;
    }
    OneSender& wait_for_another(const OneSender& than) {
        while (!HasFailure() && (serving() == nullptr || serving() == &than)) step();
        return serving() == nullptr ? senders_.front() : *serving();
    }
    // From now on others have to take over, if that one served.
    void note_event() { served_at_ = clock_.mono(); }

    std::size_t healthy() const {
        return static_cast<std::size_t>(std::ranges::count_if(senders_, &OneSender::is_healthy));
    }
    // Something happens to one of them, as often as not to the one that serves the user.
    void let_something_happen() {
        note_event();
        if (healthy() == 0 || (healthy() < 5 && rng_() % 3 == 0)) return some_come();
        if (rng_() % 4 == 0) return let_some_come_when_a_lease_ends();
        OneSender* sender = rng_() % 2 == 0 ? serving() : nullptr;
        while (sender == nullptr || !sender->is_healthy()) sender = &senders_[rng_() % senders_.size()];
        const Duration how_long = 100ms + rng_() % 9000 * 1ms;
        switch (rng_() % 4) {
            case 0:
                return sender->die();
            case 1:
                return sender->meet(Trouble::stopped, how_long);
            case 2:
                return sender->meet(Trouble::hangs, how_long);
            default:
                return sender->meet(Trouble::cut_off, how_long);
        }
    }
    void some_come() {
        come();
        if (rng_() % 2 == 0) come();  // at the same time
    }
    // They see nothing of those that have died, whose last attempts are still under way.
    void let_some_come_when_a_lease_ends() {
        const bool is_of_all = rng_() % 2 == 0;
        for (OneSender& sender : senders_) {
            if (is_of_all || sender.serves()) sender.die();
        }
        live(2500ms + rng_() % 1000 * 1ms);
        note_event();
        some_come();
    }

    ManualClock clock_;
    Rng rng_{1};
    std::optional<cluster::PlayedMembers> rows_{clock_};
    std::deque<OneSender> senders_;
    MonoTime served_at_ = clock_.mono();
    std::size_t most_ = 0;  // of two
};

TEST_F(ChargingTest, TwoQuickTakeoversInARowExceedAWindowByOneAtMostAndTakeFiveSecondsEach) {
    for (int i = 0; i < 3; ++i) come();
    live(20s);
    ASSERT_NE(serving(), nullptr);
    OneSender& first = *serving();
    EXPECT_EQ(first.under_way(), window);
    first.die();
    OneSender& second = wait_for_another(first);
    EXPECT_GE(second.under_way(), 1U);
    second.die();
    OneSender& third = wait_for_another(second);
    EXPECT_NE(&third, &first);
    EXPECT_EQ(third.under_way(), 1U);
    live(20s);
    EXPECT_EQ(third.under_way(), window);
}

TEST_F(ChargingTest, WhateverHappensTwoSendersExceedAWindowByOneAtMostAndSomebodyServesItInFiveSeconds) {
    std::size_t most = 0;
    for (std::uint64_t seed = 1; seed <= 8 && !HasFailure(); ++seed) {
        SCOPED_TRACE(seed);
        rng_ = Rng(seed);
        rows_.emplace(clock_);
        senders_.clear();
        note_event();
        come();
        for (int event = 0; event < 60 && !HasFailure(); ++event) {
            live(rng_() % (rng_() % 4 == 0 ? 100 : 8000) * 1ms);
            let_something_happen();
        }
        most = std::max(most, most_);
    }
    EXPECT_EQ(most, window + 1);
}

}  // namespace
}  // namespace pricewire::app
