// What a user's calls set off is bounded: how often a third party is called, and what that leaves in the
// database. With the real programs.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/mutex.hpp"
#include "net/http_server.hpp"
#include "scenarios/sides.hpp"
#include "support/deployment.hpp"

namespace pricewire::test {
namespace {

using Config = std::map<std::string, std::string>;

// Answers with the number that a path begins with: 404 to /404/x.
class Receiver {
public:
    Receiver() {
        auto created = net::create_http_server(
            {.listen = "127.0.0.1:0"}, [this](net::ServerRequest&& request, auto respond) {
                const std::string path(request.path);
                {
                    MutexLock lock(mutex_);
                    ++requests_[path];
                }
                respond({.status = std::stoi(path.substr(1, 3)), .content_type = "text/plain", .body = {}});
            });
        if (!created) throw std::runtime_error(created.error().message);
        server_ = std::move(*created);
    }
    std::string url(const std::string& path) const {
        return "http://127.0.0.1:" + std::to_string(server_->port()) + path;
    }
    int requests(const std::string& path) {
        MutexLock lock(mutex_);
        return requests_[path];
    }

private:
    Mutex mutex_;
    std::map<std::string, int> requests_ GUARDED_BY(mutex_);
    std::unique_ptr<net::HttpServer> server_;
};

class Budget : public ::testing::TestWithParam<Side> {
protected:
    void start(const Config& more = {}) {
        Config config{{"PRICEWIRE_DELIVERY_ATTEMPTS", "2"},
                      {"PRICEWIRE_DELIVERY_FIRST_RETRIES", "100ms"},
                      {"PRICEWIRE_DELIVERY_BREAKER_FAILURES", "0"}};
        config.insert(more.begin(), more.end());
        deployment_.emplace(on(GetParam(), {.sim = {"--paused"}, .receiver = {}, .config = config}));
        deployment_->start_pricewire();
        ann_ = deployment_->register_user("ann@example.com");
        bob_ = deployment_->register_user("bob@example.com");
        deployment_->wait_until("the stream",
                                [&] { return json_member(deployment_->sim_status(), "clients") == "1"; });
        deployment_->sim_post("price/BTCUSDT", "100");
    }
    net::HttpResult get(const Account& user, const std::string& path) {
        return deployment_->http().get(deployment_->api(path), {{"X-API-Key", user.api_key}});
    }
    net::HttpResult post(const Account& user, const std::string& path, const std::string& body = "") {
        return deployment_->http().post(deployment_->api(path), body, {{"X-API-Key", user.api_key}});
    }
    net::HttpResult recover() {
        return post(ann_, "/deliveries/recover", R"({"since":"2020-01-01T00:00:00Z"})");
    }
    void alerts(const Account& user, int count, const std::string& path) {
        for (int i = 1; i <= count; ++i) {
            const auto created =
                post(user, "/alerts/",
                     R"({"ticker":"BTC","condition":"gt","target_price":100.)" + std::to_string(100'000 + i) +
                         R"(,"webhook_url":")" + receiver_.url(path) + "\"}");
            ASSERT_EQ(created.status, 201) << created.body;
        }
    }
    std::size_t count(const Account& user, const std::string& status) {
        return deployment_->list(user, "/deliveries?limit=1000&status=" + status).size();
    }
    void wait_for(const Account& user, std::size_t number, const std::string& status) {
        deployment_->wait_until(std::to_string(number) + " deliveries to be " + status,
                                [&] { return count(user, status) == number; });
    }
    void fire() { deployment_->sim_post("price/BTCUSDT", "102"); }

