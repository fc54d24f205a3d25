// The contract of every Storage: deferring, lanes, rounds, deadlines and outcomes of attempts.
#include "storage_fixture.hpp"

namespace pricewire::conformance {
namespace {

class StorageSendingConformance : public StorageConformance {
protected:
    static constexpr const char* lane_ = "https://example.com:443";

    void defer(const Uuid& id, int attempt, Timestamp until, const std::string& lane = lane_) {
        storage_->defer(std::vector{Deferral{id, attempt, until, lane}});
    }
    DeliveryView of(const Uuid& id) { return storage_->delivery(user_, id).value(); }
    std::vector<Uuid> due(Timestamp now) {
        std::vector<Uuid> out;
        const auto claimed = storage_->claim_due(now, 100, {"sender-1", now + lease_});
        for (const ClaimedDelivery& c : claimed) out.push_back(c.id);
        return out;
    }
    std::vector<Uuid> from_lane(std::size_t limit, const std::string& lane = lane_) {
        std::vector<Uuid> out;
        const auto claimed = storage_->claim_lane(lane, limit, {"sender-1", now_ + lease_});
        for (const ClaimedDelivery& c : claimed) out.push_back(c.id);
        return out;
    }
    // Without an attempt.
    static DeliveryOutcome ended(const Uuid& id, int number, DeliveryState next, const std::string& reason,
                                 Timestamp at) {
        DeliveryOutcome out{.delivery_id = id, .attempt_number = number};
        out.next = next;
        out.reason = reason;
        out.ended_at = at;
        return out;
    }
};

// Claims

TEST_P(StorageSendingConformance, AClaimReturnsTheAlertAsCreatedAndItsDeadline) {
    Alert alert = new_alert();
    alert.format = PayloadFormat::custom;
    alert.custom = WebhookTemplate{"{\"text\": \"{{ticker}} “{{note}}”\"}", "application/json"};
    alert.note = "sell 🚀";
    alert.deliver_within = 90s;
    ASSERT_TRUE(storage_->create_alert(alert, 10));
    const auto claimed = claim(fire({alert.id}).at(0).delivery_id, 1, now_);
    ASSERT_EQ(claimed.size(), 1U);
    EXPECT_EQ(claimed[0].round, 1);
    EXPECT_EQ(claimed[0].kind, DeliveryKind::alert);
    EXPECT_EQ(claimed[0].deadline, now_ + 90s);
    EXPECT_EQ(claimed[0].alert.format, PayloadFormat::custom);
    EXPECT_EQ(claimed[0].alert.custom, alert.custom);
    EXPECT_EQ(claimed[0].alert.note, "sell 🚀");
    EXPECT_EQ(claimed[0].alert.deliver_within, 90s);
    EXPECT_FALSE(claimed[0].alert.endpoint_disabled_at);
    EXPECT_EQ(view(alert.id).deadline, now_ + 90s);
}

TEST_P(StorageSendingConformance, AClaimReturnsBothSecretsDuringARotation) {
    const Uuid first = pending();
    EXPECT_EQ(claim(first, 1, now_).at(0).secrets, (WebhookSecrets{.current = "whsec_ann@example.com"}));
    ASSERT_TRUE(storage_->rotate_webhook_secret(user_, "sealed 2", now_ + 24h));
    const Uuid second = pending();
    EXPECT_EQ(claim(second, 1, now_).at(0).secrets,
              (WebhookSecrets{"sealed 2", "whsec_ann@example.com", now_ + 24h}));
}

TEST_P(StorageSendingConformance, AttemptsAndDeferralsDoNotChangeTheDeadline) {
    const Uuid id = pending();
    claim(id, 1, now_);
    record(outcome(id, 1, now_, DeliveryState::pending, now_ + 10s));
    claim(id, 2, now_ + 10s);
    defer(id, 2, now_ + 1h);
    EXPECT_EQ(of(id).deadline, now_ + 24h);
    EXPECT_EQ(claim(id, 2, now_ + 1h).at(0).deadline, now_ + 24h);
}

// Deferring

TEST_P(StorageSendingConformance, ADeferredDeliveryWaitsUntilItsTimeAndUsesNoAttempt) {
    const Uuid id = pending();
    claim(id, 1, now_);
    defer(id, 1, now_ + 5min);
    EXPECT_EQ(of(id).state, DeliveryState::pending);
    EXPECT_EQ(of(id).attempts, 0);
    EXPECT_EQ(of(id).next_attempt_at, now_ + 5min);
    EXPECT_EQ(storage_->next_due(), now_ + 5min);
    EXPECT_TRUE(due(now_ + 5min - 1us).empty());
    const auto again = claim(id, 1, now_ + 5min);
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].attempt, 1);
    EXPECT_EQ(again[0].round, 1);
    EXPECT_TRUE(storage_->attempts_of(id).empty());
}

