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
        storage::ClaimOnFiring on_firing{offer.value().claim};
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

class DispatcherComingTest : public DispatcherOfferTest {
protected:
    // Writes one firing under an offer; its request is made ready before that is known to be committed.
    void come() {
        const FiringGroup g = storage_.add_alerts(
            1, {.user_id = user_, .webhook_url = "https://example.com/hook", .created_at = clock_.now()});
        storage::ClaimOnFiring on_firing{dispatcher_->offer().value().claim};
        id_ = storage_.fire({&g, 1}, &on_firing).at(0).delivery_id;
        claimed_ = on_firing.claimed;
        until_ = on_firing.claim.lease_until;
        launch_ = std::make_shared<Launch>(clock_.mono());
        dispatcher_->on_coming(claimed_, until_, launch_);
        settle();
        EXPECT_EQ(client_->seen().size(), 0U) << "it is not committed";
    }
    void commit() { dispatcher_->on_claimed(claimed_, until_); }

    Uuid id_;
    std::vector<ClaimedDelivery> claimed_;
    Timestamp until_;
    std::shared_ptr<Launch> launch_;
};

TEST_F(DispatcherComingTest, ARequestStartsAtTheCommitWithoutTheDispatcher) {
    int notices = 0;
    SenderOptions options;
    options.changed = [&](auto) { ++notices; };
    start(options);
    settle();
    come();
    EXPECT_EQ(notices, 0);
    EXPECT_TRUE(launch_->go(clock_.mono()));
    ASSERT_EQ(client_->open(), 1U);
    commit();
    settle();
    EXPECT_EQ(notices, 1);
    EXPECT_EQ(client_->seen().size(), 1U) << "once";
    client_->answer(0, fakes::http_status(200));
    settle();
    EXPECT_EQ(state(id_), "delivered 1:200");
}

TEST_F(DispatcherComingTest, AnAnswerMayComeBeforeTheCommitIsHeardOf) {
    start();
    settle();
    come();
    EXPECT_TRUE(launch_->go(clock_.mono()));
    client_->answer(0, fakes::http_status(200));
    settle();
    commit();
    settle();
    EXPECT_EQ(client_->seen().size(), 1U) << "once";
    EXPECT_EQ(state(id_), "delivered 1:200");
}

TEST_F(DispatcherComingTest, WhatIsNotCommittedIsNotSentAndLeavesNothing) {
    SenderOptions options;
    options.per_endpoint = 1;
    options.attempts_by_user = access::RateLimit{1, std::chrono::hours{24}};
    start(options);
    settle();
    come();
    EXPECT_TRUE(launch_->cancel());
    dispatcher_->on_not_coming(launch_);
    settle();
    EXPECT_FALSE(launch_->go(clock_.mono()));
    EXPECT_TRUE(client_->seen().empty());
    EXPECT_EQ(dispatcher_->stats().in_flight, 0U);
    EXPECT_EQ(dispatcher_->stats().attempts, 0U);
    EXPECT_EQ(state(id_), "delivering") << "nothing is written of it";
    hint(fire(1));
    EXPECT_EQ(client_->open(), 1U) << "its endpoint's place is free, and its user's attempt";
}

TEST_F(DispatcherComingTest, WhatCannotStartAtOnceIsTreatedAsAnyOtherOnceItIsCommitted) {
    start();
    settle();
    client_->script = [](const net::HttpRequest&) {
        return fakes::http_failure(HttpError::connect, "refused");
    };
    hint(fire(10));
    pass(seconds{1});
    ASSERT_EQ(dispatcher_->stats().open_breakers, 1U);
    const std::size_t seen = client_->seen().size();
    const FiringGroup g = storage_.add_alerts(
        1, {.user_id = user_, .webhook_url = "https://example.com/hook", .created_at = clock_.now()});
    storage::ClaimOnFiring on_firing{dispatcher_->offer().value().claim};
    const auto tasks = storage_.fire({&g, 1}, &on_firing);
    const auto launch = std::make_shared<Launch>(clock_.mono());
    dispatcher_->on_coming(on_firing.claimed, on_firing.claim.lease_until, launch);
    pass(milliseconds{200});
    EXPECT_EQ(state(tasks[0].delivery_id), "delivering") << "nothing is written of it";
    EXPECT_TRUE(launch->go(clock_.mono()));
    dispatcher_->on_claimed(on_firing.claimed, on_firing.claim.lease_until);
    pass(seconds{1});
    EXPECT_EQ(state(tasks[0].delivery_id), "pending") << "deferred";
    EXPECT_EQ(client_->seen().size(), seen);
}

