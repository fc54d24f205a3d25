// Two processes of each role on PostgreSQL, Redis and RabbitMQ, or three that divide tickers, with spares and without,
// while processes, servers and the connections between them are killed, stopped, joined, wiped, cut and slowed down
// under load. Afterwards every alert has fired exactly once, at the first price that crossed it, those that repeat once
// each time that the prices demand it, however they were edited meanwhile, and every webhook has arrived or has failed
// after its last attempt. PRICEWIRE_LONG=1: 230 points each, otherwise each kind once with two of each role, and some of
// them with three that have no spares. PRICEWIRE_SEED repeats a run's choices.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "cluster/chaos.hpp"
#include "cluster/cluster.hpp"
#include "cluster/load.hpp"
#include "cluster/verdict.hpp"

namespace pricewire::test {
namespace {

struct Side {
    std::string name;
    int of_each = 2;
    std::string redundancy = "2";
    std::vector<std::string> tickers{"BTC"};
    int points = 23;  // each kind once; 0: only in the long run
};

bool is_long() {
    return std::getenv("PRICEWIRE_LONG") != nullptr;
}

class KillSuite : public ::testing::TestWithParam<Side> {
protected:
    void SetUp() override {
        if (!is_long() && GetParam().points == 0) GTEST_SKIP() << "PRICEWIRE_LONG is not set";
        cluster_.emplace(config(), GetParam().of_each);
        load_.emplace(cluster_->deployment().sim_url(), cluster_->register_users(), GetParam().tickers);
        load_->set_apis(cluster_->apis());
    }
    static std::map<std::string, std::string> config() {
        auto out = config_under_load();
        out["PRICEWIRE_CLUSTER_REDUNDANCY"] = GetParam().redundancy;
        return out;
    }

    std::optional<Cluster> cluster_;
    std::optional<Load> load_;
};

const std::vector<std::string> five_tickers{"BTC", "ETH", "SOL", "DOGE", "BNB"};
INSTANTIATE_TEST_SUITE_P(Sides, KillSuite,
                         ::testing::Values(Side{.name = "TwoOfEach"},
                                           Side{.name = "ThreeOfEachWithoutSpares",
                                                .of_each = 3,
                                                .redundancy = "1",
                                                .tickers = five_tickers,
                                                .points = 8},
                                           Side{.name = "ThreeOfEachWithSpares",
                                                .of_each = 3,
                                                .tickers = five_tickers,
                                                .points = 0}),
                         [](const auto& test) { return test.param.name; });

TEST_P(KillSuite, EveryAlertFiresOnceAndEveryWebhookArrives) {
    const char* given = std::getenv("PRICEWIRE_SEED");
    const std::uint64_t seed = given != nullptr ? std::stoull(given) : std::random_device{}();
    std::cout << "PRICEWIRE_SEED=" << seed << std::endl;

    Chaos chaos(*cluster_, *load_, seed);
    load_->stand();
    load_->run_round();
    load_->start();
    cluster_->wait_until_they_send(cluster_->processes_of("sender"));
    chaos.run(is_long() ? 230 : GetParam().points);
    cluster_->wait_until_they_send(cluster_->processes_of("sender"));
    Verdict verdict(cluster_->deployment(), *load_);
    verdict.end_load();
    const Counts counts = verdict.judge();
    EXPECT_GT(counts.edits, 0U);
    EXPECT_EQ(cluster_->deployment().stop_pricewire(), 0) << cluster_->deployment().pricewire_output();

    int points = 0;
    for (const auto& [kind, stats] : chaos.stats()) {
        std::cout << std::setw(26) << std::left << kind << std::setw(4) << std::right << stats.points
                  << " points, recovered within "
                  << std::chrono::duration_cast<std::chrono::milliseconds>(stats.longest).count() << " ms\n";
        points += stats.points;
    }
    std::cout << points << " points, " << load_->rounds() << " rounds: " << counts.alerts << " alerts ("
              << counts.unanswered << " of requests without an answer), " << counts.fired << " fired once, "
              << counts.again << " firings of " << load_->standing().size() << " that repeat, edited "
              << counts.edits << " times, " << counts.delivered << " delivered, " << counts.failed
              << " failed after " << load_attempts << " attempts, " << counts.duplicates
              << " duplicates under the same id\n";
}

}  // namespace
}  // namespace pricewire::test
