#include <fmt/format.h>

#include <algorithm>

#include "feed/bitget/bitget.hpp"
#include "feed/detail/past.hpp"

namespace pricewire::feed::bitget {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t rows_per_page = 1000;

constexpr detail::AnswerShape answer{
    .title = "Bitget", .path = {"data"}, .code = "code", .text = "msg", .good = "00000"};

// {"code":"00000","data":[["1700000000000","open","high","low","close","volume","in USDT","in the currency"], …]}
constexpr detail::CandleShape candle{.answer = answer, .columns = {0, 1, 2, 3, 4, 5}};
// {"code":"00000","data":[{"symbol":"BTCUSDT","tradeId":"1","price":"65000.1","ts":"1700000000000", …}, …]}, newest
// first; times may be those of the second.
constexpr detail::TradeShape trade{.answer = answer, .names = {"ts", "price", "tradeId", "symbol"}};

}  // namespace

// {"code":"00000","data":[{"symbol":"BTCUSDT","baseCoin":"BTC","quoteCoin":"USDT","status":"online", …}, …]}; what was
// delisted stays in the list as "offline".
std::expected<std::vector<Listing>, ParseError> parse_listings(std::string_view body) {
    static constexpr std::array<std::string_view, 4> names{"symbol", "baseCoin", "quoteCoin", "status"};
    return detail::read_listings(body, answer, names, [](auto row, std::vector<Listing>& out) {
        return row[3] == "offline" ||
               detail::add_listing(bitget_type, row[0], row[1], row[2], row[3] == "online", out);
    });
}

// Its plain days begin at 16:00 UTC. Whether it takes its ends as inclusive is not documented: no candle begins a
// millisecond before another. What is asked for is within its reach, beyond which it might refuse.
std::string candles_url(const PastRequest& r) {
    const auto reach = r.interval == 1min ? bitget_type.past.reach : r.interval == 1h ? 83 * 24h : 360 * 24h;
    const Timestamp from = std::min(std::max(r.from, r.now - reach), r.to - r.interval);
    return fmt::format(
        "/api/v2/spot/market/candles?symbol={}&granularity={}&startTime={}&endTime={}&limit={}", r.symbol,
        detail::interval_word(r.interval, {"1min", "1h", "1Dutc"}), detail::to_milliseconds(from) - 1,
        detail::to_milliseconds(r.to) - 1, bitget_type.past.candles_per_request);
}

std::expected<std::vector<Candle>, ParseError> parse_candles(std::string_view body, const PastRequest& r) {
    return detail::read_candles(body, candle, r);
}

// A cursor is the id that those of the page are below.
std::string trades_url(const PastRequest& r) {
    return fmt::format("/api/v2/spot/market/fills-history?symbol={}&startTime={}&endTime={}&limit={}{}{}",
                       r.symbol, detail::to_milliseconds(r.from), detail::to_milliseconds(r.to),
                       rows_per_page, r.cursor.empty() ? "" : "&idLessThan=", r.cursor);
}

std::expected<PastTrades, ParseError> parse_trades(std::string_view body, const PastRequest& r) {
    return detail::read_page(body, trade, r, rows_per_page, [&](const detail::TradeRows& rows) {
        const auto least = std::ranges::min_element(rows.trades, {}, &PastTrade::id);
        const bool is_over = least == rows.trades.end() || !least->id || rows.trades.front().time < r.from;
        return is_over ? std::string() : std::to_string(*least->id);
    });
}

}  // namespace pricewire::feed::bitget
