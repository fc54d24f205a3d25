// Kills the process with SIGKILL at random times while alerts are created, fire and are delivered to a
// receiver that fails at random. Afterwards nothing is lost and nothing has fired twice; alerts that hold, trail
// and repeat have fired as often as the prices demand. PRICEWIRE_LONG=1: 100 kills; otherwise 10.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include "base/decimal.hpp"
#include "scenarios/expect_webhooks.hpp"
#include "scenarios/sides.hpp"
#include "support/deployment.hpp"

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;

class Kill : public ::testing::TestWithParam<Side> {
protected:
    // Numbered from 1, ten seconds apart, each with a delivery of its own, which is the only one of its webhooks.
    static void check_firings(Deployment& deployment, const Account& account, const std::string& alert) {
        const auto firings = deployment.firings(account, alert);
        for (std::size_t i = 1; i < firings.size(); ++i)
            EXPECT_GE(firings[i].price_time, firings[i - 1].price_time + cooldown) << alert;
        expect_webhooks(deployment, alert, firings);
        EXPECT_EQ(deployment.list(account, "/alerts/" + alert + "/deliveries?limit=1000").size(),
                  firings.size());
    }

    static constexpr Duration cooldown = 10s;
};
INSTANTIATE_TEST_SUITE_P(Sides, Kill, both_sides(), name_of_side);

