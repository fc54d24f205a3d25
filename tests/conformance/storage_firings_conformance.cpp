// The contract of every Storage: what alerts with terms do, once, however many checkers see it.
#include "storage_terms_fixture.hpp"

namespace pricewire::conformance {
namespace {

class StorageFiringsConformance : public StorageTermsFixture {};

TEST_P(StorageFiringsConformance, TheKthFiringIsWrittenOnceWithItsDelivery) {
    const Alert alert = add_ruled();
    const RuledFiring first = ruled(alert.id, 1, now_ + 5s, "101.5");
    const auto tasks = fire_ruled({first});
    ASSERT_EQ(tasks.size(), 1U);
    EXPECT_EQ(tasks[0].delivery_id, first.delivery_id);
    EXPECT_EQ(tasks[0].user_id, user_);
    const Alert after = stored(alert.id);
    EXPECT_TRUE(after.is_active);
    EXPECT_EQ(after.state.firings, 1);
    EXPECT_EQ(after.state.muted_until, now_ + 15s);
    EXPECT_EQ(after.state.rules, first.after.rules);
    EXPECT_EQ(after.triggered_at, now_ + 5s + 1ms);
    EXPECT_EQ(after.triggered_price, number("101.5"));
    // Another checker sees it too: passed over.
    EXPECT_FALSE(fires(ruled(alert.id, 1, now_ + 5s)));
    EXPECT_FALSE(fires(ruled(alert.id, 3, now_ + 60s)));
    EXPECT_EQ(deliveries_of(alert.id).size(), 1U);
}

TEST_P(StorageFiringsConformance, AClaimHasItsOwnFiring) {
    const Alert alert = add_ruled();
    const RuledFiring first = ruled(alert.id, 1, now_ + 5s, "101.5");
    const RuledFiring second = ruled(alert.id, 2, now_ + 30s, "102.5");
    ASSERT_EQ(fire_ruled({first, second}).size(), 2U);
    const auto claimed = claim_all(now_ + 1min);
    ASSERT_EQ(claimed.size(), 2U);
    for (const auto& [c, f] : {std::pair(claimed[0], first), {claimed[1], second}}) {
        EXPECT_EQ(c.id, f.delivery_id);
        EXPECT_EQ(c.kind, DeliveryKind::alert);
        EXPECT_EQ(c.alert.triggered_price, f.value);
        EXPECT_EQ(c.alert.triggered_at, f.time + 1ms);
        EXPECT_EQ(c.alert.target, number("100"));
        ASSERT_TRUE(c.firing);
        EXPECT_EQ(c.firing->number, f.number);
        EXPECT_EQ(c.firing->revision, 1);
        EXPECT_EQ(*c.firing->terms, *alert.terms);
        EXPECT_EQ(c.firing->level, f.level);
        EXPECT_EQ(c.firing->condition, f.condition);
        EXPECT_EQ(c.firing->evidence, f.evidence);
    }
}

TEST_P(StorageFiringsConformance, APlainClaimHasItsOwnPriceAndNoTerms) {
    const Alert alert = add_alert();
    fire({alert.id});
    const auto claimed = claim_all(now_);
    ASSERT_EQ(claimed.size(), 1U);
    EXPECT_FALSE(claimed[0].firing);
    EXPECT_FALSE(claimed[0].alert.terms);
    EXPECT_EQ(claimed[0].alert.triggered_price, number("101.5"));
    EXPECT_EQ(claimed[0].alert.triggered_at, now_);
    EXPECT_FALSE(view(alert.id).firing);
}

TEST_P(StorageFiringsConformance, TheRowsCooldownHoldsWhicheverCheckerAsks) {
    const Alert alert = add_ruled();
    ASSERT_TRUE(fires(ruled(alert.id, 1, now_ + 5s)));
    EXPECT_FALSE(fires(ruled(alert.id, 2, now_ + 15s - 1us)));
    EXPECT_TRUE(fires(ruled(alert.id, 2, now_ + 15s)));
}

TEST_P(StorageFiringsConformance, ASnoozedAlertDoesNotFireBeforeItsTime) {
    Alert alert = new_ruled(repeating());
    alert.state.snoozed_until = now_ + 1min;
    add(alert);
    EXPECT_FALSE(fires(ruled(alert.id, 1, now_ + 59s)));
    EXPECT_TRUE(fires(ruled(alert.id, 1, now_ + 60s)));
}

TEST_P(StorageFiringsConformance, AnAlertFiresWithinItsLifeOnly) {
    Alert alert = new_ruled(repeating());
    alert.state.starts_at = now_ + 10s;
    alert.state.expires_at = now_ + 60s;
    add(alert);
    EXPECT_FALSE(fires(ruled(alert.id, 1, now_ + 9s)));
    EXPECT_FALSE(fires(ruled(alert.id, 1, now_ + 60s)));
    EXPECT_TRUE(fires(ruled(alert.id, 1, now_ + 59s)));
}

TEST_P(StorageFiringsConformance, TheRowDecidesWhichFiringIsTheLast) {
    const Alert once = add_ruled(with_eth("100"));
    const Alert twice = add_ruled(repeating("100", 2));
    const std::size_t from = heard();
    ASSERT_TRUE(fires(ruled(once.id, 1, now_ + 5s)));
    EXPECT_FALSE(stored(once.id).is_active);
    EXPECT_EQ(stored(once.id).ended, AlertEnd::fired);
    EXPECT_FALSE(storage_->active_alert(once.id));
    ASSERT_TRUE(fires(ruled(twice.id, 1, now_ + 5s)));
    EXPECT_TRUE(stored(twice.id).is_active);
    EXPECT_EQ(heard(), from + 2) << "before its row changes again";
    ASSERT_TRUE(fires(ruled(twice.id, 2, now_ + 30s)));
    EXPECT_FALSE(stored(twice.id).is_active);
    EXPECT_EQ(shown_since(from), (std::vector{shown(Kind::deleted, once.id), shown(Kind::changed, twice.id),
                                              shown(Kind::deleted, twice.id)}));
    EXPECT_TRUE(storage_->create_alert(new_alert("1"), 1)) << "neither counts any more";
}

TEST_P(StorageFiringsConformance, ReportsTheRowAsItIsAfterAFiring) {
    const Alert alert = add_ruled();
    const std::size_t from = heard();
    const RuledFiring first = ruled(alert.id, 1, now_ + 5s);
    ASSERT_TRUE(fires(first));
    const auto told = changes_since(from);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].kind, Kind::changed);
    ASSERT_TRUE(told[0].alert.ruled);
    const AlertState& state = told[0].alert.ruled->state;
    EXPECT_EQ(state.firings, 1);
    EXPECT_EQ(state.muted_until, now_ + 15s);
    EXPECT_EQ(state.rules, first.after.rules);
    EXPECT_EQ(*told[0].alert.ruled->terms, *alert.terms);
}

