#include "feed/coinpaprika/coinpaprika.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "feed/session_play.hpp"
#include "feed/show.hpp"

namespace pricewire::feed::coinpaprika_tests {
namespace {

using namespace std::chrono_literals;

const Timestamp now{1'793'527'500s};

std::unique_ptr<Venue> coinpaprika() {
    return coinpaprika_type.create({{"BTC", "btc-bitcoin"}, {"ETH", "eth-ethereum"}},
                                   {"", "https://paprika/v1"});
}
std::string answer(std::string_view body) {
    return show_answer(*coinpaprika(), body, now);
}
std::string entry(std::string_view id, std::string_view price,
                  std::string_view updated = "2026-11-01T10:00:00Z") {
    return fmt::format(
        R"({{"id":"{}","name":"x","symbol":"X","rank":1,"last_updated":"{}","quotes":{{"USD":{{"price":{},"volume_24h":1}}}}}})",
        id, updated, price);
}

TEST(CoinPaprika, Addresses) {
    const auto venue = coinpaprika();
    EXPECT_EQ(venue->stream_url(), "");
    EXPECT_EQ(venue->rest_url(std::vector<std::size_t>{0}),
              "https://paprika/v1/tickers/btc-bitcoin?quotes=USD");
    EXPECT_EQ(venue->rest_url(std::vector<std::size_t>{0, 1}), "https://paprika/v1/tickers?quotes=USD");
    EXPECT_EQ(coinpaprika_type.symbol_of("BNB"), "bnb-binance-coin");
    EXPECT_EQ(coinpaprika_type.symbol_of("USDT"), "usdt-tether");
    EXPECT_EQ(coinpaprika_type.symbol_of("NOSUCH"), std::nullopt);
    for (const char* bad : {"", "BTC-bitcoin", "a/b", "a?b", "a b"})
        EXPECT_FALSE(coinpaprika_type.is_symbol(bad)) << bad;
}

TEST(CoinPaprika, PricesHaveTheirTime) {
    const std::string good = entry("btc-bitcoin", "65000.12345678901234567890");
    EXPECT_EQ(answer(good), "BTC=65000.123456789012345678USD@2026-11-01T10:00:00Z");
    EXPECT_TRUE(refuses_every_part_of_answer(*coinpaprika(), good, now));
    EXPECT_EQ(answer("[" + entry("foo-foo", "1") + "," + entry("eth-ethereum", "9.2E-7") + "," + good + "]"),
              "ETH=0.00000092USD@2026-11-01T10:00:00Z BTC=65000.123456789012345678USD@2026-11-01T10:00:00Z");
    EXPECT_EQ(answer(entry("btc-bitcoin", "\"65000.10\"")), "BTC=65000.1USD@2026-11-01T10:00:00Z");
    EXPECT_EQ(answer(good + "x").substr(0, 10), "not_json: ");
    for (const char* quotes : {"null", "[]", "7", R"({"USD":null})", R"({"USD":[]})"}) {
        EXPECT_EQ(answer(fmt::format(R"([{{"id":"eth-ethereum","last_updated":"x","quotes":{}}},{}])", quotes,
                                     good)),
                  "BTC=65000.123456789012345678USD@2026-11-01T10:00:00Z 1 refused: '' as the price of "
                  "'eth-ethereum'")
            << quotes;
    }
    for (const char* bad : {"0", "-1", "null", "\"x\"", "1e400", "[1]"})
        EXPECT_EQ(answer(entry("btc-bitcoin", bad)).find("BTC="), std::string::npos) << bad;
    for (const char* bad : {"", "1793527200", "1970-01-01T00:00:00Z", "2026-11-01"})
        EXPECT_EQ(answer(entry("btc-bitcoin", "1", bad)),
                  "1 refused: a price of 'btc-bitcoin' without a valid time")
            << bad;
    EXPECT_EQ(answer("[" + entry("btc-bitcoin", "1") + "," + entry("btc-bitcoin", "2") + "]"),
              "BTC=1USD@2026-11-01T10:00:00Z 1 refused: '2' as the price of 'btc-bitcoin'");
    EXPECT_EQ(answer(R"({"id":"btc-bitcoin","last_updated":"2026-11-01T10:00:00Z"})"),
              "1 refused: '' as the price of 'btc-bitcoin'");
    EXPECT_EQ(
        answer(R"({"id":"btc-bitcoin","last_updated":"2026-11-01T10:00:00Z","quotes":{"EUR":{"price":1}}})"),
        "1 refused: '' as the price of 'btc-bitcoin'");
    std::vector<Quote> quotes;
    ASSERT_TRUE(coinpaprika()->parse_answer(good, now, quotes));
    EXPECT_EQ(quotes.at(0).kind, SourceKind::aggregator) << "which has no vote";
}

TEST(CoinPaprika, Errors) {
    EXPECT_EQ(answer(R"({"error":"id not found"})"), "unknown_symbol: CoinPaprika's error: id not found");
    EXPECT_EQ(answer(R"({"error":"monthly limit exceeded"})"),
              "rate_limited: CoinPaprika's error: monthly limit exceeded");
    EXPECT_EQ(answer(R"({"error":"x"})"), "venue_error: CoinPaprika's error: x");
    EXPECT_EQ(answer("{}").substr(0, 13), "wrong_shape: ");
    EXPECT_EQ(answer("[7]").substr(0, 13), "wrong_shape: ");
    EXPECT_EQ(answer("<html>").substr(0, 10), "not_json: ");
}

TEST(CoinPaprika, ThroughASession) {
    Play p(coinpaprika(), {.poll_interval = 3min});
    p.start();
    p.answer(200, "[" + entry("btc-bitcoin", "65000.5", "2023-11-14T22:10:00Z") + "]");
    p.wait(3min);
    p.answer(402, R"({"error":"needs a plan"})");
    p.wait(10min);
    EXPECT_EQ(p.done(), R"(0.0 GET /v1/tickers?quotes=USD
0.0 connecting
0.0 warn: coinpaprika has no price of ETH (eth-ethereum): trading in it is halted, or it has another name there, to be set in market.symbols
0.0 quote BTC 65000.5
0.0 polling
0.0 info: coinpaprika provides prices of BTC, ETH, polled every 3m
180.0 GET /v1/tickers?quotes=USD
180.0 warn: coinpaprika provides no prices; retrying with back-off | status 402: {"error":"needs a plan"}
180.0 silent (status 402: {"error":"needs a plan"})
360.7 GET /v1/tickers?quotes=USD
)");
}

}  // namespace
}  // namespace pricewire::feed::coinpaprika_tests
