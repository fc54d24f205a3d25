#include <fmt/format.h>
#include <gtest/gtest.h>

#include "feed/binance/binance.hpp"
#include "feed/bitstamp/bitstamp.hpp"
#include "feed/bybit/bybit.hpp"
#include "feed/coinbase/coinbase.hpp"
#include "feed/coinpaprika/coinpaprika.hpp"
#include "feed/kraken/kraken.hpp"
#include "feed/okx/okx.hpp"
#include "feed/show_past.hpp"

namespace pricewire::feed::past_tests {
namespace {

const PastCase binance{
    .type = binance_type,
    .symbol = "BTCUSDT",
    .candles_url =
        "/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime=1793527200000&endTime=1793527319999&limit=1000",
    .candles = R"([[1793527200000,"2.5","4.5","1.5","3.5","5.25",1793527259999,"18.0",9,"1.0","2.0","0"],)"
               R"([1793527260000,"3.5","6.5","3.0","5.5","7.0",1793527319999,"30.0",4,"1.0","2.0","0"]])",
    .day_url =
        "/api/v3/klines?symbol=BTCUSDT&interval=1d&startTime=1793404800000&endTime=1793491199999&limit=1000",
    .trades_url = "/api/v3/aggTrades?symbol=BTCUSDT&startTime=1793527200000&endTime=1793527259999&limit=1000",
    .trades = R"([{"a":7,"p":"3.25","q":"0.1","f":1,"l":2,"T":1793527201000,"m":true,"M":true},)"
              R"({"a":8,"p":"3.75","q":"0.1","f":3,"l":3,"T":1793527202000,"m":false,"M":true}])",
    .error = R"({"code":-1121,"msg":"Invalid symbol."})",
    .error_shown = "unknown_symbol: Binance's error -1121: Invalid symbol."};

const PastCase coinbase{
    .type = coinbase_type,
    .symbol = "BTC-USD",
    .candles_url =
        "/products/BTC-USD/candles?start=1793527200&end=1793527319&granularity=ONE_MINUTE&limit=300",
    .candles =
        R"({"candles":[{"start":"1793527260","low":"3.0","high":"6.5","open":"3.5","close":"5.5","volume":"7"},)"
        R"({"start":"1793527200","low":"1.5","high":"4.5","open":"2.5","close":"3.5","volume":"5.25"}]})",
    .day_url = "/products/BTC-USD/candles?start=1793404800&end=1793491199&granularity=ONE_DAY&limit=300",
    .trades_url = "/products/BTC-USD/ticker?limit=1000&start=1793527200&end=1793527260",
    .trades = R"({"trades":[{"trade_id":"8","product_id":"BTC-USD","price":"3.75","size":"4",)"
              R"("time":"2026-11-01T10:00:02Z","side":"BUY"},{"trade_id":"7","product_id":"BTC-USD",)"
              R"("price":"3.25","size":"4","time":"2026-11-01T10:00:01.000000Z","side":"SELL"}],)"
              R"("best_bid":"3.74","best_ask":"3.76"})",
    .error = R"({"error":"INVALID_ARGUMENT","error_details":"valid product_id is required",)"
             R"("message":"valid product_id is required"})",
    .error_shown = "unknown_symbol: Coinbase's error INVALID_ARGUMENT: valid product_id is required"};

const PastCase kraken{
    .type = kraken_type,
    .symbol = "BTC/USD",
    .candles_url = "/OHLC?pair=XBTUSD&interval=1&since=1793527140",
    .candles = R"({"error":[],"result":{"XXBTZUSD":[[1793527200,"2.5","4.5","1.5","3.5","2.9","5.25",23],)"
               R"([1793527260,"3.5","6.5","3.0","5.5","4.9","7.00",5]],"last":1793527200}})",
    .day_url = "/OHLC?pair=XBTUSD&interval=1440&since=1793318400",
    .trades_url = "/Trades?pair=XBTUSD&since=1793527199999999999&count=1000",
    .trades = R"({"error":[],"result":{"XXBTZUSD":[["3.25","0.3",1793527201.0000000,"b","m","",7],)"
              R"(["3.75","0.1",1793527202.0,"s","l","",8]],"last":"1793527202000000000"}})",
    .error = R"({"error":["EQuery:Unknown asset pair"]})",
    .error_shown = "unknown_symbol: Kraken's error EQuery:Unknown asset pair",
    .says_whose_candles = true};

const PastCase okx{
    .type = okx_type,
    .symbol = "BTC-USDT",
    .candles_url =
        "/market/candles?instId=BTC-USDT&bar=1m&after=1793527320000&before=1793527199999&limit=100",
    .candles = R"({"code":"0","msg":"","data":[)"
               R"(["1793527260000","3.5","6.5","3","5.5","7","30","30","0"],)"
               R"(["1793527200000","2.5","4.5","1.5","3.5","5.25","18","18","1"]]})",
    .day_url = "/market/candles?instId=BTC-USDT&bar=1Dutc&after=1793491200000&before=1793404799999&limit=100",
    .trades_url = "/market/history-trades?instId=BTC-USDT&type=2&after=1793527260000&limit=100",
    .trades =
        R"({"code":"0","msg":"","data":[)"
        R"({"instId":"BTC-USDT","side":"sell","sz":"1","px":"3.75","tradeId":"8","ts":"1793527202000"},)"
        R"({"instId":"BTC-USDT","side":"sell","sz":"1","px":"3.25","tradeId":"7","ts":"1793527201000"}]})",
    .error = R"({"code":"51001","msg":"Instrument ID doesn't exist","data":[]})",
    .error_shown = "unknown_symbol: OKX's error 51001: Instrument ID doesn't exist"};

const PastCase bybit{
    .type = bybit_type,
    .symbol = "BTCUSDT",
    .candles_url =
        "/v5/market/"
        "kline?category=spot&symbol=BTCUSDT&interval=1&start=1793527200000&end=1793527319999&limit=1000",
    .candles =
        R"({"retCode":0,"retMsg":"OK","result":{"symbol":"BTCUSDT","category":"spot","list":[)"
        R"(["1793527260000","3.5","6.5","3","5.5","7","30"],)"
        R"(["1793527200000","2.5","4.5","1.5","3.5","5.25","18"]]},"retExtInfo":{},"time":1793527290000})",
    .day_url =
        "/v5/market/"
        "kline?category=spot&symbol=BTCUSDT&interval=D&start=1793404800000&end=1793491199999&limit=1000",
    .error = R"({"retCode":10001,"retMsg":"Not supported symbols","result":{},"retExtInfo":{},"time":1})",
    .error_shown = "unknown_symbol: Bybit's error 10001: Not supported symbols",
    .says_whose_candles = true};

const PastCase bitstamp{
    .type = bitstamp_type,
    .symbol = "btcusd",
    .candles_url = "/ohlc/btcusd/?step=60&limit=1000&start=1793527200&end=1793527319",
    .candles =
        R"({"data":{"ohlc":[)"
        R"({"close":"3.5","high":"4.5","low":"1.5","open":"2.5","timestamp":"1793527200","volume":"5.25"},)"
        R"({"close":"5.5","high":"6.5","low":"3.0","open":"3.5","timestamp":"1793527260","volume":"7.0"}],)"
        R"("pair":"BTC/USD"}})",
    .day_url = "/ohlc/btcusd/?step=86400&limit=1000&start=1793404800&end=1793491199",
    .trades_url = "/transactions/btcusd/?time=hour",
    .trades = R"([{"date":"1793527202","tid":"8","amount":"1.0","type":"0","price":"3.75"},)"
              R"({"date":"1793527201","tid":"7","amount":"1.0","type":"1","price":"3.25"}])",
    .error = R"({"status":"error","reason":"Invalid symbol"})",
    .error_shown = "unknown_symbol: Bitstamp's error Invalid symbol",
    .says_whose_candles = true};

class Past : public testing::TestWithParam<const PastCase*> {};

TEST_P(Past, Candles) {
    expect_candles(*GetParam());
}

TEST_P(Past, Trades) {
    expect_trades(*GetParam());
}

INSTANTIATE_TEST_SUITE_P(Venues, Past, testing::Values(&binance, &coinbase, &kraken, &okx, &bybit, &bitstamp),
                         [](const auto& c) { return std::string(c.param->type.name.view()); });

// A page of trades of one millisecond each, from id 1 at 10:00:00 on, as a venue spells them.
template <typename Spell>
std::string trades_from(std::size_t first, std::size_t rows, bool newest_first, Spell spell) {
    std::string out;
    for (std::size_t i = 0; i < rows; ++i) {
        const std::size_t id = newest_first ? first + rows - 1 - i : first + i;
        out += (out.empty() ? "" : ",") + spell(id, 1'793'527'200'000 + static_cast<std::int64_t>(id) - 1);
    }
    return out;
}

std::string next_of(const VenueType& type, std::string_view body, const PastRequest& request) {
    const auto page = type.past.parse_trades(body, request);
    return page ? page->next : show(page.error());
}

TEST(PastPages, BinanceGoesOnByIdUntilTheRangeIsOver) {
    PastRequest request = past_request(binance);
    request.to = request.from + std::chrono::milliseconds{1500};
    const auto page = [](std::size_t first, std::size_t rows) {
        return "[" +
               trades_from(first, rows, false,
                           [](std::size_t id, std::int64_t ms) {
                               return R"({"a":)" + std::to_string(id) + R"(,"p":"1","T":)" +
                                      std::to_string(ms) + "}";
                           }) +
               "]";
    };
    EXPECT_EQ(next_of(binance_type, page(1, 999), request), "") << "a page that is not full is the last";
    request.cursor = next_of(binance_type, page(1, 1000), request);
    EXPECT_EQ(request.cursor, "1001");
    EXPECT_EQ(binance_type.past.trades_url(request),
              "/api/v3/aggTrades?symbol=BTCUSDT&fromId=1001&limit=1000");
    EXPECT_EQ(next_of(binance_type, page(1001, 1000), request), "");
    EXPECT_EQ(binance_type.past.parse_trades(page(1001, 1000), request)->trades.size(), 500U);
}

TEST(PastPages, KrakenGoesOnByTime) {
    PastRequest request = past_request(kraken);
    request.to = request.from + std::chrono::milliseconds{1500};
    const auto page = [](std::size_t first, std::size_t rows, std::int64_t every = 1) {
        return R"({"error":[],"result":{"XXBTZUSD":[)" +
               trades_from(first, rows, false,
                           [&](std::size_t id, std::int64_t ms) {
                               ms = 1'793'527'200'000 + (ms - 1'793'527'200'000) * every;
                               return R"(["1","1",)" + std::to_string(ms / 1000) + "." +
                                      std::to_string(1000 + ms % 1000).substr(1) + R"(,"b","m","",)" +
                                      std::to_string(id) + "]";
                           }) +
               R"(],"last":"7"}})";
    };
    request.cursor = next_of(kraken_type, page(1, 1000), request);
    EXPECT_EQ(request.cursor, "1793527200998999999");
    EXPECT_EQ(kraken_type.past.trades_url(request),
              "/Trades?pair=XBTUSD&since=1793527200998999999&count=1000");
    EXPECT_EQ(next_of(kraken_type, page(1000, 1000), request), "") << "it reaches the end";
    request.cursor = "1793527200000999999";
    EXPECT_EQ(next_of(kraken_type, page(1, 1000, 0), request), "1793527200001000999")
        << "the same thousand trades of one moment are not requested forever";
}

TEST(PastPages, OkxGoesBackById) {
    PastRequest request = past_request(okx);
    const auto page = [](std::size_t first, std::size_t rows) {
        return R"({"code":"0","data":[)" +
               trades_from(first, rows, true,
                           [](std::size_t id, std::int64_t ms) {
                               return R"({"instId":"BTC-USDT","px":"1","tradeId":")" + std::to_string(id) +
                                      R"(","ts":")" + std::to_string(ms) + R"("})";
                           }) +
               "]}";
    };
    request.cursor = next_of(okx_type, page(151, 100), request);
    EXPECT_EQ(request.cursor, "151");
    EXPECT_EQ(okx_type.past.trades_url(request),
              "/market/history-trades?instId=BTC-USDT&type=1&after=151&limit=100");
    request.from += std::chrono::milliseconds{60};
    EXPECT_EQ(next_of(okx_type, page(51, 100), request), "") << "it reaches the beginning";
    EXPECT_EQ(next_of(okx_type, page(51, 50), request), "");
}

