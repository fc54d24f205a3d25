#include "feed/bitstamp/bitstamp.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "feed/show.hpp"

namespace pricewire::feed::bitstamp_tests {
namespace {

using namespace std::chrono_literals;

const Timestamp now{1'772'723'752s};

std::unique_ptr<Venue> bitstamp() {
    return bitstamp_type.create({{"BTC", "btcusd"}, {"ETH", "ethusd"}},
                                {"wss://bitstamp", "https://bitstamp/api/v2"});
}

constexpr const char* trade =
    R"({"data":{"id":542327128,"timestamp":"1772723751","amount":0.241,"amount_str":"0.241000",)"
    R"("price":2090.22,"price_str":"2090.2200","type":0,"microtimestamp":"1772723751946001",)"
    R"("buy_order_id":1982008431775746,"sell_order_id":1982008430600193},)"
    R"("channel":"live_trades_ethusd","event":"trade"})";
constexpr const char* shown_trade = "ETH=2090.22USD#542327128@2026-03-05T15:15:51.946001Z";

// What a new connection makes of the trade with a change.
std::string with(std::string_view from, std::string_view to) {
    const auto venue = bitstamp();
    return ShownStream(*venue, now)(replaced(trade, from, to));
}

TEST(Bitstamp, AddressesAndMessages) {
    const auto venue = bitstamp();
    EXPECT_EQ(venue->stream_url(), "wss://bitstamp");
    EXPECT_EQ(venue->subscribe_message(std::vector<std::size_t>{1}, {2, now}),
              R"({"event":"bts:subscribe","data":{"channel":"live_trades_ethusd"}})");
    EXPECT_EQ(venue->rest_url(std::vector<std::size_t>{0, 1}), "https://bitstamp/api/v2/ticker/");
    EXPECT_EQ(bitstamp_type.symbol_of("DOGE"), "dogeusd");
    EXPECT_EQ(bitstamp_type.symbol_of("USDT"), "usdtusd");
    EXPECT_EQ(bitstamp_type.symbol_of("USD"), std::nullopt);
    for (const char* bad : {"", "BTCUSD", "btc/usd", "btc", "a\"busd", "btc usd"})
        EXPECT_FALSE(bitstamp_type.is_symbol(bad)) << bad;
}

TEST(Bitstamp, QuoteCurrencies) {
    EXPECT_EQ(bitstamp_type.currency_of("btcusd"), "USD");
    EXPECT_EQ(bitstamp_type.currency_of("batusd"), "USD") << "not BA in TUSD";
    EXPECT_EQ(bitstamp_type.currency_of("btcusdt"), "USDT");
    EXPECT_EQ(bitstamp_type.currency_of("btcusdc"), "USDC");
    EXPECT_EQ(bitstamp_type.currency_of("btcrlusd"), "RLUSD");
    EXPECT_EQ(bitstamp_type.currency_of("btcgbp"), "GBP");
    EXPECT_EQ(bitstamp_type.currency_of("btcxyz"), "");
}

TEST(Bitstamp, Trades) {
    const auto venue = bitstamp();
    ShownStream stream(*venue, now);
    EXPECT_EQ(stream(trade), shown_trade);
    EXPECT_EQ(stream(trade), "") << "it has come before";
    const std::string long_id = replaced(trade, "542327128", "100182534526255757567432481");
    EXPECT_EQ(stream(long_id), "ETH=2090.22USD@2026-03-05T15:15:51.946001Z");
    EXPECT_EQ(stream(long_id), "") << "an id of any length";
    EXPECT_TRUE(stream.refuses_every_part_of(trade));
    EXPECT_TRUE(stream(std::string(trade) + "x").starts_with("not_json: "));
    EXPECT_EQ(ShownStream(*venue, now + 1h)(trade), std::string("old ") + shown_trade);
}

TEST(Bitstamp, TheDigitsAreThoseOfTheText) {
    EXPECT_EQ(with(R"("price":2090.22,)", ""), shown_trade);
    EXPECT_EQ(with(R"("price_str":"2090.2200",)", ""), shown_trade) << "its number is the fallback";
    EXPECT_EQ(with(R"("price_str":"2090.2200")", R"("price_str":null)"), shown_trade);
    EXPECT_EQ(with(R"("price":2090.22,"price_str":"2090.2200")", R"("price":9.2E-7)"),
              "ETH=0.00000092USD#542327128@2026-03-05T15:15:51.946001Z");
    EXPECT_EQ(with(R"("price":2090.22,"price_str":"2090.2200")",
                   R"("price":0.1234567890123457,"price_str":"0.123456789012345678")"),
              "ETH=0.123456789012345678USD#542327128@2026-03-05T15:15:51.946001Z")
        << "the number has been rounded";
    EXPECT_EQ(with(R"("price":2090.22)", R"("price":209.022)").substr(0, 24), "1 refused: '2090.2200' a")
        << "which of the two is right?";
}

TEST(Bitstamp, AnUnusableTradeIsRefused) {
    EXPECT_EQ(with("live_trades_ethusd", "live_trades_ethusdt"),
              "bad_quote: trades of 'live_trades_ethusdt', which were not requested");
    EXPECT_EQ(with("live_trades_ethusd", "live_orders_ethusd"),
              "bad_quote: trades of 'live_orders_ethusd', which were not requested");
    EXPECT_EQ(with(R"("type":0)", R"("price_str":"2000")"), "wrong_shape: a frame with a duplicate field");
    EXPECT_EQ(with(R"("channel")", R"("data":{"price_str":"2000"},"channel")"),
              "wrong_shape: a frame with a duplicate field");
    for (const char* bad : {"0", "-1", "", "x", "1e400"}) {
        const std::string shown = with("2090.2200", bad);
        EXPECT_EQ(shown.find("ETH="), bad == std::string_view() ? 0 : std::string::npos) << shown;
    }
    for (const char* bad : {"1772723751946", "1772723751", "", "x", "0"})
        EXPECT_TRUE(with("1772723751946001", bad).starts_with("1 refused: '2090.2200' at")) << bad;
}

TEST(Bitstamp, Events) {
    const auto venue = bitstamp();
    ShownStream stream(*venue, now);
    EXPECT_EQ(stream(R"({"event":"bts:subscription_succeeded","channel":"live_trades_btcusd","data":{}})"),
              "acknowledged btcusd");
    EXPECT_EQ(stream(R"({"event":"bts:subscription_succeeded","channel":"order_book_btcusd","data":{}})"),
              "");
    EXPECT_EQ(stream(R"({"event":"bts:heartbeat","channel":"","data":{"status":"success"}})"), "alive");
    EXPECT_EQ(stream(R"({"event":"bts:request_reconnect","channel":"","data":""})"), "server leaves");
    const auto error = [&](std::string_view channel, std::string_view data) {
        return stream(fmt::format(R"({{"event":"bts:error","channel":"{}","data":{}}})", channel, data));
    };
    EXPECT_EQ(error("live_trades_ethusd", R"({"code":4009,"message":"Connection is unauthorized."})"),
              "refused ethusd: Bitstamp's error 4009: Connection is unauthorized.");
    EXPECT_EQ(error("", R"({"code":null,"message":"Bad subscription string."})"),
              "refused the oldest message: Bitstamp's error null: Bad subscription string.");
    EXPECT_EQ(error("live_trades_ethusd", R"({"code":null,"message":"Already subscribed."})"),
              "acknowledged ethusd");
    EXPECT_EQ(error("", R"({"code":null,"message":"Too many requests"})"),
              "rate limited: Bitstamp's error null: Too many requests");
    EXPECT_EQ(stream(R"({"data":{"bids":[["1","2"]]},"channel":"order_book_btcusd","event":"data"})"), "");
    EXPECT_EQ(stream("{}"), "wrong_shape: a frame of an unknown shape");
    EXPECT_EQ(stream("[]"), "wrong_shape: a frame that is not an object");
    EXPECT_EQ(stream("<html>"), "not_json: a frame that is not JSON");
}

TEST(Bitstamp, RestAnswers) {
    const auto venue = bitstamp();
    const auto answer = [&](std::string_view body) { return show_answer(*venue, body, now); };
    const std::string good =
        R"([{"timestamp":"1772723752","last":"2090.20","bid":"2090","ask":"2091","volume":"7","pair":"ETH/USD"},)"
        R"({"timestamp":"1772723752","last":"1","bid":"1","ask":"1","volume":"7","pair":"ETH/USDT"}])";
    EXPECT_EQ(answer(good), "ETH=2090.2USD@2026-03-05T15:15:52Z");
    EXPECT_TRUE(refuses_every_part_of_answer(*venue, good, now));
    EXPECT_EQ(answer(good), "old ETH=2090.2USD@2026-03-05T15:15:52Z") << "nothing of it has changed";
    const std::string moved = replaced(good, R"("bid":"2090")", R"("bid":"2089")");
    EXPECT_EQ(answer(moved), "ETH=2090.2USD@2026-03-05T15:15:52Z");
    EXPECT_EQ(answer(replaced(good, "1772723752", "1772723600")), "old ETH=2090.2USD@2026-03-05T15:15:52Z");
    EXPECT_EQ(answer(replaced(good, R"("last":"2090.20")", R"("last":"0")")),
              "1 refused: '0' as the price of 'ethusd'");
    EXPECT_EQ(answer(R"({"code":"400.002","message":"Invalid pair"})"),
              "venue_error: Bitstamp's error 400.002: Invalid pair");
    EXPECT_EQ(answer(R"({"status":"error","reason":"Too many requests.","code":"400.003"})"),
              "rate_limited: Bitstamp's error 400.003: Too many requests.");
    EXPECT_TRUE(answer("{}").starts_with("wrong_shape: "));
    EXPECT_TRUE(answer("[7]").starts_with("wrong_shape: "));
    EXPECT_TRUE(answer("<html>").starts_with("not_json: "));
}

TEST(Bitstamp, Recorded) {
    const auto path = recordings();
    if (!path) GTEST_SKIP() << "no recordings: set PRICEWIRE_RECORDINGS";
    const auto venue = bitstamp();
    ShownStream stream(*venue, Timestamp{1'641'343'700s});
    std::string prices;
    int acknowledged = 0;
    for (const std::string& frame : venue_frames(*path / "venues" / "bitstamp.jsonl.gz")) {
        if (frame.find("live_trades_ethusd") == std::string::npos) continue;
        const std::string shown = stream(frame);
        acknowledged += shown == "acknowledged ethusd";
        if (shown.starts_with("ETH=")) prices += shown.substr(4, shown.find('U') - 4) + " ";
    }
    EXPECT_EQ(acknowledged, 1);
    EXPECT_EQ(prices, "3805.44 3802.93 3802.89 3800.75 3800.74 3800.74 3800.73 3800.54 3800.53 3800.8 ");
    const auto sample = sample_frames(*path / "venues/samples/bitstamp/ExchangeApi_Trades.txt");
    ASSERT_EQ(sample.size(), 2u);
    EXPECT_EQ(stream(sample[0]), "acknowledged ethusd");
    EXPECT_EQ(stream(sample[1]), "ETH=2090.22USD#542327128@2026-03-05T15:15:51.946Z");
}

}  // namespace
}  // namespace pricewire::feed::bitstamp_tests
