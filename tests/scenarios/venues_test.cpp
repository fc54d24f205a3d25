// Each exchange that the simulator plays, as the only source: its trades fire alerts by its stream and, where
// that is refused, by REST.
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "base/text.hpp"
#include "sim/venues/venue.hpp"
#include "support/deployment.hpp"

namespace pricewire::test {
namespace {

class Venues : public ::testing::TestWithParam<std::string> {
protected:
    void SetUp() override {
        const std::string variable = "PRICEWIRE_SOURCES_" + upper_case(name()) + "_";
        deployment_.emplace(DeploymentOptions{.sim = {"--paused"},
                                              .receiver = {},
                                              .config = {{variable + "ENABLED", "true"},
                                                         // of two equal names the first counts
                                                         {"PRICEWIRE_SOURCES_BINANCE_ENABLED", "false"},
                                                         {variable + "POLL_INTERVAL", "200ms"},
                                                         {"PRICEWIRE_MARKET_TICKERS", "BTC,ETH"}},
                                              .cluster = {}});
        deployment_->start_pricewire();
        account_ = deployment_->register_user("venues@example.com");
        wait_for_trade("BTC", "100");
        wait_for_trade("ETH", "10");
    }

    static std::string name() { return GetParam(); }
    std::string health() { return deployment_->http().get(deployment_->root("/health")).body; }
    // A trade from before the subscription would be missed: it is made until there is a price.
    void wait_for_trade(const std::string& ticker, const std::string& price) {
        deployment_->wait_until("a price of " + ticker, [&] {
            deployment_->sim_post("price/" + ticker + "USDT", price);
            return deployment_->http()
                       .get(deployment_->api("/rates/"), {{"X-API-Key", account_.api_key}})
                       .body.find('"' + ticker + "\":") != std::string::npos;
        });
    }
    void wait_for_rate(const std::string& price) {
        deployment_->wait_until("the price " + price, [&] {
            return json_member(deployment_->http()
                                   .get(deployment_->api("/rates/BTC"), {{"X-API-Key", account_.api_key}})
                                   .body,
                               "price") == price;
        });
    }
    // Within what a single exchange is believed without confirmation.
    void wait_for_firing(const std::string& price) {
        const std::string id = deployment_->create_alert(account_, "BTC", "gt", "105");
        deployment_->sim_post("price/BTCUSDT", price);
        deployment_->wait_until("the webhook", [&] {
            const auto all = deployment_->received();
            return std::any_of(all.begin(), all.end(), [&](const Received& r) { return r.alert_id == id; });
        });
        const auto alerts = deployment_->alerts(account_);
        const auto fired =
            std::find_if(alerts.begin(), alerts.end(), [&](const ShownAlert& a) { return a.id == id; });
        EXPECT_EQ(fired->triggered_price, price);
    }

    std::optional<Deployment> deployment_;
    Account account_;
};

TEST_P(Venues, FireByStreamAndByRest) {
    deployment_->wait_until("streaming", [&] {
        return health().find('"' + name() + R"(":{"status":"ok","detail":"streaming")") != std::string::npos;
    });
    wait_for_firing("106.25");
    deployment_->sim_post("price/BTCUSDT", "100");
    deployment_->sim_post("fault/" + name() + ".stream", "451");
    deployment_->wait_until("the fallback",
                            [&] { return health().find("polling_fallback") != std::string::npos; });
    // Or the next alert would fire at once, by the price before.
    wait_for_rate("100");
    wait_for_firing("106.5");
    EXPECT_NE(health().find(R"("coingecko":{"status":"ok","detail":"disabled")"), std::string::npos)
        << "only this source is enabled";
}

std::vector<std::string> exchanges() {
    std::vector<std::string> out;
    for (const sim::SimVenue* venue : sim::sim_venues()) {
        if (!venue->is_aggregator) out.emplace_back(venue->name);
    }
    return out;
}

INSTANTIATE_TEST_SUITE_P(Simulated, Venues, ::testing::ValuesIn(exchanges()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace pricewire::test