TEST(PastPages, CoinbaseGoesBackByTheSecond) {
    PastRequest request = past_request(coinbase);
    const auto page = [](std::size_t first, std::size_t rows) {
        return R"({"trades":[)" +
               trades_from(first, rows, true,
                           [](std::size_t id, std::int64_t ms) {
                               return R"({"trade_id":")" + std::to_string(id) +
                                      R"(","product_id":"BTC-USD","price":"1","time":")" +
                                      format_rfc3339(Timestamp{std::chrono::milliseconds{ms}}) + R"("})";
                           }) +
               "]}";
    };
    request.cursor = next_of(coinbase_type, page(2001, 1000), request);
    EXPECT_EQ(request.cursor, "1793527203") << "the second of the oldest is asked for again";
    EXPECT_EQ(coinbase_type.past.trades_url(request),
              "/products/BTC-USD/ticker?limit=1000&start=1793527200&end=1793527203");
    EXPECT_EQ(next_of(coinbase_type, page(2001, 1000), request), "1793527202")
        << "a page that brings nothing older is passed";
    EXPECT_EQ(next_of(coinbase_type, page(1, 1000), request), "") << "it reaches the beginning";
}

TEST(PastUrls, OkxHasOlderCandlesElsewhere) {
    PastRequest request = past_request(okx);
    request.from -= std::chrono::hours{30};
    request.to = request.from + std::chrono::minutes{300};
    EXPECT_TRUE(okx_type.past.candles_url(request).starts_with("/market/history-candles?"));
}

