// What all requests share: routing, methods, headers, documents, workers.
#include <set>
#include <stdexcept>
#include <thread>

#include "api/api_fixture.hpp"
#include "api/embedded.hpp"
#include "base/mutex.hpp"
#include "fakes/log_capture.hpp"

namespace pricewire::api {
namespace {

class CommonTest : public ApiTest {};

TEST_F(CommonTest, AnUnknownPathIs404) {
    for (const char* path : {"/nowhere",
                             "/api",
                             "/api/v1",
                             "/api/v1/",
                             "/api/v2/rates",
                             "//",
                             "/api/v1//rates",
                             "/api/v1/rates//",
                             "/API/V1/RATES",
                             "/api/v1/users",
                             "/health/dead",
                             "/api/v1/alerts/1/2",
                             "/api/v1/deliveries/1/2/retry",
                             "/api/v1/deliveries//retry",
                             "/api/v1/deliveries/1/retry/2",
                             "/api/v1/deliveries/1/Retry",
                             "/api/v1/alerts/1/tests",
                             "/api/v1/alerts/testing/1test",
                             "/api/v1/users/me/api-key/1",
                             "/api/v1/endpoints/1"}) {
        expect_error(call("GET", path), 404, "Not Found");
    }
    expect_error(call("BREW", "/coffee"), 404, "Not Found");
}

TEST_F(CommonTest, AnUnsupportedMethodIs405WithTheSupportedOnes) {
    const std::pair<const char*, const char*> allowed[] = {
        {"/api/v1/alerts", "POST, GET, HEAD, DELETE, OPTIONS"},
        {"/api/v1/alerts/", "POST, GET, HEAD, DELETE, OPTIONS"},
        {"/api/v1/alerts/7", "GET, HEAD, PATCH, DELETE, OPTIONS"},
        {"/api/v1/alerts/bulk", "POST, OPTIONS"},
        {"/api/v1/alerts/7/firings", "GET, HEAD, OPTIONS"},
        {"/api/v1/alerts/preview/", "POST, OPTIONS"},
        {"/api/v1/alerts/7/state", "GET, HEAD, OPTIONS"},
        {"/api/v1/users/register", "POST, OPTIONS"},
        {"/api/v1/users/me", "GET, HEAD, DELETE, OPTIONS"},
        {"/api/v1/users/me/api-key", "POST, OPTIONS"},
        {"/api/v1/users/me/webhook-secret/", "GET, HEAD, POST, OPTIONS"},
        {"/api/v1/alerts/7/test", "POST, OPTIONS"},
        {"/api/v1/alerts/7/deliveries/", "GET, HEAD, OPTIONS"},
        {"/api/v1/deliveries", "GET, HEAD, OPTIONS"},
        {"/api/v1/deliveries/7", "GET, HEAD, OPTIONS"},
        {"/api/v1/deliveries/recover", "POST, OPTIONS"},
        {"/api/v1/deliveries/7/retry", "POST, OPTIONS"},
        {"/api/v1/deliveries/recover/cancel/", "POST, OPTIONS"},
        {"/api/v1/endpoints", "GET, HEAD, OPTIONS"},
        {"/api/v1/endpoints/enable", "POST, OPTIONS"},
        {"/api/v1/rates", "GET, HEAD, OPTIONS"},
        {"/api/v1/rates/BTC/history", "GET, HEAD, OPTIONS"},
        {"/health", "GET, HEAD, OPTIONS"},
        {"/", "GET, HEAD, OPTIONS"},
    };
    for (const auto& [path, methods] : allowed) {
        const Answer refused = call("PUT", path);
        expect_error(refused, 405, "Method Not Allowed");
        EXPECT_EQ(refused.header("Allow"), methods) << path;
        const Answer options = call("OPTIONS", path);
        EXPECT_EQ(options.status, 204);
        EXPECT_EQ(options.header("Allow"), methods);
        EXPECT_EQ(options.body, "");
    }
    EXPECT_EQ(call("GET", "/api/v1/users/register").status, 405);
    EXPECT_EQ(call("GET", "/api/v1/deliveries/recover").status, 405) << "it is not a delivery id";
    EXPECT_EQ(call("GET", "/api/v1/deliveries/7/retry").status, 405);
}

TEST_F(CommonTest, HeadIsAnsweredAsGet) {
    EXPECT_EQ(call("HEAD", "/health/live").status, 200);
    EXPECT_EQ(call("HEAD", "/api/v1/users/me").status, 401);
}

TEST_F(CommonTest, EveryResponseHasARequestId) {
    const Answer mine = call("GET", "/nowhere", {}, {{"x-request-id", "abc-DEF_1.2"}});
    EXPECT_EQ(mine.header("X-Request-Id"), "abc-DEF_1.2");
    const Account ann = register_user("ann@example.com");
    std::set<std::string> made;
    for (const std::string& odd : {std::string(), std::string("two words"), std::string("a\r\nb"),
                                   std::string("\"<>"), std::string(129, 'a')}) {
        made.insert(call("GET", "/health/live", {}, {{"x-request-id", odd}}).header("X-Request-Id"));
    }
    made.insert(call("GET", "/health").header("X-Request-Id"));
    made.insert(call_as(ann, "GET", "/api/v1/alerts").header("X-Request-Id"));
    EXPECT_EQ(made.size(), 7u);
    EXPECT_FALSE(made.contains(""));
}

TEST_F(CommonTest, NoResponseIsSniffedOrCached) {
    for (const char* path : {"/", "/nowhere", "/health", "/openapi.json", "/docs", "/api/v1/users/me"}) {
        const Answer answer = call("GET", path);
        EXPECT_EQ(answer.header("X-Content-Type-Options"), "nosniff") << path;
        EXPECT_EQ(answer.header("Cache-Control"), "no-store") << path;
    }
}

TEST_F(CommonTest, PlainPagesRunAndLoadNothing) {
    for (const char* path : {"/", "/docs", "/docs/"}) {
        const Answer answer = call("GET", path);
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.response.content_type, "text/html; charset=utf-8");
        const std::string policy = answer.header("Content-Security-Policy");
        const std::size_t style = answer.body.find("<style>") + 7;
        const std::string css = answer.body.substr(style, answer.body.find("</style>") - style);
        EXPECT_EQ(policy, "default-src 'none'; style-src 'sha256-" + base64_encode(sha256(css)) +
                              "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
        EXPECT_FALSE(answer.has("<script"));
        EXPECT_FALSE(answer.has("src="));
        EXPECT_FALSE(answer.has("href=\"http"));
        EXPECT_TRUE(answer.has("href=\"/openapi.json\""));
    }
}

TEST_F(CommonTest, TheReferenceListsEveryOperation) {
    const Answer answer = call("GET", "/docs");
    for (const char* part : {"registerUser",
                             "getMe",
                             "getRates",
                             "getRate",
                             "createAlert",
                             "listAlerts",
                             "getAlert",
                             "deleteAlert",
                             "getHealth",
                             "getLive",
                             "deleteMe",
                             "replaceApiKey",
                             "getWebhookSecret",
                             "rotateWebhookSecret",
                             "listAlertDeliveries",
                             "testAlert",
                             "listDeliveries",
                             "recoverDeliveries",
                             "getDelivery",
                             "retryDelivery",
                             "cancelDelivery",
                             "listEndpoints",
                             "enableEndpoint",
                             "alertFired",
                             "alert_fired",
                             "Messages of the client",
                             "your webhook_url",
                             "webhook-signature",
                             "/api/v1/alerts/{id}",
                             "Rate limit exceeded"}) {
        EXPECT_TRUE(answer.has(part)) << part;
    }
}

TEST_F(CommonTest, ServesItsOpenApi31Document) {
    const Answer answer = call("GET", "/openapi.json");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.response.content_type, "application/json");
    EXPECT_TRUE(answer.body.starts_with(
        R"({"openapi":"3.1.0","info":{"title":"Pricewire","version":")" PRICEWIRE_VERSION "\""))
        << answer.body.substr(0, 200);
    for (const char* part :
         {R"("/api/v1/users/register":{"post":)", R"("/api/v1/users/me":{"get":)",
          R"("/api/v1/rates":{"get":)", R"("/api/v1/rates/{ticker}":{"get":)", R"("/api/v1/alerts":{"post":)",
          R"("/health":{"get":)", R"("required":true)", R"("minimum":1,"maximum":1000,"default":100)",
          R"("triggered_at":null)", R"("target_price":70000)", R"("/api/v1/deliveries/{id}/retry":)",
          R"("/api/v1/endpoints/enable":{"post":)", R"("webhooks":{"alert":{"post":)"}) {
        EXPECT_TRUE(answer.has(part)) << part;
    }
}

