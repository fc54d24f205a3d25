// The API behind the real server, over loopback.
#include <thread>

#include "api/api_fixture.hpp"
#include "base/text.hpp"
#include "net/http_client.hpp"

namespace pricewire::api {
namespace {

class HttpTest : public ApiTest {
protected:
    HttpTest() {
        vet_ = {};
        net::ServerOptions options;
        options.listen = "127.0.0.1:0";
        options.error_response = api_error_response;
        auto created = net::create_http_server(options, api().handler());
        if (!created) throw std::runtime_error(created.error().message);
        server_ = std::move(*created);
    }
    ~HttpTest() override {
        server_->stop(5s);
        api_ = nullptr;
    }

    net::HttpResult send(std::string method, const std::string& target, std::string body = {},
                         net::Headers headers = {}) {
        if (prism_of_test() != nullptr)
            return send_through_prism(std::move(method), target, std::move(body), headers);
        net::HttpRequest request;
        request.method = std::move(method);
        request.url = "http://127.0.0.1:" + std::to_string(server_->port()) + target;
        request.headers = std::move(headers);
        if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
        request.body = std::move(body);
        request.timeout = 30s;
        request.max_response_bytes = 1 << 20;
        std::promise<net::HttpResult> promise;
        client_->start(std::move(request), [&](net::HttpResult r) { promise.set_value(std::move(r)); });
        auto result = promise.get_future().get();
        EXPECT_EQ(result.error, net::HttpError::none) << result.error_text;
        return result;
    }
    // In the format that the server uses.
    net::HttpResult send_through_prism(std::string method, const std::string& target, std::string body,
                                       const net::Headers& headers) {
        net::Headers lower;
        for (const auto& [name, value] : headers) lower.emplace_back(lower_case(name), value);
        Answer answer = call(std::move(method), target, std::move(body), std::move(lower));
        net::HttpResult result;
        result.status = answer.status;
        result.body = std::move(answer.body);
        result.headers.emplace_back("content-type", answer.response.content_type);
        for (const auto& [name, value] : answer.response.headers) {
            result.headers.emplace_back(lower_case(name), value);
        }
        return result;
    }
    static std::string header(const net::HttpResult& result, std::string_view name) {
        const std::string* value = result.header(name);
        return value == nullptr ? std::string() : *value;
    }

