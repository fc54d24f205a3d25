#include "sim/exchange_sim.hpp"

#include <gtest/gtest.h>

#include <future>
#include <thread>
#include <vector>

#include "base/mutex.hpp"
#include "net/event_loop.hpp"
#include "net/http_client.hpp"
#include "net/ws_client.hpp"
#include "sim/protocol.hpp"
#include "sim/receiver.hpp"

namespace pricewire::sim {
namespace {

using namespace std::chrono_literals;

net::HttpResult send(const std::string& method, const std::string& url, std::string body = {},
                     net::Headers headers = {}) {
    static const auto client = net::create_http_client();
    std::promise<net::HttpResult> promise;
    client->start({.method = method,
                   .url = url,
                   .headers = std::move(headers),
                   .body = std::move(body),
                   .timeout = 30s},
                  [&](net::HttpResult r) { promise.set_value(std::move(r)); });
    return promise.get_future().get();
}

// A client of the simulated stream on its own loop; keeps what it receives.
class StreamClient {
public:
    explicit StreamClient(const std::string& url) : loop_(net::create_event_loop()) {
        loop_->post([this, url] {
            socket_ = net::open_websocket(
                *loop_, {.url = url},
                {.on_open = [this] { say("open"); },
                 .on_text = [this](std::string_view text) { say(std::string(text)); },
                 .on_ping = {},
                 .on_closed =
                     [this](const net::WsClosed& c) { say("closed " + std::to_string(c.http_status)); }});
        });
        thread_ = std::thread([this] { loop_->run(); });
    }
    ~StreamClient() {
        loop_->post([this] {
            socket_.reset();
            loop_->stop();
        });
        thread_.join();
    }
    void send(const std::string& text) {
        loop_->post([this, text] { socket_->send_text(text); });
    }
    // Waits for a message that holds `text`; empty after 30 s.
    std::string wait_for(const std::string& text) {
        MutexLock lock(mutex_);
        std::string found;
        changed_.wait_for(lock, 30s, [&]() REQUIRES(mutex_) {
            for (; read_ < said_.size(); ++read_) {
                if (said_[read_].find(text) == std::string::npos) continue;
                found = said_[read_++];
                return true;
            }
            return false;
        });
        return found;
    }

private:
    void say(std::string text) {
        {
            MutexLock lock(mutex_);
            said_.push_back(std::move(text));
        }
        changed_.notify_all();
    }

    std::unique_ptr<net::EventLoop> loop_;
    std::unique_ptr<net::WsClient> socket_;
    Mutex mutex_;
    CondVar changed_;
    std::vector<std::string> said_ GUARDED_BY(mutex_);
    std::size_t read_ GUARDED_BY(mutex_) = 0;
    std::thread thread_;
};

class ExchangeSimTest : public ::testing::Test {
protected:
    void SetUp() override {
        auto made = create_exchange_sim({.paused = true, .coingecko_period = 0s}, nullptr);
        ASSERT_TRUE(made) << made.error().message;
        sim_ = std::move(*made);
        address_ = "127.0.0.1:" + std::to_string(sim_->port());
    }
    std::string http(const std::string& path) const { return "http://" + address_ + path; }
    std::string stream(const std::string& streams) const {
        return "ws://" + address_ + "/stream?streams=" + streams;
    }

