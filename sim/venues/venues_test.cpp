#include "sim/venues/venue.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace pricewire::sim {
namespace {

using namespace std::chrono_literals;

const SimVenue& venue(std::string_view name) {
    const auto all = sim_venues();
    return **std::find_if(all.begin(), all.end(), [&](const SimVenue* v) { return v->name == name; });
}

const SimTrade old_btc{"BTCUSDT", *Decimal::parse("65000.5"), 6, std::chrono::system_clock::now() - 40s};
const SimMarket market{.prices = {{"BTCUSDT", old_btc.price}, {"SHIBUSDT", *Decimal::parse("0.00000092")}},
                       .trades = {{"BTCUSDT", {old_btc}}},
                       .removed = {"BNBUSDT"}};

std::string join(const std::vector<std::string>& texts) {
    std::string out;
    for (const std::string& text : texts) out += text + "\n";
    return out;
}

std::string rest(std::string_view name, std::string_view path, std::string_view query) {
    const auto response = venue(name).rest({path, query, market, std::chrono::system_clock::now()});
    return response ? response->body : "no such path";
}

// The messages that tell a trade.
std::string trade(SimStream& stream, const std::string& symbol, std::uint64_t id = 7) {
    const SimTrade trade{symbol, market.prices.at(symbol), id, std::chrono::system_clock::now()};
    return join(stream.on_trades({&trade, 1}));
}

bool holds(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

// What has happened on a connection that was opened at 0 s.
StreamTimes at(std::chrono::seconds now, std::chrono::seconds last_push, std::chrono::seconds last_text) {
    const std::chrono::steady_clock::time_point zero{1h};
    return {zero + now, zero, zero + last_push, zero + last_text};
}

TEST(SimulatedBinanceUs, IsAnOlderBinance) {
    const auto stream = venue("binance_us").open("streams=btcusdt@trade", market);
    EXPECT_TRUE(stream->wants("BTCUSDT"));
    EXPECT_EQ(join(stream->on_text(R"({"method":"SUBSCRIBE","params":["nousdt@trade"],"id":2})")),
              "{\"result\":null,\"id\":2}\n")
        << "an unknown symbol is acknowledged all the same";
    EXPECT_TRUE(holds(trade(*stream, "BTCUSDT"), R"("t":7,"p":"65000.50000000")"));
    EXPECT_FALSE(stream->is_over(at(86'400s, 0s, 0s)));
    EXPECT_TRUE(stream->is_over(at(86'401s, 86'400s, 86'400s)));
    const std::string asked = "symbols=%5B%22BTCUSDT%22%5D";
    EXPECT_EQ(rest("binance_us", "/api/v3/ticker/price", asked),
              R"([{"symbol":"BTCUSDT","price":"65000.50000000"}])");
    EXPECT_TRUE(holds(rest("binance_us", "/api/v3/ticker/price", asked + "&symbolStatus=TRADING"), "-1104"));
}

TEST(SimulatedOkx, AcknowledgesEachArgumentAndWantsASignOfLife) {
    const auto stream = venue("okx").open("", market);
    const std::string answer = join(stream->on_text(
        R"({"op":"subscribe","args":[{"channel":"trades","instId":"BTC-USDT"},{"channel":"trades","instId":"NO-USDT"}]})"));
    EXPECT_TRUE(holds(answer, R"("event":"subscribe","arg":{"channel":"trades","instId":"BTC-USDT"})"))
        << answer;
    EXPECT_TRUE(holds(answer, R"("code":"60018","msg":"Wrong URL or channel:trades,instId:NO-USDT)"))
        << answer;
    EXPECT_TRUE(stream->wants("BTCUSDT"));
    EXPECT_FALSE(stream->wants("NOUSDT"));
    EXPECT_EQ(join(stream->on_text("ping")), "pong\n");
    EXPECT_FALSE(stream->is_over(at(40s, 0s, 20s)));
    EXPECT_TRUE(stream->is_over(at(40s, 9s, 9s)));
    EXPECT_TRUE(holds(rest("okx", "/market/ticker", "instId=BTC-USDT"), R"("last":"65000.5")"));
    EXPECT_TRUE(holds(rest("okx", "/market/ticker", "instId=NO-USDT"), R"("code":"51001")"));
    EXPECT_TRUE(holds(rest("okx", "/market/tickers", "instType=SPOT"), R"("instId":"SHIB-USDT")"));
    EXPECT_EQ(rest("okx", "/market/books", ""), "no such path");
}

TEST(SimulatedBybit, FailsAMessageForOneBadSymbolAndWantsPings) {
    const auto stream = venue("bybit").open("", market);
    const auto send = [&](std::string_view args) {
        return join(stream->on_text(fmt::format(R"({{"req_id":"4","op":"subscribe","args":[{}]}})", args)));
    };
    EXPECT_TRUE(holds(send(R"("publicTrade.BTCUSDT","publicTrade.NOUSDT")"),
                      R"({"success":false,"ret_msg":"Invalid symbol :[publicTrade.NOUSDT]",)"));
    EXPECT_FALSE(stream->is_subscribed());
    EXPECT_TRUE(holds(
        send(R"("publicTrade.BTCUSDT","publicTrade.SHIBUSDT")"),
        R"({"success":true,"ret_msg":"subscribe","conn_id":"2324d924","req_id":"4","op":"subscribe"})"));
    EXPECT_TRUE(stream->wants("BTCUSDT") && stream->wants("SHIBUSDT"));
    EXPECT_TRUE(holds(send(R"("publicTrade.BTCUSDT")"), "already subscribed,topic:publicTrade.BTCUSDT"));
    std::string eleven = R"("publicTrade.ETHUSDT")";
    for (int i = 0; i < 10; ++i) eleven += R"(,"publicTrade.ETHUSDT")";
    EXPECT_TRUE(holds(send(eleven), "args size >10"));
    EXPECT_TRUE(holds(join(stream->on_text(R"({"op":"ping"})")), R"("ret_msg":"pong")"));
    EXPECT_FALSE(stream->is_over(at(600s, 600s, 0s)));
    EXPECT_TRUE(stream->is_over(at(601s, 601s, 0s))) << "trades alone do not keep it open";
    EXPECT_TRUE(holds(trade(*stream, "BTCUSDT"), R"("s":"BTCUSDT","S":"Buy","v":"0.01","p":"65000.5",)"));
    const auto tickers = [](const std::string& more) {
        return rest("bybit", "/v5/market/tickers", "category=spot" + more);
    };
    EXPECT_TRUE(holds(tickers(""), R"("symbol":"SHIBUSDT")"));
    EXPECT_TRUE(holds(tickers("&symbol=BTCUSDT"), R"("lastPrice":"65000.5")"));
    EXPECT_TRUE(holds(tickers("&symbol=NOUSDT"), R"("retCode":10001)"));
}

TEST(SimulatedBitget, SendsItsLastTradesAgainAndWantsPings) {
    const auto stream = venue("bitget").open("", market);
    const auto send = [&](std::string_view arg) {
        return join(stream->on_text(fmt::format(R"({{"op":"subscribe","args":[{}]}})", arg)));
    };
    const std::string answer = send(R"({"instType":"SPOT","channel":"trade","instId":"BTCUSDT"})");
    EXPECT_TRUE(holds(answer, R"({"event":"subscribe","arg":{"instType":"SPOT",)")) << answer;
    EXPECT_TRUE(holds(answer, R"({"action":"snapshot","arg":{"instType":"SPOT",)")) << answer;
    EXPECT_TRUE(holds(answer, R"("tradeId":"1260903622036000006"}])")) << answer;
    EXPECT_TRUE(holds(send(R"({"instType":"SPOT","channel":"trade","instId":"NOUSDT"})"),
                      R"("code":30001,"msg":"instType:SPOT,channel:trade,instId:NOUSDT doesn't exist")"));
    EXPECT_TRUE(holds(send(R"({"instType":"USDT-FUTURES","channel":"trade","instId":"ETHUSDT"})"), "30001"));
    EXPECT_FALSE(stream->wants("ETHUSDT"));
    const std::vector<SimTrade> two{old_btc, {"BTCUSDT", old_btc.price, 7, old_btc.at}};
    EXPECT_TRUE(holds(join(stream->on_trades(two)), R"("tradeId":"1260903622036000007"},{"ts":)"))
        << "the newest first";
    EXPECT_TRUE(holds(send(R"({"instType":"spot","topic":"publicTrade","symbol":"SHIBUSDT"})"),
                      R"("topic":"publicTrade","symbol":"SHIBUSDT")"));
    EXPECT_TRUE(holds(trade(*stream, "SHIBUSDT"), R"("i":"1260903622036000007","p":"0.00000092",)"));
    EXPECT_EQ(join(stream->on_text("ping")), "pong\n");
    EXPECT_FALSE(stream->is_over(at(120s, 0s, 0s)));
    EXPECT_TRUE(stream->is_over(at(121s, 121s, 0s))) << "trades alone do not keep it open";
    const auto tickers = [](const std::string& query) {
        return rest("bitget", "/api/v2/spot/market/tickers", query);
    };
    EXPECT_TRUE(holds(tickers(""), R"("symbol":"SHIBUSDT")"));
    EXPECT_TRUE(holds(tickers("symbol=BTCUSDT"), R"("lastPr":"65000.5")"));
    EXPECT_TRUE(holds(tickers("symbol=NOUSDT"), R"("code":"40034")"));
}

TEST(SimulatedKraken, AcknowledgesEachSymbolAndHasThreeSpellings) {
    const auto stream = venue("kraken").open("", market);
    EXPECT_TRUE(holds(join(stream->on_open()), R"("channel":"status")"));
    EXPECT_EQ(join(stream->tick(at(9s, 0s, 0s))), "") << "nothing is subscribed";
    const std::string answer = join(stream->on_text(
        R"({"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD","NO/USD"],"snapshot":false},"req_id":1})"));
    EXPECT_TRUE(holds(answer, R"("symbol":"BTC/USD"},"success":true)")) << answer;
    EXPECT_TRUE(holds(answer, R"("error":"Currency pair not supported NO/USD")")) << answer;
    EXPECT_EQ(join(stream->tick(at(9s, 0s, 0s))), "{\"channel\":\"heartbeat\"}\n");
    EXPECT_TRUE(holds(trade(*stream, "BTCUSDT"), R"("price":65000.5,)"));
    const std::string all = rest("kraken", "/Ticker", "pair=XBTUSD%2CSHIBUSD");
    EXPECT_TRUE(holds(all, R"({"error":[],"result":{"XXBTZUSD":{"a":["65000.5","1",")")) << all;
    EXPECT_TRUE(holds(all, R"("c":["65000.5","0.01"]},"SHIBUSD":{"a":["0.00000092",)")) << all;
    EXPECT_TRUE(holds(all, R"("c":["0.00000092","0.01"]}}})")) << all;
    EXPECT_EQ(rest("kraken", "/Ticker", "pair=NOUSD"), R"({"error":["EQuery:Unknown asset pair"]})");
}

TEST(SimulatedCoinbase, ListsWhatIsSubscribedAndNumbersItsFrames) {
    const auto stream = venue("coinbase").open("", market);
    EXPECT_TRUE(stream->is_over(at(6s, 0s, 0s))) << "nothing was subscribed within 5 s";
    EXPECT_EQ(join(stream->tick(at(2s, 0s, 0s))), "");
    const std::string first = join(stream->on_text(R"({"type":"subscribe","channel":"heartbeats"})"));
    EXPECT_TRUE(
        holds(first, R"("sequence_num":0,"events":[{"subscriptions":{"heartbeats":["heartbeats"]}}])"))
        << first;
    EXPECT_FALSE(stream->is_over(at(70s, 0s, 0s)));
    const std::string answer = join(stream->on_text(
        R"({"type":"subscribe","product_ids":["BTC-USD","NO-USD"],"channel":"market_trades"})"));
    EXPECT_TRUE(
        holds(answer, R"("sequence_num":1,"events":[{"type":"snapshot","trades":[{"product_id":"BTC-USD")"))
        << answer;
    EXPECT_TRUE(holds(answer, R"("market_trades":["BTC-USD"])")) << answer;
    EXPECT_TRUE(holds(trade(*stream, "BTCUSDT"), R"("sequence_num":3,"events":[{"type":"update")"));
    EXPECT_TRUE(holds(join(stream->tick(at(2s, 0s, 0s))), R"("channel":"heartbeats")"));
    const std::string all = rest("coinbase", "/products", "product_ids=BTC-USD&product_ids=SHIB-USD");
    EXPECT_TRUE(holds(all, R"("product_id":"BTC-USD","price":"65000.5","status":"online")")) << all;
    EXPECT_TRUE(holds(all, R"("product_id":"SHIB-USD","price":"0.00000092")")) << all;
    EXPECT_TRUE(holds(rest("coinbase", "/products", "product_ids=NO-USD"), R"("error":"INVALID_ARGUMENT")"));
}

TEST(SimulatedBitstamp, AnswersForOneSymbolAMessage) {
    const auto stream = venue("bitstamp").open("", market);
    const auto subscribe = [&](std::string_view channel) {
        return join(stream->on_text(
            fmt::format(R"({{"event":"bts:subscribe","data":{{"channel":"{}"}}}})", channel)));
    };
    EXPECT_TRUE(holds(subscribe("live_trades_btcusd"),
                      R"("event":"bts:subscription_succeeded","channel":"live_trades_btcusd")"));
    EXPECT_TRUE(
        holds(subscribe("live_trades_nousd"), R"("event":"bts:error","channel":"live_trades_nousd")"));
    EXPECT_TRUE(holds(subscribe("live_trades_btceur"), R"("event":"bts:error")"));
    EXPECT_TRUE(holds(join(stream->on_text(R"({"event":"bts:heartbeat"})")), R"("status":"success")"));
    EXPECT_TRUE(holds(trade(*stream, "BTCUSDT"), R"("price":65000.5,"price_str":"65000.5")"));
    EXPECT_TRUE(holds(rest("bitstamp", "/ticker/", ""), R"("last":"65000.5")"));
    EXPECT_EQ(rest("bitstamp", "/ticker/btcusd/", ""), "no such path");
}

TEST(SimulatedBitfinex, NumbersItsChannelsAndTellsEachTradeTwice) {
    const auto stream = venue("bitfinex").open("", market);
    EXPECT_TRUE(holds(join(stream->on_open()), R"("platform":{"status":1})"));
    EXPECT_TRUE(holds(join(stream->on_text(R"({"event":"conf","flags":65536})")), R"("status":"OK")"));
    const auto subscribe = [&](std::string_view symbol) {
        return join(stream->on_text(
            fmt::format(R"({{"event":"subscribe","channel":"trades","symbol":"{}"}})", symbol)));
    };
    const std::string answer = subscribe("tBTCUSD");
    EXPECT_TRUE(holds(answer, R"("event":"subscribed","channel":"trades","chanId":17471,"symbol":"tBTCUSD")"))
        << answer;
    EXPECT_TRUE(holds(answer, "[17471,[[6,")) << "old trades come first: " << answer;
    EXPECT_TRUE(holds(answer, "-0.01,65000.5]],1]")) << answer;
    EXPECT_TRUE(holds(subscribe("tBTCUSD"), R"("code":10301)"));
    EXPECT_TRUE(holds(subscribe("tNO:USD"), R"("msg":"symbol: invalid","code":10300)"));
    EXPECT_TRUE(holds(subscribe("tSHIBUSD"), R"("code":10300)")) << "without its colon";
    EXPECT_TRUE(holds(subscribe("tETHUSD"), R"("event":"subscribed")"));
    const SimMarket dollars{.currency = "USD"};
    EXPECT_TRUE(holds(join(venue("bitfinex")
                               .open("", dollars)
                               ->on_text(R"({"event":"subscribe","channel":"trades","symbol":"tUSTUSD"})")),
                      R"("chanId":17471,"symbol":"tUSTUSD")"));
    const std::string told = trade(*stream, "BTCUSDT");
    EXPECT_TRUE(holds(told, R"([17471,"te",[7,)") && holds(told, R"([17471,"tu",[7,)")) << told;
    EXPECT_EQ(join(stream->tick(at(9s, 0s, 0s))), "");
    EXPECT_TRUE(holds(join(stream->tick(at(15s, 0s, 0s))), R"([17472,"hb",)"));
    EXPECT_TRUE(
        holds(join(stream->on_text(R"({"event":"unsubscribe","chanId":17471})")), R"("unsubscribed")"));
    EXPECT_FALSE(stream->wants("BTCUSDT"));
    const std::string all = rest("bitfinex", "/tickers", "symbols=tBTCUSD%2CtSHIB:USD%2CtNO:USD");
    EXPECT_TRUE(holds(all, R"([["tBTCUSD",65000.5,)") && holds(all, R"(["tSHIB:USD",0.00000092,)")) << all;
    EXPECT_FALSE(holds(all, "tNO")) << all;
}

TEST(SimulatedGemini, RefusesAWholeMessageForOneSymbol) {
    const auto stream = venue("gemini").open("", market);
    EXPECT_EQ(
        join(stream->on_text(R"({"id":"1","method":"subscribe","params":["btcusd@trade","nousd@trade"]})")),
        R"({"id":"1","status":400,"error":{"code":-1121,"msg":"Invalid symbol: nousd@trade"}})"
        "\n");
    EXPECT_FALSE(stream->is_subscribed());
    EXPECT_EQ(join(stream->on_text(R"({"id":"2","method":"subscribe","params":["btcusd@trade"]})")),
              "{\"id\":\"2\",\"status\":200,\"result\":null}\n");
    EXPECT_TRUE(holds(trade(*stream, "BTCUSDT"), R"("s":"btcusd","t":7,"p":"65000.500")"));
    EXPECT_TRUE(holds(rest("gemini", "/v1/pricefeed", ""), R"("pair":"BTCUSD","price":"65000.5")"));
}

TEST(SimulatedHtx, PingsAndDropsAClientThatDoesNotAnswer) {
    const auto stream = venue("htx").open("", market);
    const std::string answer = join(stream->on_text(R"({"sub":"market.btcusdt.trade.detail","id":"1"})"));
    EXPECT_TRUE(holds(answer, R"("status":"ok","subbed":"market.btcusdt.trade.detail")")) << answer;
    EXPECT_TRUE(holds(answer, R"("price":65000.5,)")) << "the last trade comes first: " << answer;
    EXPECT_TRUE(holds(join(stream->on_text(R"({"sub":"market.nousdt.trade.detail","id":"2"})")),
                      R"("status":"error","err-code":"bad-request")"));
    EXPECT_EQ(join(stream->tick(at(4s, 0s, 0s))), "");
    for (int i = 1; i <= 2; ++i) {
        EXPECT_TRUE(holds(join(stream->tick(at(std::chrono::seconds{5 * i}, 0s, 0s))), "{\"ping\":"));
        EXPECT_FALSE(stream->is_over(at(0s, 0s, 0s)));
    }
    stream->on_text("{\"pong\":1}");
    const std::string ping = join(stream->tick(at(15s, 0s, 0s)));
    EXPECT_TRUE(stream->is_over(at(0s, 0s, 0s))) << "another number is no answer";
    stream->on_text("{\"pong\":" + ping.substr(8));
    EXPECT_FALSE(stream->is_over(at(0s, 0s, 0s)));
    EXPECT_TRUE(holds(trade(*stream, "SHIBUSDT"), R"("price":9.2E-7,)"));
    EXPECT_TRUE(holds(rest("htx", "/market/trade", "symbol=btcusdt"), R"("price":65000.5,)"));
    EXPECT_TRUE(holds(rest("htx", "/market/trade", "symbol=nousdt"), "invalid symbol"));
    EXPECT_TRUE(
        holds(rest("htx", "/market/tickers", ""), R"("symbol":"shibusdt","open":1.0,"close":9.2E-7)"));
}

TEST(SimulatedGateio, RefusesAMessageForOneBadPair) {
    const auto stream = venue("gateio").open("", market);
    EXPECT_EQ(
        join(stream->on_text(
            R"({"time":1,"id":1,"channel":"spot.trades","event":"subscribe","payload":["BTC_USDT","BNB_USDT"]})")),
        R"({"time":1,"id":1,"channel":"spot.trades","event":"subscribe","error":{"code":2,"message":"unknown currency pair: BNB_USDT"},"result":null})"
        "\n");
    EXPECT_FALSE(stream->is_subscribed());
    EXPECT_TRUE(holds(
        join(stream->on_text(
            R"({"time":1,"id":2,"channel":"spot.trades","event":"subscribe","payload":["BTC_USDT","SHIB_USDT"]})")),
        R"("id":2,"channel":"spot.trades","event":"subscribe","error":null,"result":{"status":"success"})"));
    EXPECT_TRUE(stream->wants("SHIBUSDT"));
    EXPECT_TRUE(
        holds(trade(*stream, "BTCUSDT"), R"("currency_pair":"BTC_USDT","amount":"0.01","price":"65000.5")"));
    EXPECT_TRUE(
        holds(join(stream->on_text(R"({"time":1,"channel":"spot.ping"})")), R"("channel":"spot.pong")"));
    EXPECT_FALSE(stream->is_over(at(60s, 59s, 30s)));
    EXPECT_TRUE(stream->is_over(at(60s, 59s, 20s))) << "it wants a ping every 30 s";
    EXPECT_TRUE(holds(rest("gateio", "/spot/tickers", "currency_pair=BTC_USDT"), R"("last":"65000.5")"));
    EXPECT_TRUE(holds(rest("gateio", "/spot/tickers", "currency_pair=NO_USDT"), "INVALID_CURRENCY_PAIR"));
    EXPECT_TRUE(holds(rest("gateio", "/spot/tickers", ""), R"("currency_pair":"SHIB_USDT")"));
}

TEST(SimulatedCryptoCom, SendsThePastFirstAndDropsAClientThatDoesNotAnswerAHeartbeat) {
    const auto stream = venue("crypto_com").open("", market);
    const auto subscribe = [&](std::string_view channels) {
        return join(stream->on_text(R"({"id":1,"method":"subscribe","params":{"channels":[)" +
                                    std::string(channels) + R"(]},"nonce":1})"));
    };
    EXPECT_TRUE(holds(subscribe(R"("trade.BTC_USD")"), R"("code":42901)")) << "it was opened a moment ago";
    EXPECT_EQ(join(stream->tick(at(2s, 0s, 0s))), "");
    EXPECT_EQ(subscribe(R"("trade.BTC_USD","trade.BNB_USD")"),
              R"({"id":1,"method":"subscribe","code":40003,"message":"Unknown symbol BNB_USD"})"
              "\n");
    EXPECT_FALSE(stream->is_subscribed());
    const std::string answer = subscribe(R"("trade.BTC_USD")");
    EXPECT_TRUE(answer.starts_with(R"({"id":1,"method":"subscribe","code":0})"
                                   "\n"))
        << answer;
    EXPECT_TRUE(holds(answer, R"("p":"65000.5")")) << "trades from before: " << answer;
    EXPECT_TRUE(holds(trade(*stream, "BTCUSDT"), R"("p":"65000.5","q":"0.01","s":"BUY","i":"BTC_USD")"));
    const std::string beat = join(stream->tick(at(32s, 0s, 0s)));
    EXPECT_TRUE(holds(beat, R"("method":"public/heartbeat","code":0)")) << beat;
    EXPECT_FALSE(stream->is_over(at(36s, 0s, 0s)));
    EXPECT_TRUE(stream->is_over(at(38s, 0s, 0s)));
    stream->on_text(R"({"id":7,"method":"public/respond-heartbeat"})");
    EXPECT_TRUE(stream->is_over(at(38s, 0s, 0s))) << "another number is no answer";
    stream->on_text(beat.substr(0, beat.find(',')) + R"(,"method":"public/respond-heartbeat"})");
    EXPECT_FALSE(stream->is_over(at(38s, 0s, 0s)));
    EXPECT_TRUE(holds(rest("crypto_com", "/get-tickers", "instrument_name=BTC_USD"), R"("a":"65000.5")"));
    EXPECT_TRUE(holds(rest("crypto_com", "/get-tickers", "instrument_name=NO_USD"), R"("code":40004)"));
    EXPECT_TRUE(holds(rest("crypto_com", "/get-tickers", ""), R"("i":"SHIB_USD")"));
}

TEST(SimulatedMexc, RefusesUnderTheCodeOfASuccessAndSendsProtobuf) {
    const auto stream = venue("mexc").open("", market);
    const std::string channel = "spot@public.aggre.deals.v3.api.pb@100ms@";
    EXPECT_EQ(join(stream->on_text(R"({"method":"SUBSCRIPTION","params":[")" + channel + R"(BTCUSDT",")" +
                                   channel + R"(BNBUSDT"]})")),
              R"({"id":0,"code":0,"msg":")" + channel + R"(BTCUSDT"})" +
                  "\n"
                  R"({"id":0,"code":0,"msg":"Not Subscribed successfully! [)" +
                  channel + R"(BNBUSDT]. Reason: Blocked! "})" + "\n");
    EXPECT_EQ(
        join(stream->on_text(R"({"method":"SUBSCRIPTION","params":["spot@public.deals.v3.api@BTCUSDT"]})"))
            .substr(0, 40),
        R"({"id":0,"code":0,"msg":"Not Subscribed s)");
    EXPECT_EQ(trade(*stream, "BTCUSDT").substr(0, 2), "\x0a\x2f") << "field 1, 47 bytes";
    EXPECT_EQ(join(stream->on_text(R"({"method":"PING"})")), "{\"id\":0,\"code\":0,\"msg\":\"PONG\"}\n");
    EXPECT_FALSE(stream->is_over(at(90s, 89s, 30s)));
    EXPECT_TRUE(stream->is_over(at(90s, 89s, 29s)));
    EXPECT_TRUE(venue("mexc").open("", market)->is_over(at(31s, 0s, 30s))) << "nothing is subscribed";
    EXPECT_TRUE(holds(rest("mexc", "/api/v3/ticker/24hr", "symbol=BTCUSDT"), R"("lastPrice":"65000.5")"));
    EXPECT_TRUE(holds(rest("mexc", "/api/v3/ticker/24hr", "symbol=NOUSDT"), R"("code":-1121)"));
    EXPECT_TRUE(holds(rest("mexc", "/api/v3/ticker/24hr", ""), R"("symbol":"SHIBUSDT")"));
}

TEST(SimulatedKucoin, HandsOutATokenAndWantsItBack) {
    const SimVenue& kucoin = venue("kucoin");
    const auto answer = kucoin.rest({"/api/v1/bullet-public", "", market, {}, "POST", "", "127.0.0.1:9100"});
    ASSERT_TRUE(answer);
    EXPECT_TRUE(holds(answer->body, R"("endpoint":"ws://127.0.0.1:9100/kucoin/ws")")) << answer->body;
    EXPECT_EQ(rest("kucoin", "/api/v1/bullet-public", ""), "no such path") << "not by GET";
    const std::size_t begin = answer->body.find("\"token\":\"") + 9;
    const std::string token = answer->body.substr(begin, answer->body.find('"', begin) - begin);
    const auto refused = kucoin.open("token=old&connectId=1", market);
    EXPECT_TRUE(holds(join(refused->on_open()), "token is expired"));
    EXPECT_TRUE(refused->is_over({}));
    const auto stream = kucoin.open("token=" + token + "&connectId=1", market);
    EXPECT_TRUE(holds(join(stream->on_open()), R"("type":"welcome")"));
    const auto subscribe = [&](std::string_view symbols) {
        return join(stream->on_text(fmt::format(
            R"({{"id":"1","type":"subscribe","topic":"/market/match:{}","response":true}})", symbols)));
    };
    EXPECT_EQ(subscribe("BTC-USDT,BNB-USDT"),
              R"({"id":"1","type":"error","code":404,"data":"topic /market/match:BNB-USDT is not found"})"
              "\n");
    EXPECT_FALSE(stream->is_subscribed());
    EXPECT_EQ(subscribe("BTC-USDT,SHIB-USDT"), "{\"id\":\"1\",\"type\":\"ack\"}\n");
    EXPECT_TRUE(holds(trade(*stream, "BTCUSDT"), R"("price":"65000.5")"));
    EXPECT_EQ(join(stream->on_text(R"({"id":"7","type":"ping"})")), "{\"id\":\"7\",\"type\":\"pong\"}\n");
    EXPECT_FALSE(stream->is_over(at(40s, 39s, 12s)));
    EXPECT_TRUE(stream->is_over(at(40s, 39s, 11s)));
    EXPECT_TRUE(
        holds(rest("kucoin", "/api/v1/market/orderbook/level1", "symbol=BTC-USDT"), R"("price":"65000.5")"));
    EXPECT_TRUE(holds(rest("kucoin", "/api/v1/market/orderbook/level1", "symbol=NO-USDT"), R"("data":null)"));
    EXPECT_TRUE(holds(rest("kucoin", "/api/v1/market/allTickers", ""), R"("symbol":"SHIB-USDT")"));
}

TEST(SimulatedCoinPaprika, HasTickersOfOneCoinAndOfAll) {
    EXPECT_TRUE(holds(rest("coinpaprika", "/tickers/btc-bitcoin", "quotes=USD"),
                      R"("quotes":{"USD":{"price":65000.5,)"));
    EXPECT_EQ(rest("coinpaprika", "/tickers/no-coin", "quotes=USD"), R"({"error":"id not found"})");
    EXPECT_TRUE(rest("coinpaprika", "/tickers", "quotes=USD").starts_with(R"([{"id":"btc-bitcoin")"));
    EXPECT_EQ(rest("coinpaprika", "/exchanges", ""), "no such path");
}

TEST(SimulatedVenues, AnswerMessagesThatAreNotObjects) {
    for (const SimVenue* venue : sim_venues()) {
        if (venue->open == nullptr) continue;
        const auto stream = venue->open("", market);
        for (const char* text : {"", "x", "[1]", "7", "{}", R"({"op":"subscribe","args":[7]})"})
            EXPECT_EQ(stream->on_text(text).size(), 1u) << venue->name << ": " << text;
        EXPECT_FALSE(stream->is_subscribed()) << venue->name;
    }
}

TEST(SimulatedVenues, TellTheSettingsThatPointSourcesAtThem) {
    const std::string settings = source_settings(sim_venues(), "127.0.0.1:9100");
    EXPECT_TRUE(holds(settings,
                      "PRICEWIRE_SOURCES_BINANCE_WS_URL=ws://127.0.0.1:9100/stream\n"
                      "PRICEWIRE_SOURCES_BINANCE_REST_URL=http://127.0.0.1:9100\n"))
        << settings;
    EXPECT_TRUE(holds(settings, "PRICEWIRE_SOURCES_COINGECKO_REST_URL=http://127.0.0.1:9100/api/v3\n"))
        << settings;
    EXPECT_FALSE(holds(settings, "COINGECKO_WS_URL")) << settings;
}

}  // namespace
}  // namespace pricewire::sim
