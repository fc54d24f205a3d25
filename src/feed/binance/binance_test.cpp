#include "feed/binance/binance.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>

#include "feed/session_play.hpp"
#include "feed/show.hpp"

namespace pricewire::feed::binance_tests {
namespace {

const Timestamp now{std::chrono::seconds{1'723'161'260}};
const Endpoints endpoints{"wss://stream.binance.com:9443/stream", "https://api.binance.com"};

std::unique_ptr<Venue> binance() {
    return binance_type.create({{"BTC", "BTCUSDT"}, {"ETH", "ETHUSDT"}, {"DOGE", "DOGEUSDT"}}, endpoints);
}

std::string frame(std::string_view bytes) {
    const auto venue = binance();
    return ShownStream(*venue, now)(bytes);
}
std::string answer(std::string_view body) {
    return show_answer(*binance(), body, now);
}

constexpr const char* trade =
    R"({"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,)"
    R"("p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}})";

std::string with(std::string_view from, std::string_view to) {
    return replaced(trade, from, to);
}

TEST(Binance, Addresses) {
    const auto venue = binance();
    EXPECT_EQ(venue->stream_url(std::vector<std::size_t>{0, 1, 2}),
              "wss://stream.binance.com:9443/stream?streams=btcusdt@trade/ethusdt@trade/dogeusdt@trade");
    const std::size_t link = venue->add({"LINK", "LINKUSDT"});
    EXPECT_EQ(venue->subscribe_message(std::vector<std::size_t>{1, link}, {.number = 3, .now = now}),
              R"({"method":"SUBSCRIBE","params":["ethusdt@trade","linkusdt@trade"],"id":3})");
    EXPECT_EQ(venue->unsubscribe_message(std::vector<std::size_t>{1}, {.number = 4, .now = now}),
              R"({"method":"UNSUBSCRIBE","params":["ethusdt@trade"],"id":4})");
    EXPECT_EQ(venue->stream_url(std::vector<std::size_t>{0, link}),
              "wss://stream.binance.com:9443/stream?streams=btcusdt@trade/linkusdt@trade")
        << "the next connection names the symbols wanted by then";
    EXPECT_EQ(venue->rest_url(std::vector<std::size_t>{0, 2}),
              "https://api.binance.com/api/v3/ticker/"
              "price?symbols=%5B%22BTCUSDT%22%2C%22DOGEUSDT%22%5D&symbolStatus=TRADING");
    EXPECT_EQ(binance_type.create({{"BTC", "BTCUSDT"}}, {})->stream_url(), "");
    EXPECT_EQ(binance_type.symbol_of("PEPE"), "PEPEUSDT");
    EXPECT_EQ(binance_type.symbol_of("USDT"), std::nullopt) << "there is no dollar market";
    EXPECT_EQ(binance_type.symbol_of("USDC"), std::nullopt);
    EXPECT_TRUE(binance_type.is_symbol("1000SATSUSDT"));
    for (const char* bad :
         {"", "btcusdt", "BTC/USDT", "BTC USDT", "A\"B", "ABCDEFGHIJKLMNOPQRSTUVWXYZ12345"}) {
        EXPECT_FALSE(binance_type.is_symbol(bad)) << bad;
    }
}

