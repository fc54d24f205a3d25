// Notifications of devices, with the real programs and a push service that reads them as browsers do.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/rule_world.hpp"
#include "support/push_service.hpp"

namespace pricewire::test {
namespace {

// The text of `name` in a push's message.
std::string said(const SeenPush& push, const std::string& name) {
    return json_member(push.text.substr(push.text.find("\"message\":")), name).value_or("");
}

class Pushes : public ::testing::TestWithParam<Side> {
protected:
    void SetUp() override {
        if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
        if (const char* why = PushService::why_not()) GTEST_SKIP() << why;
        service_.emplace();
        world_.emplace(on(GetParam(), {.sim = {"--paused"},
                                       .config = {{"PRICEWIRE_MARKET_QUOTE_TTL", "60s"},
                                                  {"PRICEWIRE_PUSH_CONTACT", "mailto:ops@example.com"},
                                                  {"PRICEWIRE_DELIVERY_ATTEMPTS", "10"},
                                                  {"PRICEWIRE_DELIVERY_BREAKER_FAILURES", "0"},
                                                  {"PRICEWIRE_DELIVERY_BACKOFF_MIN", "200ms"},
                                                  {"PRICEWIRE_DELIVERY_BACKOFF_MAX", "400ms"},
                                                  {"PRICEWIRE_DELIVERY_FIRST_RETRIES", "500ms"}}}));
        // The older version knows no devices: what it fires reaches the webhook alone, and what its sender claims of them
        // it keeps until it ends, which is why senders are replaced first.
        if (GetParam() == Side::upgrade) {
            deployment().process("checker0").kill();
            deployment().process("sender0").kill();
        }
        world_->set_price("BTC", "99");
    }

    RuleWorld& world() { return *world_; }
    Deployment& deployment() { return world_->deployment(); }
    net::HttpResult post(const std::string& path, const std::string& body = "") {
        return deployment().http().post(deployment().api(path), body,
                                        {{"X-API-Key", world().account().api_key}});
    }
    BrowserSubscription browser() {
        return service_->subscribe(json_member(world().get("/push"), "public_key").value());
    }
    std::string subscribe(const BrowserSubscription& browser) {
        const auto made = post("/push/subscriptions", browser.json());
        EXPECT_EQ(made.status, 201) << made.body;
        return json_member(made.body, "id").value_or("");
    }
    std::string alert(const std::string& target) {
        return world().alert(R"("ticker":"BTC","condition":"gt","target_price":)" + target);
    }
    // Those that the service has taken, of one browser.
    std::vector<SeenPush> taken(const BrowserSubscription& by) {
        std::vector<SeenPush> all = service_->seen();
        std::erase_if(all, [&](const SeenPush& push) { return push.id != by.id || push.status >= 300; });
        return all;
    }
    std::vector<SeenPush> wait_for_pushes(const BrowserSubscription& by, std::size_t count) {
        std::vector<SeenPush> all;
        deployment().wait_until(std::to_string(count) + " pushes", [&] {
            all = taken(by);
            return all.size() >= count;
        });
        return all;
    }
    // The first push that is listed, with its attempts.
    std::string delivery(const std::string& status) {
        std::string shown;
        deployment().wait_until("a push that is " + status, [&] {
            for (const std::string& each : deployment().list(world().account(), "/deliveries?limit=100")) {
                if (json_member(each, "kind") != "push" || json_member(each, "status") != status) continue;
                shown = world().get("/deliveries/" + json_member(each, "id").value());
                return true;
            }
            return false;
        });
        return shown;
    }
    void wait_for_webhook(const std::string& alert) {
        deployment().wait_until("the webhook", [&] { return deployment().accepted(alert).size() == 1; });
    }