// Notes

TEST_P(StorageFiringsConformance, RearmingIsDurable) {
    const Alert alert = add_ruled();
    ASSERT_TRUE(fires(ruled(alert.id, 1, now_ + 5s)));
    const std::size_t from = heard();
    const StateNote armed = armed_note(alert.id, 1, now_ + 20s);
    note(armed, now_ + 20s);
    EXPECT_EQ(storage_->active_alert(alert.id).value().ruled->state.rules, armed.rules);
    note(armed, now_ + 20s);  // twice does no harm
    EXPECT_EQ(storage_->active_alert(alert.id).value().ruled->state.rules, armed.rules);
    EXPECT_EQ(shown_since(from), std::vector{shown(Kind::changed, alert.id)}) << "once";
    EXPECT_TRUE(fires(ruled(alert.id, 2, now_ + 40s, "100.2")));
    EXPECT_FALSE(storage_->active_alert(alert.id).value().ruled->state.rules.at(0).armed);
}

TEST_P(StorageFiringsConformance, ANoteOfAnotherFiringOrRevisionIsPassedOver) {
    const Alert alert = add_ruled();
    ASSERT_TRUE(fires(ruled(alert.id, 1, now_ + 5s)));
    const auto before = stored(alert.id).state;
    note(armed_note(alert.id, 0, now_ + 20s), now_ + 20s);
    note(armed_note(alert.id, 2, now_ + 20s), now_ + 20s);
    note(armed_note(alert.id, 1, now_ + 20s, 2), now_ + 20s);
    note(armed_note(make_uuid(now_), 1, now_ + 20s), now_ + 20s);
    EXPECT_EQ(stored(alert.id).state, before);
}

