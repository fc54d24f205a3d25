#include "app/ask_health.hpp"

#include <gtest/gtest.h>

#include "net/http_server.hpp"

namespace pricewire::app {
namespace {

const Roles serve{.api = true, .feed = true, .checker = true, .sender = true};

TEST(AskHealth, QueriesTheAddressOfTheRole) {
    ops::Config config;
    EXPECT_EQ(health_url(config, serve), "http://127.0.0.1:8000/health");
    EXPECT_EQ(health_url(config, {.sender = true}), "http://127.0.0.1:8003/health");
    config.http.listen = "0.0.0.0:8000";
    config.health.listen = "[::]:8001";
    EXPECT_EQ(health_url(config, {.api = true}), "http://127.0.0.1:8000/health");
    EXPECT_EQ(health_url(config, {.checker = true}), "http://[::1]:8001/health");
    config.http.listen = "192.0.2.1:80";
    EXPECT_EQ(health_url(config, serve), "http://192.0.2.1:80/health");
    config.http.listen = "127.0.0.1:0";
    EXPECT_FALSE(health_url(config, serve));
}

TEST(AskHealth, TheExitCodeSaysWhetherTheProcessServes) {
    int status = 200;
    net::ServerOptions options;
    options.listen = "127.0.0.1:0";
    options.threads = 1;
    auto server =
        net::create_http_server(options, [&](net::ServerRequest&& request, net::HttpServer::Respond respond) {
            net::ServerResponse response;
            response.status = request.path == "/health" ? status : 404;
            response.body = R"({"status":"as asked"})";
            respond(std::move(response));
        });
    ASSERT_TRUE(server) << server.error().message;
    ops::Config config;
    config.http.listen = "127.0.0.1:" + std::to_string((*server)->port());
    testing::internal::CaptureStdout();
    EXPECT_EQ(ask_health(config, serve), 0);
    EXPECT_EQ(testing::internal::GetCapturedStdout(), "{\"status\":\"as asked\"}\n");
    status = 503;
    EXPECT_EQ(ask_health(config, serve), 1);
    server->reset();
    EXPECT_EQ(ask_health(config, serve), 1) << "no process listens";
}

}  // namespace
}  // namespace pricewire::app
