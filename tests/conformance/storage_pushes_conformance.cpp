// The contract of every Storage: devices, and the deliveries to them.
#include <algorithm>

#include "storage/sql/pushed.hpp"
#include "storage_terms_fixture.hpp"

namespace pricewire::conformance {
namespace {

class StoragePushesConformance : public StorageTermsFixture {
protected:
    PushSubscription new_push(const std::string& name, std::optional<Uuid> user = {}) const {
        return {.id = make_uuid(now_),
                .user_id = user.value_or(user_),
                .endpoint = "https://push.example.com/" + name,
                .keys = "keys of " + name,
                .label = name,
                .created_at = now_};
    }
    PushSubscription add_push(const std::string& name, std::optional<Uuid> user = {}) {
        const auto put = storage_->put_push(new_push(name, user), 20);
        EXPECT_TRUE(put && put->is_new);
        return put->stored;
    }
    // Those of a firing's tasks that are pushes, which must come last.
    static std::vector<Uuid> pushed(const std::vector<DeliveryTask>& tasks) {
        std::vector<Uuid> out;
        for (const DeliveryTask& task : std::span(tasks).subspan(webhooks_of(tasks).size())) {
            EXPECT_TRUE(task.push);
            out.push_back(task.delivery_id);
        }
        EXPECT_EQ(std::ranges::count(tasks, true, &DeliveryTask::push),
                  static_cast<std::ptrdiff_t>(out.size()));
        return out;
    }
    Uuid fire_push() { return pushed(fire({add_alert(std::to_string(++last_target_)).id})).at(0); }
    ClaimedDelivery claimed(const Uuid& id, int attempt = 1) {
        auto all = claim(id, attempt, now_ + 1s);
        EXPECT_EQ(all.size(), 1U);
        return all.empty() ? ClaimedDelivery{} : all[0];
    }
    DeliveryView shown(const Uuid& id) { return storage_->delivery(user_, id).value(); }
    // The kinds of an alert's deliveries, oldest first.
    std::string kinds_of(const Uuid& alert) {
        std::string out;
        for (const DeliveryView& view : deliveries_of(alert)) {
            out.insert(0, std::string(to_string(view.kind)) + (out.empty() ? "" : " "));
            EXPECT_EQ(view.device.has_value(), view.kind == DeliveryKind::push);
        }
        return out;
    }
    static DeliveryOutcome pushed_outcome(const Uuid& delivery, const Uuid& device, Timestamp at,
                                          DeliveryState next) {
        DeliveryOutcome out = outcome(delivery, 1, at, next);
        out.push_id = device;
        return out;
    }
};

TEST_P(StoragePushesConformance, ADeviceIsStoredOnceAndRenewed) {
    const PushSubscription first = add_push("phone");
    PushSubscription again = new_push("phone");
    again.keys = "other keys";
    again.label = "My phone";
    const auto renewed = storage_->put_push(again, 1);
    ASSERT_TRUE(renewed);
    EXPECT_FALSE(renewed->is_new) << "so the limit is no matter";
    EXPECT_EQ(renewed->stored.id, first.id);
    const auto all = storage_->pushes(user_);
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].id, first.id);
    EXPECT_EQ(all[0].user_id, user_);
    EXPECT_EQ(all[0].endpoint, first.endpoint);
    EXPECT_EQ(all[0].keys, "other keys");
    EXPECT_EQ(all[0].label, "My phone");
    EXPECT_EQ(all[0].created_at, now_);
    EXPECT_FALSE(all[0].success_at || all[0].failure_at);
    EXPECT_EQ(storage_->push(user_, first.id).value().label, "My phone");
    EXPECT_FALSE(storage_->push(add_user("bob@example.com"), first.id));
}

TEST_P(StoragePushesConformance, AUserHasAtMostSoMany) {
    add_push("a");
    ASSERT_TRUE(storage_->put_push(new_push("b"), 2));
    EXPECT_EQ(storage_->put_push(new_push("c"), 2).error(), storage::PutPushError::limit_reached);
    EXPECT_EQ(storage_->pushes(user_).size(), 2U);
    EXPECT_EQ(storage_->put_push(new_push("d", make_uuid(now_)), 2).error(),
              storage::PutPushError::not_found);
}