TEST_P(StorageSendingConformance, IgnoresADeferralOfAnotherAttemptOrAnUnclaimedDelivery) {
    const Uuid id = pending();
    defer(id, 1, now_ + 1h);  // not claimed
    EXPECT_EQ(of(id).next_attempt_at, now_);
    claim(id, 1, now_);
    defer(id, 2, now_ + 1h);
    defer(id, 0, now_ + 1h);
    defer(make_uuid(now_), 1, now_ + 1h);
    EXPECT_EQ(of(id).state, DeliveryState::delivering);
    record(outcome(id, 1, now_, DeliveryState::delivered));
    defer(id, 2, now_ + 1h);
    EXPECT_EQ(of(id).state, DeliveryState::delivered);
    EXPECT_TRUE(from_lane(10).empty());
}

TEST_P(StorageSendingConformance, AnIgnoredDeferralDoesNotAffectOthersOfItsCall) {
    const Uuid a = pending();
    const Uuid b = pending();
    due(now_);
    storage_->defer(std::vector{Deferral{a, 7, now_ + 1h, lane_}, Deferral{b, 1, now_ + 1h, lane_}});
    EXPECT_EQ(of(a).state, DeliveryState::delivering);
    EXPECT_EQ(of(b).next_attempt_at, now_ + 1h);
    storage_->defer({});
}

TEST_P(StorageSendingConformance, ClaimsTheLongestDeferredOfALaneFirst) {
    std::vector<Uuid> ids;
    for (int i = 0; i < 4; ++i) ids.push_back(pending());
    due(now_);
    // In neither the order of their ids nor of their times.
    for (const std::size_t i : {2U, 0U, 3U, 1U})
        defer(ids[i], 1, now_ + 1h + static_cast<int>(i) * 1min, i == 3 ? "another lane" : lane_);
    EXPECT_EQ(from_lane(1), std::vector{ids[2]});
    EXPECT_EQ(of(ids[2]).state, DeliveryState::delivering);
    EXPECT_EQ(from_lane(10), (std::vector{ids[0], ids[1]}));
    EXPECT_TRUE(from_lane(10).empty());
    EXPECT_EQ(of(ids[3]).next_attempt_at, now_ + 1h + 3min);
    EXPECT_TRUE(from_lane(0, "another lane").empty());
    EXPECT_TRUE(from_lane(10, "another").empty());
    EXPECT_EQ(from_lane(10, "another lane"), std::vector{ids[3]});
    EXPECT_EQ(storage_->release_claims("sender-1"), 4U);
}

TEST_P(StorageSendingConformance, AClaimFromALaneHasEverythingTheAttemptNeeds) {
    const Uuid id = pending();
    claim(id, 1, now_);
    defer(id, 1, now_ + 1h);
    const auto claimed = storage_->claim_lane(lane_, 1, {"sender-1", now_ + lease_});
    ASSERT_EQ(claimed.size(), 1U);
    EXPECT_EQ(claimed[0].attempt, 1);
    EXPECT_EQ(claimed[0].alert.user_id, user_);
    EXPECT_EQ(claimed[0].deadline, now_ + 24h);
    EXPECT_EQ(due(now_ + lease_), std::vector{id}) << "its lease has ended";
}

