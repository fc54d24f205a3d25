// Two users whose webhooks go to one host: what one's receiver does holds up no webhook of the other, and is not shown
// to the other.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/sides.hpp"
#include "sim/receiver.hpp"
#include "support/deployment.hpp"

namespace pricewire::test {
namespace {

class TwoUsers : public ::testing::TestWithParam<Side> {
protected:
    void SetUp() override {
        if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
        // The longest time-out: what hangs does so throughout the test.
        deployment_.emplace(on(GetParam(), {.sim = {"--paused"},
                                            .receiver = {},
                                            .config = {{"PRICEWIRE_DELIVERY_TIMEOUT", "60s"},
                                                       {"PRICEWIRE_DELIVERY_BREAKER_PAUSE_MIN", "1h"},
                                                       {"PRICEWIRE_DELIVERY_BREAKER_PAUSE_MAX", "2h"}}}));
        receiver_ = sim::create_receiver({}).value();
        deployment_->start_pricewire();
        alice_ = deployment_->register_user("alice@example.com");
        bob_ = deployment_->register_user("bob@example.com");
        receiver_->add_secret(alice_.webhook_secret);
        receiver_->add_secret(bob_.webhook_secret);
        deployment_->wait_until("the stream",
                                [&] { return json_member(deployment_->sim_status(), "clients") == "1"; });
        trade("100");
    }

    net::HttpResult get(const Account& account, const std::string& path) {
        return deployment_->http().get(deployment_->api(path), {{"X-API-Key", account.api_key}});
    }
    net::HttpResult post(const Account& account, const std::string& path, const std::string& body = "") {
        return deployment_->http().post(deployment_->api(path), body, {{"X-API-Key", account.api_key}});
    }
    void trade(const std::string& price) {
        deployment_->sim_post("price/BTCUSDT", price);
        deployment_->wait_until("the price " + price,
                                [&] { return json_member(get(bob_, "/rates/BTC").body, "price") == price; });
    }
    std::string alert(const Account& account, const std::string& target, const std::string& path) {
        const auto made = post(account, "/alerts/",
                               R"({"ticker":"BTC","condition":"gt","target_price":)" + target +
                                   R"(,"webhook_url":"http://127.0.0.1:)" +
                                   std::to_string(receiver_->port()) + path + "\"}");
        EXPECT_EQ(made.status, 201) << made.body;
        return json_member(made.body, "id").value_or("");
    }
    // The first attempt at Bob's alert arrives, and neither its delivery nor his endpoints show anything else.
    void expect_served(const std::string& alert) {
        deployment_->wait_until("Bob's webhook", [&] {
            return get(bob_, "/alerts/" + alert + "/deliveries").body.find(R"("status":"delivered")") !=
                   std::string::npos;
        });
        const std::string shown = get(bob_, "/alerts/" + alert + "/deliveries").body;
        EXPECT_NE(shown.find(R"("attempt_count":1,)"), std::string::npos) << shown;
        const std::string endpoints = get(bob_, "/endpoints").body;
        EXPECT_NE(
            endpoints.find(R"("breaker":{"state":"closed","failures":0,"retry_at":null,"reason":null})"),
            std::string::npos)
            << endpoints;
        EXPECT_EQ(endpoints.find("open"), std::string::npos) << endpoints;
    }

    std::optional<Deployment> deployment_;
    std::unique_ptr<sim::Receiver> receiver_;
    Account alice_, bob_;
};

INSTANTIATE_TEST_SUITE_P(Sides, TwoUsers, both_sides(), name_of_side);

TEST_P(TwoUsers, AFailingPathOpensItsUsersBreakerOnly) {
    std::vector<std::string> alerts;
    for (int i = 0; i < 3; ++i) alerts.push_back(alert(alice_, "1000", "/as/fail:500/" + std::to_string(i)));
    const std::string bobs = alert(bob_, "101", "/bob");
    // An alert may have only so many unfinished tests.
    deployment_->wait_until("Alice's breaker", [&] {
        for (const std::string& id : alerts) post(alice_, "/alerts/" + id + "/test");
        return get(alice_, "/endpoints").body.find(R"("state":"open")") != std::string::npos;
    });
    trade("102");
    expect_served(bobs);
    EXPECT_NE(get(alice_, "/endpoints").body.find(R"("state":"open")"), std::string::npos);
}

TEST_P(TwoUsers, APathThatHangsLeavesRoomAtItsHost) {
    for (int i = 0; i < 20; ++i) alert(alice_, "101", "/as/hang/" + std::to_string(i));
    const std::string bobs = alert(bob_, "103", "/bob");
    trade("102");
    deployment_->wait_until("Alice's webhooks", [&] { return receiver_->total() >= 2; });
    trade("104");
    expect_served(bobs);
    const std::string shown = get(alice_, "/deliveries").body;
    EXPECT_NE(shown.find(R"("attempt_count":0,)"), std::string::npos) << shown;
    EXPECT_EQ(shown.find(R"("attempt_count":1,)"), std::string::npos) << "Bob waited for these: " << shown;
}

}  // namespace
}  // namespace pricewire::test
