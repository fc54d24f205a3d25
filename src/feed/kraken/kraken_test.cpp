#include "feed/kraken/kraken.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "feed/show.hpp"

namespace pricewire::feed::kraken_tests {
namespace {

using namespace std::chrono_literals;

const Timestamp now{1'695'627'000s};

std::unique_ptr<Venue> kraken() {
    return kraken_type.create({{"BTC", "BTC/USD"}, {"DOGE", "DOGE/USD"}, {"ETH", "ETH/USD"}},
                              {"wss://kraken/v2", "https://kraken/0/public"});
}

constexpr const char* trade =
    R"({"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell","price":26000.10,"qty":0.1,)"
    R"("ord_type":"market","trade_id":4665906,"timestamp":"2023-09-25T07:49:37.708706Z"}]})";

std::string with(std::string_view from, std::string_view to) {
    return replaced(trade, from, to);
}

TEST(Kraken, AddressesAndMessages) {
    const auto venue = kraken();
    EXPECT_EQ(venue->stream_url(), "wss://kraken/v2");
    EXPECT_EQ(
        venue->subscribe_message(std::vector<std::size_t>{0, 1}, {1, now}),
        R"({"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD","DOGE/USD"],"snapshot":false},"req_id":1})");
    EXPECT_EQ(venue->rest_url(std::vector<std::size_t>{0, 1, 2}),
              "https://kraken/0/public/Ticker?pair=XBTUSD%2CXDGUSD%2CETHUSD");
    EXPECT_TRUE(venue->subscribe_message(std::vector<std::size_t>{2}, {7, now}).ends_with(R"("req_id":7})"));
    EXPECT_EQ(kraken_type.symbol_of("DOGE"), "DOGE/USD");
    EXPECT_EQ(kraken_type.symbol_of("USDC"), "USDC/USD");
    EXPECT_EQ(kraken_type.symbol_of("USD"), std::nullopt);
    for (const char* bad : {"", "BTC", "BTC/", "/USD", "btc/usd", "A/B/C", "BTC-USD", "A\"/B"})
        EXPECT_FALSE(kraken_type.is_symbol(bad)) << bad;
}

TEST(Kraken, TradesKeepTheDigitsOfTheirNumbers) {
    const auto venue = kraken();
    ShownStream stream(*venue, now);
    EXPECT_EQ(stream(trade), "BTC=26000.1USD#4665906@2023-09-25T07:49:37.708706Z");
    EXPECT_TRUE(stream.refuses_every_part_of(trade));
    EXPECT_EQ(stream(trade), "") << "it has come before";
    const auto another = [&](std::string_view from, std::string_view to) {
        ShownStream other(*venue, now);
        return other(with(from, to));
    };
    EXPECT_EQ(another("26000.10", "0.12345678901234567"),
              "BTC=0.12345678901234567USD#4665906@2023-09-25T07:49:37.708706Z");
    EXPECT_EQ(another("26000.10", "9.2e-7"), "BTC=0.00000092USD#4665906@2023-09-25T07:49:37.708706Z");
    EXPECT_EQ(stream(with("4665906", "4665910")),
              "BTC=26000.1USD#4665910@2023-09-25T07:49:37.708706Z; lost 3 of BTC/USD");
    EXPECT_EQ(another("update", "snapshot"), "old BTC=26000.1USD#4665906@2023-09-25T07:49:37.708706Z");
    EXPECT_EQ(stream(with("BTC/USD", "XRP/USD")), "1 refused: a trade of 'XRP/USD', which was not requested");
    for (const char* bad : {"0", "-1", "1e400", "[1]", "null"}) {
        const std::string shown = stream(with("26000.10", bad));
        EXPECT_EQ(shown.find('@'), std::string::npos) << shown;
        EXPECT_NE(shown, "") << bad;
    }
    EXPECT_EQ(stream(with("2023-09-25T07:49:37.708706Z", "1970-01-01T00:00:00.000000Z")),
              "1 refused: '26000.10' at '1970-01-01T00:00:00.000000Z' is not a valid price of BTC/USD");
    EXPECT_EQ(
        stream(
            R"({"channel":"trade","type":"update","data":[)"
            R"({"symbol":"ETH/USD","price":1600.5,"trade_id":1,"timestamp":"2023-09-25T07:49:37.708706Z"},)"
            R"({"symbol":"DOGE/USD","price":0.0614,"trade_id":9,"timestamp":"2023-09-25T07:49:37.708706Z"}]})"),
        "ETH=1600.5USD#1@2023-09-25T07:49:37.708706Z DOGE=0.0614USD#9@2023-09-25T07:49:37.708706Z");
}

TEST(Kraken, TradesAreTakenOldestFirst) {
    const auto venue = kraken();
    ShownStream stream(*venue, now);
    EXPECT_EQ(
        stream(
            R"({"channel":"trade","type":"update","data":[)"
            R"({"symbol":"BTC/USD","price":"3","trade_id":3,"timestamp":"2023-09-25T07:29:59.000002Z"},)"
            R"({"symbol":"BTC/USD","price":"2","trade_id":2,"timestamp":"2023-09-25T07:29:59.000001Z"},)"
            R"({"symbol":"BTC/USD","price":"1","trade_id":1,"timestamp":"2023-09-25T07:29:59.000001Z"}]})"),
        "BTC=1USD#1@2023-09-25T07:29:59.000001Z BTC=2USD#2@2023-09-25T07:29:59.000001Z "
        "BTC=3USD#3@2023-09-25T07:29:59.000002Z");
    EXPECT_EQ(stream(with(R"("data":)", R"("data":[],"data":)")),
              "wrong_shape: a frame with a duplicate field");
}

TEST(Kraken, Events) {
    const auto venue = kraken();
    ShownStream stream(*venue, now);
    EXPECT_EQ(stream(R"({"channel":"heartbeat"})"), "alive");
    EXPECT_EQ(stream(R"({"channel":"status","type":"update","data":[{"system":"online"}]})"), "alive");
    EXPECT_EQ(stream(R"({"method":"pong","req_id":1})"), "alive");
    for (const char* closed : {"maintenance", "cancel_only", "post_only"}) {
        EXPECT_EQ(stream(fmt::format(R"({{"data":[{{"system":"{}"}}],"type":"update","channel":"status"}})",
                                     closed)),
                  fmt::format("maintenance: its status is {}", closed));
    }
    EXPECT_EQ(
        stream(R"({"method":"subscribe","result":{"channel":"trade","snapshot":false,"symbol":"ETH/USD"},)"
               R"("success":true,"time_in":"2023-09-25T09:04:31.742599Z","req_id":1})"),
        "acknowledged ETH/USD");
    EXPECT_EQ(stream(R"({"method":"subscribe","result":{"channel":"trade","symbol":"ETH/USD"},)"
                     R"("success":true,"error":null,"symbol":null,"req_id":1})"),
              "acknowledged ETH/USD")
        << "an error that is null is none";
    const auto error = [&](const std::string& text, const std::string& symbol) {
        return stream(R"({"error":")" + text + R"(","method":"subscribe","success":false,"symbol":")" +
                      symbol + R"(","req_id":1})");
    };
    EXPECT_EQ(error("Currency pair not supported ETH/USD", "ETH/USD"),
              "refused ETH/USD: Kraken's error: Currency pair not supported ETH/USD");
    EXPECT_EQ(error("Already subscribed", "ETH/USD"), "acknowledged ETH/USD");
    EXPECT_EQ(error("Already subscribed", ""), "acknowledged message 1");
    EXPECT_EQ(error("Exceeded msg rate", "ETH/USD"), "rate limited: Kraken's error: Exceeded msg rate");
    EXPECT_EQ(error("Internal error", ""), "refused message 1: Kraken's error: Internal error");
    EXPECT_EQ(error("Currency pair not supported ETH/USD BTC/USD", ""),
              "refused message 1: Kraken's error: Currency pair not supported ETH/USD BTC/USD")
        << "it does not say which";
    EXPECT_EQ(error("Currency pair not supported ETH/USD", ""),
              "refused ETH/USD: Kraken's error: Currency pair not supported ETH/USD");
    EXPECT_EQ(stream(R"({"error":"Internal error","method":"subscribe","success":false})"),
              "venue_error: Kraken's error: Internal error");
    const char* symbol =
        R"({"method":"subscribe","result":{"channel":"trade","symbol":"ETH/USD"},"success":false})";
    EXPECT_EQ(stream(symbol), "refused ETH/USD: Kraken's error: ") << "without a reason";
    EXPECT_EQ(
        stream(R"({"method":"unsubscribe","result":{"channel":"trade","symbol":"ETH/USD"},"success":true})"),
        "");
    EXPECT_EQ(stream(R"({"error":"Subscription Not Found","method":"unsubscribe","success":false,)"
                     R"("symbol":"ETH/USD","req_id":2})"),
              "")
        << "which is what was wanted";
    EXPECT_EQ(
        stream(R"({"method":"subscribe","result":{"channel":"book","symbol":"ETH/USD"},"success":true})"),
        "");
    EXPECT_EQ(stream(R"({"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[]}]})"), "");
    EXPECT_EQ(stream("{}"), "wrong_shape: a frame of an unknown shape");
}

