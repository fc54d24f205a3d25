// The contract of every Storage: endpoints that are disabled, runs of refusals, and breakers.
#include <numeric>

#include "storage_fixture.hpp"

namespace pricewire::conformance {
namespace {

class StorageEndpointsConformance : public StorageConformance {
protected:
    // An attempt of a new delivery, of a user to a URL.
    DeliveryOutcome called(const Uuid& user, const std::string& url, Timestamp at, std::optional<int> status,
                           Duration took, std::string body = {}) {
        Alert alert = new_alert(std::to_string(++last_target_));
        alert.user_id = user;
        alert.webhook_url = url;
        EXPECT_TRUE(storage_->create_alert(alert, 1'000'000));
        const Uuid id = fire({alert.id}).at(0).delivery_id;
        claim(id, 1, now_);
        const bool ok = status && *status < 300;
        DeliveryOutcome o = outcome(id, 1, at, ok ? DeliveryState::delivered : DeliveryState::failed);
        o.attempt->status = status;
        o.attempt->duration = took;
        o.attempt->request_headers = "{}";
        o.attempt->request_body = std::move(body);
        o.user_id = user;
        o.webhook_url = url;
        return o;
    }
    std::vector<EndpointRecord> records(Timestamp since, const std::string& first = "",
                                        const std::string& last = "~") {
        count_calls();
        return storage_->endpoint_records(user_, first, last, since);
    }
};

TEST_P(StorageEndpointsConformance, AttemptsAreCountedByEndpointAndHour) {
    const std::string a = "https://a.example.com/", b = "https://b.example.com/";
    const Uuid bob = add_user("bob@example.com");
    EXPECT_TRUE(records(now_).empty());
    storage_->record(std::vector{called(user_, a, now_, 200, 4ms), called(user_, b, now_, 503, 7ms),
                                 called(user_, a, now_ + 1s, 204, 4ms), called(bob, a, now_, 200, 4ms)});
    record(called(user_, a, now_ + 2s, std::nullopt, 5s));
    record(called(user_, a, now_ + 2h, 200, 9s));
    DeliveryOutcome ignored = called(user_, b, now_, 200, 1ms);
    ignored.attempt_number = 3;
    record(ignored);
    DeliveryOutcome unmade = called(user_, b, now_, 200, 1ms);
    unmade.attempt.reset();
    unmade.next = DeliveryState::expired;
    record(unmade);

    const auto all = records(now_);
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].webhook_url, a);
    EXPECT_EQ(all[0].attempts, 4);
    EXPECT_EQ(all[0].succeeded, 3);
    EXPECT_EQ(all[0].latency[latency_place(4ms)], 2);
    EXPECT_EQ(all[0].latency.back(), 1);
    EXPECT_EQ(std::accumulate(all[0].latency.begin(), all[0].latency.end(), 0), 3) << "one was not answered";
    EXPECT_EQ(all[0].success_at, now_ + 2h + 1500us);
    EXPECT_EQ(all[0].failure_at, now_ + 2s + 1500us);
    EXPECT_EQ(all[0].failure, "the receiver answered 503");
    EXPECT_FALSE(all[0].failure_status);
    EXPECT_EQ(all[1].webhook_url, b);
    EXPECT_EQ(all[1].attempts, 1);
    EXPECT_EQ(all[1].succeeded, 0);
    EXPECT_FALSE(all[1].success_at);
    EXPECT_EQ(all[1].failure_status, 503);

    ASSERT_EQ(records(now_ + 1h).size(), 2U) << "those seen earlier are known still";
    EXPECT_EQ(records(now_ + 1h)[0].attempts, 1);
    EXPECT_EQ(records(now_ + 1h)[1].attempts, 0);
    ASSERT_EQ(records(now_, b).size(), 1U);
    EXPECT_EQ(records(now_, b)[0].attempts, 1);
    EXPECT_EQ(storage_->endpoint_records(bob, "", "~", now_).at(0).attempts, 1);
    // These are the hours of years ago, but nothing has ended before now_.
    EXPECT_EQ(storage_->prune(now_, 100), 5U) << "a row for each endpoint, hour, outcome and latency";
    EXPECT_EQ(records(now_)[0].attempts, 0);
    EXPECT_EQ(records(now_)[0].success_at, now_ + 2h + 1500us);
}

TEST_P(StorageEndpointsConformance, TheLastOfSimultaneousFailuresIsShownByItsErrorOrReason) {
    const std::string a = "https://a.example.com/", b = "https://b.example.com/";
    std::vector<DeliveryOutcome> outcomes;
    for (const std::string& url : {a, b}) {
        for (int i = 0; i < 2; ++i) outcomes.push_back(called(user_, url, now_, 503, 4ms));
    }
    // The last one of the first, the first one of the second.
    for (const std::size_t place : {1U, 2U}) {
        outcomes[place].attempt->status.reset();
        outcomes[place].attempt->error = "no answer";
    }
    storage_->record(outcomes);
    const auto all = records(now_);
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].failure, "no answer");
    EXPECT_FALSE(all[0].failure_status);
    EXPECT_EQ(all[1].failure, "the receiver answered 503");
    EXPECT_EQ(all[1].failure_status, 503);
}

