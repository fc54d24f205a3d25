#include "alert/checker.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

namespace pricewire::alert {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp now{std::chrono::seconds{1'700'000'000}};

ActiveAlert gt(const Uuid& id, int target, Ticker ticker = "BTC") {
    return {id, ticker, Condition::gt, Decimal::from_int(target)};
}

class CheckerTest : public ::testing::Test {
protected:
    // Loads `snapshot_`, once `loading_` lets it.
    void start() {
        CheckerOptions options;
        options.load = [this](const auto& piece) {
            ++loads_;
            if (before_load_) before_load_();
            piece(snapshot_);
        };
        options.fire = [this](FiringGroup group) {
            std::lock_guard lock(mutex_);
            groups_.push_back(std::move(group));
            came_.notify_all();
        };
        options.load_retry = {1ms, 5ms};
        checker_ = start_checker(options, clock_);
    }
    void price(int value, Ticker ticker = "BTC") {
        checker_->on_price({ticker, Decimal::from_int(value), tick(), ++sequence_});
    }
    // A second later than the last of these.
    Timestamp tick() { return time_ += 1s; }
    Uuid made_now() { return make_uuid(tick()); }
    void created(const ActiveAlert& alert) { checker_->on_alert_change({AlertChange::Kind::created, alert}); }
    void deleted(const ActiveAlert& alert) { checker_->on_alert_change({AlertChange::Kind::deleted, alert}); }
    // Lets everything that was sent be handled: groups as (sequence of the price, ids).
    using Fired = std::vector<std::pair<std::uint64_t, std::vector<Uuid>>>;
    Fired stop() {
        checker_->stop();
        Fired out;
        for (const FiringGroup& group : groups_) {
            std::vector<Uuid> ids;
            for (const Firing& firing : group.firings) ids.push_back(firing.alert_id);
            out.emplace_back(group.price.sequence, std::move(ids));
        }
        return out;
    }
    bool wait_for_groups(std::size_t count) {
        std::unique_lock lock(mutex_);
        return came_.wait_for(lock, 30s, [&] { return groups_.size() >= count; });
    }

