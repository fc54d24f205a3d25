// Alerts with rules that are changed, and whose webhooks wait, with the real programs; and a rolling upgrade from a version
// that does not know rules.
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "scenarios/expect_webhooks.hpp"
#include "scenarios/rule_world.hpp"

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;

Decimal decimal(const char* text) {
    return Decimal::parse(text).value();
}

class RuleChanges : public ::testing::TestWithParam<Side> {
protected:
    explicit RuleChanges(int of_each = 1) : of_each_(of_each) {}
    void SetUp() override {
        if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
        DeploymentOptions options = on(GetParam(), {.sim = {"--paused"},
                                                    .config = {{"PRICEWIRE_MARKET_QUOTE_TTL", "60s"},
                                                               {"PRICEWIRE_DELIVERY_ATTEMPTS", "100"},
                                                               {"PRICEWIRE_DELIVERY_BREAKER_FAILURES", "0"},
                                                               {"PRICEWIRE_DELIVERY_BACKOFF_MIN", "200ms"},
                                                               {"PRICEWIRE_DELIVERY_BACKOFF_MAX", "400ms"}}});
        if (options.cluster) options.cluster->of_each = of_each_;
        world_.emplace(std::move(options));
    }
    RuleWorld& world() { return *world_; }

    const int of_each_;
    std::optional<RuleWorld> world_;
};
INSTANTIATE_TEST_SUITE_P(Sides, RuleChanges, both_sides(), name_of_side);

TEST_P(RuleChanges, ANewLevelIsANewStartAndTheOldOneFiresNothing) {
    world().set_price("BTC", "99");
    const std::string alert = world().alert(R"("ticker":"BTC","condition":"gt","target_price":110)");
    world().set_price("BTC", "103");
    EXPECT_EQ(world().change(alert, R"({"target_price":115})").status, 200);
    world().set_price("BTC", "112");
    world().wait_until_judged("BTC", decimal("112"));
    EXPECT_TRUE(world().firings(alert).empty());
    world().set_price("BTC", "103");
    world().wait_until_judged("BTC", decimal("103"));
    const auto answer = world().change(alert, R"({"when":{"is":"above","level":102}})");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(json_member(answer.body, "revision"), "3") << answer.body;
    world().wait_for_firings(alert, 1);
    world().wait_until_judged("BTC", decimal("103"));
    const auto firings = world().firings(alert);
    ASSERT_EQ(firings.size(), 1U);
    EXPECT_EQ(firings[0].price, decimal("103"));
    EXPECT_NE(world().get("/alerts/" + alert + "/firings").find(R"("revision":3)"), std::string::npos);
}

TEST_P(RuleChanges, ANewNoteDoesNotBreakAHold) {
    world().set_price("BTC", "99");
    const std::string alert = world().alert(R"("ticker":"BTC","when":{"is":"above","level":100},"for":"3s")");
    world().set_price("BTC", "101");
    const Timestamp changed = system_clock().now();
    EXPECT_EQ(world().change(alert, R"({"note":"a new one"})").status, 200);
    world().set_price("BTC", "102");
    world().wait_for_firings(alert, 1);
    const std::string firing = world().get("/alerts/" + alert + "/firings");
    EXPECT_EQ(json_member(firing, "revision"), "1") << firing;
    EXPECT_LT(parse_rfc3339(json_member(firing, "held_since").value()).value(), changed) << firing;
}

TEST_P(RuleChanges, FiringsThatWaitForTheirEndpointKeepTheirOwnPrices) {
    Deployment& deployment = world().deployment();
    deployment.http().post(deployment.receiver_url() + "/_receiver/mode", "fail:500");
    world().set_price("BTC", "99");
    const std::string alert = world().alert(
        R"("ticker":"BTC","when":{"is":"above","level":100},"repeat":{"cooldown":"10s","rearm":0})");
    world().set_price("BTC", "101");
    world().wait_for_firings(alert, 1);
    world().set_price("BTC", "98");
    world().trade_until("BTC", "103", "the second firing",
                        [&] { return world().firings(alert).size() == 2; });
    deployment.http().post(deployment.receiver_url() + "/_receiver/mode", "ok");
    const auto firings = world().firings(alert);
    ASSERT_EQ(firings.size(), 2U);
    EXPECT_EQ(firings[0].price, decimal("101"));
    EXPECT_EQ(firings[1].price, decimal("103"));
    expect_webhooks(deployment, alert, firings);
    for (const ShownFiring& firing : firings) {
        const std::string delivery = world().get("/deliveries/" + firing.delivery_id);
        EXPECT_NE(delivery.find("\"number\":" + std::to_string(firing.number) + ","), std::string::npos)
            << delivery;
        EXPECT_NE(delivery.find("\"price\":" + firing.price.to_string() + ","), std::string::npos)
            << delivery;
    }
}

