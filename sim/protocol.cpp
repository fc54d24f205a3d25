#include "sim/protocol.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cctype>
#include <charconv>

#include "base/json_writer.hpp"

namespace pricewire::sim {
namespace {

using namespace std::chrono;

constexpr std::array<std::pair<std::string_view, std::string_view>, 5> coins{{{"bitcoin", "BTCUSDT"},
                                                                              {"ethereum", "ETHUSDT"},
                                                                              {"dogecoin", "DOGEUSDT"},
                                                                              {"solana", "SOLUSDT"},
                                                                              {"binancecoin", "BNBUSDT"}}};

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const std::size_t at = std::min(text.find(separator), text.size());
        if (at > 0) parts.emplace_back(text.substr(0, at));
        text.remove_prefix(std::min(at + 1, text.size()));
    }
    return parts;
}

// Symbols that exist though they may not have traded yet; the real exchange always has a last price for
// these.
bool is_listed(std::string_view symbol) {
    return std::any_of(coins.begin(), coins.end(), [&](const auto& coin) { return coin.second == symbol; });
}

// Binance spells a price with eight decimals.
std::string eight_places(Decimal price) {
    std::string text = price.to_string();
    std::size_t point = text.find('.');
    if (point == std::string::npos) {
        point = text.size();
        text += '.';
    }
    text.resize(std::max(text.size(), point + 9), '0');
    return text;
}

std::int64_t unix_ms() {
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

void write_price(JsonWriter& w, const std::string& symbol, Decimal price) {
    w.begin_object().field("symbol", symbol).field("price", eight_places(price)).end_object();
}

int hex_value(char c) {
    return std::isdigit(static_cast<unsigned char>(c))
               ? c - '0'
               : (std::tolower(static_cast<unsigned char>(c)) - 'a' + 10);
}

}  // namespace

std::string stream_name(std::string_view symbol) {
    std::string name(symbol);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    return name + "@trade";
}

std::string trade_frame(const std::string& symbol, Decimal price, std::uint64_t trade_id) {
    const std::int64_t now = unix_ms();
    return fmt::format(
        R"({{"stream":"{}","data":{{"e":"trade","E":{},"s":"{}","t":{},"p":"{}","q":"0.01000000","T":{},"m":false,"M":true}}}})",
        stream_name(symbol), now, symbol, trade_id, eight_places(price), now);
}

std::string query_value(std::string_view query, std::string_view name) {
    for (const std::string& pair : split(query, '&')) {
        const std::size_t equals = pair.find('=');
        if (equals == std::string::npos || std::string_view(pair).substr(0, equals) != name) continue;
        std::string value;
        for (std::size_t i = equals + 1; i < pair.size(); ++i) {
            const bool escaped = pair[i] == '%' && i + 2 < pair.size() &&
                                 std::isxdigit(static_cast<unsigned char>(pair[i + 1])) &&
                                 std::isxdigit(static_cast<unsigned char>(pair[i + 2]));
            if (escaped) {
                value += static_cast<char>(hex_value(pair[i + 1]) * 16 + hex_value(pair[i + 2]));
                i += 2;
            } else {
                value += pair[i];
            }
        }
        return value;
    }
    return {};
}

std::vector<std::string> split_streams(const std::string& text) {
    return split(text, '/');
}

std::optional<StreamCommand> parse_command(std::string_view text) {
    boost::system::error_code error;
    const auto parsed = boost::json::parse({text.data(), text.size()}, error);
    if (error || !parsed.is_object()) return std::nullopt;
    const auto& object = parsed.as_object();
    const auto* method = object.if_contains("method");
    const auto* params = object.if_contains("params");
    if (method == nullptr || !method->is_string() || params == nullptr || !params->is_array())
        return std::nullopt;
    StreamCommand command;
    command.subscribe = method->as_string() == "SUBSCRIBE";
    if (!command.subscribe && method->as_string() != "UNSUBSCRIBE") return std::nullopt;
    for (const auto& stream : params->as_array()) {
        if (!stream.is_string()) return std::nullopt;
        command.streams.emplace_back(stream.as_string());
    }
    if (const auto* id = object.if_contains("id"); id != nullptr && id->is_int64())
        command.id = id->as_int64();
    return command;
}

