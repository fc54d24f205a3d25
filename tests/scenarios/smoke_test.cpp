// The real program from start to stop, once: what the sanitizer builds run of it (label "smoke").
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>

#include "scenarios/expect_webhooks.hpp"
#include "scenarios/rule_world.hpp"
#include "scenarios/sides.hpp"
#include "support/deployment.hpp"
#include "support/own_database.hpp"
#include "support/raw_client.hpp"

namespace pricewire::test {
namespace {

std::string text_of(const std::filesystem::path& file) {
    std::ostringstream out;
    out << std::ifstream(file).rdbuf();
    return out.str();
}

// Sanitizers change the exit code of a program that ends in order; this also sees those that are killed, and
// reports that a program survived.
void expect_no_report(const std::filesystem::path& directory) {
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        if (entry.path().extension() != ".log") continue;
        const std::string text = text_of(entry.path());
        for (const char* sign : {"Sanitizer", "runtime error:", "terminate called"}) {
            EXPECT_EQ(text.find(sign), std::string::npos) << entry.path() << ":\n" << text;
        }
    }
}

class Smoke : public ::testing::TestWithParam<Side> {
protected:
    void SetUp() override {
        if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
        deployment_.emplace(on(GetParam(), {.sim = {"--market", "generated"}, .receiver = {}, .config = {}}));
        deployment_->start_pricewire();
        account_ = deployment_->register_user("smoke@example.com");
    }
    net::HttpResult get(const std::string& url) {
        return deployment_->http().get(url, {{"X-API-Key", account_.api_key}});
    }
    // An open stream of events; the server has to end it when it stops.
    std::unique_ptr<RawClient> events() {
        const std::string url = deployment_->root("");
        auto client = std::make_unique<RawClient>(
            static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
        client->put("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nX-API-Key: " + account_.api_key +
                    "\r\n\r\n");
        EXPECT_TRUE(client->until("\r\n\r\n").starts_with("HTTP/1.1 200 "));
        return client;
    }

    std::optional<Deployment> deployment_;
    Account account_;
};

INSTANTIATE_TEST_SUITE_P(Sides, Smoke, both_sides(), name_of_side);

TEST_P(Smoke, AnAlertBecomesASignedWebhookAndTheProgramEndsInOrder) {
    const auto open = events();
    const std::string alert = deployment_->create_alert(account_, "BTC", "gt", "1");
    deployment_->wait_until("the webhook", [&] {
        const auto all = deployment_->received();
        return std::any_of(all.begin(), all.end(),
                           [&](const Received& r) { return r.alert_id == alert && r.signature_ok; });
    });
    deployment_->wait_until("the delivery's end", [&] {
        return get(deployment_->api("/deliveries?status=delivered")).body.find(alert) != std::string::npos;
    });
    EXPECT_FALSE(deployment_->alerts(account_).at(0).is_active);
    // The checker may have a price before the API has read a board, and health before its first look.
    deployment_->wait_until("the rate", [&] { return get(deployment_->api("/rates/BTC")).status == 200; });
    deployment_->wait_until("health", [&] { return get(deployment_->root("/health")).status == 200; });
    const auto page = get(deployment_->root("/"));
    EXPECT_EQ(page.status, 200);
    EXPECT_NE(page.body.find("<html"), std::string::npos);
    EXPECT_NE(get(deployment_->root("/metrics")).body.find("pricewire_"), std::string::npos);
    EXPECT_EQ(deployment_->stop_pricewire(), 0) << deployment_->pricewire_output();
    expect_no_report(deployment_->directory());
}

// One process on PostgreSQL: what it claims as it fires goes to its own sender, before the commit.
TEST(SmokeOnPostgres, APlainAlertAndOneWithARuleThatOnePriceFiresBothBecomeWebhooks) {
    const auto servers = cluster_of_environment();
    if (!servers) GTEST_SKIP() << why_not_run;
    const OwnDatabase database(servers->postgres_url);
    RuleWorld world(
        {.sim = {"--paused"},
         .receiver = {},
         .config = {{"PRICEWIRE_STORAGE_DATABASE_URL", database.url()},
                    {"PRICEWIRE_SECURITY_MASTER_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="},
                    {"PRICEWIRE_MARKET_QUOTE_TTL", "60s"}}});
    world.set_price("BTC", Decimal::from_int(100));
    for (int level = 101; level <= 110; ++level) {
        const std::string number = std::to_string(level - 1) + ".5";
        const std::string plain = world.alert(R"("ticker":"BTC","condition":"gt","target_price":)" + number);
        const std::string ruled = world.alert(R"("ticker":"BTC","when":{"is":"above","level":)" + number +
                                              R"(},"repeat":{"cooldown":"10s","rearm":"1%"})");
        world.set_price("BTC", Decimal::from_int(level));
        for (const std::string& alert : {plain, ruled}) {
            world.wait_for_firings(alert, 1);
            expect_webhooks(world.deployment(), alert, world.firings(alert));
        }
    }
    EXPECT_EQ(world.deployment().stop_pricewire(), 0) << world.deployment().pricewire_output();
    expect_no_report(world.deployment().directory());
}

}  // namespace
}  // namespace pricewire::test