TEST_P(StorageFiringsConformance, ASlowerCheckersNoteDoesNotDisarm) {
    const Alert alert = add_ruled();
    ASSERT_TRUE(fires(ruled(alert.id, 1, now_ + 5s)));
    note(armed_note(alert.id, 1, now_ + 20s), now_ + 20s);
    StateNote extreme{alert.id, 1, 1, false, {rule_state(false, now_ + 5s)}};
    extreme.rules[0].extreme = number("103");
    note(extreme, now_ + 60s);
    EXPECT_TRUE(stored(alert.id).state.rules.at(0).armed);
}

TEST_P(StorageFiringsConformance, AnExtremeIsStoredAndNotReported) {
    const Alert alert = add_ruled();
    const std::size_t from = heard();
    StateNote extreme{alert.id, 1, 0, false, {rule_state(true, now_)}};
    extreme.rules[0].extreme = number("103");
    extreme.rules[0].extreme_until = now_ + 1min;
    note(extreme, now_ + 1min);
    EXPECT_EQ(stored(alert.id).state.rules, extreme.rules);
    EXPECT_TRUE(shown_since(from).empty());
}

TEST_P(StorageFiringsConformance, OfTwoExtremesTheOneThatIsKnownUntilLaterIsKept) {
    const Alert alert = add_ruled();
    StateNote recovered{alert.id, 1, 0, true, {rule_state(true, now_)}};
    recovered.rules[0].extreme = number("110");
    recovered.rules[0].extreme_until = now_ + 5min;
    note(recovered, now_ + 6min);
    StateNote slower{alert.id, 1, 0, false, {rule_state(true, now_)}};
    slower.rules[0].extreme = number("103");
    slower.rules[0].extreme_until = now_ + 1min;
    note(slower, now_ + 6min);
    EXPECT_EQ(stored(alert.id).state.rules, recovered.rules);
}

TEST_P(StorageFiringsConformance, ANoteOfBeforeANewStartIsPassedOver) {
    const Alert alert = add_ruled();
    note({alert.id, 1, 0, true, {rule_state(true, now_ - 1s)}}, now_ + 20s);
    EXPECT_TRUE(stored(alert.id).state.rules.empty());
}

// Two checkers

TEST_P(StorageFiringsConformance, TwoCheckersThatRearmAtDifferentTimesWriteOneSecondFiring) {
    const Alert alert = add_ruled();
    ASSERT_TRUE(fires(ruled(alert.id, 1, now_ + 5s)));             // A
    note(armed_note(alert.id, 1, now_ + 30s), now_ + 30s);         // B
    EXPECT_TRUE(fires(ruled(alert.id, 2, now_ + 40s, "100.1")));   // B
    EXPECT_FALSE(fires(ruled(alert.id, 2, now_ + 41s, "100.2")));  // A
    EXPECT_EQ(deliveries_of(alert.id).size(), 2U);
}

TEST_P(StorageFiringsConformance, ACheckerThatWasAwayIsPassedOverAndFindsTheRow) {
    const Alert alert = add_ruled();
    ASSERT_TRUE(fires(ruled(alert.id, 1, now_ + 5s)));
    EXPECT_FALSE(fires(ruled(alert.id, 1, now_ + 40s)));
    const AlertState state = storage_->active_alert(alert.id).value().ruled->state;
    EXPECT_EQ(state.firings, 1);
    EXPECT_FALSE(state.rules.at(0).armed);
    EXPECT_EQ(state.muted_until, now_ + 15s);
}

