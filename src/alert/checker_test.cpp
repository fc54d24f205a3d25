#include "alert/checker.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <iterator>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "alert/rule_text.hpp"
#include "base/mutex.hpp"

namespace pricewire::alert {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp epoch{std::chrono::seconds{1'700'000'000}};

ActiveAlert gt(const Uuid& id, int target, Ticker ticker = "BTC") {
    return {id, ticker, Condition::gt, Decimal::from_int(target)};
}

ActiveAlert ruled(const Uuid& id, const std::string& text) {
    std::istringstream words(text);
    return {id,
            "BTC",
            Condition::lt,
            {},
            std::make_shared<const RuledAlert>(RuleText(epoch).parse(words, epoch))};
}

// Its wall clock stands still, after all prices, unless it is moved.
class CheckerClock final : public Clock {
public:
    Timestamp now() const override { return now_; }
    MonoTime mono() const override { return std::chrono::steady_clock::now(); }
    void advance(Duration by) { now_ = now() + by; }

private:
    std::atomic<Timestamp> now_ = epoch + 24h;
};

class CheckerTest : public ::testing::Test {
protected:
    // Loads `snapshot_`, after `before_load_`.
    void start() {
        CheckerOptions options;
        options.load = [this](const auto& piece) {
            ++loads_;
            if (before_load_) before_load_();
            piece(snapshot_);
        };
        options.fire = [this](FiringGroup group) {
            MutexLock lock(mutex_);
            groups_.push_back(std::move(group));
            came_.notify_all();
        };
        options.past = [this](Ticker, Timestamp) {
            before_past_();
            return std::vector<Stretch>{
                {epoch - 2h, epoch, Decimal::from_int(100), Decimal::from_int(100), Decimal::from_int(100)}};
        };
        options.row = [this](const Uuid&) { return row_; };
        options.load_retry = {1ms, 5ms};
        options.share = share_;
        options.tickers = [] { return std::vector<Ticker>{"BTC", "ETH"}; };
        options.load_of = [this](std::span<const Ticker> tickers, const auto& piece) {
            before_load_of_();
            std::vector<ActiveAlert> found;
            std::ranges::copy_if(snapshot_, std::back_inserter(found), [&](const ActiveAlert& alert) {
                return std::ranges::find(tickers, alert.ticker) != tickers.end();
            });
            if (is_in_one_piece_) piece(std::exchange(found, {}));
            for (const ActiveAlert& alert : found) {
                piece({&alert, 1});
                after_piece_();
            }
            after_load_of_();
        };
        options.missed = [this](Ticker ticker, Timestamp from, Timestamp to) {
            missed_.emplace_back(ticker, from, to);
        };
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
    // Waits until everything sent is handled. Groups as (sequence of the price, ids).
    using Fired = std::vector<std::pair<std::uint64_t, std::vector<Uuid>>>;
    Fired stop() {
        checker_->stop();
        Fired out;
        MutexLock lock(mutex_);
        for (const FiringGroup& group : groups_) {
            std::vector<Uuid> ids;
            for (const Firing& firing : group.firings) ids.push_back(firing.alert_id);
            for (const RuledFiring& firing : group.ruled) ids.push_back(firing.alert_id);
            if (ids.empty()) continue;  // a note
            out.emplace_back(group.price.sequence, std::move(ids));
        }
        return out;
    }
    static Share only(Ticker held, std::string view) {
        return {[held](const Ticker& ticker) { return ticker == held; }, std::move(view)};
    }
    void wait_until_settled(const std::string& view) {
        while (checker_->settled() != view) std::this_thread::yield();
    }
    void wait_for_a_sign_after(std::uint64_t signs) {
        while (checker_->signs_of_life() == signs) std::this_thread::yield();
    }
    bool wait_for_groups(std::size_t count) {
        MutexLock lock(mutex_);
        return came_.wait_for(lock, 30s, [&]() REQUIRES(mutex_) { return groups_.size() >= count; });
    }

    Timestamp time_ = epoch;
    const Uuid a_ = make_uuid(epoch), b_ = make_uuid(epoch), c_ = make_uuid(epoch);
    CheckerClock clock_;
    std::vector<ActiveAlert> snapshot_;
    std::function<void()> before_load_;
    std::function<void()> before_past_ = [] {};
    Share share_;
    std::function<void()> before_load_of_ = [] {}, after_load_of_ = [] {}, after_piece_ = [] {};
    using Missed = std::tuple<Ticker, Timestamp, Timestamp>;
    std::vector<Missed> missed_;  // the checker's thread's
    bool is_in_one_piece_ = false;
    std::optional<ActiveAlert> row_;
    std::atomic<int> loads_ = 0;
    std::uint64_t sequence_ = 0;
    Mutex mutex_;
    CondVar came_;
    std::vector<FiringGroup> groups_ GUARDED_BY(mutex_);
    std::unique_ptr<Checker> checker_;
};

TEST_F(CheckerTest, FiresWhatAPriceCrossesInOneGroupWithItsPriceAndTime) {
    snapshot_ = {gt(a_, 100), gt(b_, 101), gt(c_, 200)};
    start();
    price(99);
    price(150);
    ASSERT_TRUE(wait_for_groups(1));
    EXPECT_EQ(stop(), (Fired{{2, {a_, b_}}}));
    MutexLock lock(mutex_);
    const FiringGroup& group = groups_[0];
    EXPECT_EQ(group.price.value, Decimal::from_int(150));
    EXPECT_EQ(group.fired_at, clock_.now());
    EXPECT_NE(group.firings[0].delivery_id, group.firings[1].delivery_id);
    EXPECT_FALSE(group.firings[0].delivery_id.is_nil());
    EXPECT_EQ(checker_->active_alerts(), 1U);
    EXPECT_TRUE(checker_->ready());
}

TEST_F(CheckerTest, PricesAndChangesWaitForTheSnapshotAndAreHandledAfterIt) {
    snapshot_ = {gt(a_, 100), gt(b_, 100)};
    std::promise<void> let;
    before_load_ = [&] { let.get_future().wait(); };
    start();
    EXPECT_FALSE(checker_->ready());
    created(gt(b_, 100));  // also in the snapshot: added once
    deleted(gt(a_, 100));  // after the snapshot was taken
    created(gt(c_, 120));
    price(110);
    price(130);
    let.set_value();
    ASSERT_TRUE(wait_for_groups(2));
    EXPECT_EQ(stop(), (Fired{{1, {b_}}, {2, {c_}}}));
    EXPECT_EQ(checker_->active_alerts(), 0U);
}

TEST_F(CheckerTest, LoadingIsRetriedAfterAnError) {
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

TEST_F(CheckerTest, StopsWhileItCannotLoad) {
    before_load_ = [] { throw std::runtime_error("the database is away"); };
    start();
    price(150);
    EXPECT_EQ(stop(), Fired{});
    EXPECT_FALSE(checker_->ready());
    checker_->stop();  // the second time: nothing
}

TEST_F(CheckerTest, StopHandsOverTheFiringsOfWhatHasArrived) {
    start();
    while (!checker_->ready()) std::this_thread::yield();
    for (int i = 0; i < 1000; ++i) created(gt(make_uuid(epoch), 100));
    price(150);
    const auto fired = stop();
    ASSERT_EQ(fired.size(), 1U);
    EXPECT_EQ(fired[0].second.size(), 1000U);
    price(160);  // after the end: dropped
}

TEST_F(CheckerTest, ManyThreadsCreateAndDeleteWhilePricesArriveAndEachAlertFiresOnce) {
    start();
    constexpr int threads = 4;
    constexpr int each = 2000;
    std::vector<std::thread> workers;
    std::vector<std::set<Uuid>> kept(threads);
    for (int t = 0; t < threads; ++t) {
        workers.emplace_back([&, t] {
            for (int i = 0; i < each; ++i) {
                const ActiveAlert alert = gt(make_uuid(epoch), 1000 + i);
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

TEST_F(CheckerTest, AReadOfThePastThatHangsDelaysNoOtherAlert) {
    std::promise<void> let;
    before_past_ = [&] { let.get_future().wait(); };
    snapshot_ = {ruled(a_, "above low 1h +5%"), ruled(b_, "above 104"), gt(c_, 104)};
    start();
    price(103);
    price(106);
    ASSERT_TRUE(wait_for_groups(2));
    let.set_value();
    ASSERT_TRUE(wait_for_groups(3));
    EXPECT_EQ(stop().back(), (Fired::value_type{2, {a_}}));
}

TEST_F(CheckerTest, GoesOnFromTheRowOfAnAlertWhoseFiringWasPassedOver) {
    const std::string terms = "above 100 repeat rearm 0 cooldown 10s";
    snapshot_ = {ruled(a_, terms)};
    row_ = ruled(a_, terms + " firings 5 armed 0");
    start();
    price(101);
    ASSERT_TRUE(wait_for_groups(1));
    checker_->on_passed_over({a_, 1, 1});
    ASSERT_TRUE(wait_for_groups(2));
    stop();
    MutexLock lock(mutex_);
    EXPECT_EQ(groups_[1].ruled.at(0).number, 6);
}

TEST_F(CheckerTest, WhileTheSnapshotCannotBeReloadedTheKnownAlertsAreChecked) {
    snapshot_ = {gt(a_, 100)};
    start();
    while (!checker_->ready()) std::this_thread::yield();
    before_load_ = [] { throw std::runtime_error("the database is away"); };
    checker_->on_alerts_missed();
    price(150);
    ASSERT_TRUE(wait_for_groups(1));
    EXPECT_EQ(stop(), (Fired{{1, {a_}}}));
    EXPECT_GE(loads_, 2);
}

TEST_F(CheckerTest, HoldsTheAlertsOfItsShare) {
    snapshot_ = {gt(a_, 100), gt(b_, 100, "ETH"), ruled(c_, "above 100")};
    share_ = only("BTC", "1");
    start();
    wait_until_settled("1");
    EXPECT_EQ(checker_->active_alerts(), 2U);
    created(gt(make_uuid(epoch), 100, "ETH"));
    price(150, "ETH");
    price(150);
    ASSERT_TRUE(wait_for_groups(2));
    for (const auto& [sequence, ids] : stop()) EXPECT_EQ(sequence, 2U) << "the price of BTC";
}

TEST_F(CheckerTest, AnAlertOfATickerThatCameIsJudgedByThePricesBefore) {
    snapshot_ = {gt(a_, 100), gt(b_, 100, "ETH"), gt(c_, 200, "ETH")};
    share_ = only("BTC", "1");
    start();
    wait_until_settled("1");
    price(150, "ETH");
    price(90, "ETH");
    checker_->on_share({.view = "2"});
    ASSERT_TRUE(wait_for_groups(1));
    wait_until_settled("2");
    EXPECT_EQ(checker_->active_alerts(), 2U);
    created(gt(make_uuid(epoch), 300, "ETH"));
    price(250, "ETH");
    ASSERT_TRUE(wait_for_groups(2));
    EXPECT_EQ(stop(), (Fired{{1, {b_}}, {3, {c_}}}));
}

TEST_F(CheckerTest, AlertsOfATickerThatWentAreLetGo) {
    snapshot_ = {gt(a_, 100), gt(b_, 100, "ETH"), ruled(c_, "above 100")};
    share_ = {.view = "1"};
    start();
    wait_until_settled("1");
    checker_->on_share(only("ETH", "2"));
    wait_until_settled("2");
    EXPECT_EQ(checker_->active_alerts(), 1U);
    created(gt(make_uuid(epoch), 100));
    price(150);
    price(150, "ETH");
    ASSERT_TRUE(wait_for_groups(1));
    EXPECT_EQ(stop(), (Fired{{2, {b_}}}));
}

TEST_F(CheckerTest, PricesAreJudgedWhileManyAlertsMove) {
    snapshot_ = {gt(a_, 100), gt(b_, 100, "ETH"), gt(c_, 100, "ETH")};
    const Uuid young = made_now();
    std::vector<std::size_t> fired;
    bool is_done = false;
    after_piece_ = [&] {
        {
            MutexLock lock(mutex_);
            fired.push_back(groups_.size());
        }
        if (fired.size() > 1) return;
        checker_->after_this([&] { is_done = true; });
        created(gt(young, 100));
        price(150);
    };
    share_ = {.view = "1"};
    start();
    wait_until_settled("1");
    checker_->on_share(only("BTC", "2"));
    wait_until_settled("2");
    const Fired all = stop();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(std::set(all[0].second.begin(), all[0].second.end()), (std::set{a_, young}));
    EXPECT_EQ(fired, (std::vector<std::size_t>{0, 1})) << "before the last piece came";
    EXPECT_TRUE(is_done) << "what is not a price waits for the end";
}

TEST_F(CheckerTest, PricesAreJudgedInTheMiddleOfAPiece) {
    snapshot_ = {gt(a_, 100)};
    for (int i = 0; i < 3000; ++i) snapshot_.push_back(gt(make_uuid(epoch), 1000, "ETH"));
    snapshot_.push_back(gt(b_, 100, "ETH"));
    is_in_one_piece_ = true;
    share_ = only("BTC", "1");
    start();
    wait_until_settled("1");
    price(150, "ETH");
    before_load_of_ = [&] { price(150); };
    checker_->on_share({.view = "2"});
    wait_until_settled("2");
    EXPECT_EQ(stop(), (Fired{{2, {a_}}, {1, {b_}}}));
    EXPECT_EQ(checker_->active_alerts(), 3000U);
}

TEST_F(CheckerTest, NothingIsReportedAsDoneBeforeWhatCameIsLoaded) {
    snapshot_ = {gt(b_, 100, "ETH")};
    share_ = only("BTC", "1");
    start();
    wait_until_settled("1");
    std::atomic<bool> is_away = true, done = false;
    std::atomic<int> tries = 0;
    before_load_of_ = [&] {
        ++tries;
        if (is_away) throw std::runtime_error("the database is away");
    };
    checker_->on_share({.view = "2"});
    price(150, "ETH");
    checker_->after_this([&] { done = true; });
    while (tries < 3) std::this_thread::yield();
    EXPECT_FALSE(done);
    EXPECT_EQ(checker_->settled(), "");
    is_away = false;
    ASSERT_TRUE(wait_for_groups(1));
    while (!done) std::this_thread::yield();
    EXPECT_EQ(stop(), (Fired{{1, {b_}}}));
}

// The database is away for longer than recent prices are kept.
TEST_F(CheckerTest, WhatIsNotKnownAnyMoreOfATickerThatCameIsToldAsMissed) {
    snapshot_ = {gt(a_, 100), gt(b_, 100, "ETH")};
    for (const bool is_kept : {false, true}) {
        share_ = only("BTC", "1");
        missed_.clear();
        start();
        wait_until_settled("1");
        std::atomic<bool> is_away = true;
        std::atomic<int> tries = 0;
        before_load_of_ = [&] {
            ++tries;
            if (is_away) throw std::runtime_error("the database is away");
        };
        checker_->on_share({.view = "2", .is_kept = [&](const Ticker&) { return is_kept; }});
        while (tries == 0) std::this_thread::yield();
        const Timestamp begun = clock_.now();
        clock_.advance(10min);
        const Timestamp known = clock_.now() - 4min;
        for (const Timestamp time : {begun, known, known + 1s, known + 4min})
            checker_->on_price({"ETH", Decimal::from_int(50), time, ++sequence_});
        checker_->on_price({"BTC", Decimal::from_int(150), clock_.now(), ++sequence_});
        ASSERT_TRUE(wait_for_groups(is_kept ? 2 : 1));
        is_away = false;
        wait_until_settled("2");
        stop();
        if (is_kept) {
            EXPECT_TRUE(missed_.empty());
        } else {
            EXPECT_EQ(missed_, (std::vector<Missed>{{"ETH", begun - 30s, known + 1s}}));
        }
    }
}

TEST_F(CheckerTest, WhileChangesAreNotHeardTheShareIsNotSettled) {
    share_ = only("BTC", "1");
    start();
    wait_until_settled("1");
    checker_->on_alerts_unheard();
    wait_until_settled("");
    checker_->on_alerts_missed();
    wait_until_settled("1");
    EXPECT_EQ(loads_, 2);
}

TEST_F(CheckerTest, ItGivesSignsOfLifeUnlessItHangs) {
    std::promise<void> hangs, goes_on;
    share_ = {[&](const Ticker& ticker) {
                  if (ticker != "ETH") return true;
                  hangs.set_value();
                  goes_on.get_future().wait();
                  return false;
              },
              "view"};
    start();
    wait_until_settled("view");
    wait_for_a_sign_after(checker_->signs_of_life());  // with nothing else to do
    created(gt(made_now(), 1, "ETH"));
    hangs.get_future().wait();
    const std::uint64_t signs = checker_->signs_of_life();
    for (int i = 0; i < 100; ++i) EXPECT_EQ(checker_->signs_of_life(), signs);
    goes_on.set_value();
    wait_for_a_sign_after(signs);
}

TEST_F(CheckerTest, OneThatWaitsForTheDatabaseDoesNotHang) {
    std::promise<void> loads, goes_on;
    after_load_of_ = [&, is_first = true]() mutable {
        if (!std::exchange(is_first, false)) return;
        loads.set_value();
        goes_on.get_future().wait();
    };
    snapshot_ = {gt(a_, 100, "ETH")};
    share_ = only("BTC", "before");
    start();
    wait_until_settled("before");
    price(150, "ETH");
    checker_->on_share(only("ETH", "after"));
    loads.get_future().wait();
    ASSERT_TRUE(wait_for_groups(1)) << "it has fired while it loads";
    wait_for_a_sign_after(checker_->signs_of_life());
    wait_for_a_sign_after(checker_->signs_of_life());
    goes_on.set_value();
    wait_until_settled("after");
}

}  // namespace
}  // namespace pricewire::alert