// On a cluster, two checkers hold the alert.
class RuleExpiry : public RuleChanges {
protected:
    RuleExpiry() : RuleChanges(2) {}
};
INSTANTIATE_TEST_SUITE_P(Sides, RuleExpiry, both_sides(), name_of_side);

TEST_P(RuleExpiry, IsInTheLogOnce) {
    world().set_price("BTC", "99");
    const std::string alert =
        world().alert(R"("ticker":"BTC","when":{"is":"above","level":100},"expires_at":")" +
                      format_rfc3339(system_clock().now() + 2s) + "\"");
    Deployment& deployment = world().deployment();
    const auto lines = [&] { return deployment.log_lines({"alert expired", alert}).size(); };
    deployment.wait_until("a line about the expiry", [&] { return lines() > 0; });
    EXPECT_EQ(json_member(world().shown(alert), "status"), "expired");
    // Until each checker has ended it, and has written what it had to say.
    for (const std::string& name : deployment.names()) {
        if (name != "serve" && !name.starts_with("checker")) continue;
        deployment.wait_until(name + " to watch nothing",
                              [&] { return deployment.figure(name, "pricewire_active_alerts") == 0; });
    }
    EXPECT_EQ(deployment.stop_pricewire(), 0);
    EXPECT_EQ(lines(), 1U);
}

class RuleUpgrade : public ::testing::Test {
protected:
    static constexpr Side side = Side::upgrade;
    void SetUp() override {
        if (!can_run(side)) GTEST_SKIP() << why_not_run;
        world_.emplace(on(side, {.sim = {"--paused"}, .config = {{"PRICEWIRE_MARKET_QUOTE_TTL", "60s"}}}));
    }
    RuleWorld& world() { return *world_; }
    void kill(const std::string& name) { world().deployment().process(name).kill(); }
    std::set<std::string> accepted(const std::string& alert) { return world().deployment().accepted(alert); }
    void rearm(const std::string& alert) {
        world().trade_until("BTC", "98", "the alert to be armed again",
                            [&] { return json_member(world().state(alert), "armed") == "true"; });
    }
    std::optional<RuleWorld> world_;
};

