// A feed that has no CPU for a while reads trades long after they were made.
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "scenarios/sides.hpp"
#include "support/deployment.hpp"

namespace pricewire::test {
namespace {

class LatePrice : public testing::Test {
protected:
    void trade(const std::string& price) { deployment_->sim_post("price/BTCUSDT", price); }
    bool shows(const std::string& price) {
        const auto answer =
            deployment_->http().get(deployment_->api("/rates/BTC"), {{"X-API-Key", account_.api_key}});
        return answer.status == 200 && json_member(answer.body, "price") == price;
    }
    void trade_and_see(const std::string& price) {
        trade(price);
        deployment_->wait_until("the price " + price, [&] { return shows(price); });
    }
    bool has_fired(const std::string& id) {
        for (const ShownAlert& alert : deployment_->alerts(account_)) {
            if (alert.id == id) return !alert.is_active;
        }
        return false;
    }

    // Until the kernel says so: the signal alone does not stop it at once.
    void stop(const std::string& name) {
        Process& process = deployment_->process(name);
        process.signal(SIGSTOP);
        deployment_->wait_until(name + " to stop", [&] {
            std::ifstream file("/proc/" + std::to_string(process.pid()) + "/stat");
            const std::string stat{std::istreambuf_iterator<char>(file), {}};
            const std::size_t behind_name = stat.rfind(')');
            return behind_name != std::string::npos && stat.compare(behind_name, 4, ") T ") == 0;
        });
    }

    void SetUp() override {
        auto cluster = cluster_of_environment();
        if (!cluster) GTEST_SKIP() << why_not_run;
        cluster->of_each = 2;
        deployment_.emplace(DeploymentOptions{.sim = {"--paused"}, .cluster = cluster});
        deployment_->start_pricewire();
        account_ = deployment_->register_user("late@example.com");
        for (const char* feed : {"feed1", "feed2"}) {
            deployment_->wait_until(std::string(feed) + " to stream", [&] {
                trade("1000");
                return deployment_->figure(
                           feed, R"(pricewire_source_state{source="binance",state="streaming"})") == 1;
            });
        }
    }

    std::optional<Deployment> deployment_;
    Account account_;
};

TEST_F(LatePrice, ATradeFromBeforeAnAlertWasCreatedDoesNotFireItHoweverLateAFeedReadsIt) {
    stop("feed2");
    trade_and_see("990");
    trade_and_see("1000");
    const std::string below = deployment_->create_alert(account_, "BTC", "lt", "995");
    const std::string above = deployment_->create_alert(account_, "BTC", "gt", "1005");
    // What follows can only come by the feed that reads the past first.
    deployment_->process("feed1").kill();
    deployment_->process("feed2").signal(SIGCONT);
    deployment_->wait_until("the alert above", [&] {
        trade("1010");
        return has_fired(above);
    });
    EXPECT_FALSE(has_fired(below)) << "by a price that was over when it was created";
    deployment_->wait_until("the alert below", [&] {
        trade("990");
        return has_fired(below);
    });
}

}  // namespace
}  // namespace pricewire::test
