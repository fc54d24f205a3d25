// The contract of every Storage: editing, pausing and switching on of alerts.
#include "storage_terms_fixture.hpp"

namespace pricewire::conformance {
namespace {

using storage::ChangeAlertError;

class StorageEditsConformance : public StorageTermsFixture {
protected:
    static auto set_terms(Terms terms) {
        return [terms](Alert& a) { a.terms = std::make_shared<const Terms>(terms); };
    }
    static void pause(Alert& a) { a.is_active = false; }
    static void switch_on(Alert& a) { a.is_active = true; }
    // Creates an alert at another URL and moves it to that alert's.
    auto moved_to(const Alert& other, const std::string& target) {
        Alert elsewhere = new_alert(target);
        elsewhere.webhook_url += "/2";
        add(elsewhere);
        return change(elsewhere.id, [&](Alert& a) { a.webhook_url = other.webhook_url; }, now_);
    }
};

TEST_P(StorageEditsConformance, TextsChangeNothingElse) {
    const Alert plain = add_alert();
    const Alert ruled_one = add_ruled();
    ASSERT_TRUE(fires(ruled(ruled_one.id, 1, now_ + 5s)));
    const std::size_t from = heard();
    for (const Uuid& id : {plain.id, ruled_one.id}) {
        const Alert before = stored(id);
        const auto edited = change(
            id,
            [](Alert& a) {
                a.note = "sell";
                a.message = "now";
                a.webhook_url = "https://example.com/other";
                a.format = PayloadFormat::custom;
                a.custom = WebhookTemplate{"{{price}}", "text/plain"};
                a.deliver_within = 5min;
                a.recover = false;
                a.created_at += 1h;  // ignored, as are
                a.user_id = {};
                a.state.firings = 77;
                a.triggered_at = a.created_at;
            },
            now_ + 6s);
        ASSERT_TRUE(edited);
        const Alert after = stored(id);
        for (const Alert& a : {after, *edited}) {
            EXPECT_EQ(a.note, "sell");
            EXPECT_EQ(a.message, "now");
            EXPECT_EQ(a.webhook_url, "https://example.com/other");
            EXPECT_EQ(a.format, PayloadFormat::custom);
            EXPECT_EQ(a.custom, (WebhookTemplate{"{{price}}", "text/plain"}));
            EXPECT_EQ(a.deliver_within, 5min);
            EXPECT_FALSE(a.recover);
            EXPECT_EQ(a.state, before.state);
            EXPECT_EQ(a.begun_at, before.begun_at);
            EXPECT_EQ(a.created_at, before.created_at);
            EXPECT_EQ(a.triggered_at, before.triggered_at);
            EXPECT_EQ(a.terms != nullptr, before.terms != nullptr);
        }
    }
    EXPECT_TRUE(shown_since(from).empty()) << "nothing that decides when they fire";
    EXPECT_EQ(fire({plain.id}).size(), 1U);
}

TEST_P(StorageEditsConformance, WaitingDeliveriesGoToTheNewUrl) {
    const Alert alert = add_ruled();
    ASSERT_TRUE(fires(ruled(alert.id, 1, now_ + 5s)));
    ASSERT_TRUE(change(alert.id, [](Alert& a) { a.webhook_url = "https://example.com/other"; }, now_ + 6s));
    EXPECT_EQ(claim_all(now_ + 7s).at(0).alert.webhook_url, "https://example.com/other");
}

TEST_P(StorageEditsConformance, AnotherRuleIsANewStartWithTheNextRevision) {
    const Alert alert = add_ruled();
    ASSERT_TRUE(fires(ruled(alert.id, 1, now_ + 5s)));
    const std::size_t from = heard();
    const auto edited = change(alert.id, set_terms(repeating("105")), now_ + 30s);
    ASSERT_TRUE(edited);
    EXPECT_TRUE(edited->is_active);
    EXPECT_EQ(edited->state.revision, 2);
    EXPECT_EQ(edited->state.firings, 1) << "of its whole life";
    EXPECT_FALSE(edited->state.muted_until);
    EXPECT_TRUE(edited->state.rules.empty());
    EXPECT_EQ(edited->begun_at, now_ + 30s);
    EXPECT_EQ(edited->target, number("105"));
    EXPECT_EQ(stored(alert.id).state, edited->state);
    const auto told = changes_since(from);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].kind, Kind::changed);
    EXPECT_EQ(told[0].alert.ruled->state, edited->state);
    EXPECT_EQ(told[0].alert.ruled->begun_at, now_ + 30s);
    EXPECT_EQ(*told[0].alert.ruled->terms, repeating("105"));
}

