#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>

#include "base/json_writer.hpp"
#include "base/text.hpp"
#include "sim/protocol.hpp"

// Bitstamp: one subscribe message for each symbol, answered by an acknowledgement or an error, and nothing
// sent unasked but trades.
namespace pricewire::sim::bitstamp {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view channel_prefix = "live_trades_";

// "btcusd" ↔ "BTCUSDT"
std::string pair_of(std::string_view symbol) {
    return lower_case(base_of(symbol)) + "usd";
}
std::string symbol_of(std::string_view pair) {
    return pair.ends_with("usd") ? upper_case(pair.substr(0, pair.size() - 3)) + "USDT" : std::string();
}

std::string frame_of(const SimTrade& trade) {
    const std::string price = trade.price.to_string();
    const std::int64_t us = unix_us(trade.at);
    return fmt::format(
        R"({{"data":{{"id":{},"timestamp":"{}","amount":0.01,"amount_str":"0.01000000","price":{},"price_str":"{}","type":0,"microtimestamp":"{}","buy_order_id":1982008431775746,"sell_order_id":1982008430600193}},"channel":"live_trades_{}","event":"trade"}})",
        trade.id, us / 1'000'000, price, price, us, pair_of(trade.symbol));
}

class BitstampStream final : public SymbolStream {
public:
    using SymbolStream::SymbolStream;

    std::vector<std::string> on_text(std::string_view text) override {
        const auto message = parse_object(text);
        const std::string event = text_of(message, "event");
        if (event == "bts:heartbeat")
            return {R"({"event":"bts:heartbeat","channel":"","data":{"status":"success"}})"};
        const auto* data = message.if_contains("data");
        const std::string channel =
            data != nullptr && data->is_object() ? text_of(data->as_object(), "channel") : std::string();
        if (event != "bts:subscribe" && event != "bts:unsubscribe")
            return {
                R"({"event":"bts:error","channel":"","data":{"code":null,"message":"Incorrect JSON format."}})"};
        const bool is_wanted = event == "bts:subscribe";
        if (!channel.starts_with(channel_prefix) ||
            !subscribe(symbol_of(std::string_view(channel).substr(channel_prefix.size())), is_wanted)) {
            return {fmt::format(
                R"({{"event":"bts:error","channel":"{}","data":{{"code":null,"message":"Bad subscription string."}}}})",
                channel)};
        }
        return {fmt::format(R"({{"event":"bts:{}_succeeded","channel":"{}","data":{{}}}})",
                            is_wanted ? "subscription" : "unsubscription", channel)};
    }
    std::vector<std::string> on_trades(std::span<const SimTrade> trades) override {
        return each(trades, frame_of);
    }
};

net::ServerResponse listings(const SimMarket& market) {
    return {
        .body = fmt::format(
            "[{}]", joined(market.listings(), false, [](const SimListing& listing) {
                const std::string base = base_of(listing.symbol);
                return fmt::format(
                    R"({{"name":"{}/USD","market_symbol":"{}","base_currency":"{}","counter_currency":"USD","trading":"{}","market_type":"SPOT"}})",
                    base, pair_of(listing.symbol), base, listing.is_halted ? "Disabled" : "Enabled");
            }))};
}

// The first of a range, in ascending order.
net::ServerResponse candles(const RestRequest& request, const std::string& symbol) {
    auto rows = request.market.candles(symbol, std::chrono::seconds{query_number(request.query, "step", 60)},
                                       query_time(request.query, "start", 1s),
                                       query_time(request.query, "end", 1s, now()) + 1s);
    rows.resize(std::min<std::size_t>(rows.size(), 1000));
    return {
        .body = fmt::format(
            R"({{"data":{{"ohlc":[{}],"pair":"{}/USD"}}}})",
            joined(
                rows, false,
                [](const SimCandle& c) {
                    return fmt::format(
                        R"({{"close":"{}","high":"{}","low":"{}","open":"{}","timestamp":"{}","volume":"{}"}})",
                        c.close.to_string(), c.high.to_string(), c.low.to_string(), c.open.to_string(),
                        unix_ms(c.start) / 1000, c.volume.to_string());
                }),
            base_of(symbol))};
}

// All of the last minute, hour or day, newest first.
net::ServerResponse trades(const RestRequest& request, const std::string& symbol) {
    const std::string time = query_value(request.query, "time");
    const auto span = std::chrono::seconds{time == "minute" ? 60 : time == "day" ? 86'400 : 3600};
    const auto rows = request.market.past_trades(symbol, now() - span, now(), 1'000'000);
    return {.body =
                fmt::format("[{}]", joined(rows, true, [](const SimTrade& t) {
                                return fmt::format(
                                    R"({{"date":"{}","tid":"{}","amount":"0.01","type":"0","price":"{}"}})",
                                    unix_ms(t.at) / 1000, t.id, t.price.to_string());
                            }))};
}

std::optional<net::ServerResponse> rest(const RestRequest& request) {
    if (request.path == "/markets/") return listings(request.market);
    std::string_view path = request.path.substr(std::min<std::size_t>(1, request.path.size()));
    const std::string_view what = take_part(path, '/');
    if (what == "ohlc" || what == "transactions") {
        const std::string symbol = symbol_of(take_part(path, '/'));
        if (!request.market.lists(symbol))
            return net::ServerResponse{.status = 404,
                                       .body = R"({"status":"error","reason":"Invalid pair"})"};
        return what == "ohlc" ? candles(request, symbol) : trades(request, symbol);
    }
    if (request.path != "/ticker/") return std::nullopt;
    JsonWriter w;
    w.begin_array();
    for (const auto& [symbol, price] : request.market.prices) {
        // A book that moves all the time, as that of a pair that is traded.
        w.begin_object()
            .field("timestamp", std::to_string(unix_ms() / 1000))
            .field("last", price.to_string());
        w.field("bid", price.to_string()).field("ask", price.to_string());
        w.field("volume", std::to_string(unix_ms())).field("pair", base_of(symbol) + "/USD").end_object();
    }
    w.end_array();
    return net::ServerResponse{.body = std::move(w).str()};
}

}  // namespace

extern const SimVenue venue;
constinit const SimVenue venue{
    .name = "bitstamp",
    .ws_path = "/bitstamp",
    .rest_path = "/bitstamp/api/v2",
    .currency = "USD",
    .share = 0.15,
    .delay = std::chrono::milliseconds{50},
    .open = open_stream<BitstampStream>,
    .rest = rest,
    .error_body = R"({"status":"error","reason":"Too many requests.","code":"400.002"})",
    .error_frame = R"({"event":"bts:error","channel":"","data":{"code":null,"message":"Internal error."}})",
    .wrong_frame = R"({"data":{"id":7,"price":[]},"channel":"live_trades_btcusd","event":"trade"})",
    .leaving_frame = R"({"event":"bts:request_reconnect","channel":"","data":""})",
};

}  // namespace pricewire::sim::bitstamp