TEST_F(CommonTest, AnUnexpectedErrorIs500WithoutTheReason) {
    fakes::LogCapture log;
    const Account ann = register_user("ann@example.com");
    storage_.after_lookup = [] { throw std::runtime_error("secret path"); };
    const Answer answer = call_as(ann, "GET", "/api/v1/users/me");
    expect_error(answer, 500, "Internal Server Error");
    EXPECT_EQ(log.count("a request failed and was answered 500 reason=secret path request_id=" +
                        answer.header("X-Request-Id")),
              1u);
}

TEST_F(CommonTest, ADatabaseOutageIsLoggedOnce) {
    fakes::LogCapture log;
    storage_.fail();
    for (int i = 0; i < 3; ++i) call("POST", "/api/v1/users/register", R"({"email":"ann@example.com"})");
    EXPECT_EQ(log.count("the database cannot be reached"), 1u);
    storage_.heal();
    register_user("ann@example.com");
    EXPECT_EQ(log.count("the database can be reached again"), 1u);
}

TEST_F(CommonTest, ADatabaseThatCannotStoreIs503AndSaysThatNothingWasStored) {
    fakes::LogCapture log;
    const Account ann = register_user("ann@example.com");
    storage_.fail("database: database or disk is full", storage::Trouble::full);
    for (int i = 0; i < 3; ++i) {
        const Answer answer = call("POST", "/api/v1/users/register", R"({"email":"bob@example.com"})");
        expect_error(
            answer, 503,
            "The database cannot store or find this right now. Nothing was changed; try again shortly.");
        EXPECT_EQ(answer.header("Retry-After"), "1");
    }
    EXPECT_EQ(log.count("the database cannot be reached"), 0u) << "it can";
    EXPECT_EQ(log.count("error the database does not work"), 1u);
    storage_.heal();
    register_user("bob@example.com");
    EXPECT_EQ(log.count("info the database works again"), 1u);
}

