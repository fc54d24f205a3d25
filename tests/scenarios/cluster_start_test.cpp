// Roles that start before the servers they need, and clusters without an optional server.
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "scenarios/sides.hpp"
#include "support/deployment.hpp"
#include "support/tcp_gate.hpp"

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;

void expect_delivery(Deployment& deployment, const Account& account) {
    const std::string alert = deployment.create_alert(account, "BTC", "gt", "1");
    deployment.wait_until("the webhook", [&] {
        for (const Received& r : deployment.received()) {
            if (r.alert_id == alert && r.signature_ok) return true;
        }
        return false;
    });
}

// A cluster that reaches the database through a gate, which is cut at first.
class ClusterStart : public testing::Test {
protected:
    void SetUp() override {
        auto cluster = cluster_of_environment();
        if (!cluster) GTEST_SKIP() << why_not_run;
        gate_.emplace(port_in(cluster->postgres_url));
        cluster->route = [this](const std::string& name, std::string url) {
            if (name == "command" || !url.starts_with("postgres")) return url;
            return with_port(std::move(url), gate_->port());
        };
        deployment_.emplace(DeploymentOptions{.cluster = cluster});
        gate_->cut();
        for (const std::string& name : deployment_->names()) deployment_->launch(name);
        for (const std::string& name : deployment_->names()) {
            deployment_->process(name).wait_for_output("waiting for the database");
        }
    }
    std::optional<TcpGate> gate_;
    std::optional<Deployment> deployment_;
};

TEST_F(ClusterStart, EveryRoleWaitsForADatabaseThatIsNotUpYet) {
    gate_->pass();
    for (const std::string& name : deployment_->names()) deployment_->address_of(name);
    expect_delivery(*deployment_, deployment_->register_user("first@example.com"));
    EXPECT_EQ(deployment_->stop_pricewire(), 0);
}

TEST_F(ClusterStart, ASignalEndsTheWait) {
    EXPECT_EQ(deployment_->stop_pricewire(), 0);
}

TEST(ClusterParts, WithoutABrokerSendersFindDueDeliveriesInTheDatabase) {
    const auto cluster = cluster_of_environment();
    if (!cluster) GTEST_SKIP() << why_not_run;
    Deployment deployment({.sim = {"--market", "generated"},
                           .receiver = {},
                           .config = {{"PRICEWIRE_STORAGE_RABBITMQ_URL", ""}},
                           .cluster = cluster});
    deployment.start_pricewire();
    expect_delivery(deployment, deployment.register_user("brokerless@example.com"));
    EXPECT_EQ(deployment.stop_pricewire(), 0);
}

}  // namespace
}  // namespace pricewire::test
