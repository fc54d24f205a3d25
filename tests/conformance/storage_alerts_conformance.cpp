// The contract of every Storage: users and alerts.
#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "storage_fixture.hpp"

namespace pricewire::conformance {
namespace {

using namespace std::chrono_literals;

class StorageAlertsConformance : public StorageConformance {};

// Users

TEST_P(StorageAlertsConformance, AnswersAPing) {
    EXPECT_NO_THROW(storage_->ping());
}

TEST_P(StorageAlertsConformance, FindsAUserByKeyAndByEmail) {
    const auto by_key = storage_->user_by_key_hash(sha256("ann@example.com"));
    ASSERT_TRUE(by_key);
    EXPECT_EQ(by_key->id, user_);
    EXPECT_EQ(by_key->email, "ann@example.com");
    EXPECT_TRUE(by_key->is_active);
    EXPECT_EQ(by_key->created_at, now_);
    EXPECT_EQ(storage_->user_by_email("ann@example.com").value().id, user_);
    EXPECT_FALSE(storage_->user_by_key_hash(sha256("another")));
    EXPECT_FALSE(storage_->user_by_email("nobody@example.com"));
}

TEST_P(StorageAlertsConformance, ComparesEmailIgnoringCaseAndKeepsItsSpelling) {
    add_user("Bob@Example.COM");
    EXPECT_EQ(storage_->user_by_email("bOB@example.com").value().email, "Bob@Example.COM");
    const NewUser again{{make_uuid(now_), "BOB@example.com", true, now_}, sha256("other key"), "whsec_x"};
    EXPECT_EQ(storage_->create_user(again).error(), storage::CreateUserError::email_taken);
    EXPECT_FALSE(storage_->user_by_key_hash(sha256("other key")));
}

TEST_P(StorageAlertsConformance, ConcurrentRegistrationsOfAnEmailSucceedOnce) {
    std::atomic<int> taken = 0;
    at_once(8, [&](int t) {
        const NewUser user{{make_uuid(now_), "one@example.com", true, now_}, sha256(std::to_string(t)), "s"};
        taken += storage_->create_user(user).has_value() ? 1 : 0;
    });
    EXPECT_EQ(taken, 1);
}

TEST_P(StorageAlertsConformance, ListsUsersOldestFirst) {
    const Uuid bob = add_user("bob@example.com");
    const auto all = storage_->users();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].id, user_);
    EXPECT_EQ(all[1].id, bob);
}

TEST_P(StorageAlertsConformance, DisablesAndEnablesAUserAndReportsIt) {
    EXPECT_TRUE(storage_->set_user_active(user_, false));
    EXPECT_FALSE(storage_->user_by_email("ann@example.com").value().is_active);
    EXPECT_TRUE(storage_->set_user_active(user_, true));
    EXPECT_TRUE(storage_->user_by_email("ann@example.com").value().is_active);
    EXPECT_FALSE(storage_->set_user_active(make_uuid(now_), false));
    hear_all();
    MutexLock lock(mutex_);
    EXPECT_EQ(user_changes_, (std::vector<std::optional<Uuid>>{user_, user_}));
}

// Alerts

TEST_P(StorageAlertsConformance, ReturnsAnAlertAsCreated) {
    Alert alert = new_alert("0.000000000000000001");
    alert.condition = Condition::lt;
    alert.ticker = "ABCDEFGHIJ12345";
    alert.webhook_url = "https://münchen.example/" + std::string(1900, 'x') + "?q=“—😀”'\";--";
    alert.created_at = now_ + 1us;
    ASSERT_TRUE(storage_->create_alert(alert, 10));
    const auto stored = storage_->alert(user_, alert.id);
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->id, alert.id);
    EXPECT_EQ(stored->user_id, user_);
    EXPECT_EQ(stored->ticker, alert.ticker);
    EXPECT_EQ(stored->target, alert.target);
    EXPECT_EQ(stored->condition, Condition::lt);
    EXPECT_EQ(stored->webhook_url, alert.webhook_url);
    EXPECT_TRUE(stored->is_active);
    EXPECT_EQ(stored->created_at, alert.created_at);
    EXPECT_FALSE(stored->triggered_at);
    EXPECT_FALSE(stored->triggered_price);
    EXPECT_EQ(stored->format, PayloadFormat::json);
    EXPECT_FALSE(stored->custom);
    EXPECT_EQ(stored->note, "");
    EXPECT_EQ(stored->deliver_within, default_deliver_within);
    EXPECT_FALSE(stored->endpoint_disabled_at);
}

