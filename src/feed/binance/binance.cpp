#include "feed/binance/binance.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cctype>
#include <unordered_map>

#include "feed/json_price.hpp"

namespace pricewire {
namespace {

// Streams named in the URL; the rest is subscribed by messages, of which Binance takes five a second.
constexpr std::size_t streams_in_url = 100;
constexpr std::size_t streams_in_message = 200;

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
}

class Binance final : public Venue {
public:
    explicit Binance(const VenueSettings& settings) : settings_(settings) {
        for (const Ticker ticker : settings_.tickers) {
            const auto named = settings_.symbols.find(std::string(ticker.view()));
            const std::string symbol =
                named == settings_.symbols.end() ? std::string(ticker.view()) + "USDT" : named->second;
            tickers_.emplace(symbol, ticker);
            symbols_.push_back(symbol);
        }
    }

    SourceName name() const override { return "binance"; }
    SourceKind kind() const override { return SourceKind::exchange; }

    std::optional<std::string> stream_url() const override {
        if (settings_.ws_url.empty()) return std::nullopt;
        std::string url = settings_.ws_url + "?streams=";
        for (std::size_t i = 0; i < std::min(symbols_.size(), streams_in_url); ++i) {
            url += (i == 0 ? "" : "/") + lower(symbols_[i]) + "@trade";
        }
        return url;
    }

    std::vector<std::string> subscribe_messages() const override {
        std::vector<std::string> messages;
        for (std::size_t from = streams_in_url; from < symbols_.size(); from += streams_in_message) {
            std::string message = R"({"method":"SUBSCRIBE","params":[)";
            for (std::size_t i = from; i < std::min(from + streams_in_message, symbols_.size()); ++i) {
                message += fmt::format("{}\"{}@trade\"", i == from ? "" : ",", lower(symbols_[i]));
            }
            messages.push_back(message + fmt::format("],\"id\":{}}}", messages.size() + 1));
        }
        return messages;
    }

    std::string rest_url() const override {
        // ["BTCUSDT","ETHUSDT"], percent-encoded
        std::string list;
        for (const std::string& symbol : symbols_)
            list += (list.empty() ? "%5B%22" : "%2C%22") + symbol + "%22";
        return settings_.rest_url + "/api/v3/ticker/price?symbols=" + list + "%5D";
    }

    Parsed parse_frame(std::string_view frame, Timestamp now, std::vector<Quote>& out) override {
        try {
            return frame_or_throw(frame, now, out);
        } catch (const simdjson::simdjson_error& e) {
            return {Parsed::Kind::bad, std::string("it is not the JSON that is documented: ") + e.what(), 0};
        }
    }

    Parsed parse_rest(std::string_view body, Timestamp now, std::vector<Quote>& out) override {
        const std::size_t before = out.size();
        try {
            return rest_or_throw(body, now, out);
        } catch (const simdjson::simdjson_error& e) {
            out.resize(before);
            return {Parsed::Kind::bad, describe_non_json(body, e.what()), 0};
        }
    }

private:
    // {"stream":"btcusdt@trade","data":{"e":"trade","E":…,"s":"BTCUSDT","t":…,"p":"61837.63","q":"0.02","T":…,…}}
    Parsed frame_or_throw(std::string_view frame, Timestamp now, std::vector<Quote>& out) {
        simdjson::ondemand::document document = parser_.iterate(pad(frame));
        auto root = document.get_object();
        std::string_view stream;
        bool has_data = false;
        bool has_error = false;
        Quote quote;
        bool is_trade = false;
        for (auto field : root) {
            const std::string_view key = field.unescaped_key();
            if (key == "stream") {
                stream = field.value().get_string();
                is_trade = stream.ends_with("@trade");
            } else if (key == "data") {
                has_data = true;
                // The stream's name comes first, so other streams' data is skipped unread.
                if (!is_trade) continue;
                const auto bad = read_trade(field.value().get_object(), quote);
                if (bad) return {Parsed::Kind::bad, *bad, 0};
            } else if (key == "error" || key == "code") {
                has_error = true;
            }
        }
        if (has_error)
            return {Parsed::Kind::refused, fmt::format("Binance says {}", frame.substr(0, 200)), 0};
        if (!has_data || !is_trade) return {};
        if (document.current_location().error() == simdjson::SUCCESS)
            return {Parsed::Kind::bad, "something stands behind the message", 0};
        const auto ticker = tickers_.find(symbol_);
        if (ticker == tickers_.end())
            return {Parsed::Kind::bad, fmt::format("it names a symbol nobody asked for: {}", symbol_), 0};
        quote.source = name();
        quote.kind = kind();
        quote.ticker = ticker->second;
        quote.received_at = now;
        out.push_back(quote);
        return {Parsed::Kind::quotes, {}, 0};
    }

