// The contract of every Storage: endpoints that are disabled, runs of refusals, and breakers.
#include "storage_fixture.hpp"

namespace pricewire::conformance {
namespace {

class StorageEndpointsConformance : public StorageConformance {};

TEST_P(StorageEndpointsConformance, AnEndpointStaysDisabledForItsUserAndUrlUntilEnabled) {
    const Alert alert = add_alert("1");
    const Uuid id = fire({alert.id}).at(0).delivery_id;
    const Uuid waits = pending();
    Alert other = new_alert("2");
    other.webhook_url += "/other";
    ASSERT_TRUE(storage_->create_alert(other, 100));
    claim(id, 1, now_);
    DeliveryOutcome gone = outcome(id, 1, now_, DeliveryState::failed);
    gone.reason = "the receiver answered 410";
    gone.disable_endpoint = true;
    record(gone);
    EXPECT_EQ(storage_->delivery(user_, id).value().state, DeliveryState::failed);

    const Timestamp at = gone.ended_at;
    EXPECT_EQ(storage_->alert(user_, alert.id).value().endpoint_disabled_at, at);
    EXPECT_FALSE(storage_->alert(user_, other.id).value().endpoint_disabled_at);
    const auto listed = storage_->alerts(user_, {});
    EXPECT_EQ(std::count_if(listed.begin(), listed.end(),
                            [&](const Alert& a) { return a.endpoint_disabled_at == at; }),
              2);
    EXPECT_EQ(claim(waits, 1, now_).at(0).alert.endpoint_disabled_at, at);

    EXPECT_EQ(storage_->create_alert(new_alert("3"), 100).error(),
              storage::CreateAlertError::endpoint_disabled);
    Alert bobs = new_alert("3");
    bobs.user_id = add_user("bob@example.com");
    EXPECT_TRUE(storage_->create_alert(bobs, 100));
    EXPECT_FALSE(storage_->alert(bobs.user_id, bobs.id).value().endpoint_disabled_at);
    EXPECT_FALSE(storage_->enable_endpoint(bobs.user_id, alert.webhook_url));

    const auto endpoints = storage_->endpoints(user_, 10);
    ASSERT_EQ(endpoints.size(), 2U);
    EXPECT_EQ(endpoints[0].webhook_url, alert.webhook_url);
    EXPECT_EQ(endpoints[0].disabled_at, at);
    EXPECT_EQ(endpoints[0].reason, "the receiver answered 410");
    EXPECT_EQ(endpoints[1].webhook_url, other.webhook_url);
    EXPECT_FALSE(endpoints[1].disabled_at);
    EXPECT_EQ(storage_->endpoints(user_, 1).size(), 1U);
    const auto second = storage_->endpoints(user_, 1, endpoints[0]);
    ASSERT_EQ(second.size(), 1U);
    EXPECT_EQ(second[0].webhook_url, other.webhook_url);
    EXPECT_TRUE(storage_->endpoints(user_, 10, second[0]).empty());

    EXPECT_TRUE(storage_->enable_endpoint(user_, alert.webhook_url));
    EXPECT_FALSE(storage_->enable_endpoint(user_, alert.webhook_url));
    EXPECT_FALSE(storage_->alert(user_, alert.id).value().endpoint_disabled_at);
    EXPECT_TRUE(storage_->create_alert(new_alert("3"), 100));
}

TEST_P(StorageEndpointsConformance, ARunOfRefusalsDisablesTheUrlForItsUser) {
    const std::string url = new_alert().webhook_url;
    Uuid id;
    int number = 0;
    const auto answered = [&](std::optional<int> status, DeliveryState next = DeliveryState::pending) {
        if (number == 0) id = pending();
        claim(id, ++number, now_);
        DeliveryOutcome o = outcome(id, number, now_, next, now_);
        o.attempt->status = status;
        o.user_id = user_;
        o.webhook_url = url;
        if (next != DeliveryState::pending) number = 0;
        return storage_->record(std::vector{o});
    };
    const auto run = [&](int count) {
        for (int i = 0; i < count; ++i) EXPECT_TRUE(answered(404).empty()) << i;
    };
    run(max_refusals - 1);
    EXPECT_TRUE(answered(200, DeliveryState::delivered).empty()) << "any other answer starts the count again";
    run(max_refusals - 1);
    EXPECT_TRUE(answered(500).empty());
    run(20);
    EXPECT_TRUE(answered({}).empty()) << "no answer says nothing";
    answered(404, DeliveryState::failed);
    run(max_refusals - 23);
    // Bob's count is his own.
    Alert bobs = new_alert("3");
    bobs.user_id = add_user("bob@example.com");
    ASSERT_TRUE(storage_->create_alert(bobs, 100));
    const Uuid bob = fire({bobs.id}).at(0).delivery_id;
    claim(bob, 1, now_);
    DeliveryOutcome o = outcome(bob, 1, now_, DeliveryState::pending, now_);
    o.attempt->status = 404;
    o.user_id = bobs.user_id;
    o.webhook_url = url;
    EXPECT_TRUE(storage_->record(std::vector{o}).empty());

    EXPECT_TRUE(answered(404).empty());
    const auto disabled = answered(404);
    ASSERT_EQ(disabled.size(), 1U);
    EXPECT_EQ(disabled[0].user_id, user_);
    EXPECT_EQ(disabled[0].webhook_url, url);
    EXPECT_EQ(disabled[0].reason, "the receiver answered 404 to 50 webhooks in a row");
    EXPECT_EQ(storage_->endpoints(user_, 10).at(0).reason, disabled[0].reason);
    EXPECT_EQ(storage_->endpoints(user_, 10).at(0).disabled_at, disabled[0].disabled_at);
    EXPECT_TRUE(claim(id, number + 1, now_).at(0).alert.endpoint_disabled_at);
    EXPECT_FALSE(storage_->endpoints(bobs.user_id, 10).at(0).disabled_at);

    // Those that were under way when it was disabled do not count once it is enabled.
    ++number;
    claim(id, number, now_ + lease_);
    DeliveryOutcome late = outcome(id, number, now_, DeliveryState::failed);
    late.attempt->status = 404;
    late.user_id = user_;
    late.webhook_url = url;
    EXPECT_TRUE(storage_->record(std::vector{late}).empty());
    number = 0;
    ASSERT_TRUE(storage_->enable_endpoint(user_, url));
    for (const int status : {401, 403, 404, 405}) EXPECT_TRUE(answered(status).empty());
    run(max_refusals - 5);
    EXPECT_EQ(answered(404).at(0).reason,
              "the receiver answered 401, 403, 404 or 405 to 50 webhooks in a row");
}

TEST_P(StorageEndpointsConformance, ABatchOfRefusalsIsCountedInItsOrder) {
    const std::string url = new_alert().webhook_url;
    const auto batch = [&](const std::vector<int>& statuses) {
        std::vector<DeliveryOutcome> outcomes;
        for (const int status : statuses) {
            const Uuid id = pending();
            claim(id, 1, now_);
            outcomes.push_back(outcome(id, 1, now_, DeliveryState::pending, now_ + 1h));
            outcomes.back().attempt->status = status;
            outcomes.back().user_id = user_;
            outcomes.back().webhook_url = url;
        }
        return storage_->record(outcomes).size();
    };
    std::vector<int> statuses(40, 403);
    EXPECT_EQ(batch(statuses), 0U);
    statuses.assign(30, 403);
    statuses.insert(statuses.begin(), 400);
    EXPECT_EQ(batch(statuses), 0U) << "a 400 speaks of the body";
    EXPECT_EQ(batch(std::vector<int>(19, 403)), 0U);
    // An outcome that is ignored does not count.
    DeliveryOutcome late = outcome(make_uuid(now_), 1, now_, DeliveryState::pending, now_);
    late.attempt->status = 403;
    late.user_id = user_;
    late.webhook_url = url;
    EXPECT_TRUE(storage_->record(std::vector{late}).empty());
    EXPECT_EQ(batch({403, 403, 403}), 1U);
    ASSERT_TRUE(storage_->enable_endpoint(user_, url));
    EXPECT_EQ(batch({403}), 0U) << "the count has begun again";
    // What is counted for a URL that is not used any more is forgotten with the deliveries of that time.
    EXPECT_EQ(storage_->prune(now_ + 1h, 10), 1U);
}

TEST_P(StorageEndpointsConformance, OfUrlsWithoutAlertsShowsOnlyDisabledEndpoints) {
    const Alert alert = add_alert("1");
    Alert other = new_alert("2");
    other.webhook_url += "/other";
    ASSERT_TRUE(storage_->create_alert(other, 100));
    EXPECT_EQ(storage_->endpoints(user_, 10).size(), 2U);
    const Uuid id = fire({alert.id}).at(0).delivery_id;
    claim(id, 1, now_);
    DeliveryOutcome gone = outcome(id, 1, now_, DeliveryState::failed);
    gone.disable_endpoint = true;
    record(gone);
    storage_->delete_alert(user_, alert.id);
    storage_->delete_alert(user_, other.id);
    ASSERT_EQ(storage_->endpoints(user_, 10).size(), 1U);
    EXPECT_EQ(storage_->endpoints(user_, 10)[0].webhook_url, alert.webhook_url);
}

TEST_P(StorageEndpointsConformance, AnIgnoredOutcomeDisablesNothingAndALaterOneReplacesTheReason) {
    const Uuid id = pending();
    const Uuid next = pending();
    storage_->claim_due(now_, 100, {"sender-1", now_ + lease_});
    DeliveryOutcome gone = outcome(id, 2, now_, DeliveryState::failed);
    gone.disable_endpoint = true;
    record(gone);
    EXPECT_FALSE(storage_->endpoints(user_, 10).at(0).disabled_at);
    gone.attempt_number = gone.attempt->number = 1;
    record(gone);
    DeliveryOutcome again = outcome(next, 1, now_ + 1h, DeliveryState::failed);
    again.disable_endpoint = true;
    again.reason = "again";
    record(again);
    EXPECT_EQ(storage_->endpoints(user_, 10).at(0).disabled_at, again.ended_at);
    EXPECT_EQ(storage_->endpoints(user_, 10).at(0).reason, "again");
}

// Breakers

TEST_P(StorageEndpointsConformance, KeepsBreakersThatAreNotClosed) {
    EXPECT_TRUE(storage_->breakers().empty());
    const Breaker open{
        user_, "https://a.example:443", BreakerState::open, 5, now_ + 30s, "connection refused", now_};
    Breaker half{user_,    "https://b.example:443", BreakerState::half_open, 7, std::nullopt, "no answer",
                 now_ + 1s};
    storage_->save_breakers(std::vector{half, open});
    auto kept = storage_->breakers();
    ASSERT_EQ(kept.size(), 2U);
    std::sort(kept.begin(), kept.end(), [](const auto& a, const auto& b) { return a.endpoint < b.endpoint; });
    EXPECT_EQ(kept[0].endpoint, open.endpoint);
    EXPECT_EQ(kept[0].state, BreakerState::open);
    EXPECT_EQ(kept[0].failures, 5);
    EXPECT_EQ(kept[0].retry_at, now_ + 30s);
    EXPECT_EQ(kept[0].reason, "connection refused");
    EXPECT_EQ(kept[0].changed_at, now_);
    EXPECT_EQ(kept[1].state, BreakerState::half_open);
    EXPECT_FALSE(kept[1].retry_at);
    Breaker closed = open;
    closed.state = BreakerState::closed;
    half.failures = 8;
    storage_->save_breakers(std::vector{closed, half});
    kept = storage_->breakers();
    ASSERT_EQ(kept.size(), 1U);
    EXPECT_EQ(kept[0].failures, 8);
    storage_->save_breakers({});
    EXPECT_EQ(storage_->breakers().size(), 1U);
}

TEST_P(StorageEndpointsConformance, ABreakerIsOfOneUser) {
    const Uuid other = add_user("other@example.com");
    Breaker mine{user_, "https://a.example:443", BreakerState::open, 5, now_ + 30s, "refused", now_};
    Breaker theirs = mine;
    theirs.user_id = other;
    theirs.reason = "no answer";
    storage_->save_breakers(std::vector{mine, theirs});
    EXPECT_EQ(storage_->breakers().size(), 2U);
    ASSERT_EQ(storage_->breakers_of(user_).size(), 1U);
    EXPECT_EQ(storage_->breakers_of(user_)[0].reason, "refused");
    EXPECT_EQ(storage_->breakers_of(user_)[0].user_id, user_);
    mine.state = BreakerState::closed;
    storage_->save_breakers(std::vector{mine});
    EXPECT_TRUE(storage_->breakers_of(user_).empty());
    EXPECT_EQ(storage_->breakers_of(other).size(), 1U);
}

TEST_P(StorageEndpointsConformance, ADeletedUsersBreakersAreRemovedAndNotStoredAgain) {
    const Breaker open{user_, "https://a.example:443", BreakerState::open, 5, now_ + 30s, "refused", now_};
    storage_->save_breakers(std::vector{open});
    ASSERT_TRUE(storage_->delete_user(user_, now_));
    EXPECT_TRUE(storage_->breakers().empty());
    storage_->save_breakers(std::vector{open});
    EXPECT_TRUE(storage_->breakers().empty());
}

INSTANTIATE_TEST_SUITE_P(Storages, StorageEndpointsConformance, storages(),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pricewire::conformance
