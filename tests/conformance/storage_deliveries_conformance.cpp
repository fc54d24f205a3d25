// The contract of every Storage: outbox and deliveries.
#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "base/mutex.hpp"
#include "storage_fixture.hpp"

namespace pricewire::conformance {
namespace {

using namespace std::chrono_literals;

class StorageDeliveriesConformance : public StorageConformance {};

// The outbox

TEST_P(StorageDeliveriesConformance, FiringMarksTheAlertAndWritesOneDeliveryDueAtOnce) {
    const Alert alert = add_alert();
    const FiringGroup fired = group({alert.id});
    const auto tasks = storage_->fire(std::vector{fired});
    ASSERT_EQ(tasks.size(), 1U);
    EXPECT_EQ(tasks[0].delivery_id, fired.firings[0].delivery_id);
    EXPECT_EQ(tasks[0].attempt, 1);
    EXPECT_EQ(tasks[0].user_id, user_);
    const Alert stored = storage_->alert(user_, alert.id).value();
    EXPECT_FALSE(stored.is_active);
    EXPECT_EQ(stored.triggered_at, now_);
    EXPECT_EQ(stored.triggered_price.value().to_string(), "101.5");
    const DeliveryView d = view(alert.id);
    EXPECT_EQ(d.id, tasks[0].delivery_id);
    EXPECT_EQ(d.alert_id, alert.id);
    EXPECT_EQ(d.state, DeliveryState::pending);
    EXPECT_EQ(d.attempts, 0);
    EXPECT_EQ(d.created_at, now_);
    EXPECT_EQ(d.next_attempt_at, now_);
    EXPECT_FALSE(d.finished_at);
    EXPECT_TRUE(storage_->attempts_of(d.id).empty());
    EXPECT_EQ(storage_->next_due(), now_);
}

TEST_P(StorageDeliveriesConformance, FiringSkipsFiredDeletedAndUnknownAlerts) {
    const auto ids = add_alerts(4);
    fire({ids[0]});
    storage_->delete_alert(user_, ids[1]);
    EXPECT_EQ(fire({ids[0], ids[1], ids[2], make_uuid(now_)}).size(), 1U);
    EXPECT_EQ(deliveries_of(ids[0]).size(), 1U);
    EXPECT_TRUE(deliveries_of(ids[1]).empty());
    EXPECT_EQ(deliveries_of(ids[2]).size(), 1U);
    EXPECT_TRUE(fire({}).empty());
    EXPECT_TRUE(storage_->fire({}).empty());
}

TEST_P(StorageDeliveriesConformance, AnAlertNamedTwiceInOneCallFiresOnce) {
    const auto ids = add_alerts(2);
    EXPECT_EQ(storage_->fire(std::vector{group({ids[0], ids[0]}, "5"), group({ids[1], ids[0]}, "6")}).size(),
              2U);
    EXPECT_EQ(deliveries_of(ids[0]).size(), 1U);
    EXPECT_EQ(storage_->alert(user_, ids[0]).value().triggered_price.value().to_string(), "5");
    EXPECT_EQ(storage_->alert(user_, ids[1]).value().triggered_price.value().to_string(), "6");
}

TEST_P(StorageDeliveriesConformance, ConcurrentFiringsOfAnAlertFireItOnce) {
    const auto ids = add_alerts(200);
    struct {
        Mutex mutex;
        std::vector<Uuid> ids GUARDED_BY(mutex);
    } written;
    at_once(4, [&](int t) {
        for (std::size_t from = 0; from < ids.size(); from += 20) {
            auto part = std::vector(ids.begin() + static_cast<std::ptrdiff_t>(from),
                                    ids.begin() + static_cast<std::ptrdiff_t>(from + 20));
            if (t % 2 == 1) std::reverse(part.begin(), part.end());
            for (const DeliveryTask& task : fire(part)) {
                MutexLock lock(written.mutex);
                written.ids.push_back(task.delivery_id);
            }
        }
    });
    MutexLock lock(written.mutex);
    EXPECT_EQ(written.ids.size(), ids.size());
    for (const Uuid& id : ids) {
        const auto deliveries = deliveries_of(id);
        ASSERT_EQ(deliveries.size(), 1U);
        EXPECT_EQ(std::count(written.ids.begin(), written.ids.end(), deliveries[0].id), 1);
    }
}

TEST_P(StorageDeliveriesConformance, AnAlertFiredAndDeletedConcurrentlyHasADeliveryOnlyIfItFired) {
    for (const Uuid& id : add_alerts(50)) {
        std::atomic<std::size_t> fired = 0;
        at_once(2, [&](int t) {
            if (t == 0) {
                fired = fire({id}).size();
            } else {
                EXPECT_TRUE(storage_->delete_alert(user_, id));
            }
        });
        EXPECT_EQ(deliveries_of(id).size(), fired);
    }
}

// Claims

TEST_P(StorageDeliveriesConformance, AClaimReturnsAllThatAnAttemptNeeds) {
    const Alert alert = add_alert();
    const auto tasks = fire({alert.id});
    const auto claimed = storage_->claim(tasks, now_, {"sender-1", now_ + lease_});
    ASSERT_EQ(claimed.size(), 1U);
    EXPECT_EQ(claimed[0].id, tasks[0].delivery_id);
    EXPECT_EQ(claimed[0].attempt, 1);
    EXPECT_EQ(claimed[0].created_at, now_);
    EXPECT_EQ(claimed[0].secrets.current, "whsec_ann@example.com");
    EXPECT_EQ(claimed[0].alert.id, alert.id);
    EXPECT_EQ(claimed[0].alert.webhook_url, alert.webhook_url);
    EXPECT_EQ(claimed[0].alert.triggered_at, now_);
    EXPECT_EQ(claimed[0].alert.triggered_price.value().to_string(), "101.5");
    EXPECT_EQ(view(alert.id).state, DeliveryState::delivering);
    EXPECT_FALSE(view(alert.id).next_attempt_at);
}

TEST_P(StorageDeliveriesConformance, AClaimExcludesOthersUntilItsLeaseExpires) {
    const Uuid id = pending();
    EXPECT_EQ(claim(id, 1, now_).size(), 1U);
    EXPECT_TRUE(claim(id, 1, now_, "sender-2").empty());
    EXPECT_TRUE(claim(id, 1, now_).empty());
    EXPECT_TRUE(storage_->claim_due(now_ + lease_ - 1us, 10, {"sender-2", now_}).empty());
    EXPECT_EQ(storage_->next_due(), now_ + lease_);
    EXPECT_EQ(claim(id, 1, now_ + lease_, "sender-2").size(), 1U);
    EXPECT_EQ(storage_->next_due(), now_ + 2 * lease_);
}

TEST_P(StorageDeliveriesConformance, ClaimsOnlyDueDeliveriesWithTheTasksAttempt) {
    const Uuid id = pending();
    EXPECT_TRUE(claim(id, 1, now_ - 1us).empty());
    EXPECT_TRUE(claim(id, 2, now_).empty());
    EXPECT_TRUE(claim(id, 0, now_).empty());
    EXPECT_TRUE(claim(make_uuid(now_), 1, now_).empty());
    EXPECT_EQ(claim(id, 1, now_).size(), 1U);
    record(outcome(id, 1, now_, DeliveryState::pending, now_ + 10s));
    EXPECT_TRUE(claim(id, 1, now_ + 10s).empty());
    EXPECT_TRUE(claim(id, 2, now_ + 9s).empty());
    EXPECT_EQ(claim(id, 2, now_ + 10s).at(0).attempt, 2);
}

TEST_P(StorageDeliveriesConformance, ClaimsTheLongestDueFirst) {
    std::vector<Uuid> ids;
    for (int i = 0; i < 4; ++i) ids.push_back(pending());
    for (int i = 0; i < 4; ++i) {
        claim(ids[static_cast<std::size_t>(i)], 1, now_);
        record(
            outcome(ids[static_cast<std::size_t>(i)], 1, now_, DeliveryState::pending, now_ + (10 - i) * 1s));
    }
    EXPECT_EQ(storage_->next_due(), now_ + 7s);
    const auto two = storage_->claim_due(now_ + 9s, 2, {"sender-1", now_ + lease_});
    ASSERT_EQ(two.size(), 2U);
    EXPECT_EQ(two[0].id, ids[3]);
    EXPECT_EQ(two[1].id, ids[2]);
    EXPECT_EQ(two[0].attempt, 2);
    const auto rest = storage_->claim_due(now_ + 9s, 10, {"sender-1", now_ + lease_});
    ASSERT_EQ(rest.size(), 1U);
    EXPECT_EQ(rest[0].id, ids[1]);
}

TEST_P(StorageDeliveriesConformance, ConcurrentClaimsReturnEachDeliveryOnce) {
    const auto ids = add_alerts(120);
    const auto tasks = fire(ids);
    struct {
        Mutex mutex;
        std::vector<Uuid> ids GUARDED_BY(mutex);
    } claimed;
    at_once(6, [&](int t) {
        const storage::Claim mine{"sender-" + std::to_string(t), now_ + lease_};
        for (std::size_t i = 0; i < 12; ++i) {
            auto got = t % 2 == 0 ? storage_->claim_due(now_, 10, mine)
                                  : storage_->claim(std::span(tasks).subspan(i * 10, 10), now_, mine);
            MutexLock lock(claimed.mutex);
            for (const ClaimedDelivery& c : got) claimed.ids.push_back(c.id);
        }
    });
    MutexLock lock(claimed.mutex);
    EXPECT_EQ(claimed.ids.size(), 120U);
    std::sort(claimed.ids.begin(), claimed.ids.end());
    EXPECT_EQ(std::unique(claimed.ids.begin(), claimed.ids.end()), claimed.ids.end());
}

TEST_P(StorageDeliveriesConformance, ReleasingReturnsOnlyTheOwnersClaims) {
    const Uuid mine = pending();
    const Uuid others = pending();
    const Uuid done = pending();
    claim(mine, 1, now_);
    claim(others, 1, now_, "sender-2");
    claim(done, 1, now_);
    record(outcome(done, 1, now_, DeliveryState::delivered));
    EXPECT_EQ(storage_->release_claims("sender-1"), 1U);
    EXPECT_EQ(storage_->release_claims("sender-1"), 0U);
    EXPECT_LE(storage_->next_due().value(), now_);
    const auto again = storage_->claim_due(now_, 10, {"sender-3", now_ + lease_});
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].id, mine);
    EXPECT_EQ(again[0].attempt, 1);
}