TEST_P(StorageEditsConformance, AFiringOfTheOldRuleThatIsNotCommittedYetIsDropped) {
    const Alert alert = add_ruled();
    ASSERT_TRUE(change(alert.id, set_terms(repeating("105")), now_ + 30s));
    EXPECT_FALSE(fires(ruled(alert.id, 1, now_ + 29900ms)));
    EXPECT_FALSE(fires(ruled(alert.id, 1, now_ + 29900ms, "106", 2))) << "before the new one began";
    EXPECT_TRUE(deliveries_of(alert.id).empty());
    EXPECT_TRUE(fires(ruled(alert.id, 1, now_ + 30s, "106", 2)));

    const Alert plain = add_alert("7");
    ASSERT_TRUE(change(plain.id, set_terms(above("8")), now_ + 30s));
    EXPECT_TRUE(fire({plain.id}).empty());
    EXPECT_TRUE(stored(plain.id).is_active);
}

TEST_P(StorageEditsConformance, ADeliveryHasTheRuleThatFiredIt) {
    const Alert alert = add_ruled();
    ASSERT_TRUE(fires(ruled(alert.id, 1, now_ + 5s)));
    ASSERT_TRUE(change(alert.id, set_terms(repeating("105")), now_ + 30s));
    Terms eth = above("5", "ETH");
    ASSERT_TRUE(fires(ruled(alert.id, 2, now_ + 40s, "106", 2)));
    ASSERT_TRUE(change(alert.id, set_terms(eth), now_ + 50s));
    const auto claimed = claim_all(now_ + 1min);
    ASSERT_EQ(claimed.size(), 2U);
    EXPECT_EQ(claimed[0].firing->revision, 1);
    EXPECT_EQ(*claimed[0].firing->terms, repeating("100"));
    EXPECT_EQ(claimed[0].alert.ticker, Ticker("BTC"));
    EXPECT_EQ(claimed[1].firing->revision, 2);
    EXPECT_EQ(*claimed[1].firing->terms, repeating("105"));
    const auto listed = storage_->firings(user_, alert.id, 10);
    EXPECT_EQ(*listed.at(1).said.terms, repeating("100"));
    EXPECT_EQ(deliveries_of(alert.id).at(1).ticker, Ticker("BTC"));
    EXPECT_EQ(stored(alert.id).ticker, Ticker("ETH"));
    // Kept until no delivery needs it.
    for (const ClaimedDelivery& c : claimed) record(outcome(c.id, 1, now_ + 1min, DeliveryState::delivered));
    EXPECT_EQ(storage_->prune(now_ + 2h, 100), 4U) << "two deliveries, two replaced rules";
    EXPECT_EQ(storage_->prune(now_ + 2h, 100), 0U);
}

TEST_P(StorageEditsConformance, ChecksTheRevisionThatIsAskedFor) {
    const Alert alert = add_ruled();
    const auto to = [&](std::int64_t revision, const char* level) {
        const auto edit = [&](Alert& a) {
            a.terms = std::make_shared<const Terms>(repeating(level));
            return true;
        };
        return storage_->change_alert(user_, alert.id, edit,
                                      {.now = now_ + 1s, .limit = 10, .if_revision = revision});
    };
    EXPECT_TRUE(to(1, "101"));
    EXPECT_EQ(to(1, "102").error(), ChangeAlertError::stale);
    EXPECT_TRUE(to(2, "103"));
    EXPECT_EQ(*stored(alert.id).terms, repeating("103"));
}