TEST(Kraken, VersionOneGivesOneLine) {
    const auto venue = kraken();
    ShownStream stream(*venue, now);
    EXPECT_EQ(stream(R"({"connectionID":1,"event":"systemStatus","status":"online","version":"1.9.0"})"),
              "wrong_shape: a frame of Kraken's WebSocket v1, not of v2");
    EXPECT_EQ(stream(R"({"event":"heartbeat"})"), "");
    EXPECT_EQ(stream(R"([321,[["26000.1","0.1","1695627000.1","b","m",""]],"trade","XBT/USD"])"), "");
}

TEST(Kraken, RestAnswers) {
    const auto venue = kraken();
    const auto answer = [&](std::string_view body) { return show_answer(*venue, body, now); };
    const std::string_view good =
        R"({"error":[],"result":{"XXBTZUSD":{"a":["1","1","1"],"c":["30303.20000","0.00067643"]},)"
        R"("XDGUSD":{"c":["0.0614","1"]},"XETHZUSD":{"c":["1600","2"]}}})";
    EXPECT_EQ(answer(good),
              "BTC=30303.2USD@2023-09-25T07:30:00Z DOGE=0.0614USD@2023-09-25T07:30:00Z "
              "ETH=1600USD@2023-09-25T07:30:00Z");
    EXPECT_TRUE(refuses_every_part_of_answer(*venue, good, now));
    EXPECT_EQ(answer(R"({"error":["EQuery:Unknown asset pair"]})"),
              "unknown_symbol: Kraken's error: EQuery:Unknown asset pair");
    EXPECT_EQ(answer(R"({"error":["EAPI:Rate limit exceeded"]})"),
              "rate_limited: Kraken's error: EAPI:Rate limit exceeded");
    EXPECT_EQ(answer(R"({"error":["EService:Unavailable"]})"),
              "venue_error: Kraken's error: EService:Unavailable");
    EXPECT_EQ(answer(R"({"error":["WSomething"],"result":{"XXBTZUSD":{"c":["1","1"]}}})"),
              "BTC=1USD@2023-09-25T07:30:00Z")
        << "a warning";
    EXPECT_EQ(answer(R"({"error":[],"result":{"XXBTZUSD":{"c":[2.50,"1"]}}})"),
              "BTC=2.5USD@2023-09-25T07:30:00Z")
        << "a number";
    EXPECT_EQ(answer(R"({"error":[],"result":{"XXBTZEUR":{"c":["1","1"]}}})"),
              "1 refused: '1' as the price of 'XXBTZEUR'");
    EXPECT_EQ(answer(R"({"error":[],"result":{"XXBTZUSD":{"a":["1"]}}})"),
              "1 refused: '' as the price of 'XXBTZUSD'");
    EXPECT_TRUE(answer("{}").starts_with("wrong_shape: "));
    EXPECT_TRUE(answer(R"([{"unexpected":1}])").starts_with("wrong_shape: "));
}