TEST_P(StorageEndpointsConformance, TwoSendersCountTheSameEndpoints) {
    const std::string a = "https://a.example.com/", b = "https://b.example.com/";
    std::vector<std::vector<DeliveryOutcome>> batches(2);
    for (int i = 0; i < 20; ++i) {
        for (auto& batch : batches) batch.push_back(called(user_, i % 2 == 0 ? a : b, now_, 200, 4ms));
    }
    std::ranges::reverse(batches[1]);
    at_once(2, [&](int t) {
        for (const DeliveryOutcome& o : batches[static_cast<std::size_t>(t)])
            storage_->record(std::vector{o});
    });
    EXPECT_EQ(records(now_).at(0).succeeded, 20);
    EXPECT_EQ(records(now_).at(1).succeeded, 20);
}

TEST_P(StorageEndpointsConformance, TheLastBodyThatWasSentIsKeptByteForByte) {
    const std::string body = "{\"a\":\"\u20ac\\n\"}\n\t";
    const DeliveryOutcome o = called(user_, "https://a.example.com/", now_, 503, 1ms, body);
    EXPECT_FALSE(storage_->last_request(o.delivery_id));
    DeliveryOutcome first = o;
    first.next = DeliveryState::pending;
    first.next_attempt_at = now_;
    record(first);
    const auto sent = storage_->last_request(o.delivery_id);
    ASSERT_TRUE(sent);
    EXPECT_EQ(sent->attempt, 1);
    EXPECT_EQ(sent->body, body);
    claim(o.delivery_id, 2, now_);
    DeliveryOutcome second = outcome(o.delivery_id, 2, now_, DeliveryState::delivered);
    second.attempt->request_headers = "{}";
    record(second);
    EXPECT_EQ(storage_->last_request(o.delivery_id).value().attempt, 2);
    EXPECT_EQ(storage_->last_request(o.delivery_id).value().body, "");
}

TEST_P(StorageEndpointsConformance, ATestOfAUrlBelongsToNoAlert) {
    Alert carrier = new_alert();
    carrier.webhook_url = "https://a.example.com/";
    carrier.note = "a note";
    carrier.deliver_within = 1h;
    const auto test = [&] {
        const Uuid id = make_uuid(now_);
        return std::pair(storage_->add_endpoint_test(carrier, id, Decimal::from_int(7), now_), id);
    };
    const auto [added, id] = test();
    ASSERT_TRUE(added);
    const auto claimed = claim(id, 1, now_);
    ASSERT_EQ(claimed.size(), 1U);
    EXPECT_EQ(claimed[0].alert.note, "a note");
    EXPECT_EQ(claimed[0].alert.triggered_price, Decimal::from_int(7));
    EXPECT_EQ(claimed[0].kind, DeliveryKind::test);
    EXPECT_TRUE(storage_->alerts(user_, {}).empty());
    EXPECT_TRUE(storage_->endpoints(user_, 10).empty());
    EXPECT_TRUE(active().empty());
    EXPECT_TRUE(changes().empty());
    EXPECT_TRUE(storage_->deleted_alerts(user_, Timestamp{}, 10).empty());
    EXPECT_EQ(storage_->delivery(user_, id).value().webhook_url, carrier.webhook_url);
    for (std::size_t i = 1; i < max_unfinished_tests; ++i) EXPECT_TRUE(test().first);
    EXPECT_EQ(test().first.error(), storage::TestError::too_many);
    record(outcome(id, 1, now_, DeliveryState::delivered));
    EXPECT_TRUE(test().first) << "one has ended";
    EXPECT_EQ(storage_->deliveries(user_, {.webhook_url = carrier.webhook_url}).size(),
              max_unfinished_tests + 1);

    DeliveryOutcome gone = called(user_, "https://gone.example.com/", now_, 410, 1ms);
    gone.disable_endpoint = true;
    record(gone);
    carrier.id = make_uuid(now_);
    carrier.webhook_url = gone.webhook_url;
    EXPECT_EQ(test().first.error(), storage::TestError::endpoint_disabled);
    carrier.webhook_url = "https://b.example.com/";
    carrier.user_id = make_uuid(now_);
    EXPECT_EQ(test().first.error(), storage::TestError::not_found) << "there is no such user";
}

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
    EXPECT_EQ(storage_->endpoint(user_, alert.webhook_url).value().disabled_at, at);
    EXPECT_FALSE(storage_->endpoint(user_, other.webhook_url).value().disabled_at);
    EXPECT_FALSE(storage_->endpoint(user_, "https://none.example.com/"));
    EXPECT_FALSE(storage_->endpoint(add_user("carol@example.com"), other.webhook_url));

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
    // What is counted for a URL that is not used any more is forgotten with the deliveries of that time: its refusals, its
    // last attempt and its attempts of that hour.
    count_calls();
    EXPECT_EQ(storage_->prune(now_ + 1h, 10), 3U);
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