TEST_P(StorageAlertsConformance, ReturnsTheFormatOfAnAlert) {
    int target = 0;
    for (const auto format : {PayloadFormat::json, PayloadFormat::slack, PayloadFormat::discord,
                              PayloadFormat::telegram, PayloadFormat::custom}) {
        Alert alert = new_alert(std::to_string(++target));
        alert.format = format;
        alert.note = "«ça monte» \n😀" + std::string(480, 'x');
        alert.deliver_within = target * 1min;
        if (format == PayloadFormat::custom) alert.custom = WebhookTemplate{"{{price}}\r\n", "text/plain"};
        ASSERT_TRUE(storage_->create_alert(alert, 10));
        const Alert stored = storage_->alert(user_, alert.id).value();
        EXPECT_EQ(stored.format, format);
        EXPECT_EQ(stored.custom, alert.custom);
        EXPECT_EQ(stored.note, alert.note);
        EXPECT_EQ(stored.deliver_within, target * 1min);
        EXPECT_EQ(storage_->alerts(user_, {}).at(0).custom, alert.custom);
    }
}

TEST_P(StorageAlertsConformance, KeepsTheTraceOfAnAlert) {
    Alert traced = new_alert("1");
    traced.trace = TraceContext{"4bf92f3577b34da6a3ce929d0e0e4736", true, "congo=t61rcWkgMzE,rojo=\"{x}\""};
    Alert begun = new_alert("2");
    begun.trace = make_trace();
    for (const Alert& alert : {traced, begun}) {
        ASSERT_TRUE(storage_->create_alert(alert, 100));
        EXPECT_EQ(storage_->alert(user_, alert.id).value().trace, alert.trace);
    }
    const Alert plain = add_alert("3");
    EXPECT_FALSE(storage_->alert(user_, plain.id).value().trace);
    const auto listed = storage_->alerts(user_, {});
    ASSERT_EQ(listed.size(), 3U);
    EXPECT_EQ(listed[2].trace, traced.trace);

    ASSERT_EQ(fire({traced.id, plain.id}).size(), 2U);
    ASSERT_TRUE(storage_->delete_alert(user_, traced.id));
    const auto claimed = storage_->claim_due(now_, 10, {"sender", now_ + 1min});
    ASSERT_EQ(claimed.size(), 2U);
    for (const ClaimedDelivery& c : claimed)
        EXPECT_EQ(c.alert.trace, c.alert.id == traced.id ? traced.trace : std::nullopt);
}

TEST_P(StorageAlertsConformance, KeepsEveryDigitOfDecimals) {
    for (const char* target : {"123456789012345678.123456789012345678", "70000", "0.1",
                               "170141183460469231731.687303715884105727"}) {
        const Alert alert = add_alert(target);
        EXPECT_EQ(storage_->alert(user_, alert.id).value().target.to_string(), target);
        storage_->fire(std::vector{group({alert.id}, target)});
        EXPECT_EQ(storage_->alert(user_, alert.id).value().triggered_price.value().to_string(), target);
    }
}

TEST_P(StorageAlertsConformance, RefusesOnlyAnIdenticalActiveAlert) {
    const Alert first = add_alert("100");
    EXPECT_EQ(storage_->create_alert(new_alert("100.0"), 10).error(), storage::CreateAlertError::duplicate);
    for (const auto& change : std::vector<std::function<void(Alert&)>>{
             [](Alert& a) { a.target = Decimal::parse("100.000000000000000001").value(); },
             [](Alert& a) { a.condition = Condition::lt; }, [](Alert& a) { a.ticker = "ETH"; },
             [](Alert& a) { a.webhook_url += "/"; },
             [&](Alert& a) { a.user_id = add_user("bob@example.com"); }}) {
        Alert other = new_alert("100");
        change(other);
        EXPECT_TRUE(storage_->create_alert(other, 10));
    }
    fire({first.id});
    const Alert second = add_alert("100");
    EXPECT_TRUE(storage_->delete_alert(user_, second.id));
    add_alert("100");
}

