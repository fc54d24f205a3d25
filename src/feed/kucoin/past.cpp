#include <fmt/format.h>

#include "feed/detail/past.hpp"
#include "feed/kucoin/kucoin.hpp"

namespace pricewire::feed::kucoin {
namespace {

constexpr detail::AnswerShape answer{
    .title = "KuCoin", .path = {"data"}, .code = "code", .text = "msg", .good = "200000"};

// {"code":"200000","data":[["1700000000","open","close","high","low","volume","turnover"], …]}, newest first
constexpr detail::CandleShape candle{
    .answer = answer, .unit = detail::TimeUnit::seconds, .columns = {0, 1, 3, 4, 2, 5}};

// Coins that KuCoin calls by an earlier name.
std::string_view coin_of(std::string_view code) {
    return code == "BCHSV" ? "BSV" : code;
}

}  // namespace

// {"code":"200000","data":[{"symbol":"BTC-USDT","baseCurrency":"BTC","quoteCurrency":"USDT","enableTrading":true}, …]}
std::expected<std::vector<Listing>, ParseError> parse_listings(std::string_view body) {
    static constexpr std::array<std::string_view, 4> names{"symbol", "baseCurrency", "quoteCurrency",
                                                           "enableTrading"};
    return detail::read_listings(body, answer, names, [](auto row, std::vector<Listing>& out) {
        return detail::add_listing(kucoin_type, row[0], coin_of(row[1]), row[2], row[3] == "true", out);
    });
}

std::string candles_url(const PastRequest& r) {
    return fmt::format("/api/v1/market/candles?symbol={}&type={}&startAt={}&endAt={}", r.symbol,
                       detail::interval_word(r.interval, {"1min", "1hour", "1day"}),
                       detail::to_seconds(r.from), detail::to_seconds(r.to) - 1);
}

std::expected<std::vector<Candle>, ParseError> parse_candles(std::string_view body, const PastRequest& r) {
    return detail::read_candles(body, candle, r);
}

}  // namespace pricewire::feed::kucoin
