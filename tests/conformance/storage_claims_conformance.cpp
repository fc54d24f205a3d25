// The contract of every Storage: deliveries that are claimed by the firing that writes them.
#include <algorithm>
#include <tuple>

#include "storage/sql/pushed.hpp"
#include "storage_terms_fixture.hpp"

namespace pricewire::conformance {
namespace {

class StorageClaimsConformance : public StorageTermsFixture {
protected:
    void SetUp() override {
        StorageTermsFixture::SetUp();
        if (storage_ != nullptr) storage_->keep_alive("sender-1", now_, 1h);
    }
    DeliveryView of(const Uuid& id) { return storage_->delivery(user_, id).value(); }
    // With what was claimed.
    std::pair<std::vector<DeliveryTask>, std::vector<ClaimedDelivery>> fire_and_claim(
        const FiringGroup& group, std::vector<Uuid> except = {}) {
        storage::ClaimOnFiring on_firing{{"sender-1", now_ + lease_, std::move(except)}};
        std::vector<Uuid> told;
        on_firing.before_commit = [&](const std::vector<ClaimedDelivery>& coming) {
            for (const ClaimedDelivery& one : coming) told.push_back(one.id);
        };
        auto tasks = storage_->fire({&group, 1}, &on_firing);
        std::vector<Uuid> claimed;
        for (const ClaimedDelivery& one : on_firing.claimed) claimed.push_back(one.id);
        EXPECT_EQ(told, claimed);
        EXPECT_LE(on_firing.tries, 1);
        EXPECT_TRUE(on_firing.tries == 1 || on_firing.claimed.empty());
        return {std::move(tasks), std::move(on_firing.claimed)};
    }
    // One that a claim would read from other columns than most.
    Alert full() {
        Alert alert = new_alert();
        alert.format = PayloadFormat::custom;
        alert.custom = WebhookTemplate{"{\"text\": \"{{note}}\"}", "application/json"};
        alert.note = "sell 🚀";
        alert.message = "now";
        alert.deliver_within = 90s;
        alert.trace = trace_named(alert.id);
        alert.webhook_url = fmt::format("https://example.com/{}", alert.id.to_string());
        return alert;
    }
    // The delivery was claimed until its lease ends, and all that its attempt needs is what a claim reads.
    void expect_as_by_a_claim(const DeliveryTask& task, const ClaimedDelivery& claimed) {
        EXPECT_EQ(task.user_id, user_);
        EXPECT_EQ(claimed.id, task.delivery_id);
        EXPECT_EQ(of(claimed.id).state, DeliveryState::delivering);
        EXPECT_EQ(of(claimed.id).attempts, 0);
        EXPECT_TRUE(claim(claimed.id, 1, now_ + lease_ - 1us, "sender-2").empty());
        const auto later = claim(claimed.id, 1, now_ + lease_, "sender-2");
        ASSERT_EQ(later.size(), 1U) << "its lease has ended";
        const ClaimedDelivery& read = later[0];
        EXPECT_EQ(claimed.attempt, read.attempt);
        EXPECT_EQ(claimed.round, read.round);
        EXPECT_EQ(claimed.kind, read.kind);
        EXPECT_EQ(claimed.created_at, read.created_at);
        EXPECT_EQ(claimed.deadline, read.deadline);
        EXPECT_EQ(claimed.secrets, read.secrets);
        const auto fields = [](const Alert& a) {
            return std::tie(a.id, a.user_id, a.ticker, a.condition, a.target, a.webhook_url, a.created_at,
                            a.triggered_at, a.triggered_price, a.format, a.custom, a.note, a.message,
                            a.deliver_within, a.endpoint_disabled_at, a.recover, a.late, a.trace);
        };
        EXPECT_EQ(fields(claimed.alert), fields(read.alert));
        ASSERT_EQ(claimed.firing.has_value(), read.firing.has_value());
        if (!claimed.firing) return;
        EXPECT_EQ(claimed.firing->number, read.firing->number);
        EXPECT_EQ(claimed.firing->revision, read.firing->revision);
        EXPECT_EQ(*claimed.firing->terms, *read.firing->terms);
        EXPECT_EQ(claimed.firing->level, read.firing->level);
        EXPECT_EQ(claimed.firing->condition, read.firing->condition);
        EXPECT_EQ(claimed.firing->evidence, read.firing->evidence);
    }
};

TEST_P(StorageClaimsConformance, AFiringClaimsItsDeliveryAsAClaimWould) {
    ASSERT_TRUE(storage_->rotate_webhook_secret(user_, "sealed 2", now_ + 24h));
    const Alert alert = add(full());
    FiringGroup fired = group({alert.id});
    fired.board = "[]";
    fired.board_at = now_;
    const auto [tasks, claimed] = fire_and_claim(fired);
    ASSERT_EQ(tasks.size(), 1U);
    ASSERT_EQ(claimed.size(), 1U);
    expect_as_by_a_claim(tasks[0], claimed[0]);
    EXPECT_EQ(claimed[0].alert.triggered_price, number("101.5"));
    EXPECT_FALSE(stored(alert.id).is_active);
    EXPECT_TRUE(fire_and_claim(group({alert.id})).first.empty()) << "it has fired";
}

TEST_P(StorageClaimsConformance, AFiringOfAnAlertWithTermsClaimsItsDeliveryAsAClaimWould) {
    Alert alert = full();
    alert.terms = std::make_shared<const Terms>(repeating("100", 2));
    add(alert);
    for (const int k : {1, 2}) {
        const Timestamp at = now_ + k * 20s;
        FiringGroup fired = group_at(at);
        fired.ruled.push_back(ruled(alert.id, k, at));
        const auto [tasks, claimed] = fire_and_claim(fired);
        ASSERT_EQ(tasks.size(), 1U) << k;
        ASSERT_EQ(claimed.size(), 1U) << k;
        expect_as_by_a_claim(tasks[0], claimed[0]);
        EXPECT_TRUE(fire_and_claim(fired).first.empty()) << "it has fired";
    }
    EXPECT_FALSE(stored(alert.id).is_active) << "that was the last one";
}

TEST_P(StorageClaimsConformance, APlainAlertAndOneWithTermsAtOnePriceAreClaimedTogetherOrNeither) {
    FiringGroup both = group_at(now_ + 5s);
    both.board = "[]";
    both.board_at = now_;
    both.firings.push_back({add_alert().id, make_uuid(now_)});
    both.ruled.push_back(ruled(add_ruled().id, 1, now_ + 5s));
    const auto [tasks, claimed] = fire_and_claim(both);
    ASSERT_EQ(tasks.size(), 2U);
    for (const DeliveryTask& task : tasks)
        EXPECT_EQ(claim(task.delivery_id, 1, now_ + 6s, "sender-2").empty(), claimed.size() == 2);
}

TEST_P(StorageClaimsConformance, AFiringThatClaimsIsPushedAsOneThatDoesNot) {
    const PushSubscription device{.id = make_uuid(now_),
                                  .user_id = user_,
                                  .endpoint = "https://push.example.com/phone",
                                  .keys = "keys",
                                  .label = "phone",
                                  .created_at = now_};
    ASSERT_TRUE(storage_->put_push(device, 20));
    const auto firing = [&](bool has_terms) {
        FiringGroup out = group_at(now_ + 5s);
        const std::string level = std::to_string(++last_target_);
        if (has_terms)
            out.ruled.push_back(ruled(add_ruled(repeating(level)).id, 1, now_ + 5s));
        else
            out.firings.push_back({add_alert(level).id, make_uuid(now_)});
        return out;
    };
    for (const bool has_terms : {false, true}) {
        const auto [tasks, claimed] = fire_and_claim(firing(has_terms));
        const FiringGroup other = firing(has_terms);
        const auto others = storage_->fire({&other, 1});
        ASSERT_FALSE(claimed.empty());
        EXPECT_EQ(claimed[0].id, tasks[0].delivery_id);
        EXPECT_FALSE(claimed[0].push);
        std::vector<ClaimedDelivery> read;
        for (const auto& all : {tasks, others}) {
            ASSERT_EQ(all.size(), 2U) << has_terms;
            EXPECT_TRUE(!all[0].push && all[1].push);
            EXPECT_EQ(all[1].delivery_id, storage::sql::push_delivery_id(all[0].delivery_id, device.id));
            EXPECT_EQ(all[1].attempt, 1);
            EXPECT_EQ(all[1].user_id, user_);
            const bool is_mine = std::ranges::count(claimed, all[1].delivery_id, &ClaimedDelivery::id) == 1;
            EXPECT_EQ(claim(all[1].delivery_id, 1, now_ + 6s, "sender-2").empty(), is_mine);
            const auto later = claim(all[1].delivery_id, 1, now_ + 3 * lease_, "sender-3");
            ASSERT_EQ(later.size(), 1U);
            read.push_back(later[0]);
        }
        for (const ClaimedDelivery& c : read) {
            ASSERT_TRUE(c.push);
            EXPECT_EQ(c.push->subscription_id, device.id);
            EXPECT_EQ(c.push->endpoint, device.endpoint);
            EXPECT_EQ(c.push->keys, device.keys);
            EXPECT_EQ(c.kind, DeliveryKind::alert);
            EXPECT_EQ(c.created_at, read[1].created_at);
            EXPECT_EQ(c.deadline, read[1].deadline);
            EXPECT_EQ(c.alert.triggered_price, number("101"));
            EXPECT_EQ(c.alert.triggered_at, now_ + 5s + 1ms);
            ASSERT_EQ(c.firing.has_value(), has_terms);
            if (has_terms) EXPECT_EQ(c.firing->evidence, R"({"firing":1})");
            EXPECT_EQ(of(c.id).kind, DeliveryKind::push);
            EXPECT_EQ(of(c.id).device.value().of, DeliveryKind::alert);
            EXPECT_EQ(of(c.id).device->label, device.label);
        }
    }
}

TEST_P(StorageClaimsConformance, ADisabledEndpointIsKnownToAFiringThatClaims) {
    const Alert first = add_alert("1"), second = add_alert("2");
    const auto before = fire_and_claim(group({first.id})).second;
    ASSERT_EQ(before.size(), 1U);
    EXPECT_FALSE(before[0].alert.endpoint_disabled_at);
    DeliveryOutcome gone = outcome(before[0].id, 1, now_, DeliveryState::failed);
    gone.disable_endpoint = true;
    storage_->record(std::vector{gone});
    const auto after = fire_and_claim(group({second.id})).second;
    ASSERT_EQ(after.size(), 1U);
    EXPECT_TRUE(after[0].alert.endpoint_disabled_at);
}

TEST_P(StorageClaimsConformance, WhatAFiringDoesNotClaimIsDue) {
    const Alert plain = add_alert(), other = add_alert("2");
    const Alert terms = add_ruled();
    FiringGroup second = group_at(now_ + 1s);
    second.ruled.push_back(ruled(terms.id, 1, now_ + 1s));
    for (const FiringGroup& fired : {group({plain.id}), second}) {
        const auto [tasks, claimed] = fire_and_claim(fired, {user_});
        EXPECT_TRUE(claimed.empty()) << "its user is passed over";
        ASSERT_EQ(tasks.size(), 1U);
        EXPECT_EQ(claim(tasks[0].delivery_id, 1, fired.fired_at, "sender-2").size(), 1U);
    }
    Alert bobs = new_alert();
    bobs.user_id = add_user("bob@example.com");
    ASSERT_TRUE(storage_->create_alert(bobs, 10));
    const auto [tasks, claimed] = fire_and_claim(group({other.id, bobs.id}), {bobs.user_id});
    ASSERT_EQ(tasks.size(), 2U);
    EXPECT_EQ(claim(tasks[1].delivery_id, 1, now_, "sender-2").size(), 1U);
    EXPECT_EQ(claim(tasks[0].delivery_id, 1, now_, "sender-2").size(), 1 - claimed.size());
}

TEST_P(StorageClaimsConformance, WhatAFiringHasClaimedIsReleasedWithItsSendersClaims) {
    const auto one = fire_and_claim(group(add_alerts(1)));
    const auto three = fire_and_claim(group({add_alert("5").id, add_alert("6").id, add_alert("7").id}));
    ASSERT_EQ(one.second.size(), 1U);
    EXPECT_EQ(storage_->release_claims("sender-1"), 1 + three.second.size());
    EXPECT_EQ(of(one.first[0].delivery_id).state, DeliveryState::pending);
    EXPECT_EQ(of(one.first[0].delivery_id).attempts, 0);
    EXPECT_EQ(storage_->claim_due(now_, 10, {"sender-2", now_ + lease_}).size(), 4U);
}

TEST_P(StorageClaimsConformance, WhatAFiringHasClaimedIsReleasedWhenItsSenderDies) {
    const auto [tasks, claimed] = fire_and_claim(group(add_alerts(1)));
    ASSERT_EQ(claimed.size(), 1U);
    EXPECT_EQ(storage_->release_dead(now_), 0U);
    storage_->keep_alive("sender-1", now_, 0s);
    EXPECT_EQ(storage_->release_dead(now_), 1U);
    EXPECT_EQ(of(claimed[0].id).state, DeliveryState::pending);
}

TEST_P(StorageClaimsConformance, AReleasedClaimIsThatVeryClaim) {
    const Alert alert = add_alert();
    const auto [tasks, claimed] = fire_and_claim(group({alert.id}));
    ASSERT_EQ(claimed.size(), 1U);
    const std::vector ids{alert.id, make_uuid(now_)};
    const storage::Claim mine{"sender-1", now_ + lease_};
    EXPECT_TRUE(storage_->release_claim(ids, {"sender-2", mine.lease_until}).empty());
    EXPECT_TRUE(storage_->release_claim(ids, {"sender-1", mine.lease_until + 1us}).empty())
        << "it was claimed again";
    EXPECT_EQ(of(claimed[0].id).state, DeliveryState::delivering);
    const auto released = storage_->release_claim(ids, mine);
    ASSERT_EQ(released.size(), 1U);
    EXPECT_EQ(released[0].delivery_id, claimed[0].id);
    EXPECT_EQ(released[0].attempt, 1);
    EXPECT_EQ(released[0].user_id, user_);
    EXPECT_TRUE(storage_->release_claim(ids, mine).empty());
    EXPECT_EQ(claim(claimed[0].id, 1, now_, "sender-2").size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(Storages, StorageClaimsConformance, storages(),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pricewire::conformance
