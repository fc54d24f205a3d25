// No endpoint may slow another, and none may be asked more than it can bear.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "deliver/dispatcher_fixture.hpp"

namespace pricewire::deliver {
namespace {

using std::chrono::minutes;

class IsolationTest : public DispatcherTest {
protected:
    static bool hangs(const std::string& url) { return url.find("hangs") != std::string::npos; }
    // Requests whose host hangs end after their time-out, all others at once.
    void behave() {
        client_->script = [this](const net::HttpRequest& r) -> std::optional<net::HttpResult> {
            if (!hangs(r.url)) {
                ++answered_;
                return fakes::http_status(200);
            }
            began_.push_back(clock_.mono());
            return std::nullopt;
        };
    }
    void run(Duration d, Duration step = milliseconds{50}) {
        for (Duration gone{}; gone < d; gone += step) {
            clock_.advance(step);
            time_out();
            settle();
        }
    }
    void time_out() {
        while (!began_.empty() && clock_.mono() - began_.front() >= seconds{5}) {
            began_.erase(began_.begin());
            client_->answer(0, fakes::http_failure(HttpError::timeout, "no answer within 5s"));
        }
    }
    std::size_t sent_to(const std::string& part) const {
        const auto seen = client_->seen();
        return static_cast<std::size_t>(std::count_if(
            seen.begin(), seen.end(), [&](const auto& r) { return r.url.find(part) != std::string::npos; }));
    }
    int database_calls() {
        return storage_.calls("claim") + storage_.calls("claim_due") + storage_.calls("defer") +
               storage_.calls("claim_lane");
    }

