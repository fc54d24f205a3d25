#include "feed/coinpaprika/coinpaprika.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.hpp"
#include "feed/detail/json_venue.hpp"

namespace pricewire::feed {

using namespace std::chrono_literals;

namespace coinpaprika {
namespace {

using detail::Fields;
using detail::leave_out;
using detail::refuse;
using detail::ondemand::object;
using Kind = ParseError::Kind;

// Ids from CoinPaprika's coin list: the ticker and the name, for which there is no rule.
constexpr std::array<std::pair<std::string_view, std::string_view>, 26> coin_ids{{
    {"ADA", "ada-cardano"},
    {"ALGO", "algo-algorand"},
    {"ATOM", "atom-cosmos"},
    {"AVAX", "avax-avalanche"},
    {"BCH", "bch-bitcoin-cash"},
    {"BNB", "bnb-binance-coin"},
    {"BTC", "btc-bitcoin"},
    {"DASH", "dash-dash"},
    {"DOGE", "doge-dogecoin"},
    {"DOT", "dot-polkadot"},
    {"ETC", "etc-ethereum-classic"},
    {"ETH", "eth-ethereum"},
    {"FIL", "fil-filecoin"},
    {"LINK", "link-chainlink"},
    {"LTC", "ltc-litecoin"},
    {"SHIB", "shib-shiba-inu"},
    {"SOL", "sol-solana"},
    {"TRX", "trx-tron"},
    {"UNI", "uni-uniswap"},
    {"USDC", "usdc-usd-coin"},
    {"USDT", "usdt-tether"},
    {"VET", "vet-vechain"},
    {"XLM", "xlm-stellar"},
    {"XMR", "xmr-monero"},
    {"XRP", "xrp-xrp"},
    {"ZEC", "zec-zcash"},
}};

constexpr std::array<std::string_view, 3> entry_names{"id", "last_updated", "error"};
enum EntryField { id, updated, error_text };
constexpr std::array<std::string_view, 1> quote_names{"price"};

std::optional<Timestamp> time_of(std::string_view token) {
    const auto text = detail::plain_string(token);
    const auto time = text ? parse_rfc3339(*text) : Result<Timestamp>(fail("no text"));
    if (!time || !detail::market_time(to_micros(*time) / 1000)) return std::nullopt;
    return *time;
}

class CoinPaprika final : public detail::JsonVenue {
public:
    using JsonVenue::JsonVenue;

private:
    // A request is for one coin or for all; there is none for several.
    std::string rest_path(std::span<const std::size_t> asked) const override {
        if (asked.size() > 1) return "/tickers?quotes=USD";
        return "/tickers/" + instruments()[asked.front()].symbol + "?quotes=USD";
    }

    // [{"id":"btc-bitcoin","last_updated":"2026-11-01T10:00:00Z","quotes":{"USD":{"price":65000.123, …}}, …}, …],
    // one of these alone, or {"error":"id not found"}
    std::optional<ParseResult> read_answer(detail::Answer& answer) override {
        return read_objects(answer, [&](object from) -> detail::Step {
            Fields entry(entry_names);
            Fields dollars(quote_names);
            for (auto field : from) {
                std::string_view key;
                if (const auto error = field.unescaped_key().get(key)) return error;
                if (key == "quotes") {
                    if (const auto error = collect_dollars(field.value(), dollars)) return error;
                } else {
                    entry.take(key, field.value());
                }
            }
            return take_entry(entry, dollars, answer);
        });
    }

    // One coin without quotes does not spoil those of the others.
    static simdjson::error_code collect_dollars(detail::JsonValue value, Fields<1>& dollars) {
        object quotes;
        if (const auto error = value.get_object().get(quotes))
            return error == simdjson::INCORRECT_TYPE ? simdjson::SUCCESS : error;
        for (auto field : quotes) {
            std::string_view key;
            if (const auto error = field.unescaped_key().get(key)) return error;
            if (key != "USD") continue;
            const auto error = detail::collect(field.value(), dollars);
            if (error && error != simdjson::INCORRECT_TYPE) return error;
        }
        return simdjson::SUCCESS;
    }

    detail::Step take_entry(const Fields<3>& entry, const Fields<1>& dollars, detail::Answer& answer) {
        if (!entry[error_text].empty() && entry[id].empty()) return own_error(entry[error_text]);
        const auto coin = detail::plain_string(entry[id]);
        if (!coin) return unknown_shape(answer);
        const auto instrument = find(*coin);
        if (!instrument) return simdjson::SUCCESS;  // all coins may have been requested
        const bool is_good = !entry.contradictory() && !dollars.contradictory();
        const auto price = is_good ? detail::price_of(detail::digits_of(dollars[0])) : std::nullopt;
        const auto time = time_of(entry[updated]);
        if (price && !time) {
            // Without its time it could be days old.
            leave_out(answer.parsed, fmt::format("a price of '{}' without a valid time", *coin));
        } else {
            add_price(answer, instrument, *coin, price, dollars[0], time);
        }
        return simdjson::SUCCESS;
    }

    static std::unexpected<ParseError> own_error(std::string_view token) {
        const std::string words = lower_case(detail::digits_of(token));
        const auto has = [&](std::string_view part) { return words.find(part) != std::string::npos; };
        return refuse(has("not found")                  ? Kind::unknown_symbol
                      : has("limit") || has("too many") ? Kind::rate_limited
                                                        : Kind::venue_error,
                      fmt::format("CoinPaprika's error: {}", snippet(detail::digits_of(token))));
    }
};

std::optional<std::string> id_of(Ticker ticker) {
    const auto* const found =
        std::ranges::find(coin_ids, ticker.view(), [](const auto& coin) { return coin.first; });
    if (found == coin_ids.end()) return std::nullopt;
    return std::string(found->second);
}

}  // namespace
}  // namespace coinpaprika

constinit const VenueType coinpaprika_type{
    .name = "coinpaprika",
    .title = "CoinPaprika",
    .kind = SourceKind::aggregator,
    .off_reason = "its figures are ten minutes old, so they only tell gross errors",
    .weight = 1,
    .figures_ttl = 15min,
    .rest = {.url = "https://api.coinpaprika.com/v1",
             .max_answer = 4 * 1024 * 1024,
             .poll_interval = 3min,
             .least_interval = 130s,
             .least_interval_reason = "CoinPaprika's free plan ends after 20,000 requests a month"},
    .listings = {.path = "/coins", .parse = coinpaprika::parse_listings},
    .symbol_of = coinpaprika::id_of,
    .is_symbol =
        [](std::string_view coin) {
            const auto is_allowed = [](char c) { return (is_alphanumeric(c) && !is_upper(c)) || c == '-'; };
            return detail::consists_of(coin, is_allowed, 100);
        },
    .create = detail::create<coinpaprika::CoinPaprika, coinpaprika_type>,
};

}  // namespace pricewire::feed