TEST_P(StorageEditsConformance, AnEditThatRefusesOrAnAlertThatIsNotTheUsersChangesNothing) {
    const Alert alert = add_ruled();
    const auto edit = [](Alert& a) {
        a.note = "x";
        return false;
    };
    EXPECT_EQ(storage_->change_alert(user_, alert.id, edit, {.now = now_}).error(),
              ChangeAlertError::refused);
    EXPECT_EQ(stored(alert.id).note, "");
    const Uuid other = add_user("other@example.com");
    EXPECT_EQ(storage_->change_alert(other, alert.id, edit, {.now = now_}).error(),
              ChangeAlertError::not_found);
    ASSERT_TRUE(storage_->delete_alert(user_, alert.id));
    EXPECT_EQ(change(alert.id, switch_on, now_).error(), ChangeAlertError::not_found);
}

TEST_P(StorageEditsConformance, MayNotBecomeIdenticalToAnotherActiveAlert) {
    const Alert plain = add_alert("105");
    const Alert alert = add_alert("100");
    EXPECT_EQ(change(alert.id, set_terms(above("105")), now_).error(), ChangeAlertError::duplicate);
    EXPECT_TRUE(change(alert.id, set_terms(repeating("105")), now_));
    EXPECT_EQ(change(alert.id, set_terms(above("105")), now_).error(), ChangeAlertError::duplicate);
    EXPECT_TRUE(change(alert.id, set_terms(repeating("105")), now_)) << "to itself";
    ASSERT_TRUE(change(plain.id, pause, now_));
    EXPECT_TRUE(change(alert.id, set_terms(above("105")), now_));
    EXPECT_EQ(change(plain.id, switch_on, now_).error(), ChangeAlertError::duplicate);
    EXPECT_EQ(moved_to(plain, "105").error(), ChangeAlertError::duplicate);
}

TEST_P(StorageEditsConformance, ConcurrentEditsMakeNoIdenticalAlerts) {
    std::vector<Uuid> ids;
    for (int i = 1; i <= 6; ++i) ids.push_back(add_alert(std::to_string(i)).id);
    std::atomic<int> edited = 0;
    at_once(6, [&](int t) {
        const auto result = change(ids[static_cast<std::size_t>(t)], set_terms(above("100")), now_ + 1s);
        if (result) {
            ++edited;
        } else {
            EXPECT_EQ(result.error(), ChangeAlertError::duplicate);
        }
    });
    EXPECT_EQ(edited, 1);
}

TEST_P(StorageEditsConformance, RefusesADisabledUrlWhereItWouldBeUsed) {
    const Alert fired = add_alert();
    const Uuid delivery = fire({fired.id}).at(0).delivery_id;
    const Alert active_one = add_ruled();
    claim(delivery, 1, now_);
    DeliveryOutcome gone = outcome(delivery, 1, now_, DeliveryState::failed);
    gone.disable_endpoint = true;
    record(gone);
    EXPECT_EQ(change(fired.id, switch_on, now_).error(), ChangeAlertError::endpoint_disabled);
    EXPECT_EQ(moved_to(fired, "7").error(), ChangeAlertError::endpoint_disabled);
    EXPECT_TRUE(change(active_one.id, [](Alert& a) { a.note = "x"; }, now_));
}

// Pausing and switching on