TEST_P(StorageAlertsConformance, LimitsTheActiveAlertsOfAUser) {
    const Alert a = add_alert("1");
    const Alert b = add_alert("2");
    EXPECT_EQ(storage_->create_alert(new_alert("3"), 2).error(), storage::CreateAlertError::limit_reached);
    EXPECT_EQ(storage_->create_alert(new_alert("2"), 2).error(), storage::CreateAlertError::duplicate);
    EXPECT_EQ(storage_->alerts(user_, {}).size(), 2U);

    Alert others = new_alert("3");
    others.user_id = add_user("bob@example.com");
    EXPECT_TRUE(storage_->create_alert(others, 2));

    fire({a.id});
    EXPECT_TRUE(storage_->create_alert(new_alert("3"), 2));
    EXPECT_FALSE(storage_->create_alert(new_alert("4"), 2));
    storage_->delete_alert(user_, b.id);
    EXPECT_TRUE(storage_->create_alert(new_alert("4"), 2));
    EXPECT_FALSE(storage_->create_alert(new_alert("5"), 2));
    // An alert that no longer counts is not subtracted twice.
    fire({a.id, b.id});
    storage_->delete_alert(user_, a.id);
    storage_->delete_alert(user_, b.id);
    EXPECT_FALSE(storage_->create_alert(new_alert("5"), 2));
    EXPECT_EQ(storage_->create_alert(new_alert("5"), 0).error(), storage::CreateAlertError::limit_reached);
}

TEST_P(StorageAlertsConformance, OfConcurrentIdenticalAlertsOneWins) {
    std::atomic<int> made = 0;
    std::atomic<int> duplicates = 0;
    at_once(8, [&](int) {
        const auto created = storage_->create_alert(new_alert("100"), 100);
        made += created ? 1 : 0;
        duplicates += !created && created.error() == storage::CreateAlertError::duplicate ? 1 : 0;
    });
    EXPECT_EQ(made, 1);
    EXPECT_EQ(duplicates, 7);
    EXPECT_EQ(changes().size(), 1U);
}

TEST_P(StorageAlertsConformance, ConcurrentCreationsKeepTheLimit) {
    std::atomic<int> made = 0;
    at_once(8, [&](int t) {
        for (int i = 0; i < 10; ++i)
            made += storage_->create_alert(new_alert(std::to_string(1 + t * 10 + i)), 25) ? 1 : 0;
    });
    EXPECT_EQ(made, 25);
    EXPECT_EQ(active().size(), 25U);
}

TEST_P(StorageAlertsConformance, ShowsAnAlertOnlyToItsUser) {
    const Alert alert = add_alert();
    const Uuid bob = add_user("bob@example.com");
    EXPECT_FALSE(storage_->alert(bob, alert.id));
    EXPECT_TRUE(storage_->alerts(bob, {}).empty());
    EXPECT_FALSE(storage_->delete_alert(bob, alert.id));
    EXPECT_TRUE(storage_->alert(user_, alert.id));
    EXPECT_FALSE(storage_->alert(user_, make_uuid(now_)));
}

