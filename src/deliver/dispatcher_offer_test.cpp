#include "deliver/dispatcher_fixture.hpp"

// Deliveries that their firing has claimed.
namespace pricewire::deliver {
namespace {

class DispatcherOfferTest : public DispatcherTest {
protected:
    // Fires alerts under the offer, if there is one, and hands over what was claimed.
    std::vector<DeliveryTask> fire_under_offer(int count) {
        const FiringGroup g = storage_.add_alerts(
            count, {.user_id = user_, .webhook_url = "https://example.com/hook", .created_at = clock_.now()});
        const auto offer = dispatcher_->offer();
        EXPECT_TRUE(offer);
        storage::ClaimOnFiring on_firing{offer.value()};
        auto tasks = storage_.fire({&g, 1}, &on_firing);
        dispatcher_->on_claimed(std::move(on_firing.claimed), on_firing.claim.lease_until);
        return tasks;
    }
    std::vector<queue::QueuedTask> queued(const std::vector<DeliveryTask>& tasks) {
        std::vector<queue::QueuedTask> out;
        for (const DeliveryTask& task : tasks) out.push_back({task});
        return out;
    }
};

TEST_F(DispatcherOfferTest, ADeliveryThatItsFiringHasClaimedIsSentWithoutAnotherClaim) {
    std::vector<DeliveryNotice> notices;
    SenderOptions options;
    options.changed = [&](auto changed) { notices.assign(changed.begin(), changed.end()); };
    start(options);
    settle();
    const int claims = storage_.calls("claim") + storage_.calls("claim_due");
    const auto tasks = fire_under_offer(1);
    EXPECT_EQ(notices, (std::vector{DeliveryNotice{user_, tasks[0].delivery_id}}));
    settle();
    ASSERT_EQ(client_->open(), 1U);
    const net::HttpRequest request = client_->open_request(0);
    EXPECT_EQ(fakes::header(request, "webhook-id"), tasks[0].delivery_id.to_string());
    client_->answer(0, fakes::http_status(200));
    settle();
    EXPECT_EQ(state(tasks[0].delivery_id), "delivered 1:200");
    EXPECT_EQ(storage_.calls("claim") + storage_.calls("claim_due"), claims);
}

TEST_F(DispatcherOfferTest, NothingIsOfferedWhileEarlierDeliveriesWait) {
    SenderOptions options;
    options.per_endpoint = 1;
    start(options);
    EXPECT_FALSE(dispatcher_->offer()) << "what an earlier process left behind comes first";
    settle();
    EXPECT_TRUE(dispatcher_->offer());
    dispatcher_->on_tasks(queued(fire(2)), true);
    EXPECT_FALSE(dispatcher_->offer()) << "they are not claimed yet";
    settle();
    EXPECT_EQ(client_->open(), 1U);
    EXPECT_FALSE(dispatcher_->offer()) << "one waits for the other";
    client_->answer(0, fakes::http_status(200));
    settle();
    EXPECT_TRUE(dispatcher_->offer());
    dispatcher_->on_tasks({}, false);
    EXPECT_FALSE(dispatcher_->offer()) << "the database may have some that the queue has dropped";
}

TEST_F(DispatcherOfferTest, NothingIsOfferedWithOtherSendersOrWithoutADatabaseOrAtAStop) {
    SenderOptions options;
    options.alive_for = seconds{3};
    start(options);
    settle();
    EXPECT_FALSE(dispatcher_->offer()) << "others may take its claims over";

    start();
    settle();
    hint(fire(1));
    storage_.fail();
    client_->answer(0, fakes::http_status(200));
    settle();
    EXPECT_FALSE(dispatcher_->offer());
    storage_.heal();
    pass(seconds{10});
    EXPECT_TRUE(dispatcher_->offer());
    dispatcher_->begin_stop();
    EXPECT_FALSE(dispatcher_->offer());
}

TEST_F(DispatcherOfferTest, WithoutRoomItIsDeferred) {
    start();
    settle();
    client_->script = [](const net::HttpRequest&) {
        return fakes::http_failure(HttpError::connect, "refused");
    };
    hint(fire(10));
    pass(seconds{1});
    ASSERT_EQ(dispatcher_->stats().open_breakers, 1U);
    const auto tasks = fire_under_offer(1);
    pass(seconds{1});
    EXPECT_EQ(state(tasks[0].delivery_id), "pending");
    EXPECT_EQ(client_->open(), 0U);
}

TEST_F(DispatcherOfferTest, WhatArrivesDuringAStopIsGivenBack) {
    start();
    settle();
    const FiringGroup g = storage_.add_alerts(
        1, {.user_id = user_, .webhook_url = "https://example.com/hook", .created_at = clock_.now()});
    storage::ClaimOnFiring on_firing{dispatcher_->offer().value()};
    const auto tasks = storage_.fire({&g, 1}, &on_firing);
    EXPECT_EQ(state(tasks[0].delivery_id), "delivering");
    dispatcher_->begin_stop();
    dispatcher_->on_claimed(std::move(on_firing.claimed), on_firing.claim.lease_until);
    settle();
    EXPECT_EQ(client_->open(), 0U);
    dispatcher_->finish();
    EXPECT_EQ(state(tasks[0].delivery_id), "pending");
}

}  // namespace
}  // namespace pricewire::deliver