    std::vector<MonoTime> began_;
    int answered_ = 0;
};

TEST_F(IsolationTest, HealthyEndpointsNeverWaitForHangingOnes) {
    fakes::LogCapture log(log::Level::error);
    behave();
    SenderOptions options;
    options.concurrency = 512;
    start(options);
    settle();
    // Two hundred new endpoints, half of which hang, with a delivery a second each.
    int late = 0;
    for (int i = 0; i < 3'000; ++i) {
        const std::string n = std::to_string(i % 100);
        hint(fire(1, "https://hangs" + n + ".example.com/"));
        const int before = answered_;
        hint(fire(1, "https://works" + n + ".example.com/"));
        late += answered_ == before ? 1 : 0;
        clock_.advance(milliseconds{10});
        time_out();
        settle();
    }
    EXPECT_EQ(late, 0) << "each is sent at the moment it is fired";
    EXPECT_EQ(answered_, 3'000);
    EXPECT_LE(dispatcher_->stats().in_flight, 128U) << "what hangs has a quarter of the sender";
    EXPECT_LE(dispatcher_->stats().waiting, 400U);
}

TEST_F(IsolationTest, ACrowdAtADeadEndpointCostsLittleAndDelaysNobody) {
    fakes::LogCapture log(log::Level::error);
    behave();
    start();
    settle();
    const int before = database_calls();
    hint(fire(8'000, "https://hangs.example.com/"));
    // One that becomes due later without a task, and one whose task comes behind the crowd.
    fire(1, "https://works.example.com/");
    run(milliseconds{1'100});
    EXPECT_EQ(answered_, 1);
    const auto task = fire(1, "https://works.example.com/");
    const int sent = answered_;
    hint(task);
    EXPECT_EQ(answered_, sent + 1);
    EXPECT_LE(dispatcher_->stats().waiting, 1024U) << "the rest waits in the database";
    EXPECT_LE(database_calls() - before, 100);

    const int first_pass = database_calls();
    run(seconds{25}, milliseconds{250});
    EXPECT_LE(database_calls() - first_pass, 150) << "and stays there";
    run(minutes{10}, milliseconds{500});
    // The database is asked about once a second; beyond that a few batches a minute.
    EXPECT_LE(database_calls() - first_pass, 3000);
    EXPECT_LE(storage_.calls("record"), 200);
    EXPECT_LE(sent_to("hangs"), 60U) << "a probe a minute when the breaker has opened";
    EXPECT_EQ(storage_.count(DeliveryState::failed), 0U) << "waiting spends no attempts";
}

TEST_F(IsolationTest, DeferredDeliveriesAreSentOnceEachWhenTheirEndpointWorksAgain) {
    fakes::LogCapture log;
    behave();
    start();
    settle();
    hint(fire(3'000, "https://hangs.example.com/"));
    run(minutes{2}, milliseconds{250});
    EXPECT_EQ(dispatcher_->stats().open_breakers, 1U);
    EXPECT_EQ(log.count("warn an endpoint fails too often"), 1U)
        << "said once, however many pauses there are";
    EXPECT_EQ(log.count("whether it works again endpoint=https://hangs.example.com:443"), 1U);
    auto breakers = storage_.breakers();
    ASSERT_EQ(breakers.size(), 1U);
    EXPECT_EQ(breakers[0].endpoint, "https://hangs.example.com:443");
    EXPECT_NE(breakers[0].state, BreakerState::closed);
    EXPECT_EQ(breakers[0].reason, "no answer within 5s");
    EXPECT_LE(storage_.calls("save_breakers"), 60);

    client_->script = [](const net::HttpRequest&) { return fakes::http_status(200); };
    const std::size_t before = client_->seen().size();
    run(minutes{3}, milliseconds{50});
    EXPECT_EQ(log.count("info an endpoint works again"), 1U);
    EXPECT_TRUE(storage_.breakers().empty());
    EXPECT_EQ(storage_.count(DeliveryState::delivered), 3'000U)
        << "long before their time in the lane is over";
    EXPECT_EQ(client_->seen().size() - before, 3'000U);
}

TEST_F(IsolationTest, AnOpenBreakerLetsOneThroughAfterEachPause) {
    fakes::LogCapture log;
    SenderOptions options;
    options.breaker = {.failures = 3, .pause_min = seconds{10}, .pause_max = seconds{20}};
    start(options);
    settle();
    client_->script = [](const net::HttpRequest&) { return fakes::http_status(500); };
    hint(fire(50));
    const std::size_t at_first = client_->seen().size();
    EXPECT_GE(at_first, 3U);
    EXPECT_LE(at_first, 5U);
    pass(seconds{8});
    EXPECT_EQ(client_->seen().size(), at_first) << "none while it is open";
    pass(seconds{4});
    EXPECT_EQ(client_->seen().size(), at_first + 1) << "one to see";
    pass(seconds{17});
    EXPECT_EQ(client_->seen().size(), at_first + 1);
    pass(seconds{6});
    EXPECT_EQ(client_->seen().size(), at_first + 2);
    client_->script = [](const net::HttpRequest&) { return fakes::http_status(200); };
    pass(seconds{60});
    EXPECT_EQ(storage_.count(DeliveryState::delivered), 50U);
}

TEST_F(IsolationTest, AnOpenBreakerOutlivesTheProcess) {
    fakes::LogCapture log;
    const SenderOptions options = start_and_open_breaker();
    const std::size_t sent = client_->seen().size();
    dispatcher_->begin_stop();
    dispatcher_->finish();
    start(options);
    settle();
    hint(fire(5));
    pass(seconds{20});
    EXPECT_EQ(client_->seen().size(), sent) << "the next one knows";
    client_->script = [](const net::HttpRequest&) { return fakes::http_status(200); };
    pass(seconds{20});
    EXPECT_EQ(storage_.count(DeliveryState::delivered), 15U) << "and wakes what the first one deferred";
}

TEST_F(IsolationTest, DeliveriesDeferredByTheLastProcessAreFoundByTheNext) {
    fakes::LogCapture log;
    behave();
    SenderOptions options;
    options.breaker.failures = 0;
    start(options);
    settle();
    hint(fire(2'000, "https://hangs.example.com/"));
    run(seconds{10});
    EXPECT_EQ(storage_.count(DeliveryState::delivering),
              dispatcher_->stats().in_flight + dispatcher_->stats().waiting);

    // It dies, and so do its requests.
    dispatcher_.reset();
    client_ = std::make_unique<fakes::FakeHttpClient>();
    ended_.clear();
    began_.clear();
    client_->script = [](const net::HttpRequest&) { return fakes::http_status(200); };
    start(options);
    settle();
    run(seconds{10});
    EXPECT_GE(storage_.count(DeliveryState::delivered), 1'990U)
        << "all but those that wait for a retry, before their time in the lane is over";
    const int fetched = storage_.calls("claim_lane");
    run(seconds{10});
    EXPECT_EQ(storage_.calls("claim_lane"), fetched) << "and an empty lane is left alone";
}

TEST_F(IsolationTest, DeliveriesThatWaitPastTheirDeadlineExpireVisibly) {
    fakes::LogCapture log;
    behave();
    start();
    settle();
    const FiringGroup g = storage_.add_alerts(2'000, {.user_id = user_,
                                                      .webhook_url = "https://hangs.example.com/",
                                                      .deliver_within = minutes{1},
                                                      .created_at = clock_.now()});
    hint(storage_.fire(std::span(&g, 1)));
    run(seconds{80}, milliseconds{200});
    EXPECT_EQ(storage_.count(DeliveryState::expired), 2'000U);
    EXPECT_EQ(dispatcher_->stats().expired, 2'000U);
    const auto view = storage_.delivery(user_, g.firings[1'500].delivery_id);
    EXPECT_EQ(view->attempts, 0);
    EXPECT_TRUE(view->reason.starts_with("not delivered within 1m, its alert's deliver_within"));
}

TEST_F(IsolationTest, A410EndsOnlyItsUsersDeliveriesToThatUrl) {
    fakes::LogCapture log;
    start();
    settle();
    const auto gone = fire(20, "https://example.com/gone");
    const auto other = fire(5, "https://example.com/other");
    const FiringGroup later = storage_.add_alerts(
        1, {.user_id = user_, .webhook_url = "https://example.com/gone", .created_at = clock_.now()});
    hint(gone);
    hint(other);
    ASSERT_GE(client_->open(), 1U);
    client_->script = [](const net::HttpRequest& r) {
        return fakes::http_status(r.url.ends_with("/gone") ? 410 : 200);
    };
    while (client_->open() > 0) client_->answer(0, fakes::http_status(410));
    settle();
    pass(seconds{5});
    EXPECT_EQ(storage_.count(DeliveryState::failed), 20U);
    EXPECT_EQ(storage_.count(DeliveryState::delivered), 5U);
    EXPECT_LE(sent_to("/gone"), 2U) << "those that waited are not sent to it";
    EXPECT_GE(log.count("a receiver wants no more webhooks"), 1U);
    EXPECT_TRUE(storage_.delivery(user_, gone[19].delivery_id)
                    ->reason.starts_with("no attempt was made: the URL was disabled at "));

    // Nor is one that is claimed later.
    const auto endpoints = storage_.endpoints(user_, 10);
    ASSERT_FALSE(endpoints.empty());
    EXPECT_EQ(endpoints[0].webhook_url, "https://example.com/gone");
    EXPECT_TRUE(endpoints[0].disabled_at);
    hint(storage_.fire(std::span(&later, 1)));
    pass(seconds{5});
    EXPECT_LE(sent_to("/gone"), 2U);
    EXPECT_EQ(storage_.count(DeliveryState::failed), 21U);
}

TEST_F(IsolationTest, ARunOfRefusalsEndsTheUsersDeliveriesToThatUrl) {
    fakes::LogCapture log;
    start({.per_endpoint = 8});
    settle();
    const auto refused = fire(500, "https://example.com/refused");
    const auto other = fire(100, "https://example.com/other");
    client_->script = [](const net::HttpRequest& r) {
        return fakes::http_status(r.url.ends_with("/refused") ? 404 : 200);
    };
    hint(refused);
    hint(other);
    pass(seconds{5});
    EXPECT_EQ(storage_.count(DeliveryState::delivered), 100U);
    EXPECT_GE(sent_to("/refused"), 50U);
    EXPECT_LE(sent_to("/refused"), 50U + 8U + 256U) << "and those whose outcomes were not yet written";
    EXPECT_EQ(log.count("a receiver refuses its user's webhooks"), 1U);
    pass(std::chrono::minutes{15}, seconds{1});
    EXPECT_LE(sent_to("/refused"), 50U + 8U + 256U);
    EXPECT_EQ(storage_.count(DeliveryState::failed), 500U);
    EXPECT_TRUE(storage_.delivery(user_, refused[0].delivery_id)
                    ->reason.starts_with("no attempt was made: the URL was disabled at "));
}

TEST_F(IsolationTest, RetryAfterIsRespected) {
    start();
    settle();
    const auto tasks = fire(1);
    client_->script = [](const net::HttpRequest&) {
        auto answer = fakes::http_status(503);
        answer.headers = {{"retry-after", "300"}};
        return answer;
    };
    hint(tasks);
    pass(seconds{299}, seconds{1});
    EXPECT_EQ(client_->seen().size(), 1U);
    client_->script = [](const net::HttpRequest&) { return fakes::http_status(200); };
    pass(seconds{12}, seconds{1});
    EXPECT_EQ(state(tasks[0].delivery_id), "delivered 1:503 2:200");
}

TEST_F(IsolationTest, DeferralsAreKeptWhileTheDatabaseIsAway) {
    fakes::LogCapture log;
    behave();
    start();
    settle();
    hint(fire(700, "https://hangs.example.com/"));
    run(seconds{4});
    storage_.fail();
    run(seconds{3});
    storage_.heal();
    run(seconds{10});
    EXPECT_LE(storage_.count(DeliveryState::delivering), 10U) << "all but those under way or next";
    client_->script = [](const net::HttpRequest&) { return fakes::http_status(200); };
    run(minutes{3}, milliseconds{100});
    EXPECT_EQ(storage_.count(DeliveryState::delivered), 700U);
}

TEST_F(IsolationTest, AClaimThatWaitedTooLongIsGivenBack) {
    SenderOptions options;
    options.concurrency = 4;
    start(options);
    hint(fire(3));
    ASSERT_EQ(client_->open(), 1U);
    EXPECT_EQ(dispatcher_->stats().waiting, 2U);
    pass(seconds{32}, seconds{1});  // a client that hangs past all time-outs
    client_->script = [](const net::HttpRequest&) { return fakes::http_status(200); };
    client_->answer(0, fakes::http_status(200));
    settle();
    EXPECT_EQ(storage_.calls("defer"), 1) << "an attempt could have outlasted its lease";
    EXPECT_EQ(storage_.count(DeliveryState::delivered), 3U);
    EXPECT_EQ(client_->seen().size(), 3U);
}

TEST_F(IsolationTest, ARequestCutShortByOurStopIsRepeated) {
    start();
    settle();
    const auto tasks = fire(1);
    hint(tasks);
    client_->script = [](const net::HttpRequest&) { return fakes::http_status(200); };
    client_->answer(0, fakes::http_failure(HttpError::cancelled, "cancelled"));
    settle();
    EXPECT_EQ(client_->seen().size(), 2U);
    EXPECT_EQ(state(tasks[0].delivery_id), "delivered 1:200");
}

TEST_F(IsolationTest, ADeliveryCancelledMeanwhileStaysCancelledUnlessItArrived) {
    start();
    settle();
    const auto fails = fire(1, "https://a.example.com/");
    const auto arrives = fire(1, "https://b.example.com/");
    hint(fails);
    hint(arrives);
    ASSERT_TRUE(storage_.cancel_delivery(user_, fails[0].delivery_id, clock_.now()));
    ASSERT_TRUE(storage_.cancel_delivery(user_, arrives[0].delivery_id, clock_.now()));
    client_->answer(0, fakes::http_status(500));
    client_->answer(0, fakes::http_status(200));
    settle();
    EXPECT_EQ(state(fails[0].delivery_id), "cancelled 1:500");
    EXPECT_EQ(state(arrives[0].delivery_id), "delivered 1:200");
}

TEST_F(IsolationTest, ATestDeliveryIsSentTheSameWay) {
    start();
    settle();
    const auto tasks = fire(1);
    hint(tasks);
    client_->answer(0, fakes::http_status(200));
    settle();
    const Uuid alert = storage_.all_deliveries()[0].alert_id;
    const Uuid id = make_uuid(clock_.now());
    ASSERT_TRUE(storage_.add_test_delivery(user_, alert, id, Decimal::from_int(5), clock_.now()));
    client_->script = [](const net::HttpRequest&) { return fakes::http_status(500); };
    hint({{id, 1}});
    EXPECT_EQ(state(id), "pending 1:500");
    client_->script = [](const net::HttpRequest&) { return fakes::http_status(200); };
    pass(seconds{21});
    EXPECT_EQ(state(id), "delivered 1:500 2:200");
}

TEST_F(IsolationTest, AnAttemptIsStoredWithRequestAndAnswer) {
    start();
    settle();
    const auto tasks = fire(1);
    hint(tasks);
    net::HttpResult answer = fakes::http_status(500);
    answer.body = "oh no";
    answer.remote_ip = "203.0.113.7";
    answer.times.connect = milliseconds{2};
    client_->answer(0, std::move(answer));
    settle();
    const auto attempts = storage_.attempts_of(tasks[0].delivery_id);
    ASSERT_EQ(attempts.size(), 1U);
    EXPECT_EQ(attempts[0].answer, "oh no");
    EXPECT_EQ(attempts[0].remote_ip, "203.0.113.7");
    EXPECT_EQ(attempts[0].times.connect, milliseconds{2});
    EXPECT_NE(attempts[0].request_headers.find(R"("webhook-signature":"v1,…")"), std::string::npos)
        << attempts[0].request_headers;
    EXPECT_NE(attempts[0].request_headers.find(tasks[0].delivery_id.to_string()), std::string::npos);
}

}  // namespace
}  // namespace pricewire::deliver
