// Two processes of each role on PostgreSQL, Redis and RabbitMQ, or three that divide tickers without spares, while
// processes, servers and the connections between them are killed, wiped, cut and slowed down under load. Afterwards
// every alert has fired exactly once, at the first price that crossed it, those that repeat once each time that the
// prices demand it, and every webhook has arrived or has failed after its last attempt. PRICEWIRE_LONG=1: 231 points
// each, otherwise each kind once, and some of them. PRICEWIRE_SEED repeats a run's choices.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <random>
#include <thread>

#include "cluster/chaos.hpp"
#include "cluster/cluster.hpp"
#include "cluster/load.hpp"

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;

constexpr int attempts = 40;

struct Counts {
    std::size_t alerts = 0;
    std::size_t unanswered = 0;  // of requests without an answer
    std::size_t fired = 0;
    std::size_t delivered = 0;
    std::size_t failed = 0;
    std::size_t duplicates = 0;
    std::size_t again = 0;  // firings of standing alerts
};

struct Side {
    std::string name;
    int of_each = 2;
    std::string redundancy = "2";
    std::vector<std::string> tickers{"BTC"};
    int points = 21;  // each kind once
};

class KillSuite : public ::testing::TestWithParam<Side> {
protected:
    KillSuite()
        : cluster_({{"PRICEWIRE_LIMITS_ALERTS_PER_USER", "1000000"},
                    {"PRICEWIRE_CLUSTER_REDUNDANCY", GetParam().redundancy},
                    {"PRICEWIRE_DELIVERY_ATTEMPTS", std::to_string(attempts)},
                    {"PRICEWIRE_DELIVERY_TIMEOUT", "1s"},
                    {"PRICEWIRE_DELIVERY_BACKOFF_MIN", "50ms"},
                    {"PRICEWIRE_DELIVERY_BACKOFF_MAX", "200ms"},
                    {"PRICEWIRE_DELIVERY_BREAKER_FAILURES", "0"}},
                   GetParam().of_each),
          account_(cluster_.deployment().register_user("cluster@example.com")),
          load_(cluster_.deployment().sim_url(), account_, GetParam().tickers) {
        load_.set_apis(cluster_.apis());
    }

    // The price at which an alert must have fired: the extreme of its round, or of a later round if its
    // creation was not answered.
    static bool fired_where_it_must(const LoadedAlert& alert, const std::string& price, int rounds) {
        const auto at = Decimal::parse(price);
        const int last = alert.id.empty() ? rounds : alert.round;
        for (int round = alert.round; at && round <= last; ++round) {
            if (*at == Load::extreme(round, alert.is_gt)) return true;
        }
        return false;
    }

    void wait_until_all_is_done() {
        Deployment& deployment = cluster_.deployment();
        const auto none = [&](const std::string& path) {
            const auto answer =
                deployment.http().get(deployment.api(path), {{"X-API-Key", account_.api_key}});
            return answer.status == 200 && answer.body == "[]";
        };
        deployment.wait_until("every delivery to end", [&] {
            // A delivery may change from the second state to the first between the two requests, but not
            // every time.
            for (int again = 0; again < 5; ++again) {
                if (!none("/deliveries?limit=1&status=pending")) return false;
                if (!none("/deliveries?limit=1&status=delivering")) return false;
            }
            return true;
        });
    }

    void check_alerts(Counts& counts, std::map<std::string, LoadedAlert>& known) {
        std::map<int, LoadedAlert> asked = load_.alerts();
        std::set<int> seen;
        for (const ShownAlert& shown : cluster_.deployment().alerts(account_)) {
            if (stands(shown.id)) continue;
            const int number = std::stoi(shown.webhook_url.substr(shown.webhook_url.rfind('/') + 1));
            const LoadedAlert& alert = asked.at(number);
            EXPECT_TRUE(seen.insert(number).second) << "created twice: " << number;
            if (!alert.id.empty()) {
                EXPECT_EQ(alert.id, shown.id);
            }
            counts.unanswered += alert.id.empty() ? 1 : 0;
            ++counts.alerts;
            known[shown.id] = alert;
            if (alert.fate == LoadedAlert::Fate::never_fires) {
                EXPECT_TRUE(shown.is_active) << shown.id << " fired at " << shown.triggered_price;
                continue;
            }
            EXPECT_FALSE(shown.is_active) << shown.id << " of round " << alert.round << " has not fired";
            counts.fired += shown.is_active ? 0 : 1;
            EXPECT_TRUE(shown.is_active || fired_where_it_must(alert, shown.triggered_price, load_.rounds()))
                << shown.id << " of round " << alert.round << (alert.is_gt ? ", gt," : ", lt,")
                << " fired at " << shown.triggered_price;
        }
        for (const auto& [number, alert] : asked) {
            if (!alert.id.empty()) {
                EXPECT_TRUE(seen.contains(number)) << alert.id << " is lost";
            }
        }
    }

