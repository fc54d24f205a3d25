#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/json_writer.hpp"
#include "base/text.hpp"
#include "sim/protocol.hpp"

// Bitfinex: one subscribe message for each symbol, after which frames name the channel by its number alone; a
// snapshot of old trades comes first, and each trade is told twice. Each channel has a heartbeat, and frames
// are numbered if the client asks for it.
namespace pricewire::sim::bitfinex {
namespace {

using namespace std::chrono_literals;

// "tBTCUSD", "tDOGE:USD", "tUSTUSD" ↔ "BTCUSDT", "DOGEUSDT", "USDTUSDT"
std::string name_of(std::string_view symbol) {
    const std::string base = base_of(symbol);
    const std::string code = base == "USDT" ? "UST" : base == "USDC" ? "UDC" : base;
    return fmt::format("t{}{}USD", code, code.size() == 3 ? "" : ":");
}
std::string symbol_of(std::string_view name) {
    if (!name.starts_with('t') || !name.ends_with("USD")) return {};
    std::string code(name.substr(1, name.size() - 4));
    if (code.ends_with(':')) code.pop_back();
    const std::string symbol = (code == "UST" ? "USDT" : code == "UDC" ? "USDC" : code) + "USDT";
    return name_of(symbol) == name ? symbol : std::string();
}

std::string row_of(const SimTrade& trade) {
    return fmt::format("[{},{},-0.01,{}]", trade.id, unix_ms(trade.at), trade.price.to_string());
}

class BitfinexStream final : public SymbolStream {
public:
    using SymbolStream::SymbolStream;

    std::vector<std::string> on_open() override {
        return {R"({"event":"info","version":2,"serverId":"083bd8d4","platform":{"status":1}})"};
    }
    std::vector<std::string> on_text(std::string_view text) override {
        const auto message = parse_object(text);
        const std::string event = text_of(message, "event");
        if (event == "ping") return {R"({"event":"pong","ts":1700000000000})"};
        if (event == "conf") {
            is_numbered_ = true;
            return {R"({"event":"conf","status":"OK","flags":65536})"};
        }
        if (event == "unsubscribe") return {unsubscribe(message)};
        if (event != "subscribe") return {R"({"event":"error","msg":"unknown event","code":10001})"};
        const std::string name = text_of(message, "symbol");
        const std::string symbol = symbol_of(name);
        const auto refuse = [&](std::string_view words, int code) {
            return fmt::format(R"({{"event":"error","msg":"{}","code":{},"channel":"trades","symbol":"{}"}})",
                               words, code, name);
        };
        if (wants(symbol)) return {refuse("subscribe: dup", 10301)};
        if (channels_.size() >= 25) return {refuse("subscribe: limit", 10305)};
        if (text_of(message, "channel") != "trades" || !subscribe(symbol))
            return {refuse("symbol: invalid", 10300)};
        const int id = 17470 + ++last_channel_;
        channels_.emplace_back(symbol, id);
        const auto old = market().trades.find(symbol);
        const std::span<const SimTrade> trades =
            old == market().trades.end() ? std::span<const SimTrade>() : std::span(old->second);
        return {fmt::format(
                    R"({{"event":"subscribed","channel":"trades","chanId":{},"symbol":"{}","pair":"{}"}})",
                    id, name, name.substr(1)),
                frame(id, fmt::format("[{}]", joined(trades, true, row_of)))};
    }
    std::vector<std::string> on_trades(std::span<const SimTrade> trades) override {
        std::vector<std::string> frames;
        const int id = channel_of(trades.front().symbol);
        for (const char* kind : {"te", "tu"}) {
            for (const SimTrade& trade : trades)
                frames.push_back(frame(id, fmt::format(R"("{}",{})", kind, row_of(trade))));
        }
        return frames;
    }
    std::vector<std::string> tick(const StreamTimes& times) override {
        if (times.now - std::max(last_heartbeat_, times.opened) < 15s) return {};
        last_heartbeat_ = times.now;
        std::vector<std::string> frames;
        for (const auto& [symbol, id] : channels_) frames.push_back(frame(id, R"("hb")"));
        return frames;
    }

private:
    std::string frame(int id, const std::string& content) {
        if (!is_numbered_) return fmt::format("[{},{}]", id, content);
        return fmt::format("[{},{},{}]", id, content, ++sequence_);
    }
    int channel_of(std::string_view symbol) const {
        const auto found =
            std::ranges::find(channels_, symbol, [](const auto& c) { return std::string_view(c.first); });
        return found == channels_.end() ? 0 : found->second;
    }
    std::string unsubscribe(const boost::json::object& message) {
        const auto* id = message.if_contains("chanId");
        const auto found = std::ranges::find_if(channels_, [&](const auto& c) {
            return id != nullptr && id->is_int64() && id->as_int64() == c.second;
        });
        if (found == channels_.end()) return R"({"event":"error","msg":"unsubscribe: invalid","code":10400})";
        subscribe(found->first, false);
        channels_.erase(found);
        return fmt::format(R"({{"event":"unsubscribed","status":"OK","chanId":{}}})", id->as_int64());
    }

