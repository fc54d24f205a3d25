#include "history/bar_writer.hpp"

#include <gtest/gtest.h>

#include "fakes/test_storage.hpp"

namespace pricewire::history {
namespace {

using namespace std::chrono_literals;

Bar bar(Timestamp start, int open, int high, int low, int close) {
    return {"BTC",
            start,
            Decimal::from_int(open),
            Decimal::from_int(high),
            Decimal::from_int(low),
            Decimal::from_int(close)};
}

class BarWriterTest : public ::testing::Test {
protected:
    fakes::TestStorage storage_;
    ManualClock clock_;
    Timestamp minute_ = std::chrono::floor<std::chrono::minutes>(clock_.now());

    std::vector<Bar> kept() { return storage_.bars("BTC", 1min, Timestamp{}, clock_.now() + 1h, 1000); }
};

TEST_F(BarWriterTest, WritesBarsAndMergesThoseOfOneMinute) {
    auto writer = create_bar_writer(storage_, clock_);
    writer->write({bar(minute_, 10, 12, 9, 11)});
    writer->write({bar(minute_, 11, 15, 8, 14), bar(minute_ + 1min, 14, 14, 14, 14)});
    writer->stop();
    EXPECT_EQ(kept(), (std::vector<Bar>{bar(minute_, 10, 15, 8, 14), bar(minute_ + 1min, 14, 14, 14, 14)}));
}

TEST_F(BarWriterTest, KeepsBarsWhileTheDatabaseIsUnreachable) {
    storage_.fail();
    auto writer = create_bar_writer(storage_, clock_, {.retry = 1ms});
    writer->write({bar(minute_, 10, 12, 9, 11)});
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.calls("upsert_bars") > 2; }));
    storage_.heal();
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.calls("upsert_bars") > 3; }));
    writer->stop();
    EXPECT_EQ(kept().size(), 1U);
}

TEST_F(BarWriterTest, SaysWhetherEverythingIsStored) {
    auto writer = create_bar_writer(storage_, clock_);
    writer->write({bar(minute_, 10, 12, 9, 11)});
    EXPECT_TRUE(writer->flush());
    EXPECT_EQ(kept().size(), 1U);
    storage_.fail();
    writer->write({bar(minute_ + 1min, 10, 12, 9, 11)});
    EXPECT_FALSE(writer->flush());
    storage_.heal();
    EXPECT_TRUE(writer->flush());
    EXPECT_EQ(kept().size(), 2U);
    writer->stop();
    EXPECT_FALSE(writer->flush());
}

TEST_F(BarWriterTest, RemovesOldBarsInSmallSteps) {
    std::vector<Bar> old;
    for (int i = 0; i < 25; ++i) old.push_back(bar(minute_ - 91 * 24h + i * 1min, 1, 1, 1, 1));
    const Bar young = bar(minute_ - 89 * 24h, 2, 2, 2, 2);
    old.push_back(young);
    storage_.upsert_bars(old);
    auto writer = create_bar_writer(storage_, clock_, {.prune_step = 10});
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.calls("prune_bars") == 3; }));
    writer->stop();
    EXPECT_EQ(kept(), std::vector<Bar>{young});
}

TEST_F(BarWriterTest, AClockThatIsFarAheadMakesNoBarOld) {
    const Timestamp now = std::chrono::floor<std::chrono::minutes>(system_clock().now());
    const std::vector<Bar> bars{bar(now - 24h, 1, 1, 1, 1), bar(now - 1min, 2, 2, 2, 2)};
    storage_.upsert_bars(bars);
    const ManualClock ahead(now + 24h * 500);
    auto writer = create_bar_writer(storage_, ahead);
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.calls("prune_bars") == 1; }));
    writer->stop();
    EXPECT_EQ(storage_.bars("BTC", 1min, now - 48h, now + 1h, 10), bars);
}

}  // namespace
}  // namespace pricewire::history
