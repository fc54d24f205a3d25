#include <fmt/format.h>

#include "feed/detail/past.hpp"
#include "feed/okx/okx.hpp"

namespace pricewire::feed::okx {
namespace {

// The newest candles have an address of their own.
constexpr int recent_candles = 1440;
constexpr std::size_t rows_per_page = 100;

constexpr detail::AnswerShape answer{
    .title = "OKX", .path = {"data"}, .code = "code", .text = "msg", .good = "0"};

// {"code":"0","msg":"","data":[["1700000000000","open","high","low","close","volume", …, …,"1"], …]}, newest first
constexpr detail::CandleShape candle{
    .answer = answer, .columns = {0, 1, 2, 3, 4, 5}, .open_column = 8, .open_word = "0"};
// {"code":"0","data":[{"instId":"BTC-USDT","side":"sell","sz":"0.00001","px":"29963.2","tradeId":"242720720",
// "ts":"1654161646974"}, …]}, newest first
constexpr detail::TradeShape trade{.answer = answer, .names = {"ts", "px", "tradeId", "instId"}};

}  // namespace

// {"code":"0","data":[{"instId":"BTC-USDT","baseCcy":"BTC","quoteCcy":"USDT","state":"live","instType":"SPOT", …}, …]}
std::expected<std::vector<Listing>, ParseError> parse_listings(std::string_view body) {
    static constexpr std::array<std::string_view, 5> names{"instId", "baseCcy", "quoteCcy", "state",
                                                           "instType"};
    return detail::read_listings(body, answer, names, [](auto row, std::vector<Listing>& out) {
        if ((!row[4].empty() && row[4] != "SPOT") || row[3] == "test") return true;
        return detail::add_listing(okx_type, row[0], row[1], row[2], row[3] == "live", out);
    });
}

// "after" and "before" are older and newer than, both exclusive.
std::string candles_url(const PastRequest& r) {
    const bool is_recent = r.from >= r.now - r.interval * recent_candles;
    return fmt::format(
        "/market/{}?instId={}&bar={}&after={}&before={}&limit={}", is_recent ? "candles" : "history-candles",
        r.symbol, detail::interval_word(r.interval, {"1m", "1H", "1Dutc"}), detail::to_milliseconds(r.to),
        detail::to_milliseconds(r.from) - 1, okx_type.past.candles_per_request);
}

std::expected<std::vector<Candle>, ParseError> parse_candles(std::string_view body, const PastRequest& r) {
    return detail::read_candles(body, candle, r);
}

// The first page ends at a time, those before it at a trade's id, which is the cursor.
std::string trades_url(const PastRequest& r) {
    const std::string where =
        r.cursor.empty() ? fmt::format("type=2&after={}", detail::to_milliseconds(r.to - Duration{1}) + 1)
                         : "type=1&after=" + r.cursor;
    return fmt::format("/market/history-trades?instId={}&{}&limit={}", r.symbol, where, rows_per_page);
}

std::expected<PastTrades, ParseError> parse_trades(std::string_view body, const PastRequest& r) {
    return detail::read_page(body, trade, r, rows_per_page, [&](const detail::TradeRows& rows) {
        const bool is_over =
            rows.trades.empty() || !rows.trades.front().id || rows.trades.front().time < r.from;
        return is_over ? std::string() : std::to_string(*rows.trades.front().id);
    });
}

}  // namespace pricewire::feed::okx
