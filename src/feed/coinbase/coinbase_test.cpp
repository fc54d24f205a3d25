#include "feed/coinbase/coinbase.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "feed/show.hpp"

namespace pricewire::feed::coinbase_tests {
namespace {

using namespace std::chrono_literals;

const Timestamp now{1'728'026'012s};

std::unique_ptr<Venue> coinbase() {
    return coinbase_type.create({{"BTC", "BTC-USD"}, {"ETH", "ETH-USD"}},
                                {"wss://coinbase", "https://coinbase/market"});
}

// A frame whose trades have these ids and prices, in this order.
std::string trades(int sequence, std::string_view type,
                   std::initializer_list<std::pair<int, std::string_view>> list,
                   std::string_view product = "BTC-USD") {
    std::string rows;
    for (const auto& [id, price] : list) {
        rows += fmt::format(
            R"({}{{"product_id":"{}","trade_id":"{}","price":"{}","size":"0.5","time":"2024-10-04T07:13:31.{:06}Z","side":"BUY"}})",
            rows.empty() ? "" : ",", product, id, price, id);
    }
    return fmt::format(
        R"({{"channel":"market_trades","client_id":"","timestamp":"2024-10-04T07:13:31.158696693Z","sequence_num":{},"events":[{{"type":"{}","trades":[{}]}}]}})",
        sequence, type, rows);
}
const std::string trade = trades(2, "update", {{1, "62375.560"}});

// What a new connection makes of the trade with a change.
std::string with(std::string_view from, std::string_view to) {
    const auto venue = coinbase();
    return ShownStream(*venue, now)(replaced(trade, from, to));
}

TEST(Coinbase, AddressesAndMessages) {
    const auto venue = coinbase();
    EXPECT_EQ(venue->stream_url(), "wss://coinbase");
    EXPECT_EQ(venue->opening_message(), R"({"type":"subscribe","channel":"heartbeats"})");
    EXPECT_EQ(venue->subscribe_message(std::vector<std::size_t>{0, 1}, {1, now}),
              R"({"type":"subscribe","product_ids":["BTC-USD","ETH-USD"],"channel":"market_trades"})");
    EXPECT_EQ(venue->rest_url(std::vector<std::size_t>{0, 1}),
              "https://coinbase/market/products?product_ids=BTC-USD&product_ids=ETH-USD");
    EXPECT_EQ(coinbase_type.symbol_of("DOGE"), "DOGE-USD");
    EXPECT_EQ(coinbase_type.symbol_of("USDT"), "USDT-USD");
    EXPECT_EQ(coinbase_type.symbol_of("USDC"), std::nullopt);
    EXPECT_TRUE(coinbase_type.is_symbol("USDT-USDC"));
    for (const char* bad :
         {"", "BTC", "BTC-", "-USD", "btc-usd", "A-B-C", "A\"-B", "BTC-PERP-INTX", "BTC-USDC"})
        EXPECT_FALSE(coinbase_type.is_symbol(bad)) << bad;
    EXPECT_EQ(coinbase_type.currency_of("ETH-USDT"), "USDT");
}

TEST(Coinbase, TradesComeNewestFirst) {
    const auto venue = coinbase();
    ShownStream stream(*venue, now);
    EXPECT_EQ(stream(trade), "BTC=62375.56USD#1@2024-10-04T07:13:31.000001Z");
    EXPECT_TRUE(stream.refuses_every_part_of(trade));
    EXPECT_TRUE(stream(trade + "x").starts_with("not_json: "));
    EXPECT_EQ(stream(trades(3, "update", {{4, "4"}, {3, "3"}, {2, "2"}, {1, "1"}})),
              "BTC=2USD#2@2024-10-04T07:13:31.000002Z BTC=3USD#3@2024-10-04T07:13:31.000003Z "
              "BTC=4USD#4@2024-10-04T07:13:31.000004Z")
        << "the first has come before";
    EXPECT_EQ(stream(trades(4, "update", {{7, "7"}})),
              "BTC=7USD#7@2024-10-04T07:13:31.000007Z; lost 2 of BTC-USD");
    EXPECT_EQ(stream(trades(5, "update", {{6, "6"}})), "BTC=6USD#6@2024-10-04T07:13:31.000006Z")
        << "late, and not a new count";
    EXPECT_EQ(stream(trades(6, "update", {{8, "8"}})), "BTC=8USD#8@2024-10-04T07:13:31.000008Z");
    EXPECT_EQ(stream(trades(8, "update", {{9, "9"}}, "ETH-USD")),
              "ETH=9USD#9@2024-10-04T07:13:31.000009Z; lost frames");
    ShownStream late(*venue, now + 1h);
    EXPECT_TRUE(late(trade).starts_with("old BTC="));
}

TEST(Coinbase, ASnapshotIsOfThePast) {
    const auto venue = coinbase();
    ShownStream stream(*venue, now);
    EXPECT_EQ(stream(trades(0, "snapshot", {{2, "2"}, {1, "1"}})),
              "old BTC=1USD#1@2024-10-04T07:13:31.000001Z old BTC=2USD#2@2024-10-04T07:13:31.000002Z");
    EXPECT_EQ(stream(trades(1, "update", {{3, "3"}, {2, "2"}})), "BTC=3USD#3@2024-10-04T07:13:31.000003Z")
        << "one was in the snapshot";
    EXPECT_EQ(stream(trades(2, "history", {{4, "4"}})).substr(0, 7), "old BTC") << "an unknown type";
    std::string behind = trades(3, "x", {{5, "5"}});
    behind = replaced(replaced(behind, R"("type":"x",)", ""), "}]}]}", R"(}],"type":"update"}]})");
    EXPECT_EQ(stream(behind).substr(0, 4), "BTC=") << "the type may stand behind the trades";
}

TEST(Coinbase, AnUnusableTradeIsRefused) {
    EXPECT_EQ(with("BTC-USD", "BTC-USDT"), "1 refused: a trade of 'BTC-USDT', which was not requested");
    EXPECT_EQ(with(R"("price":)", R"("price":"1","price":)"),
              "1 refused: a trade of 'BTC-USD', which was not requested");
    EXPECT_EQ(with(R"("channel":)", R"("channel":"market_trades","channel":)"),
              "wrong_shape: a frame with a duplicate field");
    EXPECT_EQ(with(R"("events":)", R"("events":[],"events":)"),
              "wrong_shape: a frame with a duplicate field");
    EXPECT_EQ(with(R"("62375.560")", "9.2E-7"), "BTC=0.00000092USD#1@2024-10-04T07:13:31.000001Z");
    EXPECT_EQ(with(R"("trade_id":"1")", R"("trade_id":"9223372036854775809")").substr(0, 32),
              "BTC=62375.56USD#9223372036854775");
    for (const char* bad : {"0", "-1", "", "x", "1e400"})
        EXPECT_TRUE(with("62375.560", bad).starts_with("1 refused: '")) << bad;
    for (const char* bad : {"1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "x", "1728026011"})
        EXPECT_TRUE(with("2024-10-04T07:13:31.000001Z", bad).starts_with("1 refused: '")) << bad;
}

TEST(Coinbase, Events) {
    const auto venue = coinbase();
    ShownStream stream(*venue, now);
    EXPECT_EQ(
        stream(
            R"({"channel":"subscriptions","sequence_num":0,"events":[{"subscriptions":{"heartbeats":["heartbeats"]}}]})"),
        "");
    EXPECT_EQ(
        stream(
            R"({"channel":"heartbeats","sequence_num":1,"events":[{"current_time":"x","heartbeat_counter":66987}]})"),
        "alive");
    EXPECT_EQ(
        stream(
            R"({"channel":"subscriptions","sequence_num":2,"events":[{"subscriptions":{"market_trades":["ETH-USD","X-USD"],"ticker":["BTC-USD"]}}]})"),
        "acknowledged ETH-USD");
    EXPECT_EQ(
        stream(R"({"channel":"ticker","sequence_num":3,"events":[{"type":"snapshot","tickers":[{}]}]})"), "");
    EXPECT_EQ(stream(R"({"channel":"l2_data","events":[{"type":"update"}],"sequence_num":5})"),
              "lost frames");
    EXPECT_EQ(stream(R"({"channel":"l2_data","events":[{"type":"update"}],"sequence_num":"7"})"),
              "lost frames");
    const auto error = [&](std::string_view text) {
        return stream(fmt::format(R"({{"type":"error","message":"{}"}})", text));
    };
    EXPECT_EQ(error("ETH-USD is not a valid product"),
              "refused the oldest message for ETH-USD: Coinbase's error: ETH-USD is not a valid product");
    EXPECT_EQ(error("ETH-USDT is not a valid product"),
              "refused the oldest message: Coinbase's error: ETH-USDT is not a valid product");
    EXPECT_EQ(error("Rate limit exceeded"), "rate limited: Coinbase's error: Rate limit exceeded");
    EXPECT_EQ(stream("{}"), "wrong_shape: a frame of an unknown shape");
    EXPECT_EQ(stream("[]"), "wrong_shape: a frame that is not an object");
    EXPECT_EQ(stream("<html>"), "not_json: a frame that is not JSON");
    EXPECT_EQ(stream(R"({"type":"match","trade_id":1,"product_id":"BTC-USD","price":"1"})"),
              "wrong_shape: a frame of the Exchange feed, not of Advanced Trade");
    EXPECT_EQ(stream(R"({"type":"match","trade_id":2,"product_id":"BTC-USD","price":"1"})"), "")
        << "it is said once";
}

TEST(Coinbase, RestAnswers) {
    const auto venue = coinbase();
    const auto answer = [&](std::string_view body) { return show_answer(*venue, body, now); };
    const std::string good =
        R"({"products":[{"product_id":"BTC-USD","price":"62375.56","status":"online","trading_disabled":false,)"
        R"("is_disabled":false,"view_only":false,"cancel_only":false,"auction_mode":false,"post_only":false},)"
        R"({"product_id":"ETH-USD","price":"2375","status":"online"}],"num_products":2})";
    EXPECT_EQ(answer(good), "BTC=62375.56USD@2024-10-04T07:13:32Z ETH=2375USD@2024-10-04T07:13:32Z");
    EXPECT_TRUE(refuses_every_part_of_answer(*venue, good, now));
    EXPECT_EQ(answer(good).substr(0, 4), "BTC=") << "the venue says that it is traded";
    for (const char* flag :
         {"trading_disabled", "is_disabled", "view_only", "cancel_only", "auction_mode", "post_only"})
        EXPECT_EQ(
            answer(replaced(good, fmt::format(R"("{}":false)", flag), fmt::format(R"("{}":true)", flag))),
            "ETH=2375USD@2024-10-04T07:13:32Z")
            << flag;
    EXPECT_EQ(answer(replaced(good, R"("online")", R"("delisted")")), "ETH=2375USD@2024-10-04T07:13:32Z");
    EXPECT_EQ(answer(replaced(good, R"("2375")", R"("")")),
              "BTC=62375.56USD@2024-10-04T07:13:32Z 1 refused: '' as the price of 'ETH-USD'");
    EXPECT_EQ(
        answer(
            R"({"error":"INVALID_ARGUMENT","error_details":"x","message":"valid product_id is required"})"),
        "unknown_symbol: Coinbase's error INVALID_ARGUMENT: valid product_id is required");
    EXPECT_EQ(answer(R"({"error":"rate_limit_exceeded","message":"x"})"),
              "rate_limited: Coinbase's error rate_limit_exceeded: x");
    EXPECT_EQ(answer(R"({"error":"INTERNAL","message":"x"})"), "venue_error: Coinbase's error INTERNAL: x");
    EXPECT_EQ(answer(R"({"message":"Too many requests"})"),
              "rate_limited: Coinbase's error : Too many requests");
    EXPECT_TRUE(answer("{}").starts_with("wrong_shape: "));
    EXPECT_TRUE(answer("[7]").starts_with("wrong_shape: "));
    EXPECT_TRUE(answer("<html>").starts_with("not_json: "));
}

TEST(Coinbase, Recorded) {
    const auto path = recordings();
    if (!path) GTEST_SKIP() << "no recordings: set PRICEWIRE_RECORDINGS";
    const auto venue = coinbase_type.create({{"ETH", "ETH-USDT"}}, {"wss://coinbase", ""});
    ShownStream stream(*venue, now);
    std::string shown;
    for (const char* file : {"Trades", "Heartbeat", "Ticker", "BatchTicker"}) {
        for (const std::string& frame :
             sample_frames(*path / fmt::format("venues/samples/coinbase/AdvancedTrade_{}.txt", file)))
            shown += stream(frame) + "\n";
    }
    EXPECT_EQ(shown,
              "acknowledged ETH-USDT\n"
              "ETH=2375.56USDT#22381690@2024-10-04T07:13:31.084859Z "
              "ETH=2375.56USDT#22381691@2024-10-04T07:13:31.088388Z\n"
              "\nalive\n\n\n\n\n");
    std::string other;
    for (const std::string& frame : venue_frames(*path / "venues" / "coinbase_exchange_feed.jsonl.gz"))
        other += stream(frame);
    EXPECT_EQ(other, "wrong_shape: a frame of the Exchange feed, not of Advanced Trade");
}

}  // namespace
}  // namespace pricewire::feed::coinbase_tests
