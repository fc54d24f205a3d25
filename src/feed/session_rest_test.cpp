#include "feed/session.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "feed/binance/binance.hpp"
#include "feed/coingecko/coingecko.hpp"
#include "feed/kraken/kraken.hpp"
#include "feed/session_play.hpp"

namespace pricewire::feed {
namespace {

using namespace std::chrono_literals;

// Each test plays a scenario and compares what was done, line by line, with the seconds since the start.

Play binance(std::vector<std::string> tickers = {"BTC", "ETH"}) {
    return {binance_type, std::move(tickers), {"wss://binance/stream", "https://binance"}};
}
Play coingecko() {
    SessionOptions options;
    options.poll_interval = 60s;
    return {coingecko_type, {"BTC", "ETH"}, {"", "https://coingecko/api/v3"}, options};
}

constexpr const char* coins =
    R"({"bitcoin":{"usd":60000,"last_updated_at":1700000000},"ethereum":{"usd":2600.5,"last_updated_at":1700000000}})";

TEST(SessionRest, ARefusedUpgradeIsWaitedOutAndRestIsPolledMeanwhile) {
    struct Case {
        int status;
        const char* retry_after;
        const char* body;
        Duration least;
    };
    for (const Case& c : {Case{429, "30", "", 30s}, Case{429, "Tue, 14 Nov 2023 22:15:20 GMT", "", 2min},
                          Case{429, "Tuesday, 14-Nov-23 22:15:20 GMT", "", 2min},
                          Case{429, "Tue Nov 14 22:15:20 2023", "", 2min},
                          Case{418, "", "IP banned until 1700000300000.", 5min},
                          Case{403, "", "<html>", 5min}, Case{451, "", R"({"code":0})", 1h}}) {
        Play p = binance({"BTC"});
        p.start();
        p.refused(1, c.status, c.retry_after, c.body);
        EXPECT_EQ(p.status().state, c.status == 451 ? SourceState::unavailable_here : SourceState::refused);
        ASSERT_TRUE(p.status().refused_until);
        const Duration wait = *p.status().refused_until - p.now().wall;
        EXPECT_GE(wait, c.least);
        EXPECT_LE(wait, c.least + std::min<Duration>(c.least / 10, 30s));
        EXPECT_EQ(p.count("warn:"), 1);
        p.wait(2s);
        p.answer(200, R"([{"symbol":"BTCUSDT","price":"61000.10"}])");
        EXPECT_EQ(p.status().state, SourceState::polling_fallback);
        while (p.count("open 2") == 0) {
            ASSERT_LE(p.since_start(), wait + 1s);
            p.wait(1s);
            p.answer(200, R"([{"symbol":"BTCUSDT","price":"61000.10"}])");
        }
        EXPECT_GE(p.since_start(), wait);
        EXPECT_EQ(p.count("warn:"), 1) << "said once";
    }
}

TEST(SessionRest, TheLogOfALegalRefusal) {
    Play p = binance({"BTC"});
    p.start();
    p.refused(1, 451, "", R"({"code":0,"msg":"Service unavailable from a restricted location"})");
    p.wait(2s);
    p.answer(451, R"({"code":0,"msg":"Service unavailable from a restricted location"})");
    p.wait(60s);
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://binance/stream?streams=btcusdt@trade
0.0 connecting
0.0 warn: binance refuses its stream; next attempt in 61 min, REST is polled meanwhile | not available from here (status 451)
0.0 unavailable_here (not available from here (status 451))
2.0 GET /api/v3/ticker/price?symbols=%5B%22BTCUSDT%22%5D&symbolStatus=TRADING
2.0 warn: binance refuses REST requests; the next one is sent in 61 min | not available from here (status 451)
2.0 warn: binance provides no prices, neither by stream nor by REST | not available from here (status 451)
)");
}

TEST(SessionRest, ARepeatedRefusalIsWaitedOutLonger) {
    Play p = coingecko();
    p.start();
    Duration last{};
    for (int i = 0; i < 5; ++i) {
        p.answer(429, "");
        const Duration wait = *p.status().refused_until - p.now().wall;
        EXPECT_GT(wait, last * 3 / 2);
        last = wait;
        p.done();
        p.wait(wait);
        EXPECT_EQ(p.count("GET"), 1);
    }
    p.answer(200, coins);
    EXPECT_EQ(p.status().state, SourceState::polling);
    p.wait(60s);
    p.answer(429, "");
    EXPECT_LE(*p.status().refused_until - p.now().wall, 66s) << "a success resets it";
}

TEST(SessionRest, ASourceWithoutAStreamIsPolled) {
    Play p = coingecko();
    p.start();
    p.wait(300ms);
    p.answer(200, coins);
    p.wait(59s);
    p.answer(200, coins);
    p.wait(2s);
    p.answer(200, coins);
    EXPECT_EQ(
        p.done(),
        R"(0.0 GET /api/v3/simple/price?ids=bitcoin%2Cethereum&vs_currencies=usd&include_last_updated_at=true&precision=full
0.0 connecting
0.3 quote BTC 60000
0.3 quote ETH 2600.5
0.3 polling
0.3 info: coingecko provides prices of BTC, ETH, polled every 1m
60.0 GET /api/v3/simple/price?ids=bitcoin%2Cethereum&vs_currencies=usd&include_last_updated_at=true&precision=full
61.3 quote BTC 60000
61.3 quote ETH 2600.5
)");
}

TEST(SessionRest, EachKindOfBadAnswerHasItsWaitAndItsText) {
    struct Case {
        int status;
        const char* body;
        SourceState after;
        Duration least, most;
        const char* words;
    };
    const Case cases[] = {
        {200, R"({"status":{"error_code":429,"error_message":"You've exceeded the Rate Limit."}})",
         SourceState::refused, 60s, 66s, "CoinGecko's error 429: You've exceeded the Rate Limit."},
        {200, "error code: 1015", SourceState::refused, 60s, 66s,
         "Cloudflare's error 1015 (too many requests)"},
        {429, "error code: 1015", SourceState::refused, 60s, 66s,
         "Cloudflare's error 1015 (too many requests)"},
        {200, "<!DOCTYPE html><html></html>", SourceState::refused, 60s, 66s, "an HTML page instead of JSON"},
        {403, "<html>", SourceState::refused, 300s, 330s, "403 Forbidden"},
        {418, "", SourceState::refused, 120s, 132s, "has banned this address"},
        {451, "", SourceState::unavailable_here, 3600s, 3630s, "not available from here (status 451)"},
        {403,
         "<H1>403 ERROR</H1> The Amazon CloudFront distribution is configured to block access from your "
         "country.",
         SourceState::unavailable_here, 3600s, 3630s, "not available from here (status 403)"},
        {403, "error code: 1009", SourceState::unavailable_here, 3600s, 3630s,
         "not available from here (Cloudflare's error 1009)"},
        {403, R"({"retCode":403,"retMsg":"access too frequent, please try again in 10 minutes"})",
         SourceState::refused, 600s, 630s, "requests come too often"},
        {200, R"([{"unexpected":{"price":[]}}])", SourceState::connecting, 60s, 61s,
         "an answer that is not CoinGecko's"},
        {200, R"({"bitcoin":{"usd":60000,"last_upd)", SourceState::connecting, 60s, 61s,
         "an answer that is not JSON"},
        {200, "{}", SourceState::connecting, 60s, 61s, "the answer has none of the requested prices"},
        {500, "oops", SourceState::connecting, 60s, 61s, "status 500: oops"},
        {302, "", SourceState::connecting, 60s, 61s, "status 302"},
    };
    for (const Case& c : cases) {
        Play p = coingecko();
        p.start();
        p.done();
        p.answer(c.status, c.body);
        EXPECT_EQ(p.status().state, c.after) << c.status << " " << c.body;
        EXPECT_GE(p.count(c.words), 1) << p.done();
        EXPECT_EQ(p.count("quote"), 0);
        p.done();
        p.wait(c.least - 1s);
        EXPECT_EQ(p.count("GET"), 0) << c.status << " " << c.body;
        p.wait(c.most - c.least + 1s);
        EXPECT_EQ(p.count("GET"), 1) << c.status << " " << c.body;
        p.answer(200, coins);
        EXPECT_EQ(p.status().state, SourceState::polling);
    }
}

