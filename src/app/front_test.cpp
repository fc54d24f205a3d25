#include "app/front.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

#include "api/api.hpp"
#include "api/health_endpoint.hpp"
#include "support/blocking_http.hpp"

namespace pricewire::app {
namespace {

using namespace std::chrono_literals;

class FrontTest : public testing::Test {
protected:
    void SetUp() override { front_ = Front::listen(options(), metrics_).value(); }
    void TearDown() override { front_->stop(1s); }

    static FrontOptions options() {
        FrontOptions options;
        options.server.listen = "127.0.0.1:0";
        options.server.threads = 1;
        options.server.error_response = api::api_error_response;
        return options;
    }
    net::HttpResult get(const std::string& path) {
        return http_.get("http://127.0.0.1:" + std::to_string(front_->port()) + path);
    }

    test::BlockingHttp http_;
    metrics::Registry metrics_{system_clock()};
    std::unique_ptr<api::HealthEndpoint> health_;
    std::unique_ptr<Front> front_;
};

TEST_F(FrontTest, BeforeItServesItIsAliveAndReportsWhatItWaitsFor) {
    EXPECT_EQ(get("/health/live").status, 200);
    const auto health = get("/health");
    EXPECT_EQ(health.status, 503);
    EXPECT_EQ(health.body, R"({"status":"down","version":")" PRICEWIRE_VERSION
                           R"(","detail":"waiting for the database","dependencies":{}})");
    const auto other = get("/api/v1/alerts");
    EXPECT_EQ(other.status, 503);
    EXPECT_TRUE(
        other.body.starts_with(R"({"error":"HTTPException","detail":"Pricewire is starting: waiting)"))
        << other.body;
    EXPECT_NE(other.header("retry-after"), nullptr);
    front_->starting("waiting for a friend");
    EXPECT_TRUE(get("/").body.contains("Pricewire is starting: waiting for a friend"));
}

TEST_F(FrontTest, ARoleWithoutTheApiServesOnlyItsHealth) {
    std::atomic<bool> queue = true;
    std::atomic<bool> database = true;
    health_ = api::create_health_endpoint({{"database", true,
                                            [&] {
                                                if (!database) throw std::runtime_error("gone");
                                            }},
                                           {"queue", false, [&] {
                                                if (!queue) throw std::runtime_error("gone");
                                            }}});
    front_->serve([&](net::ServerRequest&& request, net::HttpServer::Respond respond) {
        health_->handle(std::move(request), std::move(respond));
    });
    const auto good = get("/health/");
    EXPECT_EQ(good.status, 200);
    EXPECT_TRUE(good.body.starts_with(R"({"status":"ok")")) << good.body;
    EXPECT_EQ(good.body.find("sources"), std::string::npos);
    queue = false;
    const auto degraded = get("/api/v1/health");
    EXPECT_EQ(degraded.status, 200);
    EXPECT_TRUE(degraded.body.starts_with(R"({"status":"degraded")")) << degraded.body;
    database = false;
    EXPECT_EQ(get("/health").status, 503);
    EXPECT_EQ(get("/health/live").status, 200);
    EXPECT_EQ(get("/api/v1/rates").status, 404);
}

TEST_F(FrontTest, MetricsAreServedFromTheStart) {
    add_process_metrics(metrics_);
    const auto starting = get("/metrics");
    EXPECT_EQ(starting.status, 200);
    EXPECT_NE(starting.body.find("process_start_time_seconds"), std::string::npos);
    front_->serve([](net::ServerRequest&&, net::HttpServer::Respond respond) { respond({.status = 418}); });
    EXPECT_EQ(get("/metrics/").status, 200);
    EXPECT_EQ(get("/metrics/x").status, 418);
    EXPECT_EQ(front_->metrics_port(), 0);
}

TEST_F(FrontTest, MetricsWithTheirOwnAddressAreServedOnlyThere) {
    front_->stop(1s);
    FrontOptions apart = options();
    apart.metrics_listen = "127.0.0.1:0";
    front_ = Front::listen(apart, metrics_).value();
    front_->serve([](net::ServerRequest&&, net::HttpServer::Respond respond) {
        respond(api::api_error_response(404, "Not Found"));
    });
    EXPECT_EQ(get("/metrics").status, 404);
    const std::string own = "http://127.0.0.1:" + std::to_string(front_->metrics_port());
    EXPECT_EQ(http_.get(own + "/metrics").status, 200);
    EXPECT_EQ(http_.get(own + "/health").status, 404);
    EXPECT_EQ(http_.post(own + "/metrics", "x").status, 405);

    apart.metrics_listen = "127.0.0.1:" + std::to_string(front_->metrics_port());
    const auto taken = Front::listen(apart, metrics_);
    ASSERT_FALSE(taken);
    EXPECT_TRUE(taken.error().message.ends_with("set metrics.listen to another address"))
        << taken.error().message;
}

}  // namespace
}  // namespace pricewire::app
