#include "feed/gemini/gemini.hpp"

#include <gtest/gtest.h>

#include "feed/show.hpp"

namespace pricewire::feed::gemini_tests {
namespace {

using namespace std::chrono_literals;

const Timestamp now{1'793'900'001s};

std::unique_ptr<Venue> gemini() {
    return gemini_type.create({{"BTC", "btcusd"}, {"ETH", "ethusd"}}, {"wss://gemini", "https://gemini"});
}

constexpr const char* trade =
    R"({"E":1793900000123456789,"s":"btcusd","t":2850000000000001,"p":"65000.10000","q":"0.0100","m":true})";
constexpr const char* shown_trade = "BTC=65000.1USD#2850000000000001@2026-11-05T17:33:20.123456Z";

// What a new connection makes of the trade with a change.
std::string with(std::string_view from, std::string_view to) {
    const auto venue = gemini();
    return ShownStream(*venue, now)(replaced(trade, from, to));
}

TEST(Gemini, AddressesAndMessages) {
    const auto venue = gemini();
    EXPECT_EQ(venue->stream_url(), "wss://gemini");
    EXPECT_EQ(venue->subscribe_message(std::vector<std::size_t>{0, 1}, {3, now}),
              R"({"id":"3","method":"subscribe","params":["btcusd@trade","ethusd@trade"]})");
    EXPECT_EQ(venue->unsubscribe_message(std::vector<std::size_t>{1}, {4, now, {}}),
              R"({"id":"4","method":"unsubscribe","params":["ethusd@trade"]})");
    EXPECT_EQ(venue->rest_url(std::vector<std::size_t>{0, 1}), "https://gemini/v1/pricefeed");
    EXPECT_EQ(gemini_type.symbol_of("DOGE"), "dogeusd");
    EXPECT_EQ(gemini_type.symbol_of("USDC"), "usdcusd");
    EXPECT_EQ(gemini_type.symbol_of("USDT"), std::nullopt);
    for (const char* bad : {"", "BTCUSD", "btc-usd", "btc", "a\"busd"})
        EXPECT_FALSE(gemini_type.is_symbol(bad)) << bad;
}

TEST(Gemini, QuoteCurrencies) {
    EXPECT_EQ(gemini_type.currency_of("btcusd"), "USD");
    EXPECT_EQ(gemini_type.currency_of("btcgusd"), "GUSD");
    EXPECT_EQ(gemini_type.currency_of("dogusd"), "USD") << "not DO in GUSD";
    EXPECT_EQ(gemini_type.currency_of("btcrlusd"), "RLUSD");
    EXPECT_EQ(gemini_type.currency_of("btcusdt"), "USDT");
    EXPECT_EQ(gemini_type.currency_of("batusd"), "USD");
}

TEST(Gemini, Trades) {
    const auto venue = gemini();
    ShownStream stream(*venue, now);
    EXPECT_EQ(stream(trade), shown_trade);
    EXPECT_EQ(stream(trade), "") << "it has come before";
    EXPECT_TRUE(stream.refuses_every_part_of(trade));
    EXPECT_TRUE(stream(std::string(trade) + "x").starts_with("not_json: "));
    EXPECT_EQ(ShownStream(*venue, now + 1h)(trade), std::string("old ") + shown_trade);
    EXPECT_EQ(with(R"("E":)", R"("e":"trade","E":)"), shown_trade) << "should it get a name";
    EXPECT_EQ(with(R"("E":)", R"("e":"blockTrade","E":)"), "") << "not made in the market";
    EXPECT_EQ(with(R"("65000.10000")", "9.2E-7").substr(0, 17), "BTC=0.00000092USD");
    EXPECT_EQ(with("2850000000000001", "9223372036854775809").substr(0, 35),
              "BTC=65000.1USD#9223372036854775809@");
}

TEST(Gemini, AnUnusableTradeIsRefused) {
    EXPECT_EQ(with("btcusd", "btcgusd"), "bad_quote: trades of 'btcgusd', which were not requested");
    EXPECT_EQ(with("btcusd", "BTCUSD"), "bad_quote: trades of 'BTCUSD', which were not requested");
    EXPECT_EQ(with(R"("q":)", R"("p":"1","q":)"), "wrong_shape: a frame with a duplicate field");
    for (const char* bad : {"0", "-1", "", "x", "1e400"})
        EXPECT_TRUE(with("65000.10000", bad).starts_with("1 refused: '")) << bad;
    for (const char* bad :
         {"1793900000", "1793900000123", "1793900000123456", "99999999999999999999", "null", "-5"})
        EXPECT_TRUE(with("1793900000123456789", bad).starts_with("1 refused: '")) << bad;
}

TEST(Gemini, Events) {
    const auto venue = gemini();
    ShownStream stream(*venue, now);
    EXPECT_EQ(stream(R"({"id":"1","status":200,"result":null})"), "acknowledged message 1");
    EXPECT_EQ(stream(R"({"id":2,"result":{},"error":null})"), "acknowledged message 2")
        << "of an unknown shape";
    EXPECT_EQ(
        stream(R"({"id":"1","status":400,"error":{"code":-1121,"msg":"Invalid symbol: ethusd@trade"}})"),
        "refused message 1 for ethusd: Gemini's error -1121: Invalid symbol: ethusd@trade");
    EXPECT_EQ(stream(R"({"id":"1","status":400,"error":"Invalid symbol: ethgusd@trade"})"),
              "refused message 1: Gemini's error 400: Invalid symbol: ethgusd@trade");
    EXPECT_EQ(stream(R"({"id":null,"error":{"code":2,"message":"Invalid request"}})"),
              "refused the oldest message: Gemini's error 2: Invalid request");
    EXPECT_EQ(stream(R"({"id":"4","status":500})"), "refused message 4: Gemini's error 500: ");
    EXPECT_EQ(stream(R"({"id":"1","status":429,"error":{"code":-1003,"msg":"Slow down"}})"),
              "rate limited: Gemini's error -1003: Slow down");
    EXPECT_EQ(stream(R"({"u":7,"E":1793900000123456789,"s":"btcusd","b":"1","B":"1","a":"2","A":"1"})"), "");
    EXPECT_EQ(stream(R"({"e":"depthUpdate","E":1793900000123456789,"s":"btcusd","b":[["1","2"]],"a":[]})"),
              "");
    EXPECT_EQ(stream("{}"), "wrong_shape: a frame of an unknown shape");
    EXPECT_EQ(stream("[]"), "wrong_shape: a frame that is not an object");
    EXPECT_EQ(stream("<html>"), "not_json: a frame that is not JSON");
}

TEST(Gemini, RestAnswers) {
    const auto venue = gemini();
    const auto answer = [&](std::string_view body) { return show_answer(*venue, body, now); };
    const std::string good =
        R"([{"pair":"BTCUSD","price":"65000.10","percentChange24h":"0.01"},{"pair":"BTCGUSD","price":"1"}])";
    EXPECT_EQ(answer(good), "BTC=65000.1USD@2026-11-05T17:33:21Z");
    EXPECT_TRUE(refuses_every_part_of_answer(*venue, good, now));
    EXPECT_EQ(answer(replaced(good, "0.01", "0.02")), "old BTC=65000.1USD@2026-11-05T17:33:21Z")
        << "the change of a day moves while nothing is traded";
    EXPECT_EQ(answer(replaced(good, "65000.10", "65000.11")), "BTC=65000.11USD@2026-11-05T17:33:21Z");
    EXPECT_EQ(answer(replaced(good, "65000.10", "0")), "1 refused: '0' as the price of 'btcusd'");
    EXPECT_EQ(answer(R"({"result":"error","reason":"RateLimit","message":"x"})"),
              "rate_limited: Gemini's error RateLimit: x");
    EXPECT_EQ(answer(R"({"result":"error","reason":"Maintenance","message":"The exchange is closed"})"),
              "venue_error: Gemini's error Maintenance: The exchange is closed");
    EXPECT_TRUE(answer("{}").starts_with("wrong_shape: "));
    EXPECT_TRUE(answer("[7]").starts_with("wrong_shape: "));
    EXPECT_TRUE(answer("<html>").starts_with("not_json: "));
}

TEST(Gemini, TheProtocolOfBefore2026GivesOneLine) {
    const auto path = recordings();
    if (!path) GTEST_SKIP() << "no recordings: set PRICEWIRE_RECORDINGS";
    const auto venue = gemini_type.create({{"FIL", "filusd"}, {"ANKR", "ankrusd"}}, {"wss://gemini", ""});
    ShownStream stream(*venue, Timestamp{1'624'493'667s});
    std::string shown;
    for (const std::string& frame : venue_frames(*path / "venues" / "gemini_old.jsonl.gz"))
        shown += stream(frame);
    EXPECT_EQ(shown, "wrong_shape: a frame of Gemini's market data of before 2026");
}

}  // namespace
}  // namespace pricewire::feed::gemini_tests
