// What every Storage does with rows of a kind, state or format that only a newer version knows: it never
// takes them for something it knows, and they do not stop the others.
#include "storage_fixture.hpp"

namespace pricewire::conformance {
namespace {

class StorageUnknownConformance : public StorageConformance {
protected:
    static std::vector<Uuid> ids_of(const auto& records) {
        std::vector<Uuid> out;
        for (const auto& record : records) out.push_back(record.id);
        return out;
    }
    // The message of the UnknownValue that `f` throws.
    template <typename F>
    static std::string refusal(F f) {
        try {
            f();
        } catch (const storage::UnknownValue& e) {
            return e.what();
        }
        return "";
    }
};

TEST_P(StorageUnknownConformance, TheSnapshotSkipsOnlyTheAlertOfAnUnknownCondition) {
    const std::vector<Uuid> known = add_alerts(2);
    const Alert unknown = add_alert("77");
    ASSERT_EQ(active().size(), 3U);  // before, so that its statement is prepared
    made_.write_unknown("alerts", "condition", unknown.id);
    const auto loaded = ids_of(active());
    EXPECT_EQ(std::set(loaded.begin(), loaded.end()), std::set(known.begin(), known.end()));
    EXPECT_EQ(skipped(), std::vector<std::string>{"load_active_alerts"});
}

TEST_P(StorageUnknownConformance, ReadingAnAlertOfAnUnknownConditionThrowsAndNamesTheRow) {
    const Alert alert = add_alert();
    ASSERT_TRUE(storage_->alert(user_, alert.id));
    made_.write_unknown("alerts", "condition", alert.id);
    const std::string said = refusal([&] { storage_->alert(user_, alert.id); });
    for (const std::string& part :
         {std::string("alerts.condition"), std::string("'brand_new'"), alert.id.to_string()})
        EXPECT_NE(said.find(part), std::string::npos) << said;
    EXPECT_NE(refusal([&] { storage_->delete_alert(user_, alert.id); }), "");
    EXPECT_NE(refusal([&] { storage_->delete_user(user_, now_); }), "");
    EXPECT_TRUE(storage_->user_by_email("ann@example.com")) << "nothing of the call was committed";
}

TEST_P(StorageUnknownConformance, AnUnknownFormatThrowsAsWell) {
    const Alert alert = add_alert();
    made_.write_unknown("alerts", "format", alert.id);
    EXPECT_NE(refusal([&] { storage_->alert(user_, alert.id); }).find("alerts.format"), std::string::npos);
    EXPECT_EQ(active().size(), 1U) << "it can be matched, only not shown or sent";
}

TEST_P(StorageUnknownConformance, ListingsSkipItAndStillFillTheirPage) {
    const std::vector<Uuid> alerts = add_alerts(5);
    made_.write_unknown("alerts", "condition", alerts[3]);
    EXPECT_EQ(ids_of(storage_->alerts(user_, {.limit = 3})),
              (std::vector<Uuid>{alerts[4], alerts[2], alerts[1]}));
    EXPECT_EQ(ids_of(storage_->alerts(user_, {.limit = 3, .before = alerts[1]})), std::vector{alerts[0]});
    for (const std::size_t i : {2U, 4U}) made_.write_unknown("alerts", "condition", alerts[i]);
    EXPECT_EQ(ids_of(storage_->alerts(user_, {.limit = 1})), std::vector{alerts[1]}) << "behind three";
    std::vector<Uuid> deliveries;
    for (int i = 0; i < 3; ++i) deliveries.push_back(pending());
    made_.write_unknown("deliveries", "state", deliveries[1]);
    EXPECT_EQ(ids_of(storage_->deliveries(user_, {.limit = 2})),
              (std::vector<Uuid>{deliveries[2], deliveries[0]}));
    EXPECT_NE(refusal([&] { storage_->delivery(user_, deliveries[1]); }).find("deliveries.state"),
              std::string::npos);
    EXPECT_NE(refusal([&] { (void)storage_->retry_delivery(user_, deliveries[1], now_); }), "");
    EXPECT_NE(refusal([&] { (void)storage_->cancel_delivery(user_, deliveries[1], now_); }), "");
}

TEST_P(StorageUnknownConformance, ADeliveryOfAnUnknownKindIsNotSentAndDoesNotStopTheOthers) {
    const Uuid unknown = pending();
    const Uuid known = pending();
    made_.write_unknown("deliveries", "kind", unknown);
    EXPECT_EQ(ids_of(storage_->claim_due(now_, 10, {"sender-1", now_ + lease_})), std::vector{known});
    EXPECT_EQ(storage_->next_due(), now_ + lease_) << "it is left alone until its lease expires";
    EXPECT_TRUE(claim(unknown, 1, now_ + lease_).empty());
    EXPECT_EQ(skipped(), (std::vector<std::string>{"claim_due", "claim"}));
}

TEST_P(StorageUnknownConformance, DeletingAnAlertOfAnUnknownKindFailsAndRaisesNothing) {
    const Alert first = add_alert("1");
    const Alert second = add_alert("2");
    const std::vector<std::string> expected{shown(AlertChange::Kind::created, first.id),
                                            shown(AlertChange::Kind::created, second.id)};
    EXPECT_EQ(changes(), expected);
    made_.write_unknown("alerts", "condition", second.id);
    EXPECT_NE(refusal([&] { storage_->delete_alert(user_, second.id); }), "");
    EXPECT_EQ(changes(), expected);
}

INSTANTIATE_TEST_SUITE_P(Storages, StorageUnknownConformance, storages(),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pricewire::conformance
