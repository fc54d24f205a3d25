#include <fmt/format.h>

#include "feed/bybit/bybit.hpp"
#include "feed/detail/past.hpp"

namespace pricewire::feed::bybit {
namespace {

// {"retCode":0,"retMsg":"OK","result":{"symbol":"BTCUSDT","category":"spot","list":[ … ]},"time":1700000000000}
constexpr detail::AnswerShape answer{.title = "Bybit",
                                     .path = {"result", "list"},
                                     .code = "retCode",
                                     .text = "retMsg",
                                     .good = "0",
                                     .named = "symbol"};

// ["1700000000000","open","high","low","close","volume","turnover"], newest first
constexpr detail::CandleShape candle{.answer = answer, .columns = {0, 1, 2, 3, 4, 5}};

}  // namespace

// {"symbol":"BTCUSDT","baseCoin":"BTC","quoteCoin":"USDT","status":"Trading", …}
std::expected<std::vector<Listing>, ParseError> parse_listings(std::string_view body) {
    static constexpr std::array<std::string_view, 4> names{"symbol", "baseCoin", "quoteCoin", "status"};
    return detail::read_listings(body, answer, names, [](auto row, std::vector<Listing>& out) {
        return detail::add_listing(bybit_type, row[0], row[1], row[2], row[3] == "Trading", out);
    });
}

std::string candles_url(const PastRequest& r) {
    return fmt::format("/v5/market/kline?category=spot&symbol={}&interval={}&start={}&end={}&limit={}",
                       r.symbol, detail::interval_word(r.interval, {"1", "60", "D"}),
                       detail::to_milliseconds(r.from), detail::to_milliseconds(r.to) - 1,
                       bybit_type.past.candles_per_request);
}

std::expected<std::vector<Candle>, ParseError> parse_candles(std::string_view body, const PastRequest& r) {
    return detail::read_candles(body, candle, r);
}

}  // namespace pricewire::feed::bybit
