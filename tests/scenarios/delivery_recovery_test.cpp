// How users inspect, retry and cancel deliveries, with the real program and real receivers.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/crypto.hpp"
#include "scenarios/sides.hpp"
#include "sim/receiver.hpp"
#include "support/deployment.hpp"

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;
using Config = std::map<std::string, std::string>;

class DeliveryRecovery : public ::testing::TestWithParam<Side> {
protected:
    explicit DeliveryRecovery(Config config = {{"PRICEWIRE_DELIVERY_ATTEMPTS", "2"},
                                               {"PRICEWIRE_DELIVERY_FIRST_RETRIES", "100ms"},
                                               {"PRICEWIRE_DELIVERY_BREAKER_FAILURES", "0"}})
        : config_(std::move(config)) {}

    void SetUp() override {
        if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
        deployment_.emplace(on(GetParam(), {.sim = {"--paused"}, .receiver = {}, .config = config_}));
        receiver_ = sim::create_receiver({}).value();
        deployment_->start_pricewire();
        account_ = deployment_->register_user("recovery@example.com");
        receiver_->add_secret(account_.webhook_secret);
        wait_for_stream();
        trade("100");
    }

    void wait_for_stream() {
        deployment_->wait_until("the stream",
                                [&] { return json_member(deployment_->sim_status(), "clients") == "1"; });
    }
    void trade(const std::string& price) {
        deployment_->sim_post("price/BTCUSDT", price);
        deployment_->wait_until("the price " + price,
                                [&] { return json_member(get("/rates/BTC").body, "price") == price; });
    }
    void receive(const std::string& mode) { receiver_->set_mode(sim::parse_mode(mode).value()); }

    net::Headers key() const { return {{"X-API-Key", account_.api_key}}; }
    net::HttpResult get(const std::string& path) {
        return deployment_->http().get(deployment_->api(path), key());
    }
    net::HttpResult post(const std::string& path, const std::string& body = "") {
        return deployment_->http().post(deployment_->api(path), body, key());
    }
    std::string url(const std::string& path = "/hook") const {
        return "http://127.0.0.1:" + std::to_string(receiver_->port()) + path;
    }
    net::HttpResult try_alert(const std::string& target, const std::string& more = "",
                              const std::string& path = "/hook") {
        return post("/alerts/", R"({"ticker":"BTC","condition":"gt","target_price":)" + target +
                                    R"(,"webhook_url":")" + url(path) + "\"" + more + "}");
    }
    std::string alert(const std::string& target, const std::string& more = "",
                      const std::string& path = "/hook") {
        const auto result = try_alert(target, more, path);
        EXPECT_EQ(result.status, 201) << result.body;
        return json_member(result.body, "id").value_or("");
    }
    std::string delivery_of(const std::string& alert) {
        std::string id;
        deployment_->wait_until("a delivery", [&] {
            id = json_member(get("/alerts/" + alert + "/deliveries").body, "id").value_or("");
            return !id.empty();
        });
        return id;
    }
    std::string status_of(const std::string& delivery) {
        return json_member(get("/deliveries/" + delivery).body, "status").value_or("");
    }
    void wait_for(const std::string& delivery, const std::string& status) {
        deployment_->wait_until(delivery + " to be " + status, [&] { return status_of(delivery) == status; });
    }
    std::vector<sim::ReceivedDelivery> received() const { return receiver_->received(); }
    void wait_for_requests(std::size_t count) {
        deployment_->wait_until(std::to_string(count) + " requests",
                                [&] { return receiver_->total() >= count; });
    }
    // Whether one of the header's signatures is that of `secret`.
    static bool verifies(const sim::ReceivedDelivery& d, const std::string& secret) {
        const auto bytes = base64_decode(secret.substr(std::string("whsec_").size())).value();
        const std::string signature =
            "v1," + base64_encode(hmac_sha256(bytes, d.webhook_id + "." + d.timestamp + "." + d.body));
        return (" " + d.signature + " ").find(" " + signature + " ") != std::string::npos;
    }

    Config config_;
    std::optional<Deployment> deployment_;
    std::unique_ptr<sim::Receiver> receiver_;
    Account account_;
};

INSTANTIATE_TEST_SUITE_P(Sides, DeliveryRecovery, both_sides(), name_of_side);

TEST_P(DeliveryRecovery, AFailedDeliveryShowsItsAttemptsAndIsRetriedUnderItsId) {
    receive("fail:500");
    const std::string id = alert("101");
    trade("102");
    const std::string delivery = delivery_of(id);
    wait_for(delivery, "failed");
    const std::string shown = get("/deliveries/" + delivery).body;
    EXPECT_NE(shown.find("\"number\":2"), std::string::npos) << shown;
    EXPECT_EQ(shown.find("\"number\":3"), std::string::npos) << shown;
    EXPECT_NE(shown.find("\"status\":500"), std::string::npos) << shown;
    EXPECT_NE(shown.find("127.0.0.1"), std::string::npos) << "the address used: " << shown;
    EXPECT_NE(shown.find("webhook-timestamp"), std::string::npos) << "the headers sent: " << shown;
    for (const auto& d : received()) {
        const std::string signature = d.signature.substr(d.signature.find(',') + 1);
        EXPECT_EQ(shown.find(signature), std::string::npos) << "a signature is shown";
    }
    receive("ok");
    const auto retried = post("/deliveries/" + delivery + "/retry");
    EXPECT_EQ(retried.status, 202) << retried.body;
    wait_for(delivery, "delivered");
    for (const auto& d : received()) EXPECT_EQ(d.webhook_id, delivery);
    EXPECT_EQ(received().size(), 3U);
}

