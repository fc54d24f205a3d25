#include <stdexcept>
#include <thread>

#include "api/api_fixture.hpp"
#include "api/health_probe.hpp"
#include "fakes/log_capture.hpp"

namespace pricewire::api {
namespace {

class HealthTest : public ApiTest {
protected:
    HealthTest() {
        for (const char* ticker : {"BTC", "ETH", "DOGE"}) publish(ticker, "1");
    }
    static std::string status(const Answer& answer) { return member(answer.body, "status"); }
};

TEST_F(HealthTest, PingsEverythingAndNeedsNoKey) {
    bus_->publish_sources(
        std::vector<SourceReport>{{"binance", SourceCondition::ok, "streaming", clock_.now() - 1250ms},
                                  {"coingecko", SourceCondition::degraded, "waiting 30s", std::nullopt}});
    for (const char* path : {"/health", "/health/", "/api/v1/health", "/api/v1/health/"}) {
        const Answer answer = call("GET", path);
        EXPECT_EQ(answer.status, 200);
        EXPECT_TRUE(answer.body.starts_with(R"({"status":"ok","version":")" PRICEWIRE_VERSION
                                            R"(","dependencies":{"database":{"status":"ok","latency_ms":)"))
            << answer.body;
        EXPECT_TRUE(answer.has(R"("cache":{"status":"ok","latency_ms":)"));
        EXPECT_TRUE(answer.has(R"("queue":{"status":"ok","latency_ms":)"));
        EXPECT_TRUE(answer.body.ends_with(
            R"("sources":{"binance":{"status":"ok","detail":"streaming","last_quote_age":1.25},)"
            R"("coingecko":{"status":"degraded","detail":"waiting 30s","last_quote_age":null}}}})"))
            << answer.body;
    }
    EXPECT_EQ(storage_.calls("ping"), 4);
}

TEST_F(HealthTest, AFailingDatabaseIsDownWithoutTheReason) {
    fakes::LogCapture log;
    storage_.fail("no such host db.internal");
    const Answer answer = call("GET", "/health");
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(status(answer), "down");
    EXPECT_TRUE(answer.has(R"("database":{"status":"down","latency_ms":null,"detail":"not reachable"})"))
        << answer.body;
    EXPECT_FALSE(answer.has("db.internal"));
    EXPECT_EQ(call("GET", "/api/v1/health").status, 503);
    EXPECT_EQ(log.count("a dependency does not work"), 1u);
    storage_.heal();
    EXPECT_EQ(call("GET", "/health").status, 200);
    EXPECT_EQ(log.count("a dependency works again"), 1u);
}

TEST_F(HealthTest, ADatabaseThatCannotBeWrittenIsDownAndSaysWhy) {
    register_user("ann@example.com");
    storage_.fail("database: /var/lib/secret.db is full", storage::Trouble::full);
    call("POST", "/api/v1/users/register", R"({"email":"bob@example.com"})");
    const Answer answer = call("GET", "/health");
    EXPECT_EQ(answer.status, 503);
    EXPECT_TRUE(answer.has(R"("database":{"status":"down","latency_ms":null,"detail":)"
                           R"("cannot store anything: the disk is full"})"))
        << answer.body;
    EXPECT_FALSE(answer.has("secret.db"));
    EXPECT_EQ(call("GET", "/health/live").status, 200);
}

TEST_F(HealthTest, AMissingKeyFileDegrades) {
    EXPECT_TRUE(call("GET", "/health").has(R"("master_key":{"status":"ok")"));
    secrets_.fail_check("the key file is missing or cannot be used; the next start would fail");
    const Answer answer = call("GET", "/health");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(status(answer), "degraded");
    EXPECT_TRUE(
        answer.has(R"("master_key":{"status":"down","latency_ms":null,"detail":"the key file is missing)"))
        << answer.body;
}

TEST_F(HealthTest, AFailingQueueDegrades) {
    ping_queue_ = [] { throw std::runtime_error("broken"); };
    const Answer answer = call("GET", "/health");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(status(answer), "degraded");
    EXPECT_TRUE(answer.has(R"("queue":{"status":"down")"));
}

TEST_F(HealthTest, SilentSourcesDegradeIfNoneIsLeft) {
    SourceReport one{"binance", SourceCondition::down, "silent", clock_.now() - 40s};
    SourceReport two{"coingecko", SourceCondition::ok, "polling", clock_.now() - 20s};
    EXPECT_EQ(status(call("GET", "/health")), "degraded") << "no feed has reported yet";
    bus_->publish_sources(std::vector{one, two});
    EXPECT_EQ(status(call("GET", "/health")), "ok");
    two.condition = SourceCondition::down;
    bus_->publish_sources(std::vector{one, two});
    const Answer answer = call("GET", "/health");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(status(answer), "degraded");
}

TEST_F(HealthTest, ASourceThatWasNeverReachedIsNoneThatWorks) {
    bus_->publish_sources(
        std::vector<SourceReport>{{"binance", SourceCondition::degraded, "starting", std::nullopt}});
    EXPECT_EQ(status(call("GET", "/health")), "degraded");
    bus_->publish_sources(std::vector<SourceReport>{{"binance", SourceCondition::ok, "x", clock_.now()}});
    EXPECT_EQ(status(call("GET", "/health")), "ok");
}

TEST_F(HealthTest, ATickerWithoutAPriceDegradesAndSaysWhyAndSinceWhen) {
    bus_->publish_sources(
        std::vector<SourceReport>{{"binance", SourceCondition::ok, "streaming", clock_.now()}});
    const Quote quote{"binance",    SourceKind::exchange, "ETH", *Decimal::parse("1"),
                      clock_.now(), clock_.now()};
    TickerBoard board{.ticker = "ETH", .unpriced_since = clock_.now()};
    board.quotes.push_back({quote, Verdict::disputed});
    bus_->publish_board(board);
    bus_->publish_board({.ticker = "DOGE"});
    const Answer answer = call("GET", "/health");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(status(answer), "degraded");
    EXPECT_TRUE(
        answer.has(R"("tickers":{"ETH":{"status":"down","detail":"binance is disputed by another source",)"
                   R"("since":"2023-11-14T22:13:20Z"},)"
                   R"("DOGE":{"status":"down","detail":"no source has sent a quote yet"}},"sources":)"))
        << answer.body;
    for (const char* ticker : {"ETH", "DOGE"}) publish(ticker, "1");
    EXPECT_FALSE(call("GET", "/health").has("tickers"));
}

TEST_F(HealthTest, AHangingDatabaseIsDownAfterTheTimeoutAndBlocksNoOne) {
    options_.ping_timeout = 50ms;
    std::promise<void> release;
    std::atomic<int> pings{0};
    storage_.on_ping = [&, gate = release.get_future().share()] {
        ++pings;
        gate.wait();
    };
    for (int i = 0; i < 3; ++i) {
        const Answer answer = call("GET", "/health");
        EXPECT_EQ(answer.status, 503);
        EXPECT_TRUE(
            answer.has(R"("database":{"status":"down","latency_ms":null,"detail":"no answer within 50 ms"})"))
            << answer.body;
        EXPECT_TRUE(answer.has(R"("cache":{"status":"ok")"));
        EXPECT_EQ(call("GET", "/health/live").body, R"({"status":"ok"})");
    }
    EXPECT_EQ(pings.load(), 1) << "a hanging ping is not repeated";
    release.set_value();
    EXPECT_TRUE(storage_.wait_until([&] { return call("GET", "/health").status == 200; }));
}

TEST_F(HealthTest, ConcurrentRequestsShareAProbe) {
    std::promise<void> pinging;
    std::promise<void> release;
    std::atomic<int> pings{0};
    options_.ping_timeout = 60s;
    storage_.on_ping = [&, gate = release.get_future().share()] {
        if (++pings == 1) pinging.set_value();
        gate.wait();
    };
    std::vector<Pending> calls;
    calls.push_back(start("GET", "/health"));
    pinging.get_future().wait();
    for (int i = 0; i < 50; ++i) calls.push_back(start("GET", "/health"));
    release.set_value();
    for (auto& c : calls) EXPECT_EQ(wait(std::move(c)).status, 200);
    EXPECT_EQ(pings.load(), 1);
}

TEST_F(HealthTest, LiveChecksOnlyTheProcess) {
    storage_.fail();
    for (const char* path : {"/health/live", "/api/v1/health/live/"}) {
        const Answer answer = call("GET", path);
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.body, R"({"status":"ok"})");
    }
    EXPECT_EQ(storage_.calls("ping"), 0);
}

}  // namespace
}  // namespace pricewire::api
