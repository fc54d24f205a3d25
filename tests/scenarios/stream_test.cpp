// The live stream of the real program over sockets, on both sides.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "scenarios/sides.hpp"
#include "support/deployment.hpp"
#include "support/raw_client.hpp"

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;

class Stream : public ::testing::TestWithParam<Side> {
protected:
    void SetUp() override {
        if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
        deployment_.emplace(on(GetParam(), {.sim = {"--paused"},
                                            .receiver = {},
                                            .config = {{"PRICEWIRE_LIMITS_ALERTS_PER_USER", "100000"}}}));
        deployment_->start_pricewire();
        account_ = deployment_->register_user("stream@example.com");
        deployment_->wait_until("the stream of trades",
                                [&] { return json_member(deployment_->sim_status(), "clients") == "1"; });
        trade("100");
    }

    // Steps of less than 10 %: a larger jump on a single exchange would wait for confirmation.
    void trade(const std::string& price) {
        deployment_->sim_post("price/BTCUSDT", price);
        deployment_->wait_until("the price " + price, [&] {
            return json_member(deployment_->http()
                                   .get(deployment_->api("/rates/BTC"), {{"X-API-Key", account_.api_key}})
                                   .body,
                               "price") == price;
        });
    }
    std::string alert(const std::string& target) {
        return deployment_->create_alert(account_, "BTC", "gt", target);
    }
    std::uint16_t port() const {
        const std::string url = deployment_->root("");
        return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
    }

    // Server-sent events, starting after `last` if given.
    std::unique_ptr<RawClient> events(const std::string& last = "", int receive_buffer = 0) {
        auto client = std::make_unique<RawClient>(port(), receive_buffer);
        client->put("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nX-API-Key: " + account_.api_key +
                    "\r\n" + (last.empty() ? "" : "Last-Event-ID: " + last + "\r\n") + "\r\n");
        const std::string head = client->until("\r\n\r\n");
        EXPECT_TRUE(head.starts_with("HTTP/1.1 200 ")) << head;
        return client;
    }
    // The stream as a WebSocket. A client's frames are masked (RFC 6455 §5.3), with zeros here.
    std::unique_ptr<RawClient> websocket() {
        auto client = std::make_unique<RawClient>(port());
        client->put(
            "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: pricewire.v1\r\n\r\n");
        const std::string head = client->until("\r\n\r\n");
        EXPECT_TRUE(head.starts_with("HTTP/1.1 101 ")) << head;
        return client;
    }
    static void say(RawClient& client, const std::string& text) {
        ASSERT_LT(text.size(), 126U);
        std::string frame = "\x81";
        frame += static_cast<char>(0x80 | text.size());
        client.put(frame + std::string(4, '\0') + text);
    }
    // The id of the event that ends with `text`.
    static std::string id_in(const std::string& event) {
        const std::size_t at = event.rfind("\nid: ");
        return at == std::string::npos ? "" : event.substr(at + 5, event.find('\n', at + 5) - at - 5);
    }

    std::optional<Deployment> deployment_;
    Account account_;
};

INSTANTIATE_TEST_SUITE_P(Sides, Stream, both_sides(), name_of_side);

TEST_P(Stream, ShowsPricesAFiringAndItsDelivery) {
    const auto socket = websocket();
    say(*socket, R"({"type":"auth","api_key":")" + account_.api_key + "\"}");
    EXPECT_TRUE(socket->until(R"("BTC":{"price":100,)").ends_with(","));
    EXPECT_TRUE(socket->until(R"("sources":{"binance":{"status":")").ends_with("\""));
    trade("101");
    EXPECT_TRUE(socket->until(R"("BTC":{"price":101,)").ends_with(","));
    const std::string id = alert("102");
    trade("102.5");
    // The news of its creation may show the alert as it is by then: fired.
    socket->until(R"({"type":"alert_fired","id":")");
    const std::string fired = socket->until(R"("triggered_price":102.5)");
    EXPECT_NE(fired.find(R"("alert":{"id":")" + id), std::string::npos);
    const std::string delivered = socket->until(R"("status":"delivered")");
    EXPECT_NE(delivered.find(R"("alert_id":")" + id), std::string::npos) << delivered;
}

TEST_P(Stream, ACutConnectionResumesAfterItsLastEventEvenInANewProcess) {
    auto client = events();
    client->until("event: ready\n");
    const std::string first = alert("101");
    trade("101.5");
    const std::string delivered = client->until(R"("status":"delivered")");
    std::string last = id_in(delivered);
    ASSERT_NE(last, "");
    client.reset();

    trade("100");
    const std::string second = alert("102");
    trade("102.5");
    client = events(last);
    const std::string missed = client->until(R"("status":"delivered")");
    EXPECT_NE(missed.find("event: alert_fired\n"), std::string::npos) << missed;
    EXPECT_NE(missed.find(second), std::string::npos);
    EXPECT_EQ(missed.find(first), std::string::npos) << "an event is not sent twice";
    last = id_in(missed);
    client.reset();

    trade("100");
    const std::string third = alert("103");
    trade("103.5");
    deployment_->wait_until("its webhook", [&] { return deployment_->received().size() == 3; });
    deployment_->kill_pricewire();
    deployment_->start_pricewire();
    client = events(last);
    std::string after = client->until(third);
    EXPECT_TRUE(after.ends_with(third)) << after;
    EXPECT_EQ(after.find("event: missed"), std::string::npos);
}

TEST_P(Stream, AClientThatDoesNotReadBlocksNobodyAndIsSentMissed) {
    const auto slow = events("", 4096);
    const auto quick = events();
    slow->until("event: ready\n");
    // Far more than the server and the kernel buffer for a client.
    constexpr int alerts = 8000;
    std::string received;
    std::jthread reader([&] { received = quick->until(R"("target_price":103.5,)"); });
    // One that cannot be sent a message for half a minute is disconnected, which is not what this is about.
    for (int i = 0; i < alerts; ++i) {
        alert("101." + std::to_string(10'000 + i));
        slow->sip(4096);
    }
    trade("102");
    deployment_->wait_until("all webhooks", [&] {
        slow->sip(2048);
        return json_member(deployment_->http().get(deployment_->receiver_url() + "/_receiver/stats").body,
                           "total") == std::to_string(alerts);
    });
    alert("103.5");
    trade("104");
    reader.join();
    EXPECT_TRUE(received.ends_with(R"("target_price":103.5,)")) << "others are notified in the meantime";
    const std::string held_back = slow->until("event: missed\n");
    EXPECT_TRUE(held_back.ends_with("event: missed\n"));
    trade("105");
    EXPECT_TRUE(slow->until(R"("price":105,)").ends_with(",")) << "and continues with current prices";
}

}  // namespace
}  // namespace pricewire::test