TEST(SessionRest, FailedRequestsAreRetriedWithBackOffAndOneWarning) {
    Play p = coingecko();
    p.start();
    Duration longest{};
    for (int i = 0; i < 20; ++i) {
        const Duration from = p.since_start();
        p.no_answer("no answer within 10s");
        const int before = p.count("GET");
        while (p.count("GET") == before) p.wait(1s);
        EXPECT_GE(p.since_start() - from, 60s) << "never more often than the interval";
        longest = std::max(longest, p.since_start() - from);
    }
    EXPECT_GE(longest, 80s);
    EXPECT_EQ(p.count("warn: coingecko provides no prices; retrying with back-off | no answer within 10s"),
              1);
    EXPECT_EQ(p.status().state, SourceState::silent);
    EXPECT_EQ(p.status().detail, "no answer within 10s");
}

TEST(SessionRest, AMissingCoinIsReportedOnce) {
    Play p = coingecko();
    p.start();
    for (int i = 0; i < 5; ++i) {
        p.answer(200, R"({"bitcoin":{"usd":60000,"last_updated_at":1700000000}})");
        p.wait(60s);
    }
    EXPECT_EQ(p.count("warn: coingecko has no price of ETH (ethereum): trading in it is halted, or it has"),
              1);
    EXPECT_EQ(p.count("quote BTC"), 5);
    p.answer(200, coins);
    p.wait(60s);
    p.answer(200, R"({"bitcoin":{"usd":60000,"last_updated_at":1700000000}})");
    EXPECT_EQ(p.count("has no price of ETH"), 2) << "it was there in between";
}

