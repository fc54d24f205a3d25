#include <fmt/format.h>

#include <boost/json.hpp>
#include <chrono>

#include "base/json_writer.hpp"
#include "base/text.hpp"
#include "sim/protocol.hpp"

// Gemini's protocol of 2026: one answer to each subscribe message, which is refused as a whole for one bad
// symbol, and trades without a name, their times in nanoseconds.
namespace pricewire::sim::gemini {
namespace {

using namespace std::chrono_literals;

// "btcusd" ↔ "BTCUSDT"
std::string pair_of(std::string_view symbol) {
    return lower_case(base_of(symbol)) + "usd";
}
std::string symbol_of(std::string_view pair) {
    return pair.ends_with("usd") ? upper_case(pair.substr(0, pair.size() - 3)) + "USDT" : std::string();
}

std::string frame_of(const SimTrade& trade) {
    return fmt::format(
        R"({{"E":{},"s":"{}","t":{},"p":"{}00","q":"0.0100","m":true}})", unix_ns(trade.at),
        pair_of(trade.symbol), trade.id,
        trade.price.to_string() + (trade.price.to_string().find('.') == std::string::npos ? "." : ""));
}

class GeminiStream final : public SymbolStream {
public:
    using SymbolStream::SymbolStream;

    std::vector<std::string> on_text(std::string_view text) override {
        const auto message = parse_object(text);
        const std::string id = text_of(message, "id");
        const std::string method = lower_case(text_of(message, "method"));
        const auto* params = list_of(message, "params");
        const auto answer = [&](int status, std::string_view rest) {
            return fmt::format(R"({{"id":"{}","status":{},{}}})", id, status, rest);
        };
        if ((method != "subscribe" && method != "unsubscribe") || params == nullptr)
            return {answer(400, R"("error":{"code":-1000,"msg":"Invalid request"})")};
        std::vector<std::string> symbols;
        for (const auto& param : *params) {
            const std::string name = param.is_string() ? std::string(param.as_string()) : std::string();
            symbols.push_back(name.ends_with("@trade") ? symbol_of(name.substr(0, name.size() - 6)) : "");
            if (method == "subscribe" && !market().lists(symbols.back()))
                return {
                    answer(400, fmt::format(R"("error":{{"code":-1121,"msg":"Invalid symbol: {}"}})", name))};
        }
        for (const std::string& symbol : symbols) subscribe(symbol, method == "subscribe");
        return {answer(200, R"("result":null)")};
    }
    std::vector<std::string> on_trades(std::span<const SimTrade> trades) override {
        return each(trades, frame_of);
    }
};

net::ServerResponse listings(const SimMarket& market) {
    return {
        .body = fmt::format(
            R"([{},{{"symbol":"BTCGUSDPERP","base_currency":"BTC","quote_currency":"GUSD","status":"open","product_type":"swap"}}])",
            joined(market.listings(), false, [](const SimListing& listing) {
                return fmt::format(
                    R"({{"symbol":"{}","base_currency":"{}","quote_currency":"USD","status":"{}","product_type":"spot"}})",
                    upper_case(pair_of(listing.symbol)), base_of(listing.symbol),
                    listing.is_halted ? "closed" : "open");
            }))};
}

net::ServerResponse invalid_symbol() {
    return {.status = 400,
            .body = R"({"result":"error","reason":"InvalidSymbol","message":"Supplied value is not valid"})"};
}

// "/v2/candles/btcusd/1m": the newest, newest first.
net::ServerResponse candles(const RestRequest& request) {
    std::string_view path = request.path.substr(std::string_view("/v2/candles/").size());
    const std::string symbol = symbol_of(take_part(path, '/'));
    if (!request.market.lists(symbol)) return invalid_symbol();
    const auto step = step_of(path, "1m", "1hr");
    return {.body = fmt::format("[{}]", joined(newest_candles(request.market, symbol, step, 1440), true,
                                               [](const SimCandle& c) {
                                                   return fmt::format("[{},{},{},{},{},{}]", unix_ms(c.start),
                                                                      c.open.to_string(), c.high.to_string(),
                                                                      c.low.to_string(), c.close.to_string(),
                                                                      c.volume.to_string());
                                               }))};
}

// "/v1/trades/btcusd?timestamp=…": the first behind a time or an id, which is a time in microseconds; newest first.
net::ServerResponse trades(const RestRequest& request) {
    const std::string symbol = symbol_of(request.path.substr(std::string_view("/v1/trades/").size()));
    if (!request.market.lists(symbol)) return invalid_symbol();
    const std::int64_t after = query_number(request.query, "since_tid");
    const SimTime from = after > 0 ? SimTime{std::chrono::microseconds{after + 1}}
                                   : query_time(request.query, "timestamp", 1ms) + 1ms;
    const auto rows =
        request.market.past_trades(symbol, from, now(), query_count(request.query, "limit_trades", 50, 500));
    return {
        .body = fmt::format(
            "[{}]", joined(rows, true, [](const SimTrade& trade) {
                return fmt::format(
                    R"({{"timestamp":{},"timestampms":{},"tid":{},"price":"{}","amount":"0.01","exchange":"gemini","type":"buy"}})",
                    unix_ms(trade.at) / 1000, unix_ms(trade.at), trade.id, trade.price.to_string());
            }))};
}

std::optional<net::ServerResponse> rest(const RestRequest& request) {
    if (request.path == "/v1/symbols/details/all") return listings(request.market);
    if (request.path.starts_with("/v2/candles/")) return candles(request);
    if (request.path.starts_with("/v1/trades/")) return trades(request);
    if (request.path != "/v1/pricefeed") return std::nullopt;
    JsonWriter w;
    w.begin_array();
    for (const auto& [symbol, price] : request.market.prices) {
        w.begin_object().field("pair", upper_case(pair_of(symbol))).field("price", price.to_string());
        w.field("percentChange24h", "0.01").end_object();
    }
    w.end_array();
    return net::ServerResponse{.body = std::move(w).str()};
}

}  // namespace

extern const SimVenue venue;
constinit const SimVenue venue{
    .name = "gemini",
    .ws_path = "/gemini",
    .rest_path = "/gemini/rest",
    .currency = "USD",
    .share = 0.1,
    .delay = std::chrono::milliseconds{40},
    .open = open_stream<GeminiStream>,
    .rest = rest,
    .error_body = R"({"result":"error","reason":"RateLimit","message":"Requests come too often"})",
    .error_frame = R"({"id":null,"status":500,"error":{"code":-1000,"msg":"Internal error"}})",
    .wrong_frame = R"({"E":1,"s":7,"t":[],"p":[]})",
};

}  // namespace pricewire::sim::gemini
