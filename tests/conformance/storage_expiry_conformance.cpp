// The contract of every Storage: how the lives of alerts with terms end.
#include "storage_terms_fixture.hpp"

namespace pricewire::conformance {
namespace {

class StorageExpiryConformance : public StorageTermsFixture {};

TEST_P(StorageExpiryConformance, AnAlertExpiresOnceAndNotifiesAUserWhoAskedForThat) {
    Alert alert = new_ruled(repeating());
    alert.state.expires_at = now_ + 60s;
    alert.notify_on_expiry = true;
    add(alert);
    const Uuid delivery = make_uuid(now_ + 61s);
    const Expiry end{.alert_id = alert.id,
                     .expires_at = now_ + 60s,
                     .at = now_ + 61s,
                     .delivery_id = delivery,
                     .evidence = R"({"closest":99.5})"};
    const std::size_t from = heard();
    const auto tasks = expire(end);
    ASSERT_EQ(tasks.size(), 1U);
    EXPECT_EQ(tasks[0].delivery_id, delivery);
    EXPECT_EQ(tasks[0].user_id, user_);
    EXPECT_TRUE(expire(end).empty());
    EXPECT_EQ(stored(alert.id).ended, AlertEnd::expired);
    EXPECT_FALSE(stored(alert.id).is_active);
    EXPECT_FALSE(fires(ruled(alert.id, 1, now_ + 59s)));
    EXPECT_EQ(shown_since(from), std::vector{shown(Kind::deleted, alert.id)});
    EXPECT_TRUE(storage_->create_alert(new_alert("1"), 1)) << "it does not count any more";

    const auto claimed = claim_all(now_ + 62s);
    ASSERT_EQ(claimed.size(), 1U);
    EXPECT_EQ(claimed[0].kind, DeliveryKind::expired);
    EXPECT_EQ(claimed[0].alert.triggered_price, number("99"));
    ASSERT_TRUE(claimed[0].firing);
    EXPECT_EQ(claimed[0].firing->evidence, R"({"closest":99.5})");
    EXPECT_EQ(*claimed[0].firing->terms, *alert.terms);
    EXPECT_EQ(claimed[0].firing->level, number("100"));
    EXPECT_EQ(view(alert.id).kind, DeliveryKind::expired);
    EXPECT_TRUE(storage_->firings(user_, alert.id, 10).empty()) << "it has not fired";
}

TEST_P(StorageExpiryConformance, AnExpiryAndATestSayHowOftenTheAlertHasFired) {
    Alert alert = new_ruled(repeating());
    alert.state.expires_at = now_ + 60s;
    alert.notify_on_expiry = true;
    add(alert);
    for (const int k : {1, 2}) ASSERT_TRUE(fires(ruled(alert.id, k, now_ + k * 20s)));
    ASSERT_EQ(claim_all(now_ + 60s).size(), 2U);
    ASSERT_TRUE(storage_->add_test_delivery(user_, alert.id, make_uuid(now_), number("42"), now_ + 60s));
    const auto tasks = expire({.alert_id = alert.id, .expires_at = now_ + 60s, .at = now_ + 61s});
    ASSERT_EQ(tasks.size(), 1U);
    const auto claimed = claim_all(now_ + 62s);
    ASSERT_EQ(claimed.size(), 2U);
    for (const ClaimedDelivery& one : claimed) {
        EXPECT_NE(one.kind, DeliveryKind::alert);
        ASSERT_TRUE(one.firing);
        EXPECT_EQ(one.firing->number, 2) << to_string(one.kind);
    }
    const auto listed = storage_->delivery(user_, tasks[0].delivery_id);
    ASSERT_TRUE(listed && listed->firing);
    EXPECT_EQ(listed->firing->said.number, 2);
    EXPECT_EQ(storage_->firings(user_, alert.id, 10).size(), 2U);
}

TEST_P(StorageExpiryConformance, TheRowDecidesWhetherTheUserOfAnExpiredAlertIsNotified) {
    for (const bool told : {false, true}) {
        Alert alert = new_ruled(repeating(told ? "1" : "2"));
        alert.state.expires_at = now_ + 60s;
        alert.notify_on_expiry = told;
        add(alert);
        Expiry end{.alert_id = alert.id, .expires_at = now_ + 60s, .at = now_ + 61s};
        if (!told) end.delivery_id = make_uuid(now_);
        EXPECT_EQ(expire(end).size(), told ? 1U : 0U);
        EXPECT_EQ(stored(alert.id).ended, AlertEnd::expired);
    }
}

TEST_P(StorageExpiryConformance, AnExpiryThatTheRowDoesNotKnowIsPassedOver) {
    Alert alert = new_ruled(repeating());
    alert.state.expires_at = now_ + 60s;
    add(alert);
    ASSERT_TRUE(change(alert.id, [&](Alert& a) { a.state.expires_at = now_ + 120s; }, now_ + 50s));
    expire({.alert_id = alert.id, .expires_at = now_ + 60s, .at = now_ + 61s});
    EXPECT_TRUE(stored(alert.id).is_active);
    expire({.alert_id = alert.id, .revision = 2, .expires_at = now_ + 120s, .at = now_ + 121s});
    EXPECT_TRUE(stored(alert.id).is_active);
    const Alert endless = add_ruled(repeating("7"));
    expire({.alert_id = endless.id, .expires_at = now_ + 60s, .at = now_ + 61s});
    EXPECT_TRUE(stored(endless.id).is_active);
}

INSTANTIATE_TEST_SUITE_P(Storages, StorageExpiryConformance, storages(),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pricewire::conformance