TEST_P(StorageEditsConformance, PausingForgetsTheStateAndSwitchingOnIsANewStart) {
    const Alert alert = add_ruled();
    ASSERT_TRUE(fires(ruled(alert.id, 1, now_ + 5s)));
    const std::size_t from = heard();
    ASSERT_TRUE(change(alert.id, pause, now_ + 6s));
    EXPECT_EQ(stored(alert.id).ended, AlertEnd::paused);
    EXPECT_FALSE(storage_->active_alert(alert.id));
    EXPECT_FALSE(fires(ruled(alert.id, 2, now_ + 60s)));
    const auto on = change(alert.id, switch_on, now_ + 70s);
    ASSERT_TRUE(on);
    EXPECT_TRUE(on->is_active);
    EXPECT_FALSE(on->ended);
    EXPECT_EQ(on->state.revision, 1) << "the rule is the same";
    EXPECT_EQ(on->state.firings, 1);
    EXPECT_FALSE(on->state.muted_until);
    EXPECT_TRUE(on->state.rules.empty());
    EXPECT_EQ(on->begun_at, now_ + 70s);
    EXPECT_EQ(shown_since(from),
              (std::vector{shown(Kind::deleted, alert.id), shown(Kind::created, alert.id)}));
    EXPECT_FALSE(fires(ruled(alert.id, 2, now_ + 65s))) << "of before";
    EXPECT_TRUE(fires(ruled(alert.id, 2, now_ + 70s)));
}

TEST_P(StorageEditsConformance, SwitchingOnCountsAgainstTheLimit) {
    const Alert alert = add_ruled();
    ASSERT_TRUE(change(alert.id, pause, now_));
    add_alert("1");
    EXPECT_EQ(change(alert.id, switch_on, now_, 1).error(), ChangeAlertError::limit_reached);
    EXPECT_TRUE(change(alert.id, switch_on, now_, 2));
    EXPECT_EQ(storage_->create_alert(new_alert("2"), 2).error(), storage::CreateAlertError::limit_reached);
}

TEST_P(StorageEditsConformance, AFiredPlainAlertBeginsAgainAndKeepsItsFirstFiring) {
    const Alert alert = add_alert("100");
    const Uuid first = fire({alert.id}).at(0).delivery_id;
    const std::size_t from = heard();
    const auto on = change(alert.id, switch_on, now_ + 1min);
    ASSERT_TRUE(on);
    ASSERT_TRUE(on->terms);
    EXPECT_EQ(*on->terms, above("100"));
    EXPECT_EQ(on->state.firings, 1);
    EXPECT_EQ(shown_since(from), std::vector{shown(Kind::created, alert.id)});
    ASSERT_TRUE(fires(ruled(alert.id, 2, now_ + 2min, "107")));
    EXPECT_FALSE(stored(alert.id).is_active) << "once";
    const auto claimed = claim_all(now_ + 3min);
    ASSERT_EQ(claimed.size(), 2U);
    EXPECT_EQ(claimed[0].id, first);
    EXPECT_EQ(claimed[0].alert.triggered_price, number("101.5"));
    EXPECT_EQ(claimed[0].alert.triggered_at, now_);
    EXPECT_EQ(claimed[0].alert.target, number("100"));
    EXPECT_FALSE(claimed[0].firing) << "it fired in the plain form";
    EXPECT_EQ(claimed[1].alert.triggered_price, number("107"));
    EXPECT_EQ(claimed[1].firing->number, 2);
    const auto listed = storage_->firings(user_, alert.id, 10);
    ASSERT_EQ(listed.size(), 2U);
    EXPECT_EQ(listed[1].said.number, 1);
    EXPECT_EQ(listed[1].price, number("101.5"));
    EXPECT_EQ(deliveries_of(alert.id).size(), 2U);
}

TEST_P(StorageEditsConformance, AnEditedPlainAlertsWaitingDeliverySaysWhatFired) {
    const Alert alert = add_alert("100");
    fire({alert.id});
    const auto edit = [](Alert& a) {
        a.terms = std::make_shared<const Terms>(rule::plain_terms("ETH", Condition::lt, number("7")));
        a.is_active = true;
    };
    ASSERT_TRUE(change(alert.id, edit, now_ + 1min));
    const auto claimed = claim_all(now_ + 2min);
    ASSERT_EQ(claimed.size(), 1U);
    EXPECT_EQ(claimed[0].alert.ticker, Ticker("BTC"));
    EXPECT_EQ(claimed[0].alert.target, number("100"));
    EXPECT_EQ(claimed[0].alert.condition, Condition::gt);
    EXPECT_EQ(claimed[0].alert.triggered_price, number("101.5"));
    EXPECT_FALSE(claimed[0].alert.terms);
}

