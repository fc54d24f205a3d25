// Actions on deliveries: retry, cancel, recover, test.
#include "api/delivery_fixture.hpp"
#include "fakes/log_capture.hpp"
#include "webhook/payload.hpp"

namespace pricewire::api {
namespace {

class DeliveryActionsTest : public DeliveryFixture {
protected:
    Answer post(const std::string& path, std::string body = {}) {
        return call_as(ann_, "POST", "/api/v1/" + path, std::move(body));
    }
    Answer recover(const std::string& since = "2023-11-14T00:00:00Z") {
        return post("deliveries/recover", R"({"since":")" + since + "\"}");
    }
};

TEST_F(DeliveryActionsTest, ARetryMakesADeliveryDueAndNotifiesTheSenders) {
    const std::string id = fired(ann_);
    end(id, DeliveryState::failed);
    clock_.advance(48h);
    const Answer answer = post("deliveries/" + id + "/retry");
    EXPECT_EQ(answer.status, 202);
    EXPECT_TRUE(answer.body.starts_with(R"({"id":")" + id + "\"")) << answer.body;
    EXPECT_TRUE(answer.has(R"("status":"pending","attempt_count":1,)")) << answer.body;
    EXPECT_TRUE(answer.has(R"("deadline":"2023-11-17T22:13:20Z","next_attempt_at":"2023-11-16T22:13:20Z",)"))
        << answer.body;
    ASSERT_EQ(hinted_.size(), 1u);
    EXPECT_EQ(hinted_[0].delivery_id.to_string(), id);
    EXPECT_EQ(hinted_[0].attempt, 2);
    claim(id, 2);
}

TEST_F(DeliveryActionsTest, AnyStateExceptInFlightCanBeRetried) {
    const std::string waiting = fired(ann_, "1");
    EXPECT_EQ(post("deliveries/" + waiting + "/retry/").status, 202);
    const std::string done = fired(ann_, "2");
    end(done, DeliveryState::delivered);
    EXPECT_EQ(post("deliveries/" + done + "/retry").status, 202);
    const std::string busy = fired(ann_, "3");
    claim(busy, 1);
    hinted_.clear();
    expect_error(post("deliveries/" + busy + "/retry"), 409,
                 "An attempt of this delivery is under way; ask again when it has ended");
    EXPECT_TRUE(hinted_.empty());
}

TEST_F(DeliveryActionsTest, ACancelledDeliveryIsNotAttempted) {
    const std::string id = fired(ann_);
    const Answer answer = post("deliveries/" + id + "/cancel");
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(answer.has(R"("status":"cancelled")")) << answer.body;
    EXPECT_TRUE(answer.has(R"("next_attempt_at":null,"finished_at":"2023-11-14T22:13:20Z")")) << answer.body;
    EXPECT_FALSE(storage_.next_due());
    expect_error(post("deliveries/" + id + "/cancel"), 409, "This delivery has ended already");
    EXPECT_EQ(post("deliveries/" + id + "/retry").status, 202) << "it can be retried";
    EXPECT_EQ(post("deliveries/" + id + "/cancel/").status, 200);
}

TEST_F(DeliveryActionsTest, AnAttemptInProgressCanBeCancelled) {
    const std::string id = fired(ann_);
    claim(id, 1);
    EXPECT_TRUE(post("deliveries/" + id + "/cancel").has(R"("status":"cancelled")"));
    record(id, 1, DeliveryState::pending, Attempt{});
    EXPECT_TRUE(call_as(ann_, "GET", "/api/v1/deliveries/" + id).has(R"("status":"cancelled")"));
}

TEST_F(DeliveryActionsTest, DeliveriesAndAlertsOfOthersAre404) {
    const std::string alert = create(bob_);
    const std::string id = fire(alert, "70001");
    for (const std::string what : {"retry", "cancel"}) {
        for (const std::string& which : {id, std::string("018f3f6e-7c1a-7a3b-8f00-0123456789ab"),
                                         std::string("7"), std::string("%2F")}) {
            expect_error(post("deliveries/" + which + "/" + what), 404, "Delivery not found");
        }
    }
    for (const std::string& which : {alert, std::string("7")}) {
        expect_error(post("alerts/" + which + "/test"), 404, "Alert not found");
    }
    EXPECT_TRUE(hinted_.empty());
    EXPECT_TRUE(call_as(bob_, "GET", "/api/v1/deliveries/" + id).has(R"("status":"pending")"));
}

