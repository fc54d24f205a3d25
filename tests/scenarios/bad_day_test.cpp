// What users see when exchanges misbehave, with the real programs: the price comes from a fallback or is
// unavailable, and is never silently wrong.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>

#include "base/decimal.hpp"
#include "scenarios/sides.hpp"
#include "support/deployment.hpp"

namespace pricewire::test {
namespace {

class BadDay : public ::testing::TestWithParam<Side> {
protected:
    explicit BadDay(std::map<std::string, std::string> config = {}) : config_(std::move(config)) {}

    void SetUp() override {
        if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
        deployment_.emplace(on(GetParam(), {.sim = {"--paused"}, .receiver = {}, .config = config_}));
        deployment_->start_pricewire();
        account_ = deployment_->register_user("badday@example.com");
        wait_for_stream();
    }

    void wait_for_stream() {
        deployment_->wait_until("the stream",
                                [&] { return json_member(deployment_->sim_status(), "clients") == "1"; });
    }
    void trade(const std::string& price) { deployment_->sim_post("price/BTCUSDT", price); }
    void fault(const std::string& door, const std::string& fault) {
        deployment_->sim_post("fault/" + door, fault);
    }
    net::HttpResult rate() {
        return deployment_->http().get(deployment_->api("/rates/BTC"), {{"X-API-Key", account_.api_key}});
    }
    bool shows(const std::string& price) {
        const auto shown = rate();
        return shown.status == 200 && json_member(shown.body, "price") == price;
    }
    void wait_for_price(const std::string& price) {
        deployment_->wait_until("the price " + price, [&] { return shows(price); });
    }
    std::string health() { return deployment_->http().get(deployment_->root("/health")).body; }

