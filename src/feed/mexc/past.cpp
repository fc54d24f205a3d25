#include <fmt/format.h>

#include "feed/detail/past.hpp"
#include "feed/mexc/mexc.hpp"

namespace pricewire::feed::mexc {
namespace {

constexpr std::size_t rows_per_page = 1000;

constexpr detail::AnswerShape answer{.title = "MEXC", .code = "code", .text = "msg"};
constexpr detail::AnswerShape list{.title = "MEXC", .path = {"symbols"}, .code = "code", .text = "msg"};

// [[1700000000000,"open","high","low","close","volume",1700000060000,"in the currency"], …]
constexpr detail::CandleShape candle{.answer = answer, .columns = {0, 1, 2, 3, 4, 5}};
// [{"a":null,"f":null,"l":null,"p":"65000.1","q":"0.1","T":1700000000000,"m":true,"M":true}, …]
constexpr detail::TradeShape trade{.answer = answer, .names = {"T", "p", "a"}};

}  // namespace

// {"symbols":[{"symbol":"BTCUSDT","status":"1","baseAsset":"BTC","quoteAsset":"USDT","isSpotTradingAllowed":true, …},
// …]}; status 2 is paused, 3 offline.
std::expected<std::vector<Listing>, ParseError> parse_listings(std::string_view body) {
    static constexpr std::array<std::string_view, 5> names{"symbol", "baseAsset", "quoteAsset", "status",
                                                           "isSpotTradingAllowed"};
    return detail::read_listings(body, list, names, [](auto row, std::vector<Listing>& out) {
        return row[3] == "3" ||
               detail::add_listing(mexc_type, row[0], row[1], row[2], row[3] == "1" && row[4] == "true", out);
    });
}

std::string candles_url(const PastRequest& r) {
    return fmt::format("/api/v3/klines?symbol={}&interval={}&startTime={}&endTime={}&limit={}", r.symbol,
                       detail::interval_word(r.interval, {"1m", "60m", "1d"}),
                       detail::to_milliseconds(r.from), detail::to_milliseconds(r.to) - 1,
                       mexc_type.past.candles_per_request);
}

std::expected<std::vector<Candle>, ParseError> parse_candles(std::string_view body, const PastRequest& r) {
    return detail::read_candles(body, candle, r);
}

// Whether the oldest or the newest trades of a range come first is not documented: the order of a page tells from
// which end the next one continues. A cursor is '<' and the new end, or '>' and the new start.
std::string trades_url(const PastRequest& r) {
    const std::string_view at = std::string_view(r.cursor).substr(r.cursor.empty() ? 0 : 1);
    const std::string from = std::to_string(detail::to_milliseconds(r.from));
    const std::string to = std::to_string(detail::to_milliseconds(r.to));
    return fmt::format("/api/v3/aggTrades?symbol={}&startTime={}&endTime={}&limit={}", r.symbol,
                       r.cursor.starts_with('>') ? at : from, r.cursor.starts_with('<') ? at : to,
                       rows_per_page);
}

std::expected<PastTrades, ParseError> parse_trades(std::string_view body, const PastRequest& r) {
    return detail::read_page(body, trade, r, rows_per_page, [&](const detail::TradeRows& rows) {
        PastRequest last = r;
        if (!last.cursor.empty()) last.cursor.erase(0, 1);
        const bool is_backward = r.cursor.empty() ? rows.newest_first : r.cursor.starts_with('<');
        const std::string next = is_backward ? cursor_before(rows, last) : cursor_after(rows, last);
        return next.empty() ? next : (is_backward ? '<' : '>') + next;
    });
}

}  // namespace pricewire::feed::mexc
