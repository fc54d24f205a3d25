// The contract of every Storage: what users see of their deliveries, and how they recover them.
#include "storage_fixture.hpp"

namespace pricewire::conformance {
namespace {

class StorageRecoveryConformance : public StorageConformance {
protected:
    // What was deleted before then is not kept any longer.
    static Timestamp after_deletion() { return system_clock().now() + 1s; }
    DeliveryView of(const Uuid& id) { return storage_->delivery(user_, id).value(); }
    std::vector<Uuid> ids(const storage::DeliveryFilter& filter) {
        std::vector<Uuid> out;
        const auto listed = storage_->deliveries(user_, filter);
        for (const DeliveryView& view : listed) out.push_back(view.id);
        return out;
    }
    // A delivery of its own alert that fired at this time.
    Uuid fired_at(Timestamp at) {
        FiringGroup fired = group({add_alert(std::to_string(++last_target_)).id});
        fired.fired_at = at;
        fired.firings[0].delivery_id = make_uuid(at);
        return storage_->fire(std::vector{fired}).at(0).delivery_id;
    }
    void attempt(const Uuid& id, int number, Timestamp at, DeliveryState next) {
        ASSERT_EQ(claim(id, number, at).size(), 1U);
        record(outcome(id, number, at, next));
    }
    Uuid failed_at(Timestamp at) {
        const Uuid id = fired_at(at);
        attempt(id, 1, at, DeliveryState::failed);
        return id;
    }
};

// Listing

TEST_P(StorageRecoveryConformance, ShowsADeliveryOnlyToItsUser) {
    const Uuid id = pending();
    const Uuid bob = add_user("bob@example.com");
    EXPECT_TRUE(storage_->delivery(user_, id));
    EXPECT_FALSE(storage_->delivery(bob, id));
    EXPECT_FALSE(storage_->delivery(user_, make_uuid(now_)));
    EXPECT_TRUE(storage_->deliveries(bob, {}).empty());
    EXPECT_TRUE(storage_->deliveries(bob, {.alert_id = of(id).alert_id}).empty());
    EXPECT_EQ(storage_->retry_delivery(bob, id, now_).error(), storage::RetryError::not_found);
    EXPECT_EQ(storage_->cancel_delivery(bob, id, now_).error(), storage::CancelError::not_found);
    EXPECT_TRUE(storage_->recover_deliveries(bob, now_ - 1h, now_, 10, {}).tasks.empty());
    EXPECT_FALSE(
        storage_->add_test_delivery(bob, of(id).alert_id, make_uuid(now_), Decimal::from_int(1), now_));
}

TEST_P(StorageRecoveryConformance, ShowsTheAlertOfADelivery) {
    Alert alert = new_alert();
    alert.ticker = "ETH";
    alert.webhook_url = "https://example.com/other";
    alert.deliver_within = 30min;
    ASSERT_TRUE(storage_->create_alert(alert, 10));
    const Uuid id = fire({alert.id}).at(0).delivery_id;
    const DeliveryView shown = of(id);
    EXPECT_EQ(shown.id, id);
    EXPECT_EQ(shown.alert_id, alert.id);
    EXPECT_EQ(shown.ticker, "ETH");
    EXPECT_EQ(shown.webhook_url, "https://example.com/other");
    EXPECT_EQ(shown.kind, DeliveryKind::alert);
    EXPECT_EQ(shown.state, DeliveryState::pending);
    EXPECT_EQ(shown.created_at, now_);
    EXPECT_EQ(shown.deadline, now_ + 30min);
    EXPECT_EQ(shown.next_attempt_at, now_);
    EXPECT_EQ(storage_->deliveries(user_, {}).at(0).webhook_url, "https://example.com/other");
}

TEST_P(StorageRecoveryConformance, ListsNewestFirstInPagesIncludingDeletedAlerts) {
    std::vector<Uuid> made;
    for (int i = 0; i < 25; ++i) made.push_back(fired_at(now_ + i * 1s));
    storage_->delete_alert(user_, of(made[7]).alert_id);
    const std::vector<Uuid> expected(made.rbegin(), made.rend());
    std::vector<Uuid> listed;
    storage::DeliveryFilter filter{.limit = 10};
    std::vector<std::size_t> pages;
    while (true) {
        const auto page = ids(filter);
        if (page.empty()) break;
        pages.push_back(page.size());
        listed.insert(listed.end(), page.begin(), page.end());
        filter.before = listed.back();
        fired_at(now_ + 1h);
    }
    EXPECT_EQ(pages, (std::vector<std::size_t>{10, 10, 5}));
    EXPECT_EQ(listed, expected);
}

TEST_P(StorageRecoveryConformance, FiltersByStateAlertAndTime) {
    const Uuid waits = fired_at(now_);
    const Uuid claimed = fired_at(now_ + 1s);
    const Uuid delivered = fired_at(now_ + 2s);
    const Uuid failed = fired_at(now_ + 3s);
    const Uuid expired = fired_at(now_ + 4s);
    const Uuid cancelled = fired_at(now_ + 5s);
    const Timestamp then = now_ + 5s;
    claim(claimed, 1, then);
    attempt(delivered, 1, then, DeliveryState::delivered);
    attempt(failed, 1, then, DeliveryState::failed);
    attempt(expired, 1, then, DeliveryState::expired);
    ASSERT_TRUE(storage_->cancel_delivery(user_, cancelled, then));
    const std::vector<std::pair<DeliveryState, Uuid>> states{
        {DeliveryState::pending, waits},       {DeliveryState::delivering, claimed},
        {DeliveryState::delivered, delivered}, {DeliveryState::failed, failed},
        {DeliveryState::expired, expired},     {DeliveryState::cancelled, cancelled}};
    for (const auto& [state, id] : states) {
        EXPECT_EQ(ids({.state = state}), std::vector{id}) << to_string(state);
        EXPECT_EQ(ids({.state = state, .alert_id = of(id).alert_id}), std::vector{id}) << to_string(state);
        EXPECT_TRUE(ids({.state = state, .since = now_ + 6s}).empty()) << to_string(state);
        EXPECT_TRUE(ids({.state = state, .before = id}).empty()) << to_string(state);
        EXPECT_EQ(ids({.alert_id = of(id).alert_id}), std::vector{id}) << to_string(state);
    }
    EXPECT_EQ(ids({.since = now_ + 4s}), (std::vector{cancelled, expired}));
    EXPECT_EQ(ids({.until = now_ + 2s}), (std::vector{claimed, waits}));
    EXPECT_EQ(ids({.since = now_ + 1s, .until = now_ + 3s}), (std::vector{delivered, claimed}));
    EXPECT_EQ(ids({.since = now_ + 1s, .until = now_ + 3s, .limit = 1}), std::vector{delivered});
    EXPECT_TRUE(ids({.alert_id = make_uuid(now_)}).empty());
    EXPECT_TRUE(ids({.alert_id = of(waits).alert_id, .since = now_ + 1us}).empty());
    EXPECT_EQ(ids({.since = Timestamp::min(), .until = Timestamp::max()}).size(), 6U);
}

TEST_P(StorageRecoveryConformance, AListingCanBeToldToLookNoFurther) {
    std::vector<Uuid> fired;
    for (int i = 0; i < 5; ++i) fired.push_back(fired_at(now_ + i * 1min));
    EXPECT_FALSE(storage_->delivery_horizon(user_, {}, 6));
    EXPECT_EQ(storage_->delivery_horizon(user_, {}, 5), fired[0]);
    EXPECT_EQ(storage_->delivery_horizon(user_, {.before = fired[4]}, 2), fired[2]);
    EXPECT_EQ(storage_->delivery_horizon(user_, {.until = now_ + 150s}, 1), fired[2]);
    EXPECT_FALSE(storage_->delivery_horizon(user_, {.since = now_ + 210s}, 2));
    EXPECT_EQ(ids({.state = DeliveryState::pending, .before = fired[4], .back_to = fired[2]}),
              (std::vector{fired[3], fired[2]}));
}

// Retrying

TEST_P(StorageRecoveryConformance, ARetriedDeliveryGetsOneAttemptAndKeepsItsEarlierOnes) {
    for (const auto end : {DeliveryState::failed, DeliveryState::delivered, DeliveryState::expired}) {
        const Uuid id = fired_at(now_);
        claim(id, 1, now_);
        record(outcome(id, 1, now_, DeliveryState::pending, now_ + 10s));
        attempt(id, 2, now_ + 10s, end);
        const Timestamp later = now_ + 30 * 24h;
        const auto task = storage_->retry_delivery(user_, id, later);
        ASSERT_TRUE(task);
        EXPECT_EQ(task->delivery_id, id);
        EXPECT_EQ(task->attempt, 3);
        EXPECT_EQ(of(id).state, DeliveryState::pending);
        EXPECT_EQ(of(id).next_attempt_at, later);
        EXPECT_EQ(of(id).deadline, later + 24h);
        EXPECT_FALSE(of(id).finished_at);
        EXPECT_EQ(of(id).reason, "");
        EXPECT_EQ(of(id).created_at, now_);
        const auto claimed = claim(id, 3, later);
        ASSERT_EQ(claimed.size(), 1U);
        EXPECT_EQ(claimed[0].attempt, 3);
        EXPECT_GE(claimed[0].round, 1000) << "its last attempt, under any policy";
        EXPECT_EQ(claimed[0].deadline, later + 24h);
        record(outcome(id, 3, later, DeliveryState::delivered));
        EXPECT_EQ(storage_->attempts_of(id).size(), 3U);
        EXPECT_EQ(of(id).attempts, 3);
    }
}

TEST_P(StorageRecoveryConformance, RetriesByTheUserAreLimited) {
    const Uuid id = failed_at(now_);
    int attempts = 1;
    for (int i = 0; i < max_user_retries; ++i) {
        const bool recover = i % 2 == 1;
        if (recover) {
            EXPECT_EQ(storage_->recover_deliveries(user_, now_, now_, 10, {}).tasks.size(), 1U);
            EXPECT_TRUE(storage_->recover_deliveries(user_, now_, now_, 10, {}).tasks.empty());
        } else {
            EXPECT_TRUE(storage_->retry_delivery(user_, id, now_));
        }
        EXPECT_TRUE(storage_->retry_delivery(user_, id, now_)) << "it is pending: this adds nothing";
        attempt(id, ++attempts, now_, DeliveryState::failed);
    }
    EXPECT_EQ(storage_->retry_delivery(user_, id, now_).error(), storage::RetryError::used_up);
    const storage::Recovery recovery = storage_->recover_deliveries(user_, now_, now_, 10, {});
    EXPECT_TRUE(recovery.tasks.empty());
    EXPECT_EQ(recovery.used_up, 1U);
    EXPECT_FALSE(recovery.last);
    EXPECT_EQ(of(id).attempts, 1 + max_user_retries);
    EXPECT_EQ(of(id).state, DeliveryState::failed);
}

TEST_P(StorageRecoveryConformance, APendingDeliveryIsHurriedWithoutMoreAttempts) {
    const Uuid id = pending();
    claim(id, 1, now_);
    record(outcome(id, 1, now_, DeliveryState::pending, now_ + 1h));
    EXPECT_TRUE(storage_->retry_delivery(user_, id, now_));
    EXPECT_EQ(claim(id, 2, now_).at(0).round, 2);
}

TEST_P(StorageRecoveryConformance, DeliveriesToADisabledUrlAreNotRetried) {
    const Uuid id = pending();
    claim(id, 1, now_);
    DeliveryOutcome gone = outcome(id, 1, now_, DeliveryState::failed);
    gone.disable_endpoint = true;
    record(gone);
    EXPECT_EQ(storage_->retry_delivery(user_, id, now_).error(), storage::RetryError::endpoint_disabled);
    EXPECT_EQ(storage_->recover_deliveries(user_, now_, now_, 10, {}).endpoint_disabled, 1U);
    ASSERT_TRUE(storage_->enable_endpoint(user_, of(id).webhook_url));
    EXPECT_EQ(storage_->recover_deliveries(user_, now_, now_, 10, {}).tasks.size(), 1U);
}

TEST_P(StorageRecoveryConformance, ARecoveryContinuesBehindThoseThatItPassesOver) {
    std::vector<Uuid> failed;
    for (int i = 0; i < 5; ++i) failed.push_back(failed_at(now_ + i * 1s));
    storage::Recovery step = storage_->recover_deliveries(user_, now_, now_ + 1h, 2, {});
    EXPECT_EQ(step.last, failed[1]);
    step = storage_->recover_deliveries(user_, now_, now_ + 1h, 2, step.last);
    ASSERT_EQ(step.tasks.size(), 2U);
    EXPECT_EQ(step.tasks[0].delivery_id, failed[2]);
    EXPECT_EQ(step.last, failed[3]);
    step = storage_->recover_deliveries(user_, now_, now_ + 1h, 2, step.last);
    EXPECT_EQ(step.tasks.size(), 1U);
    EXPECT_FALSE(step.last);
}

TEST_P(StorageRecoveryConformance, TheLastAttemptsAreKept) {
    const Uuid id = pending();
    const int made = static_cast<int>(max_kept_attempts) + 3;
    for (int n = 1; n <= made; ++n) {
        claim(id, n, now_);
        record(outcome(id, n, now_, DeliveryState::pending, now_));
    }
    EXPECT_EQ(of(id).attempts, made);
    const std::vector<Attempt> kept = storage_->attempts_of(id);
    ASSERT_EQ(kept.size(), max_kept_attempts);
    EXPECT_EQ(kept.front().number, 4);
    EXPECT_EQ(kept.back().number, made);
    EXPECT_EQ(of(id).last_status, 503);
}

TEST_P(StorageRecoveryConformance, RetryingAPendingDeliveryMakesItDueAtOnceAndRemovesItFromItsLane) {
    const Uuid id = pending();
    claim(id, 1, now_);
    storage_->defer(std::vector{Deferral{id, 1, now_ + 1h, "https://example.com:443"}});
    EXPECT_EQ(storage_->retry_delivery(user_, id, now_ + 1s).value().attempt, 1);
    EXPECT_EQ(storage_->next_due(), now_ + 1s);
    EXPECT_TRUE(storage_->lanes(1).empty());
    EXPECT_EQ(claim(id, 1, now_ + 1s).at(0).deadline, now_ + 1s + 24h);
}

TEST_P(StorageRecoveryConformance, ADeliveryBeingAttemptedCannotBeRetried) {
    const Uuid id = pending();
    claim(id, 1, now_);
    EXPECT_EQ(storage_->retry_delivery(user_, id, now_).error(), storage::RetryError::under_way);
    EXPECT_EQ(of(id).state, DeliveryState::delivering);
    EXPECT_EQ(storage_->retry_delivery(user_, make_uuid(now_), now_).error(), storage::RetryError::not_found);
}

TEST_P(StorageRecoveryConformance, ACancelledDeliveryCanBeRetried) {
    const Uuid id = pending();
    ASSERT_TRUE(storage_->cancel_delivery(user_, id, now_));
    EXPECT_TRUE(storage_->retry_delivery(user_, id, now_));
    EXPECT_EQ(claim(id, 1, now_).size(), 1U);
}

// Cancelling

TEST_P(StorageRecoveryConformance, CancelsUnfinishedDeliveries) {
    const Uuid waits = pending();
    const Uuid deferred = pending();
    const Uuid done = pending();
    claim(deferred, 1, now_);
    storage_->defer(std::vector{Deferral{deferred, 1, now_ + 1h, "https://example.com:443"}});
    attempt(done, 1, now_, DeliveryState::delivered);
    EXPECT_TRUE(storage_->cancel_delivery(user_, waits, now_ + 1s));
    EXPECT_TRUE(storage_->cancel_delivery(user_, deferred, now_ + 1s));
    EXPECT_EQ(of(waits).state, DeliveryState::cancelled);
    EXPECT_EQ(of(waits).finished_at, now_ + 1s);
    EXPECT_FALSE(of(waits).next_attempt_at);
    EXPECT_EQ(of(waits).reason, "cancelled by its user");
    EXPECT_FALSE(storage_->next_due());
    EXPECT_TRUE(storage_->lanes(1).empty());
    EXPECT_EQ(storage_->cancel_delivery(user_, waits, now_).error(), storage::CancelError::final);
    EXPECT_EQ(storage_->cancel_delivery(user_, done, now_).error(), storage::CancelError::final);
    EXPECT_EQ(of(done).state, DeliveryState::delivered);
    EXPECT_EQ(storage_->cancel_delivery(user_, make_uuid(now_), now_).error(),
              storage::CancelError::not_found);
}

TEST_P(StorageRecoveryConformance, ReleasingDoesNotReviveACancelledDelivery) {
    const Uuid id = pending();
    claim(id, 1, now_);
    ASSERT_TRUE(storage_->cancel_delivery(user_, id, now_));
    EXPECT_EQ(storage_->release_claims("sender-1"), 0U);
    EXPECT_EQ(of(id).state, DeliveryState::cancelled);
    storage_->defer(std::vector{Deferral{id, 1, now_ + 1h, "https://example.com:443"}});
    EXPECT_EQ(of(id).state, DeliveryState::cancelled);
}

// Recovering

TEST_P(StorageRecoveryConformance, RecoversDeliveriesFailedSinceATimeOldestFirst) {
    const Uuid old = failed_at(now_);
    const Uuid first = failed_at(now_ + 1s);
    const Uuid second = failed_at(now_ + 2s);
    const Uuid third = failed_at(now_ + 3s);
    const Uuid fine = fired_at(now_ + 4s);
    attempt(fine, 1, now_ + 4s, DeliveryState::delivered);
    const Uuid cancelled = fired_at(now_ + 5s);
    ASSERT_TRUE(storage_->cancel_delivery(user_, cancelled, now_ + 5s));
    const Timestamp later = now_ + 1h;
    auto tasks = storage_->recover_deliveries(user_, now_ + 1s, later, 2, {}).tasks;
    ASSERT_EQ(tasks.size(), 2U);
    EXPECT_EQ(tasks[0].delivery_id, first);
    EXPECT_EQ(tasks[0].attempt, 2);
    EXPECT_EQ(tasks[1].delivery_id, second);
    EXPECT_EQ(of(first).state, DeliveryState::pending);
    EXPECT_EQ(of(first).deadline, later + 24h);
    EXPECT_EQ(of(first).next_attempt_at, later);
    tasks = storage_->recover_deliveries(user_, now_ + 1s, later, 2, {}).tasks;
    ASSERT_EQ(tasks.size(), 1U);
    EXPECT_EQ(tasks[0].delivery_id, third);
    EXPECT_TRUE(storage_->recover_deliveries(user_, now_ + 1s, later, 2, {}).tasks.empty());
    EXPECT_EQ(of(old).state, DeliveryState::failed);
    EXPECT_EQ(of(cancelled).state, DeliveryState::cancelled);
    EXPECT_GE(claim(third, 2, later).at(0).round, 1000) << "its last attempt, under any policy";
}

// Tests

TEST_P(StorageRecoveryConformance, ATestIsItsOwnDeliveryWithTheGivenPrice) {
    const Alert alert = add_alert("100");
    const Uuid id = make_uuid(now_ + 1s);
    ASSERT_TRUE(storage_->add_test_delivery(user_, alert.id, id, Decimal::parse("99.5").value(), now_ + 1s));
    EXPECT_TRUE(storage_->alert(user_, alert.id).value().is_active);
    EXPECT_FALSE(storage_->alert(user_, alert.id).value().triggered_at);
    EXPECT_EQ(of(id).kind, DeliveryKind::test);
    EXPECT_EQ(of(id).state, DeliveryState::pending);
    EXPECT_EQ(of(id).created_at, now_ + 1s);
    EXPECT_EQ(of(id).deadline, now_ + 1s + 24h);
    EXPECT_EQ(of(id).next_attempt_at, now_ + 1s);
    const auto claimed = claim(id, 1, now_ + 1s);
    ASSERT_EQ(claimed.size(), 1U);
    EXPECT_EQ(claimed[0].kind, DeliveryKind::test);
    EXPECT_EQ(claimed[0].alert.triggered_at, now_ + 1s);
    EXPECT_EQ(claimed[0].alert.triggered_price.value().to_string(), "99.5");
    record(outcome(id, 1, now_ + 1s, DeliveryState::delivered));

    // The alert still fires, and that delivery has the firing's price.
    const Uuid real = fire({alert.id}).at(0).delivery_id;
    EXPECT_EQ(claim(real, 1, now_).at(0).alert.triggered_price.value().to_string(), "101.5");
    const Uuid after = make_uuid(now_ + 2s);
    ASSERT_TRUE(storage_->add_test_delivery(user_, alert.id, after, Decimal::from_int(7), now_ + 2s));
    EXPECT_EQ(claim(after, 1, now_ + 2s).at(0).alert.triggered_price.value().to_string(), "7");
    EXPECT_EQ(ids({.alert_id = alert.id}), (std::vector{after, id, real}));
}

TEST_P(StorageRecoveryConformance, ADeletedAlertCannotBeTested) {
    const Alert alert = add_alert();
    storage_->delete_alert(user_, alert.id);
    for (const Uuid& none : {alert.id, make_uuid(now_)}) {
        EXPECT_EQ(
            storage_->add_test_delivery(user_, none, make_uuid(now_), Decimal::from_int(1), now_).error(),
            storage::TestError::not_found);
    }
    EXPECT_TRUE(storage_->deliveries(user_, {}).empty());
}

TEST_P(StorageRecoveryConformance, TestsOfAnAlertAreLimited) {
    const Alert alert = add_alert();
    const Alert other = add_alert("7");
    const auto test = [&](const Uuid& of) {
        const Uuid id = make_uuid(now_);
        return std::pair(storage_->add_test_delivery(user_, of, id, Decimal::from_int(1), now_), id);
    };
    std::vector<Uuid> tests;
    for (std::size_t i = 0; i < max_unfinished_tests; ++i) {
        const auto [added, id] = test(alert.id);
        ASSERT_TRUE(added);
        tests.push_back(id);
    }
    EXPECT_EQ(test(alert.id).first.error(), storage::TestError::too_many);
    EXPECT_TRUE(test(other.id).first);
    for (std::size_t i = 0; i < max_kept_tests + 10; ++i) {
        attempt(tests[i], 1, now_, DeliveryState::delivered);
        const auto [added, id] = test(alert.id);
        ASSERT_TRUE(added);
        tests.push_back(id);
    }
    const std::size_t gone = tests.size() - max_unfinished_tests - max_kept_tests;
    EXPECT_EQ(gone, 10U);
    for (std::size_t i = 0; i < tests.size(); ++i) {
        EXPECT_EQ(storage_->delivery(user_, tests[i]).has_value(), i >= gone) << i;
        EXPECT_EQ(storage_->attempts_of(tests[i]).empty(), i < gone || i >= gone + max_kept_tests) << i;
    }
}

TEST_P(StorageRecoveryConformance, ARecoveryTakesTheStatesTheUrlAndTheTimeThatAreAskedFor) {
    const Uuid failed = failed_at(now_), later = failed_at(now_ + 1h);
    const Uuid cancelled = fired_at(now_ + 1s);
    ASSERT_TRUE(storage_->cancel_delivery(user_, cancelled, now_));
    const auto recovered = [&](storage::RecoverFilter filter) {
        filter.dry_run = true;
        std::vector<Uuid> out;
        for (const DeliveryTask& t : storage_->recover_deliveries(user_, now_, now_, 10, {}, filter).tasks)
            out.push_back(t.delivery_id);
        return out;
    };
    EXPECT_EQ(recovered({}), (std::vector{failed, later}));
    EXPECT_EQ(recovered({.states = {DeliveryState::cancelled}}), std::vector{cancelled});
    EXPECT_EQ(recovered({.states = {DeliveryState::cancelled, DeliveryState::failed}}),
              (std::vector{failed, cancelled, later}));
    EXPECT_EQ(recovered({.until = now_ + 1h}), std::vector{failed});
    EXPECT_EQ(recovered({.webhook_url = new_alert().webhook_url}), (std::vector{failed, later}));
    EXPECT_TRUE(recovered({.webhook_url = "https://other.example.com/"}).empty());
    EXPECT_EQ(of(failed).state, DeliveryState::failed) << "all of it was dry";
    const storage::Recovery step =
        storage_->recover_deliveries(user_, now_, now_, 1, {}, {.webhook_url = "https://other.example.com/"});
    EXPECT_EQ(step.last, failed) << "what is passed over counts, so that a step is bounded";
}

// Pruning

TEST_P(StorageRecoveryConformance, RemovesOldEndedDeliveriesInSmallBatches) {
    std::vector<Uuid> ended;
    for (int i = 0; i < 5; ++i) ended.push_back(failed_at(now_ + i * 1s));
    const Uuid waits = fired_at(now_);
    const Uuid claimed = fired_at(now_);
    claim(claimed, 1, now_);
    const Uuid alert = of(ended[0]).alert_id;
    EXPECT_EQ(storage_->prune(now_, 10), 0U);
    EXPECT_EQ(storage_->prune(now_ + 4s, 3), 3U);
    EXPECT_EQ(storage_->prune(now_ + 4s, 3), 1U);
    EXPECT_EQ(storage_->prune(now_ + 4s, 3), 0U);
    for (int i = 0; i < 4; ++i) {
        EXPECT_FALSE(storage_->delivery(user_, ended[static_cast<std::size_t>(i)]));
        EXPECT_TRUE(storage_->attempts_of(ended[static_cast<std::size_t>(i)]).empty());
    }
    EXPECT_EQ(storage_->attempts_of(ended[4]).size(), 1U);
    EXPECT_EQ(of(waits).state, DeliveryState::pending);
    EXPECT_EQ(of(claimed).state, DeliveryState::delivering);
    // Fired alerts stay in their user's list.
    EXPECT_EQ(storage_->alerts(user_, {}).size(), 7U);
    EXPECT_TRUE(storage_->alert(user_, alert));
    EXPECT_TRUE(ids({.alert_id = alert}).empty());
    record(outcome(claimed, 1, now_, DeliveryState::delivered));
    EXPECT_EQ(storage_->prune(now_ + 1us, 10), 1U);
}

TEST_P(StorageRecoveryConformance, RemovesADeletedAlertAfterItsLastDelivery) {
    const Alert never_fired = add_alert("1");
    const Alert fired = add_alert("2");
    const Alert tested = add_alert("3");
    const Alert kept = add_alert("4");
    const Uuid delivery = fire({fired.id}).at(0).delivery_id;
    const Uuid test = make_uuid(now_);
    ASSERT_TRUE(storage_->add_test_delivery(user_, tested.id, test, Decimal::from_int(1), now_));
    for (const Alert& a : {never_fired, fired, tested}) storage_->delete_alert(user_, a.id);
    EXPECT_EQ(storage_->prune(now_ + 1s, 10), 0U) << "a deleted alert is known as such for a day";
    EXPECT_EQ(storage_->prune(after_deletion(), 10), 1U);  // never_fired
    EXPECT_EQ(claim(delivery, 1, now_).at(0).alert.id, fired.id);
    EXPECT_EQ(claim(test, 1, now_).at(0).alert.id, tested.id);
    record(outcome(delivery, 1, now_, DeliveryState::delivered));
    record(outcome(test, 1, now_, DeliveryState::delivered));
    EXPECT_EQ(storage_->prune(now_, 10), 0U);
    EXPECT_EQ(storage_->prune(after_deletion(), 10), 4U);  // two deliveries, two alerts
    EXPECT_EQ(storage_->prune(after_deletion(), 10), 0U);
    EXPECT_TRUE(storage_->alert(user_, kept.id));
}

TEST_P(StorageRecoveryConformance, RemovesAnAlertDeletedAfterItsDelivery) {
    const Alert alert = add_alert();
    const Uuid id = fire({alert.id}).at(0).delivery_id;
    attempt(id, 1, now_, DeliveryState::delivered);
    EXPECT_EQ(storage_->prune(now_ + 1s, 10), 1U);
    storage_->delete_alert(user_, alert.id);
    EXPECT_EQ(storage_->prune(after_deletion(), 10), 1U);
    EXPECT_EQ(storage_->prune(after_deletion(), 10), 0U);
}

INSTANTIATE_TEST_SUITE_P(Storages, StorageRecoveryConformance, storages(),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pricewire::conformance