TEST(Binance, ATradeIsAQuoteWithItsOwnDigitsAndTime) {
    StreamOutput output;
    const auto& quotes = output.quotes;
    const auto venue = binance();
    const auto parser = venue->create_parser();
    ASSERT_TRUE(parser->parse(trade, now, output));
    ASSERT_EQ(quotes.size(), 1u);
    EXPECT_EQ(quotes[0].source, SourceName("binance"));
    EXPECT_EQ(quotes[0].kind, SourceKind::exchange);
    EXPECT_EQ(quotes[0].ticker, Ticker("BTC"));
    EXPECT_EQ(quotes[0].price, Decimal::parse("61837.63").value());
    EXPECT_EQ(quotes[0].time, from_micros(1'723'161'255'342'000));
    EXPECT_EQ(quotes[0].received_at, now);
    EXPECT_EQ(quotes[0].currency, Currency("USDT"));
    EXPECT_EQ(quotes[0].trade_id, 3735683259u);
    EXPECT_TRUE(quotes[0].is_live && output.events.empty());

    ASSERT_TRUE(parser->parse(with("3735683259", "3735683262"), now, output));
    ASSERT_EQ(output.events.size(), 1u) << "two ids were left out";
    const Gap gap = std::get<Gap>(output.events[0]);
    EXPECT_EQ(gap.instrument, 0u);
    EXPECT_EQ(gap.lost, 2u);
    output.clear();
    ASSERT_TRUE(venue->create_parser()->parse(with("3735683259", "3735683299"), now, output));
    EXPECT_TRUE(output.events.empty()) << "another connection has its own count";
}

TEST(Binance, ATradeCountsOnceAndOneOfMinutesAgoIsOld) {
    const auto venue = binance();
    ShownStream stream(*venue, now);
    EXPECT_EQ(stream(trade), "BTC=61837.63USDT#3735683259@2024-08-08T23:54:15.342Z");
    EXPECT_EQ(stream(trade), "");
    EXPECT_EQ(ShownStream(*venue, now + std::chrono::minutes{6})(trade),
              "old BTC=61837.63USDT#3735683259@2024-08-08T23:54:15.342Z");
}

TEST(Binance, FiguresMayBeNumbersOrStrings) {
    const std::string price = R"("61837.63000000")";
    const std::string shown = "BTC=61837.63USDT#3735683259@2024-08-08T23:54:15.342Z";
    for (const char* spelling : {"61837.63000000", "6183763e-2", R"("6.183763E4")"})
        EXPECT_EQ(frame(with(price, spelling)), shown) << spelling;
    EXPECT_EQ(frame(with(R"("T":1723161255342)", R"("T":"1723161255342")")), shown);
    EXPECT_EQ(frame(with("3735683259", R"("3735683259")")), shown);
    EXPECT_EQ(answer(R"([{"symbol":"BTCUSDT","price":61000.10}])"), "BTC=61000.1USDT@2024-08-08T23:54:20Z");
    EXPECT_EQ(frame(R"({"result":null,"error":null,"id":1})"), "acknowledged message 1")
        << "an error that is null is none";
}

TEST(Binance, TimesMayBeInMicroseconds) {
    EXPECT_EQ(frame(with(R"("T":1723161255342)", R"("T":1723161255342017)")),
              "BTC=61837.63USDT#3735683259@2024-08-08T23:54:15.342017Z");
    EXPECT_EQ(frame(with(R"("T":1723161255342)", R"("T":9223372036854775807)")),
              "bad_quote: 9223372036854775807 is not a valid time of a trade of BTCUSDT");
}

TEST(Binance, OtherFramesAreIgnoredQuietly) {
    for (
        const char* other : {
            R"({"stream":"btcusdt@bookTicker","data":{"u":1,"s":"BTCUSDT","b":"61837.6","B":"3","a":"61837.7","A":"1"}})",
            R"({"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","s":"BTCUSDT","b":[["61737.63","0.0"]],"a":[]}})",
            R"({"stream":"btcusdt@blockTrade","data":{"e":"blockTrade","s":"BTCUSDT","p":"1","T":1723161255342}})",
            R"({"e":"blockTrade","s":"BTCUSDT","p":"1","T":1723161255342})",
            R"({"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","s":"BTCUSDT","p":"1","T":1723161255342}})",
            R"({"lastUpdateId":50093239218,"bids":[["61837.63","3.7"]],"asks":[]})",
            R"({"e":"24hrTicker","s":"BTCUSDT","p":"1"})",
        }) {
        EXPECT_EQ(frame(other), "") << other;
    }
}

TEST(Binance, ItsOwnMessages) {
    EXPECT_EQ(frame(R"({"error":{"code":2,"msg":"Invalid request: unknown variant"},"id":1})"),
              "refused message 1: Binance's error 2: Invalid request: unknown variant");
    EXPECT_EQ(frame(R"({"error":{"code":-1003,"msg":"Too many messages"},"id":1})"),
              "rate_limited: Binance's error -1003: Too many messages");
    EXPECT_EQ(frame(R"({"result":null,"id":4})"), "acknowledged message 4");
    EXPECT_EQ(frame(R"({"code":-1121,"msg":"Invalid symbol."})"),
              "unknown_symbol: Binance's error -1121: Invalid symbol.");
    EXPECT_EQ(frame(R"({"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}})"),
              "server leaves");
    EXPECT_EQ(frame(R"({"e":"serverShutdown","E":1770123456789})"), "server leaves");
    EXPECT_EQ(frame(R"({"event":{"e":"serverShutdown","E":1770123456789}})"), "server leaves");
}