    Timestamp time_ = now;
    const Uuid a_ = make_uuid(now), b_ = make_uuid(now), c_ = make_uuid(now);
    ManualClock clock_{now + 24h};
    std::vector<ActiveAlert> snapshot_;
    std::function<void()> before_load_;
    std::atomic<int> loads_ = 0;
    std::uint64_t sequence_ = 0;
    std::mutex mutex_;
    std::condition_variable came_;
    std::vector<FiringGroup> groups_;
    std::unique_ptr<Checker> checker_;
};

TEST_F(CheckerTest, FiresWhatAPriceCrossesInOneGroupWithItsPriceAndTime) {
    snapshot_ = {gt(a_, 100), gt(b_, 101), gt(c_, 200)};
    start();
    price(99);
    price(150);
    ASSERT_TRUE(wait_for_groups(1));
    EXPECT_EQ(stop(), (Fired{{2, {a_, b_}}}));
    const FiringGroup& group = groups_[0];
    EXPECT_EQ(group.price.value, Decimal::from_int(150));
    EXPECT_EQ(group.fired_at, clock_.now());
    EXPECT_NE(group.firings[0].delivery_id, group.firings[1].delivery_id);
    EXPECT_FALSE(group.firings[0].delivery_id.is_nil());
    EXPECT_EQ(checker_->active_alerts(), 1U);
    EXPECT_TRUE(checker_->ready());
}

TEST_F(CheckerTest, PricesAndChangesWaitForTheSnapshotAndComeAfterIt) {
    snapshot_ = {gt(a_, 100), gt(b_, 100)};
    std::promise<void> let;
    before_load_ = [&] { let.get_future().wait(); };
    start();
    EXPECT_FALSE(checker_->ready());
    created(gt(b_, 100));  // in the snapshot already: taken once
    deleted(gt(a_, 100));  // not yet known to the snapshot
    created(gt(c_, 120));
    price(110);
    price(130);
    let.set_value();
    ASSERT_TRUE(wait_for_groups(2));
    EXPECT_EQ(stop(), (Fired{{1, {b_}}, {2, {c_}}}));
    EXPECT_EQ(checker_->active_alerts(), 0U);
}

TEST_F(CheckerTest, ANewAlertIsComparedWithThePresentPriceAtOnce) {
    start();
    price(150);
    const Uuid id = made_now();
    created(gt(id, 100));
    created(gt(made_now(), 150));
    ASSERT_TRUE(wait_for_groups(1));
    EXPECT_EQ(stop(), (Fired{{1, {id}}}));
    EXPECT_EQ(groups_[0].price.value, Decimal::from_int(150));
}

TEST_F(CheckerTest, WhereThePriceIsGoneANewAlertWaitsForTheNext) {
    start();
    price(150);
    checker_->on_price_gone({"BTC", tick()});
    const Uuid id = made_now();
    created(gt(id, 100));
    price(90);
    price(101);
    EXPECT_EQ(stop(), (Fired{{3, {id}}}));
}

TEST_F(CheckerTest, HandlesMessagesInTheOrderTheyCame) {
    start();
    while (!checker_->ready()) std::this_thread::yield();
    created(gt(a_, 100));
    deleted(gt(a_, 100));
    price(150);
    price(90);
    const Uuid b = made_now();
    created(gt(b, 100));
    price(101);
    ASSERT_TRUE(wait_for_groups(1));
    deleted(gt(b, 100));  // too late: it has fired
    price(90);
    const Uuid c = made_now();
    created(gt(c, 100));
    price(101);
    price(102);
    EXPECT_EQ(stop(), (Fired{{3, {b}}, {5, {c}}}));
}

TEST_F(CheckerTest, ALoaderThatThrowsIsTriedAgain) {
    snapshot_ = {gt(a_, 100)};
    before_load_ = [this] {
        if (loads_ < 4) throw std::runtime_error("the database is away");
    };
    start();
    price(150);
    ASSERT_TRUE(wait_for_groups(1));
    EXPECT_EQ(stop(), (Fired{{1, {a_}}}));
    EXPECT_EQ(loads_, 4);
}

TEST_F(CheckerTest, WhatWasLoadedBeforeAFailureIsTakenOnce) {
    CheckerOptions options;
    options.load = [&, first = true](const auto& piece) mutable {
        piece(std::vector{gt(a_, 100)});
        if (std::exchange(first, false)) throw std::runtime_error("the connection is lost");
        piece(std::vector{gt(b_, 100)});
    };
    options.fire = [this](FiringGroup group) {
        std::lock_guard lock(mutex_);
        groups_.push_back(std::move(group));
        came_.notify_all();
    };
    options.load_retry = {1ms, 5ms};
    checker_ = start_checker(options, clock_);
    price(150);
    ASSERT_TRUE(wait_for_groups(1));
    checker_->stop();
    ASSERT_EQ(groups_.size(), 1U);
    EXPECT_EQ(groups_[0].firings.size(), 2U);
}

TEST_F(CheckerTest, StopsWhileItCannotLoad) {
    before_load_ = [] { throw std::runtime_error("the database is away"); };
    start();
    price(150);
    EXPECT_EQ(stop(), Fired{});
    EXPECT_FALSE(checker_->ready());
    checker_->stop();  // again: nothing
}

TEST_F(CheckerTest, StopHandsOverWhatHasArrived) {
    start();
    while (!checker_->ready()) std::this_thread::yield();
    for (int i = 0; i < 1000; ++i) created(gt(make_uuid(now), 100));
    price(150);
    const auto fired = stop();
    ASSERT_EQ(fired.size(), 1U);
    EXPECT_EQ(fired[0].second.size(), 1000U);
    price(160);  // after the end: dropped
}

TEST_F(CheckerTest, ManyThreadsCreateAndDeleteWhilePricesComeAndEachFiresOnce) {
    start();
    constexpr int threads = 4;
    constexpr int each = 2000;
    std::vector<std::thread> workers;
    std::vector<std::set<Uuid>> kept(threads);
    for (int t = 0; t < threads; ++t) {
        workers.emplace_back([&, t] {
            for (int i = 0; i < each; ++i) {
                const ActiveAlert alert = gt(make_uuid(now), 1000 + i);
                created(alert);
                if (i % 2 == 0) {
                    deleted(alert);
                } else {
                    kept[static_cast<std::size_t>(t)].insert(alert.id);
                }
            }
        });
    }
    for (int i = 0; i < 500; ++i) price(500 + i % 100);
    for (std::thread& w : workers) w.join();
    price(1'000'000);
    std::vector<Uuid> fired;
    for (const auto& [sequence, ids] : stop()) fired.insert(fired.end(), ids.begin(), ids.end());
    std::set<Uuid> expected;
    for (const auto& ids : kept) expected.insert(ids.begin(), ids.end());
    EXPECT_EQ(fired.size(), expected.size());
    EXPECT_EQ(std::set<Uuid>(fired.begin(), fired.end()), expected);
}

// Prices that reach the checker before, or long after, the alerts that they concern.
class CheckerTime : public CheckerTest {
protected:
    void start_ready() {
        start();
        while (!checker_->ready()) std::this_thread::yield();
        // The batch that waited for the snapshot is over when its price has fired this one.
        created(gt(make_uuid(tick()), 1, "SOL"));
        price(2, "SOL");
        ASSERT_TRUE(wait_for_groups(1));
        groups_.clear();
        sequence_ = 0;
    }
};

TEST_F(CheckerTime, AnAlertHeardOfLateIsJudgedByThePricesSinceItWasMade) {
    start_ready();
    price(50);
    const Uuid late = made_now();
    price(150);
    price(160);
    price(60);
    created(gt(late, 100));
    EXPECT_EQ(stop(), (Fired{{2, {late}}}));
}

TEST_F(CheckerTime, AnAlertHeardOfLateIsJudgedByThePriceThatWasInEffectWhenItWasMade) {
    start_ready();
    price(150);
    const Uuid late = made_now();
    price(60);
    created(gt(late, 100));
    EXPECT_EQ(stop(), (Fired{{1, {late}}}));
}

TEST_F(CheckerTime, NoAlertIsFiredByAPriceThatHadCeasedBeforeItWasMade) {
    start_ready();
    price(150);
    price(60);
    const Uuid young = made_now();
    created(gt(young, 100));
    price(70);
    EXPECT_EQ(stop(), Fired{});
    EXPECT_EQ(checker_->active_alerts(), 1U);
}

TEST_F(CheckerTime, APriceOfThePastDoesNotFireAlertsMadeAfterIt) {
    start_ready();
    const Uuid old = made_now();
    created(gt(old, 100));
    const Timestamp spike = tick();
    const Timestamp back = tick();
    const Uuid young = made_now();
    created(gt(young, 100));
    const Uuid heard_meanwhile = made_now();
    checker_->on_behind();
    checker_->on_price({"BTC", Decimal::from_int(150), spike, 1});
    created(gt(heard_meanwhile, 100));
    checker_->on_price({"BTC", Decimal::from_int(60), back, 2});
    checker_->on_caught_up();
    price(101);
    EXPECT_EQ(stop().size(), 2U);
    ASSERT_EQ(groups_.size(), 2U);
    EXPECT_EQ(groups_[0].firings.size(), 1U);
    EXPECT_EQ(groups_[0].firings[0].alert_id, old);
    EXPECT_EQ(groups_[0].price.value, Decimal::from_int(150));
    EXPECT_EQ(groups_[1].firings.size(), 2U);
    EXPECT_EQ(groups_[1].price.value, Decimal::from_int(101));
}

TEST_F(CheckerTime, APriceOfThePastThatWasInEffectStillFiresTheAlertMadeUnderIt) {
    start_ready();
    const Timestamp spike = tick();
    const Uuid under_it = made_now();
    created(gt(under_it, 100));
    checker_->on_behind();
    checker_->on_price({"BTC", Decimal::from_int(150), spike, 1});
    checker_->on_price({"BTC", Decimal::from_int(60), tick(), 2});
    checker_->on_caught_up();
    EXPECT_EQ(stop(), (Fired{{1, {under_it}}}));
}

TEST_F(CheckerTime, APriceOfThePastThatHasGoneDoesNotFireAlertsMadeAfterThat) {
    start_ready();
    const Timestamp spike = tick();
    const Timestamp gone = tick();
    created(gt(make_uuid(tick()), 100));
    checker_->on_behind();
    checker_->on_price({"BTC", Decimal::from_int(150), spike, 1});
    checker_->on_price_gone({"BTC", gone});
    checker_->on_caught_up();
    EXPECT_EQ(stop(), Fired{});
    EXPECT_EQ(checker_->active_alerts(), 1U);
}

TEST_F(CheckerTime, APriceThatComesLateFromAnotherFeedDoesNotFireAlertsMadeAfterIt) {
    start_ready();
    const Uuid old = made_now();
    created({old, "BTC", Condition::lt, Decimal::from_int(99)});
    const Timestamp late = tick();
    price(100);
    const Uuid young = made_now();
    created({young, "BTC", Condition::lt, Decimal::from_int(99)});
    checker_->on_price({"BTC", Decimal::from_int(98), late, 7});
    const Uuid after = made_now();
    created({after, "BTC", Condition::lt, Decimal::from_int(99)});
    price(97);
    EXPECT_EQ(stop(), (Fired{{7, {old}}, {2, {young, after}}}));
}

TEST_F(CheckerTime, TheLastPriceOfThePastCountsAsPresent) {
    start_ready();
    const Timestamp spike = tick();
    const Uuid young = made_now();
    created(gt(young, 100));
    checker_->on_behind();
    checker_->on_price({"BTC", Decimal::from_int(150), spike, 1});
    checker_->on_caught_up();
    EXPECT_EQ(stop(), (Fired{{1, {young}}}));
}

TEST_F(CheckerTime, AfterMissedChangesTheSnapshotTakesThePlaceOfWhatWasKnown) {
    snapshot_ = {gt(a_, 1000), gt(b_, 1000)};
    start_ready();
    price(50);
    const Uuid made = made_now();
    price(150);  // would have fired it
    price(60);
    const Uuid waiting = made_now();
    snapshot_ = {gt(a_, 1000), gt(made, 100), gt(waiting, 100)};  // b was deleted meanwhile
    checker_->on_alerts_missed();
    ASSERT_TRUE(wait_for_groups(1));
    while (checker_->active_alerts() != 2) std::this_thread::yield();
    price(2000);
    EXPECT_EQ(stop(), (Fired{{2, {made}}, {4, {waiting, a_}}}));
}

TEST_F(CheckerTime, WhileTheSnapshotCannotBeLoadedAgainTheKnownAlertsAreWatched) {
    snapshot_ = {gt(a_, 100)};
    start_ready();
    before_load_ = [] { throw std::runtime_error("the database is away"); };
    checker_->on_alerts_missed();
    price(150);
    ASSERT_TRUE(wait_for_groups(1));
    EXPECT_EQ(stop(), (Fired{{1, {a_}}}));
    EXPECT_GE(loads_, 2);
}

TEST_F(CheckerTime, SaysWhenWhatCameBeforeIsHandledAndNotBeforeThePastIsMatched) {
    snapshot_ = {gt(a_, 100)};
    start_ready();
    std::atomic<int> fired_before = -1;
    const auto count = [&] {
        std::lock_guard lock(mutex_);
        fired_before = static_cast<int>(groups_.size());
    };
    checker_->on_behind();
    checker_->on_price({"BTC", Decimal::from_int(150), tick(), 1});
    checker_->after_this(count);
    checker_->on_caught_up();
    while (fired_before < 0) std::this_thread::yield();
    EXPECT_EQ(fired_before, 1);
    stop();
}

TEST_F(CheckerTime, WhileChangesAreNotHeardNothingIsCalledDone) {
    snapshot_ = {gt(a_, 1000)};
    start_ready();
    std::atomic<int> called = 0;
    std::atomic<int> last = 0;
    const auto say = [&](int which) {
        return [&, which] {
            ++called;
            last = which;
        };
    };
    checker_->on_alerts_unheard();
    price(50);
    checker_->after_this(say(1));
    price(150);
    checker_->after_this(say(2));
    const Uuid unheard = made_now();  // no change tells of it
    price(160);
    price(60);
    checker_->after_this(say(3));
    snapshot_ = {gt(a_, 1000), gt(unheard, 155)};
    EXPECT_EQ(called, 0);
    checker_->on_alerts_missed();
    ASSERT_TRUE(wait_for_groups(1));
    while (called == 0) std::this_thread::yield();
    EXPECT_EQ(stop(), (Fired{{3, {unheard}}}));
    EXPECT_EQ(called, 1);
    EXPECT_EQ(last, 3);
}

TEST_F(CheckerTime, ManyPricesOfThePastWakeAnAlertWhenItsTimeHasCome) {
    start_ready();
    const Timestamp before = tick();
    const Timestamp also_before = tick();
    const Uuid young = made_now();
    const Uuid deleted_meanwhile = made_now();
    created(gt(young, 100));
    created(gt(deleted_meanwhile, 100));
    checker_->on_behind();
    checker_->on_price({"BTC", Decimal::from_int(150), before, 1});
    checker_->on_price({"BTC", Decimal::from_int(160), also_before, 2});
    checker_->on_price({"BTC", Decimal::from_int(60), also_before + 1ms, 3});
    checker_->on_price({"BTC", Decimal::from_int(170), tick(), 4});
    deleted(gt(deleted_meanwhile, 100));
    checker_->on_price({"BTC", Decimal::from_int(70), tick(), 5});
    checker_->on_caught_up();
    EXPECT_EQ(stop(), (Fired{{4, {young}}}));
}

}  // namespace
}  // namespace pricewire::alert
