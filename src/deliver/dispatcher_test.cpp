#include "deliver/dispatcher.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "deliver/dispatcher_fixture.hpp"
#include "webhook/payload.hpp"
#include "webhook/signature.hpp"

namespace pricewire::deliver {
namespace {

TEST_F(DispatcherTest, AHintedDeliveryIsSentAtOnceAndSigned) {
    start();
    settle();
    const auto tasks = fire(1);
    EXPECT_EQ(state(tasks[0].delivery_id), "pending");
    hint(tasks);
    EXPECT_EQ(state(tasks[0].delivery_id), "delivering");
    ASSERT_EQ(client_->open(), 1U);

    const net::HttpRequest r = client_->open_request(0);
    const std::string id = tasks[0].delivery_id.to_string();
    const auto timestamp = std::chrono::floor<seconds>(clock_.now()).time_since_epoch().count();
    EXPECT_EQ(r.method, "POST");
    EXPECT_EQ(r.url, "https://example.com/hook");
    EXPECT_EQ(fakes::header(r, "content-type"), "application/json");
    EXPECT_TRUE(fakes::header(r, "user-agent").starts_with("Pricewire/"));
    EXPECT_EQ(fakes::header(r, "webhook-id"), id);
    EXPECT_EQ(fakes::header(r, "webhook-timestamp"), std::to_string(timestamp));
    EXPECT_EQ(fakes::header(r, "webhook-signature"), webhook::sign_webhook(secret, id, timestamp, r.body));
    const Alert alert = *storage_.alert(user_, storage_.all_deliveries()[0].alert_id);
    EXPECT_EQ(r.body, webhook::webhook_body({.alert = alert}).text);
    EXPECT_EQ(r.timeout, seconds{5});
    EXPECT_TRUE(r.verify_tls);
    EXPECT_NE(r.guard, nullptr);

    client_->answer(0, fakes::http_status(204));
    settle();
    EXPECT_EQ(state(tasks[0].delivery_id), "delivered 1:204");
    EXPECT_EQ(dispatcher_->stats().delivered, 1U);
}

TEST_F(DispatcherTest, EveryAttemptIsARowUntilAllAreUsedUp) {
    fakes::LogCapture log;
    start();
    const auto tasks = fire(1);
    const Uuid id = tasks[0].delivery_id;
    client_->script = [](const net::HttpRequest&) { return fakes::http_status(500); };
    hint(tasks);
    EXPECT_EQ(state(id), "pending 1:500");
    pass(milliseconds{9'900});
    EXPECT_EQ(state(id), "pending 1:500") << "not before backoff_min";
    pass(milliseconds{10'200});
    EXPECT_EQ(state(id), "pending 1:500 2:500");
    client_->script = [](const net::HttpRequest&) {
        return fakes::http_failure(HttpError::timeout, "no answer");
    };
    pass(seconds{41});
    EXPECT_EQ(state(id), "pending 1:500 2:500 3:no answer");
    EXPECT_EQ(log.count("warn"), 0U);
    pass(seconds{81});
    EXPECT_EQ(state(id), "failed 1:500 2:500 3:no answer 4:no answer");
    pass(seconds{700}, seconds{5});
    EXPECT_EQ(client_->seen().size(), 4U) << "final";

    const auto seen = client_->seen();
    std::set<std::string> times;
    for (const auto& r : seen) {
        EXPECT_EQ(r.body, seen[0].body) << "the same to the byte";
        EXPECT_EQ(fakes::header(r, "webhook-id"), id.to_string());
        times.insert(fakes::header(r, "webhook-timestamp"));
        EXPECT_EQ(fakes::header(r, "webhook-signature"),
                  webhook::sign_webhook(secret, id.to_string(),
                                        std::stoll(fakes::header(r, "webhook-timestamp")), r.body));
    }
    EXPECT_EQ(times.size(), 4U) << "each attempt has its own timestamp";
    const auto attempts = storage_.attempts_of(id);
    EXPECT_EQ(attempts[0].duration, milliseconds{3});
    EXPECT_LT(attempts[0].started_at, attempts[1].started_at);

    ASSERT_EQ(log.count("warn a webhook could not be delivered; its attempts are used up"), 1U);
    const std::string line = log.lines().back();
    EXPECT_NE(line.find("delivery_id=" + id.to_string()), std::string::npos) << line;
    EXPECT_NE(line.find("endpoint=https://example.com:443 "), std::string::npos) << line;
    EXPECT_NE(line.find("reason=no answer"), std::string::npos) << line;
    EXPECT_EQ(line.find("/hook"), std::string::npos) << "a path may hold a token: " << line;
}

TEST_F(DispatcherTest, WithoutHintsTheDatabaseIsAskedWithinASecond) {
    start();
    settle();
    const auto tasks = fire(3, "https://host{}.example.com/");
    pass(milliseconds{1'100});
    EXPECT_EQ(client_->open(), 3U);
}

TEST_F(DispatcherTest, ManyHintsForOneDeliverySendItOnce) {
    start();
    const auto tasks = fire(1);
    hint({tasks[0], tasks[0]});
    hint(tasks);
    pass(seconds{3});
    EXPECT_EQ(client_->seen().size(), 1U);
    client_->answer(0, fakes::http_status(200));
    settle();
    hint(tasks);
    pass(seconds{40});
    EXPECT_EQ(client_->seen().size(), 1U) << "a delivered delivery is not sent again";
}

TEST_F(DispatcherTest, HintsForOtherAttemptsOrUnknownDeliveriesAreIgnored) {
    start();
    settle();
    const auto tasks = fire(1);
    hint({{tasks[0].delivery_id, 2}, {make_uuid(clock_.now()), 1}});
    EXPECT_EQ(client_->open(), 0U);
}

TEST_F(DispatcherTest, ACrashBetweenClaimAndRecordRepeatsTheAttemptWithItsNumber) {
    start();
    const auto tasks = fire(2);
    hint(tasks);
    ASSERT_EQ(client_->open(), 2U);
    client_->answer(0, fakes::http_status(200));  // answered, but never written

    ended_.clear();
    start();
    settle();
    EXPECT_EQ(client_->seen().size(), 4U) << "both are sent again at once";
    EXPECT_EQ(fakes::header(client_->seen()[0], "webhook-id"),
              fakes::header(client_->seen()[2], "webhook-id"));
    while (client_->open() > 0) client_->answer(0, fakes::http_status(200));
    settle();
    EXPECT_EQ(state(tasks[0].delivery_id), "delivered 1:200");
    EXPECT_EQ(state(tasks[1].delivery_id), "delivered 1:200");
}

TEST_F(DispatcherTest, OutcomesAreKeptWhileTheDatabaseIsAway) {
    fakes::LogCapture log;
    start();
    const auto tasks = fire(3, "https://host{}.example.com/");
    hint(tasks);
    storage_.fail("disk full");
    for (int i = 0; i < 3; ++i) client_->answer(0, fakes::http_status(200));
    pass(seconds{60});
    EXPECT_EQ(dispatcher_->stats().unrecorded, 3U);
    EXPECT_EQ(log.count("deliveries can be neither claimed nor recorded"), 1U);
    EXPECT_EQ(log.count("disk full"), 1U);
    EXPECT_LT(storage_.calls("record"), 40) << "with back-off";

    // The leases ended long ago: outcomes must be written before anything is claimed.
    storage_.heal();
    pass(seconds{6});
    for (const DeliveryTask& t : tasks) EXPECT_EQ(state(t.delivery_id), "delivered 1:200");
    EXPECT_EQ(client_->seen().size(), 3U) << "none sent again";
    EXPECT_EQ(log.count("deliveries are claimed and recorded again"), 1U);
}

TEST_F(DispatcherTest, WaitsForADatabaseThatIsAwayAtTheStart) {
    fakes::LogCapture log;
    storage_.fail();
    start();
    pass(seconds{20});
    storage_.heal();
    fire(1);
    pass(seconds{6});
    EXPECT_EQ(client_->open(), 1U);
}

TEST_F(DispatcherTest, HintsSurviveADatabaseThatIsAway) {
    fakes::LogCapture log;
    start();
    settle();
    const auto tasks = fire(2);
    storage_.fail();
    hint(tasks);
    EXPECT_TRUE(dispatcher_->take_done().empty())
        << "the queue must bring them to another, should this one end";
    storage_.heal();
    pass(milliseconds{300});
    EXPECT_EQ(client_->open(), 2U);
    EXPECT_EQ(dispatcher_->take_done(), (std::vector<std::uint64_t>{1, 2}));
}

TEST_F(DispatcherTest, TasksThatAreNotDueInTheDatabaseAreAcknowledged) {
    start();
    auto tasks = fire(2);
    tasks[1].attempt = 7;
    tasks.push_back({make_uuid(clock_.now()), 1});
    hint(tasks);
    EXPECT_EQ(dispatcher_->take_done(), (std::vector<std::uint64_t>{1, 2, 3}));
    EXPECT_TRUE(dispatcher_->take_done().empty());
}

TEST_F(DispatcherTest, DroppedHintsAreFoundInTheDatabase) {
    SenderOptions options;
    options.max_hints = 2;
    start(options);
    settle();
    hint(fire(5, "https://host{}.example.com/"));
    EXPECT_EQ(client_->open(), 5U);
    EXPECT_EQ(dispatcher_->take_done().size(), 5U) << "those without room need not come again either";
    const auto more = fire(4, "https://host{}.example.com/");
    dispatcher_->on_tasks({}, false);
    settle();
    EXPECT_EQ(client_->open(), 9U) << "dropped before they came here";
}

TEST_F(DispatcherTest, ARefusedUrlIsAFailedAttemptThatFollowsTheSchedule) {
    fakes::LogCapture log;
    start();
    const auto tasks = fire(1, "https://127.0.0.1/hook");
    hint(tasks);
    EXPECT_EQ(client_->seen().size(), 0U);
    EXPECT_TRUE(state(tasks[0].delivery_id).starts_with("pending 1:")) << state(tasks[0].delivery_id);
    pass(seconds{150}, seconds{1});
    EXPECT_TRUE(state(tasks[0].delivery_id).starts_with("failed 1:")) << state(tasks[0].delivery_id);
    EXPECT_EQ(storage_.attempts_of(tasks[0].delivery_id).size(), 4U);
    EXPECT_EQ(client_->seen().size(), 0U);
    EXPECT_EQ(log.count("info webhook attempt "), 3U);
    EXPECT_EQ(log.count("warn a webhook could not be delivered; its attempts are used up "), 1U);
    EXPECT_EQ(log.count("endpoint=127.0.0.1 "), 4U);
}

TEST_F(DispatcherTest, WebhooksWithASecretThatCannotBeOpenedWaitWithoutAttempts) {
    fakes::LogCapture log;
    const Uuid other = make_uuid(clock_.now());
    ASSERT_TRUE(
        storage_.create_user({{other, "b@example.com", true, clock_.now()}, sha256("other"), "no secret"}));
    const FiringGroup g = storage_.add_alerts(3, {.user_id = other,
                                                  .webhook_url = "https://example.com/",
                                                  .deliver_within = std::chrono::minutes{5},
                                                  .created_at = clock_.now()});
    storage_.fire(std::span(&g, 1));
    start();
    settle();
    const Uuid id = g.firings[0].delivery_id;
    EXPECT_EQ(state(id), "pending");
    EXPECT_EQ(storage_.delivery(other, id)->reason, "the webhook cannot be signed: sealed for another user");
    const int claims = storage_.calls("claim_due");
    pass(std::chrono::minutes{4}, seconds{1});
    EXPECT_LE(storage_.calls("claim_due") - claims, 18) << "about once a minute each";
    EXPECT_EQ(client_->seen().size(), 0U);
    EXPECT_EQ(log.count("user_id=" + other.to_string()), 1U) << "logged once";
    EXPECT_EQ(log.count("is security.master_key or the key file the one that it was sealed with?"), 1U);
    pass(std::chrono::minutes{2}, seconds{1});
    EXPECT_EQ(state(id), "expired");

    // Other users' webhooks are sent.
    client_->script = [](const net::HttpRequest&) { return fakes::http_status(200); };
    const auto tasks = fire(1);
    hint(tasks);
    EXPECT_EQ(state(tasks[0].delivery_id), "delivered 1:200");
}

TEST_F(DispatcherTest, AttemptsBeyondTheirLeaseAreNotRepeated) {
    SenderOptions options;
    options.concurrency = 4;
    start(options);
    const auto tasks = fire(2);
    hint(tasks);
    pass(seconds{120}, seconds{1});
    EXPECT_EQ(client_->seen().size(), 1U);
    EXPECT_EQ(dispatcher_->stats().waiting, 1U) << "and what waits behind it is held once";
    client_->answer(0, fakes::http_status(200));
    settle();
    EXPECT_EQ(state(tasks[0].delivery_id), "delivered 1:200");
}

TEST_F(DispatcherTest, ARetryIsPunctual) {
    SenderOptions options;
    options.retry.backoff = {milliseconds{30}, milliseconds{30}};
    start(options);
    client_->script = [](const net::HttpRequest&) { return fakes::http_status(500); };
    hint(fire(1));
    MonoTime due = clock_.mono() + milliseconds{30};
    settle();
    EXPECT_EQ(dispatcher_->step(), due) << "it asks to be called when the retry is due";
    clock_.advance(milliseconds{30});
    settle();
    EXPECT_EQ(client_->seen().size(), 2U);
}

TEST_F(DispatcherTest, AStopClaimsNothingMoreWritesOutcomesAndGivesBackTheRest) {
    SenderOptions options;
    options.concurrency = 8;
    start(options);
    hint(fire(6));
    ASSERT_EQ(client_->open(), 2U);
    dispatcher_->begin_stop();
    hint(fire(1));
    client_->answer(0, fakes::http_status(200));
    settle();
    EXPECT_FALSE(dispatcher_->idle());
    fire(1);
    pass(seconds{3});
    EXPECT_EQ(client_->seen().size(), 2U) << "nothing is started";
    client_->answer(0, fakes::http_status(500));
    settle();
    EXPECT_TRUE(dispatcher_->idle());
    dispatcher_->finish();
    EXPECT_EQ(storage_.count(DeliveryState::delivered), 1U);
    EXPECT_EQ(storage_.count(DeliveryState::delivering), 0U);
    EXPECT_EQ(storage_.count(DeliveryState::pending), 7U);
}

TEST_F(DispatcherTest, AttemptsThatOutlastTheStopAreGivenBack) {
    start();
    const auto tasks = fire(1);
    hint(tasks);
    dispatcher_->begin_stop();
    settle();
    dispatcher_->finish();
    EXPECT_EQ(state(tasks[0].delivery_id), "pending");
}

TEST_F(DispatcherTest, DoesNotTouchAnotherSendersClaims) {
    fire(2);
    const auto other = storage_.claim_due(clock_.now(), 1, {"other", clock_.now() + seconds{20}});
    ASSERT_EQ(other.size(), 1U);
    start();
    settle();
    EXPECT_EQ(client_->open(), 1U);
    pass(seconds{19});
    EXPECT_EQ(client_->open(), 1U);
    pass(seconds{2});
    EXPECT_EQ(client_->open(), 2U) << "until their lease ends";
}

TEST_F(DispatcherTest, AskingForWorkDoesNotSpin) {
    start();
    client_->script = [](const net::HttpRequest&) { return fakes::http_status(500); };
    hint(fire(1));
    const int asked = storage_.calls("next_due");
    const int claimed = storage_.calls("claim_due");
    pass(seconds{9}, milliseconds{10});
    EXPECT_LE(storage_.calls("next_due") - asked, 11) << "while one delivery waits for its time";
    EXPECT_EQ(storage_.calls("claim_due"), claimed);
}

TEST_F(DispatcherTest, ReportsTheOutcomeOfEveryClaim) {
    std::vector<std::string> outcomes;
    SenderOptions options;
    options.retry.attempts = 2;
    options.settled = [&](const ClaimedDelivery& claimed, const DeliveryOutcome& outcome, HttpError error) {
        EXPECT_EQ(claimed.id, outcome.delivery_id);
        outcomes.push_back(fmt::format("{} {} {}", to_string(outcome.next),
                                       outcome.attempt ? outcome.attempt->status.value_or(0) : -1,
                                       net::to_string(error)));
    };
    start(options);
    client_->script = [](const net::HttpRequest& r) {
        if (r.url.ends_with("/good")) return fakes::http_status(204);
        return fakes::http_failure(HttpError::timeout, "no answer");
    };
    hint(fire(1, "https://a.example/good"));
    hint(fire(1, "https://b.example/bad"));
    pass(seconds{21});
    hint(fire(1, "https://c.example:1/port"));
    ASSERT_TRUE(storage_.rotate_webhook_secret(user_, "sealed for nobody", clock_.now()));
    hint(fire(1, "https://d.example/good"));
    EXPECT_EQ(outcomes,
              (std::vector<std::string>{"delivered 204 none", "pending 0 timeout", "failed 0 timeout",
                                        "pending 0 bad_url", "pending -1 none"}));
}

TEST_F(DispatcherTest, AUserOverBudgetWaitsWithoutAttemptsAndDelaysNobody) {
    fakes::LogCapture log;
    start({.attempts_by_user = access::RateLimit{20, seconds{100}}});
    settle();
    const Uuid bob = make_uuid(clock_.now());
    ASSERT_TRUE(storage_.create_user(
        {{bob, "b@example.com", true, clock_.now()}, sha256("bob"), secrets_.seal(secret, bob.to_string())}));
    client_->script = [](const net::HttpRequest&) { return fakes::http_status(200); };
    const auto many = fire(30);
    hint(many);
    pass(seconds{1});
    EXPECT_EQ(client_->seen().size(), 20U);
    EXPECT_EQ(storage_.count(DeliveryState::pending), 10U);
    EXPECT_EQ(log.count("warn a user's attempts are used up"), 1U);
    const auto waits = storage_.delivery(user_, many.back().delivery_id);
    EXPECT_EQ(waits->attempts, 0);
    EXPECT_EQ(waits->reason,
              "waiting without an attempt: its user's attempts, 20 in 100s, are used up for now");

    const FiringGroup bobs = storage_.add_alerts(
        20, {.user_id = bob, .webhook_url = "https://example.com/hook", .created_at = clock_.now()});
    hint(storage_.fire(std::span(&bobs, 1)));
    pass(seconds{1});
    EXPECT_EQ(storage_.count(DeliveryState::delivered), 40U);

    // A token every 5 s, and no claim for nothing in between.
    const int claims = storage_.calls("claim_due");
    pass(seconds{49}, milliseconds{200});
    EXPECT_EQ(storage_.count(DeliveryState::delivered), 50U);
    EXPECT_LE(storage_.calls("claim_due"), claims + 12);
}

TEST_F(DispatcherTest, FirstAttemptsOfFiringsComeBeforeTestsWhenTheBudgetIsShort) {
    start({.attempts_by_user = access::RateLimit{20, seconds{100}}});
    settle();
    client_->script = [](const net::HttpRequest&) { return fakes::http_status(200); };
    const auto fired = fire(1);
    hint(fired);
    const Uuid alert = storage_.delivery(user_, fired[0].delivery_id)->alert_id;
    for (int round = 0; round < 6; ++round) {
        for (std::size_t i = 0; i < max_unfinished_tests; ++i)
            (void)storage_.add_test_delivery(user_, alert, make_uuid(clock_.now()), Decimal::from_int(5),
                                             clock_.now());
        pass(milliseconds{1100});
    }
    EXPECT_EQ(client_->seen().size(), 11U) << "tests leave half of it";
    hint(fire(9));
    pass(seconds{1});
    EXPECT_EQ(client_->seen().size(), 20U);
}

TEST_F(DispatcherTest, TheDeadlineEndsADeliveryThatWaitsForItsBudget) {
    start({.attempts_by_user = access::RateLimit{1, std::chrono::hours{1}}});
    settle();
    Alert alert{.user_id = user_, .webhook_url = "https://example.com/hook", .created_at = clock_.now()};
    alert.deliver_within = std::chrono::minutes{1};
    const FiringGroup two = storage_.add_alerts(2, alert);
    client_->script = [](const net::HttpRequest&) { return fakes::http_status(200); };
    hint(storage_.fire(std::span(&two, 1)));
    pass(seconds{61}, seconds{1});
    EXPECT_EQ(storage_.count(DeliveryState::delivered), 1U);
    EXPECT_EQ(storage_.count(DeliveryState::expired), 1U);
}

}  // namespace
}  // namespace pricewire::deliver
