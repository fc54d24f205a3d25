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
    bus_->publish_sources(std::vector<SourceReport>{
        {"binance", SourceCondition::ok, "streaming", clock_.now() - 1250ms, SourceKind::exchange, "Binance",
         "streaming"},
        {"coingecko", SourceCondition::degraded, "waiting 30s", std::nullopt, SourceKind::aggregator}});
    for (const char* path : {"/health", "/health/", "/api/v1/health", "/api/v1/health/"}) {
        const Answer answer = call("GET", path);
        EXPECT_EQ(answer.status, 200);
        EXPECT_TRUE(answer.body.starts_with(R"({"status":"ok","version":")" PRICEWIRE_VERSION
                                            R"(","dependencies":{"database":{"status":"ok","latency_ms":)"))
            << answer.body;
        EXPECT_TRUE(answer.has(R"("cache":{"status":"ok","latency_ms":)"));
        EXPECT_TRUE(answer.has(R"("queue":{"status":"ok","latency_ms":)"));
        EXPECT_TRUE(answer.body.ends_with(
            R"("sources":{"binance":{"status":"ok","detail":"streaming","last_quote_age":1.25,"state":"streaming"},)"
            R"("coingecko":{"status":"degraded","detail":"waiting 30s","last_quote_age":null,"state":""}}}})"))
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

TEST_F(HealthTest, DegradesIfTooFewExchangesDeliver) {
    EXPECT_EQ(status(call("GET", "/health")), "degraded") << "no feed has reported yet";
    std::vector<SourceReport> sources;
    for (const char* name : {"binance", "kraken", "okx", "bybit"})
        sources.push_back({name, SourceCondition::ok, "streaming", clock_.now()});
    sources.push_back({.name = "coingecko", .last_quote_at = clock_.now(), .kind = SourceKind::aggregator});
    const auto answer = [&] {
        bus_->publish_sources(sources);
        return call("GET", "/health");
    };
    EXPECT_EQ(status(answer()), "ok");
    sources[0] = {.name = "binance",
                  .condition = SourceCondition::down,
                  .detail = "unavailable_here: HTTP 451",
                  .last_quote_at = std::nullopt,
                  .state = "unavailable_here"};
    EXPECT_EQ(status(answer()), "ok") << "three others are enough";
    sources[1].condition = SourceCondition::down;
    EXPECT_EQ(status(answer()), "degraded");
    EXPECT_EQ(answer().status, 200);
    EXPECT_TRUE(answer().has(R"("detail":"only 2 of 4 exchanges deliver prices")")) << answer().body;
    for (SourceReport& source : sources) source.condition = SourceCondition::down;
    EXPECT_TRUE(answer().has(R"("detail":"no source delivers prices")")) << answer().body;
}

TEST_F(HealthTest, OneOrTwoExchangesAreEnoughIfThereAreNoMore) {
    bus_->publish_sources(
        std::vector<SourceReport>{{"binance", SourceCondition::degraded, "starting", std::nullopt},
                                  {"kraken", SourceCondition::down, "idle: no symbol for any ticker",
                                   std::nullopt, SourceKind::exchange, "Kraken", "idle"}});
    EXPECT_EQ(status(call("GET", "/health")), "degraded") << "one that was never reached is none that works";
    bus_->publish_sources(std::vector<SourceReport>{
        {"binance", SourceCondition::ok, "streaming", clock_.now()},
        {"kraken", SourceCondition::down, "idle: no symbol for any ticker", std::nullopt,
         SourceKind::exchange, "Kraken", "idle"},
        {"htx", SourceCondition::ok, "disabled", std::nullopt, SourceKind::exchange, "HTX", "disabled"}});
    EXPECT_EQ(status(call("GET", "/health")), "ok");
}

// The quotes of ETH by source; its price is 1.
class TickerHealthTest : public HealthTest {
protected:
    TickerHealthTest() {
        bus_->publish_sources(
            std::vector<SourceReport>{{"binance", SourceCondition::ok, "streaming", clock_.now()}});
        board_.price = Price{"ETH", Decimal::from_int(1), clock_.now(), 1};
    }
    void quote(SourceName source, Verdict verdict, SourceKind kind = SourceKind::exchange) {
        board_.quotes.push_back(
            {{source, kind, "ETH", Decimal::from_int(1), clock_.now(), clock_.now()}, verdict});
    }
    Answer answer() {
        bus_->publish_board(board_);
        return call("GET", "/health");
    }
    static std::string degraded(const std::string& why) {
        return R"("tickers":{"ETH":{"status":"degraded","detail":")" + why + R"("}},)";
    }

    TickerBoard board_{.ticker = "ETH"};
};

TEST_F(TickerHealthTest, APriceThatTooFewExchangesAgreeWithDegrades) {
    for (const char* name : {"binance", "kraken", "okx"}) quote(name, Verdict::counted);
    quote("htx", Verdict::stuck);
    EXPECT_EQ(status(answer()), "ok") << answer().body;
    board_.quotes[0].verdict = Verdict::outlier;
    EXPECT_EQ(status(answer()), "degraded");
    EXPECT_TRUE(answer().has(
        degraded("only 2 of 4 exchanges count: binance is far from the others, htx repeats its last trade")))
        << answer().body;
}

TEST_F(TickerHealthTest, AnExchangeThatQuotesAForeignCurrencyIsNotMissed) {
    for (const char* name : {"binance", "kraken"}) quote(name, Verdict::counted);
    quote("bitstamp", Verdict::foreign);
    EXPECT_EQ(status(answer()), "ok") << answer().body;
}

TEST_F(TickerHealthTest, APriceOfAggregatorsAloneDegrades) {
    quote("coingecko", Verdict::counted, SourceKind::aggregator);
    EXPECT_TRUE(answer().has(degraded("only aggregators have a price, which can be minutes old")))
        << answer().body;
    quote("binance", Verdict::stale);
    EXPECT_TRUE(
        answer().has(degraded("only aggregators have a price, which can be minutes old: binance is stale")))
        << answer().body;
}

TEST_F(TickerHealthTest, ACurrencyThatHasLeftTheDollarDegrades) {
    for (const char* name : {"coinbase", "kraken", "bitstamp"}) quote(name, Verdict::counted);
    quote("binance", Verdict::off_peg);
    board_.note = "USDT is at 0.9312 USD; the dollar venues lead";
    EXPECT_TRUE(answer().has(degraded(board_.note))) << answer().body;
    board_.quotes[0].verdict = Verdict::stale;
    EXPECT_TRUE(
        answer().has(degraded(board_.note + "; only 2 of 4 exchanges count: coinbase is stale, binance is "
                                            "in a currency that has left the dollar")))
        << answer().body;
}

TEST_F(TickerHealthTest, ALoneExchangeIsNoTroubleWhereThereIsNoOther) {
    quote("binance", Verdict::counted);
    board_.note = "it rests on binance alone";
    EXPECT_EQ(status(answer()), "ok") << answer().body;
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
