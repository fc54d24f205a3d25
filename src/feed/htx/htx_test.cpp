#include "feed/htx/htx.hpp"

#include <gtest/gtest.h>

#include "feed/detail/inflate.hpp"
#include "feed/session_play.hpp"
#include "feed/show.hpp"
#include "sim/protocol.hpp"

namespace pricewire::feed::htx_tests {
namespace {

using namespace std::chrono_literals;
using sim::gzipped;

const Timestamp now{1'618'678'071s};

std::unique_ptr<Venue> htx() {
    return htx_type.create({{"BTC", "btcusdt"}, {"TRIO", "trioeth"}}, {"wss://htx/ws", "https://htx"});
}

constexpr const char* trade =
    R"({"ch":"market.btcusdt.trade.detail","ts":1618678070942,"tick":{"id":100182534526,"ts":1618678070940,"data":)"
    R"([{"id":100182534526255757567432481,"ts":1618678070940,"tradeId":100045088885,"amount":0.5,"price":56000.10,)"
    R"("direction":"buy"}]}})";

std::string with(std::string_view from, std::string_view to) {
    return replaced(trade, from, to);
}

TEST(Htx, AddressesAndMessages) {
    const auto venue = htx();
    EXPECT_EQ(venue->stream_url(), "wss://htx/ws");
    EXPECT_EQ(venue->subscribe_message(std::vector<std::size_t>{1}, {1, now}),
              R"({"sub":"market.trioeth.trade.detail","id":"2"})");
    EXPECT_EQ(venue->unsubscribe_message(std::vector<std::size_t>{1}, {1, now, {}}),
              R"({"unsub":"market.trioeth.trade.detail","id":"unsub"})");
    EXPECT_EQ(venue->rest_url(std::vector<std::size_t>{0}), "https://htx/market/trade?symbol=btcusdt");
    EXPECT_EQ(venue->rest_url(std::vector<std::size_t>{0, 1}), "https://htx/market/tickers");
    EXPECT_EQ(htx_type.symbol_of("DOGE"), "dogeusdt");
    EXPECT_EQ(htx_type.symbol_of("USDT"), std::nullopt) << "it has no dollar market";
    for (const char* bad : {"", "BTCUSDT", "btc-usdt", "a.b", "a\"b"})
        EXPECT_FALSE(htx_type.is_symbol(bad)) << bad;
}

TEST(Htx, TradesWithExponentsAndIdsThatFitNoInteger) {
    const auto venue = htx();
    ShownStream stream(*venue, now);
    EXPECT_EQ(stream(trade), "BTC=56000.1USDT#100045088885@2021-04-17T16:47:50.94Z");
    EXPECT_TRUE(stream.refuses_every_part_of(trade));
    EXPECT_EQ(stream(trade), "") << "a trade that has come before";
    const auto another = [&](std::string_view from, std::string_view to) {
        ShownStream other(*venue, now);
        return other(with(from, to));
    };
    EXPECT_EQ(another("56000.10", "9.2E-7"), "BTC=0.00000092USDT#100045088885@2021-04-17T16:47:50.94Z");
    EXPECT_EQ(another("56000.10", R"("56000.10")"), "BTC=56000.1USDT#100045088885@2021-04-17T16:47:50.94Z");
    EXPECT_EQ(another("100182534526255757567432481", "1.37e+26"),
              "BTC=56000.1USDT#100045088885@2021-04-17T16:47:50.94Z");
    EXPECT_EQ(stream(with("market.btcusdt", "market.ethusdt")),
              "bad_quote: trades of 'market.ethusdt.trade.detail', which were not requested");
    ShownStream without_ids(*venue, now);
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(without_ids(with("100045088885", "null")), "BTC=56000.1USDT@2021-04-17T16:47:50.94Z")
            << "two trades without an id are not the same";
        EXPECT_EQ(without_ids(with("100045088885", "27100045088885270000452760")),
                  i == 0 ? "BTC=56000.1USDT@2021-04-17T16:47:50.94Z" : "")
            << "an id of any length";
    }
    EXPECT_EQ(stream(with(R"("tick":)", R"("tick":{"data":[]},"tick":)")),
              "wrong_shape: a frame with a duplicate field");
    for (const char* bad : {"0", "-1", "1E400", "\"x\"", "null"}) {
        const std::string shown = stream(with("56000.10", bad));
        EXPECT_TRUE(shown.starts_with("1 refused: ")) << shown;
    }
    EXPECT_EQ(
        stream(R"({"ch":"market.btcusdt.trade.detail","ts":1618678070942,"tick":{"data":[)"
               R"({"ts":1618678070940,"tradeId":8,"price":8},{"ts":1618678070940,"tradeId":7,"price":7}]}})"),
        "BTC=7USDT#7@2021-04-17T16:47:50.94Z BTC=8USDT#8@2021-04-17T16:47:50.94Z")
        << "the newest is sent first";
}

TEST(Htx, AnAgeIsTakenByTheVenuesOwnClock) {
    const auto venue = htx();
    ShownStream stream(*venue, now + 4min);  // ours is wrong
    EXPECT_EQ(stream(R"({"id":"1","status":"ok","subbed":"market.btcusdt.trade.detail","ts":1618678110940})"),
              "acknowledged btcusdt");
    EXPECT_EQ(stream(trade).substr(0, 7), "old BTC") << "40 s before the acknowledgement";
    const std::string young = R"("ts":1618678110900,"tradeId":10)";
    EXPECT_EQ(stream(with(R"("ts":1618678070940,"tradeId":10)", young + "1")).substr(0, 4), "BTC=");
    ShownStream later(*venue, now + 1h);
    EXPECT_EQ(later(trade).substr(0, 7), "old BTC") << "a recording is of the past by any clock";
}

TEST(Htx, Events) {
    const auto venue = htx();
    ShownStream stream(*venue, now);
    EXPECT_EQ(stream(R"({"ping":1618678073643})"), R"(alive; reply {"pong":1618678073643})");
    EXPECT_EQ(stream(R"({"id":1,"status":"ok","subbed":"market.trioeth.trade.detail","ts":1618678070657})"),
              "acknowledged trioeth");
    EXPECT_EQ(
        stream(
            R"({"status":"error","err-code":"bad-request","err-msg":"invalid symbol trioeth","id":"2","ts":1618678070657})"),
        "refused trioeth: HTX's error bad-request: invalid symbol trioeth");
    EXPECT_EQ(
        stream(
            R"({"status":"error","err-code":"bad-request","err-msg":"invalid topic market.trioeth.trade.detail"})"),
        "refused trioeth: HTX's error bad-request: invalid topic market.trioeth.trade.detail")
        << "without the id of the message";
    EXPECT_EQ(stream(R"({"status":"error","err-code":"bad-request","err-msg":"request timeout","ts":1})"),
              "venue_error: HTX's error bad-request: request timeout");
    EXPECT_EQ(stream(R"({"status":"error","err-code":"limit","err-msg":"too many","id":"2","ts":1})"),
              "rate limited: HTX's error limit: too many");
    EXPECT_EQ(stream(R"({"ch":"market.btcusdt.depth.step0","ts":1,"tick":{"bids":[[1,2]]}})"), "");
    EXPECT_EQ(stream(R"({"ping":"x"})"), "wrong_shape: a ping without a number");
    EXPECT_EQ(stream("{}"), "wrong_shape: a frame of an unknown shape");
}

TEST(Htx, RestAnswers) {
    const auto venue = htx();
    const auto answer = [&](std::string_view body) { return show_answer(*venue, body, now); };
    const std::string_view all =
        R"({"status":"ok","ts":1618678070940,"data":[{"symbol":"abcusdt","close":1},)"
        R"({"symbol":"trioeth","open":1,"close":9.2E-7,"amount":6.03E8},{"symbol":"btcusdt","close":56000.5}]})";
    EXPECT_EQ(answer(all), "TRIO=0.00000092ETH@2021-04-17T16:47:51Z BTC=56000.5USDT@2021-04-17T16:47:51Z");
    EXPECT_EQ(answer(all),
              "old TRIO=0.00000092ETH@2021-04-17T16:47:51Z old BTC=56000.5USDT@2021-04-17T16:47:51Z")
        << "neither price nor book has moved";
    EXPECT_EQ(answer(replaced(std::string(all), R"("close":56000.5)", R"("close":56000.5,"bid":56000.4)")),
              "old TRIO=0.00000092ETH@2021-04-17T16:47:51Z BTC=56000.5USDT@2021-04-17T16:47:51Z");
    EXPECT_TRUE(refuses_every_part_of_answer(*venue, all, now));
    EXPECT_EQ(
        answer(R"({"ch":"market.btcusdt.trade.detail","status":"ok","ts":1618678071000,"tick":{"id":1,)"
               R"("ts":1618678070940,"data":[{"id":1.361078430513484e+26,"ts":1618678070940,"trade-id":9,)"
               R"("price":49806},{"id":1.36e+26,"ts":1618678070939,"trade-id":8,"price":49805}]}})"),
        "BTC=49806USDT@2021-04-17T16:47:50.94Z")
        << "the newest alone";
    EXPECT_EQ(answer(R"({"status":"error","err-code":"invalid-parameter","err-msg":"invalid symbol"})"),
              "unknown_symbol: HTX's error invalid-parameter: invalid symbol");
    EXPECT_EQ(answer(R"({"status":"error","err-code":"api-rate-limit","err-msg":"slow down"})"),
              "rate_limited: HTX's error api-rate-limit: slow down");
    EXPECT_EQ(answer(R"({"status":"error","err-code":"system","err-msg":"maintenance"})"),
              "venue_error: HTX's error system: maintenance");
    EXPECT_TRUE(answer(R"([{"unexpected":1}])").starts_with("wrong_shape: "));
}

TEST(Htx, RecordedFrames) {
    const auto path = recordings();
    if (!path) GTEST_SKIP() << "no recordings: set PRICEWIRE_RECORDINGS";
    const auto venue = htx();
    ShownStream stream(*venue, now);
    detail::Inflater inflater;
    std::string all;
    for (const std::string& frame : venue_frames(*path / "venues" / "htx.jsonl.gz")) {
        const auto text = inflater.inflate(frame);
        ASSERT_TRUE(text);
        const std::string shown = stream(*text);
        const bool is_other =
            text->find("depth") != std::string::npos || shown.starts_with("bad_quote: trades of");
        if (!is_other) all += shown + "\n";
    }
    EXPECT_NE(all.find("acknowledged trioeth\nold TRIO=0.00000092ETH#100045088885@2021-04-17T16:47:07.94Z\n"),
              std::string::npos)
        << all;
    EXPECT_NE(all.find("alive; reply {\"pong\":1618678073643}\n"), std::string::npos) << all;
}

TEST(Htx, ThroughASession) {
    Play p(htx());
    p.start();
    p.opened(1);
    p.wait(1s);
    p.binary(
        1, gzipped(R"({"id":"1","status":"ok","subbed":"market.btcusdt.trade.detail","ts":1618678070657})"));
    p.binary(
        1,
        gzipped(
            R"({"status":"error","err-code":"bad-request","err-msg":"invalid symbol","id":"2","ts":1618678070658})"));
    p.binary(1, gzipped(R"({"ping":1618678073643})"));
    p.binary(1, gzipped(with(R"("ts":1618678070940,"tradeId")", R"("ts":1700000000940,"tradeId")")));
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://htx/ws
0.0 connecting
0.0 send 1 {"sub":"market.btcusdt.trade.detail","id":"1"}
0.1 send 1 {"sub":"market.trioeth.trade.detail","id":"2"}
1.0 warn: htx refuses to stream TRIO (trioeth), so REST is polled for it; if it has another name there, set it in market.symbols | HTX's error bad-request: invalid symbol
1.0 GET /market/trade?symbol=trioeth
1.0 connecting (its stream refuses TRIO (trioeth))
1.0 send 1 {"pong":1618678073643}
1.0 quote BTC 56000.1
1.0 streaming (its stream refuses TRIO (trioeth))
1.0 info: htx streams trades of BTC
)");
}

TEST(Htx, Samples) {
    const auto path = recordings();
    if (!path) GTEST_SKIP() << "no recordings: set PRICEWIRE_RECORDINGS";
    const auto samples = *path / "venues/samples";
    const auto venue = htx();
    ShownStream stream(*venue, now);
    std::string all;
    for (const char* file :
         {"Spot_Trades.txt", "Spot_Tickers.txt", "Spot_BookTicker.txt", "Spot_Ticker.txt"}) {
        for (const std::string& frame : sample_frames(samples / "htx" / file)) all += stream(frame) + "\n";
    }
    EXPECT_EQ(all, R"(
bad_quote: trades of 'market.ethusdt.trade.detail', which were not requested






)");
    EXPECT_EQ(
        show_answer(*htx(), sample_answer(samples / "rest/HTX/Spot_ExchangeData_GetLastTrade.txt"), now),
        "BTC=49806USDT@2021-08-24T08:03:11.928Z");
    EXPECT_EQ(show_answer(*htx(), sample_answer(samples / "rest/HTX/Spot_ExchangeData_GetTickers.txt"), now),
              "");
}

TEST(Inflater, TakesOneMemberAndBoundsWhatItGives) {
    detail::Inflater inflater;
    EXPECT_EQ(inflater.inflate(gzipped("hello")), "hello");
    EXPECT_EQ(inflater.inflate(gzipped(std::string(100'000, 'x'))).value().size(), 100'000u);
    EXPECT_EQ(inflater.inflate(gzipped("")), "");
    const std::size_t most = detail::Inflater::max_inflated;
    EXPECT_TRUE(inflater.inflate(gzipped(std::string(most, 'x'))));
    EXPECT_FALSE(inflater.inflate(gzipped(std::string(most + 1, 'x'))));
    EXPECT_FALSE(inflater.inflate(gzipped(std::string(50 * most, 'x')))) << "a bomb";
    EXPECT_FALSE(inflater.inflate(gzipped("a") + gzipped("b"))) << "two members";
    EXPECT_FALSE(inflater.inflate(gzipped("hello") + "x"));
    const std::string whole = gzipped("hello");
    for (std::size_t n = 0; n < whole.size(); ++n) EXPECT_FALSE(inflater.inflate(whole.substr(0, n))) << n;
    EXPECT_FALSE(inflater.inflate("plain text"));
    EXPECT_EQ(inflater.inflate(gzipped("again")), "again") << "an error leaves no trace";
}

}  // namespace
}  // namespace pricewire::feed::htx_tests
