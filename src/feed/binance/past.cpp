#include <fmt/format.h>

#include "feed/binance/binance.hpp"
#include "feed/detail/past.hpp"

namespace pricewire::feed::binance {
namespace {

constexpr std::size_t rows_per_page = 1000;

constexpr detail::AnswerShape answer{.title = "Binance", .code = "code", .text = "msg"};
constexpr detail::AnswerShape list{.title = "Binance", .path = {"symbols"}, .code = "code", .text = "msg"};

// [[1700000000000,"open","high","low","close","volume",1700000059999, …], …]
constexpr detail::CandleShape candle{.answer = answer, .columns = {0, 1, 2, 3, 4, 5}};
// [{"a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27781,"T":1498793709153,"m":true,"M":true}, …]
constexpr detail::TradeShape trade{.answer = answer, .names = {"T", "p", "a"}};

}  // namespace

// {"symbols":[{"symbol":"BTCUSDT","status":"TRADING","baseAsset":"BTC","quoteAsset":"USDT",
// "isSpotTradingAllowed":true, …}, …], …}
std::expected<std::vector<Listing>, ParseError> parse_listings(std::string_view body) {
    static constexpr std::array<std::string_view, 5> names{"symbol", "baseAsset", "quoteAsset", "status",
                                                           "isSpotTradingAllowed"};
    return detail::read_listings(body, list, names, [](auto row, std::vector<Listing>& out) {
        if (row[4] == "false") return true;
        return detail::add_listing(binance_type, row[0], row[1], row[2], row[3] == "TRADING", out);
    });
}

std::string candles_url(const PastRequest& r) {
    return fmt::format("/api/v3/klines?symbol={}&interval={}&startTime={}&endTime={}&limit={}", r.symbol,
                       detail::interval_word(r.interval, {"1m", "1h", "1d"}), detail::to_milliseconds(r.from),
                       detail::to_milliseconds(r.to) - 1, rows_per_page);
}

std::expected<std::vector<Candle>, ParseError> parse_candles(std::string_view body, const PastRequest& r) {
    return detail::read_candles(body, candle, r);
}

// A cursor is the id of the first trade of the page; Binance takes no range beside it.
std::string trades_url(const PastRequest& r) {
    const std::string where = r.cursor.empty()
                                  ? fmt::format("startTime={}&endTime={}", detail::to_milliseconds(r.from),
                                                detail::to_milliseconds(r.to - Duration{1}))
                                  : "fromId=" + r.cursor;
    return fmt::format("/api/v3/aggTrades?symbol={}&{}&limit={}", r.symbol, where, rows_per_page);
}

std::expected<PastTrades, ParseError> parse_trades(std::string_view body, const PastRequest& r) {
    return detail::read_page(body, trade, r, rows_per_page, [&](const detail::TradeRows& rows) {
        const bool is_over = rows.trades.empty() || !rows.trades.back().id || rows.trades.back().time >= r.to;
        return is_over ? std::string() : std::to_string(*rows.trades.back().id + 1);
    });
}

}  // namespace pricewire::feed::binance