TEST(PastTrades, AnAnswerAboutAnotherSymbolIsRefused) {
    const PastRequest request = past_request(coinbase);
    EXPECT_EQ(show_trades(coinbase_type, replaced(coinbase.trades, "BTC-USD", "ETH-USDT"), request),
              "bad_quote: an answer about 'ETH-USDT' instead of BTC-USD");
    EXPECT_EQ(show_trades(okx_type, replaced(okx.trades, "BTC-USDT", "BTC-USDT-SWAP"), past_request(okx)),
              "bad_quote: an answer about 'BTC-USDT-SWAP' instead of BTC-USDT");
    EXPECT_EQ(show_trades(kraken_type, replaced(kraken.trades, "XXBTZUSD", "XETHZUSD"), past_request(kraken)),
              "bad_quote: an answer about 'XETHZUSD' instead of BTC/USD");
}

TEST(PastTrades, Samples) {
    const auto path = recordings();
    if (!path) GTEST_SKIP() << "no recordings: set PRICEWIRE_RECORDINGS";
    const auto shown = [&](const PastCase& c, const std::string& symbol, const std::string& file) {
        return show_trades(c.type, sample_answer(*path / "venues/samples/rest" / file),
                           {.symbol = symbol, .from = Timestamp{}, .to = past_now, .now = past_now});
    };
    EXPECT_TRUE(shown(kraken, "BTC/USD", "Kraken/Spot_ExchangeData_GetTradeHistory.txt")
                    .starts_with("18:53:17.827736 30243.4 #61044952; 18:53:18.280411 30243.3 #61044953; "));
    EXPECT_EQ(shown(coinbase, "BTC-USD", "Coinbase/AdvancedTrade_ExchangeData_GetTradeHistory.txt"),
              "09:59:59 140.91 #22350501");
    EXPECT_EQ(shown(okx, "BTC-USDT", "OKX/UnifiedApi_ExchangeData_GetTradeHistory.txt"),
              "09:20:41.568 29964.1 #242720719; 09:20:46.974 29963.2 #242720720");
}