TEST_P(StorageDeliveriesConformance, AReleasedDeliveryIsPendingWithItsOldDueTime) {
    const Alert alert = add_alert();
    const auto tasks = fire({alert.id});
    storage_->claim(tasks, now_, {"sender-1", now_ + lease_});
    storage_->release_claims("sender-1");
    EXPECT_EQ(view(alert.id).state, DeliveryState::pending);
    EXPECT_EQ(view(alert.id).next_attempt_at, now_);
}

TEST_P(StorageDeliveriesConformance, NothingIsDueWithoutUnfinishedDeliveries) {
    EXPECT_FALSE(storage_->next_due());
    EXPECT_TRUE(storage_->claim_due(now_ + 24h, 10, {"sender-1", now_ + 48h}).empty());
    const Uuid id = pending();
    claim(id, 1, now_);
    record(outcome(id, 1, now_, DeliveryState::failed));
    EXPECT_FALSE(storage_->next_due());
}

TEST_P(StorageDeliveriesConformance, RecordsAttemptsUntilTheDeliveryEnds) {
    const Alert alert = add_alert();
    const Uuid id = fire({alert.id}).at(0).delivery_id;
    claim(id, 1, now_);
    record(outcome(id, 1, now_, DeliveryState::pending, now_ + 10s));
    EXPECT_EQ(view(alert.id).state, DeliveryState::pending);
    EXPECT_EQ(view(alert.id).attempts, 1);
    EXPECT_EQ(view(alert.id).next_attempt_at, now_ + 10s);
    EXPECT_FALSE(view(alert.id).finished_at);

    claim(id, 2, now_ + 10s);
    DeliveryOutcome silent = outcome(id, 2, now_ + 10s, DeliveryState::pending, now_ + 20s);
    silent.attempt->status = std::nullopt;
    silent.attempt->error = "no answer within 10 s";
    record(silent);
    claim(id, 3, now_ + 20s);
    record(outcome(id, 3, now_ + 20s, DeliveryState::delivered));
    EXPECT_EQ(view(alert.id).state, DeliveryState::delivered);
    EXPECT_EQ(view(alert.id).attempts, 3);
    EXPECT_FALSE(view(alert.id).next_attempt_at);
    EXPECT_EQ(view(alert.id).finished_at, now_ + 20s + 1500us);

    const auto attempts = storage_->attempts_of(id);
    ASSERT_EQ(attempts.size(), 3U);
    EXPECT_EQ(attempts[0].delivery_id, id);
    EXPECT_EQ(attempts[0].number, 1);
    EXPECT_EQ(attempts[0].started_at, now_);
    EXPECT_EQ(attempts[0].duration, 1500us);
    EXPECT_EQ(attempts[0].status, 503);
    EXPECT_EQ(attempts[0].error, "the receiver answered 503");
    EXPECT_FALSE(attempts[1].status);
    EXPECT_EQ(attempts[1].error, "no answer within 10 s");
    EXPECT_EQ(attempts[2].status, 200);
    EXPECT_EQ(attempts[2].error, "");
}

