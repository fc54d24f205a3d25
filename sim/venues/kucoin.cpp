#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/text.hpp"
#include "sim/protocol.hpp"

// KuCoin's classic stream: the address and a token that is good for a day come by POST, the server says when it
// listens, one unknown symbol fails a subscribe message, and a client that does not ping is cut.
namespace pricewire::sim::kucoin {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view topic_prefix = "/market/match:";
constexpr std::string_view token_prefix = "2neAiuYvAU61ZDXANAGAsiL4==.";

std::string name_of(std::string_view symbol) {
    return base_of(symbol) + "-USDT";
}
std::string symbol_of(std::string_view name) {
    std::string out(name);
    std::erase(out, '-');
    return out;
}

std::string trade_frame(const SimTrade& trade) {
    return fmt::format(
        R"({{"type":"message","topic":"{}{}","subject":"trade.l3match","data":{{"sequence":"{}","type":"match","symbol":"{}","side":"buy","price":"{}","size":"0.01","tradeId":"5c35c02703aa673c{:08x}","takerOrderId":"1","makerOrderId":"2","time":"{}"}}}})",
        topic_prefix, name_of(trade.symbol), trade.id * 2, name_of(trade.symbol), trade.price.to_string(),
        trade.id, unix_ns(trade.at));
}

class KucoinStream final : public SymbolStream {
public:
    KucoinStream(std::string_view query, const SimMarket& market) : SymbolStream(market) {
        const std::string token = query_value(query, "token");
        const auto issued =
            token.starts_with(token_prefix)
                ? parse_number<std::int64_t>(std::string_view(token).substr(token_prefix.size()))
                : std::nullopt;
        is_good_ = issued && unix_ms() - *issued < 24 * 3600 * 1000;
    }

    std::vector<std::string> on_open() override {
        if (!is_good_) return {R"({"id":"1","type":"error","code":401,"data":"token is expired"})"};
        return {R"({"id":"NSkIrWGB1s","type":"welcome"})"};
    }
    std::vector<std::string> on_text(std::string_view text) override {
        const auto message = parse_object(text);
        const std::string type = text_of(message, "type");
        const auto answer = [id = text_of(message, "id")](std::string_view rest) {
            return fmt::format(R"({{"id":"{}","type":{}}})", id, rest);
        };
        const auto error = [&](std::string_view words) {
            return answer(fmt::format(R"("error","code":404,"data":"{}")", words));
        };
        if (type == "ping") return {answer(R"("pong")")};
        const std::string topic = text_of(message, "topic");
        if ((type != "subscribe" && type != "unsubscribe") || !topic.starts_with(topic_prefix))
            return {error("type is not supported")};
        std::vector<std::string> symbols;
        for (const std::string_view name : split_list(std::string_view(topic).substr(topic_prefix.size()))) {
            symbols.push_back(symbol_of(name));
            if (name != name_of(symbols.back()) || (type == "subscribe" && !market().lists(symbols.back())))
                return {error(fmt::format("topic {}{} is not found", topic_prefix, name))};
        }
        for (const std::string& symbol : symbols) subscribe(symbol, type == "subscribe");
        return {answer(R"("ack")")};
    }
    std::vector<std::string> on_trades(std::span<const SimTrade> trades) override {
        return each(trades, trade_frame);
    }
    bool is_over(const StreamTimes& times) const override {
        return !is_good_ || times.now - times.last_text > 28s;
    }

private:
    bool is_good_ = false;
};

net::ServerResponse bootstrap(const RestRequest& request) {
    return {
        .body = fmt::format(
            R"({{"code":"200000","data":{{"token":"{}{}","instanceServers":[{{"endpoint":"ws://{}/kucoin/ws","encrypt":true,"protocol":"websocket","pingInterval":18000,"pingTimeout":10000}}]}}}})",
            token_prefix, unix_ms(), request.address)};
}

net::ServerResponse listings(const SimMarket& market) {
    return {
        .body = fmt::format(
            R"({{"code":"200000","data":[{}]}})",
            joined(market.listings(), false, [](const SimListing& listing) {
                return fmt::format(
                    R"({{"symbol":"{}","name":"{}","baseCurrency":"{}","quoteCurrency":"USDT","enableTrading":{}}})",
                    name_of(listing.symbol), name_of(listing.symbol), base_of(listing.symbol),
                    !listing.is_halted);
            }))};
}

// The newest of [startAt, endAt], newest first.
net::ServerResponse candles(const RestRequest& request) {
    const std::string symbol = symbol_of(query_value(request.query, "symbol"));
    if (!request.market.lists(symbol))
        return {.status = 400, .body = R"({"code":"400100","msg":"symbol not exists"})"};
    const auto step = step_of(query_value(request.query, "type"), "1min", "1hour");
    const auto rows = last_of(request.market.candles(symbol, step, query_time(request.query, "startAt", 1s),
                                                     query_time(request.query, "endAt", 1s) + 1s),
                              1500);
    return {.body = fmt::format(
                R"({{"code":"200000","data":[{}]}})", joined(rows, true, [](const SimCandle& c) {
                    return fmt::format(R"(["{}","{}","{}","{}","{}","{}","0"])", unix_ms(c.start) / 1000,
                                       c.open.to_string(), c.close.to_string(), c.high.to_string(),
                                       c.low.to_string(), c.volume.to_string());
                }))};
}

std::optional<net::ServerResponse> rest(const RestRequest& request) {
    if (request.path == "/api/v2/symbols") return listings(request.market);
    if (request.path == "/api/v1/market/candles") return candles(request);
    if (request.path == "/api/v1/bullet-public" && request.method == "POST") return bootstrap(request);
    const auto& prices = request.market.prices;
    // A book that moves all the time, as that of a pair that is traded.
    const auto fields = [](std::string_view ask, std::string_view last, Decimal price) {
        return fmt::format(R"("{}":"{}","bestAskSize":"{}","{}":"{}")", ask, price.to_string(), unix_ms(),
                           last, price.to_string());
    };
    if (request.path == "/api/v1/market/orderbook/level1") {
        const auto found = prices.find(symbol_of(query_value(request.query, "symbol")));
        return net::ServerResponse{
            .body =
                fmt::format(R"({{"code":"200000","data":{}}})",
                            found == prices.end() ? std::string("null")
                                                  : "{" + fields("bestAsk", "price", found->second) + "}")};
    }
    if (request.path != "/api/v1/market/allTickers") return std::nullopt;
    std::string list;
    for (const auto& [symbol, price] : prices)
        list += fmt::format(R"({}{{"symbol":"{}",{}}})", list.empty() ? "" : ",", name_of(symbol),
                            fields("sell", "last", price));
    return net::ServerResponse{
        .body = fmt::format(R"({{"code":"200000","data":{{"time":{},"ticker":[{}]}}}})", unix_ms(), list)};
}

}  // namespace

extern const SimVenue venue;
constinit const SimVenue venue{
    .name = "kucoin",
    .ws_path = "/kucoin/ws",
    .rest_path = "/kucoin",
    .share = 0.4,
    .delay = std::chrono::milliseconds{50},
    .open = [](std::string_view query, const SimMarket& market) -> std::unique_ptr<SimStream> {
        return std::make_unique<KucoinStream>(query, market);
    },
    .rest = rest,
    .error_body = R"({"code":"429000","msg":"too many requests"})",
    .error_frame = R"({"type":"error","code":500,"data":"internal error"})",
    .wrong_frame =
        R"({"type":"message","topic":"/market/match:BTC-USDT","subject":"trade.l3match","data":{"symbol":"BTC-USDT","price":[]}})",
};

}  // namespace pricewire::sim::kucoin