TEST_P(DeliveryRecovery, RecoversAllThatFailedSinceATime) {
    receive("fail:500");
    std::vector<std::string> deliveries;
    std::vector<std::string> alerts;
    for (int i = 0; i < 5; ++i) alerts.push_back(alert("101", "", "/" + std::to_string(i)));
    trade("102");
    for (const std::string& id : alerts) deliveries.push_back(delivery_of(id));
    for (const std::string& id : deliveries) wait_for(id, "failed");
    receive("ok");
    const auto later = post("/deliveries/recover", R"({"since":"2100-01-01T00:00:00Z"})");
    EXPECT_EQ(json_member(later.body, "recovered"), "0") << later.body;
    const auto recovered = post("/deliveries/recover", R"({"since":"2020-01-01T00:00:00Z"})");
    EXPECT_EQ(recovered.status, 202) << recovered.body;
    EXPECT_EQ(json_member(recovered.body, "recovered"), "5") << recovered.body;
    for (const std::string& id : deliveries) wait_for(id, "delivered");
    EXPECT_EQ(get("/deliveries?status=failed").body, "[]");
}

TEST_P(DeliveryRecovery, AnEndpointThatIsGoneIsNotCalledAgainUntilItsUserEnablesIt) {
    receive("fail:410");
    const std::string first = alert("101");
    const std::string second = alert("103");
    trade("102");
    wait_for(delivery_of(first), "failed");
    EXPECT_EQ(receiver_->total(), 1U) << "410 is not retried";
    EXPECT_EQ(try_alert("200").status, 409);
    EXPECT_TRUE(json_member(get("/alerts/" + second).body, "endpoint_disabled_at"));
    receive("ok");
    trade("104");
    wait_for(delivery_of(second), "failed");
    EXPECT_EQ(receiver_->total(), 1U);
    const std::string endpoints = get("/endpoints").body;
    EXPECT_NE(endpoints.find("410"), std::string::npos) << endpoints;
    EXPECT_EQ(post("/endpoints/enable", R"({"webhook_url":")" + url() + "\"}").status, 204);
    const std::string third = alert("105");
    trade("106");
    wait_for(delivery_of(third), "delivered");
}

TEST_P(DeliveryRecovery, AnAlertThatCannotArriveInTimeExpires) {
    receive("retry-after:60");
    const std::string id = alert("101", R"(,"deliver_within":"30s")");
    trade("102");
    const std::string delivery = delivery_of(id);
    wait_for(delivery, "expired");
    const std::string shown = get("/deliveries/" + delivery).body;
    EXPECT_NE(shown.find("503"), std::string::npos) << shown;
    EXPECT_EQ(receiver_->total(), 1U);
}

TEST_P(DeliveryRecovery, RetryAfterIsHonouredAndAWaitingDeliveryCanBeCancelled) {
    receive("retry-after:3600");
    const std::string id = alert("101");
    trade("102");
    const std::string delivery = delivery_of(id);
    wait_for_requests(1);
    deployment_->wait_until("the next attempt to be far away", [&] {
        const std::string shown = get("/deliveries/" + delivery).body;
        const auto next = json_member(shown, "next_attempt_at");
        if (!next) return false;
        const Duration wait = parse_rfc3339(*next).value() - system_clock().now();
        return wait > 50min && wait < 70min;
    });
    const auto cancelled = post("/deliveries/" + delivery + "/cancel");
    EXPECT_EQ(cancelled.status, 200) << cancelled.body;
    EXPECT_EQ(status_of(delivery), "cancelled");
    EXPECT_EQ(post("/deliveries/" + delivery + "/cancel").status, 409);
    receive("ok");
    const std::string next = alert("103");
    trade("104");
    wait_for(delivery_of(next), "delivered");
    EXPECT_EQ(receiver_->total(), 2U) << "a cancelled delivery is not sent";
}

TEST_P(DeliveryRecovery, ATestEventIsDeliveredAndLeavesTheAlertActive) {
    const std::string id = alert("1000", R"(,"note":"sell half")");
    const auto asked = post("/alerts/" + id + "/test");
    EXPECT_EQ(asked.status, 202) << asked.body;
    const std::string delivery = json_member(asked.body, "id").value_or("");
    wait_for(delivery, "delivered");
    const auto got = received();
    ASSERT_EQ(got.size(), 1U);
    EXPECT_TRUE(got[0].signature_ok);
    EXPECT_EQ(got[0].webhook_id, delivery);
    EXPECT_NE(got[0].body.find("\"test\":true"), std::string::npos) << got[0].body;
    EXPECT_NE(got[0].body.find("sell half"), std::string::npos) << got[0].body;
    EXPECT_EQ(json_member(get("/alerts/" + id).body, "is_active"), "true");
}