TEST(PastErrors, SayWhatTheVenueMeans) {
    const auto shown = [](const PastCase& c, std::string_view body) {
        return show_candles(c.type, body, past_request(c));
    };
    EXPECT_EQ(shown(binance, R"({"code":-1003,"msg":"Too much request weight used."})"),
              "rate_limited: Binance's error -1003: Too much request weight used.");
    EXPECT_EQ(shown(kraken, R"({"error":["EAPI:Rate limit exceeded"]})"),
              "rate_limited: Kraken's error EAPI:Rate limit exceeded");
    EXPECT_EQ(shown(kraken, R"({"error":["EGeneral:Temporary lockout"]})"),
              "rate_limited: Kraken's error EGeneral:Temporary lockout");
    EXPECT_EQ(shown(kraken, R"({"error":["EService:Busy"]})"), "venue_error: Kraken's error EService:Busy");
    EXPECT_EQ(shown(kraken, replaced(kraken.candles, R"("error":[])", R"("error":["WGeneral:Slow"])")),
              shown(kraken, kraken.candles))
        << "a warning is none";
    EXPECT_EQ(shown(okx, R"({"code":"50011","msg":"Too Many Requests","data":[]})"),
              "rate_limited: OKX's error 50011: Too Many Requests");
    EXPECT_EQ(shown(bybit, R"({"retCode":10006,"retMsg":"Too many visits!","result":{}})"),
              "rate_limited: Bybit's error 10006: Too many visits!");
    EXPECT_TRUE(shown(bybit, "{}").starts_with("wrong_shape: "));
    EXPECT_TRUE(shown(okx, R"({"code":"0"})").starts_with("wrong_shape: ")) << "without rows";
    EXPECT_EQ(shown(okx, R"({"code":"0","data":[]})"), "") << "nothing was traded";
}