TEST_F(CommonTest, ALackOfMemoryIs503) {
    const Account ann = register_user("ann@example.com");
    storage_.after_lookup = [] { throw std::bad_alloc(); };
    expect_error(call_as(ann, "GET", "/api/v1/users/me"), 503,
                 "The server is out of memory right now. Nothing was changed; try again shortly.");
}

TEST_F(CommonTest, AFullQueueIs503) {
    options_.workers = 1;
    options_.worker_queue = 2;
    const Account ann = register_user("ann@example.com");
    std::promise<void> reading;
    std::promise<void> release;
    std::atomic<bool> first{true};
    storage_.after_lookup = [&, gate = release.get_future().share()] {
        if (first.exchange(false)) reading.set_value();
        gate.wait();
    };
    std::vector<Pending> accepted;
    accepted.push_back(start("GET", "/api/v1/users/me", {}, {{"x-api-key", ann.api_key}}));
    reading.get_future().wait();
    for (const char* client : {"192.0.2.2", "192.0.2.3"}) {
        accepted.push_back(start("GET", "/api/v1/users/me", {}, {{"x-api-key", ann.api_key}}, client));
    }
    const Answer refused = call_as(ann, "GET", "/api/v1/users/me");
    expect_error(refused, 503, "Too many requests are waiting right now; try again shortly.");
    EXPECT_EQ(refused.header("Retry-After"), "1");
    EXPECT_EQ(call("GET", "/health/live").status, 200);
    release.set_value();
    for (auto& f : accepted) EXPECT_EQ(wait(std::move(f)).status, 200);
}

TEST_F(CommonTest, ARequestThatWaitsTooLongIs503) {
    options_.workers = 1;
    const Account ann = register_user("ann@example.com");
    std::promise<void> reading;
    std::promise<void> release;
    storage_.after_lookup = [&, first = true, gate = release.get_future().share()]() mutable {
        if (!std::exchange(first, false)) return;
        reading.set_value();
        gate.wait();
    };
    auto slow = start("GET", "/api/v1/users/me", {}, {{"x-api-key", ann.api_key}});
    reading.get_future().wait();
    auto late = start("GET", "/api/v1/alerts", {}, {{"x-api-key", ann.api_key}});
    clock_.advance(6s);
    release.set_value();
    EXPECT_EQ(wait(std::move(slow)).status, 200);
    EXPECT_EQ(wait(std::move(late)).status, 503);
}

