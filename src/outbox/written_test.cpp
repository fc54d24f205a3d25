#include "outbox/written.hpp"

#include <gtest/gtest.h>

#include "fakes/log_capture.hpp"
#include "outbox/firing_log.hpp"

namespace pricewire::outbox {
namespace {

const Timestamp now{std::chrono::seconds{1'700'000'000}};

RuledFiring ruled(std::int64_t number, int value) {
    RuledFiring out;
    out.alert_id = make_uuid(now);
    out.delivery_id = make_uuid(now);
    out.number = number;
    out.value = Decimal::from_int(value);
    return out;
}

FiringGroup group() {
    FiringGroup out{.price = {"BTC", Decimal::from_int(101), now, 1}, .fired_at = now, .firings = {}};
    out.firings = {{make_uuid(now), make_uuid(now)}};
    out.ruled = {ruled(3, 101), ruled(4, 102)};
    out.notes.resize(2);
    out.expiries.resize(2);
    out.expiries[0].delivery_id = make_uuid(now);
    return out;
}

TEST(Written, HasTheDeliveriesThatAreAmongTheTasks) {
    std::vector<FiringGroup> groups{group()};
    EXPECT_EQ(steps_in(groups[0]), 7U);
    groups[0].expiries.clear();
    std::vector<DeliveryTask> tasks{{groups[0].firings[0].delivery_id},
                                    {groups[0].ruled[0].delivery_id},
                                    {groups[0].ruled[1].delivery_id}};
    EXPECT_TRUE(Written(groups, tasks).is_all());
    tasks.erase(tasks.begin() + 1);
    const Written some(groups, tasks);
    EXPECT_FALSE(some.is_all());
    EXPECT_TRUE(some.has(groups[0].firings[0].delivery_id));
    EXPECT_FALSE(some.has(groups[0].ruled[0].delivery_id));
}

TEST(Written, PushesAreNoFirings) {
    std::vector<FiringGroup> groups{group()};
    groups[0].expiries.clear();
    groups[0].ruled.pop_back();
    std::vector<DeliveryTask> tasks{{groups[0].firings[0].delivery_id},
                                    {groups[0].ruled[0].delivery_id},
                                    {.delivery_id = make_uuid(now), .push = true}};
    EXPECT_TRUE(Written(groups, tasks).is_all());
    EXPECT_EQ(webhooks_of(tasks).size(), 2U);
    tasks.erase(tasks.begin());
    EXPECT_FALSE(Written(groups, tasks).is_all()) << "though as many were written";
}

TEST(Written, TheDeliveryOfAnExpiryIsNotTakenForAFiring) {
    const std::vector<FiringGroup> groups{group()};
    const std::vector<DeliveryTask> tasks{{groups[0].firings[0].delivery_id},
                                          {groups[0].ruled[0].delivery_id},
                                          {*groups[0].expiries[0].delivery_id}};
    EXPECT_FALSE(Written(groups, tasks).has(groups[0].ruled[1].delivery_id));
}

TEST(FiringLog, NamesTheFiringOfAnAlertWithTermsAndItsOwnValue) {
    fakes::LogCapture log;
    const std::vector<FiringGroup> groups{group()};
    const RuledFiring& firing = groups[0].ruled[1];
    FiringLog().written(groups, std::vector<DeliveryTask>{{firing.delivery_id}});
    EXPECT_EQ(log.lines(),
              std::vector<std::string>{"info alert fired alert_id=" + firing.alert_id.to_string() +
                                       " delivery_id=" + firing.delivery_id.to_string() +
                                       " ticker=BTC price=102 firing=4"});
}

}  // namespace
}  // namespace pricewire::outbox