    void check_deliveries(Counts& counts, const std::map<std::string, LoadedAlert>& known) {
        std::map<std::string, int> of_alert;
        const auto receipts = load_.receipts();
        for (const std::string& delivery : cluster_.deployment().list(account_, "/deliveries?limit=1000")) {
            const std::string alert = json_member(delivery, "alert_id").value();
            if (stands(alert)) continue;
            EXPECT_EQ(++of_alert[alert], 1) << alert << " fired twice";
            const auto status = json_member(delivery, "status");
            const bool refused = known.at(alert).fate == LoadedAlert::Fate::refused;
            EXPECT_EQ(status, refused ? "failed" : "delivered") << delivery;
            if (refused) {
                EXPECT_EQ(json_member(delivery, "attempt_count"), std::to_string(attempts)) << delivery;
            }
            counts.delivered += status == "delivered" ? 1 : 0;
            counts.failed += status == "failed" ? 1 : 0;
            const auto it = receipts.find(alert);
            ASSERT_NE(it, receipts.end()) << "nothing arrived for " << delivery;
            EXPECT_EQ(it->second.webhook_ids, std::set<std::string>{json_member(delivery, "id").value()});
            EXPECT_EQ(it->second.bad_signatures, 0) << delivery;
            if (!refused) {
                EXPECT_GE(it->second.accepted, 1) << delivery;
            }
            counts.duplicates +=
                it->second.accepted > 1 ? static_cast<std::size_t>(it->second.accepted - 1) : 0;
        }
        EXPECT_EQ(of_alert.size(), counts.fired);
        for (const auto& [alert, receipt] : receipts) {
            if (!receipt.webhook_ids.empty() && !stands(alert)) {
                EXPECT_TRUE(of_alert.contains(alert)) << "a webhook without an alert: " << alert;
            }
        }
    }

    bool stands(const std::string& id) const {
        return std::ranges::any_of(load_.standing(), [&](const StandingAlert& one) { return one.id == id; });
    }
    static bool fires_at_rises(const StandingAlert& alert) {
        return alert.kind != StandingAlert::Kind::trailing;
    }
    std::vector<ShownFiring> firings_of(const StandingAlert& alert) {
        return cluster_.deployment().firings(account_, alert.id);
    }

    // The price of each firing is an extreme, which tells its round.
    std::vector<int> check_rounds(const StandingAlert& alert, const std::vector<ShownFiring>& firings) {
        std::vector<int> rounds;
        int round = 0;
        for (std::size_t i = 0; i < firings.size(); ++i) {
            const ShownFiring& firing = firings[i];
            EXPECT_EQ(firing.number, static_cast<int>(i) + 1) << alert.id;
            if (i > 0) {
                EXPECT_GE(firing.price_time, firings[i - 1].price_time + Load::cooldown) << alert.id;
            }
            do ++round;
            while (round <= load_.rounds() && Load::extreme(round, fires_at_rises(alert)) != firing.price);
            EXPECT_LE(round, load_.rounds())
                << alert.id << ": firing " << firing.number << " at " << firing.price.to_string();
            rounds.push_back(round);
        }
        return rounds;
    }

    // A rise that was seen while the alert was not muted has fired it.
    void check_none_missing(const StandingAlert& alert, const std::vector<ShownFiring>& firings,
                            const std::vector<int>& rounds) {
        for (const auto& [round, shown] : load_.risen()) {
            if (std::ranges::find(rounds, round) != rounds.end()) continue;
            const auto mutes = [&, at = shown](const ShownFiring& firing) {
                return firing.price_time <= at && at < firing.price_time + Load::cooldown;
            };
            EXPECT_TRUE(std::ranges::any_of(firings, mutes))
                << alert.id << " did not fire in round " << round;
        }
    }

