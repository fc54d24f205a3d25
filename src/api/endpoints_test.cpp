#include "api/delivery_fixture.hpp"

namespace pricewire::api {
namespace {

class EndpointsTest : public DeliveryFixture {
protected:
    Answer enable(const std::string& url) {
        return call_as(ann_, "POST", "/api/v1/endpoints/enable", R"({"webhook_url":")" + url + "\"}");
    }
};

constexpr const char* closed = R"("breaker":{"state":"closed","failures":0,"retry_at":null,"reason":null})";

constexpr const char* never =
    R"("last_24h":{"attempts":0,"succeeded":0,"success_rate":null,"p50_ms":null,"p95_ms":null},)"
    R"("last_success_at":null,"last_failure":null)";

TEST_F(EndpointsTest, SayWhatHasBecomeOfTheirWebhooks) {
    const std::string url = "https://a.example.com/1";
    const auto shown = [&] { return call_as(ann_, "GET", "/api/v1/endpoints"); };
    create(ann_, "1", url);
    EXPECT_TRUE(shown().has(R"("state":"not_called",)" + std::string(never))) << shown().body;
    const auto called = [&](const std::string& target, std::optional<int> status, Duration took) {
        const std::string id = fired(ann_, target, url);
        claim(id, 1);
        DeliveryOutcome outcome{.delivery_id = *Uuid::parse(id), .attempt_number = 1, .attempt = Attempt{}};
        outcome.user_id = *Uuid::parse(ann_.id);
        outcome.webhook_url = url;
        outcome.ended_at = outcome.attempt->started_at = clock_.now();
        outcome.attempt->duration = took;
        outcome.attempt->status = status;
        const bool ok = status && *status < 300;
        outcome.next = ok ? DeliveryState::delivered : DeliveryState::failed;
        if (!ok) outcome.reason = outcome.attempt->error = "the receiver answered nothing good";
        storage_.record({&outcome, 1});
        clock_.advance(1min);
    };
    for (const char* target : {"2", "3", "4"}) called(target, 200, 40ms);
    EXPECT_TRUE(shown().has(R"("state":"ok","last_24h":{"attempts":3,"succeeded":3,"success_rate":1,)"
                            R"("p50_ms":40,"p95_ms":49},)"
                            R"("last_success_at":"2023-11-14T22:15:20Z","last_failure":null)"))
        << shown().body;
    called("5", 500, 8s);
    called("6", std::nullopt, 5s);
    EXPECT_TRUE(
        shown().has(R"("state":"failing","last_24h":{"attempts":5,"succeeded":3,"success_rate":0.6,)"))
        << shown().body;
    EXPECT_TRUE(shown().has(R"("p95_ms":5000},"last_success_at":"2023-11-14T22:15:20Z",)"
                            R"("last_failure":{"at":"2023-11-14T22:17:20Z",)"
                            R"("reason":"the receiver answered nothing good","status":null}})"))
        << shown().body;
    called("7", 204, 1ms);
    EXPECT_TRUE(shown().has(R"("state":"ok")"));
    EXPECT_TRUE(shown().has(R"("last_failure":{"at":)")) << "it is not forgotten";
    clock_.advance(26h);
    EXPECT_TRUE(shown().has(R"("state":"ok","last_24h":{"attempts":0,)"));
    create(ann_, "8", "https://b.example.com/");
    EXPECT_TRUE(call_as(ann_, "GET", "/api/v1/endpoints?webhook_url=HTTPS://B.example.com/")
                    .body.starts_with(R"([{"webhook_url":"https://b.example.com/",)"));
    EXPECT_TRUE(call_as(ann_, "GET", "/api/v1/endpoints?webhook_url=https://b.example.com/&limit=1")
                    .body.starts_with(R"([{"webhook_url":"https://b.example.com/",)"))
        << "it is not the first one";
    EXPECT_EQ(call_as(ann_, "GET", "/api/v1/endpoints?webhook_url=https://none.example.com/").body, "[]");
}

TEST_F(EndpointsTest, AreTheUrlsOfTheUsersAlertsWithTheirState) {
    EXPECT_EQ(call_as(ann_, "GET", "/api/v1/endpoints").body, "[]");
    create(ann_, "1", "https://a.example.com/1");
    create(ann_, "2", "https://a.example.com/1");
    create(bob_, "1", "https://bob.example.com/secret");
    end(fire(create(ann_, "3", "https://b.example.com:8443/2"), "5"), DeliveryState::failed, true);
    const Breaker breakers[] = {
        open_breaker("ann@example.com", "https://a.example.com:443", 5),
        open_breaker("bob@example.com", "https://a.example.com:443", 9),
        open_breaker("bob@example.com", "https://bob.example.com:443", 7),
    };
    storage_.save_breakers(breakers);
    for (const char* path : {"/api/v1/endpoints", "/api/v1/endpoints/"}) {
        const Answer answer = call_as(ann_, "GET", path);
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(
            answer.body,
            R"([{"webhook_url":"https://b.example.com:8443/2","disabled_at":"2023-11-14T22:13:20Z",)"
            R"("reason":"503 Service Unavailable",)" +
                std::string(closed) + R"(,"state":"paused",)" + std::string(never) +
                R"(},{"webhook_url":"https://a.example.com/1","disabled_at":null,"reason":null,)"
                R"("breaker":{"state":"open","failures":5,"retry_at":"2023-11-14T22:14:20Z","reason":"no answer"},)"
                R"("state":"paused",)" +
                std::string(never) + "}]");
    }
}

TEST_F(EndpointsTest, ShowNothingOfAnotherUsersDeliveriesToTheSameHost) {
    create(ann_, "1", "https://shared.example.com/ann");
    create(bob_, "1", "https://shared.example.com/bob");
    const std::string before = call_as(bob_, "GET", "/api/v1/endpoints").body;
    const Breaker breakers[] = {open_breaker("ann@example.com", "https://shared.example.com:443", 5)};
    storage_.save_breakers(breakers);
    EXPECT_EQ(call_as(bob_, "GET", "/api/v1/endpoints").body, before);
    EXPECT_TRUE(call_as(ann_, "GET", "/api/v1/endpoints").has(R"("state":"open","failures":5)"));
}

TEST_F(EndpointsTest, AreListedInPages) {
    for (int i = 0; i < 3; ++i) {
        create(ann_, "1", "https://a.example.com/" + std::to_string(i));
        end(fired(ann_, "2", "https://gone.example.com/" + std::to_string(i)), DeliveryState::failed, true);
    }
    std::vector<std::string> urls;
    std::string path = "/api/v1/endpoints/?limit=2";
    for (int page = 0; page < 3; ++page) {
        const Answer answer = call_as(ann_, "GET", path);
        EXPECT_EQ(answer.status, 200) << answer.body;
        for (auto at = answer.body.find("https://"); at != std::string::npos;
             at = answer.body.find("https://", at + 1))
            urls.push_back(answer.body.substr(at, answer.body.find('"', at) - at));
        path = next_page(answer);
        EXPECT_EQ(path.empty(), page == 2);
    }
    EXPECT_EQ(urls, (std::vector<std::string>{"https://gone.example.com/0", "https://gone.example.com/1",
                                              "https://gone.example.com/2", "https://a.example.com/0",
                                              "https://a.example.com/1", "https://a.example.com/2"}));
    for (const char* wrong : {"cursor=x", "cursor=", "cursor=MgA", "cursor=MAA", "cursor=Mf__"})
        expect_invalid(call_as(ann_, "GET", std::string("/api/v1/endpoints?") + wrong), R"("query","cursor")",
                       "value_error");
    expect_invalid(call_as(ann_, "GET", "/api/v1/endpoints?limit=1001"), R"("query","limit")",
                   "out_of_range");
}

TEST_F(EndpointsTest, ADisabledOneCanBeEnabledOnce) {
    const std::string url = "https://a.example.com/1";
    end(fired(ann_, "1", url), DeliveryState::failed, true);
    EXPECT_EQ(call_as(bob_, "POST", "/api/v1/endpoints/enable", R"({"webhook_url":")" + url + "\"}").status,
              404);
    const Answer answer = enable(url);
    EXPECT_EQ(answer.status, 204);
    EXPECT_EQ(answer.body, "");
    expect_error(enable(url), 404, "This webhook_url is not disabled");
    EXPECT_TRUE(call_as(ann_, "GET", "/api/v1/endpoints").has(R"("disabled_at":null)"));
}

TEST_F(EndpointsTest, AUrlMayHaveTheSpellingUsedAtCreation) {
    const std::string url = "HTTPS://A.Example.com./1";
    end(fired(ann_, "1", url), DeliveryState::failed, true);
    EXPECT_EQ(enable(url).status, 204);
    expect_error(enable(url), 404, "This webhook_url is not disabled");
}

TEST_F(EndpointsTest, ErrorsInABodyAreReported) {
    const auto post = [&](std::string body) {
        return call_as(ann_, "POST", "/api/v1/endpoints/enable/", std::move(body));
    };
    expect_invalid(post(""), R"("body")", "missing");
    expect_invalid(post("{}"), R"("body","webhook_url")", "missing");
    expect_invalid(post(R"({"webhook_url":7})"), R"("body","webhook_url")", "string_type");
    expect_invalid(post(R"({"webhook_url":")" + std::string(2049, 'x') + "\"}"), R"("body","webhook_url")",
                   "too_long");
    expect_error(enable("rubbish"), 404, "This webhook_url is not disabled");
}

}  // namespace
}  // namespace pricewire::api