TEST_P(StorageDeliveriesConformance, IgnoresOutcomesOfAttemptsOtherThanTheCurrentOne) {
    const Alert alert = add_alert();
    const Uuid id = fire({alert.id}).at(0).delivery_id;
    claim(id, 1, now_);
    record(outcome(id, 2, now_, DeliveryState::delivered));
    EXPECT_EQ(view(alert.id).state, DeliveryState::delivering);
    // The lease expired and another sender made the attempt: the first one's late outcome is ignored.
    claim(id, 1, now_ + lease_, "sender-2");
    record(outcome(id, 1, now_ + lease_, DeliveryState::pending, now_ + 2 * lease_));
    record(outcome(id, 1, now_, DeliveryState::delivered));
    EXPECT_EQ(view(alert.id).state, DeliveryState::pending);
    EXPECT_EQ(storage_->attempts_of(id).size(), 1U);
    // A final state stays final.
    claim(id, 2, now_ + 2 * lease_);
    record(outcome(id, 2, now_ + 2 * lease_, DeliveryState::failed));
    record(outcome(id, 3, now_ + 2 * lease_, DeliveryState::delivered));
    EXPECT_EQ(view(alert.id).state, DeliveryState::failed);
    EXPECT_EQ(view(alert.id).attempts, 2);
    EXPECT_EQ(storage_->attempts_of(id).size(), 2U);
}