TEST(Listings, Binance) {
    const std::string body =
        R"({"timezone":"UTC","serverTime":1,"rateLimits":[{"rateLimitType":"REQUEST_WEIGHT","limit":6000}],"symbols":[)"
        R"({"symbol":"BTCUSDT","status":"TRADING","baseAsset":"BTC","quoteAsset":"USDT","orderTypes":["LIMIT"],)"
        R"("isSpotTradingAllowed":true},)"
        R"({"symbol":"1000SATSUSDT","status":"TRADING","baseAsset":"1000SATS","quoteAsset":"USDT",)"
        R"("isSpotTradingAllowed":true},)"
        R"({"symbol":"FTTUSDT","status":"BREAK","baseAsset":"FTT","quoteAsset":"USDT","isSpotTradingAllowed":true},)"
        R"({"symbol":"OLDUSDT","status":"BREAK","baseAsset":"OLD","quoteAsset":"USDT","isSpotTradingAllowed":false},)"
        R"({"symbol":"币安人生USDT","status":"TRADING","baseAsset":"币安人生","quoteAsset":"USDT",)"
        R"("isSpotTradingAllowed":true}]})";
    EXPECT_EQ(show_listings(binance_type, body),
              "BTCUSDT BTC/USDT; 1000SATSUSDT 1000SATS/USDT; FTTUSDT FTT/USDT halted");
    EXPECT_EQ(show_listings(binance_us_type, body), show_listings(binance_type, body));
    EXPECT_EQ(
        show_listings(binance_us_type,
                      R"({"symbols":[)"
                      R"({"symbol":"BNBUSD","status":"TRADING","baseAsset":"BNB","quoteAsset":"USD"},)"
                      R"({"symbol":"BTCUSD","status":"TRADING","baseAsset":"BTC","quoteAsset":"USD"}]})"),
        "BTCUSD BTC/USD")
        << "the other looks like BN in BUSD";
    for (std::size_t n = 0; n < body.size(); ++n)
        EXPECT_FALSE(binance_type.listings.parse(body.substr(0, n)));
    EXPECT_EQ(show_listings(binance_type, R"({"symbols":[]})"),
              "wrong_shape: Binance's list has no spot market")
        << "everything would be delisted";
}

TEST(Listings, Coinbase) {
    const auto product = [](std::string_view id, std::string_view base, std::string_view quote,
                            std::string_view rest) {
        return fmt::format(
            R"({{"product_id":"{}","price":"1","base_currency_id":"{}","quote_currency_id":"{}",)"
            R"("trading_disabled":false,"is_disabled":false,"cancel_only":false,{}}})",
            id, base, quote, rest);
    };
    constexpr std::string_view online = R"("status":"online","product_type":"SPOT","alias":"")";
    EXPECT_EQ(
        show_listings(
            coinbase_type,
            R"({"products":[)" + product("BTC-USD", "BTC", "USD", online) + "," +
                product("BTC-USDC", "BTC", "USDC",
                        R"("status":"online","product_type":"SPOT","alias":"BTC-USD")") +
                "," + product("USDT-USD", "USDT", "USD", online) + "," +
                product("REP-USD", "REP", "USD", R"("status":"offline","product_type":"SPOT")") + "," +
                product("OLD-USD", "OLD", "USD", R"("status":"delisted","product_type":"SPOT")") + "," +
                product("ETH-EUR", "ETH", "EUR",
                        R"("status":"online","product_type":"SPOT","view_only":true)") +
                "," + product("BIT-28NOV26-CDE", "", "USD", R"("status":"online","product_type":"FUTURE")") +
                R"(],"num_products":7})"),
        "BTC-USD BTC/USD; USDT-USD USDT/USD; REP-USD REP/USD halted; ETH-EUR ETH/EUR halted");
}