TEST_P(StorageSendingConformance, ListsTheLanesInUse) {
    EXPECT_TRUE(storage_->lanes(10).empty());
    std::vector<Uuid> ids;
    for (int i = 0; i < 4; ++i) ids.push_back(pending());
    due(now_);
    for (const auto& [i, lane] : {std::pair(0U, "b"), {1U, "a"}, {2U, "b"}, {3U, "c"}})
        defer(ids[i], 1, now_ + 1h, lane);
    EXPECT_EQ(storage_->lanes(10), (std::vector<std::string>{"a", "b", "c"}));
    EXPECT_EQ(storage_->lanes(2).size(), 2U);
    EXPECT_EQ(storage_->lanes(10, "a"), (std::vector<std::string>{"b", "c"}));
    from_lane(10, "b");
    EXPECT_EQ(storage_->lanes(10), (std::vector<std::string>{"a", "c"}));
}

TEST_P(StorageSendingConformance, ADeliveryDeferredAgainGoesBehindThoseThatWaitLonger) {
    const Uuid a = pending();
    const Uuid b = pending();
    due(now_);
    defer(a, 1, now_ + 1s);
    defer(b, 1, now_ + 1h);
    claim(a, 1, now_ + 1s);
    defer(a, 1, now_ + 2s);
    EXPECT_EQ(from_lane(1), std::vector{b});
    EXPECT_EQ(of(a).next_attempt_at, now_ + 2s);
}

TEST_P(StorageSendingConformance, AClaimedDeliveryLeavesItsLane) {
    const Uuid id = pending();
    claim(id, 1, now_);
    defer(id, 1, now_ + 1s);
    claim(id, 1, now_ + 1s);
    EXPECT_TRUE(from_lane(10).empty());
    record(outcome(id, 1, now_ + 1s, DeliveryState::pending, now_ + 1h));
    EXPECT_TRUE(from_lane(10).empty());
    EXPECT_EQ(of(id).next_attempt_at, now_ + 1h);
}

TEST_P(StorageSendingConformance, ReleasingDoesNotMoveDeferredDeliveries) {
    const Uuid deferred = pending();
    const Uuid claimed = pending();
    due(now_);
    defer(deferred, 1, now_ + 1h);
    EXPECT_EQ(storage_->release_claims("sender-1"), 1U);
    EXPECT_EQ(due(now_), std::vector{claimed});
    EXPECT_EQ(of(deferred).next_attempt_at, now_ + 1h);
    EXPECT_EQ(from_lane(10), std::vector{deferred});
}

TEST_P(StorageSendingConformance, ClaimsTakeOnlyUsersOfTheSlotsNamed) {
    const Uuid mine = pending();
    const Uuid other = pending();
    storage::Claim other_slots{"sender-1", now_ + lease_, {}, UserSlots().set().reset(user_slot(user_))};
    const std::vector<DeliveryTask> tasks{{mine, 1}, {other, 1}};
    EXPECT_TRUE(storage_->claim(tasks, now_ + 1s, other_slots).empty());
    EXPECT_TRUE(storage_->claim(std::span(tasks).first(1), now_ + 1s, other_slots).empty());
    EXPECT_TRUE(storage_->claim_due(now_ + 1s, 10, other_slots).empty());
    EXPECT_FALSE(storage_->next_due(other_slots.slots));
    other_slots.slots = UserSlots();
    EXPECT_TRUE(storage_->claim_due(now_ + 1s, 10, other_slots).empty()) << "none are none";
    const storage::Claim its_slot{"sender-1", now_ + lease_, {}, UserSlots().set(user_slot(user_))};
    EXPECT_EQ(storage_->next_due(its_slot.slots), storage_->next_due());
    EXPECT_LE(storage_->next_due(its_slot.slots), now_ + 1s);
    EXPECT_EQ(storage_->claim(std::span(tasks).first(1), now_ + 1s, its_slot).size(), 1U);
    EXPECT_EQ(storage_->claim_due(now_ + 1s, 10, its_slot).at(0).id, other);
}