TEST_F(DispatcherComingTest, AnOldRequestIsMadeAgain) {
    start();
    settle();
    come();
    clock_.advance(seconds{2});
    EXPECT_FALSE(launch_->go(clock_.mono()));
    dispatcher_->on_not_coming(launch_);
    commit();
    settle();
    ASSERT_EQ(client_->open(), 1U);
    const auto now = std::chrono::floor<seconds>(clock_.now()).time_since_epoch().count();
    EXPECT_EQ(fakes::header(client_->open_request(0), "webhook-timestamp"), std::to_string(now));
}

TEST_F(DispatcherComingTest, AStopKeepsWhatIsNotCommittedFromStarting) {
    start();
    settle();
    come();
    dispatcher_->begin_stop();
    EXPECT_TRUE(dispatcher_->idle());
    EXPECT_FALSE(launch_->go(clock_.mono()));
    commit();
    settle();
    dispatcher_->finish();
    EXPECT_TRUE(client_->seen().empty());
    EXPECT_EQ(state(id_), "pending");
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

TEST_F(DispatcherOfferTest, WhatWaitsForEndpointsThatDoNotAnswerStandsInNobodysWay) {
    start();
    settle();
    client_->script = [](const net::HttpRequest& request) -> std::optional<net::HttpResult> {
        if (request.url.starts_with("https://hangs")) return std::nullopt;
        return fakes::http_status(200);
    };
    hint(fire(5, "https://hangs.example/"));
    EXPECT_FALSE(dispatcher_->offer()) << "it may answer yet";
    pass(milliseconds{500});
    EXPECT_TRUE(dispatcher_->offer());
    while (client_->open() > 0) client_->answer(0, fakes::http_failure(HttpError::timeout, "no answer"));
    settle();
    hint(fire(3, "https://hangs.example/"));
    EXPECT_GT(dispatcher_->stats().waiting, 0U);
    EXPECT_TRUE(dispatcher_->offer()) << "it is known not to answer";
    const auto tasks = fire_under_offer(1);
    pass(milliseconds{2}, milliseconds{1});
    EXPECT_EQ(state(tasks[0].delivery_id), "delivered 1:200");
}

TEST_F(DispatcherOfferTest, NothingIsOfferedWithoutADatabaseOrAtAStop) {
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

// Senders that share a database; the test plays the other one.
class DispatcherPeersOfferTest : public DispatcherOfferTest {
protected:
    void SetUp() override {
        SenderOptions options;
        options.owner = "one";
        options.alive_for = seconds{3};
        start(options);
        settle();
    }
    // As others do when it has not reported for too long.
    void bury() {
        storage_.keep_alive("other", clock_.now(), seconds{60});
        EXPECT_EQ(storage_.release_dead(clock_.now()), 1U);
    }
    std::vector<DeliveryTask> fire_under(const storage::Claim& claim, std::vector<ClaimedDelivery>& claimed) {
        const FiringGroup g = storage_.add_alerts(
            1, {.user_id = user_, .webhook_url = "https://example.com/hook", .created_at = clock_.now()});
        storage::ClaimOnFiring on_firing{claim};
        auto tasks = storage_.fire({&g, 1}, &on_firing);
        claimed = std::move(on_firing.claimed);
        return tasks;
    }
    std::vector<ClaimedDelivery> claimed_;
};

TEST_F(DispatcherPeersOfferTest, AnOfferEndsWithTheLifeThatTheSenderHasReported) {
    const auto offer = dispatcher_->offer().value();
    EXPECT_EQ(offer.until, clock_.mono() + seconds{3});
    EXPECT_EQ(offer.claim.owner, "one");
    pass(seconds{2});
    EXPECT_GT(dispatcher_->offer().value().until, offer.until);
    storage_.fail();
    pass(seconds{4});
    EXPECT_FALSE(dispatcher_->offer()) << "it is dead to the others";
    storage_.heal();
    pass(seconds{10});
    EXPECT_TRUE(dispatcher_->offer());
}

TEST_F(DispatcherPeersOfferTest, WhatOthersHaveTakenOverMeanwhileStaysTheirs) {
    const auto offer = dispatcher_->offer().value();
    const auto tasks = fire_under(offer.claim, claimed_);
    clock_.advance(seconds{4});
    bury();
    ASSERT_EQ(storage_.claim(tasks, clock_.now(), {"other", clock_.now() + seconds{35}}).size(), 1U);
    dispatcher_->on_claimed(claimed_, offer.claim.lease_until);
    pass(seconds{10});
    EXPECT_TRUE(client_->seen().empty());
    EXPECT_EQ(state(tasks[0].delivery_id), "delivering");
}

TEST_F(DispatcherPeersOfferTest, WhatWasClaimedInAnEarlierLifeIsClaimedAnew) {
    // In turn, the firing commits before the sender reports again, and after.
    for (const bool before : {true, false}) {
        const auto offer = dispatcher_->offer().value();
        std::vector<DeliveryTask> tasks;
        if (before) tasks = fire_under(offer.claim, claimed_);
        clock_.advance(seconds{4});
        settle();  // it reports, and gives back what it held
        if (!before) tasks = fire_under(offer.claim, claimed_);
        dispatcher_->on_claimed(claimed_, offer.claim.lease_until);
        EXPECT_FALSE(dispatcher_->offer()) << "it comes first";
        pass(seconds{2});
        ASSERT_EQ(client_->open(), 1U);
        client_->answer(0, fakes::http_status(200));
        settle();
        EXPECT_EQ(state(tasks[0].delivery_id), "delivered 1:200");
    }
}

TEST_F(DispatcherPeersOfferTest, WhatEndsBeforeItsCommitIsHeardOfIsForgottenThenWhateverTheSenderCounts) {
    // In turn, the answer comes before the dead sender hears of the commit, and after.
    for (const bool before : {true, false}) {
        const auto offer = dispatcher_->offer().value();
        const auto tasks = fire_under(offer.claim, claimed_);
        const auto launch = std::make_shared<Launch>(clock_.mono());
        dispatcher_->on_coming(claimed_, offer.claim.lease_until, launch);
        EXPECT_TRUE(launch->go(clock_.mono()));
        ASSERT_EQ(client_->open(), 1U);
        const auto answer = [&] {
            client_->answer(0, fakes::http_status(200));
            for (CompletedAttempt& c : std::exchange(ended_, {})) dispatcher_->on_completed(std::move(c));
        };
        clock_.advance(seconds{4});
        if (before) answer();
        EXPECT_EQ(dispatcher_->stats().ended_early, before ? 1U : 0U);
        dispatcher_->on_claimed(claimed_, offer.claim.lease_until);
        if (!before) answer();
        EXPECT_EQ(dispatcher_->stats().ended_early, 0U);
        pass(seconds{5});
        EXPECT_EQ(state(tasks[0].delivery_id), "delivered 1:200");
    }
}

TEST_F(DispatcherPeersOfferTest, WhatArrivesWhileItIsDeadIsGivenBackAndClaimedAnew) {
    const auto offer = dispatcher_->offer().value();
    const auto tasks = fire_under(offer.claim, claimed_);
    clock_.advance(seconds{4});
    dispatcher_->on_claimed(claimed_, offer.claim.lease_until);
    EXPECT_EQ(client_->open(), 0U);
    pass(seconds{2});
    EXPECT_EQ(client_->open(), 1U);
    EXPECT_EQ(client_->seen().size(), 1U);
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
    storage::ClaimOnFiring on_firing{dispatcher_->offer().value().claim};
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