TEST(Binance, AnUnusableTradeIsRefused) {
    const std::string price = R"("61837.63000000")";
    for (const char* bad : {R"("0")", R"("0.00000000")", R"("-1")", R"("")", R"(" 1")", R"("1 ")", R"("NaN")",
                            R"("Infinity")", R"("1,5")", R"("0x10")", R"("1e400")",
                            R"("999999999999999999999999999999")", R"("01")", R"("1e-30")"}) {
        EXPECT_TRUE(frame(with(price, bad)).starts_with("bad_quote: "))
            << bad << " gave " << frame(with(price, bad));
    }
    for (const char* bad : {"null", "true", "[1,2]", "{}", R"("\u0031")"}) {
        EXPECT_EQ(frame(with(price, bad)), "wrong_shape: a trade of an unknown shape") << bad;
    }
    EXPECT_EQ(frame(with(R"("s":"BTCUSDT")", R"("s":"XRPUSDT")")),
              "bad_quote: a trade of 'XRPUSDT', which was not requested");
    EXPECT_EQ(frame(with(R"("s":"BTCUSDT")", R"("s":"ETHUSDT")")),
              "bad_quote: a trade of 'ETHUSDT' in the stream 'btcusdt@trade'");
    EXPECT_EQ(frame(with(R"("s":"BTCUSDT")", R"("s":7)")), "wrong_shape: a trade of an unknown shape");
    for (const char* bad : {"0", "-5", "17231612553", "99999999999999999", "1.5", "null"}) {
        EXPECT_NE(frame(with("1723161255342", bad)).find(": "), std::string::npos) << bad;
    }
    EXPECT_EQ(frame(with(R"("q":)", R"("p":"61837.64","q":)")),
              "wrong_shape: a frame with a duplicate field");
    EXPECT_EQ(frame(with(R"("data":)", R"("data":{},"data":)")), "wrong_shape: a frame with two payloads");
    EXPECT_EQ(frame(with(R"("data":)", R"("stream":"btcusdt@trade","data":)")),
              "wrong_shape: a frame with two stream names");
    EXPECT_EQ(frame(std::string(trade) + trade), "not_json: a frame with trailing bytes");
    EXPECT_EQ(frame(std::string(trade) + "}"), "not_json: a frame with trailing bytes");
}

