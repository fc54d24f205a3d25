#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "base/json_writer.hpp"
#include "base/text.hpp"
#include "sim/protocol.hpp"

// Binance spot: the combined stream of trades, with streams named in the URL or by SUBSCRIBE, and
// ticker/price.
namespace pricewire::sim {
namespace {

// Binance spells a price with eight decimals.
std::string eight_places(Decimal price) {
    std::string text = price.to_string();
    std::size_t point = text.find('.');
    if (point == std::string::npos) {
        point = text.size();
        text += '.';
    }
    text.resize(std::max(text.size(), point + 9), '0');
    return text;
}

void write_price(JsonWriter& w, const std::string& symbol, Decimal price) {
    w.begin_object().field("symbol", symbol).field("price", eight_places(price)).end_object();
}

std::string stream_name(std::string_view symbol) {
    return lower_case(symbol) + "@trade";
}

std::string trade_frame(const std::string& symbol, Decimal price, std::uint64_t trade_id) {
    const std::int64_t now = unix_ms();
    return fmt::format(
        R"({{"stream":"{}","data":{{"e":"trade","E":{},"s":"{}","t":{},"p":"{}","q":"0.01000000","T":{},"m":false,"M":true}}}})",
        stream_name(symbol), now, symbol, trade_id, eight_places(price), now);
}

struct StreamCommand {
    bool subscribe = true;
    std::vector<std::string> streams;
    std::int64_t id = 0;
};

// {"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}
std::optional<StreamCommand> parse_command(std::string_view text) {
    boost::system::error_code error;
    const auto parsed = boost::json::parse({text.data(), text.size()}, error);
    if (error || !parsed.is_object()) return std::nullopt;
    const auto& object = parsed.as_object();
    const auto* method = object.if_contains("method");
    const auto* params = object.if_contains("params");
    if (method == nullptr || !method->is_string() || params == nullptr || !params->is_array())
        return std::nullopt;
    StreamCommand command;
    command.subscribe = method->as_string() == "SUBSCRIBE";
    if (!command.subscribe && method->as_string() != "UNSUBSCRIBE") return std::nullopt;
    for (const auto& stream : params->as_array()) {
        if (!stream.is_string()) return std::nullopt;
        command.streams.emplace_back(stream.as_string());
    }
    if (const auto* id = object.if_contains("id"); id != nullptr && id->is_int64())
        command.id = id->as_int64();
    return command;
}

class BinanceStream final : public SimStream {
public:
    explicit BinanceStream(std::string_view query) {
        const std::string streams = query_value(query, "streams");
        for (const std::string_view stream : split_list(streams, '/')) streams_.emplace(stream);
    }
    std::vector<std::string> on_text(std::string_view text) override {
        const auto command = parse_command(text);
        if (!command) return {R"({"error":{"code":3,"msg":"Invalid JSON: expected value"}})"};
        for (const std::string& stream : command->streams) {
            if (command->subscribe) {
                streams_.insert(stream);
            } else {
                streams_.erase(stream);
            }
        }
        return {fmt::format(R"({{"result":null,"id":{}}})", command->id)};
    }
    bool wants(std::string_view symbol) const override { return streams_.contains(stream_name(symbol)); }
    bool is_subscribed() const override { return !streams_.empty(); }

private:
    std::set<std::string> streams_;  // "btcusdt@trade"
};

std::optional<net::ServerResponse> rest(const RestRequest& request) {
    if (request.path != "/api/v3/ticker/price") return std::nullopt;
    const std::string_view query = request.query;
    const Prices& prices = request.prices;
    net::ServerResponse unknown{.status = 400, .body = R"({"code":-1121,"msg":"Invalid symbol."})"};
    JsonWriter w;
    if (const std::string symbol = query_value(query, "symbol"); !symbol.empty()) {
        const auto found = prices.find(symbol);
        if (found == prices.end()) return unknown;
        write_price(w, symbol, found->second);
        return net::ServerResponse{.body = std::move(w).str()};
    }
    w.begin_array();
    if (const std::string symbols = query_value(query, "symbols"); !symbols.empty()) {
        boost::system::error_code error;
        const auto list = boost::json::parse(symbols, error);
        if (error || !list.is_array()) {
            return net::ServerResponse{
                .status = 400,
                .body = R"({"code":-1100,"msg":"Illegal characters found in parameter 'symbols'."})"};
        }
        for (const auto& symbol : list.as_array()) {
            const std::string name = symbol.is_string() ? std::string(symbol.as_string()) : std::string();
            const auto found = prices.find(name);
            if (found != prices.end()) {
                write_price(w, found->first, found->second);
            } else if (!is_listed(name, prices)) {
                return unknown;
            }
        }
    } else {
        for (const auto& [symbol, price] : prices) write_price(w, symbol, price);
    }
    w.end_array();
    return net::ServerResponse{.body = std::move(w).str()};
}

}  // namespace

extern const SimVenue binance_sim;
constinit const SimVenue binance_sim{
    .name = "binance",
    .ws_path = "/stream",
    .rest_path = "",
    .plays_recordings = true,
    .open = [](std::string_view query, const Prices&) -> std::unique_ptr<SimStream> {
        return std::make_unique<BinanceStream>(query);
    },
    .trade_frame = trade_frame,
    .rest = rest,
    .error_body = R"({"code":-1003,"msg":"Too many requests; please use the websocket for live updates."})",
    .error_frame = R"({"code":-1121,"msg":"Invalid symbol."})",
    .wrong_frame = R"({"stream":"btcusdt@trade","data":{"p":[1,2],"s":7}})",
};

}  // namespace pricewire::sim
