#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/json_writer.hpp"
#include "sim/protocol.hpp"

// OKX: one acknowledgement or error for each argument of a subscribe message, a bare "pong" for a bare
// "ping", and the end of a connection on which nothing has happened for 30 s.
namespace pricewire::sim::okx {
namespace {

using namespace std::chrono_literals;

std::string instrument_of(std::string_view symbol) {
    return base_of(symbol) + "-USDT";
}

std::string symbol_of(std::string_view instrument) {
    std::string out(instrument);
    std::erase(out, '-');
    return out;
}

std::string trade_frame(const SimTrade& trade) {
    const std::string instrument = instrument_of(trade.symbol);
    return fmt::format(
        R"({{"arg":{{"channel":"trades","instId":"{}"}},"data":[{{"instId":"{}","tradeId":"{}","px":"{}","sz":"0.01","side":"buy","ts":"{}","count":"1"}}]}})",
        instrument, instrument, trade.id, trade.price.to_string(), unix_ms(trade.at));
}

class OkxStream final : public SymbolStream {
public:
    using SymbolStream::SymbolStream;

    std::vector<std::string> on_text(std::string_view text) override {
        if (text == "ping") return {"pong"};
        const auto message = parse_object(text);
        const std::string op = text_of(message, "op");
        if (op != "subscribe" && op != "unsubscribe")
            return {R"({"event":"error","code":"60012","msg":"Invalid request","connId":"a4d3ae55"})"};
        std::vector<std::string> answers;
        if (const auto* args = list_of(message, "args")) {
            for (const auto& arg : *args)
                answers.push_back(on_argument(op, arg.is_object() ? arg.as_object() : boost::json::object{}));
        }
        return answers;
    }
    std::vector<std::string> on_trades(std::span<const SimTrade> trades) override {
        return each(trades, trade_frame);
    }
    bool is_over(const StreamTimes& times) const override {
        return times.now - std::max(times.last_push, times.last_text) > 30s;
    }

private:
    std::string on_argument(const std::string& op, const boost::json::object& arg) {
        const std::string channel = text_of(arg, "channel");
        const std::string instrument = text_of(arg, "instId");
        if (channel == "status")
            return fmt::format(R"({{"event":"{}","arg":{{"channel":"status"}},"connId":"a4d3ae55"}})", op);
        const std::string symbol = symbol_of(instrument);
        if (channel != "trades" || instrument != instrument_of(symbol) ||
            !subscribe(symbol, op == "subscribe")) {
            return fmt::format(
                R"({{"event":"error","code":"60018","msg":"Wrong URL or channel:{},instId:{} doesn't exist.","connId":"a4d3ae55"}})",
                channel, instrument);
        }
        return fmt::format(
            R"({{"event":"{}","arg":{{"channel":"trades","instId":"{}"}},"connId":"a4d3ae55"}})", op,
            instrument);
    }
};

void write_ticker(JsonWriter& w, const std::string& symbol, Decimal price) {
    w.begin_object().field("instType", "SPOT").field("instId", instrument_of(symbol));
    w.field("last", price.to_string()).field("ts", std::to_string(unix_ms())).end_object();
}

net::ServerResponse data(const std::string& rows) {
    return {.body = fmt::format(R"({{"code":"0","msg":"","data":[{}]}})", rows)};
}

net::ServerResponse unknown_instrument() {
    return {.body = R"({"code":"51001","msg":"Instrument ID doesn't exist.","data":[]})"};
}

net::ServerResponse listings(const SimMarket& market) {
    return data(joined(market.listings(), false, [](const SimListing& listing) {
        return fmt::format(
            R"({{"instType":"SPOT","instId":"{}","baseCcy":"{}","quoteCcy":"USDT","state":"{}"}})",
            instrument_of(listing.symbol), base_of(listing.symbol), listing.is_halted ? "suspend" : "live");
    }));
}

// The newest of a range, newest first; "after" and "before" are older and newer than. The recent ones have a path of
// their own, which goes back 1440 rows.
net::ServerResponse candles(const RestRequest& request, bool is_recent) {
    const std::string symbol = symbol_of(query_value(request.query, "instId"));
    if (!request.market.lists(symbol)) return unknown_instrument();
    const auto step = step_of(query_value(request.query, "bar"), "1m", "1H");
    SimTime from = query_time(request.query, "before", 1ms) + 1ms;
    if (is_recent) from = std::max(from, now() - step * 1440);
    const auto rows =
        last_of(request.market.candles(symbol, step, from, query_time(request.query, "after", 1ms, now())),
                query_count(request.query, "limit", 100, 300));
    return data(joined(rows, true, [](const SimCandle& c) {
        return fmt::format(R"(["{}","{}","{}","{}","{}","{}","0","0","{}"])", unix_ms(c.start),
                           c.open.to_string(), c.high.to_string(), c.low.to_string(), c.close.to_string(),
                           c.volume.to_string(), c.is_closed ? 1 : 0);
    }));
}

// Those before a trade's id (type 1), which is a time in microseconds, or before a time, newest first.
net::ServerResponse trades(const RestRequest& request) {
    const std::string symbol = symbol_of(query_value(request.query, "instId"));
    if (!request.market.lists(symbol)) return unknown_instrument();
    const std::int64_t after = query_number(request.query, "after", unix_ms());
    const bool is_id = query_value(request.query, "type") == "1";
    const auto rows = trades_before(request.market, symbol,
                                    SimTime{std::chrono::microseconds{is_id ? after : after * 1000}}, 100);
    return data(joined(rows, true, [](const SimTrade& t) {
        return fmt::format(R"({{"instId":"{}","side":"buy","sz":"0.01","px":"{}","tradeId":"{}","ts":"{}"}})",
                           instrument_of(t.symbol), t.price.to_string(), t.id, unix_ms(t.at));
    }));
}

std::optional<net::ServerResponse> rest(const RestRequest& request) {
    if (request.path == "/public/instruments") return listings(request.market);
    if (request.path == "/market/candles") return candles(request, true);
    if (request.path == "/market/history-candles") return candles(request, false);
    if (request.path == "/market/history-trades") return trades(request);
    JsonWriter w;
    w.begin_object().field("code", "0").field("msg", "").key("data").begin_array();
    if (request.path == "/market/tickers") {
        for (const auto& [symbol, price] : request.market.prices) write_ticker(w, symbol, price);
    } else if (request.path == "/market/ticker") {
        const std::string symbol = symbol_of(query_value(request.query, "instId"));
        const auto found = request.market.prices.find(symbol);
        if (found != request.market.prices.end()) {
            write_ticker(w, symbol, found->second);
        } else if (!request.market.lists(symbol)) {
            return unknown_instrument();
        }
    } else {
        return std::nullopt;
    }
    w.end_array().end_object();
    return net::ServerResponse{.body = std::move(w).str()};
}

}  // namespace

extern const SimVenue venue;
constinit const SimVenue venue{
    .name = "okx",
    .ws_path = "/okx/ws/v5/public",
    .rest_path = "/okx/api/v5",
    .share = 0.9,
    .delay = std::chrono::milliseconds{30},
    .open = open_stream<OkxStream>,
    .rest = rest,
    .error_body = R"({"code":"50011","msg":"Too Many Requests","data":[]})",
    .error_frame = R"({"event":"error","code":"60012","msg":"Invalid request","connId":"a4d3ae55"})",
    .wrong_frame = R"({"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":7,"px":[]}]})",
    .leaving_frame =
        R"({"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade. Please reconnect.","connId":"a4d3ae55"})",
    .maintenance_frame =
        R"({"arg":{"channel":"status"},"data":[{"begin":"1","end":"2","state":"ongoing","serviceType":"5","system":"unified","maintType":"1","env":"1","title":"Spot system upgrade","ts":"1"}]})",
};

}  // namespace pricewire::sim::okx
