#include "feed/coingecko/coingecko.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/log.hpp"
#include "feed/json_price.hpp"

namespace pricewire {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 30> known_ids{{
    {"BTC", "bitcoin"},
    {"ETH", "ethereum"},
    {"DOGE", "dogecoin"},
    {"SOL", "solana"},
    {"BNB", "binancecoin"},
    {"XRP", "ripple"},
    {"ADA", "cardano"},
    {"TRX", "tron"},
    {"AVAX", "avalanche-2"},
    {"LINK", "chainlink"},
    {"DOT", "polkadot"},
    {"LTC", "litecoin"},
    {"BCH", "bitcoin-cash"},
    {"XLM", "stellar"},
    {"XMR", "monero"},
    {"UNI", "uniswap"},
    {"ATOM", "cosmos"},
    {"ETC", "ethereum-classic"},
    {"FIL", "filecoin"},
    {"NEAR", "near"},
    {"APT", "aptos"},
    {"ARB", "arbitrum"},
    {"OP", "optimism"},
    {"AAVE", "aave"},
    {"ALGO", "algorand"},
    {"PEPE", "pepe"},
    {"SHIB", "shiba-inu"},
    {"SUI", "sui"},
    {"TON", "the-open-network"},
    {"ZEC", "zcash"},
}};

std::optional<std::string> id_of(const VenueSettings& settings, Ticker ticker) {
    const auto named = settings.symbols.find(std::string(ticker.view()));
    if (named != settings.symbols.end()) return named->second;
    const auto known = std::find_if(known_ids.begin(), known_ids.end(),
                                    [&](const auto& k) { return k.first == ticker.view(); });
    if (known == known_ids.end()) return std::nullopt;
    return std::string(known->second);
}

class CoinGecko final : public Venue {
public:
    explicit CoinGecko(const VenueSettings& settings) : settings_(settings) {
        for (const Ticker ticker : settings_.tickers) {
            const auto id = id_of(settings_, ticker);
            if (!id) {
                log::warn(
                    "coingecko: no id is known for a ticker, so it is not checked there; set market.symbols",
                    {{"ticker", std::string(ticker.view())}});
                continue;
            }
            tickers_.emplace(*id, ticker);
            ids_.push_back(*id);
        }
    }

    SourceName name() const override { return "coingecko"; }
    SourceKind kind() const override { return SourceKind::aggregator; }
    std::optional<std::string> stream_url() const override { return std::nullopt; }
    std::vector<std::string> subscribe_messages() const override { return {}; }

    std::string rest_url() const override {
        std::string ids;
        for (const std::string& id : ids_) ids += (ids.empty() ? "" : "%2C") + id;
        return settings_.rest_url + "/simple/price?ids=" + ids +
               "&vs_currencies=usd&include_last_updated_at=true&precision=full";
    }

    Parsed parse_frame(std::string_view, Timestamp, std::vector<Quote>&) override { return {}; }

    Parsed parse_rest(std::string_view body, Timestamp now, std::vector<Quote>& out) override {
        const std::size_t before = out.size();
        try {
            Parsed parsed = body_or_throw(body, now, out);
            if (parsed.kind != Parsed::Kind::quotes) out.resize(before);
            return parsed;
        } catch (const simdjson::simdjson_error& e) {
            out.resize(before);
            return {Parsed::Kind::bad, describe_non_json(body, e.what()), 0};
        }
    }

private:
    // {"bitcoin":{"usd":83749.1,"last_updated_at":1791367550},…} or
    // {"status":{"error_code":429,"error_message":"…"}}
    Parsed body_or_throw(std::string_view body, Timestamp now, std::vector<Quote>& out) {
        buffer_.assign(body);
        buffer_.reserve(body.size() + simdjson::SIMDJSON_PADDING);
        simdjson::ondemand::document document =
            parser_.iterate(buffer_.data(), body.size(), buffer_.capacity());
        const std::size_t before = out.size();
        std::set<std::string> seen;
        for (auto field : document.get_object()) {
            const std::string key(std::string_view(field.unescaped_key()));
            if (key == "status") return read_error(field.value().get_object());
            const auto ticker = tickers_.find(key);
            if (ticker == tickers_.end()) continue;
            if (!seen.insert(key).second) return {Parsed::Kind::bad, "it names a coin twice", 0};
            Quote quote{.source = name(),
                        .kind = kind(),
                        .ticker = ticker->second,
                        .price = {},
                        .time = {},
                        .received_at = now};
            const auto bad = read_coin(field.value().get_object(), quote);
            if (bad) return {Parsed::Kind::bad, fmt::format("{}: {}", key, *bad), 0};
            out.push_back(quote);
        }
        if (out.size() == before) return {Parsed::Kind::bad, "it holds no price", 0};
        report_missing(seen);
        return {Parsed::Kind::quotes, {}, 0};
    }

    static std::optional<std::string> read_coin(simdjson::ondemand::object coin, Quote& quote) {
        bool has_price = false;
        bool has_time = false;
        for (auto field : coin) {
            const std::string_view key = field.unescaped_key();
            if (key == "usd") {
                std::string_view token = field.value().raw_json_token();
                while (!token.empty() && (token.back() == ' ' || token.back() == '\n' ||
                                          token.back() == '\r' || token.back() == '\t')) {
                    token.remove_suffix(1);
                }
                const auto price = parse_price(token);
                if (!price) return price.error().message;
                if (has_price) return "it has two prices";
                quote.price = *price;
                has_price = true;
            } else if (key == "last_updated_at") {
                const std::int64_t seconds = field.value().get_int64();
                if (seconds <= 0 || seconds > 10'000'000'000) return "its time is out of range";
                quote.time = Timestamp{std::chrono::seconds{seconds}};
                has_time = true;
            }
        }
        if (!has_price || !has_time) return "a coin without price or time";
        return std::nullopt;
    }

    static Parsed read_error(simdjson::ondemand::object status) {
        Parsed parsed{Parsed::Kind::refused, "CoinGecko answers with an error", 0};
        for (auto field : status) {
            const std::string_view key = field.unescaped_key();
            if (key == "error_code") {
                parsed.status = static_cast<int>(std::int64_t(field.value().get_int64()));
            } else if (key == "error_message") {
                parsed.reason = fmt::format("CoinGecko says: {}",
                                            std::string_view(field.value().get_string()).substr(0, 200));
            }
        }
        return parsed;
    }

    void report_missing(const std::set<std::string>& seen) {
        for (const std::string& id : ids_) {
            if (seen.contains(id)) {
                missing_.erase(id);
            } else if (missing_.insert(id).second) {
                log::warn("coingecko: a coin is missing from its answer and goes unchecked", {{"id", id}});
            }
        }
    }

    const VenueSettings settings_;
    std::unordered_map<std::string, Ticker> tickers_;
    std::vector<std::string> ids_;
    std::set<std::string> missing_;
    simdjson::ondemand::parser parser_;
    std::string buffer_;
};

}  // namespace

std::unique_ptr<Venue> create_coingecko(const VenueSettings& settings) {
    return std::make_unique<CoinGecko>(settings);
}

}  // namespace pricewire
