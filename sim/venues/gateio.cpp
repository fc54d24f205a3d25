#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "sim/protocol.hpp"

// Gate.io v4: one answer for a subscribe message, which one bad pair fails, and the end of a connection that
// has not been pinged. Times have digits below a millisecond.
namespace pricewire::sim::gateio {
namespace {

using namespace std::chrono_literals;

std::string pair_of(std::string_view symbol) {
    return base_of(symbol) + "_USDT";
}
std::string symbol_of(std::string_view pair) {
    std::string out(pair);
    std::erase(out, '_');
    return out;
}

std::string trade_frame(const SimTrade& trade) {
    const std::int64_t us = unix_us(trade.at);
    return fmt::format(
        R"({{"time":{},"time_ms":{},"channel":"spot.trades","event":"update","result":{{"id":{},"create_time":{},"create_time_ms":"{}.{:03}","side":"sell","currency_pair":"{}","amount":"0.01","price":"{}","range":"1-1"}}}})",
        us / 1'000'000, us / 1000, trade.id, us / 1'000'000, us / 1000, us % 1000, pair_of(trade.symbol),
        trade.price.to_string());
}

class GateioStream final : public SymbolStream {
public:
    using SymbolStream::SymbolStream;

    std::vector<std::string> on_text(std::string_view text) override {
        const auto message = parse_object(text);
        const std::string channel = text_of(message, "channel");
        const std::string event = text_of(message, "event");
        const auto* number = message.if_contains("id");
        const std::int64_t id = number != nullptr && number->is_int64() ? number->as_int64() : 0;
        const auto answer = [&](std::string_view what) {
            return fmt::format(R"({{"time":1,"id":{},"channel":"{}","event":"{}",{}}})", id, channel, event,
                               what);
        };
        const auto error = [&](std::string_view words) {
            return answer(fmt::format(R"("error":{{"code":2,"message":"{}"}},"result":null)", words));
        };
        if (channel == "spot.ping") return {R"({"time":1,"channel":"spot.pong","event":"","result":null})"};
        const auto* pairs = list_of(message, "payload");
        if (channel != "spot.trades" || (event != "subscribe" && event != "unsubscribe") || pairs == nullptr)
            return {error("invalid argument")};
        std::vector<std::string> symbols;
        for (const auto& pair : *pairs) {
            const std::string name = pair.is_string() ? std::string(pair.as_string()) : std::string();
            symbols.push_back(symbol_of(name));
            if (name != pair_of(symbols.back()) || (event == "subscribe" && !market().lists(symbols.back())))
                return {error("unknown currency pair: " + name)};
        }
        for (const std::string& symbol : symbols) subscribe(symbol, event == "subscribe");
        return {answer(R"("error":null,"result":{"status":"success"})")};
    }
    std::vector<std::string> on_trades(std::span<const SimTrade> trades) override {
        return each(trades, trade_frame);
    }
    bool is_over(const StreamTimes& times) const override { return times.now - times.last_text > 35s; }
};

net::ServerResponse listings(const SimMarket& market) {
    return {
        .body = fmt::format(
            R"([{},{{"id":"GONE_USDT","base":"GONE","quote":"USDT","trade_status":"untradable","delisting_time":1690000000}}])",
            joined(market.listings(), false, [](const SimListing& listing) {
                return fmt::format(
                    R"({{"id":"{}","base":"{}","quote":"USDT","trade_status":"{}","delisting_time":0}})",
                    pair_of(listing.symbol), base_of(listing.symbol),
                    listing.is_halted ? "untradable" : "tradable");
            }))};
}

net::ServerResponse bad_request(std::string_view label, std::string_view words) {
    return {.status = 400, .body = fmt::format(R"({{"label":"{}","message":"{}"}})", label, words)};
}
net::ServerResponse unknown_pair() {
    return bad_request("INVALID_CURRENCY_PAIR", "Invalid currency pair");
}

// Of [from, to], at most a thousand, of the last ten thousand.
net::ServerResponse candles(const RestRequest& request) {
    const std::string symbol = symbol_of(query_value(request.query, "currency_pair"));
    if (!request.market.lists(symbol)) return unknown_pair();
    const auto step = step_of(query_value(request.query, "interval"), "1m", "1h");
    const SimTime from = query_time(request.query, "from", 1s);
    const SimTime to = query_time(request.query, "to", 1s);
    if ((to - from) / step > 1000) return bad_request("INVALID_PARAM_VALUE", "Too many points");
    if (now() - from > 10'000 * step) return bad_request("INVALID_PARAM_VALUE", "Candlestick too long ago");
    return {.body = fmt::format(
                "[{}]",
                joined(request.market.candles(symbol, step, from, to + 1s), false, [](const SimCandle& c) {
                    return fmt::format(R"(["{}","0","{}","{}","{}","{}","{}","{}"])", unix_ms(c.start) / 1000,
                                       c.close.to_string(), c.high.to_string(), c.low.to_string(),
                                       c.open.to_string(), c.volume.to_string(), c.is_closed);
                }))};
}

// A page of those of [from, to], newest first.
net::ServerResponse trades(const RestRequest& request) {
    const std::string symbol = symbol_of(query_value(request.query, "currency_pair"));
    if (!request.market.lists(symbol)) return unknown_pair();
    const std::size_t limit = query_count(request.query, "limit", 100, 1000);
    const std::size_t before = limit * (query_count(request.query, "page", 1, 1'000'000) - 1);
    if (before > 100'000) return bad_request("INVALID_PARAM_VALUE", "Invalid page");
    auto rows = request.market.past_trades(symbol, query_time(request.query, "from", 1s),
                                           query_time(request.query, "to", 1s) + 1s, 1'000'000);
    rows.resize(rows.size() - std::min(rows.size(), before));
    return {
        .body = fmt::format(
            "[{}]", joined(last_of(std::move(rows), limit), true, [](const SimTrade& trade) {
                const std::int64_t us = unix_us(trade.at);
                return fmt::format(
                    R"({{"id":"{}","create_time":"{}","create_time_ms":"{}.{:03}","currency_pair":"{}","side":"buy","amount":"0.01","price":"{}"}})",
                    trade.id, us / 1'000'000, us / 1000, us % 1000, pair_of(trade.symbol),
                    trade.price.to_string());
            }))};
}

std::optional<net::ServerResponse> rest(const RestRequest& request) {
    if (request.path == "/spot/currency_pairs") return listings(request.market);
    if (request.path == "/spot/candlesticks") return candles(request);
    if (request.path == "/spot/trades") return trades(request);
    if (request.path != "/spot/tickers") return std::nullopt;
    const std::string wanted = query_value(request.query, "currency_pair");
    const auto& prices = request.market.prices;
    if (!wanted.empty() && !prices.contains(symbol_of(wanted)) && !request.market.lists(symbol_of(wanted)))
        return unknown_pair();
    std::string list;
    for (const auto& [symbol, price] : prices) {
        if (!wanted.empty() && pair_of(symbol) != wanted) continue;
        // A book that moves all the time, as that of a pair that is traded.
        list += fmt::format(
            R"({}{{"currency_pair":"{}","last":"{}","lowest_ask":"{}","lowest_size":"{}","base_volume":"1"}})",
            list.empty() ? "" : ",", pair_of(symbol), price.to_string(), price.to_string(), unix_ms());
    }
    return net::ServerResponse{.body = "[" + list + "]"};
}

}  // namespace

extern const SimVenue venue;
constinit const SimVenue venue{
    .name = "gateio",
    .ws_path = "/gateio/ws/v4/",
    .rest_path = "/gateio/api/v4",
    .share = 0.4,
    .delay = std::chrono::milliseconds{60},
    .open = open_stream<GateioStream>,
    .rest = rest,
    .error_body = R"({"label":"TOO_MANY_REQUESTS","message":"Request Rate limit Exceeded"})",
    .error_frame =
        R"({"time":1,"channel":"spot.trades","event":"update","error":{"code":3,"message":"server error"}})",
    .wrong_frame = R"({"time":1,"channel":"spot.trades","event":"update","result":{"id":[],"price":7}})",
    .leaving_frame =
        R"({"time":1,"channel":"spot.system","event":"update","result":{"type":"upgrade","msg":"The connection will soon be closed for a service upgrade"}})",
};

}  // namespace pricewire::sim::gateio