TEST_P(StorageFiringsConformance, ManyCheckersAtOnceWriteEachFiringOnce) {
    std::vector<Uuid> ids;
    for (int i = 1; i <= 40; ++i) ids.push_back(add_ruled(repeating(std::to_string(i))).id);
    std::atomic<std::size_t> written = 0;
    at_once(4, [&](int) {
        for (int k = 1; k <= 3; ++k) {
            FiringGroup g = group_at(now_ + k * 1min);
            for (const Uuid& id : ids) g.ruled.push_back(ruled(id, k, now_ + k * 1min));
            written += storage_->fire(std::vector{g}).size();
        }
    });
    EXPECT_EQ(written, ids.size() * 3);
    for (const Uuid& id : ids) {
        const auto all = storage_->firings(user_, id, 10);
        ASSERT_EQ(all.size(), 3U);
        for (int k = 3; k >= 1; --k) EXPECT_EQ(all[static_cast<std::size_t>(3 - k)].said.number, k);
    }
}

// Batches

TEST_P(StorageFiringsConformance, SeveralStepsOfOneAlertInOneBatchAreWrittenInTheirOrder) {
    const Alert alert = add_ruled(repeating("100", 3));
    std::vector<FiringGroup> groups;
    for (int k = 1; k <= 4; ++k) {
        FiringGroup fired = group_at(now_ + k * 1min);
        fired.ruled.push_back(ruled(alert.id, k, now_ + k * 1min, std::to_string(100 + k)));
        groups.push_back(fired);
        FiringGroup armed = group_at(now_ + k * 1min + 30s, "98");
        armed.notes.push_back(armed_note(alert.id, k, now_ + k * 1min + 30s));
        groups.push_back(armed);
    }
    EXPECT_EQ(storage_->fire(groups).size(), 3U) << "the third is the last";
    const auto all = storage_->firings(user_, alert.id, 10);
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all[0].price, number("103"));
    EXPECT_EQ(all[2].price, number("101"));
    EXPECT_FALSE(stored(alert.id).is_active);
    EXPECT_EQ(storage_->fire(groups).size(), 0U) << "an attempt whose answer was lost";
}

TEST_P(StorageFiringsConformance, PlainAlertsAndAlertsWithTermsFireTogether) {
    const Alert plain = add_alert();
    const Alert with_terms = add_ruled();
    FiringGroup g = group({plain.id});
    g.ruled.push_back(ruled(with_terms.id, 1, now_ + 5s));
    // Neither takes what is the other's.
    g.firings.push_back({with_terms.id, make_uuid(now_)});
    g.ruled.push_back(ruled(plain.id, 1, now_ + 5s));
    const auto tasks = storage_->fire(std::vector{g});
    ASSERT_EQ(tasks.size(), 2U);
    EXPECT_EQ(tasks[0].delivery_id, g.firings[0].delivery_id);
    EXPECT_EQ(tasks[1].delivery_id, g.ruled[0].delivery_id);
    EXPECT_FALSE(stored(plain.id).is_active);
    EXPECT_TRUE(stored(with_terms.id).is_active);
}