    Receiver receiver_;
    std::optional<Deployment> deployment_;
    Account ann_;
    Account bob_;
};

INSTANTIATE_TEST_SUITE_P(Sides, Budget, both_sides(), name_of_side);

TEST_P(Budget, AUrlThatRefusesIsLeftInPeaceHoweverOftenItsUserRecovers) {
    if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
    start();
    alerts(ann_, 500, "/404/third-party");
    alerts(bob_, 1, "/204/bob");
    alerts(bob_, 1, "/404/third-party");
    fire();
    wait_for(ann_, 500, "failed");
    wait_for(bob_, 1, "delivered");
    wait_for(bob_, 1, "failed");
    const int before = receiver_.requests("/404/third-party");
    EXPECT_GE(before, 50);
    EXPECT_LE(before, 500) << "the run is noticed while others are under way";
    for (int i = 0; i < 5; ++i) {
        const auto answer = recover();
        EXPECT_EQ(answer.status, 202);
        EXPECT_EQ(json_member(answer.body, "recovered"), "0") << answer.body;
        EXPECT_EQ(json_member(answer.body, "endpoint_disabled"), "500") << answer.body;
    }
    const std::string endpoints = get(ann_, "/endpoints").body;
    EXPECT_NE(endpoints.find("the receiver answered 404 to 50 webhooks in a row"), std::string::npos)
        << endpoints;
    EXPECT_EQ(get(bob_, "/endpoints").body.find("in a row"), std::string::npos) << "Bob's count is his own";
    EXPECT_EQ(receiver_.requests("/404/third-party"), before);
    EXPECT_EQ(receiver_.requests("/204/bob"), 1);

    // Once enabled it starts at zero, and a recovery gives each one attempt.
    const std::string url = R"({"webhook_url":")" + receiver_.url("/404/third-party") + "\"}";
    ASSERT_EQ(post(ann_, "/endpoints/enable", url).status, 204);
    EXPECT_EQ(json_member(recover().body, "recovered"), "500");
    const int again = std::stoi(json_member(recover().body, "recovered").value_or("-1"));
    EXPECT_GE(again, 0);
    EXPECT_LE(again, receiver_.requests("/404/third-party") - before) << "the others wait already";
    wait_for(ann_, 500, "failed");
    EXPECT_LE(receiver_.requests("/404/third-party"), before + 500 + again);
}

TEST_P(Budget, ADeliveryIsAttemptedAFewTimesMoreHoweverOftenItIsRetried) {
    if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
    start();
    alerts(ann_, 20, "/500/down");
    fire();
    wait_for(ann_, 20, "failed");
    EXPECT_EQ(receiver_.requests("/500/down"), 40);
    for (int i = 1; i <= 10; ++i) {
        EXPECT_EQ(json_member(recover().body, "recovered"), "20");
        wait_for(ann_, 20, "failed");
        EXPECT_EQ(receiver_.requests("/500/down"), 40 + 20 * i);
    }
    const auto answer = recover();
    EXPECT_EQ(json_member(answer.body, "recovered"), "0") << answer.body;
    EXPECT_EQ(json_member(answer.body, "retries_used_up"), "20") << answer.body;
    const std::string first = json_member(get(ann_, "/deliveries?limit=1").body, "id").value_or("");
    const auto retried = post(ann_, "/deliveries/" + first + "/retry");
    EXPECT_EQ(retried.status, 409);
    EXPECT_NE(retried.body.find("retried 10 times"), std::string::npos) << retried.body;
    EXPECT_EQ(receiver_.requests("/500/down"), 40 + 200);
}

TEST_P(Budget, AttemptsBeyondAUsersBudgetWaitAndDelayNobody) {
    if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
    start({{"PRICEWIRE_LIMITS_ATTEMPTS", "20/24h"}});
    alerts(ann_, 30, "/204/ann");
    alerts(bob_, 10, "/204/bob");
    fire();
    wait_for(ann_, 20, "delivered");
    wait_for(bob_, 10, "delivered");
    std::string waits;
    deployment_->wait_until("ten to be put off", [&] {
        waits = get(ann_, "/deliveries?status=pending").body;
        std::size_t found = 0;
        for (auto at = waits.find("its user's attempts"); at != std::string::npos;
             at = waits.find("its user's attempts", at + 1))
            ++found;
        return found == 10;
    });
    EXPECT_NE(waits.find("waiting without an attempt: its user's attempts, 20 in 24h, are used up for now"),
              std::string::npos)
        << waits;
    EXPECT_EQ(receiver_.requests("/204/ann"), 20);
    EXPECT_EQ(receiver_.requests("/204/bob"), 10);
}

}  // namespace
}  // namespace pricewire::test
