// The contract of every Storage: keys, secrets and the deletion of users.
#include "storage_fixture.hpp"

namespace pricewire::conformance {
namespace {

class StorageUsersConformance : public StorageConformance {
protected:
    std::vector<std::optional<Uuid>> reported() {
        hear_all();
        MutexLock lock(mutex_);
        return user_changes_;
    }
};

TEST_P(StorageUsersConformance, AReplacedKeyStopsWorking) {
    EXPECT_TRUE(storage_->replace_api_key(user_, sha256("new key")));
    EXPECT_FALSE(storage_->user_by_key_hash(sha256("ann@example.com")));
    EXPECT_EQ(storage_->user_by_key_hash(sha256("new key")).value().id, user_);
    EXPECT_EQ(reported(), std::vector<std::optional<Uuid>>{user_});
    EXPECT_FALSE(storage_->replace_api_key(make_uuid(now_), sha256("another")));
    EXPECT_EQ(reported().size(), 1U);
}

// Secrets

TEST_P(StorageUsersConformance, RotatingKeepsThePreviousSecret) {
    EXPECT_EQ(storage_->webhook_secrets(user_), (WebhookSecrets{.current = "whsec_ann@example.com"}));
    EXPECT_TRUE(storage_->rotate_webhook_secret(user_, "sealed 2", now_ + 24h));
    EXPECT_EQ(storage_->webhook_secrets(user_),
              (WebhookSecrets{"sealed 2", "whsec_ann@example.com", now_ + 24h}));
    EXPECT_TRUE(storage_->rotate_webhook_secret(user_, "sealed 3", now_ + 25h));
    EXPECT_EQ(storage_->webhook_secrets(user_), (WebhookSecrets{"sealed 3", "sealed 2", now_ + 25h}));
    EXPECT_FALSE(storage_->rotate_webhook_secret(make_uuid(now_), "x", now_));
    EXPECT_FALSE(storage_->webhook_secrets(make_uuid(now_)));
}

TEST_P(StorageUsersConformance, ReturnsAllUsersSecretsById) {
    std::vector<Uuid> ids{user_};
    for (int i = 0; i < 5; ++i) ids.push_back(add_user(std::to_string(i) + "@example.com"));
    std::sort(ids.begin(), ids.end());
    storage_->rotate_webhook_secret(ids[2], "sealed", now_ + 24h);
    std::vector<Uuid> seen;
    std::optional<Uuid> after;
    while (true) {
        const auto page = storage_->secrets_after(after, 4);
        if (page.empty()) break;
        for (const storage::StoredSecrets& s : page) {
            seen.push_back(s.user_id);
            EXPECT_EQ(s.secrets, storage_->webhook_secrets(s.user_id));
        }
        after = seen.back();
    }
    EXPECT_EQ(seen, ids);
}

TEST_P(StorageUsersConformance, ReplacesSecretsOnlyIfUnchanged) {
    const WebhookSecrets first{.current = "whsec_ann@example.com"};
    const WebhookSecrets resealed{.current = "resealed"};
    EXPECT_FALSE(storage_->replace_secrets(user_, resealed, first));
    EXPECT_TRUE(storage_->replace_secrets(user_, first, resealed));
    EXPECT_FALSE(storage_->replace_secrets(user_, first, resealed));
    storage_->rotate_webhook_secret(user_, "2", now_ + 24h);
    const WebhookSecrets both{"2", "resealed", now_ + 24h};
    for (const auto& stale :
         {WebhookSecrets{"2", "resealed", now_ + 25h}, WebhookSecrets{"2", "", now_ + 24h},
          WebhookSecrets{"2", "resealed", std::nullopt}})
        EXPECT_FALSE(storage_->replace_secrets(user_, stale, first));
    const WebhookSecrets fresh{"2 resealed", "1 resealed", now_ + 24h};
    EXPECT_TRUE(storage_->replace_secrets(user_, both, fresh));
    EXPECT_EQ(storage_->webhook_secrets(user_), fresh);
    EXPECT_TRUE(storage_->replace_secrets(user_, fresh, first));
    EXPECT_EQ(storage_->webhook_secrets(user_), first);
    EXPECT_FALSE(storage_->replace_secrets(make_uuid(now_), first, fresh));
}

// Deletion

TEST_P(StorageUsersConformance, ADeletedUserIsNotFound) {
    EXPECT_TRUE(storage_->delete_user(user_, now_));
    EXPECT_FALSE(storage_->user_by_key_hash(sha256("ann@example.com")));
    EXPECT_FALSE(storage_->user_by_email("ann@example.com"));
    EXPECT_TRUE(storage_->users().empty());
    EXPECT_FALSE(storage_->webhook_secrets(user_));
    EXPECT_TRUE(storage_->secrets_after(std::nullopt, 10).empty());
    EXPECT_EQ(reported(), std::vector<std::optional<Uuid>>{user_});
    EXPECT_FALSE(storage_->delete_user(user_, now_));
    EXPECT_FALSE(storage_->delete_user(make_uuid(now_), now_));
    EXPECT_FALSE(storage_->set_user_active(user_, true));
    EXPECT_FALSE(storage_->replace_api_key(user_, sha256("again")));
    EXPECT_FALSE(storage_->rotate_webhook_secret(user_, "again", now_));
    EXPECT_FALSE(storage_->replace_secrets(user_, {}, {.current = "again"}));
    EXPECT_EQ(reported().size(), 1U);
}

TEST_P(StorageUsersConformance, ADeletedUsersEmailAndKeyCanBeReused) {
    ASSERT_TRUE(storage_->delete_user(user_, now_));
    const Uuid again = add_user("ann@example.com");
    EXPECT_EQ(storage_->user_by_email("ann@example.com").value().id, again);
    EXPECT_EQ(storage_->user_by_key_hash(sha256("ann@example.com")).value().id, again);
    EXPECT_TRUE(storage_->delete_user(again, now_));  // and once more
    add_user("ann@example.com");
}

TEST_P(StorageUsersConformance, ADeletedUsersAlertsAndDeliveriesEnd) {
    const Alert waits = add_alert("1");
    const Alert fired = add_alert("2");
    const Alert sent = add_alert("3");
    const Uuid pending_one = fire({fired.id}).at(0).delivery_id;
    const Uuid delivered = fire({sent.id}).at(0).delivery_id;
    claim(delivered, 1, now_);
    record(outcome(delivered, 1, now_, DeliveryState::delivered));
    const Uuid under_way = pending();
    claim(under_way, 1, now_);
    const Uuid bob = add_user("bob@example.com");
    Alert bobs = new_alert("1");
    bobs.user_id = bob;
    ASSERT_TRUE(storage_->create_alert(bobs, 10));

    ASSERT_TRUE(storage_->delete_user(user_, now_ + 1s));
    EXPECT_TRUE(storage_->alerts(user_, {}).empty());
    ASSERT_EQ(active().size(), 1U);
    EXPECT_EQ(active()[0].id, bobs.id);
    const auto all = changes();
    EXPECT_EQ(std::count(all.begin(), all.end(), shown(AlertChange::Kind::deleted, waits.id)), 1);
    EXPECT_EQ(std::count_if(all.begin(), all.end(), [](const std::string& c) { return c[0] == '-'; }), 1);
    EXPECT_EQ(storage_->delivery(user_, pending_one).value().state, DeliveryState::cancelled);
    EXPECT_EQ(storage_->delivery(user_, pending_one).value().finished_at, now_ + 1s);
    EXPECT_EQ(storage_->delivery(user_, under_way).value().state, DeliveryState::cancelled);
    EXPECT_EQ(storage_->delivery(user_, delivered).value().state, DeliveryState::delivered);
    EXPECT_FALSE(storage_->next_due());
    EXPECT_TRUE(fire({waits.id}).empty());
    // The attempt in flight is still recorded.
    record(outcome(under_way, 1, now_ + 2s, DeliveryState::delivered));
    EXPECT_EQ(storage_->delivery(user_, under_way).value().state, DeliveryState::delivered);
}

TEST_P(StorageUsersConformance, OperationsInFlightForADeletedUserCreateNothing) {
    const Alert alert = add_alert("1");
    const Uuid id = pending();
    ASSERT_TRUE(storage_->delete_user(user_, now_));
    EXPECT_EQ(storage_->create_alert(new_alert("2"), 100).error(), storage::CreateAlertError::limit_reached);
    EXPECT_FALSE(storage_->add_test_delivery(user_, alert.id, make_uuid(now_), Decimal::from_int(1), now_));
    EXPECT_EQ(storage_->retry_delivery(user_, id, now_).error(), storage::RetryError::not_found);
    EXPECT_EQ(storage_->cancel_delivery(user_, id, now_).error(), storage::CancelError::not_found);
    EXPECT_TRUE(storage_->recover_deliveries(user_, now_ - 1h, now_, 10, {}).tasks.empty());
    EXPECT_TRUE(active().empty());
}

TEST_P(StorageUsersConformance, PruningRemovesADeletedUserLast) {
    const Alert waits = add_alert("1");
    const Alert fired = add_alert("2");
    const Uuid id = fire({fired.id}).at(0).delivery_id;
    claim(id, 1, now_);
    DeliveryOutcome gone = outcome(id, 1, now_, DeliveryState::failed);
    gone.disable_endpoint = true;
    record(gone);
    EXPECT_EQ(storage_->prune(now_ - 1h, 100), 0U);
    ASSERT_TRUE(storage_->delete_user(user_, now_));
    // Removes the alert that never fired and the endpoint; the rest still needs its user.
    EXPECT_EQ(storage_->prune(now_ - 1h, 100), 2U);
    EXPECT_EQ(storage_->prune(now_ - 1h, 100), 0U);
    EXPECT_TRUE(storage_->delivery(user_, id));
    EXPECT_TRUE(storage_->endpoints(user_, 10).empty());
    // The delivery, the alert and the user, one at a time.
    for (int i = 0; i < 3; ++i) EXPECT_EQ(storage_->prune(now_ + 1s, 1), 1U) << i;
    EXPECT_EQ(storage_->prune(now_ + 1s, 1), 0U);
    EXPECT_FALSE(storage_->delivery(user_, id));
    const Uuid again = add_user("ann@example.com");
    EXPECT_EQ(storage_->users().at(0).id, again);
}

INSTANTIATE_TEST_SUITE_P(Storages, StorageUsersConformance, storages(),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pricewire::conformance
