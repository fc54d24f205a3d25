#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <optional>

#include "sim/protocol.hpp"

// Crypto.com: one answer for a subscribe message, which one unknown symbol fails; then the last trades, newest
// first and unmarked. It sends a heartbeat every 30 s, which has to be answered within 5 s, and refuses what
// comes in the first second.
namespace pricewire::sim::crypto_com {
namespace {

using namespace std::chrono_literals;

std::string instrument_of(std::string_view symbol) {
    return base_of(symbol) + "_USD";
}
// Empty where it is not the name of an instrument.
std::string symbol_of(std::string_view instrument) {
    return instrument.ends_with("_USD") ? std::string(instrument.substr(0, instrument.size() - 4)) + "USDT"
                                        : std::string();
}

std::string item(const SimTrade& trade) {
    return fmt::format(R"({{"d":"46118467296000{:05}","t":{},"p":"{}","q":"0.01","s":"BUY","i":"{}"}})",
                       trade.id % 100'000, unix_ms(trade.at), trade.price.to_string(),
                       instrument_of(trade.symbol));
}

std::string push(std::span<const SimTrade> trades) {
    const std::string name = instrument_of(trades.back().symbol);
    return fmt::format(
        R"({{"id":-1,"method":"subscribe","code":0,"result":{{"instrument_name":"{}","subscription":"trade.{}","channel":"trade","data":[{}]}}}})",
        name, name, joined(trades, true, item));
}

class CryptoComStream final : public SymbolStream {
public:
    using SymbolStream::SymbolStream;

    std::vector<std::string> on_text(std::string_view text) override {
        const auto message = parse_object(text);
        const std::string method = text_of(message, "method");
        const auto* number = message.if_contains("id");
        const std::int64_t id = number != nullptr && number->is_int64() ? number->as_int64() : 0;
        if (method == "public/respond-heartbeat") {
            if (beat_at_ && id == beat_) beat_at_.reset();
            return {};
        }
        const auto answer = [&](std::string_view rest) {
            return fmt::format(R"({{"id":{},"method":"{}",{}}})", id, method, rest);
        };
        if (!is_warm_ && std::chrono::steady_clock::now() - began_ < 800ms)
            return {answer(R"("code":42901,"message":"RATE_LIMIT")")};
        const auto* params = message.if_contains("params");
        const auto* channels =
            params != nullptr && params->is_object() ? list_of(params->as_object(), "channels") : nullptr;
        if ((method != "subscribe" && method != "unsubscribe") || channels == nullptr)
            return {answer(R"("code":40001,"message":"Bad request")")};
        std::vector<std::string> symbols;
        for (const auto& channel : *channels) {
            const std::string name = channel.is_string() ? std::string(channel.as_string()) : std::string();
            symbols.push_back(name.starts_with("trade.") ? symbol_of(name.substr(6)) : std::string());
            if (method == "subscribe" && !market().lists(symbols.back()))
                return {answer(fmt::format(R"("code":40003,"message":"Unknown symbol {}")",
                                           name.substr(std::min<std::size_t>(6, name.size()))))};
        }
        std::vector<std::string> out{answer(R"("code":0)")};
        for (const std::string& symbol : symbols) {
            subscribe(symbol, method == "subscribe");
            const auto past = market().trades.find(symbol);
            if (method == "subscribe" && past != market().trades.end() && !past->second.empty())
                out.push_back(push(past->second));
        }
        return out;
    }
    std::vector<std::string> on_trades(std::span<const SimTrade> trades) override { return {push(trades)}; }
    std::vector<std::string> tick(const StreamTimes& times) override {
        is_warm_ = is_warm_ || times.now - times.opened >= 1s;
        if (times.now - std::max(last_beat_, times.opened) < 30s) return {};
        last_beat_ = times.now;
        if (!beat_at_) beat_at_ = times.now;
        beat_ = unix_ms();
        return {fmt::format(R"({{"id":{},"method":"public/heartbeat","code":0}})", beat_)};
    }
    bool is_over(const StreamTimes& times) const override { return beat_at_ && times.now - *beat_at_ > 5s; }

private:
    using Clock = std::chrono::steady_clock;