TEST_P(DeliveryRecovery, BothSecretsVerifyAfterARotation) {
    const auto rotated = post("/users/me/webhook-secret");
    ASSERT_EQ(rotated.status, 200) << rotated.body;
    const std::string fresh = json_member(rotated.body, "webhook_secret").value();
    EXPECT_NE(fresh, account_.webhook_secret);
    const std::string id = alert("101");
    trade("102");
    wait_for(delivery_of(id), "delivered");
    const auto got = received();
    ASSERT_EQ(got.size(), 1U);
    EXPECT_TRUE(verifies(got[0], account_.webhook_secret));
    EXPECT_TRUE(verifies(got[0], fresh));
    EXPECT_FALSE(verifies(got[0], "whsec_" + base64_encode(as_bytes("somebody else's secret"))));
}

TEST_P(DeliveryRecovery, AReplacedKeyStopsWorkingAtOnceAndADeletedUserIsGone) {
    const std::string id = alert("101");
    const auto replaced = post("/users/me/api-key");
    ASSERT_EQ(replaced.status, 200) << replaced.body;
    EXPECT_EQ(get("/users/me").status, 401);
    account_.api_key = json_member(replaced.body, "api_key").value();
    EXPECT_EQ(get("/users/me").status, 200);
    EXPECT_EQ(deployment_->http().del(deployment_->api("/users/me"), key()).status, 204);
    EXPECT_EQ(get("/users/me").status, 401);
    // The same e-mail address can register again and starts with no alerts.
    account_ = deployment_->register_user("recovery@example.com");
    receiver_->add_secret(account_.webhook_secret);
    EXPECT_EQ(get("/alerts/").body, "[]");
    const std::string own = alert("101");
    trade("102");
    wait_for(delivery_of(own), "delivered");
    const auto got = received();
    ASSERT_EQ(got.size(), 1U) << "the deleted user's alert fired";
    EXPECT_EQ(got[0].alert_id, own);
}

TEST_P(DeliveryRecovery, DeliversEveryFormat) {
    struct Case {
        std::string more, path, holds, type;
    };
    const std::vector<Case> cases{
        {R"(,"format":"slack","note":"a < b")", "/slack", "a &lt; b", "application/json"},
        {R"(,"format":"discord","note":"@everyone")", "/discord", "allowed_mentions", "application/json"},
        {R"(,"format":"telegram")", "/telegram?chat_id=42", "\"chat_id\"", "application/json"},
        {R"(,"format":"template","template":{"body":"{{ticker}} at {{price}}: {{note}}",)"
         R"("content_type":"text/plain"},"note":"now")",
         "/template", "BTC at 102: now", "text/plain"},
    };
    for (const Case& c : cases) alert("101", c.more, c.path);
    trade("102");
    wait_for_requests(cases.size());
    for (const Case& c : cases) {
        const auto got = received();
        EXPECT_TRUE(std::any_of(got.begin(), got.end(), [&](const auto& d) {
            return d.body.find(c.holds) != std::string::npos && d.content_type.starts_with(c.type) &&
                   d.signature_ok;
        })) << c.path;
    }
}

// The key is in a file beside the database; a key in the configuration is changed there by its owner.
class Embedded : public DeliveryRecovery {};
INSTANTIATE_TEST_SUITE_P(Sides, Embedded, ::testing::Values(Side::embedded), name_of_side);

TEST_P(Embedded, NoSecretIsInPlainTextAndTheMasterKeyCanBeRotatedWhileServing) {
    const auto rotate = [&] {
        const auto command = deployment_->run({"rotate-master-key"});
        EXPECT_EQ(command.code, 0) << command.output;
    };
    const auto fire = [&](const std::string& target, const std::string& price) {
        const std::string id = alert(target);
        trade(price);
        wait_for(delivery_of(id), "delivered");
        EXPECT_TRUE(received().back().signature_ok) << target;
    };
    fire("101", "102");
    rotate();
    fire("103", "104");
    // A secret created after the rotation is sealed under the new key; all are readable after a restart.
    const Account later = deployment_->register_user("later@example.com");
    EXPECT_EQ(deployment_->stop_pricewire(), 0);
    rotate();
    deployment_->start_pricewire();
    wait_for_stream();
    fire("105", "106");
    account_ = later;
    receiver_->add_secret(later.webhook_secret);
    fire("107", "108");
    const std::string bare = account_.webhook_secret.substr(std::string("whsec_").size());
    for (const char* name : {"pricewire.db", "pricewire.db-wal", "serve.log", "commands.log"}) {
        std::ifstream file(deployment_->directory() / name, std::ios::binary);
        const std::string text(std::istreambuf_iterator<char>(file), {});
        EXPECT_EQ(text.find("whsec_"), std::string::npos) << name;
        EXPECT_EQ(text.find(bare), std::string::npos) << name;
        EXPECT_EQ(text.find(later.api_key), std::string::npos) << name;
    }
}

}  // namespace
}  // namespace pricewire::test
