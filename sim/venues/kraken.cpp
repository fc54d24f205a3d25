#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/json_writer.hpp"
#include "base/text.hpp"
#include "sim/protocol.hpp"

// Kraken v2: one acknowledgement or error for each symbol, heartbeats when nothing else is sent, prices as
// JSON numbers. REST has other names for some coins, and sends errors under status 200.
namespace pricewire::sim::kraken {
namespace {

using namespace std::chrono_literals;

// "BTC/USD" ↔ "BTCUSDT"
std::string pair_of(std::string_view symbol) {
    return base_of(symbol) + "/USD";
}
std::string symbol_of(std::string_view pair) {
    return pair.ends_with("/USD") ? std::string(pair.substr(0, pair.size() - 4)) + "USDT" : std::string();
}

std::string altname_of(std::string_view symbol) {
    const std::string base = base_of(symbol);
    return (base == "BTC" ? "XBT" : base == "DOGE" ? "XDG" : base) + "USD";
}
std::string key_of(std::string_view symbol) {
    const std::string altname = altname_of(symbol);
    if (altname == "XBTUSD" || altname == "ETHUSD") return fmt::format("X{}ZUSD", altname.substr(0, 3));
    return altname == "USDTUSD" ? "USDTZUSD" : altname;
}

std::string item(const SimTrade& trade) {
    return fmt::format(
        R"({{"symbol":"{}","side":"sell","price":{},"qty":0.01,"ord_type":"market","trade_id":{},"timestamp":"{}"}})",
        pair_of(trade.symbol), trade.price.to_string(), trade.id, iso_time(trade.at));
}

class KrakenStream final : public SymbolStream {
public:
    using SymbolStream::SymbolStream;