TEST(Kraken, RestKeysOfEachKind) {
    const auto venue = kraken_type.create({{"USDT", "USDT/USD"},
                                           {"ETH", "ETH/BTC"},
                                           {"EUR", "EUR/USD"},
                                           {"SOL", "SOL/USD"},
                                           {"XTZ", "XTZ/USD"}},
                                          {"", "https://kraken"});
    EXPECT_EQ(venue->rest_url(std::vector<std::size_t>{0, 1, 2}),
              "https://kraken/Ticker?pair=USDTUSD%2CETHXBT%2CEURUSD");
    const auto ticker_of = [&](std::string_view key) {
        const std::string shown = show_answer(
            *venue, fmt::format(R"({{"error":[],"result":{{"{}":{{"c":["1","1"]}}}}}})", key), now);
        return shown.substr(0, shown.find('='));
    };
    EXPECT_EQ(ticker_of("USDTZUSD"), "USDT");
    EXPECT_EQ(ticker_of("XETHXXBT"), "ETH");
    EXPECT_EQ(ticker_of("ZEURZUSD"), "EUR");
    EXPECT_EQ(ticker_of("SOLUSD"), "SOL");
    EXPECT_EQ(ticker_of("XTZUSD"), "XTZ");
    EXPECT_TRUE(ticker_of("SOLEUR").starts_with("1 refused"));
    EXPECT_TRUE(ticker_of("").starts_with("1 refused"));
}

TEST(Kraken, Samples) {
    const auto path = recordings();
    if (!path) GTEST_SKIP() << "no recordings: set PRICEWIRE_RECORDINGS";
    const auto venue = kraken_type.create({{"ETH", "ETH/USDT"}}, {"wss://kraken", ""});
    ShownStream stream(*venue, now);
    const auto sample = sample_frames(*path / "venues/samples/kraken/Spot_Trades.txt");
    ASSERT_EQ(sample.size(), 2u);
    EXPECT_EQ(stream(sample[0]), "acknowledged ETH/USDT");
    EXPECT_EQ(stream(sample[1]), "ETH=0.5117USDT#4665906@2023-09-25T07:49:37.708706Z");
    for (const std::string& other : sample_frames(*path / "venues/samples/kraken/Spot_Ticker.txt"))
        EXPECT_EQ(stream(other), "");
    std::string answer = file_text(*path / "venues/samples/rest/Kraken/Spot_ExchangeData_GetTicker.txt");
    EXPECT_EQ(show_answer(*kraken(), answer.substr(answer.find('{')), now),
              "BTC=30303.2USD@2023-09-25T07:30:00Z");
}

}  // namespace
}  // namespace pricewire::feed::kraken_tests