    void check_webhooks(const StandingAlert& alert, const std::vector<ShownFiring>& firings) {
        std::set<std::string> of_firings;
        for (const ShownFiring& firing : firings) of_firings.insert(firing.delivery_id);
        EXPECT_EQ(of_firings.size(), firings.size()) << alert.id;
        std::set<std::string> made;
        for (const std::string& delivery :
             cluster_.deployment().list(account_, "/alerts/" + alert.id + "/deliveries?limit=1000")) {
            made.insert(json_member(delivery, "id").value());
            EXPECT_EQ(json_member(delivery, "status"), "delivered") << delivery;
        }
        EXPECT_EQ(made, of_firings) << alert.id;
        const Receipts receipts = load_.receipts()[alert.id];
        EXPECT_EQ(receipts.webhook_ids, of_firings) << alert.id;
        EXPECT_EQ(receipts.bad_signatures, 0) << alert.id;
        EXPECT_GE(receipts.accepted, static_cast<int>(firings.size())) << alert.id;
    }

    void check_standing(Counts& counts) {
        for (const StandingAlert& alert : load_.standing()) {
            const auto firings = firings_of(alert);
            const auto rounds = check_rounds(alert, firings);
            // How long a price stayed while feeds were down is not known, nor a high that no checker was left to see.
            if (alert.kind == StandingAlert::Kind::repeating) check_none_missing(alert, firings, rounds);
            check_webhooks(alert, firings);
            counts.again += firings.size();
        }
    }

    Cluster cluster_;
    const Account account_;
    Load load_;
};

INSTANTIATE_TEST_SUITE_P(Sides, KillSuite,
                         ::testing::Values(Side{.name = "TwoOfEach"},
                                           Side{.name = "ThreeOfEachWithoutSpares",
                                                .of_each = 3,
                                                .redundancy = "1",
                                                .tickers = {"BTC", "ETH", "SOL", "DOGE", "BNB"},
                                                .points = 8}),
                         [](const auto& test) { return test.param.name; });

TEST_P(KillSuite, EveryAlertFiresOnceAndEveryWebhookArrives) {
    const bool is_long = std::getenv("PRICEWIRE_LONG") != nullptr;
    const char* given = std::getenv("PRICEWIRE_SEED");
    const std::uint64_t seed = given != nullptr ? std::stoull(given) : std::random_device{}();
    std::cout << "PRICEWIRE_SEED=" << seed << std::endl;

    Chaos chaos(cluster_, load_, seed);
    load_.stand();
    load_.run_round();
    load_.start();
    chaos.run(is_long ? 231 : GetParam().points);
    load_.stop();
    // Alerts created without an answer are crossed here at the latest.
    std::this_thread::sleep_for(Load::cooldown);
    load_.run_last_round([&](Decimal price) {
        return std::ranges::all_of(load_.standing(), [&](const StandingAlert& alert) {
            if (fires_at_rises(alert) != (price > Decimal::from_int(1000))) return true;
            const auto firings = firings_of(alert);
            return !firings.empty() && firings.back().price == price;
        });
    });
    wait_until_all_is_done();

    Counts counts;
    std::map<std::string, LoadedAlert> known;
    check_alerts(counts, known);
    check_deliveries(counts, known);
    check_standing(counts);
    for (const std::string& complaint : load_.complaints()) ADD_FAILURE() << complaint;
    EXPECT_EQ(cluster_.deployment().stop_pricewire(), 0) << cluster_.deployment().pricewire_output();

    int points = 0;
    for (const auto& [kind, stats] : chaos.stats()) {
        std::cout << std::setw(24) << std::left << kind << std::setw(4) << std::right << stats.points
                  << " points, recovered within "
                  << std::chrono::duration_cast<std::chrono::milliseconds>(stats.longest).count() << " ms\n";
        points += stats.points;
    }
    std::cout << points << " points, " << load_.rounds() << " rounds: " << counts.alerts << " alerts ("
              << counts.unanswered << " of requests without an answer), " << counts.fired << " fired once, "
              << counts.again << " firings of " << load_.standing().size() << " that repeat, "
              << counts.delivered << " delivered, " << counts.failed << " failed after " << attempts
              << " attempts, " << counts.duplicates << " duplicates under the same id\n";
}

}  // namespace
}  // namespace pricewire::test
