#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/text.hpp"
#include "sim/coins.hpp"
#include "sim/protocol.hpp"

// CoinPaprika: its coins, and the tickers of one coin and of all, with figures that are taken from time to time.
namespace pricewire::sim::coinpaprika {
namespace {

// "btc-bitcoin"; of some coins it has a name of its own.
std::pair<std::string, std::string> id_and_name(std::string_view symbol) {
    SimCoin coin = coin_of(symbol);
    if (coin.ticker == "BNB") coin.name = "Binance Coin";
    if (coin.ticker == "ATOM") coin.name = "Cosmos";
    std::string id = lower_case(coin.ticker + '-' + coin.name);
    std::ranges::replace_if(id, [](char c) { return !is_alphanumeric(c); }, '-');
    return {std::move(id), coin.name};
}

// With a dead coin that has the letters of another.
net::ServerResponse listings(const SimMarket& market) {
    const std::string list = joined(market.listings(), false, [](const SimListing& listing) {
        const auto [id, name] = id_and_name(listing.symbol);
        return fmt::format(
            R"({{"id":"{}","name":"{}","symbol":"{}","rank":1,"is_new":false,"is_active":true,"type":"coin"}})",
            id, name, base_of(listing.symbol));
    });
    return {
        .body = fmt::format(
            R"([{},{{"id":"btc-dead","name":"Dead","symbol":"BTC","rank":0,"is_new":false,"is_active":false,"type":"coin"}}])",
            list)};
}

std::optional<net::ServerResponse> rest(const RestRequest& request) {
    if (request.path == "/coins") return listings(request.market);
    if (!request.path.starts_with("/tickers")) return std::nullopt;
    const std::string_view wanted = request.path.substr(std::min<std::size_t>(9, request.path.size()));
    std::string list;
    for (const auto& [symbol, price] : request.market.prices) {
        const std::string id = id_and_name(symbol).first;
        if (!wanted.empty() && id != wanted) continue;
        list += fmt::format(
            R"({}{{"id":"{}","last_updated":"{}","quotes":{{"USD":{{"price":{},"volume_24h":1}}}}}})",
            list.empty() ? "" : ",", id, iso_time(request.taken), price.to_string());
    }
    if (!wanted.empty() && list.empty())
        return net::ServerResponse{.status = 404, .body = R"({"error":"id not found"})"};
    return net::ServerResponse{.body = wanted.empty() ? "[" + list + "]" : list};
}

}  // namespace

extern const SimVenue venue;
constinit const SimVenue venue{
    .name = "coinpaprika",
    .rest_path = "/coinpaprika/v1",
    .is_aggregator = true,
    .currency = "USD",
    .rest = rest,
    .error_body = R"({"error":"too many requests"})",
};

}  // namespace pricewire::sim::coinpaprika