    std::optional<std::string> read_trade(simdjson::ondemand::object data, Quote& quote) {
        bool has_price = false;
        bool has_time = false;
        symbol_.clear();
        for (auto field : data) {
            const std::string_view key = field.unescaped_key();
            if (key == "s") {
                symbol_ = std::string_view(field.value().get_string());
            } else if (key == "p") {
                const auto price = parse_price(field.value().get_string());
                if (!price) return price.error().message;
                if (has_price) return "it has two prices";
                quote.price = *price;
                has_price = true;
            } else if (key == "T") {
                const std::int64_t ms = field.value().get_int64();
                if (ms <= 0 || ms > 10'000'000'000'000) return "its time is out of range";
                quote.time = Timestamp{std::chrono::milliseconds{ms}};
                has_time = true;
            }
        }
        if (!has_price || !has_time || symbol_.empty()) return "a trade without price, time or symbol";
        return std::nullopt;
    }

    // [{"symbol":"BTCUSDT","price":"65000.00000000"},…], one such object, or {"code":-1003,"msg":"…"}
    Parsed rest_or_throw(std::string_view body, Timestamp now, std::vector<Quote>& out) {
        simdjson::ondemand::document document = parser_.iterate(pad(body));
        const std::size_t before = out.size();
        Parsed result;
        if (document.type() == simdjson::ondemand::json_type::array) {
            for (auto item : document.get_array()) {
                result = rest_item(item.get_object(), now, out);
                if (result.kind == Parsed::Kind::bad) break;
            }
        } else {
            result = rest_item(document.get_object(), now, out);
        }
        if (result.kind == Parsed::Kind::bad || result.kind == Parsed::Kind::refused) {
            out.resize(before);
            return result;
        }
        if (out.size() == before) return {Parsed::Kind::bad, "it holds no price", 0};
        return {Parsed::Kind::quotes, {}, 0};
    }

    Parsed rest_item(simdjson::ondemand::object item, Timestamp now, std::vector<Quote>& out) {
        Quote quote{
            .source = name(), .kind = kind(), .ticker = {}, .price = {}, .time = now, .received_at = now};
        symbol_.clear();
        std::int64_t code = 0;
        std::string message;
        bool has_price = false;
        for (auto field : item) {
            const std::string_view key = field.unescaped_key();
            if (key == "symbol") {
                symbol_ = std::string_view(field.value().get_string());
            } else if (key == "price") {
                const auto price = parse_price(field.value().get_string());
                if (!price) return {Parsed::Kind::bad, price.error().message, 0};
                quote.price = *price;
                has_price = true;
            } else if (key == "code") {
                code = field.value().get_int64();
            } else if (key == "msg") {
                message = std::string_view(field.value().get_string());
            }
        }
        // -1003: too many requests (the error codes of Binance's documentation).
        if (code != 0)
            return {Parsed::Kind::refused, fmt::format("Binance says {}: {}", code, message),
                    code == -1003 ? 429 : 0};
        const auto ticker = tickers_.find(symbol_);
        if (!has_price || ticker == tickers_.end())
            return {Parsed::Kind::bad, "an entry without a price or with an unknown symbol", 0};
        quote.ticker = ticker->second;
        out.push_back(quote);
        return {Parsed::Kind::quotes, {}, 0};
    }

    simdjson::padded_string_view pad(std::string_view text) {
        buffer_.assign(text);
        buffer_.reserve(text.size() + simdjson::SIMDJSON_PADDING);
        return simdjson::padded_string_view(buffer_.data(), text.size(), buffer_.capacity());
    }

    const VenueSettings settings_;
    std::unordered_map<std::string, Ticker> tickers_;
    std::vector<std::string> symbols_;
    simdjson::ondemand::parser parser_;
    std::string buffer_;
    std::string symbol_;
};

}  // namespace

std::unique_ptr<Venue> create_binance(const VenueSettings& settings) {
    return std::make_unique<Binance>(settings);
}

}  // namespace pricewire
