#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "base/json_writer.hpp"
#include "base/text.hpp"
#include "sim/protocol.hpp"

// Binance spot: the combined stream of trades, with streams named in the URL or by SUBSCRIBE, and
// ticker/price. An unknown symbol is acknowledged and stays silent. Binance.US speaks an older form of it.
namespace pricewire::sim::binance {
namespace {

using namespace std::chrono_literals;

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

void write_price(JsonWriter& w, const std::string& symbol, Decimal price) {
    w.begin_object().field("symbol", symbol).field("price", eight_places(price)).end_object();
}

std::string stream_name(std::string_view symbol) {
    return lower_case(symbol) + "@trade";
}

std::string trade_frame(const SimTrade& trade) {
    const std::int64_t at = unix_ms(trade.at);
    return fmt::format(
        R"({{"stream":"{}","data":{{"e":"trade","E":{},"s":"{}","t":{},"p":"{}","q":"0.01000000","T":{},"m":false,"M":true}}}})",
        stream_name(trade.symbol), at, trade.symbol, trade.id, eight_places(trade.price), at);
}

class BinanceStream final : public SimStream {
public:
    explicit BinanceStream(std::string_view query) {
        const std::string streams = query_value(query, "streams");
        for (const std::string_view stream : split_list(streams, '/')) streams_.emplace(stream);
    }
    // {"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}
    std::vector<std::string> on_text(std::string_view text) override {
        const auto message = parse_object(text);
        const std::string method = text_of(message, "method");
        const auto* params = list_of(message, "params");
        if ((method != "SUBSCRIBE" && method != "UNSUBSCRIBE") || params == nullptr ||
            !std::all_of(params->begin(), params->end(), [](const auto& p) { return p.is_string(); }))
            return {R"({"error":{"code":3,"msg":"Invalid JSON: expected value"}})"};
        for (const auto& stream : *params) {
            if (method == "SUBSCRIBE") {
                streams_.emplace(stream.as_string());
            } else {
                streams_.erase(std::string(stream.as_string()));
            }
        }
        const auto* id = message.if_contains("id");
        return {fmt::format(R"({{"result":null,"id":{}}})",
                            id != nullptr && id->is_int64() ? id->as_int64() : 0)};
    }
    bool wants(std::string_view symbol) const override { return streams_.contains(stream_name(symbol)); }
    bool is_subscribed() const override { return !streams_.empty(); }
    std::vector<std::string> on_trades(std::span<const SimTrade> trades) override {
        return each(trades, trade_frame);
    }
    bool is_over(const StreamTimes& times) const override {
        return times.now - times.opened > std::chrono::hours{24};
    }

private:
    std::set<std::string> streams_;  // "btcusdt@trade"
};

constexpr std::size_t rows_per_request = 1000;

net::ServerResponse unknown_symbol() {
    return {.status = 400, .body = R"({"code":-1121,"msg":"Invalid symbol."})"};
}

net::ServerResponse listings(const SimMarket& market) {
    return {
        .body = fmt::format(
            R"({{"timezone":"UTC","symbols":[{}]}})",
            joined(market.listings(), false, [](const SimListing& listing) {
                return fmt::format(
                    R"({{"symbol":"{}","status":"{}","baseAsset":"{}","quoteAsset":"USDT","isSpotTradingAllowed":true}})",
                    listing.symbol, listing.is_halted ? "BREAK" : "TRADING", base_of(listing.symbol));
            }))};
}

// The first of a range, in ascending order.
net::ServerResponse candles(const RestRequest& request) {
    const std::string symbol = query_value(request.query, "symbol");
    if (!request.market.lists(symbol)) return unknown_symbol();
    const auto step = step_of(query_value(request.query, "interval"), "1m", "1h");
    auto rows = request.market.candles(symbol, step, query_time(request.query, "startTime", 1ms),
                                       query_time(request.query, "endTime", 1ms, now()) + 1ms);
    rows.resize(std::min(rows.size(), rows_per_request));
    return {.body = fmt::format("[{}]", joined(rows, false, [&](const SimCandle& c) {
                                    return fmt::format(
                                        R"([{},"{}","{}","{}","{}","{}",{},"0",1,"0","0","0"])",
                                        unix_ms(c.start), eight_places(c.open), eight_places(c.high),
                                        eight_places(c.low), eight_places(c.close), c.volume.to_string(),
                                        unix_ms(c.start + step) - 1);
                                }))};
}

// By id, which is a time in microseconds, or by time.
net::ServerResponse trades(const RestRequest& request) {
    const std::string symbol = query_value(request.query, "symbol");
    if (!request.market.lists(symbol)) return unknown_symbol();
    const std::int64_t first = query_number(request.query, "fromId");
    const bool has_times = !query_value(request.query, "startTime").empty();
    if (first != 0 && has_times)
        return {.status = 400,
                .body = R"({"code":-1128,"msg":"Combination of optional parameters invalid."})"};
    const SimTime from =
        first != 0 ? SimTime{std::chrono::microseconds{first}} : query_time(request.query, "startTime", 1ms);
    const SimTime to = query_time(request.query, "endTime", 1ms, now()) + 1ms;
    const auto rows = request.market.past_trades(symbol, from, to, rows_per_request);
    return {.body =
                fmt::format("[{}]", joined(rows, false, [](const SimTrade& t) {
                                return fmt::format(
                                    R"({{"a":{},"p":"{}","q":"0.01","f":1,"l":1,"T":{},"m":true,"M":true}})",
                                    t.id, eight_places(t.price), unix_ms(t.at));
                            }))};
}

std::optional<net::ServerResponse> rest(const RestRequest& request) {
    if (request.path == "/api/v3/exchangeInfo") return listings(request.market);
    if (request.path == "/api/v3/klines") return candles(request);
    if (request.path == "/api/v3/aggTrades") return trades(request);
    if (request.path != "/api/v3/ticker/price") return std::nullopt;
    const std::string_view query = request.query;
    const Prices& prices = request.market.prices;
    JsonWriter w;
    if (const std::string symbol = query_value(query, "symbol"); !symbol.empty()) {
        const auto found = prices.find(symbol);
        if (found == prices.end()) return unknown_symbol();
        write_price(w, symbol, found->second);
        return net::ServerResponse{.body = std::move(w).str()};
    }
    w.begin_array();
    if (const std::string symbols = query_value(query, "symbols"); !symbols.empty()) {
        boost::system::error_code error;
        const auto list = boost::json::parse(symbols, error);
        if (error || !list.is_array()) {
            return net::ServerResponse{
                .status = 400,
                .body = R"({"code":-1100,"msg":"Illegal characters found in parameter 'symbols'."})"};
        }
        for (const auto& symbol : list.as_array()) {
            const std::string name = symbol.is_string() ? std::string(symbol.as_string()) : std::string();
            const auto found = prices.find(name);
            if (found != prices.end()) {
                write_price(w, found->first, found->second);
            } else if (!request.market.lists(name)) {
                return unknown_symbol();
            }
        }
    } else {
        for (const auto& [symbol, price] : prices) write_price(w, symbol, price);
    }
    w.end_array();
    return net::ServerResponse{.body = std::move(w).str()};
}

// It does not know symbolStatus and showPermissionSets.
std::optional<net::ServerResponse> rest_of_us(const RestRequest& request) {
    if (query_value(request.query, "symbolStatus").empty() &&
        query_value(request.query, "showPermissionSets").empty())
        return rest(request);
    return net::ServerResponse{
        .status = 400,
        .body =
            R"({"code":-1104,"msg":"Not all sent parameters were read; read '1' parameter(s) but was sent '2'."})"};
}

std::unique_ptr<SimStream> open_by_url(std::string_view query, const SimMarket&) {
    return std::make_unique<BinanceStream>(query);
}

}  // namespace

extern const SimVenue venue;
constinit const SimVenue venue{
    .name = "binance",
    .ws_path = "/stream",
    .rest_path = "",
    .plays_recordings = true,
    .open = open_by_url,
    .rest = rest,
    .error_body = R"({"code":-1003,"msg":"Too many requests; please use the websocket for live updates."})",
    .error_frame = R"({"code":-1121,"msg":"Invalid symbol."})",
    .wrong_frame = R"({"stream":"btcusdt@trade","data":{"p":[1,2],"s":7}})",
    .leaving_frame = R"({"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1793900000123}})",
};

extern const SimVenue venue_us;
constinit const SimVenue venue_us{
    .name = "binance_us",
    .ws_path = "/binance_us/stream",
    .rest_path = "/binance_us",
    .share = 0.02,
    .open = open_by_url,
    .rest = rest_of_us,
    .error_body = R"({"code":-1003,"msg":"Too many requests; please use the websocket for live updates."})",
    .error_frame = R"({"code":-1121,"msg":"Invalid symbol."})",
    .wrong_frame = R"({"stream":"btcusdt@trade","data":{"p":[1,2],"s":7}})",
};

}  // namespace pricewire::sim::binance