net::ServerResponse binance_prices(std::string_view query, const Prices& prices) {
    net::ServerResponse unknown{.status = 400, .body = R"({"code":-1121,"msg":"Invalid symbol."})"};
    JsonWriter w;
    if (const std::string symbol = query_value(query, "symbol"); !symbol.empty()) {
        const auto found = prices.find(symbol);
        if (found == prices.end()) return unknown;
        write_price(w, symbol, found->second);
        return {.body = std::move(w).str()};
    }
    w.begin_array();
    if (const std::string symbols = query_value(query, "symbols"); !symbols.empty()) {
        boost::system::error_code error;
        const auto list = boost::json::parse(symbols, error);
        if (error || !list.is_array()) {
            return {.status = 400,
                    .body = R"({"code":-1100,"msg":"Illegal characters found in parameter 'symbols'."})"};
        }
        for (const auto& symbol : list.as_array()) {
            const std::string name = symbol.is_string() ? std::string(symbol.as_string()) : std::string();
            const auto found = prices.find(name);
            if (found != prices.end()) {
                write_price(w, found->first, found->second);
            } else if (!is_listed(name)) {
                return unknown;
            }
        }
    } else {
        for (const auto& [symbol, price] : prices) write_price(w, symbol, price);
    }
    w.end_array();
    return {.body = std::move(w).str()};
}

net::ServerResponse coingecko_prices(std::string_view query, const Prices& prices,
                                     std::chrono::system_clock::time_point taken) {
    JsonWriter w;
    w.begin_object();
    for (const std::string& id : split(query_value(query, "ids"), ',')) {
        const auto coin =
            std::find_if(coins.begin(), coins.end(), [&](const auto& c) { return c.first == id; });
        if (coin == coins.end()) continue;
        const auto found = prices.find(std::string(coin->second));
        if (found == prices.end()) continue;
        w.key(id).begin_object().field("usd", found->second);
        if (query_value(query, "include_last_updated_at") == "true") {
            w.field("last_updated_at", duration_cast<seconds>(taken.time_since_epoch()).count());
        }
        w.end_object();
    }
    w.end_object();
    return {.body = std::move(w).str()};
}

std::string html_page() {
    return "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head>"
           "<body><h1>Sorry, you have been blocked</h1></body></html>";
}

net::ServerResponse refusal(const Fault& fault) {
    if (fault.kind == Fault::Kind::html) {
        return {.status = 403, .content_type = "text/html; charset=UTF-8", .body = html_page()};
    }
    net::ServerResponse response{.status = fault.status};
    if (!fault.retry_after.empty()) response.headers.emplace_back("Retry-After", fault.retry_after);
    if (fault.status == 418 || fault.status == 429) {
        std::int64_t ban_seconds = 120;
        std::from_chars(fault.retry_after.data(), fault.retry_after.data() + fault.retry_after.size(),
                        ban_seconds);
        response.body = R"({"code":-1003,"msg":"Way too much request weight used; IP banned until )" +
                        std::to_string(unix_ms() + ban_seconds * 1000) +
                        R"(. Please use WebSocket Streams for live updates to avoid bans."})";
    } else if (fault.status == 451) {
        response.body =
            R"({"code":0,"msg":"Service unavailable from a restricted location according to 'b. Eligibility'."})";
    } else {
        response.content_type = "text/plain";
        response.body = fmt::format("error code: {}\n", fault.status);
    }
    return response;
}

net::ServerResponse error_body(Door door) {
    if (door == Door::coingecko_rest) {
        return {.body = R"({"status":{"error_code":429,"error_message":"You've exceeded the Rate Limit."}})"};
    }
    return {.body =
                R"({"code":-1003,"msg":"Too many requests; please use the websocket for live updates."})"};
}

Decimal tenfold(Decimal price) {
    return Decimal::from_raw(price.raw() * 10);
}

}  // namespace pricewire::sim