TEST_P(StorageFiringsConformance, PlainAlertsOfSeveralUsersFireTogetherWithTheirBoards) {
    const std::vector<Uuid> users{user_, add_user("ben@example.com"), add_user("cat@example.com")};
    // Few are written in another way than many.
    for (const int each : {2, 50}) {
        std::vector<FiringGroup> groups{group({}), group({}, "102.5")};
        groups[0].board = "[1]";
        groups[1].board = fmt::format("[{}]", each);
        std::map<Uuid, Uuid> user_of;  // by alert
        for (const Uuid& user : users) {
            for (int i = 1; i <= each; ++i) {
                Alert alert = new_alert(std::to_string(i));
                alert.user_id = user;
                groups[static_cast<std::size_t>(i % 2)].firings.push_back({add(alert).id, make_uuid(now_)});
                user_of.emplace(alert.id, user);
            }
        }
        const auto tasks = storage_->fire(groups);
        ASSERT_EQ(tasks.size(), user_of.size());
        std::size_t at = 0;
        for (const FiringGroup& g : groups) {
            for (const Firing& f : g.firings) {
                EXPECT_EQ(tasks[at].delivery_id, f.delivery_id);
                EXPECT_EQ(tasks[at++].user_id, user_of.at(f.alert_id));
                const auto fired = storage_->firings(user_of.at(f.alert_id), f.alert_id, 10);
                ASSERT_EQ(fired.size(), 1U);
                EXPECT_EQ(fired[0].delivery_id, f.delivery_id);
                EXPECT_EQ(fired[0].price, g.price.value);
                EXPECT_EQ(fired[0].board, g.board);
            }
        }
        EXPECT_TRUE(storage_->fire(groups).empty());
        for (const Uuid& user : users) {
            Alert first = new_alert("9998"), second = new_alert("9999");
            first.user_id = second.user_id = user;
            EXPECT_TRUE(storage_->create_alert(first, 1)) << "none counts any more";
            EXPECT_FALSE(storage_->create_alert(second, 1));
            EXPECT_TRUE(storage_->delete_alert(user, first.id));
        }
    }
}

TEST_P(StorageFiringsConformance, ThousandsFireAtOnePrice) {
    std::vector<Alert> alerts;
    for (int i = 1; i <= 3000; ++i) alerts.push_back(new_ruled(repeating(std::to_string(i), 1 + i % 2)));
    for (std::size_t from = 0; from < alerts.size(); from += 1000)
        storage_->create_alerts(std::span(alerts).subspan(from, 1000), 10'000);
    FiringGroup g = group_at(now_ + 5s);
    for (const Alert& alert : alerts) g.ruled.push_back(ruled(alert.id, 1, now_ + 5s));
    EXPECT_EQ(storage_->fire(std::vector{g}).size(), 3000U);
    EXPECT_EQ(active().size(), 1500U);
    EXPECT_FALSE(storage_->create_alert(new_alert("9999"), 1500));
    EXPECT_TRUE(storage_->create_alert(new_alert("9999"), 1501)) << "the count is right";
}

// What is kept of firings

TEST_P(StorageFiringsConformance, ListsFiringsNewestFirstWithTheirBoards) {
    const Alert alert = add_ruled();
    for (int k = 1; k <= 5; ++k) {
        FiringGroup g = group_at(now_ + k * 1min);
        g.ruled.push_back(ruled(alert.id, k, now_ + k * 1min, std::to_string(100 + k)));
        g.board = fmt::format(R"([{{"source":"binance","price":{}}}])", 100 + k);
        g.board_at = now_ + k * 1min + 2ms;
        ASSERT_EQ(storage_->fire(std::vector{g}).size(), 1U);
    }
    const auto all = storage_->firings(user_, alert.id, 3);
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all[0].said.number, 5);
    EXPECT_EQ(all[0].price, number("105"));
    EXPECT_EQ(all[0].price_time, now_ + 5min);
    EXPECT_EQ(all[0].fired_at, now_ + 5min + 1ms);
    EXPECT_EQ(all[0].board, R"([{"source":"binance","price":105}])");
    EXPECT_EQ(all[0].board_at, now_ + 5min + 2ms);
    EXPECT_EQ(all[0].said.evidence, R"({"firing":5})");
    EXPECT_EQ(*all[0].said.terms, *alert.terms);
    EXPECT_FALSE(all[0].late);
    const auto rest = storage_->firings(user_, alert.id, 3, all[2].said.number);
    ASSERT_EQ(rest.size(), 2U);
    EXPECT_EQ(rest[1].said.number, 1);
    EXPECT_TRUE(storage_->firings(user_, alert.id, 3, 1).empty());
    EXPECT_TRUE(storage_->firings(make_uuid(now_), alert.id, 3).empty()) << "another user's";

    const auto listed = deliveries_of(alert.id);
    ASSERT_EQ(listed.size(), 5U);
    ASSERT_TRUE(listed[0].firing);
    EXPECT_EQ(listed[0].firing->said.number, 5);
    EXPECT_EQ(listed[0].firing->board, all[0].board);
    EXPECT_EQ(listed[0].kind, DeliveryKind::alert);
    EXPECT_EQ(storage_->deliveries(user_, {.alert_id = alert.id, .limit = 2, .before = listed[1].id}).size(),
              2U);
}

