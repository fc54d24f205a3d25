// The contract of every Storage: what the live stream needs of alerts that were changed, or have expired.
#include "storage_terms_fixture.hpp"

namespace pricewire::conformance {
namespace {

class StorageChangedConformance : public StorageTermsFixture {
protected:
    std::vector<Uuid> changed(Timestamp since, std::size_t limit = 10) {
        std::vector<Uuid> out;
        for (const Alert& alert : storage_->changed_alerts(user_, since, limit)) out.push_back(alert.id);
        return out;
    }
    Alert add_ending(bool notify) {
        Alert alert = new_ruled(above(std::to_string(++last_target_)));
        alert.state.expires_at = now_ + 60s;
        alert.notify_on_expiry = notify;
        return add(alert);
    }
    std::vector<DeliveryTask> expire(const std::vector<Alert>& alerts) {
        FiringGroup group{{.ticker = "BTC"}, now_ + 61s, {}};
        for (const Alert& alert : alerts) group.expiries.push_back({alert.id, 1, now_ + 60s, now_ + 61s});
        return storage_->fire(std::vector{group});
    }
    std::vector<std::pair<Uuid, Uuid>> expired() {
        MutexLock lock(mutex_);
        return std::exchange(expired_, {});
    }
};

TEST_P(StorageChangedConformance, ListsTheAlertsThatTheirUserHasChangedTheLastOnesFirst) {
    const Alert first = add_alert("1"), second = add_alert("2"), third = add_alert("3");
    add_alert("4");
    EXPECT_EQ(changed(now_), std::vector<Uuid>{});
    EXPECT_TRUE(change(first.id, [](Alert& a) { a.note = "a note"; }, now_ + 1s));
    EXPECT_TRUE(change(second.id, [](Alert& a) { a.is_active = false; }, now_ + 2s));
    EXPECT_TRUE(change(third.id, [&](Alert& a) { a.state.snoozed_until = now_ + 1h; }, now_ + 3s));
    EXPECT_EQ(changed(now_ + 1s), (std::vector{third.id, second.id, first.id}));
    EXPECT_EQ(changed(now_ + 2s), (std::vector{third.id, second.id}));
    EXPECT_EQ(changed(now_, 1), std::vector{third.id});
    EXPECT_EQ(changed(now_ + 4s), std::vector<Uuid>{});
    EXPECT_EQ(storage_->changed_alerts(user_, now_, 10).back().note, "a note");
    EXPECT_TRUE(storage_->changed_alerts(add_user("ben@example.com"), now_, 10).empty());
    fire({first.id});
    EXPECT_EQ(changed(now_ + 2s), (std::vector{third.id, second.id})) << "a firing has its delivery";
    EXPECT_TRUE(storage_->delete_alert(user_, third.id));
    EXPECT_EQ(changed(now_), (std::vector{second.id, first.id}));
}

TEST_P(StorageChangedConformance, ListsTheAlertsThatTheirUserHasDeletedTheLastOnesFirst) {
    const Timestamp started = system_clock().now();
    const Alert first = add_alert("1"), second = add_alert("2"), third = add_alert("3");
    const auto deleted = [&](Timestamp since, std::size_t limit = 10) {
        return storage_->deleted_alerts(user_, since, limit);
    };
    EXPECT_TRUE(storage_->delete_alert(user_, second.id));
    EXPECT_EQ(deleted(started), std::vector{second.id});
    while (system_clock().now() <= started + 1ms) {
    }
    const Timestamp later = system_clock().now();
    EXPECT_EQ(storage_->delete_alerts_of(user_, "BTC", true), 2U);
    EXPECT_EQ(deleted(started), std::vector{second.id}) << "a dry run";
    EXPECT_EQ(storage_->delete_alerts_of(user_, "BTC", false), 2U);
    auto of_ticker = deleted(later);
    std::ranges::sort(of_ticker);
    EXPECT_EQ(of_ticker, (std::vector{first.id, third.id}));
    EXPECT_EQ(deleted(started).size(), 3U);
    EXPECT_EQ(deleted(started).back(), second.id);
    EXPECT_EQ(deleted(started, 2).size(), 2U);
    EXPECT_TRUE(deleted(system_clock().now() + 1s).empty());
    const Timestamp ahead = system_clock().now() + 1h;
    EXPECT_TRUE(storage_->delete_alert(user_, add_alert("4").id, ahead));
    add_alert("5");
    EXPECT_EQ(storage_->delete_alerts_of(user_, "BTC", false, ahead + 1s), 1U);
    EXPECT_EQ(deleted(ahead).size(), 2U) << "by the caller's clock";
    EXPECT_EQ(deleted(ahead + 1s).size(), 1U);
    EXPECT_TRUE(storage_->deleted_alerts(add_user("ben@example.com"), started, 10).empty());
    EXPECT_TRUE(changed(started).empty()) << "they are not there any more";
}

TEST_P(StorageChangedConformance, AnExpiryIsReportedOnceWhetherOrNotTheUserIsNotified) {
    const Alert quiet = add_ending(false), told = add_ending(true), other = add_alert("1");
    EXPECT_EQ(expire({quiet, told, other}).size(), 1U);
    auto all = expired();
    std::ranges::sort(all);
    EXPECT_EQ(all, (std::vector{std::pair(user_, quiet.id), std::pair(user_, told.id)}));
    EXPECT_EQ(changed(now_ + 61s).size(), 2U);
    EXPECT_EQ(storage_->alert(user_, quiet.id)->ended, AlertEnd::expired);
    EXPECT_TRUE(expire({quiet, told}).empty());
    EXPECT_TRUE(expired().empty()) << "another checker was first";
}

INSTANTIATE_TEST_SUITE_P(Storages, StorageChangedConformance, storages(),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pricewire::conformance
