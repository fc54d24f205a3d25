#include "app/database_clock.hpp"

#include <gtest/gtest.h>

#include "fakes/log_capture.hpp"
#include "fakes/test_storage.hpp"

namespace pricewire::app {
namespace {

using namespace std::chrono_literals;

// The test's database goes by the system's clock.
class DatabaseClockTest : public ::testing::Test {
protected:
    Duration off(Duration ahead, bool shares = true) {
        const ManualClock own(system_clock().now() + ahead);
        const DatabaseClock clock(shares ? &storage_ : nullptr, own);
        return clock.now() - system_clock().now();
    }

    fakes::LogCapture log_;
    fakes::TestStorage storage_;
};

TEST_F(DatabaseClockTest, AClockThatIsAMinuteOffIsCorrected) {
    EXPECT_LT(off(60s), 30s);
    EXPECT_GT(off(-60s), -30s);
    EXPECT_EQ(log_.count("clock is wrong"), 2U);
}

TEST_F(DatabaseClockTest, OneThatIsRightOrAnHourOffOrHasNoDatabaseIsLeftAsItIs) {
    EXPECT_LT(off(0s), 30s);
    EXPECT_EQ(log_.count("clock is wrong"), 0U);
    EXPECT_GT(off(1h), 30min);
    EXPECT_EQ(log_.count("too far"), 1U);
    EXPECT_GT(off(60s, false), 30s);
}

TEST_F(DatabaseClockTest, WithoutAnAnswerItGoesOn) {
    storage_.fail();
    EXPECT_GT(off(60s), 30s);
}

}  // namespace
}  // namespace pricewire::app