TEST_P(StorageAlertsConformance, ListsNewestFirstInPages) {
    const auto ids = add_alerts(25);
    std::vector<Uuid> expected(ids.rbegin(), ids.rend());
    std::sort(expected.begin(), expected.end(), std::greater<>());
    std::vector<Uuid> listed;
    storage::AlertFilter filter{.limit = 10};
    std::vector<std::size_t> pages;
    while (true) {
        const auto page = storage_->alerts(user_, filter);
        if (page.empty()) break;
        pages.push_back(page.size());
        for (const Alert& a : page) listed.push_back(a.id);
        filter.before = listed.back();
        // Alerts created meanwhile come before the cursor; deleted ones are skipped.
        Alert newer = new_alert(std::to_string(1000 + pages.size()));
        newer.id.bytes.fill(0xfe);
        newer.id.bytes[15] = static_cast<std::uint8_t>(pages.size());
        EXPECT_TRUE(storage_->create_alert(newer, 1000));
    }
    EXPECT_EQ(pages, (std::vector<std::size_t>{10, 10, 5}));
    EXPECT_EQ(listed, expected);
    // A cursor keeps its place after its alert was deleted.
    storage_->delete_alert(user_, expected[4]);
    EXPECT_EQ(storage_->alerts(user_, {.limit = 1, .before = expected[4]}).at(0).id, expected[5]);
}

TEST_P(StorageAlertsConformance, FiltersByActivityAndTicker) {
    const Alert fired = add_alert("1");
    const Alert waits = add_alert("2");
    Alert ether = new_alert("3");
    ether.ticker = "ETH";
    ASSERT_TRUE(storage_->create_alert(ether, 100));
    fire({fired.id});
    const auto ids = [&](const storage::AlertFilter& filter) {
        std::set<Uuid> out;
        for (const Alert& a : storage_->alerts(user_, filter)) out.insert(a.id);
        return out;
    };
    EXPECT_EQ(ids({}), (std::set{fired.id, waits.id, ether.id}));
    EXPECT_EQ(ids({.is_active = true}), (std::set{waits.id, ether.id}));
    EXPECT_EQ(ids({.is_active = false}), std::set{fired.id});
    EXPECT_EQ(ids({.ticker = "BTC"}), (std::set{fired.id, waits.id}));
    EXPECT_EQ(ids({.is_active = true, .ticker = "BTC"}), std::set{waits.id});
    EXPECT_EQ(ids({.ticker = "DOGE"}), std::set<Uuid>{});
}

TEST_P(StorageAlertsConformance, DeletesAnAlertOnce) {
    const Alert alert = add_alert();
    EXPECT_TRUE(storage_->delete_alert(user_, alert.id));
    EXPECT_FALSE(storage_->delete_alert(user_, alert.id));
    EXPECT_FALSE(storage_->alert(user_, alert.id));
    EXPECT_TRUE(storage_->alerts(user_, {}).empty());
    EXPECT_TRUE(active().empty());
    EXPECT_TRUE(fire({alert.id}).empty());
}

TEST_P(StorageAlertsConformance, ADeletedAlertsDeliveryIsStillSent) {
    const Alert alert = add_alert();
    const auto tasks = fire({alert.id});
    EXPECT_TRUE(storage_->delete_alert(user_, alert.id));
    EXPECT_FALSE(storage_->alert(user_, alert.id));
    const auto claimed = storage_->claim(tasks, now_, {"sender-1", now_ + lease_});
    ASSERT_EQ(claimed.size(), 1U);
    EXPECT_EQ(claimed[0].alert.webhook_url, alert.webhook_url);
    EXPECT_EQ(deliveries_of(alert.id).size(), 1U);
}

TEST_P(StorageAlertsConformance, LoadsTheActiveAlerts) {
    EXPECT_TRUE(active().empty());
    const auto ids = add_alerts(30);
    fire({ids[0]});
    storage_->delete_alert(user_, ids[1]);
    std::map<Uuid, ActiveAlert> loaded;
    for (const ActiveAlert& a : active()) EXPECT_TRUE(loaded.emplace(a.id, a).second);
    EXPECT_EQ(loaded.size(), 28U);
    EXPECT_FALSE(loaded.contains(ids[0]));
    EXPECT_FALSE(loaded.contains(ids[1]));
    EXPECT_EQ(loaded.at(ids[2]), (ActiveAlert{ids[2], "BTC", Condition::gt, Decimal::from_int(3)}));
}