    const Clock::time_point began_ = Clock::now();
    bool is_warm_ = false;
    Clock::time_point last_beat_{};
    std::int64_t beat_ = 0;
    std::optional<Clock::time_point> beat_at_;  // of one that was not answered
};

net::ServerResponse answer_to(std::string_view method, std::string_view result) {
    return {.body =
                fmt::format(R"({{"id":-1,"method":"public/{}","code":0,"result":{{{}}}}})", method, result)};
}
net::ServerResponse unknown_instrument(std::string_view method) {
    return {.status = 400,
            .body = fmt::format(
                R"({{"id":-1,"method":"public/{}","code":40004,"message":"Unknown instrument"}})", method)};
}

net::ServerResponse listings(const SimMarket& market) {
    return answer_to(
        "get-instruments",
        fmt::format(
            R"("data":[{},{{"symbol":"BTCUSD-PERP","inst_type":"PERPETUAL_SWAP","base_ccy":"BTC","quote_ccy":"USD","tradable":true}}])",
            joined(market.listings(), false, [](const SimListing& listing) {
                return fmt::format(
                    R"({{"symbol":"{}","inst_type":"CCY_PAIR","base_ccy":"{}","quote_ccy":"USD","tradable":{}}})",
                    instrument_of(listing.symbol), base_of(listing.symbol), !listing.is_halted);
            })));
}

// The newest of [start_ts, end_ts).
net::ServerResponse candles(const RestRequest& request) {
    const std::string name = query_value(request.query, "instrument_name");
    if (!request.market.lists(symbol_of(name))) return unknown_instrument("get-candlestick");
    const std::string word = query_value(request.query, "timeframe");
    const auto step = step_of(word, "1m", "1h");
    const auto rows =
        last_of(request.market.candles(symbol_of(name), step, query_time(request.query, "start_ts", 1ms),
                                       query_time(request.query, "end_ts", 1ms)),
                query_count(request.query, "count", 25, 300));
    return answer_to("get-candlestick",
                     fmt::format(R"("interval":"{}","data":[{}],"instrument_name":"{}")", word,
                                 joined(rows, false,
                                        [](const SimCandle& c) {
                                            return fmt::format(
                                                R"({{"o":"{}","h":"{}","l":"{}","c":"{}","v":"{}","t":{}}})",
                                                c.open.to_string(), c.high.to_string(), c.low.to_string(),
                                                c.close.to_string(), c.volume.to_string(), unix_ms(c.start));
                                        }),
                                 name));
}

// In milliseconds or nanoseconds.
SimTime fine_time(std::string_view query, std::string_view name) {
    const std::int64_t number = query_number(query, name);
    return SimTime{std::chrono::nanoseconds{number < 10'000'000'000'000 ? number * 1'000'000 : number}};
}

// The newest of [start_ts, end_ts), newest first.
net::ServerResponse trades(const RestRequest& request) {
    const std::string name = query_value(request.query, "instrument_name");
    if (!request.market.lists(symbol_of(name))) return unknown_instrument("get-trades");
    const auto rows =
        last_of(request.market.past_trades(symbol_of(name), fine_time(request.query, "start_ts"),
                                           fine_time(request.query, "end_ts"), 1'000'000),
                query_count(request.query, "count", 25, 150));
    return answer_to(
        "get-trades",
        fmt::format(R"("data":[{}])", joined(rows, true, [](const SimTrade& trade) {
                        return fmt::format(
                            R"({{"d":"{}","t":{},"tn":"{}","q":"0.01","p":"{}","s":"BUY","i":"{}"}})",
                            trade.id, unix_ms(trade.at), unix_ns(trade.at), trade.price.to_string(),
                            instrument_of(trade.symbol));
                    })));
}

std::optional<net::ServerResponse> rest(const RestRequest& request) {
    if (request.path == "/get-instruments") return listings(request.market);
    if (request.path == "/get-candlestick") return candles(request);
    if (request.path == "/get-trades") return trades(request);
    if (request.path != "/get-tickers") return std::nullopt;
    const std::string wanted = query_value(request.query, "instrument_name");
    const auto& prices = request.market.prices;
    if (!wanted.empty() && !prices.contains(symbol_of(wanted)) && !request.market.lists(symbol_of(wanted)))
        return unknown_instrument("get-tickers");
    std::string list;
    for (const auto& [symbol, price] : prices) {
        if (!wanted.empty() && instrument_of(symbol) != wanted) continue;
        list += fmt::format(R"({}{{"i":"{}","a":"{}","b":"{}","t":{}}})", list.empty() ? "" : ",",
                            instrument_of(symbol), price.to_string(), price.to_string(), unix_ms());
    }
    return net::ServerResponse{
        .body = fmt::format(R"({{"id":-1,"method":"public/get-tickers","code":0,"result":{{"data":[{}]}}}})",
                            list)};
}

}  // namespace

extern const SimVenue venue;
constinit const SimVenue venue{
    .name = "crypto_com",
    .ws_path = "/crypto_com/exchange/v1/market",
    .rest_path = "/crypto_com/exchange/v1/public",
    .currency = "USD",
    .share = 0.3,
    .delay = std::chrono::milliseconds{50},
    .open = open_stream<CryptoComStream>,
    .rest = rest,
    .error_body = R"({"id":-1,"method":"public/get-tickers","code":42901,"message":"RATE_LIMIT"})",
    .error_frame = R"({"id":-1,"method":"","code":50001,"message":"Internal error"})",
    .wrong_frame =
        R"({"id":-1,"method":"subscribe","code":0,"result":{"instrument_name":"BTC_USD","subscription":"trade.BTC_USD","channel":"trade","data":[{"p":[],"t":"x"}]}})",
};

}  // namespace pricewire::sim::crypto_com
