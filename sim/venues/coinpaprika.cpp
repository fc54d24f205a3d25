#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.hpp"
#include "sim/protocol.hpp"

// CoinPaprika: the tickers of one coin and of all, with figures that are taken from time to time.
namespace pricewire::sim {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> coins{{{"btc-bitcoin", "BTCUSDT"},
                                                                              {"eth-ethereum", "ETHUSDT"},
                                                                              {"doge-dogecoin", "DOGEUSDT"},
                                                                              {"sol-solana", "SOLUSDT"},
                                                                              {"bnb-binance-coin", "BNBUSDT"},
                                                                              {"usdt-tether", "USDTUSDT"},
                                                                              {"usdc-usd-coin", "USDCUSDT"}}};

// Its five coins by their own ids, others by one made of the ticker; and a dead coin with the letters of another.
net::ServerResponse listings(const SimMarket& market) {
    const std::string list = joined(market.listings(), false, [](const SimListing& listing) {
        const auto known = std::find_if(coins.begin(), coins.end(),
                                        [&](const auto& coin) { return coin.second == listing.symbol; });
        const std::string base = base_of(listing.symbol);
        const std::string id =
            known != coins.end() ? std::string(known->first) : fmt::format("{}-coin", lower_case(base));
        return fmt::format(
            R"({{"id":"{}","name":"{}","symbol":"{}","rank":1,"is_new":false,"is_active":true,"type":"coin"}})",
            id, id.substr(id.find('-') + 1), base);
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
    for (const auto& [id, symbol] : coins) {
        const auto price = request.market.prices.find(symbol);
        if ((!wanted.empty() && id != wanted) || price == request.market.prices.end()) continue;
        list += fmt::format(
            R"({}{{"id":"{}","last_updated":"{}","quotes":{{"USD":{{"price":{},"volume_24h":1}}}}}})",
            list.empty() ? "" : ",", id, iso_time(request.taken), price->second.to_string());
    }
    if (!wanted.empty() && list.empty())
        return net::ServerResponse{.status = 404, .body = R"({"error":"id not found"})"};
    return net::ServerResponse{.body = wanted.empty() ? "[" + list + "]" : list};
}

}  // namespace

extern const SimVenue coinpaprika_sim;
constinit const SimVenue coinpaprika_sim{
    .name = "coinpaprika",
    .rest_path = "/coinpaprika/v1",
    .is_aggregator = true,
    .currency = "USD",
    .rest = rest,
    .error_body = R"({"error":"too many requests"})",
};

}  // namespace pricewire::sim