TEST_P(StorageAlertsConformance, LoadsTheActiveAlertsOfSomeTickers) {
    std::map<Ticker, Uuid> ids;
    for (const Ticker ticker : {Ticker("BTC"), Ticker("ETH"), Ticker("SOL")}) {
        Alert alert = new_alert("1");
        alert.ticker = ticker;
        EXPECT_TRUE(storage_->create_alert(alert, 10));
        ids[ticker] = alert.id;
    }
    fire({add_alert().id});
    const auto loaded = [&](const std::vector<Ticker>& tickers) {
        std::set<Uuid> out;
        storage_->load_alerts_of(tickers, [&](std::span<const ActiveAlert> piece) {
            for (const ActiveAlert& alert : piece) out.insert(alert.id);
        });
        return out;
    };
    EXPECT_EQ(loaded({"BTC", "SOL", "ADA"}), (std::set<Uuid>{ids["BTC"], ids["SOL"]}));
    EXPECT_TRUE(loaded({"ADA"}).empty());
    EXPECT_TRUE(loaded({}).empty());
}

TEST_P(StorageAlertsConformance, LosesNoAlertBetweenTheSnapshotAndTheChanges) {
    // A client that subscribes and then loads knows every alert, from one or the other.
    std::atomic<bool> done = false;
    std::thread creates([&] {
        for (int i = 1; i <= 200; ++i) {
            const Alert alert = add_alert(std::to_string(i));
            if (i % 3 == 0) storage_->delete_alert(user_, alert.id);
        }
        done = true;
    });
    std::size_t rounds = 0;
    do {
        std::size_t heard = 0;
        {
            MutexLock lock(mutex_);
            heard = changes_.size();
        }
        std::set<Uuid> known;
        for (const ActiveAlert& a : active()) known.insert(a.id);
        // Changes reported before the snapshot are in it.
        std::set<Uuid> reported;
        std::set<Uuid> deleted;
        {
            MutexLock lock(mutex_);
            for (std::size_t i = 0; i < changes_.size(); ++i) {
                const auto& c = changes_[i];
                if (c.kind == AlertChange::Kind::deleted) deleted.insert(c.alert.id);
                if (i < heard && c.kind == AlertChange::Kind::created) reported.insert(c.alert.id);
            }
        }
        // An alert may be deleted in the database just before that is reported: check again at the end.
        for (const Uuid& id : reported) {
            if (known.contains(id) || deleted.contains(id)) continue;
            EXPECT_FALSE(storage_->alert(user_, id));
        }
        ++rounds;
    } while (!done);
    creates.join();
    EXPECT_GT(rounds, 0U);
}

TEST_P(StorageAlertsConformance, ReportsChangesInCommitOrder) {
    const Alert a = add_alert("1");
    const Alert b = add_alert("2");
    EXPECT_FALSE(storage_->create_alert(new_alert("2"), 100));  // nothing changed, nothing is reported
    storage_->delete_alert(user_, a.id);
    fire({b.id});
    storage_->delete_alert(user_, b.id);  // was no longer active
    const auto created = AlertChange::Kind::created;
    const auto deleted = AlertChange::Kind::deleted;
    EXPECT_EQ(changes(), (std::vector{shown(created, a.id), shown(created, b.id), shown(deleted, a.id)}));
    MutexLock lock(mutex_);
    EXPECT_EQ(changes_[2].alert, (ActiveAlert{a.id, "BTC", Condition::gt, Decimal::from_int(1)}));
}

TEST_P(StorageAlertsConformance, ReportsAnAlertBeforeItsDeletionFromAnyThread) {
    at_once(6, [&](int t) {
        for (int i = 1; i <= 20; ++i) {
            const Alert alert = add_alert(std::to_string(t * 100 + i));
            EXPECT_TRUE(storage_->delete_alert(user_, alert.id));
        }
    });
    hear_all();
    std::set<Uuid> there;
    MutexLock lock(mutex_);
    EXPECT_EQ(changes_.size(), 240U);
    for (const AlertChange& c : changes_) {
        if (c.kind == AlertChange::Kind::created) {
            EXPECT_TRUE(there.insert(c.alert.id).second);
        } else {
            EXPECT_EQ(there.erase(c.alert.id), 1U);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Storages, StorageAlertsConformance, storages(),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pricewire::conformance