    std::vector<std::string> on_text(std::string_view text) override {
        const auto message = parse_object(text);
        const std::string method = text_of(message, "method");
        if (method == "ping") return {R"({"method":"pong","time_in":"2026-11-01T10:00:00.000000Z"})"};
        const auto* params = message.if_contains("params");
        const auto* symbols =
            params != nullptr && params->is_object() ? list_of(params->as_object(), "symbol") : nullptr;
        if ((method != "subscribe" && method != "unsubscribe") || symbols == nullptr)
            return {R"({"error":"Malformed request","success":false})"};
        std::vector<std::string> answers;
        for (const auto& name : *symbols)
            answers.push_back(on_symbol(method, name.is_string() ? std::string(name.as_string()) : ""));
        return answers;
    }
    std::vector<std::string> on_trades(std::span<const SimTrade> trades) override {
        return {
            fmt::format(R"({{"channel":"trade","type":"update","data":[{}]}})", joined(trades, false, item))};
    }
    std::vector<std::string> on_open() override {
        return {R"({"channel":"status","type":"update","data":[{"system":"online","api_version":"v2"}]})"};
    }
    std::vector<std::string> tick(const StreamTimes& times) override {
        if (!is_subscribed() || times.now - times.last_push < 1s) return {};
        return {R"({"channel":"heartbeat"})"};
    }

private:
    std::string on_symbol(const std::string& method, const std::string& pair) {
        if (!subscribe(symbol_of(pair), method == "subscribe")) {
            return fmt::format(
                R"({{"error":"Currency pair not supported {}","method":"{}","success":false,"symbol":"{}","req_id":1}})",
                pair, method, pair);
        }
        return fmt::format(
            R"({{"method":"{}","result":{{"channel":"trade","snapshot":false,"symbol":"{}"}},"success":true,"req_id":1}})",
            method, pair);
    }
};

net::ServerResponse result(const std::string& fields) {
    return {.body = fmt::format(R"({{"error":[],"result":{{{}}}}})", fields)};
}

net::ServerResponse listings(const SimMarket& market) {
    return result(joined(market.listings(), false, [](const SimListing& listing) {
        const std::string altname = altname_of(listing.symbol);
        return fmt::format(R"("{}":{{"altname":"{}","wsname":"{}/USD","status":"{}"}})",
                           key_of(listing.symbol), altname, altname.substr(0, altname.size() - 3),
                           listing.is_halted ? "cancel_only" : "online");
    }));
}

// The latest 720, whatever is asked for; the last one is open.
net::ServerResponse candles(const RestRequest& request, const std::string& symbol) {
    const std::chrono::minutes step{query_number(request.query, "interval", 1)};
    auto rows = request.market.candles(symbol, step, now() - step * 720, now());
    std::erase_if(rows, [since = query_number(request.query, "since")](const SimCandle& c) {
        return unix_ms(c.start) / 1000 <= since;
    });
    return result(fmt::format(R"("{}":[{}],"last":{})", key_of(symbol),
                              joined(rows, false,
                                     [](const SimCandle& c) {
                                         return fmt::format(R"([{},"{}","{}","{}","{}","0","{}",1])",
                                                            unix_ms(c.start) / 1000, c.open.to_string(),
                                                            c.high.to_string(), c.low.to_string(),
                                                            c.close.to_string(), c.volume.to_string());
                                     }),
                              unix_ms() / 1000));
}

// Those after a time in nanoseconds, in ascending order.
net::ServerResponse trades(const RestRequest& request, const std::string& symbol) {
    const auto since = std::chrono::nanoseconds{query_number(request.query, "since")};
    const auto from = std::chrono::floor<std::chrono::microseconds>(since) + std::chrono::microseconds{1};
    const auto rows = request.market.past_trades(symbol, SimTime{from}, now(),
                                                 query_count(request.query, "count", 1000, 1000));
    return result(fmt::format(R"("{}":[{}],"last":"{}")", key_of(symbol),
                              joined(rows, false,
                                     [](const SimTrade& t) {
                                         const std::int64_t us = unix_us(t.at);
                                         return fmt::format(R"(["{}","0.01",{}.{:06},"b","m","",{}])",
                                                            t.price.to_string(), us / 1'000'000,
                                                            us % 1'000'000, t.id);
                                     }),
                              rows.empty() ? since.count() : unix_ns(rows.back().at)));
}

std::optional<net::ServerResponse> rest(const RestRequest& request) {
    if (request.path == "/AssetPairs") return listings(request.market);
    if (request.path == "/OHLC" || request.path == "/Trades") {
        const std::string symbol =
            symbol_named(request.market, query_value(request.query, "pair"), altname_of);
        if (symbol.empty()) return net::ServerResponse{.body = R"({"error":["EQuery:Unknown asset pair"]})"};
        return request.path == "/OHLC" ? candles(request, symbol) : trades(request, symbol);
    }
    if (request.path != "/Ticker") return std::nullopt;
    JsonWriter w;
    w.begin_object().key("error").begin_array().end_array().key("result").begin_object();
    const auto write = [&](const std::string& symbol, Decimal price) {
        // A book that moves all the time, as that of a pair that is traded.
        w.key(key_of(symbol)).begin_object().key("a").begin_array();
        w.value(price.to_string()).value("1").value(std::to_string(unix_ms())).end_array();
        w.key("c").begin_array().value(price.to_string()).value("0.01").end_array().end_object();
    };
    const std::string pairs = query_value(request.query, "pair");
    for (const std::string_view pair : split_list(pairs)) {
        const auto traded = std::find_if(request.market.prices.begin(), request.market.prices.end(),
                                         [&](const auto& p) { return altname_of(p.first) == pair; });
        if (traded != request.market.prices.end()) {
            write(traded->first, traded->second);
            continue;
        }
        const std::string base(pair.substr(0, pair.size() - std::min<std::size_t>(3, pair.size())));
        if (!request.market.lists((base == "XBT" ? "BTC" : base == "XDG" ? "DOGE" : base) + "USDT"))
            return net::ServerResponse{.body = R"({"error":["EQuery:Unknown asset pair"]})"};
    }
    w.end_object().end_object();
    return net::ServerResponse{.body = std::move(w).str()};
}

}  // namespace

extern const SimVenue venue;
constinit const SimVenue venue{
    .name = "kraken",
    .ws_path = "/kraken/v2",
    .rest_path = "/kraken/0/public",
    .currency = "USD",
    .share = 0.6,
    .delay = std::chrono::milliseconds{40},
    .open = open_stream<KrakenStream>,
    .rest = rest,
    .error_body = R"({"error":["EAPI:Rate limit exceeded"]})",
    .error_frame = R"({"error":"Internal error","method":"subscribe","success":false})",
    .wrong_frame = R"({"channel":"trade","type":"update","data":[{"symbol":7,"price":[]}]})",
    .maintenance_frame =
        R"({"channel":"status","type":"update","data":[{"system":"maintenance","api_version":"v2"}]})",
    .resumed_frame =
        R"({"channel":"status","type":"update","data":[{"system":"online","api_version":"v2"}]})",
    .maintenance_body = R"({"error":["EService:Unavailable"]})",
};

}  // namespace pricewire::sim::kraken
