#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "feed/detail/past.hpp"
#include "feed/kraken/kraken.hpp"
#include "feed/kraken/pair.hpp"

namespace pricewire::feed::kraken {
namespace {

constexpr std::size_t rows_per_page = 1000;

// {"error":[],"result":{"XXBTZUSD":[ … ],"last":"1688671969993150842"}}; errors come under status 200.
constexpr detail::AnswerShape answer{
    .title = "Kraken",
    .path = {"result", "*"},
    .code = "error",
    .named = "*",
    .is_name_of = [](std::string_view named, std::string_view symbol) { return pair_of(symbol).has(named); }};
constexpr detail::AnswerShape list{
    .title = "Kraken", .path = {"result"}, .are_fields = true, .code = "error"};

// [1688671200,"open","high","low","close","vwap","volume",23], the last one open
constexpr detail::CandleShape candle{
    .answer = answer, .unit = detail::TimeUnit::seconds, .columns = {0, 1, 2, 3, 4, 6}};
// ["30243.40000","0.34507674",1688669597.8277369,"b","m","",61044952]
constexpr detail::TradeShape trade{
    .answer = answer, .unit = detail::TimeUnit::seconds, .columns = {2, 0, 6, detail::no_column}};

// As the stream and other venues spell it.
std::string_view spelled(std::string_view code) {
    return code == "XBT" ? "BTC" : code == "XDG" ? "DOGE" : code;
}

std::int64_t nanoseconds(Timestamp t) {
    return to_micros(t) * 1000;
}

}  // namespace

// {"error":[],"result":{"XXBTZUSD":{"altname":"XBTUSD","wsname":"XBT/USD","status":"online", …}, …}}
std::expected<std::vector<Listing>, ParseError> parse_listings(std::string_view body) {
    static constexpr std::array<std::string_view, 3> names{"wsname", "status", "altname"};
    return detail::read_listings(body, list, names, [](auto row, std::vector<Listing>& out) {
        if (row[1] == "delisted" || (row[0].empty() && !row[2].empty())) return true;  // a dark pool's
        std::string_view quote = row[0];
        const std::string_view base = spelled(take_part(quote, '/'));
        quote = spelled(quote);
        return detail::add_listing(kraken_type, fmt::format("{}/{}", base, quote), base, quote,
                                   row[1] == "online", out);
    });
}

// Only the latest come, whatever `since`.
std::string candles_url(const PastRequest& r) {
    return fmt::format("/OHLC?pair={}&interval={}&since={}", pair_of(r.symbol).name,
                       std::chrono::duration_cast<std::chrono::minutes>(r.interval).count(),
                       detail::to_seconds(r.from - r.interval));
}

std::expected<std::vector<Candle>, ParseError> parse_candles(std::string_view body, const PastRequest& r) {
    return detail::read_candles(body, candle, r);
}

// A cursor is a time in nanoseconds, as is what a page ends with; several trades may share one.
std::string trades_url(const PastRequest& r) {
    return fmt::format("/Trades?pair={}&since={}&count={}", pair_of(r.symbol).name,
                       r.cursor.empty() ? std::to_string(nanoseconds(r.from) - 1) : r.cursor, rows_per_page);
}

std::expected<PastTrades, ParseError> parse_trades(std::string_view body, const PastRequest& r) {
    return detail::read_page(body, trade, r, rows_per_page, [&](const detail::TradeRows& rows) {
        if (rows.trades.empty() || rows.trades.back().time >= r.to) return std::string();
        // The trades of its last microsecond may come again.
        const std::int64_t last = nanoseconds(rows.trades.back().time) - 1;
        const std::int64_t before = parse_number<std::int64_t>(r.cursor).value_or(nanoseconds(r.from) - 1);
        return std::to_string(std::max(last, before + 1000));
    });
}

}  // namespace pricewire::feed::kraken