TEST_P(StorageFiringsConformance, APlainFiringIsListedWithItsBoard) {
    const Alert alert = add_alert();
    EXPECT_TRUE(storage_->firings(user_, alert.id, 10).empty());
    FiringGroup g = group({alert.id});
    g.board = "[]";
    g.board_at = now_ + 2ms;
    storage_->fire(std::vector{g});
    const auto all = storage_->firings(user_, alert.id, 10);
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].delivery_id, g.firings[0].delivery_id);
    EXPECT_EQ(all[0].said.number, 1);
    EXPECT_FALSE(all[0].said.terms);
    EXPECT_EQ(all[0].said.level, number("100"));
    EXPECT_EQ(all[0].price, number("101.5"));
    EXPECT_EQ(all[0].price_time, now_);
    EXPECT_EQ(all[0].board, "[]");
    EXPECT_TRUE(storage_->firings(user_, alert.id, 10, 1).empty());
}

TEST_P(StorageFiringsConformance, ATestOfAnAlertWithTermsIsATest) {
    const Alert alert = add_ruled();
    const Uuid id = make_uuid(now_);
    ASSERT_TRUE(storage_->add_test_delivery(user_, alert.id, id, number("42"), now_));
    const auto claimed = claim_all(now_);
    ASSERT_EQ(claimed.size(), 1U);
    EXPECT_EQ(claimed[0].kind, DeliveryKind::test);
    EXPECT_EQ(claimed[0].alert.triggered_price, number("42"));
    ASSERT_TRUE(claimed[0].firing);
    EXPECT_EQ(*claimed[0].firing->terms, *alert.terms);
    EXPECT_EQ(claimed[0].firing->level, number("100"));
    const DeliveryView listed = view(alert.id);
    EXPECT_EQ(listed.kind, DeliveryKind::test);
    EXPECT_FALSE(listed.firing);
    for (std::size_t i = 1; i < max_unfinished_tests; ++i)
        ASSERT_TRUE(storage_->add_test_delivery(user_, alert.id, make_uuid(now_), number("42"), now_));
    EXPECT_EQ(storage_->add_test_delivery(user_, alert.id, make_uuid(now_), number("42"), now_).error(),
              storage::TestError::too_many);
}

TEST_P(StorageFiringsConformance, PruningKeepsWhatDeliveriesNeed) {
    const Alert alert = add_ruled();
    for (int k = 1; k <= 2; ++k) {
        FiringGroup g = group_at(now_ + k * 1min);
        g.ruled.push_back(ruled(alert.id, k, now_ + k * 1min));
        g.board = "[]";
        storage_->fire(std::vector{g});
    }
    const auto claimed = claim_all(now_ + 1h);
    ASSERT_EQ(claimed.size(), 2U);
    record(outcome(claimed[1].id, 1, now_ + 1h, DeliveryState::delivered));
    ASSERT_TRUE(storage_->delete_alert(user_, alert.id));
    // The second has ended; the first still needs its alert.
    storage_->prune(now_ + 2h, 100);
    EXPECT_EQ(storage_->deliveries(user_, {}).size(), 1U);
    record(outcome(claimed[0].id, 1, now_ + 1h, DeliveryState::pending, now_ + 3h));
    ASSERT_EQ(claim_all(now_ + 3h).size(), 1U);
    record(outcome(claimed[0].id, 2, now_ + 3h, DeliveryState::delivered));
    storage_->prune(now_ + 4h, 100);
    EXPECT_TRUE(storage_->deliveries(user_, {}).empty());
    EXPECT_EQ(storage_->prune(now_ + 4h, 100), 0U);
}

INSTANTIATE_TEST_SUITE_P(Storages, StorageFiringsConformance, storages(),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pricewire::conformance