    std::map<std::string, std::string> config_;
    std::optional<Deployment> deployment_;
    Account account_;
};

TEST_P(BadDay, ASilentStreamIsReplacedByRestUntilItResumes) {
    trade("100");
    wait_for_price("100");
    fault("binance.stream", "silence");
    trade("101");  // not sent on the stream
    wait_for_price("101");
    fault("binance.stream", "none");
    wait_for_stream();
    trade("102");
    wait_for_price("102");
}

TEST_P(BadDay, ACutStreamIsReopened) {
    trade("100");
    wait_for_price("100");
    fault("binance.rest", "403");
    fault("binance.stream", "cut");
    deployment_->wait_until("the stream to be open again", [&] {
        trade("103");
        return shows("103");
    });
}

TEST_P(BadDay, AnExchangeThatRefusesEverythingLeavesNoPriceAndIsReported) {
    trade("100");
    wait_for_price("100");
    fault("binance.rest", "418:3600");
    fault("binance.stream", "451");
    deployment_->wait_until("the price to be gone", [&] { return rate().status == 503; });
    EXPECT_NE(rate().body.find("\"code\":503"), std::string::npos) << rate().body;
    deployment_->wait_until("health to report it",
                            [&] { return health().find("\"degraded\"") != std::string::npos; });
    EXPECT_NE(deployment_->pricewire_output().find("451"), std::string::npos);
}

TEST_P(BadDay, InvalidFramesOnTheStreamMakeNoPrice) {
    trade("100");
    wait_for_price("100");
    for (const char* bad : {"garbage", "shape", "error200"}) {
        fault("binance.stream", bad);
        for (int i = 0; i < 20; ++i) trade("105");
        const auto shown = rate();
        // The previous price or REST's; never anything else.
        const auto price = json_member(shown.body, "price");
        EXPECT_TRUE(shown.status == 503 || price == "100" || price == "105") << shown.body;
    }
    fault("binance.stream", "none");
    deployment_->wait_until("the stream to be accepted again", [&] {
        trade("104");
        return shows("104");
    });
}

class WithAggregator : public BadDay {
protected:
    WithAggregator()
        : BadDay({{"PRICEWIRE_SOURCES_COINGECKO_ENABLED", "true"},
                  {"PRICEWIRE_SOURCES_COINGECKO_POLL_INTERVAL", "500ms"}}) {}
};

INSTANTIATE_TEST_SUITE_P(Sides, BadDay, both_sides(), name_of_side);
INSTANTIATE_TEST_SUITE_P(Sides, WithAggregator, both_sides(), name_of_side);

TEST_P(WithAggregator, AWildExchangeIsOutvotedAndFiresNothing) {
    trade("100");
    wait_for_price("100");
    deployment_->wait_until("the aggregator",
                            [&] { return rate().body.find("check_only") != std::string::npos; });
    const std::string moon = deployment_->create_alert(account_, "BTC", "gt", "500");
    fault("binance.stream", "wild");
    fault("binance.rest", "wild");
    for (int i = 0; i < 50; ++i) trade("100.5");
    deployment_->wait_until("the dispute to be shown",
                            [&] { return rate().body.find("disputed") != std::string::npos; });
    fault("binance.stream", "none");
    fault("binance.rest", "none");
    trade("101");
    wait_for_price("101");
    for (const ShownAlert& alert : deployment_->alerts(account_)) EXPECT_TRUE(alert.is_active) << alert.id;
    EXPECT_TRUE(deployment_->received().empty());
}

class Receivers : public ::testing::TestWithParam<Side> {};
class Users : public ::testing::TestWithParam<Side> {};
INSTANTIATE_TEST_SUITE_P(Sides, Receivers, both_sides(), name_of_side);
INSTANTIATE_TEST_SUITE_P(Sides, Users, both_sides(), name_of_side);

TEST_P(Receivers, RecordsEveryAttemptUntilTheReceiverAccepts) {
    if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
    Deployment deployment(on(GetParam(), {.sim = {"--paused"},
                                          .receiver = {"--mode", "fail-first:2"},
                                          .config = {{"PRICEWIRE_DELIVERY_BACKOFF_MIN", "20ms"},
                                                     {"PRICEWIRE_DELIVERY_BACKOFF_MAX", "50ms"}}}));
    deployment.start_pricewire();
    const Account account = deployment.register_user("rows@example.com");
    deployment.wait_until("a price", [&] {
        deployment.sim_post("price/BTCUSDT", "100");
        return deployment.http().get(deployment.api("/rates/"), {{"X-API-Key", account.api_key}}).status ==
               200;
    });
    const std::string id = deployment.create_alert(account, "BTC", "gt", "50");
    deployment.wait_until("the third attempt", [&] { return deployment.received().size() >= 3; });
    const auto get = [&](const std::string& path) {
        return deployment.http().get(deployment.api(path), {{"X-API-Key", account.api_key}}).body;
    };
    std::string delivery;
    deployment.wait_until("the record of the third attempt", [&] {
        delivery = json_member(get("/alerts/" + id + "/deliveries"), "id").value();
        return json_member(get("/deliveries/" + delivery), "status") == "delivered";
    });
    const std::string shown = get("/deliveries/" + delivery);
    EXPECT_EQ(attempts_in(shown), "1:500 2:500 3:204 ") << shown;
    for (const Received& r : deployment.received()) EXPECT_EQ(r.webhook_id, delivery);
    EXPECT_EQ(deployment.stop_pricewire(), 0);
}

TEST(CommandLine, AnInvalidConfigurationExitsWithTwoAndALineForEachError) {
    const TempDir dir;
    std::ofstream(dir.path() / "pricewire.toml") << "[delivery]\nattempts = 0\natempts = 3\n";
    Process process(
        {{std::string(PRICEWIRE_BINARY_DIR) + "/pricewire", "serve"}, {}, dir.path() / "log", dir.path()});
    EXPECT_EQ(process.wait(), 2);
    EXPECT_EQ(process.output(),
              "pricewire: pricewire.toml:3: unknown key delivery.atempts: did you mean delivery.attempts?\n"
              "pricewire: pricewire.toml:2: invalid value '0' for delivery.attempts: expected a whole "
              "number from 1 to 100\n");
}

TEST_P(Users, ADisabledUserIsRefusedWithoutARestart) {
    if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
    Deployment deployment(on(GetParam(), {.sim = {"--paused"}, .receiver = {}, .config = {}}));
    deployment.start_pricewire();
    const Account account = deployment.register_user("gone@example.com");
    const auto status = [&] {
        return deployment.http().get(deployment.api("/users/me"), {{"X-API-Key", account.api_key}}).status;
    };
    ASSERT_EQ(status(), 200);
    const auto disabled = deployment.run({"users", "disable", "gone@example.com"});
    EXPECT_EQ(disabled.code, 0) << disabled.output;
    deployment.wait_until("the refusal", [&] { return status() == 401; });
    const auto enabled = deployment.run({"users", "enable", "gone@example.com"});
    EXPECT_EQ(enabled.code, 0) << enabled.output;
    deployment.wait_until("the user to be accepted", [&] { return status() == 200; });
}

TEST(Embedded, ASecondPricewireOnTheSameDatabaseIsRefused) {
    Deployment deployment({.sim = {"--paused"}, .receiver = {}, .config = {}});
    deployment.start_pricewire();
    const auto is_refused = [&] {
        const auto second = deployment.run({"serve", "--http.listen=127.0.0.1:0"});
        EXPECT_EQ(second.code, 1);
        EXPECT_NE(second.output.find("another Pricewire is running"), std::string::npos) << second.output;
    };
    is_refused();
    int deleted = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(deployment.directory())) {
        if (entry.path().string().ends_with(".db.lock")) deleted += std::filesystem::remove(entry.path());
    }
    ASSERT_EQ(deleted, 1);
    is_refused();
}

}  // namespace
}  // namespace pricewire::test
