#include <fmt/format.h>

#include "base/text.hpp"
#include "feed/detail/past.hpp"
#include "feed/gateio/gateio.hpp"

namespace pricewire::feed::gateio {
namespace {

constexpr std::size_t rows_per_page = 1000;
constexpr std::int64_t last_page = 101;  // 100,000 rows may be passed over

constexpr detail::AnswerShape answer{.title = "Gate.io", .code = "label", .text = "message"};

// [["1700000000","quote volume","close","high","low","open","volume","true"], …]; the last is whether it is over
constexpr detail::CandleShape candle{.answer = answer,
                                     .unit = detail::TimeUnit::seconds,
                                     .columns = {0, 5, 3, 4, 2, 6},
                                     .open_column = 7,
                                     .open_word = "false"};
// [{"id":"1232893232","create_time_ms":"1548000000123.456","currency_pair":"BTC_USDT","price":"65000.1", …}, …]
constexpr detail::TradeShape trade{.answer = answer,
                                   .names = {"create_time_ms", "price", "id", "currency_pair"}};

std::int64_t page_in(std::string_view cursor) {
    return parse_number<std::int64_t>(cursor).value_or(1);
}

}  // namespace

// [{"id":"BTC_USDT","base":"BTC","quote":"USDT","trade_status":"tradable","delisting_time":0, …}, …]; what can only be
// bought, or only be sold, has no market, and what was delisted stays in the list.
std::expected<std::vector<Listing>, ParseError> parse_listings(std::string_view body) {
    static constexpr std::array<std::string_view, 5> names{"id", "base", "quote", "trade_status",
                                                           "delisting_time"};
    return detail::read_listings(body, answer, names, [](auto row, std::vector<Listing>& out) {
        const bool is_delisted = row[3] == "untradable" && !row[4].empty() && row[4] != "0";
        return is_delisted ||
               detail::add_listing(gateio_type, row[0], row[1], row[2], row[3] == "tradable", out);
    });
}

std::string candles_url(const PastRequest& r) {
    return fmt::format("/spot/candlesticks?currency_pair={}&interval={}&from={}&to={}", r.symbol,
                       detail::interval_word(r.interval, {"1m", "1h", "1d"}), detail::to_seconds(r.from),
                       detail::to_seconds(r.to) - 1);
}

std::expected<std::vector<Candle>, ParseError> parse_candles(std::string_view body, const PastRequest& r) {
    return detail::read_candles(body, candle, r);
}

// A cursor is the number of a page.
std::string trades_url(const PastRequest& r) {
    return fmt::format("/spot/trades?currency_pair={}&from={}&to={}&limit={}&page={}", r.symbol,
                       detail::to_seconds(r.from), detail::to_seconds(r.to), rows_per_page,
                       page_in(r.cursor));
}

std::expected<PastTrades, ParseError> parse_trades(std::string_view body, const PastRequest& r) {
    return detail::read_page(body, trade, r, rows_per_page, [&](const detail::TradeRows&) {
        const std::int64_t next = page_in(r.cursor) + 1;
        return next > last_page ? std::string() : std::to_string(next);
    });
}

}  // namespace pricewire::feed::gateio
