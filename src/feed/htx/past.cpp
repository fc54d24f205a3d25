#include <fmt/format.h>

#include "feed/detail/past.hpp"
#include "feed/htx/htx.hpp"

namespace pricewire::feed::htx {
namespace {

constexpr detail::AnswerShape answer{
    .title = "HTX", .path = {"data"}, .code = "err-code", .text = "err-msg", .named = "ch"};

// {"ch":"market.btcusdt.kline.1min","status":"ok","data":[{"id":1700000000,"open":…,"close":…,"low":…,"high":…,
// "amount":coins,"vol":dollars, …}, …]}, newest first
constexpr detail::CandleShape candle{.answer = answer,
                                     .unit = detail::TimeUnit::seconds,
                                     .names = {"id", "open", "high", "low", "close", "amount"}};

std::string_view period_of(Duration interval) {
    return detail::interval_word(interval, {"1min", "60min", ""});
}

}  // namespace

// {"status":"ok","data":[{"symbol":"btcusdt","bc":"btc","qc":"usdt","state":"online", …}, …]}; what was delisted stays
// in the list as "offline".
std::expected<std::vector<Listing>, ParseError> parse_listings(std::string_view body) {
    static constexpr std::array<std::string_view, 4> names{"symbol", "bc", "qc", "state"};
    return detail::read_listings(body, answer, names, [](auto row, std::vector<Listing>& out) {
        return row[3] == "offline" ||
               detail::add_listing(htx_type, row[0], row[1], row[2], row[3] == "online", out);
    });
}

// The newest ones, whatever the range.
std::string candles_url(const PastRequest& r) {
    return fmt::format("/market/history/kline?symbol={}&period={}&size={}", r.symbol, period_of(r.interval),
                       htx_type.past.candles_per_request);
}

std::expected<std::vector<Candle>, ParseError> parse_candles(std::string_view body, const PastRequest& r) {
    return detail::read_candles(body, candle, r,
                                fmt::format("market.{}.kline.{}", r.symbol, period_of(r.interval)));
}

}  // namespace pricewire::feed::htx
