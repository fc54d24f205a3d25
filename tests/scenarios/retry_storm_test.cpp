// SIGKILL at random times during a retry storm: hundreds of deliveries to receivers that fail, hang and
// disappear, with circuit breakers opening and deliveries deferred. Afterwards all have arrived.
// PRICEWIRE_LONG=1: 60 kills; otherwise 8.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "scenarios/sides.hpp"
#include "sim/receiver.hpp"
#include "support/deployment.hpp"

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;

class RetryStorm : public ::testing::TestWithParam<Side> {};
INSTANTIATE_TEST_SUITE_P(Sides, RetryStorm, both_sides(), name_of_side);

TEST_P(RetryStorm, LosesNoDeliveryThroughKills) {
    if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
    const bool is_long = std::getenv("PRICEWIRE_LONG") != nullptr;
    const int kills = is_long ? 60 : 8;
    const int alerts = is_long ? 2000 : 300;
    Deployment deployment(on(GetParam(), {.sim = {"--paused"},
                                          .receiver = {},
                                          .config = {{"PRICEWIRE_LIMITS_ALERTS_PER_USER", "1000000"},
                                                     {"PRICEWIRE_DELIVERY_ATTEMPTS", "100"},
                                                     {"PRICEWIRE_DELIVERY_TIMEOUT", "300ms"},
                                                     {"PRICEWIRE_DELIVERY_BACKOFF_MIN", "20ms"},
                                                     {"PRICEWIRE_DELIVERY_BACKOFF_MAX", "200ms"},
                                                     {"PRICEWIRE_DELIVERY_BREAKER_PAUSE_MIN", "100ms"},
                                                     {"PRICEWIRE_DELIVERY_BREAKER_PAUSE_MAX", "300ms"}}}));
    deployment.start_pricewire();
    const Account account = deployment.register_user("storm@example.com");
    std::vector<std::unique_ptr<sim::Receiver>> receivers;
    for (const char* mode : {"random-fail:50", "hang", "fail:503", "slow:200ms"}) {
        receivers.push_back(
            sim::create_receiver({.secrets = {account.webhook_secret}, .mode = sim::parse_mode(mode).value()})
                .value());
    }
    std::set<std::string> ids;
    for (int i = 0; i < alerts; ++i) {
        const auto& receiver = receivers[static_cast<std::size_t>(i) % receivers.size()];
        const auto created = deployment.http().post(
            deployment.api("/alerts/"),
            R"({"ticker":"BTC","condition":"gt","target_price":101,"webhook_url":"http://127.0.0.1:)" +
                std::to_string(receiver->port()) + "/" + std::to_string(i) + "\"}",
            {{"X-API-Key", account.api_key}});
        ASSERT_EQ(created.status, 201) << created.body;
        ids.insert(json_member(created.body, "id").value());
    }
    deployment.wait_until("the stream",
                          [&] { return json_member(deployment.sim_status(), "clients") == "1"; });
    deployment.sim_post("price/BTCUSDT", "102");
    deployment.wait_until("the storm", [&] { return receivers[0]->total() > 0; });

    std::mt19937_64 rng(11);
    const std::vector<const char*> modes{"random-fail:50", "hang",       "fail:503",
                                         "fail:404",       "slow:200ms", "retry-after:1"};
    for (int i = 0; i < kills; ++i) {
        std::this_thread::sleep_for(
            std::chrono::milliseconds{std::uniform_int_distribution<int>(1, 600)(rng)});
        deployment.kill_pricewire();
        for (const auto& receiver : receivers) {
            const auto mode = std::uniform_int_distribution<std::size_t>(0, modes.size() - 1)(rng);
            receiver->set_mode(sim::parse_mode(modes[mode]).value());
        }
        deployment.start_pricewire();
    }
    for (const auto& receiver : receivers) receiver->set_mode({});

    std::map<std::string, std::set<std::string>> accepted;  // alert -> webhook ids
    deployment.wait_until("every webhook", [&] {
        accepted.clear();
        for (const auto& receiver : receivers) {
            for (const auto& d : receiver->received()) {
                if (d.accepted) accepted[d.alert_id].insert(d.webhook_id);
            }
        }
        return accepted.size() >= ids.size();
    });
    for (const auto& [alert, webhook_ids] : accepted) {
        EXPECT_TRUE(ids.contains(alert));
        EXPECT_EQ(webhook_ids.size(), 1U) << alert << " was sent under two ids";
    }
    std::size_t requests = 0;
    for (const auto& receiver : receivers) {
        for (const auto& d : receiver->received()) {
            EXPECT_TRUE(d.signature_ok);
            ++requests;
        }
    }
    // Everything that arrived is recorded as delivered, and nothing else is left.
    const auto left = [&](const std::string& status) {
        return deployment.http()
            .get(deployment.api("/deliveries?limit=1&status=" + status), {{"X-API-Key", account.api_key}})
            .body;
    };
    deployment.wait_until("every delivery to be recorded",
                          [&] { return left("pending") == "[]" && left("delivering") == "[]"; });
    for (const char* status : {"failed", "expired", "cancelled"}) EXPECT_EQ(left(status), "[]");
    std::cout << kills << " kills in a retry storm: " << ids.size() << " deliveries, all arrived; "
              << requests << " requests reached the receivers\n";
}

}  // namespace
}  // namespace pricewire::test