TEST(SessionRest, ASymbolUnknownToTheVenueIsFoundAndTheOthersKeepTheirPrices) {
    Play p = binance({"BTC", "FOO", "ETH"});
    p.start();
    const std::string unknown = R"({"code":-1121,"msg":"Invalid symbol."})";
    std::string all;
    for (int i = 0; i < 15; ++i) {
        p.wait(1s);
        const std::string so_far = p.done();
        all += so_far;
        const std::size_t get = so_far.rfind("GET");
        if (get == std::string::npos) continue;
        const std::string request = so_far.substr(get);
        std::string body;
        for (const char* symbol : {"BTC", "ETH"}) {
            if (request.find(symbol) == std::string::npos) continue;
            body +=
                (body.empty() ? "" : ",") + std::string(R"({"symbol":")") + symbol + R"(USDT","price":"7"})";
        }
        const bool known = request.find("FOO") == std::string::npos;
        p.answer(known ? 200 : 400, known ? "[" + body + "]" : unknown);
    }
    EXPECT_EQ(all, R"(0.0 open 1 wss://binance/stream?streams=btcusdt@trade/foousdt@trade/ethusdt@trade
0.0 connecting
2.0 GET /api/v3/ticker/price?symbols=%5B%22BTCUSDT%22%2C%22FOOUSDT%22%2C%22ETHUSDT%22%5D&symbolStatus=TRADING
3.0 GET /api/v3/ticker/price?symbols=%5B%22BTCUSDT%22%5D&symbolStatus=TRADING
3.0 quote BTC 7
3.0 polling_fallback (its stream is not open yet)
3.0 info: prices of binance come by REST every 5s until its stream has trades
4.0 GET /api/v3/ticker/price?symbols=%5B%22FOOUSDT%22%2C%22ETHUSDT%22%5D&symbolStatus=TRADING
5.0 GET /api/v3/ticker/price?symbols=%5B%22FOOUSDT%22%5D&symbolStatus=TRADING
5.0 warn: binance does not know 'FOOUSDT', so it has no price of FOO; if it has another name there, set it in market.symbols | Binance's error -1121: Invalid symbol.
5.0 polling_fallback (its stream is not open yet; it does not know FOO (FOOUSDT))
6.0 GET /api/v3/ticker/price?symbols=%5B%22ETHUSDT%22%5D&symbolStatus=TRADING
6.0 quote ETH 7
11.0 GET /api/v3/ticker/price?symbols=%5B%22BTCUSDT%22%2C%22ETHUSDT%22%5D&symbolStatus=TRADING
11.0 quote BTC 7
11.0 quote ETH 7
)");
}

// Plays a venue that refuses any request with one of the `bad` symbols, for `time`.
void play_refusals(Play& p, const std::set<std::string>& bad, const std::string& why, Duration time) {
    for (Duration waited{}; waited < time; waited += 1s) {
        p.wait(1s);
        const std::string so_far = p.done();
        const std::size_t get = so_far.rfind("GET");
        if (get == std::string::npos) continue;
        std::string body;
        bool refused = false;
        for (std::size_t at = get; (at = so_far.find("%22", at)) != std::string::npos;) {
            const std::size_t end = so_far.find("%22", at + 3);
            const std::string symbol = so_far.substr(at + 3, end - at - 3);
            refused = refused || bad.empty() || bad.contains(symbol);
            body += fmt::format(R"({}{{"symbol":"{}","price":"7"}})", body.empty() ? "" : ",", symbol);
            at = end + 3;
        }
        p.answer(refused ? 400 : 200, refused ? why : "[" + body + "]");
    }
}

std::vector<std::string> many_tickers() {
    std::vector<std::string> out;
    for (int i = 0; i < 150; ++i) out.push_back("T" + std::to_string(i));
    return out;
}

TEST(SessionRest, AnyRefusalThatNamesAParameterIsNarrowedDown) {
    for (
        const char* why :
        {R"({"code":-1100,"msg":"Illegal characters found in parameter 'symbols'; legal range is '…'."})",
         R"({"code":-1102,"msg":"Mandatory parameter 'symbols' was not sent, was empty/null, or malformed."})",
         R"({"code":-1121,"msg":"Invalid symbol."})",
         R"({"code":-1105,"msg":"Parameter 'symbols' was empty."})",
         R"({"code":-1220,"msg":"The symbol's status does not match the requested symbolStatus."})"}) {
        Play p = binance(many_tickers());
        p.start();
        play_refusals(p, {"T7USDT", "T120USDT"}, why, 60s);
        EXPECT_EQ(p.status().state, SourceState::polling_fallback) << why;
        EXPECT_EQ(p.status().detail,
                  "its stream is not open yet; it does not know T7 (T7USDT), T120 (T120USDT)");
        EXPECT_EQ(p.session().left_out(ParseError::Kind::unknown_symbol), 17u) << "requests it took";
    }
}

TEST(SessionRest, ASymbolThatWasRefusedIsAskedForAloneFromThenOn) {
    Play p = binance(many_tickers());
    p.start();
    play_refusals(p, {"T7USDT"}, R"({"code":-1121,"msg":"Invalid symbol."})", 60s);
    const auto refused = p.session().left_out(ParseError::Kind::unknown_symbol);
    play_refusals(p, {"T7USDT"}, R"({"code":-1121,"msg":"Invalid symbol."})", 2h);
    EXPECT_EQ(p.session().left_out(ParseError::Kind::unknown_symbol), refused + 2) << "once an hour";
    EXPECT_EQ(p.status().state, SourceState::polling_fallback);
}

TEST(SessionRest, TheSearchIsBounded) {
    std::set<std::string> bad;
    for (int i = 0; i < 150; i += 2) bad.insert("T" + std::to_string(i) + "USDT");
    Play p = binance(many_tickers());
    p.start();
    play_refusals(p, bad, R"({"code":-1121,"msg":"Invalid symbol."})", 10min);
    EXPECT_LE(p.session().left_out(ParseError::Kind::unknown_symbol), 65u);
    EXPECT_EQ(p.status().state, SourceState::polling_fallback) << "those that were found keep their prices";
}

TEST(SessionRest, AVenueThatRefusesEveryRequestIsNotSearchedForSymbols) {
    Play p = binance(many_tickers());
    p.start();
    play_refusals(p, {}, R"({"code":-1121,"msg":"Invalid symbol."})", 2min);
    EXPECT_NE(p.status().detail.find("it refuses every request: Binance's error -1121"), std::string::npos)
        << p.status().detail;
    EXPECT_EQ(p.status().detail.find("it does not know"), std::string::npos) << "no symbol is to blame";
    EXPECT_EQ(p.warned("does not know"), 0);
}

TEST(SessionRest, APriceWithoutATimeHasThatOfItsRequest) {
    Play p = binance({"BTC"});
    p.start();
    p.wait(2s);
    const Timestamp asked = p.now().wall;
    p.wait(3s);
    p.answer(200, R"([{"symbol":"BTCUSDT","price":"7"}])");
    ASSERT_EQ(p.published().size(), 1u);
    EXPECT_EQ(p.published()[0].time, asked);
    EXPECT_EQ(p.published()[0].received_at, asked + 3s);
}

// Binance leaves pairs that are halted out of what it answers.
TEST(SessionRest, AHaltedPairHasNoPriceWhateverItsLastWas) {
    Play p = binance({"BTC", "ETH"});
    p.start();
    p.wait(2s);
    p.answer(200, R"([{"symbol":"BTCUSDT","price":"7"}])");
    EXPECT_EQ(p.count("warn: binance has no price of ETH (ETHUSDT): trading in it is halted"), 1);
    EXPECT_EQ(p.count("quote ETH"), 0);
}

TEST(SessionRest, WhatKrakenRepeatsIsNotNews) {
    Play p(kraken_type, {"BTC"}, {"", "https://kraken/0/public"});
    const auto ticker = [](const char* ask, const char* last) {
        return fmt::format(R"({{"error":[],"result":{{"XXBTZUSD":{{"a":["{}","1","1"],"b":["6","1","1"],)"
                           R"("c":["{}","0.1"]}}}}}})",
                           ask, last);
    };
    p.start();
    p.answer(200, ticker("8", "7"));
    for (int i = 0; i < 3; ++i) {
        p.wait(5s);
        p.answer(200, ticker("8", "7"));
    }
    EXPECT_EQ(p.count("old quote BTC 7"), 3) << "nothing shows that it is traded";
    EXPECT_EQ(p.count("quote BTC 7"), 4);
    EXPECT_EQ(p.status().last_quote_at, p.now().wall - 15s);
    p.wait(5s);
    p.answer(200, ticker("8.5", "7"));
    EXPECT_EQ(p.count("old quote BTC 7"), 3) << "its book moves";
    EXPECT_EQ(p.count("quote BTC 7"), 5);
    p.wait(5s);
    p.answer(200, "<html>");
    p.wait(2min);
    p.answer(200, ticker("8.5", "7.5"));
    EXPECT_EQ(p.count("quote BTC 7.5"), 1);
    EXPECT_EQ(p.count("old quote BTC 7.5"), 0);
}

TEST(SessionRest, AnswersWithoutAQuoteAreCountedByKind) {
    using Kind = ParseError::Kind;
    Play p = coingecko();
    p.start();
    const auto answer = [&](int status, const char* body) {
        p.answer(status, body);
        p.wait(2h);
    };
    answer(429, "{}");
    answer(500, "oops");
    answer(200, "[1,2]");
    answer(200, "<html>");
    EXPECT_EQ(p.session().left_out(Kind::rate_limited), 1u);
    EXPECT_EQ(p.session().left_out(Kind::venue_error), 1u);
    EXPECT_EQ(p.session().left_out(Kind::wrong_shape), 1u);
    EXPECT_EQ(p.session().left_out(Kind::not_json), 1u);
    EXPECT_EQ(to_string(Kind::unknown_symbol), "unknown_symbol");
}

TEST(SessionRest, TickersThatDoNotFitInARequestHaveTheirTurn) {
    std::vector<std::string> tickers;
    for (std::size_t i = 0; i <= kraken_type.rest.max_instruments; ++i)
        tickers.push_back("T" + std::to_string(i));
    const std::string last = tickers.back() + "USD";
    Play p(kraken_type, tickers, {"", "https://kraken"});
    p.start();
    EXPECT_EQ(p.count("GET"), 1);
    EXPECT_EQ(p.count(last), 0) << "one does not fit";
    p.answer(200, R"({"error":[],"result":{"T0USD":{"c":["1","1"]}}})");
    p.wait(5s);
    EXPECT_EQ(p.count("GET"), 2);
    EXPECT_EQ(p.count(last), 1) << p.done();
}

}  // namespace
}  // namespace pricewire::feed