TEST_P(StorageSendingConformance, WhatIsGivenBackWithoutALaneIsDue) {
    const Uuid id = pending();
    storage_->claim(std::vector{DeliveryTask{id, 1}}, now_, {"sender-1", now_ + lease_});
    storage_->defer(std::vector{Deferral{.delivery_id = id, .until = now_, .lane = {}}});
    EXPECT_TRUE(storage_->lanes(10).empty());
    EXPECT_EQ(due(now_), std::vector{id});
}

TEST_P(StorageSendingConformance, ClaimsPassOverTheUsersNamed) {
    const Uuid mine = pending();
    const Uuid other = add_user("other@example.com");
    Alert alert = new_alert();
    alert.user_id = other;
    ASSERT_TRUE(storage_->create_alert(alert, 10));
    const Uuid theirs = fire({alert.id}).at(0).delivery_id;
    const storage::Claim but_me{"sender-1", now_ + lease_, {user_}};
    EXPECT_TRUE(storage_->claim(std::vector{DeliveryTask{mine, 1}}, now_ + 1s, but_me).empty());
    const auto claimed = storage_->claim_due(now_ + 1s, 1, but_me);
    ASSERT_EQ(claimed.size(), 1U) << "though the longest due is another";
    EXPECT_EQ(claimed[0].id, theirs);
    EXPECT_TRUE(storage_->claim_due(now_ + 1s, 10, but_me).empty());
    EXPECT_EQ(of(mine).state, DeliveryState::pending);
    EXPECT_EQ(due(now_ + 1s), std::vector{mine});
}

// Outcomes

TEST_P(StorageSendingConformance, ReturnsAnAttemptAsRecorded) {
    const Uuid id = pending();
    claim(id, 1, now_);
    DeliveryOutcome o = outcome(id, 1, now_, DeliveryState::pending, now_ + 10s);
    o.attempt->remote_ip = "2001:db8::1";
    o.attempt->request_headers = R"({"Content-Type":"application/json"})";
    o.attempt->answer = std::string("<html>\0\xff\xfe", 9);
    o.attempt->times = {.dns = 1us, .connect = 20us, .tls = std::nullopt, .first_byte = 4000us};
    record(o);
    claim(id, 2, now_ + 10s);
    record(outcome(id, 2, now_ + 10s, DeliveryState::delivered));
    const auto attempts = storage_->attempts_of(id);
    ASSERT_EQ(attempts.size(), 2U);
    EXPECT_EQ(attempts[0].remote_ip, "2001:db8::1");
    EXPECT_EQ(attempts[0].request_headers, R"({"Content-Type":"application/json"})");
    EXPECT_EQ(attempts[0].answer, std::string("<html>\0\xff\xfe", 9));
    EXPECT_EQ(attempts[0].times, o.attempt->times);
    EXPECT_EQ(attempts[1].remote_ip, "");
    EXPECT_EQ(attempts[1].request_headers, "");
    EXPECT_EQ(attempts[1].answer, "");
    EXPECT_EQ(attempts[1].times, AttemptTimes{});
}

TEST_P(StorageSendingConformance, ShowsTheReasonAndTheLastStatus) {
    const Uuid id = pending();
    EXPECT_EQ(of(id).reason, "");
    EXPECT_FALSE(of(id).last_status);
    claim(id, 1, now_);
    record(outcome(id, 1, now_, DeliveryState::pending, now_ + 10s));
    EXPECT_EQ(of(id).reason, "the receiver answered 503");
    EXPECT_EQ(of(id).last_status, 503);
    claim(id, 2, now_ + 10s);
    DeliveryOutcome silent = outcome(id, 2, now_ + 10s, DeliveryState::pending, now_ + 20s);
    silent.attempt->status = std::nullopt;
    record(silent);
    EXPECT_FALSE(of(id).last_status);
    claim(id, 3, now_ + 20s);
    record(outcome(id, 3, now_ + 20s, DeliveryState::delivered));
    EXPECT_EQ(of(id).reason, "");
    EXPECT_EQ(of(id).last_status, 200);
}

