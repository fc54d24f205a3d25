// SIGKILL in the middle of bursts of webhooks: none is lost, and what is sent a second time is bounded, to one receiver
// and to many. Repeats are counted by their webhook-id at the receivers. PRICEWIRE_LONG=1: ten bursts; otherwise two.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/mutex.hpp"
#include "scenarios/sides.hpp"
#include "sim/receiver.hpp"
#include "support/deployment.hpp"

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;

class Repeats : public ::testing::TestWithParam<Side> {
protected:
    static constexpr std::size_t burst = 5000;
    static constexpr std::size_t users = 5;
    static constexpr std::size_t most_repeated = burst / 50;

    void SetUp() override {
        if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
        deployment_ = std::make_unique<Deployment>(
            on(GetParam(), {.sim = {"--paused"},
                            .config = {{"PRICEWIRE_LIMITS_ALERTS_PER_USER", "1000000"},
                                       {"PRICEWIRE_MARKET_QUOTE_TTL", "60s"}}}));
        deployment_->start_pricewire();
        for (std::size_t i = 0; i < users; ++i)
            accounts_.push_back(deployment_->register_user("burst" + std::to_string(i) + "@example.com"));
    }

    void receive_at(std::size_t receivers) {
        sim::ReceiverOptions options;
        options.keep_log = false;
        options.on_delivery = [this](const sim::ReceivedDelivery& delivery) {
            MutexLock lock(mutex_);
            ++seen_[delivery.webhook_id];
            ++requests_;
        };
        for (std::size_t i = 0; i < receivers; ++i)
            receivers_.push_back(sim::create_receiver(options).value());
    }
    // Alerts of all users, over all receivers, that fire together.
    void create(const std::string& target) {
        for (const Account& account : accounts_) {
            std::string body;
            for (std::size_t i = 0; i < burst / users; ++i) {
                body += body.empty() ? "[" : ",";
                body += R"({"ticker":"BTC","condition":"gt","target_price":)" + target +
                        R"(,"webhook_url":"http://127.0.0.1:)" +
                        std::to_string(receivers_[i % receivers_.size()]->port()) + "/" + std::to_string(i) +
                        "\"}";
            }
            const auto made = deployment_->http().post(deployment_->api("/alerts/bulk"), body + "]",
                                                       {{"X-API-Key", account.api_key}});
            ASSERT_EQ(made.status, 200) << made.body.substr(0, 500);
        }
    }
    std::size_t requests() {
        MutexLock lock(mutex_);
        return requests_;
    }
    // How many webhooks have arrived, once or more often.
    std::size_t arrived() {
        MutexLock lock(mutex_);
        return seen_.size();
    }
    bool is_recorded() {
        for (const Account& account : accounts_) {
            for (const char* status : {"pending", "delivering"}) {
                const auto left = deployment_->http().get(
                    deployment_->api(std::string("/deliveries?limit=1&status=") + status),
                    {{"X-API-Key", account.api_key}});
                if (left.body != "[]") return false;
            }
        }
        return true;
    }
    void burst_and_kill(int bursts) {
        std::mt19937_64 rng(3);
        for (int i = 1; i <= bursts; ++i) {
            create(std::to_string(100 + i));
            deployment_->wait_until("the stream",
                                    [&] { return json_member(deployment_->sim_status(), "clients") == "1"; });
            const std::size_t before = arrived();
            deployment_->sim_post("price/BTCUSDT", std::to_string(101 + i));
            const std::size_t kill_at =
                before + std::uniform_int_distribution<std::size_t>(burst / 4, burst / 2)(rng);
            while (arrived() < kill_at) std::this_thread::yield();
            deployment_->kill_pricewire();
            const std::size_t at_kill = arrived() - before;
            deployment_->start_pricewire();
            deployment_->wait_until("every webhook", [&] { return arrived() == before + burst; });
            deployment_->wait_until("the last record", [&] { return is_recorded(); });
            const std::size_t repeated = requests() - arrived() - repeated_;
            repeated_ += repeated;
            EXPECT_LE(repeated, most_repeated);
            std::cout << "killed after " << at_kill << " of " << burst << ": " << repeated << " repeated\n";
            EXPECT_LT(at_kill, burst) << "it was too late";
        }
    }

    Mutex mutex_;
    std::unordered_map<std::string, int> seen_ GUARDED_BY(mutex_);
    std::size_t requests_ GUARDED_BY(mutex_) = 0;
    std::unique_ptr<Deployment> deployment_;
    std::vector<Account> accounts_;
    std::vector<std::unique_ptr<sim::Receiver>> receivers_;
    std::size_t repeated_ = 0;
    const int bursts_ = std::getenv("PRICEWIRE_LONG") != nullptr ? 10 : 2;
};
INSTANTIATE_TEST_SUITE_P(Sides, Repeats, both_sides(), name_of_side);

TEST_P(Repeats, AKillRepeatsFewWebhooksToOneReceiver) {
    receive_at(1);
    burst_and_kill(bursts_);
}

TEST_P(Repeats, AKillRepeatsFewWebhooksToManyReceivers) {
    receive_at(20);
    burst_and_kill(bursts_);
}

}  // namespace
}  // namespace pricewire::test