TEST_F(DeliveryActionsTest, ARecoveryRetriesAllFailuresSince) {
    const std::string old = fired(ann_, "1");
    const std::string others = fired(bob_, "1");
    clock_.advance(1h);
    const std::string failed = fired(ann_, "2");
    const std::string delivered = fired(ann_, "3");
    const std::string expired = fired(ann_, "4");
    end(old, DeliveryState::failed);
    end(others, DeliveryState::failed);
    end(failed, DeliveryState::failed);
    end(delivered, DeliveryState::delivered);
    end(expired, DeliveryState::expired);
    const Answer answer = recover("2023-11-15T00:00:00+01:00");
    EXPECT_EQ(answer.status, 202);
    EXPECT_EQ(answer.body, R"({"recovered":1,"more":false,"next_since":null,)"
                           R"("passed_over":{"retries_used_up":0,"endpoint_disabled":0}})");
    ASSERT_EQ(hinted_.size(), 1u);
    EXPECT_EQ(hinted_[0].delivery_id.to_string(), failed);
    EXPECT_EQ(storage_.count(DeliveryState::pending), 1u);
    EXPECT_TRUE(recover().has(R"({"recovered":1,"more":false,)"));
    EXPECT_TRUE(recover().has(R"({"recovered":0,"more":false,)"));
}

TEST_F(DeliveryActionsTest, RetriesOfADeliveryAreLimited) {
    const std::string id = fired(ann_);
    end(id, DeliveryState::failed);
    for (int i = 0; i < max_user_retries; ++i) {
        EXPECT_EQ(post("deliveries/" + id + "/retry").status, 202) << i;
        claim(id, 2 + i);
        record(id, 2 + i, DeliveryState::failed, Attempt{});
    }
    hinted_.clear();
    expect_error(post("deliveries/" + id + "/retry"), 409,
                 "This delivery has been retried 10 times, which is the most");
    EXPECT_TRUE(recover().has(R"("recovered":0,"more":false,"next_since":null,)"
                              R"("passed_over":{"retries_used_up":1,"endpoint_disabled":0})"));
    EXPECT_TRUE(hinted_.empty());
}

TEST_F(DeliveryActionsTest, NothingIsRetriedAtADisabledUrl) {
    const std::string other = fired(ann_, "1");
    end(other, DeliveryState::failed);
    const std::string gone = fired(ann_, "2");
    end(gone, DeliveryState::failed, true);
    hinted_.clear();
    const Answer answer = post("deliveries/" + other + "/retry");
    EXPECT_EQ(answer.status, 409);
    EXPECT_TRUE(answer.has("is not called any more. POST /api/v1/endpoints/enable")) << answer.body;
    EXPECT_TRUE(recover().has(R"("passed_over":{"retries_used_up":0,"endpoint_disabled":2})"));
    EXPECT_TRUE(hinted_.empty());
}

