// Making many alerts at once, and not making them twice.
#include "api/api_fixture.hpp"

namespace pricewire::api {
namespace {

class BulkTest : public ApiTest {
protected:
    static std::string list(const std::vector<std::string>& bodies) {
        std::string out = "[";
        for (const std::string& body : bodies) out += (out.size() > 1 ? "," : "") + body;
        return out + "]";
    }
    static std::string numbered(int from, int count) {
        std::vector<std::string> bodies;
        for (int i = 0; i < count; ++i) bodies.push_back(alert_body(std::to_string(from + i)));
        return list(bodies);
    }
    Answer bulk(const std::string& body, const std::string& key = {}) {
        return post("/api/v1/alerts/bulk", body, key);
    }
    Answer post(const std::string& path, const std::string& body, const std::string& key) {
        return wait(begin(path, body, key));
    }
    Pending begin(const std::string& path, const std::string& body, const std::string& key) {
        net::Headers headers{{"x-api-key", ann_.api_key}};
        if (!key.empty()) headers.emplace_back("idempotency-key", key);
        return start("POST", path, body, std::move(headers));
    }
    std::size_t alerts() { return ids(call_as(ann_, "GET", "/api/v1/alerts?limit=1000")).size(); }
    std::string made(const std::string& body) {
        const Answer answer = call_as(ann_, "POST", "/api/v1/alerts", body);
        EXPECT_EQ(answer.status, 201) << answer.body;
        return member(answer.body, "id");
    }

    // Another process has created an alert of ann's by this request, and so answered it.
    void created_elsewhere(const std::string& path, const std::string& body, const std::string& key,
                           int status, const std::string& answer) {
        Alert alert;
        alert.id = make_uuid(clock_.now());
        alert.user_id = Uuid::parse(ann_.id).value();
        alert.ticker = "BTC";
        alert.target = Decimal::from_int(1);
        alert.webhook_url = "https://hooks.example.com/" + key;
        alert.created_at = clock_.now();
        const storage::IdempotentRequest request{.key = key,
                                                 .request = sha256("POST " + path + "\n" + body),
                                                 .at = clock_.now(),
                                                 .status = status,
                                                 .answer = answer};
        EXPECT_TRUE(storage_.create_alert(alert, 10, &request));
    }

