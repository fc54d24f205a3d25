#include <fmt/format.h>

#include "feed/crypto_com/crypto_com.hpp"
#include "feed/detail/past.hpp"

namespace pricewire::feed::crypto_com {
namespace {

constexpr std::size_t rows_per_page = 150;

constexpr detail::AnswerShape answer{.title = "Crypto.com",
                                     .path = {"result", "data"},
                                     .code = "code",
                                     .text = "message",
                                     .good = "0",
                                     .named = "instrument_name"};

// {"code":0,"result":{"interval":"1m","instrument_name":"BTC_USD","data":[{"o":"…","h":"…","l":"…","c":"…","v":"…",
// "t":1700000000000}, …]}}
constexpr detail::CandleShape candle{.answer = answer, .names = {"t", "o", "h", "l", "c", "v"}};
// {"code":0,"result":{"data":[{"d":"4611686018469185217","tn":"1700000000000000000","p":"65000.1","i":"BTC_USD", …},
// …]}}, newest first
constexpr detail::TradeShape trade{
    .answer = answer, .unit = detail::TimeUnit::nanoseconds, .names = {"tn", "p", "d", "i"}};

}  // namespace

// {"code":0,"result":{"data":[{"symbol":"BTC_USD","inst_type":"CCY_PAIR","base_ccy":"BTC","quote_ccy":"USD",
// "tradable":true, …}, …]}}
std::expected<std::vector<Listing>, ParseError> parse_listings(std::string_view body) {
    static constexpr std::array<std::string_view, 5> names{"symbol", "base_ccy", "quote_ccy", "inst_type",
                                                           "tradable"};
    return detail::read_listings(body, answer, names, [](auto row, std::vector<Listing>& out) {
        return row[3] != "CCY_PAIR" ||
               detail::add_listing(crypto_com_type, row[0], row[1], row[2], row[4] == "true", out);
    });
}

// Whether it takes its ends as inclusive is not documented: no candle begins a millisecond before another.
std::string candles_url(const PastRequest& r) {
    return fmt::format("/get-candlestick?instrument_name={}&timeframe={}&count={}&start_ts={}&end_ts={}",
                       r.symbol, detail::interval_word(r.interval, {"1m", "1h", "1D"}),
                       crypto_com_type.past.candles_per_request, detail::to_milliseconds(r.from) - 1,
                       detail::to_milliseconds(r.to) - 1);
}

std::expected<std::vector<Candle>, ParseError> parse_candles(std::string_view body, const PastRequest& r) {
    return detail::read_candles(body, candle, r);
}

// A cursor is the end of the page, in nanoseconds: many trades may be made in one millisecond.
std::string trades_url(const PastRequest& r) {
    return fmt::format("/get-trades?instrument_name={}&count={}&start_ts={}&end_ts={}", r.symbol,
                       rows_per_page, detail::to_milliseconds(r.from) - 1,
                       r.cursor.empty() ? std::to_string(detail::to_milliseconds(r.to)) : r.cursor);
}

std::expected<PastTrades, ParseError> parse_trades(std::string_view body, const PastRequest& r) {
    return detail::read_page(body, trade, r, rows_per_page, [&](const detail::TradeRows& rows) {
        return cursor_before(rows, r, detail::TimeUnit::nanoseconds);
    });
}

}  // namespace pricewire::feed::crypto_com
