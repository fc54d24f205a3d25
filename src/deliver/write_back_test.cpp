#include "deliver/write_back.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <span>
#include <vector>

#include "fakes/log_capture.hpp"
#include "fakes/test_storage.hpp"
#include "storage/error.hpp"

namespace pricewire::deliver {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Keeps what is counted by endpoint, one for each outcome, and counts a hundred at once.
class Keeping : public fakes::TestStorage {
public:
    std::vector<storage::DisabledEndpoint> record(std::span<const DeliveryOutcome> outcomes) override {
        auto disabled = TestStorage::record(outcomes);
        uncounted_ += outcomes.size();
        return disabled;
    }
    std::size_t uncounted() override { return uncounted_; }
    void count_calls() override {
        ++calls_;
        if (fails_) throw storage::StorageError("no room");
        uncounted_ -= std::min<std::size_t>(uncounted_, 100);
    }
    int calls() const { return calls_; }
    void fail_to_count(bool fails) { fails_ = fails; }

private:
    bool fails_ = false;
    std::size_t uncounted_ = 0;
    int calls_ = 0;
};

class WriteBackTest : public testing::Test {
protected:
    void record(int count) {
        for (int i = 0; i < count; ++i)
            write_back_.add(DeliveryOutcome{.delivery_id = make_uuid(clock_.now())});
        write_back_.step(true);
    }

    ManualClock clock_;
    Keeping storage_;
    StorageGate gate_{clock_, 1};
    WriteBack write_back_{"one", storage_, clock_, gate_};
};

TEST_F(WriteBackTest, CountsByEndpointAtOnceThenOnceASecond) {
    EXPECT_FALSE(write_back_.next_step(true));
    record(1);
    EXPECT_EQ(storage_.uncounted(), 0U);
    for (int i = 0; i < 10; ++i) record(25);
    EXPECT_EQ(storage_.calls(), 1) << "it is recorded, and not counted yet";
    EXPECT_EQ(storage_.uncounted(), 250U);
    EXPECT_EQ(write_back_.next_step(true), clock_.mono() + seconds{1});
    clock_.advance(milliseconds{999});
    write_back_.step(true);
    EXPECT_EQ(storage_.calls(), 1);
    clock_.advance(milliseconds{1});
    write_back_.step(true);
    EXPECT_EQ(storage_.calls(), 2) << "the rest after whatever else there is to do";
    EXPECT_LE(write_back_.next_step(true), clock_.mono());
    while (storage_.uncounted() > 0) write_back_.step(true);
    EXPECT_EQ(storage_.calls(), 4);
    EXPECT_FALSE(write_back_.next_step(true));
}

TEST_F(WriteBackTest, CountsAllAtItsEnd) {
    record(1);
    record(250);
    EXPECT_EQ(storage_.uncounted(), 250U);
    write_back_.finish({});
    EXPECT_EQ(storage_.uncounted(), 0U);
}

TEST_F(WriteBackTest, NothingWaitsForWhatCannotBeCounted) {
    fakes::LogCapture log;
    storage_.fail_to_count(true);
    record(1);
    record(1);
    EXPECT_EQ(write_back_.outcomes(), 0U);
    EXPECT_FALSE(gate_.closed());
    EXPECT_EQ(storage_.calls(), 1) << "not at each record";
    clock_.advance(seconds{1});
    write_back_.step(true);
    EXPECT_EQ(log.count("attempts cannot be counted by endpoint"), 1U);
    storage_.fail_to_count(false);
    clock_.advance(seconds{1});
    write_back_.step(true);
    EXPECT_EQ(storage_.uncounted(), 0U);
    EXPECT_EQ(log.count("attempts are counted by endpoint again"), 1U);
}

TEST_F(WriteBackTest, ItsClaimsAreReleasedThoughTheLastAttemptsCannotBeCounted) {
    fakes::LogCapture log;
    record(1);
    record(1);
    storage_.fail_to_count(true);
    write_back_.finish({});
    EXPECT_EQ(storage_.TestStorage::calls("release_claims"), 1);
    EXPECT_EQ(log.count("the last attempts could not be counted"), 1U);
    EXPECT_EQ(log.count("could not write its last outcomes"), 0U);
}

}  // namespace
}  // namespace pricewire::deliver
