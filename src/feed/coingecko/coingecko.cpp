#include "feed/coingecko/coingecko.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.hpp"
#include "feed/detail/json.hpp"
#include "feed/refusal.hpp"

namespace pricewire::feed {

using namespace std::chrono_literals;

namespace coingecko {
namespace {

using detail::leave_out;
using detail::refuse;
using detail::ondemand::document;
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

// Keeps the URL well below what servers take.
constexpr std::size_t max_coins = 200;

class CoinGecko final : public Venue {
public:
    CoinGecko(std::vector<Instrument> instruments, Endpoints endpoints)
        : Venue(coingecko_type, std::move(instruments), std::move(endpoints)),
          seen_(this->instruments().size()) {}

    std::string stream_url() const override { return {}; }
    std::string rest_url(std::span<const std::size_t> asked) const override {
        if (endpoints().rest_url.empty()) return {};
        std::string url = endpoints().rest_url + "/simple/price?ids=";
        for (std::size_t i = 0; i < asked.size(); ++i) {
            if (i > 0) url += "%2C";
            url += instruments()[asked[i]].symbol;
        }
        return url + "&vs_currencies=usd&include_last_updated_at=true&precision=full";
    }

    ParseResult parse_answer(std::string_view body, Timestamp received_at, std::vector<Quote>& out) override {
        const std::size_t before = out.size();
        auto result = read_answer(body, received_at, out);
        if (!result) out.resize(before);
        return result;
    }

private:
    // {"bitcoin":{"usd":83749,"last_updated_at":1791367550}, …}; or an error of CoinGecko's own:
    // {"status":{"error_code":429,"error_message":"You've exceeded the Rate Limit. …"}}, {"error":"coin not
    // found"}
    ParseResult read_answer(std::string_view body, Timestamp received_at, std::vector<Quote>& out) {
        document answer;
        object root;
        if (!detail::looks_like_json(body) || reader_.read(body).get(answer)) {
            return refuse(Kind::not_json, fmt::format("an answer that is not JSON: {}", snippet(body)));
        }
        if (const auto error = answer.get_object().get(root)) {
            return refuse(error == simdjson::INCORRECT_TYPE ? Kind::wrong_shape : Kind::not_json,
                          fmt::format("an answer that is not CoinGecko's: {}", snippet(body)));
        }
        std::fill(seen_.begin(), seen_.end(), false);
        Parsed parsed;
        for (auto field : root) {
            std::string_view id;
            if (field.unescaped_key().get(id)) return refuse(Kind::not_json, "a truncated answer");
            const auto found = find(id);
            const Instrument* coin = found ? &instruments()[*found] : nullptr;
            object figures;
            if (const auto error = field.value().get_object().get(figures)) {
                if (error != simdjson::INCORRECT_TYPE) return refuse(Kind::not_json, "a truncated answer");
                if (coin == nullptr) {
                    return refuse(id == "error" ? Kind::venue_error : Kind::wrong_shape,
                                  fmt::format("an answer that is not CoinGecko's: {}", snippet(body)));
                }
                leave_out(parsed, fmt::format("no prices for '{}'", coin->symbol));
                continue;
            }
            if (coin == nullptr && id == "status") return own_error(figures);
            if (read_coin(figures, coin, id, received_at, out, parsed)) {
                return refuse(Kind::not_json, "a truncated answer");
            }
        }
        if (!detail::at_end(answer)) return refuse(Kind::not_json, "an answer with trailing bytes");
        return parsed;
    }

    simdjson::error_code read_coin(object figures, const Instrument* coin, std::string_view id,
                                   Timestamp received_at, std::vector<Quote>& out, Parsed& parsed) {
        std::string_view usd;
        std::string_view updated;
        bool twice = false;
        for (auto field : figures) {
            std::string_view key;
            if (const auto error = field.unescaped_key().get(key)) return error;
            std::string_view* wanted = key == "usd" ? &usd : key == "last_updated_at" ? &updated : nullptr;
            if (wanted == nullptr) continue;
            twice = twice || !wanted->empty();
            if (const auto error = field.value().raw_json_token().get(*wanted)) return error;
        }
        if (coin == nullptr) {
            leave_out(parsed, fmt::format("a price of '{}', which was not requested", snippet(id)));
            return simdjson::SUCCESS;
        }
        const auto i = static_cast<std::size_t>(coin - instruments().data());
        const auto price = detail::price_of(detail::trimmed(usd));
        const auto seconds = detail::plain_integer(updated);
        const bool in_range = seconds && *seconds > 0 && *seconds < 10'000'000'000;
        const auto time = in_range ? detail::market_time(*seconds * 1000) : std::nullopt;
        if (twice || seen_[i]) {
            leave_out(parsed, fmt::format("two prices of '{}'", coin->symbol));
            if (seen_[i]) std::erase_if(out, [&](const Quote& q) { return q.ticker == coin->ticker; });
        } else if (!price) {
            leave_out(parsed,
                      fmt::format("'{}' as the price of '{}'", snippet(detail::trimmed(usd)), coin->symbol));
        } else if (!time) {
            // Without its time it could be hours old.
            leave_out(parsed, fmt::format("a price of '{}' without a valid time", coin->symbol));
        } else {
            out.push_back(quote(i, *price, *time, received_at));
        }
        seen_[i] = true;
        return simdjson::SUCCESS;
    }

    static ParseResult own_error(object status) {
        std::string_view code;
        std::string_view message;
        for (auto field : status) {
            std::string_view key;
            if (field.unescaped_key().get(key)) return refuse(Kind::not_json, "a truncated answer");
            std::string_view* wanted = key == "error_code"      ? &code
                                       : key == "error_message" ? &message
                                                                : nullptr;
            if (wanted != nullptr && field.value().raw_json_token().get(*wanted)) {
                return refuse(Kind::not_json, "a truncated answer");
            }
        }
        return refuse(detail::plain_integer(code) == 429 ? Kind::rate_limited : Kind::venue_error,
                      fmt::format("CoinGecko's error {}: {}", snippet(detail::trimmed(code)),
                                  snippet(detail::plain_string(message).value_or(""))));
    }

    std::vector<bool> seen_;
    detail::JsonReader reader_;
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
             .least_interval_reason = "CoinGecko's free tier bans faster callers"},
    .symbol_of = coingecko::id_of,
    .is_symbol =
        [](std::string_view id) {
            return !id.empty() && id.size() <= 100 && std::all_of(id.begin(), id.end(), [](char c) {
                return is_alphanumeric(c) || c == '-' || c == '_' || c == '.';
            });
        },
    .create = [](std::vector<Instrument> instruments, Endpoints endpoints) -> std::unique_ptr<Venue> {
        return std::make_unique<coingecko::CoinGecko>(std::move(instruments), std::move(endpoints));
    },
};

}  // namespace pricewire::feed