TEST_P(StorageSendingConformance, AnOutcomeWithoutAnAttemptCountsNoAttempt) {
    const Uuid id = pending();
    claim(id, 1, now_);
    record(outcome(id, 1, now_, DeliveryState::pending, now_ + 10s));
    claim(id, 2, now_ + 25h);
    record(ended(id, 1, DeliveryState::expired, "too late", now_ + 25h));  // another attempt's
    EXPECT_EQ(of(id).state, DeliveryState::delivering);
    record(ended(id, 2, DeliveryState::expired, "too late", now_ + 25h));
    EXPECT_EQ(of(id).state, DeliveryState::expired);
    EXPECT_EQ(of(id).reason, "too late");
    EXPECT_EQ(of(id).finished_at, now_ + 25h);
    EXPECT_EQ(of(id).attempts, 1);
    EXPECT_EQ(storage_->attempts_of(id).size(), 1U);
    EXPECT_FALSE(storage_->next_due());
}

TEST_P(StorageSendingConformance, CancellingDuringAnAttemptStaysAndTheAttemptIsRecorded) {
    const Uuid id = pending();
    claim(id, 1, now_);
    ASSERT_TRUE(storage_->cancel_delivery(user_, id, now_ + 1s));
    record(outcome(id, 1, now_ + 2s, DeliveryState::pending, now_ + 10s));
    EXPECT_EQ(of(id).state, DeliveryState::cancelled);
    EXPECT_EQ(of(id).finished_at, now_ + 1s);
    EXPECT_EQ(of(id).reason, "cancelled by its user");
    EXPECT_EQ(of(id).attempts, 1);
    EXPECT_EQ(storage_->attempts_of(id).size(), 1U);
    EXPECT_FALSE(of(id).next_attempt_at);
    EXPECT_FALSE(storage_->next_due());
    record(outcome(id, 1, now_ + 2s, DeliveryState::delivered));  // ignored: that attempt is written
    EXPECT_EQ(of(id).state, DeliveryState::cancelled);
    EXPECT_EQ(storage_->attempts_of(id).size(), 1U);
}

TEST_P(StorageSendingConformance, CancellingDuringAnAttemptThatSucceedsIsDelivered) {
    const Uuid id = pending();
    claim(id, 1, now_);
    ASSERT_TRUE(storage_->cancel_delivery(user_, id, now_ + 1s));
    record(outcome(id, 1, now_ + 2s, DeliveryState::delivered));
    EXPECT_EQ(of(id).state, DeliveryState::delivered);
    EXPECT_EQ(of(id).finished_at, now_ + 2s + 1500us);
    EXPECT_EQ(of(id).reason, "");
    EXPECT_EQ(of(id).attempts, 1);
    EXPECT_EQ(storage_->attempts_of(id).size(), 1U);
}

TEST_P(StorageSendingConformance, ACancelledDeliveryIsNotEndedAgainWithoutAnAttempt) {
    const Uuid id = pending();
    claim(id, 1, now_);
    ASSERT_TRUE(storage_->cancel_delivery(user_, id, now_ + 1s));
    record(ended(id, 1, DeliveryState::expired, "too late", now_ + 2s));
    EXPECT_EQ(of(id).state, DeliveryState::cancelled);
    EXPECT_EQ(of(id).finished_at, now_ + 1s);
}

INSTANTIATE_TEST_SUITE_P(Storages, StorageSendingConformance, storages(),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pricewire::conformance
