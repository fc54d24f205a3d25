#include <fmt/format.h>

#include "base/text.hpp"
#include "feed/bitstamp/bitstamp.hpp"
#include "feed/detail/past.hpp"

namespace pricewire::feed::bitstamp {
namespace {

// "BTC/USD" of "btcusd"
bool is_name_of(std::string_view pair, std::string_view symbol) {
    const std::string_view base = take_part(pair, '/');
    return lower_case(base) + lower_case(pair) == symbol;
}

constexpr detail::AnswerShape list{.title = "Bitstamp", .code = "code", .text = "reason"};

// {"data":{"ohlc":[{"close":"3","high":"4","low":"1","open":"2","timestamp":"1700000000","volume":"5"}, …],
// "pair":"BTC/USD"}}
constexpr detail::CandleShape candle{.answer = {.title = "Bitstamp",
                                                .path = {"data", "ohlc"},
                                                .code = "code",
                                                .text = "reason",
                                                .named = "pair",
                                                .is_name_of = is_name_of},
                                     .unit = detail::TimeUnit::seconds,
                                     .names = {"timestamp", "open", "high", "low", "close", "volume"}};
// [{"date":"1700000000","tid":"1","amount":"0.1","type":"0","price":"65000"}, …], newest first
constexpr detail::TradeShape trade{
    .answer = list, .unit = detail::TimeUnit::seconds, .names = {"date", "price", "tid"}};

}  // namespace

// [{"name":"BTC/USD","market_symbol":"btcusd","base_currency":"BTC","counter_currency":"USD","trading":"Enabled",
// "market_type":"SPOT", …}, …]; in an older form "url_symbol", and no currencies.
std::expected<std::vector<Listing>, ParseError> parse_listings(std::string_view body) {
    static constexpr std::array<std::string_view, 7> names{
        "market_symbol", "url_symbol", "name", "base_currency", "counter_currency", "trading", "market_type"};
    return detail::read_listings(body, list, names, [](auto row, std::vector<Listing>& out) {
        if (!row[6].empty() && row[6] != "SPOT") return true;
        std::string_view quote = row[2];
        const std::string_view base = take_part(quote, '/');
        return detail::add_listing(bitstamp_type, row[0].empty() ? row[1] : row[0],
                                   row[3].empty() ? base : row[3], row[4].empty() ? quote : row[4],
                                   row[5] == "Enabled", out);
    });
}

std::string candles_url(const PastRequest& r) {
    return fmt::format("/ohlc/{}/?step={}&limit={}&start={}&end={}", r.symbol,
                       std::chrono::duration_cast<std::chrono::seconds>(r.interval).count(),
                       bitstamp_type.past.candles_per_request, detail::to_seconds(r.from),
                       detail::to_seconds(r.to) - 1);
}

std::expected<std::vector<Candle>, ParseError> parse_candles(std::string_view body, const PastRequest& r) {
    return detail::read_candles(body, candle, r);
}

// There are those of the last minute and of the last hour, all in one answer.
std::string trades_url(const PastRequest& r) {
    return fmt::format("/transactions/{}/?time={}", r.symbol,
                       r.now - r.from < std::chrono::seconds{50} ? "minute" : "hour");
}

std::expected<PastTrades, ParseError> parse_trades(std::string_view body, const PastRequest& r) {
    auto rows = detail::read_trades(body, trade, r.symbol);
    if (!rows) return std::unexpected(rows.error());
    return detail::page_of(std::move(*rows), r, {});
}

}  // namespace pricewire::feed::bitstamp
