#include "feed/bitfinex/bitfinex.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "feed/show.hpp"

namespace pricewire::feed::bitfinex_tests {
namespace {

using namespace std::chrono_literals;

const Timestamp now{1'618'677'545s};

std::unique_ptr<Venue> bitfinex() {
    return bitfinex_type.create({{"BTC", "tBTCUSD"}, {"DOGE", "tDOGE:USD"}},
                                {"wss://bitfinex/ws/2", "https://bitfinex/v2"});
}

constexpr const char* subscribed =
    R"({"event":"subscribed","channel":"trades","chanId":17470,"symbol":"tBTCUSD","pair":"BTCUSD"})";
constexpr const char* trade = R"([17470,"te",[401597395,1618677544039,-0.005,62000.10],7])";
constexpr const char* shown_trade = "BTC=62000.1USD#401597395@2021-04-17T16:39:04.039Z";

// A connection that has subscribed BTC.
struct Subscribed {
    std::unique_ptr<Venue> venue = bitfinex();
    ShownStream stream{*venue, now};
    Subscribed() { EXPECT_EQ(stream(subscribed), "acknowledged tBTCUSD"); }
};

std::string with(std::string_view from, std::string_view to) {
    return Subscribed().stream(replaced(trade, from, to));
}

TEST(Bitfinex, AddressesAndMessages) {
    const auto venue = bitfinex();
    EXPECT_EQ(venue->stream_url(), "wss://bitfinex/ws/2");
    EXPECT_EQ(venue->opening_message(), R"({"event":"conf","flags":65536})");
    EXPECT_EQ(venue->subscribe_message(std::vector<std::size_t>{1}, {2, now}),
              R"({"event":"subscribe","channel":"trades","symbol":"tDOGE:USD"})");
    EXPECT_EQ(venue->unsubscribe_message(std::vector<std::size_t>{1}, {3, now, 17470}),
              R"({"event":"unsubscribe","chanId":17470})");
    EXPECT_EQ(venue->unsubscribe_message(std::vector<std::size_t>{1}, {3, now, {}}), "")
        << "it has no channel";
    EXPECT_EQ(venue->rest_url(std::vector<std::size_t>{0, 1}),
              "https://bitfinex/v2/tickers?symbols=tBTCUSD%2CtDOGE:USD");
    for (const auto& [ticker, symbol] : {std::pair{"BTC", "tBTCUSD"},
                                         {"DOGE", "tDOGE:USD"},
                                         {"OP", "tOP:USD"},
                                         {"USDT", "tUSTUSD"},
                                         {"USDC", "tUDCUSD"},
                                         {"ATOM", "tATOUSD"}}) {
        EXPECT_EQ(bitfinex_type.symbol_of(ticker), symbol);
        EXPECT_TRUE(bitfinex_type.is_symbol(symbol)) << symbol;
        EXPECT_EQ(bitfinex_type.currency_of(symbol), "USD") << symbol;
    }
    EXPECT_EQ(bitfinex_type.symbol_of("USD"), std::nullopt);
    for (const char* bad :
         {"", "BTCUSD", "tBTC", "tbtcusd", "fUSD", "tDOGEUSD", "tBTCF0:USTF0", "tA:B:C", "tBTC:"})
        EXPECT_FALSE(bitfinex_type.is_symbol(bad)) << bad;
    EXPECT_EQ(bitfinex_type.currency_of("tBTCUST"), "USDT");
    EXPECT_EQ(bitfinex_type.currency_of("tDOGE:UST"), "USDT");
    EXPECT_EQ(bitfinex_type.currency_of("tTESTBTC:TESTUSD"), "TESTUSD");
}

TEST(Bitfinex, EachTradeComesTwice) {
    Subscribed c;
    EXPECT_EQ(c.stream(trade), shown_trade);
    EXPECT_EQ(c.stream(R"([17470,"tu",[401597395,1618677544039,-0.005,62000.10],8])"), "");
    EXPECT_EQ(c.stream(R"([17470,"tu",[401597396,1618677544039,-0.005,62000.10],9])"), "")
        << "only the first telling counts";
    EXPECT_TRUE(c.stream.refuses_every_part_of(trade));
    EXPECT_TRUE(c.stream(std::string(trade) + "x").starts_with("not_json: "));
    EXPECT_EQ(with(",7]", "]"), shown_trade) << "without the number of the frame";
    EXPECT_EQ(with("62000.10", "\"62000.10\""), shown_trade);
    EXPECT_EQ(with("62000.10", "6.20001E+4"), shown_trade);
    EXPECT_EQ(with(",7]", ",7,1618677544100]"), shown_trade) << "whatever stands behind it";
    EXPECT_EQ(with("62000.10]", "62000.10,null,[1]]"), shown_trade);
    EXPECT_EQ(with(",7]", ",[401597396,1618677544039,1,62001],7]"), shown_trade);
    EXPECT_EQ(with("62000.10", "9.2E-7"), "BTC=0.00000092USD#401597395@2021-04-17T16:39:04.039Z");
    EXPECT_EQ(with("62000.10", "0.12345678901234567"),
              "BTC=0.12345678901234567USD#401597395@2021-04-17T16:39:04.039Z");
}

TEST(Bitfinex, ASnapshotIsOfThePast) {
    Subscribed c;
    EXPECT_EQ(
        c.stream(R"([17470,[[401597395,1618677544039,0.005,62000],[401597394,1618677543039,-1,61999.5]],1])"),
        "old BTC=61999.5USD#401597394@2021-04-17T16:39:03.039Z "
        "old BTC=62000USD#401597395@2021-04-17T16:39:04.039Z");
    EXPECT_EQ(c.stream(trade), "lost frames") << "it was in the snapshot";
    EXPECT_EQ(c.stream("[17470,[],8]"), "");
}

TEST(Bitfinex, AChannelIsANumber) {
    const auto venue = bitfinex();
    ShownStream stream(*venue, now);
    EXPECT_EQ(stream(trade), "bad_quote: trades of 'channel 17470', which were not requested");
    EXPECT_EQ(stream(replaced(subscribed, "tBTCUSD", "tBTCUST")), "");
    EXPECT_EQ(stream(trade), "") << "of another symbol";
    EXPECT_EQ(stream(replaced(subscribed, "trades", "ticker")), "");
    EXPECT_EQ(stream("[17470,[62000,1,62001,2,0.1,0.2,62000,5,6,7],9]"), "lost frames");
    EXPECT_EQ(stream(subscribed), "acknowledged tBTCUSD");
    EXPECT_EQ(stream(trade).substr(0, 4), "BTC=");
    EXPECT_EQ(stream(replaced(subscribed, "17470", "17471")), "acknowledged tBTCUSD") << "subscribed again";
    EXPECT_TRUE(stream(trade).starts_with("bad_quote: ")) << "the old number is no more";
    EXPECT_EQ(stream(R"({"event":"unsubscribed","status":"OK","chanId":17471})"), "");
    EXPECT_EQ(stream(R"({"event":"error","msg":"unsubscribe: invalid","code":10400,"chanId":17471})"), "");
    EXPECT_TRUE(stream(replaced(trade, "17470", "17471")).starts_with("bad_quote: "));
    EXPECT_EQ(ShownStream(*venue, now)(trade).substr(0, 9), "bad_quote") << "another connection";
}

TEST(Bitfinex, AnUnusableTradeIsRefused) {
    for (const char* bad : {"0", "-1", "1e400", "null", "\"x\"", "[1]"})
        EXPECT_TRUE(with("62000.10", bad).starts_with("1 refused: '")) << with("62000.10", bad);
    EXPECT_EQ(with(",62000.10", ""), "1 refused: '' at '1618677544039' is not a valid price of tBTCUSD");
    for (const char* bad : {"1618677544", "0", "null", "x1"})
        EXPECT_EQ(with("1618677544039", bad).find("BTC="), std::string::npos) << bad;
    for (const char* bad : {"[]", "[[]]", "[17470]", "[17470,7]", "[\"x\",\"te\",[1,2,3,4]]",
                            "[17470,[1,2,3]]", "[17470,{}]", "7", "[17470,\"te\",7]"}) {
        const std::string shown = Subscribed().stream(bad);
        EXPECT_EQ(shown.find("BTC="), std::string::npos) << bad << " gave " << shown;
    }
}

TEST(Bitfinex, Events) {
    Subscribed c;
    auto& stream = c.stream;
    EXPECT_EQ(stream(R"({"event":"info","version":2,"serverId":"a","platform":{"status":1}})"), "alive");
    EXPECT_EQ(stream(R"({"event":"info","version":2,"platform":{"status":0}})"),
              "maintenance: its platform is closed");
    EXPECT_EQ(stream(R"({"event":"info","code":20060,"msg":"Entering maintenance"})"),
              "maintenance: its notice 20060");
    EXPECT_EQ(stream(R"({"event":"info","code":20051,"msg":"Stopping"})"), "server leaves");
    EXPECT_EQ(stream(R"({"event":"info","code":20061,"msg":"Maintenance ended"})"),
              R"(reply {"event":"unsubscribe","chanId":17470}; resubscribe)");
    EXPECT_EQ(stream(R"({"event":"conf","status":"OK","flags":65536})"), "");
    EXPECT_EQ(stream(R"({"event":"pong","ts":1,"cid":1})"), "alive");
    EXPECT_EQ(stream(R"([17470,"hb",1])"), "alive");
    EXPECT_EQ(stream(R"([17470,"hb",3])"), "lost frames; alive");
    EXPECT_EQ(stream(R"([17470,"hb",1])"), "alive") << "it counts from anew";
    EXPECT_EQ(stream(R"([17470,"cs",-1234567,2])"), "");
    const auto error = [&](std::string_view rest) {
        return stream(fmt::format(R"({{"event":"error",{}}})", rest));
    };
    EXPECT_EQ(error(R"("msg":"symbol: invalid","code":10300,"channel":"trades","symbol":"tDOGE:USD")"),
              "refused tDOGE:USD: Bitfinex's error 10300: symbol: invalid");
    EXPECT_EQ(error(R"("msg":"subscribe: dup","code":10301,"channel":"trades","symbol":"tBTCUSD")"),
              "acknowledged tBTCUSD");
    EXPECT_EQ(error(R"("msg":"subscribe: limit","code":10305,"channel":"trades","symbol":"tDOGE:USD")"),
              "refused tDOGE:USD: Bitfinex's error 10305: subscribe: limit");
    EXPECT_EQ(error(R"("msg":"subscribe: invalid","code":10300)"),
              "refused the oldest message: Bitfinex's error 10300: subscribe: invalid");
    EXPECT_EQ(error(R"("msg":"ratelimit: error","code":11010)"),
              "rate limited: Bitfinex's error 11010: ratelimit: error");
    EXPECT_EQ(error(R"("msg":"unknown error","code":10000)"),
              "venue_error: Bitfinex's error 10000: unknown error");
    EXPECT_EQ(stream("{}"), "wrong_shape: a frame of an unknown shape");
    EXPECT_EQ(stream(R"({"event":"subscribed","channel":"trades"})"),
              "wrong_shape: a frame of an unknown shape");
    EXPECT_EQ(stream("<html>"), "not_json: a frame that is not JSON");
}

TEST(Bitfinex, RestAnswers) {
    const auto venue = bitfinex();
    const auto answer = [&](std::string_view body) { return show_answer(*venue, body, now); };
    const std::string good =
        R"([["tBTCUSD",10645,73.9,10647,75.2,731.6,0.0738,10644.00645389,14480.8,10766,9889.1]])";
    EXPECT_EQ(answer(good), "BTC=10644.00645389USD@2021-04-17T16:39:05Z");
    EXPECT_TRUE(refuses_every_part_of_answer(*venue, good, now));
    EXPECT_EQ(answer(good), "old BTC=10644.00645389USD@2021-04-17T16:39:05Z") << "nothing of it has changed";
    EXPECT_EQ(answer(replaced(good, "731.6", "731.7")), "old BTC=10644.00645389USD@2021-04-17T16:39:05Z")
        << "the change of a day moves by itself";
    EXPECT_EQ(answer(replaced(good, "75.2", "75.3")), "BTC=10644.00645389USD@2021-04-17T16:39:05Z");
    EXPECT_EQ(answer(replaced(replaced(good, "75.2", "75.4"), "10644.00645389", "\"10644.10\"")),
              "BTC=10644.1USD@2021-04-17T16:39:05Z");
    EXPECT_EQ(answer("[]"), "") << "what it does not know is left out";
    EXPECT_EQ(answer(replaced(good, "10644.00645389", "null")),
              "1 refused: 'null' as the price of 'tBTCUSD'");
    EXPECT_EQ(answer(replaced(good, "tBTCUSD", "tBTCUST")),
              "1 refused: '10644.00645389' as the price of 'tBTCUST'");
    EXPECT_EQ(answer(R"([["tBTCUSD",1]])"), "1 refused: '' as the price of 'tBTCUSD'");
    EXPECT_EQ(answer(R"(["error",11010,"ratelimit: error"])"),
              "rate_limited: Bitfinex's error 11010: ratelimit: error");
    EXPECT_EQ(answer(R"(["error",10020,"symbols: invalid"])"),
              "unknown_symbol: Bitfinex's error 10020: symbols: invalid");
    EXPECT_EQ(answer(R"(["error",20060,"maintenance"])"), "venue_error: Bitfinex's error 20060: maintenance");
    EXPECT_TRUE(answer("{}").starts_with("wrong_shape: "));
    EXPECT_TRUE(answer("[7]").starts_with("wrong_shape: "));
    EXPECT_TRUE(answer("[{}]").starts_with("wrong_shape: "));
    EXPECT_TRUE(answer("<html>").starts_with("not_json: "));
}

TEST(Bitfinex, Recorded) {
    const auto path = recordings();
    if (!path) GTEST_SKIP() << "no recordings: set PRICEWIRE_RECORDINGS";
    const auto venue = bitfinex_type.create({{"BFT", "tBFTUSD"}, {"IOT", "tIOTETH"}}, {"wss://bitfinex", ""});
    ShownStream stream(*venue, Timestamp{1'618'677'544s});
    int old = 0;
    int live = 0;
    for (const std::string& frame : venue_frames(*path / "venues" / "bitfinex.jsonl.gz")) {
        const std::string shown = stream(frame);
        EXPECT_EQ(shown.find(": "), shown.find("alive: ")) << frame.substr(0, 100) << " gave " << shown;
        for (std::size_t at = 0; (at = shown.find("BFT=", at)) != std::string::npos; ++at)
            ++(at >= 4 && shown.substr(at - 4, 4) == "old " ? old : live);
    }
    EXPECT_EQ(old, 30);
    EXPECT_EQ(live, 0);
}

}  // namespace
}  // namespace pricewire::feed::bitfinex_tests
