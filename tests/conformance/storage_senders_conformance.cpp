// The contract of every Storage: senders that share a database, and the claims of dead ones.
#include <atomic>
#include <set>
#include <span>

#include "storage_fixture.hpp"

namespace pricewire::conformance {
namespace {

class StorageSendersConformance : public StorageConformance {};

TEST_P(StorageSendersConformance, ADeadSendersClaimsAreReleasedBeforeItsLeaseExpires) {
    const Uuid dead = pending();
    const Uuid living = pending();
    const Uuid silent = pending();
    storage_->keep_alive("sender-1", now_, 1h);
    storage_->keep_alive("sender-2", now_, 0s);
    storage_->keep_alive("sender-2", now_, 1h);
    claim(dead, 1, now_);
    claim(living, 1, now_, "sender-2");
    claim(silent, 1, now_, "sender-3");
    EXPECT_EQ(storage_->release_dead(now_), 0U);
    storage_->keep_alive("sender-1", now_, 0s);
    EXPECT_EQ(storage_->release_dead(now_), 1U);
    const auto again = storage_->claim_due(now_ + 5s, 10, {"sender-4", now_ + lease_});
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].id, dead);
    EXPECT_EQ(again[0].attempt, 1);
    storage_->keep_alive("sender-2", now_, 0s);
    EXPECT_EQ(storage_->release_dead(now_), 1U);
    EXPECT_EQ(storage_->claim_due(now_ + 7s, 10, {"sender-4", now_ + lease_}).at(0).id, living);
    // The claims of a sender that never sent a heartbeat last until its lease expires.
    EXPECT_EQ(storage_->release_dead(now_), 0U);
    EXPECT_EQ(storage_->claim_due(now_ + lease_, 10, {"sender-5", now_ + 2 * lease_}).size(), 3U);
}

TEST_P(StorageSendersConformance, ADeadSendersAttemptIsRecordedUnlessAnotherWasMade) {
    const Alert alert = add_alert();
    const auto tasks = fire({alert.id});
    storage_->keep_alive("sender-1", now_, 0s);
    storage_->claim(tasks, now_, {"sender-1", now_ + lease_});
    EXPECT_EQ(storage_->release_dead(now_), 1U);
    EXPECT_EQ(view(alert.id).state, DeliveryState::pending);
    EXPECT_EQ(view(alert.id).next_attempt_at, now_);
    record(outcome(tasks[0].delivery_id, 1, now_ + 2s, DeliveryState::delivered));
    EXPECT_EQ(view(alert.id).state, DeliveryState::delivered);
    EXPECT_FALSE(storage_->next_due());
}

TEST_P(StorageSendersConformance, ASenderThatReleasedItsClaimsOrIsDeadIsForgotten) {
    const Uuid id = pending();
    storage_->keep_alive("sender-1", now_, 0s);
    EXPECT_EQ(storage_->release_claims("sender-1"), 0U);
    claim(id, 1, now_);
    EXPECT_EQ(storage_->release_dead(now_), 0U);
    storage_->keep_alive("sender-1", now_, 0s);
    EXPECT_EQ(storage_->release_dead(now_), 1U);
    // It was alive after all: its new claims have its lease.
    claim(id, 1, now_ + 4s);
    EXPECT_EQ(storage_->release_dead(now_), 0U);
}

TEST_P(StorageSendersConformance, ADeadSendersClaimsAreReleasedOnceByConcurrentCalls) {
    const auto tasks = fire(add_alerts(60));
    storage_->keep_alive("sender-1", now_, 0s);
    storage_->claim(tasks, now_, {"sender-1", now_ + lease_});
    std::atomic<std::size_t> released = 0;
    at_once(4, [&](int t) {
        storage_->keep_alive("sender-2-" + std::to_string(t), now_, 1h);
        released += storage_->release_dead(now_);
    });
    EXPECT_EQ(released, 60U);
}

TEST_P(StorageSendersConformance, LeasesAreReleasedByTheirOwnerAndTheirExactEnds) {
    const auto tasks = fire(add_alerts(6));
    const auto some = [&](std::size_t from, std::size_t count) {
        return std::span(tasks).subspan(from, count);
    };
    storage_->claim(some(0, 2), now_, {"sender-1", now_ + lease_});
    storage_->claim(some(2, 1), now_, {"sender-1", now_ + lease_ + 1us});
    storage_->claim(some(3, 1), now_, {"sender-1", now_ + lease_ + 2us});
    storage_->claim(some(4, 1), now_, {"sender-2", now_ + lease_});
    EXPECT_EQ(storage_->release_leases("sender-3", std::vector{now_ + lease_}), 0U);
    EXPECT_EQ(storage_->release_leases("sender-1", {}), 0U);
    const std::vector lost{now_ + lease_ + 2us, now_ + lease_, now_};
    EXPECT_EQ(storage_->release_leases("sender-1", lost), 3U);
    EXPECT_EQ(storage_->release_leases("sender-1", lost), 0U);
    std::set<Uuid> due;
    for (const auto& one : storage_->claim_due(now_, 10, {"sender-4", now_ + lease_})) {
        EXPECT_EQ(one.attempt, 1);
        due.insert(one.id);
    }
    EXPECT_EQ(due, (std::set{tasks[0].delivery_id, tasks[1].delivery_id, tasks[3].delivery_id,
                             tasks[5].delivery_id}));
}

INSTANTIATE_TEST_SUITE_P(Storages, StorageSendersConformance, storages(),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pricewire::conformance
