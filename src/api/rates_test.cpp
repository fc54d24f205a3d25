#include "api/api_fixture.hpp"

namespace pricewire::api {
namespace {

class RatesTest : public ApiTest {
protected:
    Account ann_ = register_user("ann@example.com");
};

TEST_F(RatesTest, AreUnavailableUntilTheFirstPrice) {
    const Answer answer = call_as(ann_, "GET", "/api/v1/rates/");
    expect_error(answer, 503,
                 "There are no prices yet: no source has delivered any since the start. Try again shortly.");
    EXPECT_EQ(answer.header("Retry-After"), "2");
    publish("BTC", "65420.15");
    EXPECT_EQ(call_as(ann_, "GET", "/api/v1/rates/").status, 200);
    bus_->publish_board({"BTC", std::nullopt, {}});
    const Answer later = call_as(ann_, "GET", "/api/v1/rates/");
    EXPECT_EQ(later.status, 503);
    EXPECT_TRUE(later.has("There is no price right now")) << later.body;
}

TEST_F(RatesTest, ShowPricesWithTheirDigits) {
    publish("ETH", "3100.5");
    publish("BTC", "65420.15");
    publish("DOGE", "0.142300000000000001");
    for (const char* path : {"/api/v1/rates", "/api/v1/rates/"}) {
        const Answer answer = call_as(ann_, "GET", path);
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.body, R"({"BTC":65420.15,"ETH":3100.5,"DOGE":0.142300000000000001})");
        EXPECT_EQ(answer.response.shared_body, bus_->rates_json()) << "the bytes are not copied";
    }
}

TEST_F(RatesTest, AKnownKeyIsAnsweredOnTheCallersThread) {
    publish("BTC", "1");
    call_as(ann_, "GET", "/api/v1/rates/");
    auto future = start("GET", "/api/v1/rates/", {}, {{"x-api-key", ann_.api_key}});
    EXPECT_EQ(future.wait_for(0s), std::future_status::ready);
}

TEST_F(RatesTest, OneRateListsItsSourcesAndWhetherTheyCount) {
    TickerBoard board;
    board.ticker = "BTC";
    board.price = Price{"BTC", *Decimal::parse("65420.15"), clock_.now(), 1};
    board.band = PriceBand{*Decimal::parse("65410"), *Decimal::parse("65431.5")};
    board.sources = 9;
    board.note = "USDT is at 0.9312 USD";
    board.quotes.push_back({.quote = {"binance", SourceKind::exchange, "BTC", *Decimal::parse("65450.15"),
                                      clock_.now() - 412ms, clock_.now() - 400ms, "USDT"},
                            .dollars = *Decimal::parse("65417.5"),
                            .spread_bp10 = -4});
    board.quotes.push_back({{"coingecko", SourceKind::aggregator, "BTC", *Decimal::parse("65398"),
                             clock_.now() - 30s, clock_.now()},
                            Verdict::check_only});
    bus_->publish_board(board);
    const std::string wanted =
        R"({"ticker":"BTC","price":65420.15,"time":"2023-11-14T22:13:20Z",)"
        R"("band":{"low":65410,"high":65431.5},"agreeing":9,"note":"USDT is at 0.9312 USD","sources":[)"
        R"({"source":"binance","kind":"exchange","price":65450.15,"time":"2023-11-14T22:13:19.588Z","age":0.412,)"
        R"("counts":true,"reason":"counted","currency":"USDT","dollars":65417.5,"spread_bp":-0.4},)"
        R"({"source":"coingecko","kind":"aggregator","price":65398,"time":"2023-11-14T22:12:50Z","age":30,)"
        R"("counts":false,"reason":"check_only","currency":"USD","dollars":null,"spread_bp":null,)"
        R"("detail":"only checks the exchanges"}]})";
    for (const char* path : {"/api/v1/rates/BTC", "/api/v1/rates/btc/", "/api/v1/rates/%42TC"}) {
        const Answer answer = call_as(ann_, "GET", path);
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.body, wanted);
    }
}

TEST_F(RatesTest, AnOlderFeedGivesNoBandAndNoNumberOfSources) {
    publish("BTC", "65420.15");
    EXPECT_TRUE(call_as(ann_, "GET", "/api/v1/rates/BTC")
                    .body.starts_with(
                        R"({"ticker":"BTC","price":65420.15,"time":"2023-11-14T22:13:20Z","sources":[)"));
}

TEST_F(RatesTest, ASourceWithAFastClockHasNoNegativeAge) {
    TickerBoard board;
    board.ticker = "BTC";
    board.price = Price{"BTC", Decimal::from_int(1), clock_.now(), 1};
    board.quotes.push_back(
        {{"binance", SourceKind::exchange, "BTC", Decimal::from_int(1), clock_.now() + 5s, clock_.now() - 2s},
         Verdict::counted});
    bus_->publish_board(board);
    EXPECT_TRUE(call_as(ann_, "GET", "/api/v1/rates/BTC").has("\"age\":2,"));
}

TEST_F(RatesTest, AnUnknownTickerIs404) {
    expect_error(call_as(ann_, "GET", "/api/v1/rates/XYZ"), 404, "There is no such ticker here");
    expect_error(call_as(ann_, "GET", "/api/v1/rates/%00%22"), 404, "There is no such ticker here");
    expect_error(call_as(ann_, "GET", "/api/v1/rates/" + std::string(5000, 'A')), 404,
                 "There is no such ticker here");
    expect_error(call_as(ann_, "GET", "/api/v1/rates/BTC/more"), 404, "Not Found");
}

TEST_F(RatesTest, ATickerWithoutAPriceSaysWhy) {
    expect_error(call_as(ann_, "GET", "/api/v1/rates/BTC"), 503,
                 "There is no price for BTC right now: no source has sent a quote yet.");
    TickerBoard board;
    board.ticker = "BTC";
    Quote quote{"binance", SourceKind::exchange, "BTC", Decimal::from_int(1), clock_.now(), clock_.now()};
    board.quotes.push_back({quote, Verdict::stale});
    quote.source = "coingecko";
    board.quotes.push_back({quote, Verdict::disputed});
    bus_->publish_board(board);
    const Answer answer = call_as(ann_, "GET", "/api/v1/rates/BTC");
    expect_error(
        answer, 503,
        "There is no price for BTC right now: binance is stale, coingecko is disputed by another source.");
    EXPECT_EQ(answer.header("Retry-After"), "2");
}

}  // namespace
}  // namespace pricewire::api