TEST_P(Kill, LosesNothingAndFiresNothingTwice) {
    if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
    const int kills = std::getenv("PRICEWIRE_LONG") != nullptr ? 100 : 10;
    // The price only rises, so the next price makes up for any that was missed while the process was dead.
    const int steps = kills * 400;
    Deployment deployment(on(
        GetParam(),
        {.sim = {"--market", "ramp:BTCUSDT:100:0.01:" + std::to_string(steps) + ":2ms", "--wait-for-client"},
         .receiver = {"--mode", "random-fail:20"},
         .config = {{"PRICEWIRE_LIMITS_ALERTS_PER_USER", "1000000"},
                    {"PRICEWIRE_DELIVERY_ATTEMPTS", "100"},
                    {"PRICEWIRE_DELIVERY_BACKOFF_MIN", "20ms"},
                    {"PRICEWIRE_DELIVERY_BACKOFF_MAX", "200ms"}}}));
    deployment.start_pricewire();
    const Account account = deployment.register_user("kill@example.com");
    const std::string repeating = deployment.create_alert(
        account,
        R"("ticker":"ETH","when":{"is":"above","level":100},"repeat":{"cooldown":"10s","rearm":"1%"})");
    const std::string trailing = deployment.create_alert(
        account,
        R"("ticker":"BTC","when":{"is":"above","level":{"from":"low","by":"1%"}},"repeat":{"cooldown":"10s"})");
    const std::string holding =
        deployment.create_alert(account, R"("ticker":"BTC","when":{"is":"above","level":105},"for":"1s")");
    const std::set<std::string> ruled{repeating, trailing, holding};

    // An alert answered with 201 must not be lost; one without an answer may or may not exist.
    std::map<std::string, Decimal> promised;
    std::mt19937_64 rng(7);
    int next_target = 0;
    const auto set_alerts = [&](int count) {
        for (int i = 0; i < count; ++i) {
            const Decimal target = Decimal::from_raw(Decimal::from_int(100).raw() +
                                                     Decimal::one_raw / 100 * (++next_target * 7 % steps));
            try {
                promised[deployment.create_alert(account, "BTC", "gt", target.to_string(),
                                                 "/hook/" + std::to_string(next_target))] = target;
            } catch (const std::runtime_error&) {
                return;  // killed in the meantime
            }
        }
    };

    for (int i = 0; i < kills; ++i) {
        const auto life = std::chrono::milliseconds{std::uniform_int_distribution<int>(1, 500)(rng)};
        deployment.sim_post("price/ETHUSDT", i % 2 == 0 ? "101" : "98");
        std::thread killer([&deployment, life] {
            std::this_thread::sleep_for(life);
            deployment.signal_pricewire(SIGKILL);
        });
        set_alerts(60);
        killer.join();
        deployment.wait_pricewire();
        deployment.start_pricewire();
    }
    ASSERT_GT(promised.size(), static_cast<std::size_t>(kills));

    deployment.wait_until("the end of the market",
                          [&] { return json_member(deployment.sim_status(), "finished") == "true"; });
    deployment.http().post(deployment.receiver_url() + "/_receiver/mode", "ok");
    const auto all_fired = [&] {
        std::set<std::string> active;
        for (const ShownAlert& alert : deployment.alerts(account)) {
            if (alert.is_active && !ruled.contains(alert.id)) active.insert(alert.id);
        }
        return active.empty();
    };
    deployment.wait_until("every alert to have fired", all_fired);

    const auto shown = deployment.alerts(account);
    std::set<std::string> known;
    for (const ShownAlert& alert : shown) {
        if (ruled.contains(alert.id)) continue;
        known.insert(alert.id);
        EXPECT_GT(Decimal::parse(alert.triggered_price).value(), Decimal::parse(alert.target_price).value())
            << alert.id;
    }
    for (const auto& [id, target] : promised) EXPECT_TRUE(known.contains(id)) << "lost: " << id;

    deployment.wait_until("every webhook", [&] {
        std::set<std::string> arrived;
        for (const Received& r : deployment.received()) {
            if (r.accepted && !ruled.contains(r.alert_id)) arrived.insert(r.alert_id);
        }
        return arrived.size() >= known.size();
    });
    std::map<std::string, std::set<std::string>> ids;
    std::size_t attempts = 0;
    for (const Received& r : deployment.received()) {
        EXPECT_TRUE(r.signature_ok);
        if (!ruled.contains(r.alert_id)) ids[r.alert_id].insert(r.webhook_id);
        ++attempts;
    }
    for (const auto& [alert, webhook_ids] : ids) EXPECT_EQ(webhook_ids.size(), 1U) << alert << " fired twice";

    // Every delivery ends as delivered, with consecutive attempt numbers.
    EXPECT_EQ(deployment.stop_pricewire(), 0);
    deployment.start_pricewire();
    const auto get = [&](const std::string& path) {
        return deployment.http().get(deployment.api(path), {{"X-API-Key", account.api_key}}).body;
    };
    deployment.wait_until("every delivery to be recorded", [&] {
        return get("/deliveries?limit=1&status=pending") == "[]" &&
               get("/deliveries?limit=1&status=delivering") == "[]";
    });
    for (const std::string& id : known) {
        const std::string deliveries = get("/alerts/" + id + "/deliveries");
        const std::string delivery = json_member(deliveries, "id").value_or("none");
        EXPECT_EQ(deliveries.find("\"id\":"), deliveries.rfind("\"id\":")) << deliveries;
        const std::string detail = get("/deliveries/" + delivery);
        EXPECT_EQ(json_member(detail, "status"), "delivered") << detail;
        int number = 0;
        std::istringstream made(attempts_in(detail));
        for (std::string attempt; made >> attempt;) {
            EXPECT_TRUE(attempt.starts_with(std::to_string(++number) + ":")) << detail;
        }
        EXPECT_EQ(json_member(detail, "attempt_count"), std::to_string(number)) << detail;
    }

    // The market's last price is repeated, so that it does not become stale.
    const Decimal last =
        Decimal::from_raw(Decimal::from_int(100).raw() + Decimal::one_raw / 100 * (steps - 1));
    const auto firings = [&](const std::string& alert) {
        deployment.sim_post("price/BTCUSDT", last.to_string());
        return deployment.firings(account, alert);
    };
    deployment.wait_until("the price to have been high for long enough",
                          [&] { return !firings(holding).empty(); });
    EXPECT_GT(firings(holding).front().price, Decimal::from_int(105));
    const auto rises = [](Decimal from, Decimal to) { return to.raw() / 101 > from.raw() / 100; };
    deployment.wait_until("the last step of a climb", [&] {
        const auto all = firings(trailing);
        return !all.empty() && !rises(all.back().price, last);
    });
    for (std::size_t i = 1; i < firings(trailing).size(); ++i) {
        EXPECT_TRUE(rises(firings(trailing)[i - 1].price, firings(trailing)[i].price)) << i;
    }

    // Armed again, killed, and crossed: it fires once more.
    const auto set_eth = [&](const std::string& price) {
        deployment.wait_until("the price of ETH", [&] {
            deployment.sim_post("price/ETHUSDT", price);
            return json_member(get("/rates/ETH"), "price") == price;
        });
    };
    const auto restart = [&] {
        deployment.kill_pricewire();
        deployment.start_pricewire();
    };
    set_eth("98");
    deployment.wait_until("the alert to be armed again", [&] {
        return json_member(get("/alerts/" + repeating + "/state"), "armed") == "true";
    });
    const std::size_t before = deployment.firings(account, repeating).size();
    restart();
    set_eth("101.5");
    deployment.wait_until("the alert to fire again", [&] {
        set_eth("101.5");
        return deployment.firings(account, repeating).size() > before;
    });
    for (const ShownFiring& firing : deployment.firings(account, repeating)) {
        EXPECT_GT(firing.price, Decimal::from_int(100));
    }
    for (const std::string& alert : ruled) check_firings(deployment, account, alert);
    std::cout << kills << " kills: " << known.size() << " alerts, all fired once, all delivered; " << attempts
              << " requests reached the receiver\n";
}

}  // namespace
}  // namespace pricewire::test
