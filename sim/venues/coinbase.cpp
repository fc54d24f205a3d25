#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/json_writer.hpp"
#include "base/text.hpp"
#include "sim/protocol.hpp"

// Coinbase Advanced Trade: an acknowledgement lists all that is subscribed, frames of all channels are
// numbered, heartbeats come when asked for, a snapshot of old trades comes first, and the newest trade of a
// batch first.
namespace pricewire::sim::coinbase {
namespace {

using namespace std::chrono_literals;

// "BTC-USD" ↔ "BTCUSDT"
std::string product_of(std::string_view symbol) {
    return base_of(symbol) + "-USD";
}
std::string symbol_of(std::string_view product) {
    return product.ends_with("-USD") ? std::string(product.substr(0, product.size() - 4)) + "USDT"
                                     : std::string();
}

std::string item(const SimTrade& trade) {
    return fmt::format(
        R"({{"product_id":"{}","trade_id":"{}","price":"{}","size":"0.01","time":"{}","side":"BUY"}})",
        product_of(trade.symbol), trade.id, trade.price.to_string(), iso_time(trade.at));
}

class CoinbaseStream final : public SymbolStream {
public:
    using SymbolStream::SymbolStream;

    std::vector<std::string> on_text(std::string_view text) override {
        const auto message = parse_object(text);
        const std::string type = text_of(message, "type");
        const std::string channel = text_of(message, "channel");
        if ((type != "subscribe" && type != "unsubscribe") ||
            (channel != "heartbeats" && channel != "market_trades"))
            return {R"({"type":"error","message":"failed to parse the message"})"};
        subscribed_ = true;
        if (channel == "heartbeats") {
            has_heartbeats_ = type == "subscribe";
            return {list()};
        }
        const auto* products = list_of(message, "product_ids");
        if (products == nullptr) return {R"({"type":"error","message":"product_ids is missing"})"};
        std::vector<std::string> answers;
        for (const auto& name : *products) {
            const std::string product = name.is_string() ? std::string(name.as_string()) : std::string();
            const std::string symbol = symbol_of(product);
            // What it does not know is missing from its list.
            if (!subscribe(symbol, type == "subscribe") || type != "subscribe") continue;
            products_.push_back(product);
            const auto old = market().trades.find(symbol);
            if (old != market().trades.end() && !old->second.empty())
                answers.push_back(push("snapshot", old->second));
        }
        answers.push_back(list());
        return answers;
    }
    std::vector<std::string> on_trades(std::span<const SimTrade> trades) override {
        return {push("update", trades)};
    }
    std::vector<std::string> tick(const StreamTimes& times) override {
        if (!has_heartbeats_ || times.now - last_heartbeat_ < 1s) return {};
        last_heartbeat_ = times.now;
        return {frame("heartbeats", fmt::format(R"({{"heartbeat_counter":{}}})", ++heartbeats_))};
    }
    bool is_over(const StreamTimes& times) const override {
        return (!subscribed_ && times.now - times.opened > 5s) ||
               (!has_heartbeats_ && times.now - times.last_push > 60s);
    }

private:
    std::string frame(std::string_view channel, const std::string& event) {
        return fmt::format(
            R"({{"channel":"{}","client_id":"","timestamp":"{}","sequence_num":{},"events":[{}]}})", channel,
            iso_time(now()), sequence_++, event);
    }
    std::string push(std::string_view type, std::span<const SimTrade> trades) {
        return frame("market_trades",
                     fmt::format(R"({{"type":"{}","trades":[{}]}})", type, joined(trades, true, item)));
    }
    std::string list() {
        JsonWriter w;
        w.begin_object().key("subscriptions").begin_object();
        if (has_heartbeats_) w.key("heartbeats").begin_array().value("heartbeats").end_array();
        if (is_subscribed()) {
            w.key("market_trades").begin_array();
            for (const std::string& product : products_) {
                if (wants(symbol_of(product))) w.value(product);
            }
            w.end_array();
        }
        w.end_object().end_object();
        return frame("subscriptions", std::move(w).str());
    }