    bool is_numbered_ = false;
    int sequence_ = 0;
    int last_channel_ = 0;
    std::chrono::steady_clock::time_point last_heartbeat_;
    std::vector<std::pair<std::string, int>> channels_;
};

// What it does not trade for now is not in it. Its map of codes goes beyond what it lists.
net::ServerResponse listings(const SimMarket& market) {
    std::string pairs;
    for (const SimListing& listing : market.listings()) {
        if (!listing.is_halted)
            pairs += fmt::format(R"({}"{}")", pairs.empty() ? "" : ",", name_of(listing.symbol).substr(1));
    }
    return {.body = fmt::format(R"([[{}],[["UST","USDt"],["UDC","USDC"],["ATO","ATOM"]]])", pairs)};
}

net::ServerResponse invalid_symbol() {
    return {.status = 500, .body = R"(["error",10020,"symbol: invalid"])"};
}

// The first rows of [start, end], or the last without sort=1, which then come newest first.
template <typename Rows, typename F>
net::ServerResponse rows_of(const RestRequest& request, Rows rows, F&& row) {
    const std::size_t limit = query_count(request.query, "limit", 125, 10'000);
    const bool is_ascending = query_value(request.query, "sort") == "1";
    if (!is_ascending) rows = last_of(std::move(rows), limit);
    rows.resize(std::min(rows.size(), limit));
    return {.body = fmt::format("[{}]", joined(rows, !is_ascending, row))};
}

// "/candles/trade:1m:tBTCUSD/hist"
net::ServerResponse candles(const RestRequest& request) {
    std::string_view path = request.path;
    take_part(path, ':');
    const std::string_view word = take_part(path, ':');
    const std::string symbol = symbol_of(take_part(path, '/'));
    if (path != "hist" || !request.market.lists(symbol)) return invalid_symbol();
    const auto step = step_of(word, "1m", "1h");
    return rows_of(request,
                   request.market.candles(symbol, step, query_time(request.query, "start", 1ms),
                                          query_time(request.query, "end", 1ms) + 1ms),
                   [](const SimCandle& c) {
                       return fmt::format("[{},{},{},{},{},{}]", unix_ms(c.start), c.open.to_string(),
                                          c.close.to_string(), c.high.to_string(), c.low.to_string(),
                                          c.volume.to_string());
                   });
}

// "/trades/tBTCUSD/hist"
net::ServerResponse trades(const RestRequest& request) {
    std::string_view path = request.path;
    take_part(path, '/');
    take_part(path, '/');
    const std::string symbol = symbol_of(take_part(path, '/'));
    if (path != "hist" || !request.market.lists(symbol)) return invalid_symbol();
    return rows_of(request,
                   request.market.past_trades(symbol, query_time(request.query, "start", 1ms),
                                              query_time(request.query, "end", 1ms) + 1ms, 1'000'000),
                   row_of);
}

std::optional<net::ServerResponse> rest(const RestRequest& request) {
    if (request.path == "/conf/pub:list:pair:exchange,pub:map:currency:sym") return listings(request.market);
    if (request.path.starts_with("/candles/")) return candles(request);
    if (request.path.starts_with("/trades/")) return trades(request);
    if (request.path != "/tickers") return std::nullopt;
    std::string rows;
    const std::string names = query_value(request.query, "symbols");
    for (const std::string_view name : split_list(names)) {
        const auto price = request.market.prices.find(symbol_of(name));
        if (price == request.market.prices.end()) continue;
        // A book that moves all the time, as that of a pair that is traded.
        const std::string digits = price->second.to_string();
        rows += fmt::format(R"({}["{}",{},{},{},1,0.1,0.01,{},100,{},{}])", rows.empty() ? "" : ",", name,
                            digits, unix_ms(), digits, digits, digits, digits);
    }
    return net::ServerResponse{.body = "[" + rows + "]"};
}

}  // namespace

extern const SimVenue venue;
constinit const SimVenue venue{
    .name = "bitfinex",
    .ws_path = "/bitfinex/ws/2",
    .rest_path = "/bitfinex/v2",
    .currency = "USD",
    .share = 0.2,
    .delay = std::chrono::milliseconds{50},
    .open = open_stream<BitfinexStream>,
    .rest = rest,
    .error_body = R"(["error",11010,"ratelimit: error"])",
    .error_frame = R"({"event":"error","msg":"unknown error","code":10000})",
    .wrong_frame = R"([17471,"te",{"price":[]}])",
    .leaving_frame = R"({"event":"info","code":20051,"msg":"Stopping. Please try to reconnect"})",
    .maintenance_frame = R"({"event":"info","code":20060,"msg":"Entering in Maintenance mode"})",
    .resumed_frame = R"({"event":"info","code":20061,"msg":"Maintenance ended"})",
};

}  // namespace pricewire::sim::bitfinex