    std::unique_ptr<net::HttpServer> server_;
    std::unique_ptr<net::HttpClient> client_ = net::create_http_client();
};

TEST_F(HttpTest, AnAlertFromRegistrationToDeletion) {
    const auto registered = send("POST", "/api/v1/users/register", R"({"email":"ann@example.com"})");
    ASSERT_EQ(registered.status, 201) << registered.body;
    EXPECT_EQ(header(registered, "content-type"), "application/json");
    EXPECT_NE(header(registered, "ratelimit-limit"), "");
    const net::Headers key{{"X-API-Key", member(registered.body, "api_key")}};
    EXPECT_EQ(send("GET", "/api/v1/rates/", {}, key).status, 503);
    publish("BTC", "65420.15");
    const auto rates = send("GET", "/api/v1/rates/", {}, key);
    EXPECT_EQ(rates.status, 200);
    EXPECT_EQ(rates.body, R"({"BTC":65420.15})");
    const auto created = send("POST", "/api/v1/alerts/",
                              R"({"ticker":"BTC","target_price":70000.00,"condition":"gt",)"
                              R"("webhook_url":"https://host.invalid/webhook"})",
                              key);
    ASSERT_EQ(created.status, 201) << created.body << ": a name that does not resolve is accepted";
    const std::string location = header(created, "location");
    EXPECT_EQ(send("GET", location, {}, key).body, created.body);
    EXPECT_EQ(send("GET", "/api/v1/alerts?limit=1", {}, key).body, "[" + created.body + "]");
    const auto deleted = send("DELETE", location, {}, key);
    EXPECT_EQ(deleted.status, 204);
    EXPECT_EQ(deleted.body, "");
    EXPECT_EQ(send("GET", location, {}, key).status, 404);
}

TEST_F(HttpTest, ANameThatResolvesToThisMachineIsRejected) {
    const Account ann = register_user("ann@example.com");
    const auto answer = send("POST", "/api/v1/alerts",
                             R"({"ticker":"BTC","target_price":1,"condition":"gt",)"
                             R"("webhook_url":"https://localhost/hook"})",
                             {{"X-API-Key", ann.api_key}});
    EXPECT_EQ(answer.status, 422);
    EXPECT_NE(answer.body.find(R"("loc":["body","webhook_url"])"), std::string::npos) << answer.body;
    EXPECT_NE(answer.body.find("loopback"), std::string::npos) << answer.body;
}

TEST_F(HttpTest, ATooLargeBodyIs413InTheApisFormat) {
    const auto answer = send("POST", "/api/v1/users/register", std::string(64 * 1024 + 1, 'x'));
    EXPECT_EQ(answer.status, 413);
    EXPECT_TRUE(answer.body.starts_with(R"({"error":"HTTPException","detail":")")) << answer.body;
    EXPECT_TRUE(answer.body.ends_with(R"(","code":413})")) << answer.body;
    EXPECT_EQ(send("POST", "/api/v1/users/register", std::string(64 * 1024, 'x')).status, 422);
}

TEST_F(HttpTest, TooLargeHeadersAre431InTheApisFormat) {
    const auto answer = send("GET", "/health/live", {}, {{"X-Filler", std::string(20'000, 'x')}});
    EXPECT_EQ(answer.status, 431);
    EXPECT_TRUE(answer.body.ends_with(R"(,"code":431})")) << answer.body;
}

TEST_F(HttpTest, HeadHasTheHeadersOfGetAndNoBody) {
    const auto get = send("GET", "/health/live");
    const auto head = send("HEAD", "/health/live");
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.body, "");
    EXPECT_EQ(header(head, "content-length"), std::to_string(get.body.size()));
    EXPECT_EQ(send("GET", "/health/live").status, 200) << "the connection is still usable";
}

TEST_F(HttpTest, ConcurrentClientsGetTheirOwnResponses) {
    const Account ann = register_user("ann@example.com");
    publish("BTC", "1");
    std::vector<std::thread> clients;
    std::atomic<int> good{0};
    for (int t = 0; t < 4; ++t) {
        clients.emplace_back([&, t] {
            for (int i = 0; i < 50; ++i) {
                const std::string id = "r-" + std::to_string(t) + "-" + std::to_string(i);
                const char* path = i % 2 == 0 ? "/api/v1/rates" : "/api/v1/alerts";
                const auto answer = send("GET", path, {}, {{"X-API-Key", ann.api_key}, {"X-Request-Id", id}});
                const bool mine = answer.status == 200 && header(answer, "x-request-id") == id &&
                                  answer.body == (i % 2 == 0 ? R"({"BTC":1})" : "[]");
                good += mine ? 1 : 0;
            }
        });
    }
    for (std::thread& c : clients) c.join();
    EXPECT_EQ(good.load(), 200);
}

TEST_F(HttpTest, StoppingWaitsForRequestsInProgress) {
    const Account ann = register_user("ann@example.com");
    std::promise<void> reading;
    std::promise<void> release;
    storage_.after_lookup = [&, gate = release.get_future().share()] {
        reading.set_value();
        gate.wait();
    };
    net::HttpResult answer;
    std::thread client([&] { answer = send("GET", "/api/v1/users/me", {}, {{"X-API-Key", ann.api_key}}); });
    reading.get_future().wait();
    std::thread stopper([&] { server_->stop(30s); });
    release.set_value();
    client.join();
    stopper.join();
    EXPECT_EQ(answer.status, 200);
}

}  // namespace
}  // namespace pricewire::api