TEST_P(StorageEditsConformance, AnExpiredAlertThatIsSwitchedOnLosesItsPastEnd) {
    Alert alert = new_ruled(repeating());
    alert.state.expires_at = now_ + 60s;
    add(alert);
    expire({.alert_id = alert.id, .expires_at = now_ + 60s, .at = now_ + 61s});
    const auto on = change(alert.id, switch_on, now_ + 2min);
    ASSERT_TRUE(on);
    EXPECT_FALSE(on->state.expires_at);
    EXPECT_TRUE(fires(ruled(alert.id, 1, now_ + 2min)));
}

// Life, snooze, repeat

TEST_P(StorageEditsConformance, ASnoozedPlainAlertHasTermsFromThenOn) {
    const Alert alert = add_alert("100");
    const std::size_t from = heard();
    ASSERT_TRUE(change(alert.id, [&](Alert& a) { a.state.snoozed_until = now_ + 1h; }, now_ + 1min));
    const Alert after = stored(alert.id);
    ASSERT_TRUE(after.terms);
    EXPECT_EQ(after.state.revision, 1);
    EXPECT_EQ(after.begun_at, now_) << "its state stays";
    EXPECT_EQ(after.target, number("100"));
    const auto told = changes_since(from);
    ASSERT_EQ(told.size(), 2U);
    EXPECT_EQ(told[0].kind, Kind::deleted) << "for checkers that know no terms";
    EXPECT_EQ(told[0].alert, (ActiveAlert{alert.id, "BTC", Condition::gt, number("100")}));
    EXPECT_EQ(told[1].kind, Kind::changed);
    EXPECT_EQ(told[1].alert.ruled->state.snoozed_until, now_ + 1h);
    EXPECT_TRUE(fire({alert.id}).empty());
    EXPECT_FALSE(fires(ruled(alert.id, 1, now_ + 59min)));
    EXPECT_EQ(storage_->create_alert(new_alert("100"), 10).error(), storage::CreateAlertError::duplicate);
    ASSERT_TRUE(change(alert.id, [](Alert& a) { a.state.snoozed_until.reset(); }, now_ + 2min));
    EXPECT_TRUE(fires(ruled(alert.id, 1, now_ + 3min)));
}

TEST_P(StorageEditsConformance, SnoozeAndExpiryKeepTheState) {
    const Alert alert = add_ruled();
    ASSERT_TRUE(fires(ruled(alert.id, 1, now_ + 5s)));
    const AlertState before = stored(alert.id).state;
    const auto edit = [&](Alert& a) {
        a.state.snoozed_until = now_ + 1h;
        a.state.expires_at = now_ + 2h;
        a.notify_on_expiry = true;
    };
    ASSERT_TRUE(change(alert.id, edit, now_ + 6s));
    AlertState expected = before;
    expected.snoozed_until = now_ + 1h;
    expected.expires_at = now_ + 2h;
    EXPECT_EQ(stored(alert.id).state, expected);
    EXPECT_TRUE(stored(alert.id).notify_on_expiry);
}