TEST_P(StoragePushesConformance, TheLimitHoldsHoweverManyAskAtOnce) {
    std::atomic<int> added = 0;
    at_once(8, [&](int t) {
        if (storage_->put_push(new_push(std::to_string(t)), 3)) ++added;
    });
    EXPECT_EQ(added, 3);
    EXPECT_EQ(storage_->pushes(user_).size(), 3U);
}

TEST_P(StoragePushesConformance, ABrowserOfAnotherUserMovesWithoutWhatWaitsForIt) {
    const PushSubscription mine = add_push("shared");
    const Uuid waiting = fire_push();
    const Uuid bob = add_user("bob@example.com");
    const auto moved = storage_->put_push(new_push("shared", bob), 20);
    ASSERT_TRUE(moved);
    EXPECT_TRUE(moved->is_new);
    EXPECT_NE(moved->stored.id, mine.id);
    EXPECT_TRUE(storage_->pushes(user_).empty());
    ASSERT_EQ(storage_->pushes(bob).size(), 1U);
    EXPECT_EQ(shown(waiting).state, DeliveryState::cancelled);
    EXPECT_EQ(shown(waiting).reason, "its device belongs to another user now");
    EXPECT_TRUE(pushed(fire({add_alert().id})).empty());
}

TEST_P(StoragePushesConformance, OneBrowserIsOneUsersHoweverManySubscribeIt) {
    std::vector<Uuid> users;
    for (int i = 0; i < 6; ++i) users.push_back(add_user(fmt::format("u{}@example.com", i)));
    at_once(6, [&](int t) {
        EXPECT_TRUE(storage_->put_push(new_push("shared", users[static_cast<std::size_t>(t)]), 20));
    });
    std::size_t all = 0;
    for (const Uuid& user : users) all += storage_->pushes(user).size();
    EXPECT_EQ(all, 1U);
}

TEST_P(StoragePushesConformance, ARequestWithAKeyStoresItsAnswer) {
    const storage::IdempotentRequest request{.key = "k", .request = sha256("1"), .at = now_};
    const auto answer = [](const storage::PutPush& put, storage::IdempotentRequest& out) {
        out.status = put.is_new ? 201 : 200;
        out.answer = put.stored.id.to_string();
    };
    const auto put = storage_->put_push(new_push("a"), 20, &request, answer);
    ASSERT_TRUE(put);
    EXPECT_EQ(storage_->put_push(new_push("b"), 20, &request, answer).error(),
              storage::PutPushError::key_used);
    const auto stored = storage_->stored_answer(user_, "k", now_);
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->status, 201);
    EXPECT_EQ(stored->answer, put->stored.id.to_string());
    EXPECT_EQ(storage_->pushes(user_).size(), 1U);
    const storage::IdempotentRequest other{.key = "l", .request = sha256("2"), .at = now_};
    ASSERT_TRUE(storage_->put_push(new_push("a"), 20, &other, answer));
    EXPECT_EQ(storage_->stored_answer(user_, "l", now_).value().status, 200);
}

TEST_P(StoragePushesConformance, AFiringIsPushedToEachOfItsUsersDevices) {
    const PushSubscription a = add_push("a");
    const PushSubscription b = add_push("b");
    add_push("of another user", add_user("bob@example.com"));
    const Alert alert = add_alert();
    const FiringGroup firing = group({alert.id});
    const auto tasks = storage_->fire(std::vector{firing});
    const Uuid webhook = tasks.at(0).delivery_id;
    EXPECT_EQ(webhook, firing.firings[0].delivery_id);
    auto ids = pushed(tasks);
    auto expected = std::vector{storage::sql::push_delivery_id(webhook, a.id),
                                storage::sql::push_delivery_id(webhook, b.id)};
    std::ranges::sort(ids);
    std::ranges::sort(expected);
    EXPECT_EQ(ids, expected);
    for (const DeliveryTask& task : tasks) EXPECT_EQ(task.user_id, user_);
    EXPECT_TRUE(storage_->fire(std::vector{firing}).empty());
    EXPECT_EQ(deliveries_of(alert.id).size(), 3U) << "and no more the second time";

    for (const Uuid& id : ids) {
        const ClaimedDelivery c = claimed(id);
        ASSERT_TRUE(c.push);
        const PushSubscription& device = c.push->subscription_id == a.id ? a : b;
        EXPECT_EQ(c.push->subscription_id, device.id);
        EXPECT_EQ(c.push->endpoint, device.endpoint);
        EXPECT_EQ(c.push->keys, device.keys);
        EXPECT_EQ(c.push->label, device.label);
        EXPECT_EQ(c.kind, DeliveryKind::alert);
        EXPECT_EQ(c.alert.id, alert.id);
        EXPECT_EQ(c.alert.triggered_price.value().to_string(), "101.5");
        EXPECT_EQ(c.alert.triggered_at, now_);
        EXPECT_EQ(c.deadline, now_ + alert.deliver_within);
        const DeliveryView view = shown(id);
        EXPECT_EQ(view.kind, DeliveryKind::push);
        ASSERT_TRUE(view.device);
        EXPECT_EQ(view.device->id, device.id);
        EXPECT_EQ(view.device->of, DeliveryKind::alert);
        EXPECT_EQ(view.device->endpoint, device.endpoint);
        EXPECT_EQ(view.device->label, device.label);
    }
    ASSERT_EQ(claim(webhook, 1, now_ + 1s).size(), 1U);
    EXPECT_EQ(storage_->firings(user_, alert.id, 10).size(), 1U);
    EXPECT_EQ(storage_->firings(user_, alert.id, 10)[0].delivery_id, webhook);
}