TEST(Binance, AnInvalidFrameIsRefused) {
    for (const char* bad :
         {"", " ", "{", "}", "[]", "[1,2]", "7", "null", "\"trade\"", "\x7f\x01{{{", "<html></html>",
          "error code: 1015", R"({"stream":"btcusdt@trade"})", R"({"stream":"btcusdt@trade","data":7})",
          R"({"stream":"btcusdt@trade","data":{"p":[1,2],"s":7}})", R"({"stream":7,"data":{"e":"trade"}})",
          R"({"unexpected":{"price":[]}})", "{}",
          "{\"stream\":\"btcusdt@trade\",\"data\":{\"e\":\"trade\",\"p\":\"\xff\xfe\"}}"}) {
        const std::string result = frame(bad);
        EXPECT_TRUE(result.starts_with("not_json: ") || result.starts_with("wrong_shape: "))
            << bad << " gave " << result;
    }
    std::string deep = R"({"stream":"btcusdt@trade","data":)";
    for (int i = 0; i < 100'000; ++i) deep += "[";
    EXPECT_NE(frame(deep).find(": "), std::string::npos);
}

TEST(Binance, ATruncatedFrameIsNoQuote) {
    const auto venue = binance();
    EXPECT_TRUE(ShownStream(*venue, now).refuses_every_part_of(trade));
}

TEST(Binance, RestPrices) {
    EXPECT_EQ(
        answer(R"([{"symbol":"BTCUSDT","price":"61000.10000000"},{"symbol":"ETHUSDT","price":"2600"}])"),
        "BTC=61000.1USDT@2024-08-08T23:54:20Z ETH=2600USDT@2024-08-08T23:54:20Z");
    EXPECT_EQ(answer(R"({"symbol":"DOGEUSDT","price":"0.07101000"})"),
              "DOGE=0.07101USDT@2024-08-08T23:54:20Z");
    EXPECT_EQ(answer("[]"), "");
    EXPECT_EQ(answer(R"([{"symbol":"BTCUSDT","price":"0"},{"symbol":"ETHUSDT","price":"2600"}])"),
              "ETH=2600USDT@2024-08-08T23:54:20Z 1 refused: '0' as the price of 'BTCUSDT'");
    EXPECT_EQ(
        answer(
            R"([{"symbol":"XUSDT","price":"1"},{"symbol":"ETHUSDT","price":"2"},{"symbol":"ETHUSDT","price":"3"}])"),
        "ETH=2USDT@2024-08-08T23:54:20Z 2 refused: '1' as the price of 'XUSDT'");
}

TEST(Binance, RestErrors) {
    EXPECT_EQ(answer(R"({"code":-1003,"msg":"Too many requests."})"),
              "rate_limited: Binance's error -1003: Too many requests.");
    EXPECT_EQ(answer(R"({"code":-1121,"msg":"Invalid symbol."})"),
              "unknown_symbol: Binance's error -1121: Invalid symbol.");
    EXPECT_EQ(answer(R"({"code":0,"msg":"Service unavailable"})"),
              "venue_error: Binance's error 0: Service unavailable");
    EXPECT_EQ(answer("<html>"), "not_json: an answer that is not JSON: <html>");
    for (const char* bad :
         {"7", "null", "[7]", "[[]]", "{}", R"([{"symbol":"BTCUSDT"}])",
          R"([{"symbol":"BTCUSDT","price":null}])", R"([{"unexpected":{"price":[]}}])",
          R"([{"symbol":"BTCUSDT","price":"1","price":"2"}])", R"([{"symbol":"BTCUSDT","price":"1"}] x)"}) {
        EXPECT_NE(answer(bad).find(": "), std::string::npos) << bad;
        EXPECT_EQ(answer(bad).find('@'), std::string::npos) << bad << " gave a quote";
    }
}

// A server that speaks an older form of the interface.
TEST(Binance, WithoutSymbolStatusARepeatedPriceIsOld) {
    const auto venue = binance();
    const std::vector<std::size_t> first{0};
    EXPECT_TRUE(venue->rest_url(first).ends_with("&symbolStatus=TRADING"));
    EXPECT_EQ(show_answer(*venue, R"({"code":-1104,"msg":"Not all sent parameters were read."})", now),
              "venue_error: it does not know symbolStatus");
    EXPECT_FALSE(venue->rest_url(first).ends_with("TRADING"));
    const std::string price = R"({"symbol":"BTCUSDT","price":"7"})";
    EXPECT_EQ(show_answer(*venue, price, now), "BTC=7USDT@2024-08-08T23:54:20Z");
    EXPECT_EQ(show_answer(*venue, price, now), "old BTC=7USDT@2024-08-08T23:54:20Z");
}

TEST(Binance, ATruncatedAnswerIsNoQuote) {
    EXPECT_TRUE(refuses_every_part_of_answer(
        *binance(), R"([{"symbol":"BTCUSDT","price":"61000.1"},{"symbol":"ETHUSDT","price":"2600"}])", now));
}

TEST(Binance, EveryRecordedTradeToTheDigit) {
    const auto path = recordings();
    if (!path) GTEST_SKIP() << "no recordings: set PRICEWIRE_RECORDINGS";
    const std::regex fields(R"re("s":"(\w+)".*"p":"([0-9.]+)".*"T":(\d+))re");
    for (const auto& [file, trades] :
         {std::pair{"btcusdt-2024-08-08.jsonl.gz", 9757u}, {"ethusdt-2024-08-08.jsonl.gz", 6106u}}) {
        const auto venue = binance();
        const auto parser = venue->create_parser();
        StreamOutput output;
        const auto& quotes = output.quotes;
        unsigned seen = 0;
        for (const std::string& bytes : venue_frames(*path / "binance-ws" / file)) {
            output.clear();
            const auto result = parser->parse(bytes, now, output);
            ASSERT_TRUE(result) << result.error().text << " " << bytes.substr(0, 300);
            const bool is_trade = bytes.find("@trade") != std::string::npos;
            ASSERT_EQ(quotes.size(), is_trade ? 1u : 0u) << bytes.substr(0, 300);
            if (!is_trade) continue;
            ++seen;
            std::smatch match;
            ASSERT_TRUE(std::regex_search(bytes, match, fields));
            std::string digits = match[2];
            while (digits.ends_with('0')) digits.pop_back();
            if (digits.ends_with('.')) digits.pop_back();
            EXPECT_EQ(quotes[0].price.to_string(), digits);
            EXPECT_EQ(std::string(quotes[0].ticker.view()) + "USDT", match[1].str());
            EXPECT_EQ(std::to_string(to_micros(quotes[0].time) / 1000), match[3].str());
        }
        EXPECT_EQ(seen, trades);
    }
}

TEST(Binance, RecordedAnswers) {
    const auto path = recordings();
    if (!path) GTEST_SKIP() << "no recordings: set PRICEWIRE_RECORDINGS";
    const auto recorded = [&](const char* name) { return answer(file_text(*path / "rest" / name)); };
    EXPECT_EQ(recorded("binance_ticker_price_DOGEUSDT.json"), "DOGE=0.07101USDT@2024-08-08T23:54:20Z");
    EXPECT_TRUE(recorded("binance_418_2026-08-24.json")
                    .starts_with("rate_limited: Binance's error -1003: Way too much"));
    EXPECT_TRUE(recorded("binance_451.json")
                    .starts_with("venue_error: Binance's error 0: Service unavailable from a restricted"));
    EXPECT_EQ(recorded("cloudflare_1015_body.txt"), "not_json: an answer that is not JSON: error code: 1015");
    EXPECT_TRUE(recorded("coingecko_429_body_also_seen_with_http_200.json").starts_with("wrong_shape: "));
}

// ---- Binance.US

std::unique_ptr<Venue> binance_us() {
    return binance_us_type.create({{"OMG", "OMGBUSD"}, {"COMP", "COMPUSDT"}},
                                  {"wss://binance_us/stream", "https://binance_us"});
}
const Timestamp us_now{std::chrono::seconds{1'633'998'290}};

TEST(BinanceUs, IsOffAndCountsLittle) {
    EXPECT_EQ(binance_us_type.off_reason, "its market is thin, and one order has moved its price by 87 %");
    EXPECT_EQ(binance_us_type.weight, 1);
    EXPECT_EQ(binance_us_type.owner, "binance");
    EXPECT_EQ(binance_us_type.symbol_of("BTC"), "BTCUSDT");
    EXPECT_EQ(binance_us_type.symbol_of("USDT"), std::nullopt);
    EXPECT_EQ(binance_us()->stream_url(std::vector<std::size_t>{0, 1}),
              "wss://binance_us/stream?streams=omgbusd@trade/compusdt@trade");
}

TEST(BinanceUs, WhatFollowsTheTickerIsTheCurrency) {
    const auto venue = binance_us_type.create(
        {{"BNB", "BNBUSD"}, {"BAT", "BATUSD"}, {"OMG", "OMGBUSD"}, {"SATS", "1000SATSUSDT"}}, {});
    const auto currency = [&](std::size_t i) {
        return std::string(venue->quote(i, Decimal::from_int(1), us_now, us_now).currency.view());
    };
    EXPECT_EQ(currency(0), "USD") << "not BN in BUSD";
    EXPECT_EQ(currency(1), "USD") << "not BA in TUSD";
    EXPECT_EQ(currency(2), "BUSD");
    EXPECT_EQ(currency(3), "USDT");
}

TEST(BinanceUs, TradesAndAggregates) {
    const auto venue = binance_us();
    ShownStream stream(*venue, us_now);
    const auto event = [](std::string_view kind, std::string_view ids) {
        return fmt::format(
            R"({{"stream":"omgbusd@{}","data":{{"e":"{}","E":1633998288468,"s":"OMGBUSD",{},"p":"13.80480000",)"
            R"("q":"2.1","T":1633998288467,"m":false,"M":true}}}})",
            kind, kind, ids);
    };
    EXPECT_EQ(stream(event("trade", R"("t":439577,"b":88,"a":50)")),
              "OMG=13.8048BUSD#439577@2021-10-12T00:24:48.467Z");
    EXPECT_EQ(stream(event("trade", R"("t":439579,"b":88,"a":50)")),
              "OMG=13.8048BUSD#439579@2021-10-12T00:24:48.467Z; lost 1 of OMGBUSD");
    EXPECT_EQ(stream(event("aggTrade", R"("a":425085,"f":439577,"l":439577)")),
              "OMG=13.8048BUSD#425085@2021-10-12T00:24:48.467Z");
    EXPECT_EQ(stream(event("aggTrade", R"("a":425087,"f":439580,"l":439581)")),
              "OMG=13.8048BUSD#425087@2021-10-12T00:24:48.467Z; lost 1 of OMGBUSD");
    EXPECT_EQ(stream(R"({"error":{"code":2,"msg":"Invalid request"},"id":1})"),
              "refused message 1: Binance.US's error 2: Invalid request");
}

TEST(BinanceUs, ByRestOnlyAnotherPriceIsNews) {
    const auto venue = binance_us();
    EXPECT_EQ(venue->rest_url(std::vector<std::size_t>{1}),
              "https://binance_us/api/v3/ticker/price?symbols=%5B%22COMPUSDT%22%5D");
    EXPECT_EQ(show_answer(*venue, R"({"symbol":"COMPUSDT","price":"297.2"})", us_now),
              "COMP=297.2USDT@2021-10-12T00:24:50Z");
    EXPECT_EQ(show_answer(*venue, R"({"symbol":"COMPUSDT","price":"297.2"})", us_now),
              "old COMP=297.2USDT@2021-10-12T00:24:50Z");
    EXPECT_EQ(show_answer(*venue, R"({"symbol":"COMPUSDT","price":"297.3"})", us_now),
              "COMP=297.3USDT@2021-10-12T00:24:50Z");
}

TEST(BinanceUs, MinutesWithoutATradeAreNormal) {
    Play p(binance_us_type, {"BTC"}, {"wss://binance_us/stream", "https://binance_us"});
    p.start();
    p.opened(1);
    p.trade(1, "BTCUSDT", "65000.10");
    for (int i = 0; i < 6; ++i) {
        p.wait(std::chrono::seconds{10});
        p.ping(1);
        p.answer(200, R"([{"symbol":"BTCUSDT","price":"65000.10"}])");
    }
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://binance_us/stream?streams=btcusdt@trade
0.0 connecting
0.0 quote BTC 65000.1
0.0 streaming
0.0 info: binance_us streams trades of BTC
10.0 GET /api/v3/ticker/price?symbols=%5B%22BTCUSDT%22%5D
10.0 quote BTC 65000.1
20.0 GET /api/v3/ticker/price?symbols=%5B%22BTCUSDT%22%5D
20.0 old quote BTC 65000.1
30.0 GET /api/v3/ticker/price?symbols=%5B%22BTCUSDT%22%5D
30.0 polling_fallback (its stream has no trades)
30.0 info: prices of binance_us come by REST every 5s until its stream has trades
30.0 old quote BTC 65000.1
35.0 GET /api/v3/ticker/price?symbols=%5B%22BTCUSDT%22%5D
40.0 old quote BTC 65000.1
40.0 GET /api/v3/ticker/price?symbols=%5B%22BTCUSDT%22%5D
50.0 old quote BTC 65000.1
50.0 GET /api/v3/ticker/price?symbols=%5B%22BTCUSDT%22%5D
60.0 old quote BTC 65000.1
60.0 GET /api/v3/ticker/price?symbols=%5B%22BTCUSDT%22%5D
)");
}

TEST(BinanceUs, RecordedFrames) {
    const auto path = recordings();
    if (!path) GTEST_SKIP() << "no recordings: set PRICEWIRE_RECORDINGS";
    const auto venue = binance_us();
    ShownStream stream(*venue, us_now);
    std::string prices;
    for (const std::string& frame : venue_frames(*path / "venues" / "binance_us.jsonl.gz")) {
        const std::string shown = stream(frame);
        const bool is_trade = frame.find("aggTrade") != std::string::npos;
        ASSERT_EQ(shown.empty(), !is_trade) << frame << shown;
        if (is_trade) prices += shown.substr(0, shown.find('@')) + " ";
    }
    EXPECT_TRUE(prices.starts_with("OMG=13.8048BUSD#425085 OMG=13.8076BUSD#425086 ")) << prices;
    EXPECT_EQ(std::ranges::count(prices, '#'), 11);
}

}  // namespace
}  // namespace pricewire::feed::binance_tests