TEST_F(DeliveryActionsTest, ARecoveryIsBoundedAndSaysWhetherMoreRemain) {
    options_.alerts_per_user = 20'000;
    api_ = nullptr;
    std::vector<DeliveryTask> tasks;
    FiringGroup group{{"BTC", *Decimal::parse("5"), clock_.now(), 1}, clock_.now(), {}};
    for (int i = 0; i < 10'001; ++i) {
        Alert alert;
        alert.id = make_uuid(clock_.now());
        alert.user_id = *Uuid::parse(ann_.id);
        alert.ticker = "BTC";
        alert.target = Decimal::from_int(i + 1);
        alert.webhook_url = "https://h.example.com";
        alert.created_at = clock_.now();
        ASSERT_TRUE(storage_.create_alert(alert, 20'000));
        group.firings.push_back({alert.id, make_uuid(clock_.now())});
    }
    tasks = storage_.fire({&group, 1});
    ASSERT_EQ(tasks.size(), 10'001u);
    ASSERT_EQ(storage_.claim(tasks, clock_.now(), {"test", clock_.now() + 30s}).size(), 10'001u);
    std::vector<DeliveryOutcome> outcomes;
    for (const DeliveryTask& task : tasks) {
        DeliveryOutcome outcome{.delivery_id = task.delivery_id, .attempt_number = 1, .attempt = Attempt{}};
        outcome.attempt->delivery_id = task.delivery_id;
        outcome.next = DeliveryState::failed;
        outcome.ended_at = clock_.now();
        outcomes.push_back(std::move(outcome));
    }
    storage_.record(outcomes);
    EXPECT_TRUE(recover().has(R"({"recovered":10000,"more":true,)"));
    EXPECT_EQ(storage_.calls("recover_deliveries"), 10) << "in small steps";
    EXPECT_EQ(hinted_.size(), 10'000u);
    EXPECT_TRUE(recover().has(R"({"recovered":1,"more":false,)"));
}

TEST_F(DeliveryActionsTest, ARecoveryThatLosesTheDatabaseReportsItsProgress) {
    options_.alerts_per_user = 2000;
    api_ = nullptr;
    fakes::LogCapture log;
    for (int i = 1; i <= 1500; ++i) end(fired(ann_, std::to_string(i)), DeliveryState::failed);
    on_hint_ = [this] { storage_.fail(); };
    EXPECT_TRUE(recover().has(R"({"recovered":1000,"more":true,)"));
    EXPECT_EQ(log.count("warn the database became unavailable during a recovery"), 1u);
    on_hint_ = nullptr;
    EXPECT_EQ(recover().status, 503) << "this request changed nothing";
    storage_.heal();
    EXPECT_TRUE(recover().has(R"({"recovered":500,"more":false,)"));
}

TEST_F(DeliveryActionsTest, ARecoveryMayBeOfAnEndpointAndAStateAndATime) {
    const std::string a = "https://a.example.com/", b = "https://b.example.com/";
    end(fired(ann_, "1", a), DeliveryState::failed);
    end(fired(ann_, "2", b), DeliveryState::failed);
    end(fired(ann_, "3", b), DeliveryState::expired);
    clock_.advance(1min);
    end(fired(ann_, "4", a), DeliveryState::failed);
    hinted_.clear();
    const auto recovered = [&](const std::string& more) {
        return post("deliveries/recover", R"({"since":"2023-11-14T00:00:00Z")" + more + "}");
    };
    const Answer dry = recovered(R"(,"dry_run":true)");
    EXPECT_EQ(dry.status, 200);
    EXPECT_EQ(dry.body, R"({"dry_run":true,"would_recover":3,"more":false,"next_since":null,)"
                        R"("passed_over":{"retries_used_up":0,"endpoint_disabled":0}})");
    EXPECT_TRUE(hinted_.empty());
    EXPECT_TRUE(
        recovered(R"(,"dry_run":true,"endpoint":"HTTPS://B.example.com/")").has(R"("would_recover":1,)"));
    EXPECT_TRUE(recovered(R"(,"dry_run":true,"until":"2023-11-14T22:14:00Z","endpoint":")" + a + "\"")
                    .has(R"("would_recover":1,)"));
    EXPECT_TRUE(recovered(R"(,"dry_run":true,"status":"expired, failed")").has(R"("would_recover":4,)"));
    const Answer some = recovered(R"(,"status":"failed,expired","endpoint":")" + b + "\"");
    EXPECT_EQ(some.status, 202);
    EXPECT_TRUE(some.has(R"({"recovered":2,)"));
    EXPECT_EQ(hinted_.size(), 2u);
    EXPECT_TRUE(recovered(R"(,"dry_run":false)").has(R"({"recovered":2,)"));
    for (const char* status : {"delivered", "pending", "failed,x", ""})
        expect_invalid(recovered(R"(,"status":")" + std::string(status) + "\""), R"("body","status")",
                       "enum");
    expect_invalid(recovered(R"(,"until":"x")"), R"("body","until")", "datetime_parsing");
    expect_invalid(recovered(R"(,"dry_run":1)"), R"("body","dry_run")", "bool_type");
}

TEST_F(DeliveryActionsTest, ErrorsInARecoveryAreReported) {
    expect_invalid(post("deliveries/recover"), R"("body")", "missing");
    expect_invalid(post("deliveries/recover", "[]"), R"("body")", "model_attributes_type");
    expect_invalid(post("deliveries/recover", "{}"), R"("body","since")", "missing");
    expect_invalid(post("deliveries/recover", R"({"since":7})"), R"("body","since")", "string_type");
    expect_invalid(post("deliveries/recover", R"({"since":null})"), R"("body","since")", "string_type");
    expect_invalid(recover("yesterday"), R"("body","since")", "datetime_parsing");
    EXPECT_EQ(storage_.calls("recover_deliveries"), 0);
}

TEST_F(DeliveryActionsTest, ATestUsesTheLatestPrice) {
    const std::string alert = create(ann_);
    publish("BTC", "65420.15");
    const Answer answer = post("alerts/" + alert + "/test");
    EXPECT_EQ(answer.status, 202) << answer.body;
    const std::string id = member(answer.body, "id");
    EXPECT_EQ(answer.header("Location"), "/api/v1/deliveries/" + id);
    EXPECT_TRUE(answer.has(R"("alert_id":")" + alert + R"(","ticker":"BTC")")) << answer.body;
    EXPECT_TRUE(answer.has(R"("kind":"test","status":"pending","attempt_count":0)")) << answer.body;
    ASSERT_EQ(hinted_.size(), 1u);
    EXPECT_EQ(hinted_[0].delivery_id.to_string(), id);
    const auto claimed = storage_.claim(hinted_, clock_.now(), {"test", clock_.now() + 30s});
    ASSERT_EQ(claimed.size(), 1u);
    EXPECT_EQ(claimed[0].kind, DeliveryKind::test);
    EXPECT_EQ(claimed[0].alert.triggered_price, Decimal::parse("65420.15").value());
    EXPECT_TRUE(call_as(ann_, "GET", "/api/v1/alerts/" + alert).has(R"("is_active":true)"));
    EXPECT_EQ(call_as(ann_, "GET", answer.header("Location")).status, 200);
}

TEST_F(DeliveryActionsTest, ATestShowsNoPriceThatNeverWas) {
    const std::string alert = create(ann_);
    fire(alert, "70001");
    EXPECT_EQ(post("alerts/" + alert + "/test/").status, 202) << "a fired alert can be tested";
    const auto claimed = storage_.claim(hinted_, clock_.now(), {"test", clock_.now() + 30s});
    ASSERT_EQ(claimed.size(), 1u);
    EXPECT_TRUE(
        webhook::webhook_body(claimed[0]).text.contains(R"("triggered_price":null,"target_price":70000)"))
        << webhook::webhook_body(claimed[0]).text;
}

TEST_F(DeliveryActionsTest, ATestShowsWhatIsCompared) {
    publish("BTC", "60000");
    publish("ETH", "3000");
    const auto body_of = [&](const std::string& rule) {
        const Answer made =
            call_as(ann_, "POST", "/api/v1/alerts",
                    R"({"ticker":"ETH","webhook_url":"https://hooks.example.com/r",)" + rule + "}");
        EXPECT_EQ(made.status, 201) << made.body;
        hinted_.clear();
        EXPECT_EQ(post("alerts/" + member(made.body, "id") + "/test").status, 202);
        const auto claimed = storage_.claim(hinted_, clock_.now(), {"test", clock_.now() + 30s});
        return claimed.size() == 1 ? webhook::webhook_body(claimed[0]).text : std::string();
    };
    const std::string ratio = body_of(R"("when":{"watch":{"ratio_to":"BTC"},"is":"below","level":0.04})");
    EXPECT_TRUE(ratio.contains(R"("triggered_price":0.05,"target_price":0.04)")) << ratio;
    const std::string channel = body_of(R"("when":{"is":"outside","level":[1000,3500]})");
    EXPECT_TRUE(channel.contains(R"("triggered_price":3000,"target_price":3500)")) << channel;
    const std::string all = body_of(
        R"("when":{"all":[{"is":"above","level":3100},{"ticker":"BTC","is":"below","level":50000}]})");
    EXPECT_TRUE(all.contains(R"("triggered_price":3000,"target_price":3100)")) << all;
}

TEST_F(DeliveryActionsTest, UnfinishedTestsOfAnAlertAreLimited) {
    const std::string alert = create(ann_);
    std::string last;
    for (std::size_t i = 0; i < max_unfinished_tests; ++i) {
        const Answer answer = post("alerts/" + alert + "/test");
        EXPECT_EQ(answer.status, 202) << answer.body;
        last = member(answer.body, "id");
    }
    hinted_.clear();
    expect_error(
        post("alerts/" + alert + "/test"), 409,
        "5 tests of this alert have not ended yet; ask again when one of them has ended, or cancel one");
    EXPECT_TRUE(hinted_.empty());
    EXPECT_EQ(post("deliveries/" + last + "/cancel").status, 200);
    EXPECT_EQ(post("alerts/" + alert + "/test").status, 202);
}

TEST_F(DeliveryActionsTest, ADisabledUrlIsNotTested) {
    const std::string alert = create(ann_);
    end(fire(alert, "70001"), DeliveryState::failed, true);
    hinted_.clear();
    expect_error(
        post("alerts/" + alert + "/test"), 409,
        "This webhook_url has answered 410 Gone, or has refused too many webhooks in a row, and is not "
        "called any more. POST /api/v1/endpoints/enable with it to have it called again.");
    EXPECT_TRUE(hinted_.empty());
    EXPECT_EQ(storage_.calls("add_test_delivery"), 0);
}

TEST_F(DeliveryActionsTest, AUrlIsTestedBeforeAnAlertHasIt) {
    publish("BTC", "65420.15");
    const std::string body =
        R"({"webhook_url":"HTTPS://Hooks.slack.com/services/x","format":"slack","note":"hi"})";
    const Answer answer = post("endpoints/test", body);
    EXPECT_EQ(answer.status, 202) << answer.body;
    const std::string id = member(answer.body, "id");
    EXPECT_EQ(answer.header("Location"), "/api/v1/deliveries/" + id);
    EXPECT_TRUE(
        answer.has(R"("webhook_url":"https://hooks.slack.com/services/x","kind":"test","status":"pending")"))
        << answer.body;
    ASSERT_EQ(hinted_.size(), 1u);
    const auto claimed = storage_.claim(hinted_, clock_.now(), {"test", clock_.now() + 30s});
    ASSERT_EQ(claimed.size(), 1u);
    EXPECT_EQ(claimed[0].kind, DeliveryKind::test);
    EXPECT_EQ(claimed[0].alert.format, PayloadFormat::slack);
    EXPECT_EQ(claimed[0].alert.note, "hi");
    EXPECT_EQ(claimed[0].alert.triggered_price, Decimal::parse("65420.15").value());
    record(id, 1, DeliveryState::delivered, Attempt{});
    EXPECT_TRUE(call_as(ann_, "GET", "/api/v1/deliveries/" + id).has(R"("status":"delivered")"));
    EXPECT_EQ(call_as(bob_, "GET", "/api/v1/deliveries/" + id).status, 404);
    EXPECT_EQ(call_as(ann_, "GET", "/api/v1/alerts").body, "[]") << "it is no alert";
    EXPECT_EQ(call_as(ann_, "GET", "/api/v1/endpoints").body, "[]");
    EXPECT_EQ(call_as(ann_, "GET", "/api/v1/alerts/" + member(answer.body, "alert_id")).status, 404);
}

TEST_F(DeliveryActionsTest, ARepeatedTestOfAUrlNamesItsDelivery) {
    const net::Headers headers{{"x-api-key", ann_.api_key}, {"idempotency-key", "k"}};
    const auto test = [&] {
        return call("POST", "/api/v1/endpoints/test", R"({"webhook_url":"https://hooks.example.com/a"})",
                    headers);
    };
    const Answer first = test();
    const Answer again = test();
    EXPECT_EQ(again.header("Idempotent-Replayed"), "true");
    EXPECT_EQ(again.body, first.body);
    EXPECT_EQ(again.header("Location"), "/api/v1/deliveries/" + member(first.body, "id"));
}

TEST_F(DeliveryActionsTest, TestsOfAUrlAreLimitedAsThoseOfAnAlert) {
    const std::string body = R"({"webhook_url":"https://hooks.example.com/a","ticker":"eth"})";
    for (std::size_t i = 0; i < max_unfinished_tests; ++i)
        EXPECT_EQ(post("endpoints/test", body).status, 202);
    EXPECT_EQ(post("endpoints/test", body).status, 409);
    EXPECT_EQ(post("endpoints/test", R"({"webhook_url":"https://hooks.example.com/b"})").status, 202);
    EXPECT_EQ(call_as(bob_, "POST", "/api/v1/endpoints/test", body).status, 202);
    end(fired(ann_, "5", "https://gone.example.com/"), DeliveryState::failed, true);
    EXPECT_EQ(post("endpoints/test", R"({"webhook_url":"https://gone.example.com/"})").status, 409);
    expect_invalid(post("endpoints/test", "{}"), R"("body","webhook_url")", "missing");
    expect_invalid(post("endpoints/test", R"({"webhook_url":"http://a.example.com/"})"),
                   R"("body","webhook_url")", "webhook_url");
    expect_invalid(post("endpoints/test", R"({"webhook_url":"https://a.example.com/","ticker":"NONE"})"),
                   R"("body","ticker")", "enum");
}

TEST_F(DeliveryActionsTest, AFailedHintDoesNotAffectTheResponse) {
    const std::string id = fired(ann_);
    fakes::LogCapture log;
    on_hint_ = [] { throw std::runtime_error("the broker is away"); };
    EXPECT_EQ(post("deliveries/" + id + "/retry").status, 202);
    EXPECT_EQ(log.count("warn could not notify the senders of a delivery"), 1u);
}

}  // namespace
}  // namespace pricewire::api