TEST_P(StorageDeliveriesConformance, AnIgnoredOutcomeDoesNotAffectOthersOfItsCall) {
    const Uuid a = pending();
    const Uuid b = pending();
    storage_->claim_due(now_, 10, {"sender-1", now_ + lease_});
    storage_->record(std::vector{outcome(a, 7, now_, DeliveryState::delivered),
                                 outcome(make_uuid(now_), 1, now_, DeliveryState::delivered),
                                 outcome(b, 1, now_, DeliveryState::delivered),
                                 outcome(b, 1, now_, DeliveryState::failed)});
    EXPECT_TRUE(storage_->attempts_of(a).empty());
    EXPECT_EQ(storage_->attempts_of(b).size(), 1U);
    EXPECT_EQ(storage_->next_due(), now_ + lease_);
}

INSTANTIATE_TEST_SUITE_P(Storages, StorageDeliveriesConformance, storages(),
                         [](const auto& test) { return test.param.name; });

TEST_P(StorageDeliveriesConformance, TheBacklogCountsDueAndUnfinishedDeliveries) {
    const auto expect = [&](Timestamp at, std::size_t due, std::size_t unfinished,
                            std::optional<Timestamp> oldest, std::size_t most = 100) {
        const storage::DeliveryBacklog found = storage_->backlog(at, most);
        EXPECT_EQ(found.due, due);
        EXPECT_EQ(found.unfinished, unfinished);
        EXPECT_EQ(found.oldest_due, oldest);
    };
    expect(now_, 0, 0, std::nullopt);
    const auto tasks = fire(add_alerts(5));
    expect(now_ - 1s, 0, 5, std::nullopt);
    expect(now_ + 1min, 5, 5, now_);
    expect(now_ + 1min, 3, 3, now_, 3);
    storage_->claim(std::vector{tasks[0], tasks[1]}, now_, {"sender", now_ + lease_});
    expect(now_, 3, 5, now_);
    expect(now_ + lease_, 5, 5, now_);
    storage_->record(std::vector<DeliveryOutcome>{
        {.delivery_id = tasks[0].delivery_id, .next = DeliveryState::delivered, .ended_at = now_},
        {.delivery_id = tasks[1].delivery_id,
         .next = DeliveryState::pending,
         .next_attempt_at = now_ + 1h,
         .reason = "why",
         .ended_at = now_}});
    expect(now_, 3, 4, now_);
}

}  // namespace
}  // namespace pricewire::conformance
