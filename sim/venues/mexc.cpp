#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "sim/protocol.hpp"

// MEXC: trades are protobuf in binary messages, answers JSON in text, and a refusal has the same code as a
// success. It wants a ping every minute, and drops a client without a subscription.
namespace pricewire::sim::mexc {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view channel = "spot@public.aggre.deals.v3.api.pb@100ms@";

std::string varint(std::uint64_t value) {
    std::string out;
    for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
    return out + static_cast<char>(value);
}
std::string bytes_field(std::uint64_t field, std::string_view bytes) {
    return varint(field << 3 | 2) + varint(bytes.size()) + std::string(bytes);
}
std::string number_field(std::uint64_t field, std::int64_t number) {
    return varint(field << 3) + varint(static_cast<std::uint64_t>(number));
}

std::string deal(const SimTrade& trade) {
    return bytes_field(1, bytes_field(1, trade.price.to_string()) + bytes_field(2, "0.01") +
                              number_field(3, 1) + number_field(4, unix_ms(trade.at)) +
                              bytes_field(5, std::to_string(trade.id)));
}

class MexcStream final : public SymbolStream {
public:
    using SymbolStream::SymbolStream;

    std::vector<std::string> on_text(std::string_view text) override {
        const auto message = parse_object(text);
        const std::string method = text_of(message, "method");
        const auto answer = [](std::string_view words) {
            return fmt::format(R"({{"id":0,"code":0,"msg":"{}"}})", words);
        };
        if (method == "PING") return {answer("PONG")};
        const auto* channels = list_of(message, "params");
        if ((method != "SUBSCRIPTION" && method != "UNSUBSCRIPTION") || channels == nullptr)
            return {answer("msg format invalid")};
        std::string accepted, refused;
        for (const auto& element : *channels) {
            const std::string name = element.is_string() ? std::string(element.as_string()) : std::string();
            const bool is_ours =
                name.starts_with(channel) && subscribe(name.substr(channel.size()), method == "SUBSCRIPTION");
            std::string& list = is_ours ? accepted : refused;
            list += (list.empty() ? "" : ",") + name;
        }
        std::vector<std::string> answers;
        if (!accepted.empty()) answers.push_back(answer(accepted));
        if (!refused.empty())
            answers.push_back(answer("Not Subscribed successfully! [" + refused + "]. Reason: Blocked! "));
        return answers;
    }
    std::vector<std::string> on_trades(std::span<const SimTrade> trades) override {
        std::string deals;
        for (const SimTrade& trade : trades) deals += deal(trade);
        const SimTrade& last = trades.back();
        return {bytes_field(1, std::string(channel) + last.symbol) + bytes_field(3, last.symbol) +
                number_field(6, unix_ms()) +
                bytes_field(314, deals + bytes_field(2, "spot@public.aggre.deals.v3.api.pb@100ms"))};
    }
    bool is_over(const StreamTimes& times) const override {
        return times.now - times.last_text > 60s || (!is_subscribed() && times.now - times.opened > 30s);
    }
};

net::ServerResponse invalid_symbol() {
    return {.status = 400, .body = R"({"code":-1121,"msg":"Invalid symbol."})"};
}

net::ServerResponse listings(const SimMarket& market) {
    return {
        .body = fmt::format(
            R"({{"timezone":"CST","serverTime":{},"symbols":[{},{{"symbol":"GONEUSDT","status":"3","baseAsset":"GONE","quoteAsset":"USDT","isSpotTradingAllowed":false}}]}})",
            unix_ms(), joined(market.listings(), false, [](const SimListing& listing) {
                return fmt::format(
                    R"({{"symbol":"{}","status":"{}","baseAsset":"{}","quoteAsset":"USDT","isSpotTradingAllowed":true,"permissions":["SPOT"]}})",
                    listing.symbol, listing.is_halted ? 2 : 1, base_of(listing.symbol));
            }))};
}

// The first of [startTime, endTime], at most 500 whatever the limit.
net::ServerResponse candles(const RestRequest& request) {
    const std::string symbol = query_value(request.query, "symbol");
    if (!request.market.lists(symbol)) return invalid_symbol();
    const auto step = step_of(query_value(request.query, "interval"), "1m", "60m");
    auto rows = request.market.candles(symbol, step, query_time(request.query, "startTime", 1ms),
                                       query_time(request.query, "endTime", 1ms) + 1ms);
    rows.resize(std::min<std::size_t>(rows.size(), 500));
    return {.body = fmt::format("[{}]", joined(rows, false, [&](const SimCandle& c) {
                                    return fmt::format(
                                        R"([{},"{}","{}","{}","{}","{}",{},"0"])", unix_ms(c.start),
                                        c.open.to_string(), c.high.to_string(), c.low.to_string(),
                                        c.close.to_string(), c.volume.to_string(), unix_ms(c.start + step));
                                }))};
}

// The newest of [startTime, endTime], newest first, without ids.
net::ServerResponse trades(const RestRequest& request) {
    const std::string symbol = query_value(request.query, "symbol");
    if (!request.market.lists(symbol)) return invalid_symbol();
    const SimTime from = query_time(request.query, "startTime", 1ms);
    const SimTime to = query_time(request.query, "endTime", 1ms);
    if (to - from > 1h) return {.status = 400, .body = R"({"code":-1128,"msg":"Time range is too long."})"};
    const auto rows = last_of(request.market.past_trades(symbol, from, to + 1ms, 1'000'000),
                              query_count(request.query, "limit", 500, 1000));
    return {.body = fmt::format(
                "[{}]", joined(rows, true, [](const SimTrade& trade) {
                    return fmt::format(
                        R"({{"a":null,"f":null,"l":null,"p":"{}","q":"0.01","T":{},"m":true,"M":true}})",
                        trade.price.to_string(), unix_ms(trade.at));
                }))};
}

std::optional<net::ServerResponse> rest(const RestRequest& request) {
    if (request.path == "/api/v3/exchangeInfo") return listings(request.market);
    if (request.path == "/api/v3/klines") return candles(request);
    if (request.path == "/api/v3/aggTrades") return trades(request);
    if (request.path != "/api/v3/ticker/24hr") return std::nullopt;
    const std::string wanted = query_value(request.query, "symbol");
    const auto& prices = request.market.prices;
    if (!wanted.empty() && !prices.contains(wanted) && !request.market.lists(wanted)) return invalid_symbol();
    std::string list;
    for (const auto& [symbol, price] : prices) {
        if (!wanted.empty() && symbol != wanted) continue;
        // A book that moves all the time, as that of a pair that is traded.
        list += fmt::format(
            R"({}{{"symbol":"{}","lastPrice":"{}","bidPrice":"{}","bidQty":"{}","askPrice":"{}","openTime":1,"count":null}})",
            list.empty() ? "" : ",", symbol, price.to_string(), price.to_string(), unix_ms(),
            price.to_string());
    }
    return net::ServerResponse{.body = wanted.empty() ? "[" + list + "]" : list};
}

}  // namespace

extern const SimVenue venue;
constinit const SimVenue venue{
    .name = "mexc",
    .ws_path = "/mexc/ws",
    .rest_path = "/mexc",
    .is_binary = true,
    .share = 0.2,
    .delay = std::chrono::milliseconds{100},
    .open = open_stream<MexcStream>,
    .rest = rest,
    .error_body = R"({"code":429,"msg":"Too many requests"})",
    .error_frame = R"({"id":0,"code":1,"msg":"internal error"})",
    .wrong_frame = R"({"id":[],"c":7})",
};

}  // namespace pricewire::sim::mexc
