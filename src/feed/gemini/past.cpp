#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "feed/detail/past.hpp"
#include "feed/gemini/gemini.hpp"

namespace pricewire::feed::gemini {
namespace {

constexpr std::size_t rows_per_page = 500;

constexpr detail::AnswerShape answer{.title = "Gemini", .code = "reason", .text = "message"};

// [[1700000000000,open,high,low,close,volume], …], newest first
constexpr detail::CandleShape candle{.answer = answer, .columns = {0, 1, 2, 3, 4, 5}};
// [{"timestamp":1700000000,"timestampms":1700000000123,"tid":5335307668,"price":"65000.10","type":"buy", …}, …], newest
// first; a block is agreed on beside the market.
constexpr detail::TradeShape trade_shape{
    .answer = answer, .names = {"timestampms", "price", "tid"}, .kind = "type", .off_market = "block"};

}  // namespace

// [{"symbol":"BTCUSD","base_currency":"BTC","quote_currency":"USD","status":"open","product_type":"spot", …}, …]
std::expected<std::vector<Listing>, ParseError> parse_listings(std::string_view body) {
    static constexpr std::array<std::string_view, 5> names{"symbol", "base_currency", "quote_currency",
                                                           "status", "product_type"};
    return detail::read_listings(body, answer, names, [](auto row, std::vector<Listing>& out) {
        const bool is_spot = row[4].empty() || row[4] == "spot";
        return !is_spot ||
               detail::add_listing(gemini_type, lower_case(row[0]), row[1], row[2], row[3] == "open", out);
    });
}

// The newest ones, whatever the range.
std::string candles_url(const PastRequest& r) {
    return fmt::format("/v2/candles/{}/{}", r.symbol,
                       detail::interval_word(r.interval, {"1m", "1hr", "1day"}));
}

std::expected<std::vector<Candle>, ParseError> parse_candles(std::string_view body, const PastRequest& r) {
    return detail::read_candles(body, candle, r);
}

// A cursor is the id of the last trade so far. Only trades behind a time, or behind an id, come.
std::string trades_url(const PastRequest& r) {
    const std::string after = r.cursor.empty()
                                  ? fmt::format("timestamp={}", detail::to_milliseconds(r.from) - 1)
                                  : "since_tid=" + r.cursor;
    return fmt::format("/v1/trades/{}?{}&limit_trades={}", r.symbol, after, rows_per_page);
}

std::expected<PastTrades, ParseError> parse_trades(std::string_view body, const PastRequest& r) {
    return detail::read_page(body, trade_shape, r, rows_per_page, [&](const detail::TradeRows& rows) {
        const auto most = std::ranges::max_element(rows.trades, {}, &PastTrade::id);
        const bool is_over = most == rows.trades.end() || !most->id || rows.trades.back().time >= r.to;
        return is_over ? std::string() : std::to_string(*most->id);
    });
}

}  // namespace pricewire::feed::gemini