TEST_P(StorageEditsConformance, AnotherRepeatKeepsTheStateAndTimesThatAreReachedEndIt) {
    const Alert alert = add_ruled();
    ASSERT_TRUE(fires(ruled(alert.id, 1, now_ + 5s)));
    const AlertState before = stored(alert.id).state;
    ASSERT_TRUE(change(alert.id, set_terms(repeating("100", 2)), now_ + 6s));
    EXPECT_EQ(stored(alert.id).state, before);
    // To a checker that does not know of the edit yet, it goes on.
    RuledFiring second = ruled(alert.id, 2, now_ + 30s);
    second.is_last = false;
    EXPECT_TRUE(fires(second));
    EXPECT_FALSE(stored(alert.id).is_active);

    const Alert other = add_ruled(repeating("7"));
    ASSERT_TRUE(fires(ruled(other.id, 1, now_ + 5s)));
    const std::size_t from = heard();
    const auto ended = change(other.id, set_terms(repeating("7", 1)), now_ + 6s);
    ASSERT_TRUE(ended);
    EXPECT_FALSE(ended->is_active);
    EXPECT_EQ(ended->ended, AlertEnd::fired);
    EXPECT_EQ(shown_since(from), std::vector{shown(Kind::deleted, other.id)});
    EXPECT_TRUE(storage_->create_alert(new_alert("1"), 1)) << "it does not count any more";
}

TEST_P(StorageEditsConformance, AnotherMarginCountsForPricesAfterItsEdit) {
    const Alert alert = add_ruled();
    ASSERT_TRUE(fires(ruled(alert.id, 1, now_ + 5s)));
    AlertState expected = stored(alert.id).state;
    Terms wider = repeating();
    wider.repeat->rearm.amount = number("2");
    ASSERT_TRUE(change(alert.id, set_terms(wider), now_ + 6s));
    expected.rules[0].as_of = now_ + 6s;
    EXPECT_EQ(stored(alert.id).state, expected);
    // Of a checker that has not heard of the edit.
    note({alert.id, 1, 1, false, {rule_state(false, now_ + 5s)}}, now_ + 7s);
    EXPECT_EQ(stored(alert.id).state, expected);
    note(armed_note(alert.id, 1, now_ + 8s), now_ + 8s);
    expected = stored(alert.id).state;
    ASSERT_TRUE(change(alert.id, set_terms(repeating()), now_ + 9s));
    EXPECT_EQ(stored(alert.id).state, expected) << "what is armed stays so";
}

TEST_P(StorageEditsConformance, AnotherStartIsANewStart) {
    const Alert alert = add_ruled();
    const auto later = change(alert.id, [&](Alert& a) { a.state.starts_at = now_ + 1h; }, now_ + 1min);
    ASSERT_TRUE(later);
    EXPECT_EQ(later->begun_at, now_ + 1h);
    EXPECT_EQ(later->state.revision, 2);
    EXPECT_FALSE(fires(ruled(alert.id, 1, now_ + 2min, "101", 2)));
    EXPECT_TRUE(fires(ruled(alert.id, 1, now_ + 1h, "101", 2)));
}

TEST_P(StorageEditsConformance, TheSameRuleInOtherWordsIsNoEdit) {
    const Alert alert = add_alert("100");
    const std::size_t from = heard();
    ASSERT_TRUE(change(alert.id, set_terms(above("100.00")), now_ + 1min));
    EXPECT_FALSE(stored(alert.id).terms);
    EXPECT_EQ(stored(alert.id).state.revision, 1);
    EXPECT_TRUE(shown_since(from).empty());
}

TEST_P(StorageEditsConformance, ConcurrentFiringsAndEditsLoseNothing) {
    const Alert alert = add_ruled();
    std::atomic<int> written = 0;
    at_once(2, [&](int t) {
        for (int i = 1; i <= 30; ++i) {
            if (t == 0) {
                written += fires(ruled(alert.id, written + 1, now_ + i * 1min)) ? 1 : 0;
            } else {
                EXPECT_TRUE(change(alert.id, [&](Alert& a) { a.state.expires_at = now_ + i * 24h; }, now_));
            }
        }
    });
    EXPECT_EQ(written, 30);
    EXPECT_EQ(stored(alert.id).state.firings, 30);
    EXPECT_EQ(deliveries_of(alert.id).size(), 30U);
}

INSTANTIATE_TEST_SUITE_P(Storages, StorageEditsConformance, storages(),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pricewire::conformance