    std::unique_ptr<ExchangeSim> sim_;
    std::string address_;
};

TEST_F(ExchangeSimTest, WhatPassesAtOnceIsTradedUnheard) {
    StreamClient client(stream("btcusdt@trade"));
    ASSERT_EQ(client.wait_for("open"), "open");
    sim_->set_tape(ramp("BTCUSDT", Decimal::from_int(100), Decimal::from_int(1), 10, 30s));
    sim_->play();
    EXPECT_NE(client.wait_for(R"("p":"100.)"), "");
    const SimTime before = sim::now();
    sim_->skip(2min);
    EXPECT_GE(sim::now() - before, 2min);
    sim_->trade("BTCUSDT", Decimal::from_int(999));
    EXPECT_NE(client.wait_for("btcusdt@trade").find(R"("p":"999.)"), std::string::npos);
    EXPECT_EQ(send("GET", http("/_sim/status")).body.find(R"("BTCUSDT":100)"), std::string::npos);
    EXPECT_EQ(sim_->trades_sent(), 6);  // 100 to 104, 999
}

TEST_F(ExchangeSimTest, AListingDecidesWhetherASymbolIsTraded) {
    StreamClient client(stream("btcusdt@trade/xbtusdt@trade"));
    ASSERT_EQ(client.wait_for("open"), "open");
    EXPECT_EQ(send("POST", http("/_sim/listing/binance/BTCUSDT"), "halted").status, 204);
    sim_->trade("BTCUSDT", Decimal::from_int(1));
    while (sim_->trades_sent() == 0) std::this_thread::sleep_for(1ms);
    EXPECT_EQ(send("POST", http("/_sim/listing/binance/BTCUSDT"), "trading").status, 204);
    sim_->trade("BTCUSDT", Decimal::from_int(2));
    EXPECT_NE(client.wait_for("btcusdt@trade").find(R"("p":"2.)"), std::string::npos);
    EXPECT_EQ(send("POST", http("/_sim/listing/binance/BTCUSDT"), "renamed:XBTUSDT").status, 204);
    sim_->trade("BTCUSDT", Decimal::from_int(3));
    EXPECT_NE(client.wait_for("xbtusdt@trade").find(R"("p":"3.)"), std::string::npos);
    EXPECT_EQ(send("GET", http("/api/v3/ticker/price?symbol=BTCUSDT")).status, 400);
    EXPECT_EQ(send("POST", http("/_sim/listing/binance/BTCUSDT"), "gone").status, 400);
    EXPECT_EQ(send("POST", http("/_sim/listing/nowhere/BTCUSDT"), "halted").status, 400);
}

TEST_F(ExchangeSimTest, CoinsTradeByTheClock) {
    auto made = create_exchange_sim({.coins = 10, .coin_trades_per_second = 1000}, nullptr);
    ASSERT_TRUE(made) << made.error().message;
    StreamClient client("ws://127.0.0.1:" + std::to_string((*made)->port()) +
                        "/stream?streams=xrpusdt@trade");
    EXPECT_NE(client.wait_for("xrpusdt@trade"), "");
}

TEST_F(ExchangeSimTest, SpeaksBinancesStreamAndTwoRestInterfaces) {
    StreamClient client(stream("btcusdt@trade"));
    ASSERT_EQ(client.wait_for("open"), "open");
    sim_->trade("BTCUSDT", Decimal::parse("65000.5").value());
    const std::string frame = client.wait_for("btcusdt@trade");
    EXPECT_NE(frame.find(R"("s":"BTCUSDT")"), std::string::npos) << frame;
    EXPECT_NE(frame.find(R"("p":"65000.50000000")"), std::string::npos) << frame;
    client.send(R"({"method":"SUBSCRIBE","params":["ethusdt@trade"],"id":7})");
    EXPECT_EQ(client.wait_for("result"), R"({"result":null,"id":7})");
    sim_->trade("ETHUSDT", Decimal::from_int(3000));
    EXPECT_NE(client.wait_for("ethusdt@trade"), "");

    EXPECT_EQ(send("GET", http("/api/v3/ticker/price?symbols=%5B%22BTCUSDT%22%5D")).body,
              R"([{"symbol":"BTCUSDT","price":"65000.50000000"}])");
    EXPECT_EQ(send("GET", http("/api/v3/ticker/price?symbol=NOSUCH")).status, 400);
    EXPECT_TRUE(send("GET", http("/api/v3/simple/price?ids=bitcoin&vs_currencies=usd"))
                    .body.starts_with(R"({"bitcoin":{"usd":65000.5)"));
}

TEST_F(ExchangeSimTest, AVenueGreetsBeforeItAnswersAndCountsItsTrades) {
    sim_->trade("BTCUSDT", Decimal::from_int(100));
    while (sim_->trades_sent() == 0) std::this_thread::yield();
    StreamClient client("ws://" + address_ + "/kraken/v2");
    EXPECT_NE(client.wait_for("status"), "");
    client.send(R"({"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD"]},"req_id":1})");
    EXPECT_NE(client.wait_for(R"("symbol":"BTC/USD")"), "");
    sim_->trade("BTCUSDT", Decimal::from_int(101));
    EXPECT_NE(client.wait_for(R"("price":101,)").find(R"("trade_id":2)"), std::string::npos);
}

TEST_F(ExchangeSimTest, EachFaultDoesWhatItsNameSays) {
    sim_->trade("BTCUSDT", Decimal::from_int(100));
    const auto rest = [&](const std::string& fault) {
        EXPECT_EQ(send("POST", http("/_sim/fault/binance.rest"), fault).status, 204) << fault;
        return send("GET", http("/api/v3/ticker/price?symbol=BTCUSDT"));
    };
    while (rest("none").status != 200) std::this_thread::yield();
    const auto banned = rest("418:120");
    EXPECT_EQ(banned.status, 418);
    EXPECT_EQ(*banned.header("retry-after"), "120");
    EXPECT_NE(banned.body.find("banned until"), std::string::npos);
    EXPECT_NE(rest("html").body.find("<html>"), std::string::npos);
    EXPECT_NE(rest("error200").body.find("\"code\":-1003"), std::string::npos);
    EXPECT_NE(rest("wild").body.find("1000.00000000"), std::string::npos);
    EXPECT_EQ(send("POST", http("/_sim/fault/binance.rest"), "nonsense").status, 400);
    EXPECT_EQ(send("POST", http("/_sim/fault/nosuch.rest"), "cut").status, 400);

    StreamClient client(stream("btcusdt@trade"));
    ASSERT_EQ(client.wait_for("open"), "open");
    sim_->set_fault("binance.stream", parse_fault("cut").value());
    EXPECT_EQ(client.wait_for("closed"), "closed 0");
    sim_->set_fault("binance.stream", parse_fault("429:30").value());
    StreamClient refused(stream("btcusdt@trade"));
    EXPECT_EQ(refused.wait_for("closed"), "closed 429");
}

TEST_F(ExchangeSimTest, OneSymbolIsRefusedOrNotAnsweredAndTheOthersGoOn) {
    const std::string subscribe =
        R"({"op":"subscribe","args":[{"channel":"trades","instId":"BTC-USDT"},{"channel":"trades","instId":"ETH-USDT"},{"channel":"trades","instId":"SOL-USDT"}]})";
    EXPECT_EQ(send("POST", http("/_sim/fault/okx.stream/ETHUSDT"), "removed").status, 204);
    EXPECT_EQ(send("POST", http("/_sim/fault/okx.stream/BTCUSDT"), "unacknowledged").status, 204);
    EXPECT_EQ(send("POST", http("/_sim/fault/okx.stream/BTCUSDT"), "garbage").status, 400);
    StreamClient client("ws://" + address_ + "/okx/ws/v5/public");
    ASSERT_EQ(client.wait_for("open"), "open");
    client.send(subscribe);
    EXPECT_NE(client.wait_for("instId").find("ETH-USDT doesn't exist"), std::string::npos);
    EXPECT_NE(client.wait_for("instId").find("\"instId\":\"SOL-USDT\""), std::string::npos);
    for (const char* symbol : {"BTCUSDT", "ETHUSDT", "SOLUSDT"}) sim_->trade(symbol, Decimal::from_int(7));
    EXPECT_NE(client.wait_for("\"px\"").find("SOL-USDT"), std::string::npos);
    EXPECT_NE(send("GET", http("/_sim/status")).body.find(R"("okx.stream/ETHUSDT":"removed")"),
              std::string::npos);
    EXPECT_EQ(send("POST", http("/_sim/fault/okx.stream/ETHUSDT"), "none").status, 204);
}

TEST_F(ExchangeSimTest, AVenueSaysThatItLeavesAndThatItIsClosed) {
    StreamClient okx("ws://" + address_ + "/okx/ws/v5/public");
    StreamClient kraken("ws://" + address_ + "/kraken/v2");
    ASSERT_EQ(okx.wait_for("open"), "open");
    ASSERT_EQ(kraken.wait_for("open"), "open");
    sim_->set_fault("okx.stream", parse_fault("leaving").value());
    EXPECT_NE(okx.wait_for("64008"), "");
    EXPECT_EQ(okx.wait_for("closed"), "closed 0");
    sim_->set_fault("kraken.stream", parse_fault("maintenance").value());
    EXPECT_NE(kraken.wait_for(R"("system":"maintenance")"), "");
    StreamClient late("ws://" + address_ + "/kraken/v2");
    EXPECT_NE(late.wait_for(R"("system":"maintenance")"), "");
    sim_->set_fault("kraken.stream", {});
    EXPECT_NE(kraken.wait_for(R"("system":"online")"), "");
    sim_->set_fault("okx.stream", parse_fault("maintenance").value());
    StreamClient refused("ws://" + address_ + "/okx/ws/v5/public");
    EXPECT_EQ(refused.wait_for("closed"), "closed 503");
    sim_->set_fault("kraken.rest", parse_fault("maintenance").value());
    EXPECT_EQ(send("GET", http("/kraken/0/public/Ticker?pair=XBTUSD")).body,
              R"({"error":["EService:Unavailable"]})");
}

TEST_F(ExchangeSimTest, DollarCoinsAreTradedWhereTheyAreAskedForAtTheirRate) {
    EXPECT_EQ(send("POST", http("/_sim/rate/USDT"), "0.95").status, 204);
    EXPECT_EQ(send("POST", http("/_sim/rate/EUR"), "0.95").status, 400);
    StreamClient kraken("ws://" + address_ + "/kraken/v2");
    StreamClient okx("ws://" + address_ + "/okx/ws/v5/public");
    ASSERT_EQ(okx.wait_for("open"), "open");
    kraken.send(
        R"({"method":"subscribe","params":{"channel":"trade","symbol":["USDT/USD","BTC/USD"]},"req_id":1})");
    okx.send(
        R"({"op":"subscribe","args":[{"channel":"trades","instId":"BTC-USDT"},{"channel":"trades","instId":"USDT-USDT"}]})");
    EXPECT_NE(okx.wait_for("error").find("USDT-USDT doesn't exist"), std::string::npos);
    EXPECT_NE(kraken.wait_for(R"("price":0.95,)").find("USDT/USD"), std::string::npos);
    sim_->trade("BTCUSDT", Decimal::from_int(95));
    EXPECT_NE(kraken.wait_for(R"("price":95,)"), "");
    EXPECT_NE(okx.wait_for(R"("px":"100")"), "");
    EXPECT_EQ(send("POST", http("/_sim/price/BTCUSDT/okx"), "77").status, 204);
    EXPECT_NE(okx.wait_for(R"("px":"77")"), "");
    EXPECT_EQ(send("POST", http("/_sim/price/BTCUSDT/nosuch"), "77").status, 400);
    EXPECT_EQ(sim_->trades_sent(), 2U) << "those of the coins are not counted";
}

TEST_F(ExchangeSimTest, PlaysAWholeTapeInOrderAsFastAsItIsRead) {
    StreamClient client(stream("btcusdt@trade"));
    ASSERT_EQ(client.wait_for("open"), "open");
    sim_->set_speed(0);
    sim_->set_tape(ramp("BTCUSDT", Decimal::from_int(1), Decimal::from_int(1), 5000, 1s));
    sim_->play();
    for (int i = 1; i <= 5000; i += 499) {
        EXPECT_NE(client.wait_for("\"p\":\"" + std::to_string(i) + ".00000000\""), "") << i;
    }
    while (!sim_->finished()) std::this_thread::yield();
    EXPECT_EQ(sim_->trades_sent(), 5000U);
}

TEST(Receiver, VerifiesSignaturesAndCountsRepeats) {
    // The reference vector of the Standard Webhooks libraries.
    const auto receiver = create_receiver({.secrets = {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}}).value();
    const std::string url = "http://127.0.0.1:" + std::to_string(receiver->port()) + "/hook";
    const std::string body = R"({"test": 2432232314})";
    const net::Headers good{{"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
                            {"webhook-timestamp", "1614265330"},
                            {"webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}};
    EXPECT_EQ(send("POST", url, body, good).status, 204);
    EXPECT_EQ(send("POST", url, body + " ", good).status, 204);
    const auto received = receiver->received();
    ASSERT_EQ(received.size(), 2U);
    EXPECT_TRUE(received[0].signature_ok);
    EXPECT_FALSE(received[1].signature_ok);
    const auto stats =
        send("GET", "http://127.0.0.1:" + std::to_string(receiver->port()) + "/_receiver/stats").body;
    EXPECT_EQ(stats, R"({"total":2,"unique":1,"duplicates":1,"bad_signatures":1})");
}

TEST(Receiver, MisbehavesAsConfigured) {
    const auto receiver = create_receiver({}).value();
    const std::string base = "http://127.0.0.1:" + std::to_string(receiver->port());
    const auto mode = [&](const std::string& text) {
        return send("POST", base + "/_receiver/mode", text).status;
    };
    const auto status = [&] { return send("POST", base + "/hook", "{}").status; };
    EXPECT_EQ(mode("fail:503"), 204);
    EXPECT_EQ(status(), 503);
    EXPECT_EQ(mode("fail-first:2"), 204);
    EXPECT_EQ(status(), 500);
    EXPECT_EQ(status(), 500);
    EXPECT_EQ(status(), 204);
    EXPECT_EQ(mode("slow:20ms"), 204);
    EXPECT_EQ(status(), 204);
    EXPECT_EQ(mode("nonsense"), 400);
    for (const char* text : {"slow", "fail", "fail:9999", "fail-first:-1", "random-fail:x", "ok:1"})
        EXPECT_FALSE(parse_mode(text)) << text;
}

}  // namespace
}  // namespace pricewire::sim