TEST_F(RuleUpgrade, AnOlderCheckerFiresWhatItUnderstandsAndNothingElse) {
    kill("checker1");
    world().set_price("BTC", "99");
    const std::string plain = world().alert(R"("ticker":"BTC","condition":"gt","target_price":100)");
    const std::string repeats = world().alert(
        R"("ticker":"BTC","condition":"gt","target_price":100,"repeat":{"cooldown":"10s","rearm":"1%"})");
    const std::string channel = world().alert(R"("ticker":"BTC","when":{"is":"outside","level":[90,100]})");
    const std::string edited = world().alert(R"("ticker":"BTC","condition":"gt","target_price":100.5)");
    EXPECT_EQ(world().change(edited, R"({"when":{"is":"above","level":200}})").status, 200);
    world().set_price("BTC", "101");
    world().wait_for_firings(plain, 1);
    world().wait_until_judged("BTC", decimal("101"));
    for (const std::string& alert : {repeats, channel, edited})
        EXPECT_TRUE(world().firings(alert).empty()) << world().shown(alert);

    // Checkers of both versions, and an older API beside the new one.
    world().deployment().start("checker1");
    for (const std::string& alert : {repeats, channel}) world().wait_for_firings(alert, 1);
    const std::string listed = world()
                                   .deployment()
                                   .http()
                                   .get(world().deployment().address_of("api0") + "/api/v1/alerts/?limit=100",
                                        {{"X-API-Key", world().account().api_key}})
                                   .body;
    for (const std::string& alert : {plain, repeats, channel, edited})
        EXPECT_NE(listed.find(alert), std::string::npos) << listed;
    const std::string both = world().alert(R"("ticker":"BTC","condition":"gt","target_price":102)");
    world().set_price("BTC", "103");
    world().wait_for_firings(both, 1);

    // The older processes end.
    for (const char* name : {"checker0", "sender0", "api0", "feed0"}) kill(name);
    world().wait_until_judged("BTC", decimal("103"));
    rearm(repeats);
    world().trade_until("BTC", "104", "the second firing",
                        [&] { return world().firings(repeats).size() == 2; });
    world().wait_until_judged("BTC", decimal("104"));
    for (const auto& [alert, count] : {std::pair(plain, 1U), std::pair(repeats, 2U), std::pair(channel, 1U),
                                       std::pair(edited, 0U), std::pair(both, 1U)}) {
        const auto firings = world().firings(alert);
        ASSERT_EQ(firings.size(), count) << world().shown(alert);
        expect_webhooks(world().deployment(), alert, firings);
    }
    EXPECT_EQ(json_member(world().shown(edited), "is_active"), "true");
}

TEST_F(RuleUpgrade, AnOlderApiAndAnOlderSenderBesideTheNewCheckerLeaveRulesAlone) {
    kill("checker0");
    kill("sender1");
    const auto by_older_api = [&](const std::string& method, const std::string& path, std::string body = "") {
        net::HttpRequest request{.method = method,
                                 .url = world().deployment().address_of("api0") + "/api/v1" + path,
                                 .body = std::move(body)};
        request.headers = {{"X-API-Key", world().account().api_key}, {"Content-Type", "application/json"}};
        return world().deployment().http().send(std::move(request));
    };
    world().set_price("BTC", "99");
    const auto created =
        by_older_api("POST", "/alerts/",
                     R"({"ticker":"BTC","condition":"gt","target_price":100,"webhook_url":")" +
                         world().deployment().receiver_url() + R"(/hook"})");
    ASSERT_EQ(created.status, 201) << created.body;
    const std::string plain = json_member(created.body, "id").value();
    const std::string repeats = world().alert(
        R"("ticker":"BTC","condition":"gt","target_price":100,"repeat":{"cooldown":"10s","rearm":"1%"})");
    const std::string deleted = world().alert(R"("ticker":"BTC","when":{"is":"outside","level":[90,102]})");
    EXPECT_EQ(by_older_api("DELETE", "/alerts/" + deleted).status, 204);

    world().set_price("BTC", "103");
    world().wait_for_firings(plain, 1);
    world().wait_for_firings(repeats, 1);
    world().deployment().wait_until("the plain one's webhook", [&] { return accepted(plain).size() == 1; });
    // What the older sender finds due after it, it has looked at.
    const std::string later = world().alert(R"("ticker":"BTC","condition":"gt","target_price":101)");
    world().deployment().wait_until("a later webhook", [&] { return accepted(later).size() == 1; });
    EXPECT_TRUE(accepted(repeats).empty()) << "the older sender does not know what it would say";

    // It keeps what it has claimed, and skipped, until it ends.
    world().deployment().start("sender1");
    kill("sender0");
    world().deployment().wait_until("its webhook", [&] { return accepted(repeats).size() == 1; });
    rearm(repeats);
    world().trade_until("BTC", "104", "the second webhook", [&] { return accepted(repeats).size() == 2; });
    world().wait_until_judged("BTC", decimal("104"));
    for (const auto& [alert, count] : {std::pair(plain, 1U), std::pair(repeats, 2U)}) {
        const auto firings = world().firings(alert);
        EXPECT_EQ(firings.size(), count) << world().shown(alert);
        expect_webhooks(world().deployment(), alert, firings);
    }
    for (const Received& webhook : world().deployment().received()) EXPECT_NE(webhook.alert_id, deleted);
}

}  // namespace
}  // namespace pricewire::test
