// The contract of every Storage: alerts with terms, as they are created, read and loaded.
#include "storage_terms_fixture.hpp"

namespace pricewire::conformance {
namespace {

class StorageTermsConformance : public StorageTermsFixture {
protected:
    static Terms rises_within_an_hour() {
        Terms terms = above("1");
        terms.rules.front().level = Level{.from = Anchor::low, .over = 1h, .by = Change{number("5"), true}};
        terms.repeat = Repeat{15min, {Decimal{}, true}, 10};
        return terms;
    }
    std::vector<Uuid> of_status(AlertStatus status, Timestamp now) {
        std::vector<Uuid> out;
        for (const Alert& alert : storage_->alerts(user_, {.status = status, .now = now}))
            out.push_back(alert.id);
        return out;
    }
    std::vector<std::string> needed() {
        std::vector<std::string> out;
        for (const NeededTicker& n : storage_->needed_tickers(now_)) out.emplace_back(n.ticker.view());
        return out;
    }
    std::vector<std::string> of_user() {
        std::vector<std::string> out;
        for (const Ticker& ticker : storage_->alert_tickers(user_)) out.emplace_back(ticker.view());
        return out;
    }
};

TEST_P(StorageTermsConformance, ReturnsAnAlertWithTermsAsCreated) {
    Alert alert = new_ruled(rises_within_an_hour());
    alert.message = "{{ticker}} is up {{change}}";
    alert.notify_on_expiry = true;
    alert.state.starts_at = now_ + 1h;
    alert.state.expires_at = now_ + 48h;
    alert.state.snoozed_until = now_ + 2h;
    add(alert);
    const Alert found = stored(alert.id);
    ASSERT_TRUE(found.terms);
    EXPECT_EQ(*found.terms, *alert.terms);
    EXPECT_EQ(found.message, alert.message);
    EXPECT_TRUE(found.notify_on_expiry);
    EXPECT_EQ(found.state, alert.state) << "not begun";
    EXPECT_EQ(found.begun_at, now_ + 1h);
    EXPECT_TRUE(found.is_active);
    EXPECT_FALSE(found.ended);
    EXPECT_EQ(found.target, Decimal{}) << "no number";
    ASSERT_EQ(storage_->alerts(user_, {}).size(), 1U);
    EXPECT_EQ(*storage_->alerts(user_, {})[0].terms, *alert.terms);
}

TEST_P(StorageTermsConformance, ShowsTheTargetOfOneNumbersRule) {
    const Alert alert = add_ruled(repeating("70000"));
    EXPECT_EQ(stored(alert.id).target, number("70000"));
    EXPECT_EQ(stored(alert.id).condition, Condition::gt);
}

TEST_P(StorageTermsConformance, AnAlertInThePlainFormHasAMessageAndNoTerms) {
    Alert alert = new_alert();
    alert.message = "sell half";
    add(alert);
    EXPECT_EQ(stored(alert.id).message, "sell half");
    EXPECT_FALSE(stored(alert.id).terms);
    EXPECT_EQ(stored(alert.id).state, AlertState{});
    EXPECT_FALSE(active().at(0).ruled);
}

TEST_P(StorageTermsConformance, LoadsAndReportsAlertsWithTermsAsTheyAre) {
    Alert alert = new_ruled(rises_within_an_hour());
    alert.state.expires_at = now_ + 48h;
    add(alert);
    const Alert plain = add_alert("7");
    ASSERT_EQ(active().size(), 2U);
    std::map<Uuid, ActiveAlert> loaded;
    for (const ActiveAlert& a : active()) loaded.emplace(a.id, a);
    EXPECT_FALSE(loaded.at(plain.id).ruled);
    const auto changes = changes_since(0);
    ASSERT_EQ(changes.size(), 2U);
    EXPECT_EQ(changes[0].kind, Kind::created);
    for (const ActiveAlert& a :
         {loaded.at(alert.id), storage_->active_alert(alert.id).value(), changes[0].alert}) {
        EXPECT_EQ(a.ticker, Ticker("BTC"));
        ASSERT_TRUE(a.ruled);
        EXPECT_EQ(*a.ruled->terms, *alert.terms);
        EXPECT_EQ(a.ruled->state, alert.state);
        EXPECT_EQ(a.ruled->created_at, now_);
        EXPECT_EQ(a.ruled->begun_at, now_);
        EXPECT_FALSE(a.ruled->notify_on_expiry);
        EXPECT_FALSE(holds(a.condition, number("0.000000000000000001"), a.target)) << "true for no price";
    }
    EXPECT_EQ(storage_->active_alert(plain.id).value().target, number("7"));
    EXPECT_FALSE(storage_->active_alert(make_uuid(now_)));
}

TEST_P(StorageTermsConformance, ADeletedAlertWithTermsIsReportedAndNotActive) {
    const Alert alert = add_ruled();
    ASSERT_EQ(heard(), 1U);  // before its row is gone
    EXPECT_TRUE(storage_->delete_alert(user_, alert.id));
    EXPECT_FALSE(storage_->active_alert(alert.id));
    EXPECT_EQ(changes(), (std::vector{shown(Kind::created, alert.id), shown(Kind::deleted, alert.id)}));
    EXPECT_FALSE(fires(ruled(alert.id, 1, now_ + 5s)));
}

TEST_P(StorageTermsConformance, RejectsAnIdenticalActiveAlertHoweverItIsWritten) {
    using enum storage::CreateAlertError;
    add_ruled();
    EXPECT_EQ(storage_->create_alert(new_ruled(repeating()), 100).error(), duplicate);
    EXPECT_TRUE(storage_->create_alert(new_ruled(repeating("100", 2)), 100)) << "another repeat";
    Terms held = above("100");
    held.hold = 30s;
    EXPECT_TRUE(storage_->create_alert(new_ruled(held), 100)) << "another hold";
    Alert elsewhere = new_ruled(repeating());
    elsewhere.webhook_url += "/2";
    EXPECT_TRUE(storage_->create_alert(elsewhere, 100));

    Alert snoozed = new_ruled(above("100"));
    snoozed.state.snoozed_until = now_ + 1h;
    add(snoozed);
    EXPECT_EQ(storage_->create_alert(new_alert("100.0"), 100).error(), duplicate) << "the same rule, once";
    ASSERT_TRUE(storage_->delete_alert(user_, snoozed.id));
    add_alert("100");
    snoozed.id = make_uuid(now_);
    EXPECT_EQ(storage_->create_alert(snoozed, 100).error(), duplicate);
}

TEST_P(StorageTermsConformance, OfConcurrentIdenticalAlertsOneIsCreated) {
    std::atomic<int> created = 0;
    at_once(8, [&](int t) {
        Alert alert = t % 2 == 0 ? new_alert("100") : new_ruled(above("100"));
        if (t % 2 == 1) alert.state.expires_at = now_ + 1h;
        created += storage_->create_alert(alert, 100).has_value() ? 1 : 0;
    });
    EXPECT_EQ(created, 1);
    EXPECT_EQ(active().size(), 1U);
}

TEST_P(StorageTermsConformance, ARuleThatIsNotUnderstoodIsSkippedAndDoesNotStopTheOthers) {
    const Alert unknown = add_ruled(repeating("1"));
    const Alert known = add_ruled(repeating("2"));
    ASSERT_TRUE(fires(ruled(unknown.id, 1, now_ + 1s)));
    ASSERT_TRUE(fires(ruled(known.id, 1, now_ + 1s)));
    ASSERT_EQ(active().size(), 2U);
    made_.write_unknown("alerts", "rule", unknown.id);
    EXPECT_EQ(active().size(), 1U);
    EXPECT_EQ(storage_->alerts(user_, {}).size(), 1U);
    const auto claimed = claim_all(now_ + 2s);
    ASSERT_EQ(claimed.size(), 1U);
    EXPECT_EQ(claimed[0].alert.id, known.id);
    EXPECT_THROW(storage_->alert(user_, unknown.id), storage::UnknownValue);
    EXPECT_THROW(storage_->active_alert(unknown.id), storage::UnknownValue);
    EXPECT_TRUE(storage_->delete_alert(user_, unknown.id)) << "it is lt 0 to whoever does not know its rule";
}

TEST_P(StorageTermsConformance, ARuleThatIsNotUnderstoodDoesNotStopFiringsOfOthers) {
    const Alert unknown = add_ruled(repeating("1"));
    const Alert known = add_ruled(repeating("2"));
    made_.write_unknown("alerts", "rule", unknown.id);
    fire_ruled({ruled(unknown.id, 1, now_ + 1s), ruled(known.id, 1, now_ + 1s)});
    const auto claimed = claim_all(now_ + 2s);
    ASSERT_EQ(claimed.size(), 1U);
    EXPECT_EQ(claimed[0].alert.id, known.id);
    note(armed_note(known.id, 1, now_ + 20s), now_ + 20s);
    EXPECT_EQ(fire_ruled({ruled(known.id, 2, now_ + 1min)}).size(), 1U);
}

TEST_P(StorageTermsConformance, TickersOfAllItsRulesAreNeededWhileItIsActive) {
    using Names = std::vector<std::string>;
    const Alert alert = add_ruled(with_eth("100"));
    Terms ratio = above("1", "SOL");
    ratio.rules.front().watched = Watched::ratio;
    ratio.rules.front().other = "ADA";
    const Alert other = add_ruled(ratio);
    EXPECT_EQ(needed(), (Names{"ADA", "BTC", "ETH", "SOL"}));
    EXPECT_EQ(of_user(), (Names{"ADA", "BTC", "ETH", "SOL"}));
    ASSERT_TRUE(change(alert.id, [](Alert& a) { a.is_active = false; }, now_));
    EXPECT_EQ(needed(), (Names{"ADA", "SOL"}));
    ASSERT_TRUE(change(alert.id, [](Alert& a) { a.is_active = true; }, now_ + 1s));
    EXPECT_EQ(of_user(), (Names{"ADA", "BTC", "ETH", "SOL"}));
    ASSERT_TRUE(fires(ruled(alert.id, 1, now_ + 5s)));  // once
    EXPECT_EQ(needed(), (Names{"ADA", "SOL"}));
    ASSERT_TRUE(storage_->delete_alert(user_, other.id));
    EXPECT_TRUE(needed().empty());
    EXPECT_TRUE(of_user().empty());
}

TEST_P(StorageTermsConformance, ADeletedUsersTickersAreNotNeeded) {
    add_ruled(with_eth("100"));
    ASSERT_TRUE(storage_->delete_user(user_, now_));
    EXPECT_TRUE(needed().empty());
}

TEST_P(StorageTermsConformance, FiltersByStatus) {
    const auto with = [&](std::string_view level, auto edit) {
        Alert alert = new_ruled(repeating(level));
        edit(alert);
        return add(alert).id;
    };
    const Uuid plain = add_alert("1").id;
    const Uuid fired = add_alert("2").id;
    ASSERT_EQ(fire({fired}).size(), 1U);
    const Uuid scheduled = with("3", [&](Alert& a) { a.state.starts_at = now_ + 1h; });
    const Uuid snoozed = with("4", [&](Alert& a) { a.state.snoozed_until = now_ + 1h; });
    const Uuid paused = add_ruled(repeating("5")).id;
    ASSERT_TRUE(change(paused, [](Alert& a) { a.is_active = false; }, now_));
    const Uuid expired = with("6", [&](Alert& a) { a.state.expires_at = now_ + 1s; });
    expire({.alert_id = expired, .expires_at = now_ + 1s, .at = now_ + 2s});
    EXPECT_EQ(of_status(AlertStatus::active, now_), std::vector{plain});
    EXPECT_EQ(of_status(AlertStatus::fired, now_), std::vector{fired});
    EXPECT_EQ(of_status(AlertStatus::scheduled, now_), std::vector{scheduled});
    EXPECT_EQ(of_status(AlertStatus::snoozed, now_), std::vector{snoozed});
    EXPECT_EQ(of_status(AlertStatus::paused, now_), std::vector{paused});
    EXPECT_EQ(of_status(AlertStatus::expired, now_), std::vector{expired});
    EXPECT_EQ(of_status(AlertStatus::active, now_ + 1h), (std::vector{snoozed, scheduled, plain}));
    for (const Alert& alert : storage_->alerts(user_, {})) {
        const auto same = of_status(status_of(alert, now_), now_);
        EXPECT_NE(std::find(same.begin(), same.end(), alert.id), same.end());
    }
}

// Ratios

Terms ratio(const Ticker& ticker, const Ticker& other, std::int64_t level = 2) {
    return {.rules = {{.ticker = ticker,
                       .watched = Watched::ratio,
                       .other = other,
                       .word = Word::above,
                       .level = {.number = Decimal::from_int(level)}}}};
}
Ticker coin(std::size_t i) {
    return Ticker("T" + std::to_string(i));
}

TEST_P(StorageTermsConformance, AUsersAlertsCompareATickerWithSixteenOthers) {
    using storage::CreateAlertError;
    for (std::size_t i = 0; i + 2 < max_ratios; ++i) add_ruled(ratio("BTC", coin(i)));
    const Alert last = add_ruled(ratio("LAST", "BTC"));
    std::vector<Alert> two;
    for (const char* other : {"A", "B", "C"}) two.push_back(new_ruled(ratio(Ticker(other), "BTC")));
    const auto results = storage_->create_alerts(two, 1000);
    EXPECT_TRUE(results.at(0));
    EXPECT_EQ(results.at(1).error(), CreateAlertError::ratios_full);
    EXPECT_EQ(results.at(2).error(), CreateAlertError::ratios_full);
    EXPECT_TRUE(storage_->create_alert(new_ruled(ratio("BTC", coin(0), 3)), 1000))
        << "these two are compared";
    EXPECT_TRUE(storage_->create_alert(new_ruled(ratio("B", "C")), 1000));
    EXPECT_TRUE(storage_->create_alert(new_ruled(with_eth("3")), 1000)) << "no ratio";
    Alert of_other = new_ruled(ratio("BTC", "B"));
    of_other.user_id = add_user("other@example.com");
    EXPECT_TRUE(storage_->create_alert(of_other, 1000)) << "what others compare does not count";

    const auto change = [&](const Uuid& id, const storage::AlertEdit& edit) {
        return storage_->change_alert(user_, id, edit, {.now = now_, .limit = 1000});
    };
    const auto set_terms = [](const Terms& terms) {
        return [terms](Alert& alert) {
            alert.terms = std::make_shared<const Terms>(terms);
            return true;
        };
    };
    const auto switched = [](bool on) {
        return [on](Alert& alert) {
            alert.is_active = on;
            return true;
        };
    };
    EXPECT_TRUE(change(last.id, set_terms(ratio("LAST", "BTC", 7)))) << "its own does not count";
    EXPECT_TRUE(change(last.id, switched(false)));
    EXPECT_TRUE(storage_->create_alert(two[1], 1000));
    EXPECT_EQ(change(last.id, switched(true)).error(), storage::ChangeAlertError::ratios_full);
    const Alert plain = add_ruled(repeating());
    EXPECT_EQ(change(plain.id, set_terms(ratio("BTC", "MORE"))).error(),
              storage::ChangeAlertError::ratios_full);
    EXPECT_TRUE(storage_->delete_alert(user_, two[1].id));
    EXPECT_TRUE(change(last.id, switched(true)));
}

TEST_P(StorageTermsConformance, TheLastRoomForARatioIsTakenOnce) {
    for (std::size_t i = 0; i + 1 < max_ratios; ++i) add_ruled(ratio("BTC", coin(i)));
    const auto set_active = [&](const Uuid& id, bool on) {
        const auto edit = [on](Alert& alert) {
            alert.is_active = on;
            return true;
        };
        return storage_->change_alert(user_, id, edit, {.now = now_, .limit = 1000}).has_value();
    };
    std::vector<Alert> paused;
    for (int t = 0; t < 8; ++t) {
        paused.push_back(new_ruled(ratio("BTC", Ticker("N" + std::to_string(t)))));
        if (t % 4 == 0) continue;
        add(paused.back());
        ASSERT_TRUE(set_active(paused.back().id, false));
    }
    std::atomic<int> taken = 0;
    at_once(8, [&](int t) {
        const Alert& alert = paused[static_cast<std::size_t>(t)];
        const bool is_on =
            t % 4 == 0 ? storage_->create_alert(alert, 1000).has_value() : set_active(alert.id, true);
        if (is_on) ++taken;
    });
    EXPECT_EQ(taken, 1);
}

INSTANTIATE_TEST_SUITE_P(Storages, StorageTermsConformance, storages(),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pricewire::conformance
