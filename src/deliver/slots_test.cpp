#include "deliver/slots.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

namespace pricewire::deliver {
namespace {

using std::chrono::seconds;

class SlotsTest : public testing::Test {
protected:
    // As "a" sees it, if the senders own equal parts.
    Slots::Change update(std::vector<std::string> senders, bool others_settled,
                         const std::string& self = "a 1") {
        Charge charge{.self = self, .is_sure = is_sure_, .gone_have_ended = gone_have_ended_};
        const auto owned_by = [&](const std::string& sender) {
            const auto own = std::ranges::find(senders, sender) - senders.begin();
            UserSlots out;
            for (std::size_t slot = 0; slot < user_slots; ++slot)
                out.set(slot, slot % senders.size() == static_cast<std::size_t>(own));
            return out;
        };
        charge.owned = owned_by(self);
        for (const std::string& sender : senders) {
            if (sender != self) charge.others.push_back({sender, others_settled, owned_by(sender)});
        }
        return slots_.update(charge, clock_.mono());
    }

    bool is_sure_ = true;
    MonoTime gone_have_ended_ = MonoTime::min();
    ManualClock clock_;
    Slots slots_{seconds{5}};
};

TEST_F(SlotsTest, OneThatIsAloneOwnsAllAtOnce) {
    EXPECT_TRUE(update({"a 1"}, true).gained.all());
    EXPECT_TRUE(slots_.owned().all());
    EXPECT_TRUE(slots_.one_each().none());
    const Slots::Change change = update({"a 1", "b 1"}, false);
    EXPECT_EQ(change.lost.count(), 128U);
    EXPECT_TRUE(slots_.one_each().none()) << "what it has it had before";
}

TEST_F(SlotsTest, OneThatJoinsHasOneAttemptEachUntilAllAreSettledAndWhatHasGoneHasEnded) {
    EXPECT_EQ(update({"a 1", "b 1"}, false).gained.count(), 128U);
    EXPECT_EQ(slots_.one_each(), slots_.owned());
    clock_.advance(seconds{4});
    EXPECT_TRUE(update({"a 1", "b 1"}, false).freed.none());
    clock_.advance(seconds{1});
    EXPECT_TRUE(update({"a 1", "b 1"}, false).freed.none());
    EXPECT_EQ(slots_.one_each(), slots_.owned());
    EXPECT_EQ(update({"a 1", "b 1"}, true).freed.count(), 128U);
    EXPECT_TRUE(slots_.one_each().none());
    EXPECT_TRUE(update({"a 1", "b 1"}, false).freed.none());
    EXPECT_TRUE(slots_.one_each().none());
}

TEST_F(SlotsTest, OneThatJoinsCannotKnowWhatHasGoneJustBefore) {
    update({"a 1", "b 1"}, true);
    clock_.advance(seconds{4});
    EXPECT_TRUE(update({"a 1", "b 1"}, true).freed.none());
    clock_.advance(seconds{1});
    EXPECT_EQ(update({"a 1", "b 1"}, true).freed.count(), 128U);
}

TEST_F(SlotsTest, OneThatIsAloneWaitsForWhatWasUnderWayAtAnotherThatWentBefore) {
    gone_have_ended_ = clock_.mono() + seconds{5};
    EXPECT_TRUE(update({"a 1"}, true).gained.all());
    EXPECT_TRUE(slots_.one_each().all());
    clock_.advance(seconds{4});
    EXPECT_TRUE(update({"a 1"}, true).freed.none());
    clock_.advance(seconds{1});
    EXPECT_TRUE(update({"a 1"}, true).freed.all());
    gone_have_ended_ = clock_.mono() + seconds{5};
    update({"a 1"}, true);
    EXPECT_TRUE(slots_.one_each().none()) << "it has seen for itself since";
}

TEST_F(SlotsTest, UntilItIsSureThatItIsAloneItHasOneAttemptEach) {
    is_sure_ = false;
    EXPECT_TRUE(update({"a 1"}, true).gained.all());
    EXPECT_TRUE(slots_.one_each().all());
    clock_.advance(seconds{60});
    update({"a 1"}, true);
    EXPECT_TRUE(slots_.one_each().all());
    is_sure_ = true;
    EXPECT_TRUE(update({"a 1"}, true).freed.all());
    EXPECT_TRUE(slots_.one_each().none());
    is_sure_ = false;
    update({"a 2"}, true, "a 2");
    EXPECT_TRUE(slots_.one_each().all()) << "the others may have ended their lives as well";
}

TEST_F(SlotsTest, OneThatIsFoundLateMayHaveHadAnything) {
    is_sure_ = false;
    update({"a 1"}, true);
    is_sure_ = true;
    update({"a 1", "b 1"}, false);
    clock_.advance(seconds{60});
    EXPECT_TRUE(update({"a 1", "b 1"}, false).freed.none());
    EXPECT_EQ(update({"a 1", "b 1"}, true).freed.count(), 128U);
}

TEST_F(SlotsTest, WhoComesAndGoesDelaysOnlyWhatItMayHaveHad) {
    update({"a 1", "b 1"}, true);
    clock_.advance(seconds{5});
    update({"a 1", "b 1"}, true);
    const UserSlots before = slots_.owned();
    update({"a 1"}, true);
    EXPECT_EQ(slots_.one_each(), ~before);
    clock_.advance(seconds{4});
    update({"a 1", "c 1"}, false);
    const UserSlots kept = slots_.owned();
    update({"a 1"}, true);
    clock_.advance(seconds{1});
    EXPECT_EQ(update({"a 1"}, true).freed, ~before & kept) << "c never had these";
    clock_.advance(seconds{4});
    update({"a 1"}, true);
    EXPECT_TRUE(slots_.one_each().none());
}

TEST_F(SlotsTest, WhatOneHadThatHasGoneHasOneAttemptEachUntilItsAttemptsHaveEnded) {
    update({"a 1", "b 1"}, true);
    clock_.advance(seconds{5});
    update({"a 1", "b 1"}, true);
    const UserSlots before = slots_.owned();
    EXPECT_EQ(update({"a 1"}, true).gained, ~before);
    EXPECT_EQ(slots_.one_each(), ~before);
    clock_.advance(seconds{4});
    update({"a 1"}, true);
    EXPECT_EQ(slots_.one_each(), ~before);
    clock_.advance(seconds{1});
    update({"a 1"}, true);
    EXPECT_TRUE(slots_.one_each().none());
}

TEST_F(SlotsTest, OneThatLivesAnotherLifeMayHaveHadAttemptsInTheOneBefore) {
    update({"a 1"}, true);
    update({"a 1", "b 1"}, true);
    clock_.advance(seconds{60});
    update({"a 1"}, true);
    clock_.advance(seconds{60});
    update({"a 1"}, true);
    EXPECT_TRUE(slots_.one_each().none());
    update({"a 1", "b 2"}, true);
    update({"a 1", "b 3"}, true);
    update({"a 1"}, true);
    EXPECT_EQ(slots_.one_each().count(), 128U);
}

TEST_F(SlotsTest, InAnotherLifeOfItsOwnOthersMayHaveTakenOver) {
    update({"a 1"}, true);
    EXPECT_TRUE(slots_.one_each().none());
    EXPECT_TRUE(update({"a 2"}, true, "a 2").lost.all());
    EXPECT_TRUE(slots_.one_each().all()) << "another may have come and gone meanwhile";
    clock_.advance(seconds{4});
    EXPECT_TRUE(update({"a 2"}, true, "a 2").freed.none());
    clock_.advance(seconds{1});
    EXPECT_TRUE(update({"a 2"}, true, "a 2").freed.all());
    update({"a 2", "b 1"}, true, "a 2");
    EXPECT_TRUE(slots_.one_each().none());
    const Slots::Change change = update({"a 3", "b 1"}, true, "a 3");
    EXPECT_EQ(change.lost.count(), 128U) << "what is known of them may not be so any more";
    EXPECT_EQ(change.gained.count(), 128U);
    EXPECT_EQ(slots_.one_each(), slots_.owned());
    clock_.advance(seconds{5});
    update({"a 3", "b 1"}, true, "a 3");
    EXPECT_TRUE(slots_.one_each().none());
}

}  // namespace
}  // namespace pricewire::deliver