TEST_F(CommonTest, ManyConcurrentRequestsAreAllAnswered) {
    const Account ann = register_user("ann@example.com");
    publish("BTC", "1");
    std::vector<std::thread> clients;
    std::atomic<int> ok{0};
    api();
    for (int t = 0; t < 4; ++t) {
        clients.emplace_back([&, t] {
            for (int i = 0; i < 50; ++i) {
                ok += call_as(ann, "GET", "/api/v1/rates").status == 200 ? 1 : 0;
                ok += call_as(ann, "GET", "/api/v1/alerts").status == 200 ? 1 : 0;
                ok +=
                    call_as(
                        ann, "POST", "/api/v1/alerts",
                        R"({"ticker":"BTC","condition":"gt","webhook_url":"https://h.example.com","target_price":)" +
                            std::to_string(t * 100 + i + 1) + "}")
                                .status == 201
                        ? 1
                        : 0;
                if (i % 10 == 0) auth_cache_->evict(std::nullopt);
            }
        });
    }
    for (std::thread& c : clients) c.join();
    EXPECT_EQ(ok.load(), 600);
}

TEST(ApiErrorResponse, HasTheFormatOfTheApi) {
    const auto response = api_error_response(413, "too \"large\"");
    EXPECT_EQ(response.status, 413);
    EXPECT_EQ(response.body, R"({"error":"HTTPException","detail":"too \"large\"","code":413})");
}

TEST_F(CommonTest, EveryRequestIsReportedWithItsRoute) {
    struct {
        Mutex mutex;
        std::vector<std::string> requests GUARDED_BY(mutex);
    } reported;
    answered_ = [&](const AnsweredRequest& r) {
        MutexLock lock(reported.mutex);
        reported.requests.push_back(std::string(r.route) + " " + std::string(r.method) + " " +
                                    std::to_string(r.status));
        EXPECT_GE(r.took, Duration::zero());
    };
    call("GET", "/health/live");
    call("GET", "/api/v1/alerts/0192b1a0-0000-7000-8000-000000000000");
    call("GET", "/api/v1/nothing/here");
    call("DELETE", "/api/v1/rates");
    call("GET", "/health");
    MutexLock lock(reported.mutex);
    EXPECT_EQ(reported.requests,
              (std::vector<std::string>{"live GET 200", "show_alert GET 401", "none GET 404",
                                        "none DELETE 405", "health GET 200"}));
}

TEST_F(ApiTest, ABodyOfAnotherTypeIsRefusedBeforeAnythingIsDone) {
    const Account ann = register_user("ann@example.com");
    const int before = storage_.calls("create_user");
    constexpr std::pair<const char*, const char*> with_body[] = {
        {"POST", "/api/v1/users/register"}, {"POST", "/api/v1/users/me/webhook-secret"},
        {"POST", "/api/v1/alerts"},         {"POST", "/api/v1/deliveries/recover"},
        {"POST", "/api/v1/alerts/bulk"},    {"PATCH", "/api/v1/alerts/1"},
        {"POST", "/api/v1/alerts/preview"}, {"POST", "/api/v1/endpoints/enable"},
        {"POST", "/api/v1/endpoints/test"}, {"POST", "/api/v1/push/subscriptions"},
    };
    for (const auto& [method, path] : with_body) {
        for (const char* type : {"text/plain", "application/x-www-form-urlencoded"}) {
            const Answer answer = call(method, path, R"({"email":"bob@example.com"})",
                                       {{"x-api-key", ann.api_key}, {"content-type", type}});
            expect_error(answer, 415,
                         "The body should be JSON, sent with Content-Type: application/json, not " +
                             std::string(type));
        }
    }
    EXPECT_EQ(storage_.calls("create_user"), before);
    EXPECT_EQ(call("POST", "/api/v1/users/register", R"({"email":"bob@example.com"})",
                   {{"content-type", "application/merge-patch+json; charset=UTF-8"}})
                  .status,
              201);
}

}  // namespace
}  // namespace pricewire::api