    std::optional<PushService> service_;
    std::optional<RuleWorld> world_;
};
INSTANTIATE_TEST_SUITE_P(Sides, Pushes, all_sides(), name_of_side);

TEST_P(Pushes, AFiringReachesEachDeviceBesideTheWebhook) {
    const BrowserSubscription phone = browser(), desk = browser();
    subscribe(phone);
    subscribe(desk);
    const std::string fires =
        world().alert(R"("ticker":"BTC","condition":"gt","target_price":100,"note":"Sell half.")");
    world().set_price("BTC", "101.5");
    for (const BrowserSubscription& each : {phone, desk}) {
        const SeenPush push = wait_for_pushes(each, 1).front();
        EXPECT_EQ(push.why, "");
        EXPECT_EQ(said(push, "title"), "BTC above 100");
        EXPECT_EQ(said(push, "body"), "The price is 101.5. Sell half.");
        EXPECT_EQ(said(push, "tag"), fires + " 1");
        EXPECT_EQ(said(push, "alert_id"), fires);
    }
    wait_for_webhook(fires);
    const std::string shown = delivery("delivered");
    EXPECT_EQ(attempts_in(shown), "1:201 ");
    EXPECT_NE(shown.find("vapid t=…"), std::string::npos) << "the token is not shown: " << shown;
    EXPECT_EQ(shown.find(phone.endpoint), std::string::npos) << "who has the URL can push: " << shown;
    EXPECT_EQ(shown.find(desk.endpoint), std::string::npos);
}

TEST_P(Pushes, EachFiringOfARuleIsOne) {
    const BrowserSubscription phone = browser();
    subscribe(phone);
    const std::string fires = world().alert(
        R"("ticker":"BTC","when":{"is":"above","level":100},"repeat":{"rearm":"1%","cooldown":"10s"})");
    world().set_price("BTC", "101");
    world().wait_for_firings(fires, 1);
    world().set_price("BTC", "90");
    world().wait_until_judged("BTC", Decimal::parse("90").value());
    world().trade_until("BTC", "102", "the second firing",
                        [&] { return world().firings(fires).size() == 2; });
    std::vector<std::string> tags;
    deployment().wait_until("both pushes", [&] {
        tags.clear();
        for (const SeenPush& push : taken(phone))
            if (said(push, "alert_id") == fires) tags.push_back(said(push, "tag"));
        return tags.size() == 2;
    });
    std::ranges::sort(tags);
    EXPECT_EQ(tags, (std::vector{fires + " 1", fires + " 2"}));
}

TEST_P(Pushes, AServiceThatIsAwayIsTriedAgainAlsoAfterAKill) {
    const BrowserSubscription phone = browser();
    subscribe(phone);
    service_->answer(R"([{"status":503},{"status":429,"retry-after":"1"},{"status":201}])");
    const std::string fires = alert("100");
    world().set_price("BTC", "101");
    deployment().wait_until("the first attempt", [&] { return !service_->seen().empty(); });
    deployment().kill_pricewire();
    deployment().start_pricewire();
    const SeenPush push = wait_for_pushes(phone, 1).front();
    EXPECT_EQ(said(push, "tag"), fires + " 1");
    wait_for_webhook(fires);
    const std::string shown = delivery("delivered");
    // The kill may have come before the first attempt was written: it is then made again under its number.
    EXPECT_TRUE(attempts_in(shown) == "1:503 2:429 3:201 " || attempts_in(shown) == "1:429 2:201 ")
        << attempts_in(shown);
    EXPECT_EQ(taken(phone).size(), 1U);
}

TEST_P(Pushes, ABrowserThatIsGoneIsRemovedAndTheOthersStay) {
    const BrowserSubscription phone = browser(), desk = browser();
    const std::string phone_device = subscribe(phone), desk_device = subscribe(desk);
    EXPECT_NE(world().get("/push").find(phone_device), std::string::npos);
    service_->end(phone);
    const std::string fires = alert("100");
    world().set_price("BTC", "101");
    wait_for_pushes(desk, 1);
    wait_for_webhook(fires);
    const std::string shown = delivery("failed");
    EXPECT_EQ(attempts_in(shown), "1:410 ");
    EXPECT_NE(shown.find("the browser has ended its subscription"), std::string::npos) << shown;
    deployment().wait_until("the device to be gone", [&] {
        const std::string devices = world().get("/push");
        return devices.find(phone_device) == std::string::npos &&
               devices.find(desk_device) != std::string::npos;
    });
    alert("102");
    world().set_price("BTC", "103");
    wait_for_pushes(desk, 2);
    const auto seen = service_->seen();
    EXPECT_EQ(std::ranges::count(seen, phone.id, &SeenPush::id), 1) << "nothing more is sent there";
}

TEST_P(Pushes, ARemovedDeviceIsSentNothing) {
    const BrowserSubscription phone = browser(), desk = browser();
    const std::string device = subscribe(phone);
    subscribe(desk);
    const auto removed = deployment().http().del(deployment().api("/push/subscriptions/" + device),
                                                 {{"X-API-Key", world().account().api_key}});
    EXPECT_EQ(removed.status, 204);
    alert("100");
    world().set_price("BTC", "101");
    wait_for_pushes(desk, 1);
    EXPECT_TRUE(taken(phone).empty());
}

TEST_P(Pushes, ATestReachesItsDeviceAlone) {
    const BrowserSubscription phone = browser(), desk = browser();
    const std::string device = subscribe(phone);
    subscribe(desk);
    const auto asked = post("/push/subscriptions/" + device + "/test");
    EXPECT_EQ(asked.status, 202) << asked.body;
    const SeenPush push = wait_for_pushes(phone, 1).front();
    EXPECT_EQ(said(push, "test"), "true") << push.text;
    EXPECT_TRUE(said(push, "title").starts_with("Test: ")) << push.text;
    EXPECT_TRUE(taken(desk).empty());
}

}  // namespace
}  // namespace pricewire::test
