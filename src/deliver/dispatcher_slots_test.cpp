// Senders that divide users; the others are played by the test.
#include <algorithm>

#include "deliver/dispatcher_fixture.hpp"

namespace pricewire::deliver {
namespace {

class DispatcherSlotsTest : public DispatcherTest {
protected:
    // "one" among these senders, of which each is settled; the user is its own or another's.
    void charge(const std::vector<std::string>& senders, bool owned, bool others_settled = true) {
        auto next = std::make_shared<Charge>();
        next->self = "one";
        next->owned.set();
        next->owned.set(user_slot(user_), owned);
        for (const std::string& sender : senders) {
            next->view += sender + " ";
            if (sender == next->self) continue;
            next->others.push_back({.life = sender, .is_settled = others_settled, .owned = {}});
            if (next->others.size() == 1) next->others[0].owned.set(user_slot(user_), !owned);
        }
        next->until = clock_.mono() + lasts_;
        charge_ = std::move(next);
    }
    void begin(std::size_t per_endpoint = 4) {
        SenderOptions options;
        options.owner = "one";
        options.alive_for = seconds{3};
        options.per_endpoint = per_endpoint;
        options.charge = [this] { return charge_; };
        options.settled_by = [this](const std::string& view) { settled_by_ = view; };
        start(options);
        settle();
    }
    void answer_all() {
        while (client_->open() > 0) {
            net::HttpResult answer = fakes::http_status(200);
            answer.duration = milliseconds{40};
            client_->answer(0, answer);
        }
        settle();
    }
    void answer_until_nothing_is_open() {
        while (client_->open() > 0) answer_all();
    }
    // Another user in the slot of the fixture's.
    Uuid neighbour() {
        NewUser user{{make_uuid(clock_.now()), "b@example.com", true, clock_.now()}, {}, {}};
        user.user.id.bytes.back() = user_.bytes.back();
        user.webhook_secret = secrets_.seal(secret, user.user.id.to_string());
        user.api_key_hash.fill(1);
        EXPECT_TRUE(storage_.create_user(user));
        return user.user.id;
    }
    std::size_t delivered_to(const Uuid& user) {
        return storage_.deliveries(user, {.state = DeliveryState::delivered, .limit = 1000}).size();
    }
    // The most under way at a time while that passes.
    std::size_t most_open(Duration d) {
        std::size_t most = 0;
        for (Duration gone{}; gone < d; gone += milliseconds{100}) {
            if (storage_.count(DeliveryState::pending) == 0) hint(fire(20));
            most = std::max(most, client_->open());
            answer_all();
            pass(milliseconds{100});
        }
        return most;
    }

