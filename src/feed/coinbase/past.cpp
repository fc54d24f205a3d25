#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "feed/coinbase/coinbase.hpp"
#include "feed/detail/past.hpp"

namespace pricewire::feed::coinbase {
namespace {

constexpr std::size_t rows_per_page = 1000;

constexpr detail::AnswerShape answer_with(std::string_view rows) {
    return {.title = "Coinbase", .path = {rows}, .code = "error", .text = "message"};
}

constexpr detail::AnswerShape list = answer_with("products");
// {"candles":[{"start":"1700000000","low":"1","high":"4","open":"2","close":"3","volume":"5"}, …]}, newest first
constexpr detail::CandleShape candle{.answer = answer_with("candles"),
                                     .unit = detail::TimeUnit::seconds,
                                     .names = {"start", "open", "high", "low", "close", "volume"}};
// {"trades":[{"trade_id":"1","product_id":"BTC-USD","price":"65000.01","size":"0.1",
// "time":"2026-11-01T10:00:00.123456Z","side":"BUY"}, …],"best_bid":"…"}, newest first
constexpr detail::TradeShape trade{.answer = answer_with("trades"),
                                   .unit = detail::TimeUnit::rfc3339,
                                   .names = {"time", "price", "trade_id", "product_id"}};

}  // namespace

// {"products":[{"product_id":"BTC-USD","base_currency_id":"BTC","quote_currency_id":"USD","status":"online", …}, …]}
std::expected<std::vector<Listing>, ParseError> parse_listings(std::string_view body) {
    static constexpr std::array<std::string_view, 12> names{
        "product_id",  "base_currency_id", "quote_currency_id", "product_type", "status",    "alias",
        "is_disabled", "trading_disabled", "view_only",         "cancel_only",  "post_only", "auction_mode"};
    return detail::read_listings(body, list, names, [](auto row, std::vector<Listing>& out) {
        // An alias is another name of a product that is in the list as well.
        if ((!row[3].empty() && row[3] != "SPOT") || row[4] == "delisted" || !row[5].empty()) return true;
        const bool is_halted = std::ranges::find(row.subspan(6), "true") != row.end();
        return detail::add_listing(coinbase_type, row[0], row[1], row[2], row[4] == "online" && !is_halted,
                                   out);
    });
}

std::string candles_url(const PastRequest& r) {
    return fmt::format("/products/{}/candles?start={}&end={}&granularity={}&limit={}", r.symbol,
                       detail::to_seconds(r.from), detail::to_seconds(r.to) - 1,
                       detail::interval_word(r.interval, {"ONE_MINUTE", "ONE_HOUR", "ONE_DAY"}),
                       coinbase_type.past.candles_per_request);
}

std::expected<std::vector<Candle>, ParseError> parse_candles(std::string_view body, const PastRequest& r) {
    return detail::read_candles(body, candle, r);
}

// A cursor is the second with which the page ends.
std::string trades_url(const PastRequest& r) {
    const std::string end =
        r.cursor.empty() ? std::to_string(detail::to_seconds(r.to - Duration{1}) + 1) : r.cursor;
    return fmt::format("/products/{}/ticker?limit={}&start={}&end={}", r.symbol, rows_per_page,
                       detail::to_seconds(r.from), end);
}

std::expected<PastTrades, ParseError> parse_trades(std::string_view body, const PastRequest& r) {
    return detail::read_page(body, trade, r, rows_per_page, [&](const detail::TradeRows& rows) {
        if (rows.trades.empty() || rows.trades.front().time <= r.from) return std::string();
        // The second of the oldest trade may have more of them.
        const std::int64_t oldest = detail::to_seconds(rows.trades.front().time) + 1;
        const auto end = parse_number<std::int64_t>(r.cursor);
        return std::to_string(end ? std::min(oldest, *end - 1) : oldest);
    });
}

}  // namespace pricewire::feed::coinbase
