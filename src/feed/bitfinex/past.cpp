#include <fmt/format.h>

#include <array>
#include <map>

#include "feed/bitfinex/bitfinex.hpp"
#include "feed/detail/json_venue.hpp"
#include "feed/detail/past.hpp"

namespace pricewire::feed::bitfinex {
namespace {

using Coins = std::map<std::string, std::string, std::less<>>;  // by Bitfinex's codes

constexpr std::size_t rows_per_page = 10'000;

// Of errors: ["error",11010,"ratelimit: error"].
constexpr detail::AnswerShape answer{.title = "Bitfinex"};

// [[1700000000000,open,close,high,low,volume], …]
constexpr detail::CandleShape candle{.answer = answer, .columns = {0, 1, 3, 4, 2, 5}};
// [[id,1700000000000,±amount,price], …]
constexpr detail::TradeShape trade{.answer = answer, .columns = {1, 3, 0, detail::no_column}};

// The strings of a list; an element that is none is an empty one.
simdjson::error_code read_strings(detail::JsonValue value, std::vector<std::string>& out) {
    detail::ondemand::array list;
    if (const auto error = value.get_array().get(list)) return error;
    for (auto element : list) {
        std::string_view token;
        if (const auto error = element.raw_json_token().get(token)) return error;
        out.emplace_back(detail::plain_string(token).value_or(""));
    }
    return simdjson::SUCCESS;
}

simdjson::error_code read_coins(detail::JsonValue value, Coins& out) {
    detail::ondemand::array list;
    if (const auto error = value.get_array().get(list)) return error;
    for (auto element : list) {
        detail::ondemand::json_type type{};
        if (const auto error = element.type().get(type)) return error;
        if (type != detail::ondemand::json_type::array) continue;
        std::vector<std::string> pair;
        if (const auto error = read_strings(element, pair)) return error;
        if (pair.size() == 2) out.emplace(pair[0], pair[1]);
    }
    return simdjson::SUCCESS;
}

// False: not a pair. "BTCUSD" and "DOGE:USD" are BTC and DOGE in USD.
bool add_pair(std::string_view pair, const Coins& coins, std::vector<Listing>& out) {
    const std::size_t colon = pair.find(':');
    if (colon == std::string_view::npos && pair.size() != 6) return false;
    const std::string_view base = pair.substr(0, colon == std::string_view::npos ? 3 : colon);
    const std::string_view quote = pair.substr(colon == std::string_view::npos ? 3 : colon + 1);
    const auto coin = [&](std::string_view code) {
        const auto found = coins.find(code);
        return found == coins.end() ? coin_of(code) : std::string_view(found->second);
    };
    return detail::add_listing(bitfinex_type, "t" + std::string(pair), coin(base), coin(quote), true, out);
}

}  // namespace

// Of "conf/pub:list:pair:exchange,pub:map:currency:sym": [["BTCUSD","DOGE:USD", …],[["UST","USDt"], …]]. The map may be
// missing.
std::expected<std::vector<Listing>, ParseError> parse_listings(std::string_view body) {
    detail::JsonReader reader;
    std::vector<std::string> pairs;
    Coins coins;
    std::array<std::string_view, 3> error;  // ["error",code,text]
    const auto over = detail::read_list(
        reader, body, "an answer", [&](std::size_t index, detail::JsonValue value) -> detail::Step {
            detail::ondemand::json_type type{};
            if (const auto failure = value.type().get(type)) return failure;
            if (type != detail::ondemand::json_type::array)
                return index < error.size() ? detail::Step(value.raw_json_token().get(error[index]))
                                            : detail::Step(simdjson::SUCCESS);
            if (index == 0) return read_strings(value, pairs);
            return index == 1 ? read_coins(value, coins) : simdjson::SUCCESS;
        });
    if (over && !*over) return std::unexpected(over->error());
    if (!error[0].empty()) {
        const std::string_view code = detail::trimmed(error[1]), text = detail::digits_of(error[2]);
        return detail::refuse(detail::kind_of_error(code, text),
                              fmt::format("Bitfinex's error {}: {}", snippet(code), snippet(text)));
    }
    std::vector<Listing> out;
    std::size_t broken = 0;
    for (const std::string& pair : pairs) broken += add_pair(pair, coins, out) ? 0 : 1;
    return detail::judged_listings(std::move(out), broken, "Bitfinex");
}

std::string candles_url(const PastRequest& r) {
    return fmt::format("/candles/trade:{}:{}/hist?start={}&end={}&limit={}&sort=1",
                       detail::interval_word(r.interval, {"1m", "1h", "1D"}), r.symbol,
                       detail::to_milliseconds(r.from), detail::to_milliseconds(r.to) - 1,
                       bitfinex_type.past.candles_per_request);
}

std::expected<std::vector<Candle>, ParseError> parse_candles(std::string_view body, const PastRequest& r) {
    return detail::read_candles(body, candle, r);
}

// A cursor is the start of the page.
std::string trades_url(const PastRequest& r) {
    return fmt::format("/trades/{}/hist?start={}&end={}&limit={}&sort=1", r.symbol,
                       r.cursor.empty() ? std::to_string(detail::to_milliseconds(r.from)) : r.cursor,
                       detail::to_milliseconds(r.to), rows_per_page);
}

std::expected<PastTrades, ParseError> parse_trades(std::string_view body, const PastRequest& r) {
    return detail::read_page(body, trade, r, rows_per_page,
                             [&](const detail::TradeRows& rows) { return cursor_after(rows, r); });
}

}  // namespace pricewire::feed::bitfinex