    Duration lasts_ = std::chrono::hours{1};
    std::shared_ptr<const Charge> charge_;
    std::string settled_by_;
};

TEST_F(DispatcherSlotsTest, TasksOfAUserWhoHasEnoughAreKept) {
    charge({"one"}, true);
    begin();
    const int asked = storage_.calls("claim_due");
    hint(fire(1000));
    answer_until_nothing_is_open();
    EXPECT_EQ(storage_.count(DeliveryState::delivered), 1000U);
    EXPECT_EQ(storage_.calls("claim"), 5) << "none was for nothing";
    EXPECT_EQ(storage_.calls("claim_due"), asked);
    EXPECT_EQ(dispatcher_->take_done().size(), 1000U);
}

TEST_F(DispatcherSlotsTest, AUserInTheSlotOfOneWhoHasEnoughIsServedAtOnce) {
    charge({"one"}, true);
    begin();
    const Uuid other = neighbour();
    hint(fire(1000));
    ASSERT_LT(storage_.count(DeliveryState::delivering), 500U);
    hint(fire_as(other, 1, "https://other.example.com/hook"));
    answer_all();
    EXPECT_EQ(delivered_to(other), 1U);
}

TEST_F(DispatcherSlotsTest, WhatHasNoTasksIsCaughtUpWithThoughTasksOfOthersWait) {
    charge({"one"}, true);
    begin();
    const Uuid other = neighbour();
    fire_as(other, 600, "https://other.example.com/hook");
    hint(fire(2000));
    dispatcher_->on_tasks({}, false);
    settle();
    while (client_->open() > 0 && storage_.count(DeliveryState::delivered) < 1400) answer_all();
    EXPECT_GE(delivered_to(other), 500U);
}

TEST_F(DispatcherSlotsTest, WhileTasksWaitTheDatabaseHasItsTurnFiveTimesASecond) {
    charge({"one"}, true);
    begin();
    fire(1000);
    const auto tasks = fire(1000);
    clock_.advance(seconds{1});
    const int asked = storage_.calls("claim_due");
    hint(tasks);
    while (storage_.count(DeliveryState::delivered) < 800) answer_all();
    EXPECT_EQ(storage_.calls("claim_due"), asked + 1);
    pass(milliseconds{200});
    answer_all();
    EXPECT_EQ(storage_.calls("claim_due"), asked + 2);
    answer_until_nothing_is_open();
    EXPECT_EQ(storage_.count(DeliveryState::delivered), 2000U) << "without tasks it is asked at once";
}

TEST_F(DispatcherSlotsTest, TasksThatWaitAreHandedOnOnceAnotherIsInCharge) {
    charge({"one"}, true);
    begin();
    hint(fire(1000));
    EXPECT_EQ(dispatcher_->take_done().size(), 1000U) << "the queue has more for others behind them";
    EXPECT_LT(storage_.count(DeliveryState::delivering), 500U);
    charge({"one", "two"}, false);
    answer_all();
    EXPECT_GT(dispatcher_->take_foreign().size(), 500U);
}

TEST_F(DispatcherSlotsTest, WhatIsAnothersIsNotClaimedAndItsTasksAreHandedOn) {
    charge({"one", "two"}, false);
    begin();
    std::vector<queue::QueuedTask> tasks;
    const std::uint8_t slot = user_slot(user_);
    for (const DeliveryTask& task : fire(3))
        tasks.push_back({.task = task, .receipt = ++last_receipt_, .slot = slot});
    tasks[1].directed = true;
    tasks[2].slot.reset();
    dispatcher_->on_tasks(tasks, true);
    pass(seconds{3});
    EXPECT_EQ(storage_.count(DeliveryState::pending), 3U);
    EXPECT_EQ(storage_.calls("claim_due"), 0) << "what is due is another's";
    const auto foreign = dispatcher_->take_foreign();
    ASSERT_EQ(foreign.size(), 1U)
        << "neither is one sent around that was meant for it, nor one whose user is not known";
    EXPECT_EQ(foreign[0].task.delivery_id, tasks[0].task.delivery_id);
    EXPECT_EQ(dispatcher_->take_done().size(), 3U);
    EXPECT_EQ(settled_by_, "one two ");
    EXPECT_FALSE(dispatcher_->offer()) << "the firing's user may be another's";
}

TEST_F(DispatcherSlotsTest, OneThatIsInChargeOfNothingClaimsNothing) {
    charge({"one", "two"}, false);
    auto none = std::make_shared<Charge>(*charge_);
    none->owned.reset();
    charge_ = none;
    begin();
    for (const DeliveryTask& task : fire(3)) {
        const queue::QueuedTask queued{.task = task, .receipt = ++last_receipt_};
        dispatcher_->on_tasks({&queued, 1}, true);
    }
    pass(seconds{3});
    EXPECT_EQ(storage_.calls("claim_due") + storage_.calls("claim"), 0);
    EXPECT_EQ(storage_.count(DeliveryState::pending), 3U);
    EXPECT_EQ(dispatcher_->take_done().size(), 3U);
    charge({"one"}, true);
    pass(seconds{1});
    for (int one_at_a_time = 0; one_at_a_time < 3; ++one_at_a_time) answer_all();
    EXPECT_EQ(storage_.count(DeliveryState::delivered), 3U);
}

TEST_F(DispatcherSlotsTest, TasksThatWaitToBeClaimedAreHandedOnWhenTheirUserGoesToAnother) {
    charge({"one"}, true);
    begin();
    std::vector<queue::QueuedTask> tasks;
    for (const DeliveryTask& task : fire(3))
        tasks.push_back({.task = task, .receipt = ++last_receipt_, .slot = user_slot(user_)});
    dispatcher_->on_tasks(tasks, true);
    charge({"one", "two"}, false);
    settle();
    EXPECT_EQ(dispatcher_->take_foreign().size(), 3U);
    EXPECT_EQ(dispatcher_->take_done().size(), 3U);
}

// The firing began when this sender was in charge of all.
TEST_F(DispatcherSlotsTest, WhatComesClaimedForAUserWhoHasGoneToAnotherIsNotBegun) {
    charge({"one"}, true);
    begin();
    const auto tasks = fire(1);
    const Timestamp lease_until = clock_.now() + seconds{60};
    const auto claimed = storage_.claim(tasks, clock_.now(), {"one", lease_until, {}, {}});
    ASSERT_EQ(claimed.size(), 1U);
    charge({"one", "two"}, false);
    settle();
    const auto launch = std::make_shared<Launch>(clock_.mono());
    dispatcher_->on_coming(claimed, lease_until, launch);
    launch->go(clock_.mono());
    EXPECT_EQ(client_->open(), 0U);
    dispatcher_->on_claimed(claimed, lease_until);
    pass(milliseconds{100});
    EXPECT_EQ(client_->seen().size(), 0U);
    EXPECT_EQ(storage_.count(DeliveryState::pending), 1U) << "another may claim it";
}

TEST_F(DispatcherSlotsTest, WhatWaitsIsGivenBackAndWhatIsUnderWayEndsHere) {
    charge({"one"}, true);
    begin();
    hint(fire(6));
    const std::size_t begun = client_->open();
    ASSERT_GT(begun, 0U);
    ASSERT_LT(begun, 6U);
    charge({"one", "two"}, false);
    pass(milliseconds{300});
    EXPECT_EQ(storage_.count(DeliveryState::pending), 6 - begun) << "another may claim them";
    EXPECT_LE(storage_.next_due(), clock_.now()) << "at once";
    EXPECT_EQ(settled_by_, "one ") << "its attempts have not ended";
    answer_all();
    EXPECT_EQ(settled_by_, "one two ");
    pass(seconds{3});
    EXPECT_EQ(client_->seen().size(), begun);
    EXPECT_EQ(storage_.count(DeliveryState::delivered), begun);
}

TEST_F(DispatcherSlotsTest, WhatIsGainedHasOneAttemptAtATimeUntilAllAreSettled) {
    charge({"one", "two"}, false);
    begin();
    pass(seconds{6});
    hint(fire(20));
    charge({"one", "two", "three"}, true, false);
    EXPECT_EQ(most_open(seconds{8}), 1U);
    charge({"one", "two", "three"}, true);
    EXPECT_EQ(most_open(seconds{8}), 4U);
}

TEST_F(DispatcherSlotsTest, WhatWaitsBesideAnAttemptThatHangsIsBegunOnceItIsSureToBeAlone) {
    charge({"one"}, true);
    auto unsure = std::make_shared<Charge>(*charge_);
    unsure->is_sure = false;
    charge_ = unsure;
    begin();
    hint(fire(6));
    EXPECT_EQ(client_->open(), 1U);
    charge({"one"}, true);
    pass(seconds{1});
    EXPECT_GT(client_->open(), 1U);
}

TEST_F(DispatcherSlotsTest, WhatADeadOneHadHasOneAttemptAtATimeUntilTheTimeoutHasPassed) {
    charge({"one", "two"}, false);
    begin();
    pass(seconds{6});
    charge({"one"}, true);
    EXPECT_EQ(most_open(milliseconds{4900}), 1U);
    EXPECT_EQ(most_open(seconds{8}), 4U);
}

TEST_F(DispatcherSlotsTest, AtTheEndOfItsLeaseItStartsNothing) {
    lasts_ = seconds{3};
    charge({"one"}, true);
    begin();
    hint(fire(20));
    const std::size_t begun = client_->seen().size();
    ASSERT_LT(begun, 20U);
    pass(seconds{3} + milliseconds{300});
    EXPECT_EQ(storage_.count(DeliveryState::pending), 20 - begun) << "whoever is in charge may claim them";
    EXPECT_LE(storage_.next_due(), clock_.now()) << "at once";
    answer_all();
    hint(fire(1, "https://other.example.com/"));
    pass(seconds{2});
    EXPECT_EQ(client_->seen().size(), begun);
    charge({"one"}, true);
    EXPECT_GT(most_open(seconds{2}), 0U);
}

TEST_F(DispatcherSlotsTest, WhatWasLearntOfAnEndpointIsWrittenBeforeItIsForgotten) {
    charge({"one"}, true);
    begin();
    client_->script = [](const net::HttpRequest&) { return fakes::http_status(500); };
    hint(fire(30));
    ASSERT_EQ(storage_.breakers().size(), 1U);
    hint(fire(30, "https://other.example.com/"));
    ASSERT_EQ(dispatcher_->stats().open_breakers, 2U);
    ASSERT_EQ(storage_.breakers().size(), 1U) << "they are written once a second";
    charge({"one", "two"}, false);
    pass(milliseconds{300});
    EXPECT_EQ(storage_.breakers().size(), 2U);
    EXPECT_EQ(settled_by_, "one two ");
}

TEST_F(DispatcherSlotsTest, ItIsSettledOnceItsOutcomesAreWritten) {
    charge({"one"}, true);
    begin();
    hint(fire(1));
    storage_.fail_calls_of("record");
    answer_all();
    charge({"one", "two"}, false);
    pass(seconds{2});
    EXPECT_EQ(settled_by_, "one ");
    storage_.fail_calls_of("");
    pass(seconds{6});
    EXPECT_EQ(settled_by_, "one two ");
}

TEST_F(DispatcherSlotsTest, WhatTheOneBeforeHasWrittenAtItsEndIsRead) {
    charge({"one", "two"}, false);
    begin();
    pass(seconds{6});
    charge({"one", "two", "three"}, true, false);
    pass(seconds{1});
    storage_.save_breakers(std::vector{Breaker{.user_id = user_,
                                               .endpoint = "https://example.com:443",
                                               .state = BreakerState::open,
                                               .failures = 10,
                                               .retry_at = clock_.now() + seconds{60},
                                               .reason = "the receiver answered 500",
                                               .changed_at = clock_.now()}});
    pass(seconds{1});
    EXPECT_EQ(dispatcher_->stats().open_breakers, 0U);
    charge({"one", "two", "three"}, true);
    pass(seconds{1});
    EXPECT_EQ(dispatcher_->stats().open_breakers, 1U);
}

TEST_F(DispatcherSlotsTest, BreakersAndLanesComeAndGoWithTheUser) {
    charge({"one"}, true);
    begin();
    client_->script = [](const net::HttpRequest&) { return fakes::http_status(500); };
    hint(fire(30));
    pass(seconds{2});
    ASSERT_EQ(storage_.breakers().size(), 1U);
    ASSERT_EQ(dispatcher_->stats().open_breakers, 1U);
    charge({"one", "two"}, false);
    pass(seconds{2});
    EXPECT_EQ(dispatcher_->stats().open_breakers, 0U);
    EXPECT_EQ(storage_.breakers().size(), 1U) << "it is the other's";
    const auto attempts = client_->seen().size();
    pass(seconds{120});
    EXPECT_EQ(client_->seen().size(), attempts) << "nor does it fetch from its lanes";
    charge({"one"}, true);
    pass(milliseconds{100});
    EXPECT_EQ(dispatcher_->stats().open_breakers, 1U);
    client_->script = [](const net::HttpRequest&) { return fakes::http_status(200); };
    pass(std::chrono::minutes{3}, seconds{1});
    EXPECT_EQ(storage_.count(DeliveryState::delivered), 30U);
    EXPECT_EQ(storage_.breakers().size(), 0U);
}

}  // namespace
}  // namespace pricewire::deliver
