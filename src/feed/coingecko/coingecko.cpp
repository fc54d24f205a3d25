#include "feed/coingecko/coingecko.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.hpp"
#include "feed/detail/json_venue.hpp"

namespace pricewire::feed {

using namespace std::chrono_literals;

namespace coingecko {
namespace {

using detail::Fields;
using detail::leave_out;
using detail::refuse;
using detail::ondemand::object;
using Kind = ParseError::Kind;

// Ids from CoinGecko's coin list. Tickers are not unique there, so no rule gives the id of one.
constexpr std::array<std::pair<std::string_view, std::string_view>, 36> coin_ids{{
    {"AAVE", "aave"},
    {"ADA", "cardano"},
    {"ALGO", "algorand"},
    {"APT", "aptos"},
    {"ARB", "arbitrum"},
    {"ATOM", "cosmos"},
    {"AVAX", "avalanche-2"},
    {"BCH", "bitcoin-cash"},
    {"BNB", "binancecoin"},
    {"BTC", "bitcoin"},
    {"DASH", "dash"},
    {"DOGE", "dogecoin"},
    {"DOT", "polkadot"},
    {"ETC", "ethereum-classic"},
    {"ETH", "ethereum"},
    {"FIL", "filecoin"},
    {"HBAR", "hedera-hashgraph"},
    {"ICP", "internet-computer"},
    {"LINK", "chainlink"},
    {"LTC", "litecoin"},
    {"NEAR", "near"},
    {"OP", "optimism"},
    {"PEPE", "pepe"},
    {"SHIB", "shiba-inu"},
    {"SOL", "solana"},
    {"SUI", "sui"},
    {"TON", "the-open-network"},
    {"TRX", "tron"},
    {"UNI", "uniswap"},
    {"USDC", "usd-coin"},
    {"USDT", "tether"},
    {"VET", "vechain"},
    {"XLM", "stellar"},
    {"XMR", "monero"},
    {"XRP", "ripple"},
    {"ZEC", "zcash"},
}};

constexpr std::array<std::string_view, 4> entry_names{"usd", "last_updated_at", "error_code",
                                                      "error_message"};
enum EntryField { usd, updated, error_code, error_message };

// Keeps the URL well below what servers take.
constexpr std::size_t max_coins = 200;

class CoinGecko final : public detail::JsonVenue {
public:
    using JsonVenue::JsonVenue;

    std::string stream_url(std::span<const std::size_t>) const override { return {}; }

private:
    std::string rest_path(std::span<const std::size_t> asked) const override {
        return "/simple/price?ids=" +
               list(asked, "%2C", [&](std::size_t i) { return instruments()[i].symbol; }) +
               "&vs_currencies=usd&include_last_updated_at=true&precision=full";
    }

    // {"bitcoin":{"usd":83749,"last_updated_at":1791367550}, …}; or an error of CoinGecko's own:
    // {"status":{"error_code":429,"error_message":"You've exceeded the Rate Limit. …"}}, {"error":"coin not
    // found"}
    std::optional<ParseResult> read_answer(detail::Answer& answer) override {
        seen_.assign(instruments().size(), false);
        return read(answer, [&](std::string_view id, detail::JsonValue value) -> detail::Step {
            const auto coin = find(id);
            object figures;
            if (const auto error = value.get_object().get(figures)) {
                if (error != simdjson::INCORRECT_TYPE) return error;
                if (!coin) {
                    return refuse(id == "error" ? Kind::venue_error : Kind::wrong_shape, not_ours(answer));
                }
                leave_out(answer.parsed, fmt::format("no prices for '{}'", id));
                return simdjson::SUCCESS;
            }
            Fields entry(entry_names);
            if (const auto error = collect(figures, entry)) return error;
            if (!coin && id == "status") return own_error(entry);
            take_entry(entry, coin, id, answer);
            return simdjson::SUCCESS;
        });
    }

    void take_entry(const Fields<4>& entry, std::optional<std::size_t> coin, std::string_view id,
                    detail::Answer& answer) {
        if (!coin) {
            leave_out(answer.parsed, fmt::format("a price of '{}', which was not requested", snippet(id)));
            return;
        }
        const auto price = detail::price_of(detail::trimmed(entry[usd]));
        const auto seconds = detail::plain_integer(entry[updated]);
        const bool in_range = seconds && *seconds > 0 && *seconds < 10'000'000'000;
        const auto time = in_range ? detail::market_time(*seconds * 1000) : std::nullopt;
        const bool is_second = seen_[*coin];
        seen_[*coin] = true;
        if (entry.contradictory() || is_second) {
            leave_out(answer.parsed, fmt::format("two prices of '{}'", id));
            const Ticker ticker = instruments()[*coin].ticker;
            if (is_second) std::erase_if(answer.quotes, [&](const Quote& q) { return q.ticker == ticker; });
        } else if (!time && price) {
            // Without its time it could be hours old.
            leave_out(answer.parsed, fmt::format("a price of '{}' without a valid time", id));
        } else {
            add_price(answer, coin, id, price, entry[usd], time);
        }
    }

    static std::unexpected<ParseError> own_error(const Fields<4>& status) {
        return refuse(
            detail::plain_integer(status[error_code]) == 429 ? Kind::rate_limited : Kind::venue_error,
            fmt::format("CoinGecko's error {}: {}", snippet(detail::trimmed(status[error_code])),
                        snippet(detail::plain_string(status[error_message]).value_or(""))));
    }

    std::vector<bool> seen_;  // as instruments(), whether the answer has had an entry of it
};

std::optional<std::string> id_of(Ticker ticker) {
    const auto found = std::find_if(coin_ids.begin(), coin_ids.end(),
                                    [&](const auto& coin) { return coin.first == ticker.view(); });
    if (found == coin_ids.end()) return std::nullopt;
    return std::string(found->second);
}

}  // namespace
}  // namespace coingecko

constinit const VenueType coingecko_type{
    .name = "coingecko",
    .title = "CoinGecko",
    .kind = SourceKind::aggregator,
    .rest = {.url = "https://api.coingecko.com/api/v3",
             .max_instruments = coingecko::max_coins,
             .poll_interval = 60s,
             .least_interval = 60s,
             .least_interval_reason = "CoinGecko's free tier bans faster callers",
             // A demo key allows 30 requests a minute or more; figures are renewed every 20 to 60 s.
             .least_interval_with_key = 10s,
             .key_header = [](std::string_view url) -> std::string_view {
                 return url.find("://pro-api.") != std::string_view::npos ? "x-cg-pro-api-key"
                                                                          : "x-cg-demo-api-key";
             }},
    .listings = {.path = "/coins/list", .parse = coingecko::parse_listings},
    .symbol_of = coingecko::id_of,
    .is_symbol =
        [](std::string_view id) {
            const auto is_allowed = [](char c) {
                return is_alphanumeric(c) || c == '-' || c == '_' || c == '.';
            };
            return detail::consists_of(id, is_allowed, 100);
        },
    .create = detail::create<coingecko::CoinGecko, coingecko_type>,
};

}  // namespace pricewire::feed
