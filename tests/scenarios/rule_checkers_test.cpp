// Several processes that judge, or publish, the same alerts, of which some are stopped: on a cluster, on clocks that
// stand still between the moments of a case (stepped_world.hpp).
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/stepped_cases.hpp"
#include "support/tcp_gate.hpp"

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;

Decimal decimal(const char* text) {
    return Decimal::parse(text).value();
}

class RuleCheckers : public ::testing::Test {
protected:
    void SetUp() override {
        if (!can_run(Side::cluster)) GTEST_SKIP() << why_not_run;
    }
    void begin(int of_each, std::function<std::string(const std::string&, const std::string&)> route = {}) {
        world_.emplace(
            Side::cluster,
            SteppedWorld::Options{
                .tickers = {"BTC", "ETH"}, .begins_at = -5s, .of_each = of_each, .route = std::move(route)});
        world_->start();
    }
    SteppedWorld& world() { return *world_; }
    Process& process(const std::string& name) { return world().deployment().process(name); }
    void kill(const std::string& name) { process(name).kill(); }
    // A price at a moment, judged by whoever runs.
    void price(Duration at, const char* price) {
        world().step_to(at);
        world().set_price("BTC", decimal(price));
        world().settle();
    }
    // Handed to the outbox by this checker, written or not.
    int firings_of(const std::string& checker) {
        return world().deployment().figure(checker, "pricewire_firings_total");
    }

    // Numbered from 1, each with one webhook.
    void expect_firings(const std::string& alert,
                        const std::vector<std::pair<Duration, const char*>>& expected) {
        world().deployment().wait_until("the firings",
                                        [&] { return world().firings(alert).size() >= expected.size(); });
        const auto firings = world().firings(alert);
        ASSERT_EQ(firings.size(), expected.size()) << world().get("/alerts/" + alert + "/firings");
        for (std::size_t i = 0; i < firings.size(); ++i) {
            EXPECT_EQ(firings[i].price_time, SteppedWorld::origin + expected[i].first) << i;
            EXPECT_EQ(firings[i].price, decimal(expected[i].second)) << i;
        }
        expect_webhooks(world().deployment(), alert, firings);
    }

    std::optional<SteppedWorld> world_;
};

const std::string repeats =
    R"("ticker":"BTC","when":{"is":"above","level":100},"repeat":{"cooldown":"10s","rearm":"1%"})";

TEST_F(RuleCheckers, TwoThatSeeTheSameFireEachTimeOnce) {
    begin(2);
    kill("feed2");
    price(0s, "99");
    const std::string alert = world().alert(repeats);
    price(5s, "101");
    // Whichever was second was passed over, or had heard of the other's firing before the price.
    expect_firings(alert, {{5s, "101"}});
    price(6s, "99.5");
    price(20s, "100.5");

    // One is slower: the other arms the alert and fires it a second time.
    world().stop("checker1");
    price(30s, "99");
    price(40s, "100.1");
    expect_firings(alert, {{5s, "101"}, {40s, "100.1"}});
    process("checker1").signal(SIGCONT);

    // Its own second firing is passed over, and it goes on from the row.
    kill("checker2");
    price(41s, "98");
    price(49s, "102");
    world().live_to(55s);
    expect_firings(alert, {{5s, "101"}, {40s, "100.1"}, {50s, "102"}});
}

TEST_F(RuleCheckers, OneThatWasAwayTakesTheStateOfTheRow) {
    begin(2);
    kill("feed2");
    price(0s, "99");
    const std::string alert = world().alert(repeats);
    world().stop("checker2");
    price(5s, "101");
    expect_firings(alert, {{5s, "101"}});
    kill("checker1");
    world().step_to(8s);
    process("checker2").signal(SIGCONT);
    // It sees 101 only now, as the first firing.
    world().settle();
    price(20s, "100.5");
    expect_firings(alert, {{5s, "101"}});
    price(30s, "99");
    price(40s, "100.1");
    world().live_to(45s);
    expect_firings(alert, {{5s, "101"}, {40s, "100.1"}});
}

TEST_F(RuleCheckers, APriceThatComesLateArmsAnAlertForThoseSince) {
    begin(2);
    kill("checker2");
    price(-1s, "99");
    world().step_to(0s);
    const std::string alert =
        world().alert(R"("ticker":"BTC","when":{"is":"above","level":100},"repeat":{"cooldown":"10s"})");
    price(1s, "101");
    expect_firings(alert, {{1s, "101"}});
    // Only the feed that is stopped is sent the price of 3 s.
    world().stop("feed2");
    kill("feed1");
    world().wait_for_streams(1);
    world().step_to(3s);
    world().set_price("BTC", decimal("98"));
    world().wait_until_traded();
    world().deployment().start("feed1");
    world().wait_for_streams(2);
    price(14s, "101.5");
    EXPECT_EQ(world().firings(alert).size(), 1U);
    world().step_to(15s);
    process("feed2").signal(SIGCONT);
    expect_firings(alert, {{1s, "101"}, {14s, "101.5"}});
}

TEST_F(RuleCheckers, AFiringOfARuleThatWasEditedMeanwhileIsNotWritten) {
    std::unique_ptr<TcpGate> gate;
    begin(1, [&](const std::string& name, const std::string& url) {
        if (name != "checker1" || !url.starts_with("postgres")) return url;
        if (!gate) gate = std::make_unique<TcpGate>(port_in(url));
        return with_port(url, gate->port());
    });
    ASSERT_NE(gate, nullptr);
    price(0s, "99");
    const std::string plain = world().alert(R"("ticker":"BTC","condition":"gt","target_price":100)");
    const std::string ruled = world().alert(repeats);
    world().live_to(20s);
    const int before = firings_of("checker1");

    // Fired, but not written yet, when the answer to PATCH has been given.
    gate->half_open();
    world().step_to(29900ms);
    world().set_price("BTC", decimal("101"));
    world().deployment().wait_until("both to fire", [&] { return firings_of("checker1") == before + 2; });
    world().step_to(30s);
    EXPECT_EQ(world().change(plain, R"({"target_price":105})").status, 200);
    EXPECT_EQ(world().change(ruled, R"({"when":{"is":"above","level":105}})").status, 200);
    gate->pass();
    world().settle();
    EXPECT_EQ(world().firings(plain).size() + world().firings(ruled).size(), 0U);

    price(32s, "106");
    world().live_to(33s);
    for (const std::string& alert : {plain, ruled}) {
        expect_firings(alert, {{32s, "106"}});
        EXPECT_NE(world().get("/alerts/" + alert + "/firings").find(R"("revision":2)"), std::string::npos);
    }
}

}  // namespace
}  // namespace pricewire::test
