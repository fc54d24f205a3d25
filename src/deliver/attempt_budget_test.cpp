#include "deliver/attempt_budget.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <vector>

#include "base/uuid.hpp"

namespace pricewire::deliver {
namespace {

using namespace std::chrono_literals;
using Kind = AttemptBudget::Kind;

const MonoTime start = MonoTime{} + 1000h;
const Uuid ann = make_uuid(Timestamp{} + 1s);
const Uuid bob = make_uuid(Timestamp{} + 2s);

int taken(AttemptBudget& budget, const Uuid& user, Kind kind, MonoTime now, int tries = 1000) {
    int count = 0;
    for (int i = 0; i < tries; ++i) count += budget.take(user, kind, now) ? 0 : 1;
    return count;
}

TEST(AttemptBudget, WithoutALimitEverythingIsAllowed) {
    AttemptBudget budget(std::nullopt);
    EXPECT_EQ(taken(budget, ann, Kind::other, start), 1000);
    EXPECT_EQ(budget.users(), 0U);
}

TEST(AttemptBudget, EachUserHasTheirOwn) {
    AttemptBudget budget(access::RateLimit{100, 10s});
    EXPECT_EQ(taken(budget, ann, Kind::first_of_firing, start), 100);
    EXPECT_EQ(taken(budget, bob, Kind::first_of_firing, start), 100);
    EXPECT_EQ(taken(budget, ann, Kind::first_of_firing, start + 1s), 10);
}

TEST(AttemptBudget, HalfIsLeftToFirstAttemptsOfFirings) {
    AttemptBudget budget(access::RateLimit{100, 10s});
    EXPECT_EQ(taken(budget, ann, Kind::other, start), 50);
    EXPECT_EQ(taken(budget, ann, Kind::first_of_firing, start), 50);
    EXPECT_EQ(taken(budget, ann, Kind::other, start + 4s), 0)
        << "firings may have taken more than their half";
    EXPECT_EQ(taken(budget, ann, Kind::first_of_firing, start + 4s), 40);
}

TEST(AttemptBudget, ASingleTokenServesBothKinds) {
    AttemptBudget budget(access::RateLimit{1, 1min});
    EXPECT_FALSE(budget.take(ann, Kind::other, start));
    EXPECT_EQ(budget.take(ann, Kind::first_of_firing, start)->wait, 1min);
}

TEST(AttemptBudget, ThoseRefusedComeBackOneAfterTheOther) {
    AttemptBudget budget(access::RateLimit{10, 10s});
    taken(budget, ann, Kind::first_of_firing, start, 10);
    for (int i = 1; i <= 5; ++i) {
        const auto refusal = budget.take(ann, Kind::first_of_firing, start);
        ASSERT_TRUE(refusal);
        EXPECT_EQ(refusal->wait, i * 1s);
        EXPECT_EQ(refusal->first, i == 1);
    }
    for (int i = 1; i <= 5; ++i) EXPECT_FALSE(budget.take(ann, Kind::first_of_firing, start + i * 1s));
    EXPECT_FALSE(budget.take(ann, Kind::first_of_firing, start + 30min));
    taken(budget, ann, Kind::first_of_firing, start + 90min, 10);
    EXPECT_TRUE(budget.take(ann, Kind::first_of_firing, start + 90min)->first)
        << "an hour later it is news again";
}

TEST(AttemptBudget, RemembersABoundedNumberOfUsers) {
    AttemptBudget budget(access::RateLimit{1, 1h}, 10);
    std::vector<Uuid> users;
    for (int i = 0; i < 25; ++i) {
        users.push_back(make_uuid(Timestamp{} + i * 1s));
        EXPECT_FALSE(budget.take(users.back(), Kind::first_of_firing, start));
        EXPECT_TRUE(budget.take(users[0], Kind::first_of_firing, start)) << "it is used all the time";
    }
    EXPECT_EQ(budget.users(), 10U);
}

// Whatever is asked when, no user gets more than the limit's count in a burst and its rate after that, and each
// refused attempt that comes back when it was told to, with nothing else in between, may start.
RC_GTEST_PROP(AttemptBudget, IsNeverExceeded, ()) {
    const access::RateLimit limit{*rc::gen::inRange(1U, 20U), std::chrono::seconds{*rc::gen::inRange(1, 20)}};
    AttemptBudget budget(limit);
    std::map<Uuid, int> started;
    MonoTime now = start;
    for (int i = 0; i < 300; ++i) {
        now += std::chrono::milliseconds{*rc::gen::inRange(0, 2000)};
        const Uuid& user = *rc::gen::arbitrary<bool>() ? ann : bob;
        const Kind kind = *rc::gen::arbitrary<bool>() ? Kind::other : Kind::first_of_firing;
        const auto refusal = budget.take(user, kind, now);
        if (!refusal) ++started[user];
        if (refusal) RC_ASSERT(refusal->wait > Duration::zero());
        const double seconds = std::chrono::duration<double>(now - start).count();
        const double refilled = seconds * limit.count / std::chrono::duration<double>(limit.period).count();
        RC_ASSERT(started[user] <= limit.count + refilled + 1e-6);
    }
    const auto refusal = budget.take(ann, Kind::first_of_firing, now);
    if (refusal) RC_ASSERT(!budget.take(ann, Kind::first_of_firing, now + refusal->wait));
}

}  // namespace
}  // namespace pricewire::deliver
