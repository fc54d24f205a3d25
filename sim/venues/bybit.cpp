#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>

#include "base/json_writer.hpp"
#include "sim/protocol.hpp"

// Bybit v5 spot: one answer for each subscribe message, which one bad symbol of at most ten fails as a whole; JSON
// pings; and the end of a connection that has not been pinged for 10 min.
namespace pricewire::sim::bybit {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view topic_prefix = "publicTrade.";
constexpr std::string_view no_symbol =
    R"({"retCode":10001,"retMsg":"Not supported symbols","result":{},"time":0})";

std::string row_of(const SimTrade& trade) {
    return fmt::format(
        R"({{"T":{},"s":"{}","S":"Buy","v":"0.01","p":"{}","L":"PlusTick","i":"{}","BT":false,"RPI":false,"seq":{}}})",
        unix_ms(trade.at), trade.symbol, trade.price.to_string(), 2'100'000'000'000 + trade.id, trade.id);
}

std::string answer_to(const boost::json::object& message, std::string_view op, bool success,
                      std::string_view text) {
    return fmt::format(R"({{"success":{},"ret_msg":"{}","conn_id":"2324d924","req_id":"{}","op":"{}"}})",
                       success, text, text_of(message, "req_id"), op);
}

class BybitStream final : public SymbolStream {
public:
    using SymbolStream::SymbolStream;

    std::vector<std::string> on_text(std::string_view text) override {
        const auto message = parse_object(text);
        const std::string op = text_of(message, "op");
        if (op == "ping") return {answer_to(message, op, true, "pong")};
        const auto* args = list_of(message, "args");
        if ((op != "subscribe" && op != "unsubscribe") || args == nullptr)
            return {answer_to(message, op, false, "Invalid request")};
        if (args->size() > 10) return {answer_to(message, op, false, "args size >10")};
        std::vector<std::string> symbols;
        for (const auto& arg : *args) {
            const std::string topic = arg.is_string() ? std::string(arg.as_string()) : std::string();
            const std::string symbol =
                topic.starts_with(topic_prefix) ? topic.substr(topic_prefix.size()) : std::string();
            if (!market().lists(symbol))
                return {answer_to(message, op, false, fmt::format("Invalid symbol :[{}]", topic))};
            if (op == "subscribe" && wants(symbol))
                return {
                    answer_to(message, op, false, fmt::format("error:already subscribed,topic:{}", topic))};
            symbols.push_back(symbol);
        }
        for (const std::string& symbol : symbols) subscribe(symbol, op == "subscribe");
        return {answer_to(message, op, true, op)};
    }
    // Up to 1024 trades in a message, in ascending order.
    std::vector<std::string> on_trades(std::span<const SimTrade> trades) override {
        return {fmt::format(R"({{"topic":"{}{}","type":"snapshot","ts":{},"data":[{}]}})", topic_prefix,
                            trades.front().symbol, unix_ms(), joined(trades, false, row_of))};
    }
    bool is_over(const StreamTimes& times) const override { return times.now - times.last_text > 10min; }
};

// A book that moves all the time, as that of a pair that is traded.
void write_ticker(JsonWriter& w, const std::string& symbol, Decimal price) {
    const std::string text = price.to_string();
    w.begin_object().field("symbol", symbol).field("bid1Price", text);
    w.field("bid1Size", std::to_string(unix_ms())).field("ask1Price", text).field("ask1Size", "1");
    w.field("lastPrice", text).end_object();
}

net::ServerResponse list(std::string_view symbol, const std::string& rows) {
    return {
        .body = fmt::format(
            R"({{"retCode":0,"retMsg":"OK","result":{{"symbol":"{}","category":"spot","list":[{}]}},"time":{}}})",
            symbol, rows, unix_ms())};
}

net::ServerResponse listings(const SimMarket& market) {
    return list("", joined(market.listings(), false, [](const SimListing& listing) {
                    return fmt::format(
                        R"({{"symbol":"{}","baseCoin":"{}","quoteCoin":"USDT","status":"{}"}})",
                        listing.symbol, base_of(listing.symbol), listing.is_halted ? "Paused" : "Trading");
                }));
}

// The newest of a range, newest first.
net::ServerResponse candles(const RestRequest& request) {
    const std::string symbol = query_value(request.query, "symbol");
    if (!request.market.lists(symbol)) return {.body = std::string(no_symbol)};
    const auto step = step_of(query_value(request.query, "interval"), "1", "60");
    const auto rows = last_of(request.market.candles(symbol, step, query_time(request.query, "start", 1ms),
                                                     query_time(request.query, "end", 1ms, now()) + 1ms),
                              1000);
    return list(symbol, joined(rows, true, [](const SimCandle& c) {
                    return fmt::format(R"(["{}","{}","{}","{}","{}","{}","0"])", unix_ms(c.start),
                                       c.open.to_string(), c.high.to_string(), c.low.to_string(),
                                       c.close.to_string(), c.volume.to_string());
                }));
}

std::optional<net::ServerResponse> rest(const RestRequest& request) {
    const bool is_tickers = request.path == "/v5/market/tickers";
    const bool is_list = request.path == "/v5/market/instruments-info";
    const bool is_candles = request.path == "/v5/market/kline";
    if (!is_tickers && !is_list && !is_candles) return std::nullopt;
    if (query_value(request.query, "category") != "spot")
        return net::ServerResponse{
            .body = R"({"retCode":10001,"retMsg":"Illegal category","result":{},"time":0})"};
    if (is_list) return listings(request.market);
    if (is_candles) return candles(request);
    const Prices& prices = request.market.prices;
    JsonWriter w;
    w.begin_object().field("retCode", 0).field("retMsg", "OK").key("result").begin_object();
    w.field("category", "spot").key("list").begin_array();
    if (const std::string symbol = query_value(request.query, "symbol"); symbol.empty()) {
        for (const auto& [listed, price] : prices) {
            if (request.market.lists(listed)) write_ticker(w, listed, price);
        }
    } else if (!request.market.lists(symbol)) {
        return net::ServerResponse{.body = std::string(no_symbol)};
    } else if (const auto found = prices.find(symbol); found != prices.end()) {
        write_ticker(w, symbol, found->second);
    }
    w.end_array().end_object().field("time", unix_ms()).end_object();
    return net::ServerResponse{.body = std::move(w).str()};
}

}  // namespace

extern const SimVenue venue;
constinit const SimVenue venue{
    .name = "bybit",
    .ws_path = "/bybit/v5/public/spot",
    .rest_path = "/bybit",
    .share = 0.7,
    .delay = 30ms,
    .open = open_stream<BybitStream>,
    .rest = rest,
    .error_body = R"({"retCode":10006,"retMsg":"Too many visits!","result":{},"time":0})",
    .error_frame = R"({"success":false,"ret_msg":"unknown","conn_id":"2324d924","op":"what"})",
    .wrong_frame = R"({"topic":"publicTrade.BTCUSDT","type":"snapshot","data":[{"s":7,"p":[]}]})",
    .maintenance_body = R"({"retCode":10016,"retMsg":"Service is restarting","result":{},"time":0})",
};

}  // namespace pricewire::sim::bybit
