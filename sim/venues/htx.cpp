#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/text.hpp"
#include "sim/protocol.hpp"

// HTX: every message of the server is gzip; it pings every 5 s and drops who has not answered two of them.
// One symbol a message; the last trade comes first. Small prices have an exponent.
namespace pricewire::sim::htx {
namespace {

using namespace std::chrono_literals;

std::string channel_of(std::string_view symbol) {
    return "market." + lower_case(symbol) + ".trade.detail";
}

// 0.00000092 → 9.2E-7, as Java writes numbers below a thousandth.
std::string number(Decimal price) {
    const std::string text = price.to_string();
    if (!text.starts_with("0.000")) return text;
    const std::size_t first = text.find_first_not_of("0.");
    const std::string digits = text.substr(first);
    return fmt::format("{}.{}E-{}", digits[0], digits.size() > 1 ? digits.substr(1) : "0", first - 1);
}

std::string item(const SimTrade& trade) {
    return fmt::format(
        R"({{"id":136107843051348400400{:06},"ts":{},"tradeId":{},"amount":0.01,"price":{},"direction":"buy"}})",
        trade.id % 1'000'000, unix_ms(trade.at), trade.id, number(trade.price));
}

std::string push(std::span<const SimTrade> trades) {
    const SimTrade& last = trades.back();
    return fmt::format(R"({{"ch":"{}","ts":{},"tick":{{"id":{},"ts":{},"data":[{}]}}}})",
                       channel_of(last.symbol), unix_ms(last.at), last.id, unix_ms(last.at),
                       joined(trades, true, item));
}

std::string error(const std::string& id, std::string_view what) {
    return fmt::format(R"({{"status":"error","err-code":"bad-request","err-msg":"{}","id":"{}","ts":{}}})",
                       what, id, unix_ms());
}

class HtxStream final : public SymbolStream {
public:
    using SymbolStream::SymbolStream;

    std::vector<std::string> on_text(std::string_view text) override {
        const auto message = parse_object(text);
        if (const auto* pong = message.if_contains("pong")) {
            if (pong->is_int64() && pong->as_int64() == pinged_) unanswered_ = 0;
            return {};
        }
        const std::string id = text_of(message, "id");
        if (const std::string leaving = text_of(message, "unsub"); !leaving.empty()) {
            subscribe(symbol_in(leaving), false);
            return {fmt::format(R"({{"id":"{}","status":"ok","unsubbed":"{}","ts":{}}})", id, leaving,
                                unix_ms())};
        }
        const std::string channel = text_of(message, "sub");
        if (channel.empty()) return {error(id, "invalid request")};
        const std::string symbol = symbol_in(channel);
        if (!subscribe(symbol)) return {error(id, "invalid symbol " + channel)};
        std::vector<std::string> answers{
            fmt::format(R"({{"id":"{}","status":"ok","subbed":"{}","ts":{}}})", id, channel, unix_ms())};
        if (const SimTrade* last = market().last(symbol)) answers.push_back(push({last, 1}));
        return answers;
    }
    std::vector<std::string> on_trades(std::span<const SimTrade> trades) override { return {push(trades)}; }
    std::vector<std::string> tick(const StreamTimes& times) override {
        if (times.now - std::max(last_ping_, times.opened) < 5s) return {};
        last_ping_ = times.now;
        ++unanswered_;
        pinged_ = unix_ms();
        return {fmt::format(R"({{"ping":{}}})", pinged_)};
    }
    bool is_over(const StreamTimes&) const override { return unanswered_ > 2; }

private:
    static std::string symbol_in(const std::string& channel) {
        const auto parts = split_list(channel, '.');
        const bool is_trades = parts.size() == 4 && channel == channel_of(upper_case(parts[1]));
        return is_trades ? upper_case(parts[1]) : std::string();
    }

