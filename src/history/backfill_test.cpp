#include "history/backfill.hpp"

#include <gtest/gtest.h>

#include <utility>

#include "base/mutex.hpp"
#include "domain/bars.hpp"
#include "fakes/test_storage.hpp"

namespace pricewire::history {
namespace {

using namespace std::chrono_literals;

// Answers each call at once with a bar in each interval, or keeps it open.
class FakePast : public past::Past {
public:
    void bars(past::PastAsk ask, std::move_only_function<void(past::PastBars)> done) override {
        past::PastBars out;
        out.venues.push_back({ask.places.front(), std::nullopt});
        for (Timestamp at = ask.from; at < ask.to; at += ask.interval) {
            const Decimal price = Decimal::from_int(7);
            out.bars.push_back(
                {.start = at, .open = price, .high = price, .low = price, .close = price, .owners = 2});
        }
        MutexLock lock(mutex_);
        asked_.push_back(std::move(ask));
        if (hold_) {
            open_.emplace_back(std::move(out), std::move(done));
            return;
        }
        lock.unlock();
        done(std::move(out));
    }
    void trades(past::PastAsk, std::move_only_function<void(std::vector<past::PlaceTrades>)>) override {}

    void hold(bool yes) {
        MutexLock lock(mutex_);
        hold_ = yes;
    }
    void answer_all() {
        decltype(open_) open;
        {
            MutexLock lock(mutex_);
            open.swap(open_);
        }
        for (auto& [bars, done] : open) done(std::move(bars));
    }
    std::size_t asked() {
        MutexLock lock(mutex_);
        return asked_.size();
    }

private:
    Mutex mutex_;
    bool hold_ GUARDED_BY(mutex_) = false;
    std::vector<past::PastAsk> asked_ GUARDED_BY(mutex_);
    std::vector<std::pair<past::PastBars, std::move_only_function<void(past::PastBars)>>> open_
        GUARDED_BY(mutex_);
};

class BackfillTest : public ::testing::Test {
protected:
    std::unique_ptr<Backfill> start(std::string owner = "feed") {
        return start_backfill(past_, storage_, clock_, {.owner = std::move(owner), .retry = 1ms});
    }
    std::size_t bars(Duration interval) {
        return storage_.bars("BTC", interval, Timestamp::min(), Timestamp::max(), 20'000).size();
    }
    bool is_filled() {
        const auto filled = storage_.filled("BTC");
        return filled && filled->until;
    }

    FakePast past_;
    fakes::TestStorage storage_;
    ManualClock clock_;
};

TEST_F(BackfillTest, FillsDaysOfMinutesAMonthOfHoursAndAYearOfDays) {
    const auto backfill = start();
    backfill->watch("BTC", {{"kraken", "X"}}, false);
    ASSERT_TRUE(storage_.wait_until([&] { return is_filled(); }));
    const Timestamp now = clock_.now();
    EXPECT_EQ(bars(1min),
              static_cast<std::size_t>((interval_start(now, 1min) - interval_start(now - 24h, 1h)) / 1min));
    EXPECT_EQ(
        bars(1h),
        static_cast<std::size_t>((interval_start(now, 1h) - interval_start(now - 30 * 24h, 24h)) / 1h) + 1);
    EXPECT_EQ(bars(24h), 366U);
    EXPECT_EQ(bars(7 * 24h), 53U);
}

TEST_F(BackfillTest, OneOfTwoFeedsFillsATicker) {
    const auto one = start("one"), other = start("other");
    one->watch("BTC", {{"kraken", "X"}}, true);
    other->watch("BTC", {{"kraken", "X"}}, true);
    ASSERT_TRUE(storage_.wait_until([&] { return is_filled() && storage_.calls("claim_fill") > 1; }));
    one->stop();
    other->stop();
    EXPECT_EQ(past_.asked(), 4U);
}

TEST_F(BackfillTest, WhatIsInterruptedIsDoneByWhoeverComesNext) {
    past_.hold(true);
    auto killed = start("one");
    killed->watch("BTC", {{"kraken", "X"}}, true);
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.calls("claim_fill") == 1; }));
    killed.reset();
    past_.hold(false);
    const auto other = start("other");
    other->watch("BTC", {{"kraken", "X"}}, true);
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.calls("claim_fill") == 2; }));
    EXPECT_FALSE(is_filled()) << "the lease lasts";
    other->stop();
    clock_.advance(61s);
    const auto third = start("third");
    third->watch("BTC", {{"kraken", "X"}}, true);
    ASSERT_TRUE(storage_.wait_until([&] { return is_filled(); }));
    past_.answer_all();
}

TEST_F(BackfillTest, WaitsForTheDatabase) {
    storage_.fail();
    const auto backfill = start();
    backfill->watch("BTC", {{"kraken", "X"}}, true);
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.calls("claim_fill") > 0; }));
    EXPECT_EQ(past_.asked(), 0U);
    backfill->stop();
    storage_.heal();
    clock_.advance(1s);
    const auto again = start();
    again->watch("BTC", {{"kraken", "X"}}, true);
    ASSERT_TRUE(storage_.wait_until([&] { return is_filled(); }));
}

}  // namespace
}  // namespace pricewire::history
