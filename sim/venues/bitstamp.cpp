#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/json_writer.hpp"
#include "base/text.hpp"
#include "sim/protocol.hpp"

// Bitstamp: one subscribe message for each symbol, answered by an acknowledgement or an error, and nothing
// sent unasked but trades.
namespace pricewire::sim {
namespace {

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

std::optional<net::ServerResponse> rest(const RestRequest& request) {
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

extern const SimVenue bitstamp_sim;
constinit const SimVenue bitstamp_sim{
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

}  // namespace pricewire::sim
