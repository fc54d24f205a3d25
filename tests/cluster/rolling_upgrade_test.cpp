// A rolling upgrade under load: one older process of each role, which are replaced one after another while alerts are
// created and prices move, each by a new one that joins before the old one is stopped (SIGTERM). Every request
// to create an alert succeeds, every alert fires exactly once and every webhook arrives.
//
// From the older version: PRICEWIRE_TEST_OLDER_BINARY, which `./test --long` builds. The first new process brings the schema
// up to date, and the old ones go on with it. Alerts have the plain form, the only one that it knows.
// From this version: that each role can be replaced under load. It says nothing about another version's schema.
#include <gtest/gtest.h>

#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "cluster/cluster.hpp"
#include "cluster/load.hpp"
#include "cluster/verdict.hpp"

namespace pricewire::test {
namespace {

class RollingUpgrade : public ::testing::Test {
protected:
    void begin(const std::string& older, bool has_rules) {
        cluster_.emplace(config_under_load(), 1, older);
        load_.emplace(deployment().sim_url(), cluster_->register_users(), std::vector<std::string>{"BTC"},
                      has_rules);
        load_->set_apis({deployment().address_of("api0")});
        if (has_rules) load_->stand();
        load_->run_round();
        load_->start();
    }
    void replace(const std::string& role) {
        const std::string old = role + "0", its_successor = role + "1";
        cluster_->start({its_successor});
        wait_for_a_round();
        // As a load balancer does: it sends nothing more to the process that is about to stop.
        if (role == "api") load_->set_apis({deployment().address_of(its_successor)});
        wait_for_a_round();
        // It has taken its share of the users.
        if (role == "sender") cluster_->wait_until_they_send({its_successor});
        cluster_->stop(old);
        wait_for_a_round();
    }
    // Waits for a round that begins after this call to end.
    void wait_for_a_round() {
        const int until = load_->rounds() + 2;
        deployment().wait_until("a round", [&] { return load_->rounds() >= until; });
    }
    void judge() {
        Verdict verdict(deployment(), *load_);
        verdict.end_load();
        const Counts counts = verdict.judge();
        for (const auto& [number, alert] : load_->alerts())
            EXPECT_FALSE(alert.id.empty()) << "the request for alert " << number << " failed";
        EXPECT_EQ(deployment().stop_pricewire(), 0) << deployment().pricewire_output();
        std::cout << load_->rounds() << " rounds: " << counts.alerts << " alerts, " << counts.fired
                  << " fired once, " << counts.again << " firings of those that repeat, edited "
                  << counts.edits << " times, " << counts.delivered << " delivered, " << counts.failed
                  << " failed after " << load_attempts << " attempts, " << counts.duplicates
                  << " duplicates under the same id\n";
    }
    void upgrade(const std::string& older, bool has_rules) {
        begin(older, has_rules);
        for (const char* role : {"api", "feed", "checker", "sender"}) replace(role);
        judge();
    }
    Deployment& deployment() { return cluster_->deployment(); }

    std::optional<Cluster> cluster_;
    std::optional<Load> load_;
};

TEST_F(RollingUpgrade, FromTheOlderVersionLosesNothing) {
    const std::string older = older_binary_of_environment();
    if (older.empty()) GTEST_SKIP() << "PRICEWIRE_TEST_OLDER_BINARY is not set";
    upgrade(older, false);
}

TEST_F(RollingUpgrade, FromThisVersionLosesNothing) {
    upgrade(binary_of_this_build(), true);
}

}  // namespace
}  // namespace pricewire::test
