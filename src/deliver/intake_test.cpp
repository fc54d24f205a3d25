#include "deliver/intake.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <vector>

#include "domain/user_slot.hpp"
#include "fakes/test_storage.hpp"

namespace pricewire::deliver {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// In it a user has so much due that reading it takes a while.
class LongBacklog : public fakes::TestStorage {
public:
    LongBacklog(ManualClock& clock, const Uuid& user) : clock_(clock), slot_(user_slot(user)) {}

    std::optional<Timestamp> next_due(const std::optional<UserSlots>& slots) override {
        if (slots && slots->test(slot_)) {
            ++read_;
            clock_.advance(milliseconds{200});
        }
        return TestStorage::next_due(slots);
    }
    int read() const { return read_; }

private:
    ManualClock& clock_;
    const std::size_t slot_;
    int read_ = 0;
};

TEST(Intake, ReadsTheBacklogOfAUserWhoHasEnoughInAHundredthOfTheTime) {
    ManualClock clock;
    const Uuid user = make_uuid(clock.now());
    LongBacklog storage(clock, user);
    Intake intake("one", minutes{1}, 1000, false, storage, clock);
    UserSlots all;
    all.set();
    intake.set_slots(all);
    Intake::Batch batch;
    const MonoTime until = clock.mono() + minutes{1};
    while (clock.mono() < until) {
        intake.claim(batch, {user});
        clock.advance(milliseconds{50});
    }
    EXPECT_EQ(storage.read(), 3) << "every 20 s";
}

}  // namespace
}  // namespace pricewire::deliver