TEST(Listings, Kraken) {
    EXPECT_EQ(
        show_listings(kraken_type,
                      R"({"error":[],"result":{)"
                      R"("XXBTZUSD":{"altname":"XBTUSD","wsname":"XBT/USD","base":"XXBT","quote":"ZUSD",)"
                      R"("fees":[[0,0.4],[10000,0.35]],"status":"online"},)"
                      R"("XDGUSD":{"altname":"XDGUSD","wsname":"XDG/USD","status":"post_only"},)"
                      R"("SOLXBT":{"altname":"SOLXBT","wsname":"SOL/XBT","status":"online"},)"
                      R"("1INCHUSD":{"altname":"1INCHUSD","wsname":"1INCH/USD","status":"online"},)"
                      R"("LUNAUSD":{"altname":"LUNAUSD","wsname":"LUNA/USD","status":"delisted"},)"
                      R"("XXBTZUSD.d":{"altname":"XBTUSD.d","status":"online"}}})"),
        "BTC/USD BTC/USD; DOGE/USD DOGE/USD halted; SOL/BTC SOL/BTC; 1INCH/USD 1INCH/USD");
    EXPECT_EQ(show_listings(kraken_type, R"({"error":["EService:Unavailable"]})"),
              "venue_error: Kraken's error EService:Unavailable");
}

TEST(Listings, Okx) {
    EXPECT_EQ(
        show_listings(
            okx_type,
            R"({"code":"0","msg":"","data":[)"
            R"({"instType":"SPOT","instId":"BTC-USDT","baseCcy":"BTC","quoteCcy":"USDT","state":"live"},)"
            R"({"instType":"SPOT","instId":"NEW-USDT","baseCcy":"NEW","quoteCcy":"USDT","state":"preopen"},)"
            R"({"instType":"SPOT","instId":"OLD-USDC","baseCcy":"OLD","quoteCcy":"USDC","state":"suspend"},)"
            R"({"instType":"SWAP","instId":"BTC-USDT-SWAP","baseCcy":"","quoteCcy":"","state":"live"}]})"),
        "BTC-USDT BTC/USDT; NEW-USDT NEW/USDT halted; OLD-USDC OLD/USDC halted");
}

TEST(Listings, Bybit) {
    EXPECT_EQ(
        show_listings(
            bybit_type,
            R"({"retCode":0,"retMsg":"OK","result":{"category":"spot","list":[)"
            R"({"symbol":"BTCUSDT","baseCoin":"BTC","quoteCoin":"USDT","innovation":"0","status":"Trading"},)"
            R"({"symbol":"1SOLUSDT","baseCoin":"1SOL","quoteCoin":"USDT","status":"PreLaunch"}]},"time":1})"),
        "BTCUSDT BTC/USDT; 1SOLUSDT 1SOL/USDT halted");
}

TEST(Listings, Bitstamp) {
    EXPECT_EQ(
        show_listings(
            bitstamp_type,
            R"([{"name":"BTC/USD","market_symbol":"btcusd","base_currency":"BTC","counter_currency":"USD",)"
            R"("trading":"Enabled","market_type":"SPOT"},)"
            R"({"name":"BTC/USD-PERP","market_symbol":"btcusd-perp","base_currency":"BTC",)"
            R"("counter_currency":"USD","trading":"Enabled","market_type":"PERPETUAL"},)"
            R"({"name":"GYEN/EUR","url_symbol":"gyeneur","trading":"Disabled"}])"),
        "btcusd BTC/USD; gyeneur GYEN/EUR halted");
}

TEST(Listings, CoinPaprika) {
    EXPECT_EQ(
        show_listings(
            coinpaprika_type,
            R"([{"id":"btc-bitcoin","name":"Bitcoin","symbol":"BTC","rank":1,"is_new":false,"is_active":true},)"
            R"({"id":"btc-dead-coin","name":"Dead","symbol":"BTC","rank":0,"is_active":false},)"
            R"({"id":"steth-lido","name":"Lido \"stETH\"","symbol":"stETH","is_active":true}])"),
        "btc-bitcoin BTC/USD Bitcoin; steth-lido STETH/USD Lido \"stETH\"");
}

TEST(Listings, AListWithManyBrokenRowsIsAnError) {
    std::string rows;
    for (int i = 0; i < 9; ++i)
        rows += fmt::format(
            R"({{"instId":"C{}-USDT","baseCcy":"C{}","quoteCcy":"USDT","state":"live","instType":"SPOT"}},)",
            i, i);
    const auto shown = [&](std::string_view more) {
        return show_listings(okx_type, R"({"code":"0","data":[)" + rows + std::string(more) + "]}");
    };
    EXPECT_TRUE(shown("null").starts_with("C0-USDT C0/USDT; ")) << "one broken row leaves only itself out";
    EXPECT_TRUE(shown(R"({"instId":"X-USDT"},7)").starts_with("wrong_shape: ")) << shown("7,8");
}

}  // namespace
}  // namespace pricewire::feed::past_tests