    bool subscribed_ = false;  // to anything
    bool has_heartbeats_ = false;
    std::chrono::steady_clock::time_point last_heartbeat_;
    int heartbeats_ = 0;
    int sequence_ = 0;
    std::vector<std::string> products_;
};

// USDC is an alias of the dollar there.
net::ServerResponse listings(const SimMarket& market) {
    return {
        .body = fmt::format(
            R"({{"products":[{}]}})", joined(market.listings(), false, [](const SimListing& listing) {
                return fmt::format(
                    R"({{"product_id":"{}","product_type":"SPOT","base_currency_id":"{}","quote_currency_id":"USD","status":"online","alias":"","trading_disabled":{},"is_disabled":false}})",
                    product_of(listing.symbol), base_of(listing.symbol), listing.is_halted);
            }))};
}

// The newest of a range, newest first.
net::ServerResponse candles(const RestRequest& request, const std::string& symbol) {
    const auto step = step_of(query_value(request.query, "granularity"), "ONE_MINUTE", "ONE_HOUR");
    const auto rows = last_of(request.market.candles(symbol, step, query_time(request.query, "start", 1s),
                                                     query_time(request.query, "end", 1s) + 1s),
                              350);
    return {.body = fmt::format(
                R"({{"candles":[{}]}})", joined(rows, true, [](const SimCandle& c) {
                    return fmt::format(
                        R"({{"start":"{}","low":"{}","high":"{}","open":"{}","close":"{}","volume":"{}"}})",
                        unix_ms(c.start) / 1000, c.low.to_string(), c.high.to_string(), c.open.to_string(),
                        c.close.to_string(), c.volume.to_string());
                }))};
}

// The newest of a range, newest first.
net::ServerResponse trades(const RestRequest& request, const std::string& symbol) {
    const auto rows =
        last_of(request.market.past_trades(symbol, query_time(request.query, "start", 1s),
                                           query_time(request.query, "end", 1s, now()), 1'000'000),
                query_count(request.query, "limit", 100, 1000));
    return {.body =
                fmt::format(R"({{"trades":[{}],"best_bid":"1","best_ask":"1"}})", joined(rows, true, item))};
}

std::optional<net::ServerResponse> rest_of_one(const RestRequest& request) {
    std::string_view path = request.path.substr(std::string_view("/products/").size());
    const std::string symbol = symbol_of(take_part(path, '/'));
    if (path != "candles" && path != "ticker") return std::nullopt;
    if (!request.market.lists(symbol)) {
        return net::ServerResponse{
            .status = 404,
            .body = R"({"error":"NOT_FOUND","error_details":"","message":"valid product_id is required"})"};
    }
    return path == "candles" ? candles(request, symbol) : trades(request, symbol);
}

std::optional<net::ServerResponse> rest(const RestRequest& request) {
    if (request.path.starts_with("/products/")) return rest_of_one(request);
    if (request.path != "/products") return std::nullopt;
    if (query_value(request.query, "product_ids").empty()) return listings(request.market);
    JsonWriter w;
    w.begin_object().key("products").begin_array();
    for (std::string_view query = request.query; !query.empty();) {
        std::string_view product = take_part(query, '&');
        if (take_part(product, '=') != "product_ids") continue;
        const std::string symbol = symbol_of(product);
        const auto price = request.market.prices.find(symbol);
        if (price == request.market.prices.end() && !request.market.lists(symbol)) {
            return net::ServerResponse{
                .status = 400,
                .body =
                    R"({"error":"INVALID_ARGUMENT","error_details":"","message":"valid product_id is required"})"};
        }
        if (price == request.market.prices.end()) continue;
        w.begin_object().field("product_id", product).field("price", price->second.to_string());
        w.field("status", "online").field("trading_disabled", false).field("is_disabled", false).end_object();
    }
    w.end_array().end_object();
    return net::ServerResponse{.body = std::move(w).str()};
}

}  // namespace

extern const SimVenue venue;
constinit const SimVenue venue{
    .name = "coinbase",
    .ws_path = "/coinbase",
    .rest_path = "/coinbase/market",
    .currency = "USD",
    .share = 0.8,
    .delay = std::chrono::milliseconds{20},
    .open = open_stream<CoinbaseStream>,
    .rest = rest,
    .error_body = R"({"error":"rate_limit_exceeded","message":"too many requests"})",
    .error_frame = R"({"type":"error","message":"internal error"})",
    .wrong_frame =
        R"({"channel":"market_trades","sequence_num":0,"events":[{"type":"update","trades":[{"product_id":7,"price":[]}]}]})",
};

}  // namespace pricewire::sim::coinbase