TEST_P(StoragePushesConformance, SomeFewAndManyAtOnceArePushedAlike) {
    add_push("a");
    for (const int count : {2, 50, 400}) {
        const Uuid user = add_user(fmt::format("{}@example.com", count));
        const PushSubscription device = add_push(fmt::format("of {}", count), user);
        std::vector<Alert> alerts;
        std::vector<Uuid> ids;
        for (int i = 1; i <= count; ++i) {
            alerts.push_back(new_alert(std::to_string(i)));
            alerts.back().user_id = i % 2 == 0 ? user : user_;
            ASSERT_TRUE(storage_->create_alert(alerts.back(), 1'000'000));
            ids.push_back(alerts.back().id);
        }
        const auto tasks = fire(ids);
        const auto webhooks = webhooks_of(tasks);
        ASSERT_EQ(webhooks.size(), ids.size());
        std::set<Uuid> expected;
        const Uuid mine = storage_->pushes(user_).at(0).id;
        for (const DeliveryTask& task : webhooks)
            expected.insert(
                storage::sql::push_delivery_id(task.delivery_id, task.user_id == user ? device.id : mine));
        const auto ids_of = pushed(tasks);
        EXPECT_EQ(std::set(ids_of.begin(), ids_of.end()), expected) << count;
        EXPECT_EQ(storage_->claim_due(now_ + 1s, 10'000, {"sender-1", now_ + 60s}).size(), tasks.size());
    }
}

TEST_P(StoragePushesConformance, LateFiringsArePushedToo) {
    add_push("a");
    const Alert alert = add_alert();
    FiringGroup late = group({alert.id});
    late.late = LateFiring{now_ - 60s, now_ - 1s, {"kraken"}};
    const auto ids = pushed(storage_->fire(std::vector{late}));
    ASSERT_EQ(ids.size(), 1U);
    EXPECT_TRUE(claimed(ids[0]).alert.late);
    EXPECT_TRUE(shown(ids[0]).late);
}

TEST_P(StoragePushesConformance, EachFiringOfAnAlertWithTermsIsPushedAsItWas) {
    add_push("a");
    const Alert alert = add_ruled();
    const auto one = pushed(fire_ruled({ruled(alert.id, 1, now_)}));
    ASSERT_EQ(one.size(), 1U);
    const auto more =
        pushed(fire_ruled({ruled(alert.id, 2, now_ + 20s, "102"), ruled(alert.id, 3, now_ + 40s, "103")}));
    ASSERT_EQ(more.size(), 2U);
    EXPECT_EQ(kinds_of(alert.id).size(), std::string("alert push alert push alert push").size());
    const auto edit = [&](Alert& a) {
        a.terms = std::make_shared<const Terms>(repeating("500"));
        return true;
    };
    ASSERT_TRUE(storage_->change_alert(user_, alert.id, edit, {.now = now_ + 50s, .limit = 10}));
    int number = 0;
    for (const Uuid& id : {one[0], std::min(more[0], more[1]), std::max(more[0], more[1])}) {
        const auto all = claim(id, 1, now_ + 60s);
        ASSERT_EQ(all.size(), 1U);
        ASSERT_TRUE(all[0].firing);
        EXPECT_EQ(all[0].firing->number, ++number);
        EXPECT_EQ(all[0].firing->evidence, fmt::format(R"({{"firing":{}}})", number));
        EXPECT_EQ(*all[0].firing->terms, repeating()) << "not as it is now";
        EXPECT_EQ(all[0].alert.triggered_price, this->number(std::to_string(100 + number)));
        const DeliveryView view = shown(id);
        EXPECT_EQ(view.kind, DeliveryKind::push);
        EXPECT_EQ(view.device.value().of, DeliveryKind::alert);
        EXPECT_EQ(view.firing.value().said.number, number);
    }
    EXPECT_EQ(storage_->firings(user_, alert.id, 10).size(), 3U);
}

TEST_P(StoragePushesConformance, AnExpiryIsPushedIfItsUserIsNotified) {
    add_push("a");
    for (const bool notify : {true, false}) {
        Alert alert = new_ruled(repeating(notify ? "100" : "200"));
        alert.state.expires_at = now_ + 60s;
        alert.notify_on_expiry = notify;
        add(alert);
        const auto tasks = expire({.alert_id = alert.id, .expires_at = now_ + 60s, .at = now_ + 61s});
        EXPECT_EQ(tasks.size(), notify ? 2U : 0U);
        if (!notify) continue;
        const Uuid id = pushed(tasks).at(0);
        EXPECT_EQ(shown(id).device.value().of, DeliveryKind::expired);
        const auto all = claim(id, 1, now_ + 62s);
        ASSERT_EQ(all.size(), 1U);
        EXPECT_EQ(all[0].kind, DeliveryKind::expired);
        EXPECT_TRUE(all[0].push && all[0].firing);
    }
}

TEST_P(StoragePushesConformance, APushKeepsItsFiringWhenItsAlertGetsTerms) {
    add_push("a");
    const Alert alert = add_alert();
    const Uuid id = pushed(fire({alert.id})).at(0);
    const auto on = [](Alert& a) { return a.is_active = true; };
    ASSERT_TRUE(storage_->change_alert(user_, alert.id, on, {.now = now_ + 1s, .limit = 10}));
    const ClaimedDelivery c = claimed(id);
    EXPECT_EQ(c.alert.triggered_price.value().to_string(), "101.5");
    EXPECT_EQ(c.alert.target.to_string(), "100");
    EXPECT_EQ(c.alert.condition, alert.condition);
    EXPECT_EQ(shown(id).ticker, alert.ticker);
}

TEST_P(StoragePushesConformance, ARemovedDeviceGetsNothingMore) {
    const PushSubscription device = add_push("a");
    const Uuid waiting = fire_push();
    const Uuid under_way = fire_push();
    claimed(under_way);
    EXPECT_FALSE(storage_->remove_push(add_user("bob@example.com"), device.id, now_ + 2s));
    EXPECT_TRUE(storage_->remove_push(user_, device.id, now_ + 2s));
    EXPECT_FALSE(storage_->remove_push(user_, device.id, now_ + 2s));
    EXPECT_TRUE(storage_->pushes(user_).empty());
    for (const Uuid& id : {waiting, under_way}) {
        const DeliveryView view = shown(id);
        EXPECT_EQ(view.state, DeliveryState::cancelled);
        EXPECT_EQ(view.reason, "its device was removed");
        EXPECT_EQ(view.finished_at, now_ + 2s);
        EXPECT_EQ(view.device.value().id, device.id);
        EXPECT_EQ(view.device->label, "");
    }
    EXPECT_TRUE(claim(waiting, 1, now_ + 3s).empty());
    record(pushed_outcome(under_way, device.id, now_ + 3s, DeliveryState::delivered));
    EXPECT_EQ(shown(under_way).state, DeliveryState::delivered) << "it had arrived";
    EXPECT_TRUE(pushed(fire({add_alert().id})).empty());
    EXPECT_EQ(storage_->retry_delivery(user_, waiting, now_ + 4s).error(),
              storage::RetryError::device_removed);
}

TEST_P(StoragePushesConformance, ADeviceThatIsGoneIsRemovedWithWhatWaitsForIt) {
    const PushSubscription device = add_push("a");
    const PushSubscription other = add_push("b");
    const auto first = pushed(fire({add_alert().id}));
    const auto second = pushed(fire({add_alert("7").id}));
    const auto to = [&](const std::vector<Uuid>& ids, const PushSubscription& d) {
        return *std::ranges::find_if(ids, [&](const Uuid& id) { return shown(id).device->id == d.id; });
    };
    claimed(to(first, device));
    DeliveryOutcome gone = pushed_outcome(to(first, device), device.id, now_ + 2s, DeliveryState::failed);
    gone.push_gone = true;
    gone.reason = "the push service answered 410";
    record(gone);
    ASSERT_EQ(storage_->pushes(user_).size(), 1U);
    EXPECT_EQ(storage_->pushes(user_)[0].id, other.id);
    EXPECT_EQ(shown(to(first, device)).reason, gone.reason);
    const DeliveryView waited = shown(to(second, device));
    EXPECT_EQ(waited.state, DeliveryState::failed);
    EXPECT_EQ(waited.reason, gone.reason);
    EXPECT_EQ(shown(to(second, other)).state, DeliveryState::pending);
}

TEST_P(StoragePushesConformance, ADeviceShowsItsLastAttempts) {
    const PushSubscription device = add_push("a");
    const Uuid one = fire_push();
    const Uuid two = fire_push();
    claimed(one);
    claimed(two);
    record(pushed_outcome(one, device.id, now_ + 2s, DeliveryState::delivered));
    record(pushed_outcome(two, device.id, now_ + 3s, DeliveryState::failed));
    const PushSubscription seen = storage_->push(user_, device.id).value();
    EXPECT_EQ(seen.success_at, now_ + 2s + 1500us);
    EXPECT_EQ(seen.failure_at, now_ + 3s + 1500us);
    EXPECT_EQ(seen.failure, "the receiver answered 503");
    EXPECT_TRUE(storage_->endpoint_records(user_, "", "~", now_ - 1h).empty())
        << "an endpoint of webhooks is another thing";
}

TEST_P(StoragePushesConformance, ADisabledWebhookDoesNotStopPushes) {
    add_push("a");
    const Uuid failing = pending();
    ASSERT_EQ(claim(failing, 1, now_ + 1s).size(), 1U);
    DeliveryOutcome gone = outcome(failing, 1, now_ + 1s, DeliveryState::failed);
    gone.disable_endpoint = true;
    record(gone);
    const auto views = storage_->deliveries(user_, {.kind = DeliveryKind::push});
    ASSERT_EQ(views.size(), 1U);
    EXPECT_FALSE(claimed(views[0].id).alert.endpoint_disabled_at);
    record(outcome(views[0].id, 1, now_ + 2s, DeliveryState::failed));
    EXPECT_TRUE(storage_->retry_delivery(user_, views[0].id, now_ + 3s));
    EXPECT_EQ(storage_->retry_delivery(user_, failing, now_ + 3s).error(),
              storage::RetryError::endpoint_disabled);
}

TEST_P(StoragePushesConformance, AListIsFilteredByThem) {
    add_push("a");
    const Alert alert = add_alert();
    const Uuid id = pushed(fire({alert.id})).at(0);
    const auto only = [&](DeliveryKind kind) { return storage_->deliveries(user_, {.kind = kind}); };
    ASSERT_EQ(only(DeliveryKind::push).size(), 1U);
    EXPECT_EQ(only(DeliveryKind::push)[0].id, id);
    ASSERT_EQ(only(DeliveryKind::alert).size(), 1U);
    EXPECT_NE(only(DeliveryKind::alert)[0].id, id);
    EXPECT_EQ(storage_->deliveries(user_, {.alert_id = alert.id}).size(), 2U);
    EXPECT_EQ(storage_->deliveries(user_, {.webhook_url = alert.webhook_url}).size(), 1U);
}

TEST_P(StoragePushesConformance, ARecoveryRetriesWebhooksAlone) {
    add_push("a");
    const auto tasks = fire({add_alert().id});
    for (const DeliveryTask& task : tasks) {
        claimed(task.delivery_id);
        record(outcome(task.delivery_id, 1, now_ + 2s, DeliveryState::failed));
    }
    const auto recovered = storage_->recover_deliveries(user_, now_ - 1h, now_ + 3s, 100, {});
    ASSERT_EQ(recovered.tasks.size(), 1U);
    EXPECT_EQ(recovered.tasks[0].delivery_id, tasks[0].delivery_id);
}

TEST_P(StoragePushesConformance, ATestGoesToOneDeviceAndIsBounded) {
    const PushSubscription device = add_push("a");
    add_push("b");
    Alert carrier = new_alert("1");
    carrier.id = device.id;
    carrier.webhook_url.clear();
    const Uuid id = make_uuid(now_);
    ASSERT_TRUE(storage_->add_push_test(carrier, id, now_));
    const DeliveryView view = shown(id);
    EXPECT_EQ(view.kind, DeliveryKind::push);
    EXPECT_EQ(view.device.value().of, DeliveryKind::test);
    const ClaimedDelivery c = claimed(id);
    EXPECT_EQ(c.kind, DeliveryKind::test);
    EXPECT_EQ(c.push.value().endpoint, device.endpoint);
    EXPECT_TRUE(storage_->alerts(user_, {}).empty());
    EXPECT_TRUE(storage_->endpoints(user_, 10).empty());
    for (std::size_t i = 1; i < max_unfinished_tests; ++i)
        ASSERT_TRUE(storage_->add_push_test(carrier, make_uuid(now_), now_));
    EXPECT_EQ(storage_->add_push_test(carrier, make_uuid(now_), now_).error(), storage::TestError::too_many);
    ASSERT_TRUE(storage_->remove_push(user_, device.id, now_));
    EXPECT_EQ(storage_->add_push_test(carrier, make_uuid(now_), now_).error(), storage::TestError::not_found);
}

TEST_P(StoragePushesConformance, ADeletedUserLeavesNoDevice) {
    add_push("a");
    const Uuid waiting = fire_push();
    ASSERT_TRUE(storage_->delete_user(user_, now_ + 1s));
    EXPECT_TRUE(storage_->pushes(user_).empty());
    EXPECT_TRUE(storage_->pushes_after({}, 10).empty());
    EXPECT_EQ(shown(waiting).state, DeliveryState::cancelled);
    EXPECT_EQ(storage_->put_push(new_push("b"), 20).error(), storage::PutPushError::not_found);
}

TEST_P(StoragePushesConformance, WhatHasEndedIsPrunedAndKeepsItsAlertUntilThen) {
    add_push("a");
    const Alert alert = add_alert();
    const auto tasks = fire({alert.id});
    const Uuid push = pushed(tasks).at(0);
    ASSERT_EQ(claim(tasks[0].delivery_id, 1, now_ + 1s).size(), 1U);
    record(outcome(tasks[0].delivery_id, 1, now_ + 1s, DeliveryState::delivered));
    ASSERT_TRUE(storage_->delete_alert(user_, alert.id));
    const auto prune = [&] {
        while (storage_->prune(now_ + 10'000h, 100) == 100) {
        }
    };
    prune();
    EXPECT_EQ(claimed(push).alert.id, alert.id) << "it is still to be sent";
    record(outcome(push, 1, now_ + 2s, DeliveryState::delivered));
    prune();
    EXPECT_FALSE(storage_->delivery(user_, push));
}

TEST_P(StoragePushesConformance, AServerKeyIsMadeOnce) {
    EXPECT_FALSE(storage_->server_key("push"));
    std::set<std::string> kept;
    at_once(8, [&](int t) {
        const std::string got = storage_->keep_server_key("push", "key " + std::to_string(t));
        MutexLock lock(mutex_);
        kept.insert(got);
    });
    ASSERT_EQ(kept.size(), 1U);
    EXPECT_EQ(storage_->server_key("push"), *kept.begin());
    EXPECT_EQ(storage_->server_keys(), std::vector<std::string>{"push"});
    EXPECT_FALSE(storage_->replace_server_key("push", "another", "fresh"));
    EXPECT_TRUE(storage_->replace_server_key("push", *kept.begin(), "fresh"));
    EXPECT_EQ(storage_->server_key("push"), "fresh");
}

TEST_P(StoragePushesConformance, KeysAreReplacedIfTheyAreStillTheSame) {
    const PushSubscription a = add_push("a");
    const PushSubscription b = add_push("b");
    const auto first = storage_->pushes_after({}, 1);
    ASSERT_EQ(first.size(), 1U);
    EXPECT_EQ(first[0].id, a.id);
    const auto second = storage_->pushes_after(a.id, 10);
    ASSERT_EQ(second.size(), 1U);
    EXPECT_EQ(second[0].id, b.id);
    EXPECT_FALSE(storage_->replace_push_keys(a.id, "another", "fresh"));
    EXPECT_TRUE(storage_->replace_push_keys(a.id, a.keys, "fresh"));
    EXPECT_EQ(storage_->push(user_, a.id).value().keys, "fresh");
}

INSTANTIATE_TEST_SUITE_P(Storages, StoragePushesConformance, storages(),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pricewire::conformance
