#include "feed/crypto_com/crypto_com.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "feed/session_play.hpp"
#include "feed/show.hpp"

namespace pricewire::feed::crypto_com_tests {
namespace {

using namespace std::chrono_literals;

const Timestamp now{1'613'581'139s};

std::unique_ptr<Venue> crypto_com() {
    return crypto_com_type.create({{"BTC", "BTC_USD"}, {"ETH", "ETH_USD"}},
                                  {"wss://crypto/market", "https://crypto/public"});
}

std::string push(const std::string& trades, const std::string& symbol = "BTC_USD") {
    return fmt::format(
        R"({{"id":-1,"method":"subscribe","code":0,"result":{{"instrument_name":"{}","subscription":"trade.{}",)"
        R"("channel":"trade","data":[{}]}}}})",
        symbol, symbol, trades);
}
constexpr const char* item =
    R"({"d":"4611686018427387905","t":1613581138462,"p":"51327.500000","q":"0.000100","s":"SELL","i":"BTC_USD"})";

// By a connection of its own.
std::string shown(std::string_view frame, Timestamp at = now) {
    const auto venue = crypto_com();
    ShownStream stream(*venue, at);
    return stream(frame);
}
std::string with(std::string_view from, std::string_view to) {
    return shown(push(replaced(item, from, to)));
}

TEST(CryptoCom, AddressesAndMessages) {
    const auto venue = crypto_com();
    EXPECT_EQ(venue->stream_url(), "wss://crypto/market");
    EXPECT_EQ(
        venue->subscribe_message(std::vector<std::size_t>{0, 1}, {.number = 3, .now = now}),
        R"({"id":3,"method":"subscribe","params":{"channels":["trade.BTC_USD","trade.ETH_USD"]},"nonce":1613581139000})");
    EXPECT_EQ(
        venue->unsubscribe_message(std::vector<std::size_t>{1}, {.number = 4, .now = now}),
        R"({"id":4,"method":"unsubscribe","params":{"channels":["trade.ETH_USD"]},"nonce":1613581139000})");
    EXPECT_EQ(venue->rest_url(std::vector<std::size_t>{1}),
              "https://crypto/public/get-tickers?instrument_name=ETH_USD");
    EXPECT_EQ(venue->rest_url(std::vector<std::size_t>{0, 1}), "https://crypto/public/get-tickers");
    EXPECT_EQ(crypto_com_type.symbol_of("DOGE"), "DOGE_USD");
    EXPECT_EQ(crypto_com_type.symbol_of("USDT"), "USDT_USD");
    for (const char* bad : {"", "btc_usd", "BTCUSD-PERP", "A\"B", "BTC USD"})
        EXPECT_FALSE(crypto_com_type.is_symbol(bad)) << bad;
}

TEST(CryptoCom, Trades) {
    const std::string trade = push(item);
    EXPECT_EQ(shown(trade), "BTC=51327.5USD#4611686018427387905@2021-02-17T16:58:58.462Z");
    const auto venue = crypto_com();
    ShownStream stream(*venue, now);
    EXPECT_TRUE(stream.refuses_every_part_of(trade));
    EXPECT_EQ(shown(trade + "x").substr(0, 10), "not_json: ");
    EXPECT_EQ(with(R"("51327.500000")", "9.2E-7").substr(0, 18), "BTC=0.00000092USD#");
    EXPECT_EQ(
        shown(push(R"({"p":162.120,"q":11.085,"s":"buy","d":1210447366,"t":1613581138462,"dataTime":0})")),
        "BTC=162.12USD#1210447366@2021-02-17T16:58:58.462Z")
        << "as until 2022: numbers, and no instrument";
    EXPECT_EQ(with("4611686018427387905", "99999999999999999999"), "BTC=51327.5USD@2021-02-17T16:58:58.462Z")
        << "no 64 bits";
    EXPECT_EQ(shown(replaced(trade, R"("code":0,)", "")), shown(trade)) << "a push needs no code";
    for (const char* bad : {"0", "-1", "", "x", "1e400"}) {
        const std::string text = with("51327.500000", bad);
        EXPECT_EQ(text.substr(0, 12), "1 refused: '") << text;
    }
    for (const char* bad : {"1613581138", "1613581138462000", "null"})
        EXPECT_EQ(with("1613581138462", bad).substr(0, 12), "1 refused: '") << bad;
    EXPECT_EQ(with("BTC_USD", "BTCUSD-PERP"), "1 refused: a trade of 'BTCUSD-PERP' among those of BTC_USD");
    EXPECT_EQ(with(R"("s":"SELL")", R"("p":"1")").substr(0, 11), "1 refused: ");
    EXPECT_EQ(shown(push("", "CRO_USD")), "bad_quote: trades of 'trade.CRO_USD', which were not requested");
    EXPECT_EQ(shown(replaced(trade, "trade.BTC_USD", "trade.ETH_USD")),
              "bad_quote: trades of 'trade.ETH_USD', which were not requested");
    EXPECT_EQ(shown(replaced(trade, R"("channel":"trade")", R"("channel":"book")")), "");
}

TEST(CryptoCom, TheFirstPushHoldsThePastAndTheNewestComesFirst) {
    const auto venue = crypto_com();
    ShownStream stream(*venue, now);
    const auto at = [](const char* id, const char* price, int seconds_ago) {
        return fmt::format(R"({{"d":"{}","t":{},"p":"{}","i":"BTC_USD"}})", id,
                           1'613'581'139'000 - seconds_ago * 1000, price);
    };
    EXPECT_EQ(stream(push(at("13", "3", 2) + "," + at("12", "2", 2) + "," + at("11", "1", 40))),
              "old BTC=1USD#11@2021-02-17T16:58:19Z BTC=2USD#12@2021-02-17T16:58:57Z "
              "BTC=3USD#13@2021-02-17T16:58:57Z");
    EXPECT_EQ(stream(push(at("14", "4", 20) + "," + at("13", "3", 2) + "," + at("12", "2", 2))),
              "BTC=4USD#14@2021-02-17T16:58:39Z")
        << "each trade once; a clock that differs costs the first push alone";
    EXPECT_EQ(stream(push(at("15", "5", 301))), "old BTC=5USD#15@2021-02-17T16:53:58Z");
    EXPECT_EQ(stream(push(at("99999999999999999999", "6", 1))), "BTC=6USD@2021-02-17T16:58:58Z");
    EXPECT_EQ(stream(push(at("99999999999999999999", "6", 1))), "") << "ids of any length are compared";
}

TEST(CryptoCom, Events) {
    EXPECT_EQ(shown(R"({"id":2,"method":"subscribe","code":0})"), "acknowledged message 2");
    EXPECT_EQ(shown(R"({"id":2,"method":"subscribe","code":40003,"message":"Unknown symbol ETH_USD"})"),
              "refused message 2 for ETH_USD: Crypto.com's error 40003: Unknown symbol ETH_USD");
    EXPECT_EQ(shown(R"({"id":2,"method":"subscribe","code":40003,"message":"Unknown symbol"})"),
              "refused message 2: Crypto.com's error 40003: Unknown symbol");
    EXPECT_EQ(shown(R"({"id":2,"method":"subscribe","code":42901,"message":"RATE_LIMIT"})"),
              "rate limited: Crypto.com's error 42901: RATE_LIMIT");
    EXPECT_EQ(shown(R"({"id":-1,"method":"","code":50001,"message":"Internal error"})"),
              "venue_error: Crypto.com's error 50001: Internal error");
    EXPECT_EQ(shown(R"({"id":1587523073344,"method":"public/heartbeat","code":0})"),
              R"(alive; reply {"id":1587523073344,"method":"public/respond-heartbeat"})");
    EXPECT_EQ(shown(R"({"id":"7","method":"public/heartbeat","code":0})"),
              R"(alive; reply {"id":"7","method":"public/respond-heartbeat"})");
    EXPECT_EQ(shown(R"({"id":"x","method":"public/heartbeat","code":0})"),
              "wrong_shape: a heartbeat without a number");
    EXPECT_EQ(shown(R"({"id":2,"method":"unsubscribe","code":0})"), "");
    EXPECT_EQ(shown(R"({"id":2,"method":"unsubscribe","code":40003,"message":"Unknown symbol"})"), "");
    EXPECT_EQ(shown(R"({"id":2,"method":"subscribe","code":0,"result":{},"result":{}})"),
              "wrong_shape: a frame with a duplicate field");
    EXPECT_EQ(shown(R"({"id":2,"method":"subscribe","code":0,"result":[]})"),
              "wrong_shape: a frame of an unknown shape");
    EXPECT_EQ(shown("{}"), "wrong_shape: a frame of an unknown shape");
    EXPECT_EQ(shown("<html>"), "not_json: a frame that is not JSON");
}

TEST(CryptoCom, RestAnswers) {
    const auto venue = crypto_com();
    const auto answer = [&](std::string_view body) { return show_answer(*venue, body, now); };
    const std::string good =
        R"({"id":-1,"method":"public/get-tickers","code":0,"result":{"data":[{"i":"BTCUSD-PERP","a":"1","t":1613581138462},)"
        R"({"h":"51790.00","a":"51174.500000","i":"BTC_USD","b":"51170","k":"51180","t":1613581138462}]}})";
    EXPECT_EQ(answer(good), "BTC=51174.5USD@2021-02-17T16:58:58.462Z");
    EXPECT_TRUE(refuses_every_part_of_answer(*venue, good, now));
    EXPECT_EQ(answer(good), "old BTC=51174.5USD@2021-02-17T16:58:58.462Z") << "no newer than the last";
    EXPECT_EQ(show_answer(*venue, replaced(good, "51174.500000", "51175"), now + 2min),
              "old BTC=51175USD@2021-02-17T16:58:58.462Z")
        << "of a pair that is not traded any more";
    EXPECT_EQ(answer(R"({"code":0,"result":{"data":[{"i":"BTC_USD","a":null,"t":1613581138462}]}})"),
              "1 refused: 'null' as the price of 'BTC_USD'");
    EXPECT_EQ(answer(R"({"id":-1,"code":42901,"message":"RATE_LIMIT"})"),
              "rate_limited: Crypto.com's error 42901: RATE_LIMIT");
    EXPECT_EQ(answer(R"({"id":-1,"code":40004,"message":"Invalid instrument_name"})"),
              "unknown_symbol: Crypto.com's error 40004: Invalid instrument_name");
    EXPECT_EQ(answer(R"({"id":-1,"code":50001,"message":"ERR_INTERNAL"})"),
              "venue_error: Crypto.com's error 50001: ERR_INTERNAL");
    EXPECT_EQ(answer(R"({"code":0})").substr(0, 13), "wrong_shape: ");
    EXPECT_EQ(answer("[]").substr(0, 13), "wrong_shape: ");
    EXPECT_EQ(answer("<html>").substr(0, 10), "not_json: ");
}

TEST(CryptoCom, ThroughASession) {
    Play p(crypto_com());
    const auto trade_at = [&](const char* id, std::int64_t age_ms) {
        return push(fmt::format(R"({{"d":"{}","t":{},"p":"5{}","i":"BTC_USD"}})", id,
                                to_micros(p.now().wall) / 1000 - age_ms, id));
    };
    p.start();
    p.opened(1);
    p.wait(1s);
    p.text(1, R"({"id":1,"method":"subscribe","code":40003,"message":"Unknown symbol"})");
    p.wait(1s);
    p.text(1, R"({"id":2,"method":"subscribe","code":0})");
    p.text(1, R"({"id":3,"method":"subscribe","code":40003,"message":"Unknown symbol"})");
    p.text(1, trade_at("1", 60'000));
    p.text(1, trade_at("2", 0));
    p.text(1, R"({"id":1587523073344,"method":"public/heartbeat","code":0})");
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://crypto/market
0.0 connecting
1.0 send 1 {"id":1,"method":"subscribe","params":{"channels":["trade.BTC_USD","trade.ETH_USD"]},"nonce":1700000001000}
1.2 send 1 {"id":2,"method":"subscribe","params":{"channels":["trade.BTC_USD"]},"nonce":1700000001200}
1.4 send 1 {"id":3,"method":"subscribe","params":{"channels":["trade.ETH_USD"]},"nonce":1700000001400}
2.0 GET /public/get-tickers
2.0 warn: crypto_com refuses to stream ETH (ETH_USD), so REST is polled for it; if it has another name there, set it in market.symbols | Crypto.com's error 40003: Unknown symbol
2.0 connecting (its stream refuses ETH (ETH_USD))
2.0 old quote BTC 51
2.0 quote BTC 52
2.0 streaming (its stream refuses ETH (ETH_USD))
2.0 info: crypto_com streams trades of BTC
2.0 send 1 {"id":1587523073344,"method":"public/respond-heartbeat"}
)");
    p.closed(1, "closed by the server");
    p.wait(3s);
    p.opened(2);
    p.wait(1s);
    p.text(2, R"({"id":1,"method":"subscribe","code":42901,"message":"RATE_LIMIT"})");
    EXPECT_EQ(
        p.done(),
        R"(2.0 warn: crypto_com's stream is down; prices come by REST until it is back | closed by the server
2.0 connecting (closed by the server; its stream refuses ETH (ETH_USD))
2.7 open 2 wss://crypto/market
6.0 send 2 {"id":1,"method":"subscribe","params":{"channels":["trade.BTC_USD"]},"nonce":1700000006000}
6.0 warn: crypto_com limits the rate of messages; subscribing continues in 5m | Crypto.com's error 42901: RATE_LIMIT
)");
}

TEST(CryptoCom, Samples) {
    const auto path = recordings();
    if (!path) GTEST_SKIP() << "no recordings: set PRICEWIRE_RECORDINGS";
    const auto samples = *path / "venues/samples";
    std::string all;
    for (const char* file : {"ExchangeApi_Trades.txt", "ExchangeApi_Ticker.txt"}) {
        for (const std::string& frame : sample_frames(samples / "crypto_com" / file))
            all += shown(frame) + "\n";
    }
    EXPECT_EQ(all, R"(acknowledged message 1
bad_quote: trades of 'trade.ETH_USDT', which were not requested
acknowledged message 1

)");
    EXPECT_EQ(
        show_answer(*crypto_com(),
                    sample_answer(samples / "rest/CryptoCom/ExchangeApi_ExchangeData_GetTickers.txt"), now),
        "");
}

}  // namespace
}  // namespace pricewire::feed::crypto_com_tests
