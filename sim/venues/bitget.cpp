#include <fmt/format.h>

#include <boost/json.hpp>
#include <chrono>

#include "base/json_writer.hpp"
#include "sim/protocol.hpp"

// Bitget, API v2 or v3 as each subscription is spelled: an acknowledgement or an error for each argument, then the last
// trades again; the newest first in every message; a bare "pong" for a bare "ping", and the end of a connection without
// one for 2 min.
namespace pricewire::sim::bitget {
namespace {

using namespace std::chrono_literals;

std::string arg_of(const std::string& symbol, bool is_v3) {
    return is_v3 ? fmt::format(R"({{"instType":"spot","topic":"publicTrade","symbol":"{}"}})", symbol)
                 : fmt::format(R"({{"instType":"SPOT","channel":"trade","instId":"{}"}})", symbol);
}

std::string row_of(const SimTrade& trade, bool is_v3) {
    const std::uint64_t id = 1'260'903'622'036'000'000 + trade.id;
    const std::string price = trade.price.to_string();
    const std::int64_t at = unix_ms(trade.at);
    return is_v3
               ? fmt::format(R"({{"i":"{}","p":"{}","v":"0.01","S":"sell","T":"{}","L":"{}","isRPI":"no"}})",
                             id, price, at, id + 7)
               : fmt::format(R"({{"ts":"{}","price":"{}","size":"0.01","side":"buy","tradeId":"{}"}})", at,
                             price, id);
}

class BitgetStream final : public SymbolStream {
public:
    using SymbolStream::SymbolStream;

    std::vector<std::string> on_text(std::string_view text) override {
        if (text == "ping") return {"pong"};
        const auto message = parse_object(text);
        const std::string op = text_of(message, "op");
        const auto* args = list_of(message, "args");
        if ((op != "subscribe" && op != "unsubscribe") || args == nullptr)
            return {R"({"event":"error","code":30003,"msg":"Invalid op"})"};
        std::vector<std::string> answers;
        for (const auto& arg : *args)
            on_argument(op, arg.is_object() ? arg.as_object() : boost::json::object{}, answers);
        return answers;
    }
    std::vector<std::string> on_trades(std::span<const SimTrade> trades) override {
        return {push("update", trades)};
    }
    bool is_over(const StreamTimes& times) const override {
        return times.now - times.last_text > 2min || times.now - times.opened > 24h;
    }

private:
    void on_argument(const std::string& op, const boost::json::object& arg,
                     std::vector<std::string>& answers) {
        const bool is_v3 = text_of(arg, "topic") == "publicTrade" && text_of(arg, "instType") == "spot";
        const bool is_v2 = text_of(arg, "channel") == "trade" && text_of(arg, "instType") == "SPOT";
        const std::string symbol = text_of(arg, is_v3 ? "symbol" : "instId");
        if ((!is_v2 && !is_v3) || !subscribe(symbol, op == "subscribe")) {
            answers.push_back(fmt::format(
                R"({{"event":"error","arg":{},"code":30001,"msg":"instType:SPOT,channel:trade,instId:{} doesn't exist"}})",
                boost::json::serialize(arg), symbol));
            return;
        }
        if (is_v3) v3_.insert(symbol);
        answers.push_back(fmt::format(R"({{"event":"{}","arg":{}}})", op, arg_of(symbol, is_v3)));
        const auto past = market().trades.find(symbol);
        if (op == "subscribe" && past != market().trades.end() && !past->second.empty())
            answers.push_back(push("snapshot", past->second));
    }

    std::string push(std::string_view action, std::span<const SimTrade> trades) const {
        const std::string& symbol = trades.front().symbol;
        const bool is_v3 = v3_.contains(symbol);
        const auto row = [&](const SimTrade& trade) { return row_of(trade, is_v3); };
        return fmt::format(R"({{"action":"{}","arg":{},"data":[{}],"ts":{}}})", action, arg_of(symbol, is_v3),
                           joined(trades, true, row), unix_ms());
    }