    Account ann_ = register_user("ann@example.com");
    Account bob_ = register_user("bob@example.com");
};

TEST_F(BulkTest, EachAlertHasItsOwnAnswerByItsPlace) {
    vet_ = [](std::string_view url) -> Result<net::WebhookUrl> {
        if (url.find("inside") != std::string_view::npos) return fail("10.0.0.1 is a private address");
        return net::WebhookUrl{};
    };
    api_ = nullptr;
    const Answer answer = bulk(list({
        alert_body("1"),
        R"({"ticker":"BTC"})",
        alert_body("1"),
        R"({"ticker":"ETH","when":{"is":"crosses","level":2},"webhook_url":"https://hooks.example.com/a"})",
        alert_body("3", "BTC", "gt", "https://inside.example.com/"),
        "7",
    }));
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_TRUE(answer.body.starts_with(
        R"({"created":2,"failed":4,"results":[{"index":0,"status":201,"alert":{"id":")"))
        << answer.body;
    EXPECT_TRUE(answer.has(
        R"({"index":1,"status":422,"error":{"error":"ValidationError","detail":[{"loc":["body","target_price"],"msg":"Field required","type":"missing"},)"))
        << answer.body;
    EXPECT_TRUE(answer.has(
        R"({"index":2,"status":409,"error":{"error":"HTTPException","detail":"An identical active alert already exists","code":409}})"))
        << answer.body;
    EXPECT_TRUE(answer.has(R"({"index":3,"status":201,"alert":{)")) << answer.body;
    EXPECT_TRUE(answer.has(
        R"({"index":4,"status":422,"error":{"error":"ValidationError","detail":[{"loc":["body","webhook_url"],"msg":"10.0.0.1 is a private address")"))
        << answer.body;
    EXPECT_TRUE(answer.has(R"({"index":5,"status":422,"error":)")) << answer.body;
    EXPECT_EQ(alerts(), 2U);
    EXPECT_EQ(storage_.calls("create_alerts"), 1) << "in one transaction";
    const std::string listed = call_as(ann_, "GET", "/api/v1/alerts?ticker=BTC").body;
    EXPECT_TRUE(answer.has(R"("status":201,"alert":)" + listed.substr(1, listed.size() - 2))) << listed;
}

TEST_F(BulkTest, TakesUpToAThousandWithinTheUsersLimit) {
    options_.alerts_per_user = 700;
    api_ = nullptr;
    const Answer most = bulk(R"({"alerts":)" + numbered(1, 1000) + "}");
    ASSERT_EQ(most.status, 200);
    EXPECT_TRUE(most.body.starts_with(R"({"created":700,"failed":300,)")) << most.body.substr(0, 100);
    EXPECT_TRUE(
        most.has(R"({"index":700,"status":403,"error":{"error":"HTTPException","detail":"Alert limit)"));
    EXPECT_EQ(alerts(), 700U);
    expect_invalid(bulk(numbered(1, 1001)), R"("body","alerts")", "too_long");
    expect_invalid(bulk("[]"), R"("body","alerts")", "too_short");
    expect_invalid(bulk("{}"), R"("body","alerts")", "missing");
    expect_invalid(bulk(R"({"alerts":7})"), R"("body","alerts")", "list_type");
    expect_invalid(bulk("7"), R"("body")", "model_attributes_type");
    expect_invalid(bulk("[{]"), R"("body")", "json_invalid");
    expect_invalid(bulk(""), R"("body")", "missing");
}

TEST_F(BulkTest, IsNoWayAroundTheLimitOfRequests) {
    options_.user_limit = {5, 10s};
    options_.alerts_per_user = 10;
    api_ = nullptr;
    const auto create_and_delete = [&](int count) {
        const Answer answer = bulk(numbered(1, count));
        if (answer.status != 200) return answer;
        EXPECT_TRUE(answer.body.starts_with("{\"created\":" + std::to_string(count) + ",")) << answer.body;
        EXPECT_EQ(call_as(ann_, "DELETE", "/api/v1/alerts?ticker=BTC").status, 200);
        return answer;
    };
    EXPECT_EQ(create_and_delete(10).status, 200);
    EXPECT_EQ(create_and_delete(5).status, 200);
    const Answer refused = create_and_delete(1);
    expect_error(refused, 429, "Rate limit exceeded: 15 alerts created in bulk per 30s. Try again in 2 s.");
    EXPECT_EQ(refused.header("RateLimit-Limit"), "15");
    EXPECT_EQ(refused.header("Retry-After"), "2");
    EXPECT_EQ(call_as(bob_, "POST", "/api/v1/alerts/bulk", numbered(1, 1)).status, 200)
        << "it is ann's alone";
    clock_.advance(2s);
    EXPECT_EQ(create_and_delete(10).status, 200) << "one that is left lets a call in";
    clock_.advance(10s);
    EXPECT_EQ(bulk("[{}]").status, 200) << "what is refused costs only its request";
    EXPECT_EQ(bulk("[{}]").status, 200);
}

TEST_F(BulkTest, ResolvesEachUrlOnceAndNoLongerThanOneName) {
    std::vector<std::string> asked;
    vet_ = [&](std::string_view url) -> Result<net::WebhookUrl> {
        asked.emplace_back(url);
        if (asked.size() == 2) clock_.advance(2s);
        return net::WebhookUrl{};
    };
    api_ = nullptr;
    std::vector<std::string> bodies;
    for (int i = 0; i < 40; ++i)
        bodies.push_back(alert_body(std::to_string(i + 1), "BTC", "gt",
                                    "https://" + std::to_string(i / 10) + ".example.com/"));
    const Answer answer = bulk(list(bodies));
    EXPECT_TRUE(answer.body.starts_with(R"({"created":40,"failed":0,)")) << answer.body;
    EXPECT_EQ(asked, (std::vector<std::string>{"https://0.example.com/", "https://1.example.com/"}))
        << "the others are taken on their text";
}

TEST_F(BulkTest, ARepeatedRequestIsAnsweredWithoutCreatingAgain) {
    const Answer first = post("/api/v1/alerts", alert_body("1"), "k 1");
    ASSERT_EQ(first.status, 201) << first.body;
    const Answer again = post("/api/v1/alerts/", alert_body("1"), "k 1");
    EXPECT_EQ(again.status, 201);
    EXPECT_EQ(again.body, first.body);
    EXPECT_EQ(again.header("Location"), first.header("Location"));
    EXPECT_EQ(again.header("Idempotent-Replayed"), "true");
    EXPECT_EQ(first.header("Idempotent-Replayed"), "");
    EXPECT_EQ(post("/api/v1/alerts", alert_body("1"), {}).status, 409) << "without a key it is another one";

    const Answer many = bulk(numbered(10, 3), "k2");
    ASSERT_EQ(many.status, 200) << many.body;
    EXPECT_EQ(bulk(numbered(10, 3), "k2").body, many.body);
    EXPECT_EQ(alerts(), 4U);

    const std::string id = ids(first)[0];
    const Answer test = post("/api/v1/alerts/" + id + "/test", "", "k3");
    ASSERT_EQ(test.status, 202) << test.body;
    const Answer test_again = post("/api/v1/alerts/" + id + "/test", "", "k3");
    EXPECT_EQ(test_again.status, 202);
    EXPECT_EQ(test_again.body, test.body);
    EXPECT_EQ(test_again.header("Location"), test.header("Location"));
    EXPECT_EQ(ids(call_as(ann_, "GET", "/api/v1/alerts/" + id + "/deliveries")).size(), 1U);
    EXPECT_EQ(call_as(ann_, "GET", test.header("Location")).body.substr(0, 60), test.body.substr(0, 60));
}

TEST_F(BulkTest, AStoredTestReadsLikeTheDelivery) {
    const std::string id = made(alert_body("1"));
    const Answer test = post("/api/v1/alerts/" + id + "/test", "", "k");
    const std::string listed = call_as(ann_, "GET", "/api/v1/alerts/" + id + "/deliveries").body;
    EXPECT_EQ("[" + test.body + "]", listed);
}

TEST_F(BulkTest, AKeyBelongsToOneRequestOfOneUser) {
    const Answer first = post("/api/v1/alerts", alert_body("1"), "k");
    ASSERT_EQ(first.status, 201);
    const char* loc = R"("header","Idempotency-Key")";
    expect_invalid(post(first.header("Location") + "/test", "", "k"), loc, "idempotency_key");
    expect_invalid(post("/api/v1/alerts", alert_body("2"), "k"), loc, "idempotency_key");
    expect_invalid(bulk(numbered(1, 1), "k"), loc, "idempotency_key");
    EXPECT_EQ(call("POST", "/api/v1/alerts", alert_body("2"),
                   {{"x-api-key", bob_.api_key}, {"idempotency-key", "k"}})
                  .status,
              201);
    clock_.advance(24h + 1s);
    EXPECT_EQ(post("/api/v1/alerts", alert_body("2"), "k").status, 201) << "a day later it is free";
}

TEST_F(BulkTest, AKeyIsBoundedAndPrintable) {
    const char* loc = R"("header","Idempotency-Key")";
    EXPECT_EQ(post("/api/v1/alerts", alert_body("1"), std::string(255, 'k')).status, 201);
    expect_invalid(post("/api/v1/alerts", alert_body("2"), std::string(256, 'k')), loc,
                   "string_pattern_mismatch");
    expect_invalid(post("/api/v1/alerts", alert_body("2"), "k\x01"), loc, "string_pattern_mismatch");
    expect_invalid(post("/api/v1/alerts", alert_body("2"), "\xc3\xa9"), loc, "string_pattern_mismatch");
    EXPECT_EQ(alerts(), 1U);
}

TEST_F(BulkTest, ARequestThatCreatesNothingLeavesItsKeyFree) {
    EXPECT_EQ(post("/api/v1/alerts", alert_body("-1"), "k").status, 422);
    ASSERT_EQ(post("/api/v1/alerts", alert_body("1"), "other").status, 201);
    EXPECT_EQ(post("/api/v1/alerts", alert_body("1"), "k").status, 409) << "an identical alert";
    EXPECT_EQ(bulk("[{}]", "k").status, 200);
    EXPECT_EQ(post("/api/v1/alerts", alert_body("2"), "k").status, 201);
    EXPECT_EQ(post("/api/v1/alerts/018f3f6e-7c1a-7a3b-8f00-0123456789ab/test", "", "free").status, 404);
    EXPECT_EQ(post("/api/v1/alerts", alert_body("3"), "free").status, 201);
}

TEST_F(BulkTest, AKeyWhoseRequestIsBeingHandledIsRefused) {
    std::promise<void> vetting, go_on;
    std::atomic<int> count{0};
    vet_ = [&, gate = go_on.get_future().share()](std::string_view) -> Result<net::WebhookUrl> {
        if (count++ == 0) {
            vetting.set_value();
            gate.wait();
        }
        return net::WebhookUrl{};
    };
    api_ = nullptr;
    auto slow = begin("/api/v1/alerts", alert_body("1"), "k");
    vetting.get_future().wait();
    const Answer refused = post("/api/v1/alerts", alert_body("1"), "k");
    expect_error(refused, 409,
                 "A request with this Idempotency-Key is being handled; ask again when it has been answered");
    EXPECT_EQ(refused.header("Retry-After"), "1");
    EXPECT_EQ(bulk(numbered(1, 1), "k").status, 409);
    EXPECT_EQ(call("POST", "/api/v1/alerts", alert_body("1"),
                   {{"x-api-key", bob_.api_key}, {"idempotency-key", "k"}})
                  .status,
              201)
        << "it is ann's key";
    go_on.set_value();
    const Answer first = wait(std::move(slow));
    EXPECT_EQ(first.status, 201);
    EXPECT_EQ(post("/api/v1/alerts", alert_body("1"), "k").body, first.body);
}

// What another process has created for the same request is the answer, too, where there is nothing left to create.
TEST_F(BulkTest, ARequestThatIsRefusedSinceAnotherProcessWasFasterHasItsAnswer) {
    // What such requests are answered.
    const std::string of_one = post("/api/v1/alerts", alert_body("71"), "").body;
    const std::string of_many = bulk(numbered(72, 2)).body;
    std::function<void()> meanwhile;
    vet_ = [&](std::string_view) -> Result<net::WebhookUrl> {
        meanwhile();
        return fail("no room any more");
    };
    api_ = nullptr;
    meanwhile = [&] { created_elsewhere("/api/v1/alerts", alert_body("1"), "one", 201, of_one); };
    const Answer one = post("/api/v1/alerts", alert_body("1"), "one");
    EXPECT_EQ(one.status, 201) << one.body;
    EXPECT_EQ(one.body, of_one);
    EXPECT_EQ(one.header("Idempotent-Replayed"), "true");
    const std::string many = numbered(2, 1);
    meanwhile = [&] { created_elsewhere("/api/v1/alerts/bulk", many, "many", 200, of_many); };
    EXPECT_EQ(bulk(many, "many").body, of_many);
    meanwhile = [] {};
    EXPECT_EQ(post("/api/v1/alerts", alert_body("3"), "free").status, 422);
}

TEST_F(BulkTest, NoKeyIsForgottenWithinADay) {
    options_.kept_keys = 2;
    api_ = nullptr;
    const Answer first = post("/api/v1/alerts", alert_body("1"), "k1");
    clock_.advance(1h);
    EXPECT_EQ(post("/api/v1/alerts", alert_body("2"), "k2").status, 201);
    const Answer refused = post("/api/v1/alerts", alert_body("3"), "k3");
    expect_error(
        refused, 429,
        "You have used 2 keys within the last 24 h, as many as are kept. Try again in 82800 s, or without "
        "an Idempotency-Key.");
    EXPECT_EQ(refused.header("Retry-After"), "82800");
    EXPECT_EQ(bulk(numbered(3, 1), "k3").status, 429);
    EXPECT_EQ(post("/api/v1/alerts", alert_body("1"), "k1").body, first.body)
        << "one that was used is answered";
    EXPECT_EQ(post("/api/v1/alerts", alert_body("3"), "").status, 201);
    clock_.advance(23h);
    EXPECT_EQ(post("/api/v1/alerts", alert_body("4"), "k3").status, 201);
}

// Of answers only the newest are kept, of keys all.
TEST_F(BulkTest, AnAnswerThatIsTooLargeToBeKeptIsNotMadeAgain) {
    const auto keep = [&](const std::string& key, const std::string& answer) {
        created_elsewhere("/api/v1/alerts/bulk", numbered(1, 1), key, 200, answer);
        clock_.advance(1s);
    };
    const std::string answer = bulk(numbered(72, 2)).body;
    keep("large", std::string(storage::max_kept_answer_bytes, ' '));
    keep("newer", answer);
    expect_error(
        bulk(numbered(1, 1), "large"), 409,
        "A request with this Idempotency-Key has created what it asked for within the last 24 h; its answer "
        "was too large to be kept");
    EXPECT_EQ(bulk(numbered(1, 1), "newer").body, answer);
    expect_invalid(bulk(numbered(2, 1), "large"), R"("header","Idempotency-Key")", "idempotency_key");
    EXPECT_EQ(alerts(), 4U);
}

TEST_F(BulkTest, AnAnswerThatWasLostWithTheDatabaseIsFoundAgain) {
    storage_.fail();
    EXPECT_EQ(post("/api/v1/alerts", alert_body("1"), "k").status, 503);
    storage_.heal();
    EXPECT_EQ(post("/api/v1/alerts", alert_body("1"), "k").status, 201);
    EXPECT_EQ(post("/api/v1/alerts", alert_body("1"), "k").status, 201);
    EXPECT_EQ(alerts(), 1U);
}

}  // namespace
}  // namespace pricewire::api