    std::chrono::steady_clock::time_point last_ping_{};
    std::int64_t pinged_ = 0;
    int unanswered_ = 0;
};

net::ServerResponse listings(const SimMarket& market) {
    return {
        .body = fmt::format(
            R"({{"status":"ok","ts":"{}","full":1,"data":[{},{{"symbol":"goneusdt","bc":"gone","qc":"usdt","state":"offline"}}]}})",
            unix_ms(), joined(market.listings(), false, [](const SimListing& listing) {
                return fmt::format(R"({{"symbol":"{}","bc":"{}","qc":"usdt","state":"{}"}})",
                                   lower_case(listing.symbol), lower_case(base_of(listing.symbol)),
                                   listing.is_halted ? "suspend" : "online");
            }))};
}

net::ServerResponse invalid_symbol() {
    return {.body = R"({"status":"error","err-code":"invalid-parameter","err-msg":"invalid symbol"})"};
}

// The newest, newest first. Its days begin at 16:00 UTC.
net::ServerResponse candles(const RestRequest& request) {
    const std::string symbol = upper_case(query_value(request.query, "symbol"));
    if (!request.market.lists(symbol)) return invalid_symbol();
    const std::string period = query_value(request.query, "period");
    if (period != "1min" && period != "60min")
        return {.body = R"({"status":"error","err-code":"invalid-parameter","err-msg":"invalid period"})"};
    const std::size_t size = query_count(request.query, "size", 150, 2000);
    return {
        .body = fmt::format(
            R"({{"ch":"market.{}.kline.{}","status":"ok","ts":{},"data":[{}]}})", lower_case(symbol), period,
            unix_ms(),
            joined(
                newest_candles(request.market, symbol, period == "1min" ? 60s : 3600s, size), true,
                [](const SimCandle& c) {
                    return fmt::format(
                        R"({{"id":{},"open":{},"close":{},"low":{},"high":{},"amount":{},"vol":1.0,"count":1}})",
                        unix_ms(c.start) / 1000, number(c.open), number(c.close), number(c.low),
                        number(c.high), number(c.volume));
                }))};
}

std::optional<net::ServerResponse> rest(const RestRequest& request) {
    if (request.path == "/v1/settings/common/market-symbols") return listings(request.market);
    if (request.path == "/market/history/kline") return candles(request);
    const std::int64_t now = unix_ms();
    if (request.path == "/market/trade") {
        const std::string symbol = upper_case(query_value(request.query, "symbol"));
        const auto found = request.market.prices.find(symbol);
        if (found == request.market.prices.end()) return invalid_symbol();
        return net::ServerResponse{
            .body = fmt::format(
                R"({{"ch":"{}","status":"ok","ts":{},"tick":{{"id":1,"ts":{},"data":[{{"id":1.361078430513484e+26,"ts":{},"trade-id":1,"amount":0.01,"price":{},"direction":"buy"}}]}}}})",
                channel_of(symbol), now, now, now, number(found->second))};
    }
    if (request.path != "/market/tickers") return std::nullopt;
    std::string list;
    for (const auto& [symbol, price] : request.market.prices) {
        list +=
            fmt::format(R"({}{{"symbol":"{}","open":1.0,"close":{},"amount":2.5E8,"ask":{},"askSize":{}}})",
                        list.empty() ? "" : ",", lower_case(symbol), number(price), number(price), now);
    }
    return net::ServerResponse{.body = fmt::format(R"({{"status":"ok","ts":{},"data":[{}]}})", now, list)};
}

}  // namespace

extern const SimVenue venue;
constinit const SimVenue venue{
    .name = "htx",
    .ws_path = "/htx/ws",
    .rest_path = "/htx",
    .is_gzip = true,
    .share = 0.3,
    .delay = std::chrono::milliseconds{80},
    .open = open_stream<HtxStream>,
    .rest = rest,
    .error_body = R"({"status":"error","err-code":"api-rate-limit","err-msg":"too many requests"})",
    .error_frame = R"({"status":"error","err-code":"bad-request","err-msg":"request timeout","ts":1})",
    .wrong_frame = R"({"ch":"market.btcusdt.trade.detail","ts":1,"tick":{"data":[{"price":[],"ts":"x"}]}})",
};

}  // namespace pricewire::sim::htx