    std::set<std::string> v3_;  // the symbols that were subscribed in its form
};

// A book that moves all the time, as that of a pair that is traded.
void write_ticker(JsonWriter& w, const std::string& symbol, Decimal price) {
    const std::string text = price.to_string();
    w.begin_object().field("symbol", symbol).field("lastPr", text).field("bidPr", text).field("askPr", text);
    w.field("bidSz", std::to_string(unix_ms())).field("askSz", "1").field("ts", std::to_string(unix_ms()));
    w.end_object();
}

net::ServerResponse answer_with(std::string_view rows) {
    return {.body = fmt::format(R"({{"code":"00000","msg":"success","requestTime":{},"data":[{}]}})",
                                unix_ms(), rows)};
}
net::ServerResponse unknown_symbol() {
    return {.status = 400,
            .body = R"({"code":"40034","msg":"Parameter does not exist","requestTime":1,"data":null})"};
}

net::ServerResponse listings(const SimMarket& market) {
    return answer_with(joined(market.listings(), false,
                              [](const SimListing& listing) {
                                  return fmt::format(
                                      R"({{"symbol":"{}","baseCoin":"{}","quoteCoin":"USDT","status":"{}"}})",
                                      listing.symbol, base_of(listing.symbol),
                                      listing.is_halted ? "halt" : "online");
                              }) +
                       R"(,{"symbol":"GONEUSDT","baseCoin":"GONE","quoteCoin":"USDT","status":"offline"})");
}

// The newest between startTime and endTime, oldest first. A plain day begins at 16:00 UTC, and is not played.
net::ServerResponse candles(const RestRequest& request) {
    const std::string symbol = query_value(request.query, "symbol");
    const std::string word = query_value(request.query, "granularity");
    if (!request.market.lists(symbol) || (word != "1min" && word != "1h" && word != "1Dutc"))
        return unknown_symbol();
    const auto step = step_of(word, "1min", "1h");
    const auto rows =
        last_of(request.market.candles(symbol, step, query_time(request.query, "startTime", 1ms) + 1ms,
                                       query_time(request.query, "endTime", 1ms)),
                query_count(request.query, "limit", 100, 1000));
    return answer_with(joined(rows, false, [](const SimCandle& c) {
        return fmt::format(R"(["{}","{}","{}","{}","{}","{}","0","0"])", unix_ms(c.start), c.open.to_string(),
                           c.high.to_string(), c.low.to_string(), c.close.to_string(), c.volume.to_string());
    }));
}

// The newest below an id, newest first, with times of the second.
net::ServerResponse trades(const RestRequest& request) {
    const std::string symbol = query_value(request.query, "symbol");
    if (!request.market.lists(symbol)) return unknown_symbol();
    auto rows = request.market.past_trades(symbol, query_time(request.query, "startTime", 1ms),
                                           query_time(request.query, "endTime", 1ms) + 1ms, 1'000'000);
    if (const std::int64_t below = query_number(request.query, "idLessThan"); below > 0)
        std::erase_if(rows, [&](const SimTrade& t) { return t.id >= static_cast<std::uint64_t>(below); });
    rows = last_of(std::move(rows), query_count(request.query, "limit", 500, 1000));
    return answer_with(joined(rows, true, [](const SimTrade& trade) {
        return fmt::format(
            R"({{"symbol":"{}","tradeId":"{}","side":"Buy","price":"{}","size":"0.01","ts":"{}"}})",
            trade.symbol, trade.id, trade.price.to_string(), unix_ms(trade.at) / 1000 * 1000);
    }));
}

std::optional<net::ServerResponse> rest(const RestRequest& request) {
    if (request.path == "/api/v2/spot/public/symbols") return listings(request.market);
    if (request.path == "/api/v2/spot/market/candles") return candles(request);
    if (request.path == "/api/v2/spot/market/fills-history") return trades(request);
    if (request.path != "/api/v2/spot/market/tickers") return std::nullopt;
    const Prices& prices = request.market.prices;
    JsonWriter w;
    w.begin_object().field("code", "00000").field("msg", "success").field("requestTime", unix_ms());
    w.key("data").begin_array();
    if (const std::string symbol = query_value(request.query, "symbol"); symbol.empty()) {
        for (const auto& [listed, price] : prices) {
            if (request.market.lists(listed)) write_ticker(w, listed, price);
        }
    } else if (!request.market.lists(symbol)) {
        return unknown_symbol();
    } else if (const auto found = prices.find(symbol); found != prices.end()) {
        write_ticker(w, symbol, found->second);
    }
    w.end_array().end_object();
    return net::ServerResponse{.body = std::move(w).str()};
}

}  // namespace

extern const SimVenue venue;
constinit const SimVenue venue{
    .name = "bitget",
    .ws_path = "/bitget/v2/ws/public",
    .rest_path = "/bitget",
    .share = 0.5,
    .delay = 60ms,
    .open = open_stream<BitgetStream>,
    .rest = rest,
    .error_body = R"({"code":"429","msg":"Too Many Requests","requestTime":1,"data":null})",
    .error_frame = R"({"event":"error","code":30003,"msg":"Invalid op"})",
    .wrong_frame =
        R"({"action":"update","arg":{"instType":"SPOT","channel":"trade","instId":"BTCUSDT"},"data":[{"ts":7,"price":[]}]})",
    .maintenance_frame = R"({"event":"error","code":40200,"msg":"Server upgrade, please try again later"})",
    .maintenance_body =
        R"({"code":"40200","msg":"Server upgrade, please try again later","requestTime":1,"data":null})",
};

}  // namespace pricewire::sim::bitget
