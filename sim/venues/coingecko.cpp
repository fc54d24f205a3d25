#include <fmt/format.h>

#include <map>
#include <string>

#include "base/json_writer.hpp"
#include "base/text.hpp"
#include "sim/coins.hpp"
#include "sim/protocol.hpp"

// CoinGecko: its coins, and simple/price with figures that are taken from time to time.
namespace pricewire::sim {
namespace {

using namespace std::chrono;

// Of the tape's symbol.
std::string id_of(std::string_view symbol) {
    static const std::map<std::string, std::string, std::less<>> ids = [] {
        std::map<std::string, std::string, std::less<>> out{{"USDT", "tether"}, {"USDC", "usd-coin"}};
        for (const SimCoin& coin : first_coins(10'000)) out.emplace(coin.ticker, coin.id);
        return out;
    }();
    const std::string base = base_of(symbol);
    const auto found = ids.find(base);
    return found == ids.end() ? lower_case(base) : found->second;
}

// With a coin that has the letters of another.
net::ServerResponse listings(const SimMarket& market) {
    return {.body = fmt::format(R"([{},{{"id":"batcat","symbol":"btc","name":"batcat"}}])",
                                joined(market.listings(), false, [](const SimListing& listing) {
                                    const std::string id = id_of(listing.symbol);
                                    return fmt::format(R"({{"id":"{}","symbol":"{}","name":"{}"}})", id,
                                                       lower_case(base_of(listing.symbol)), id);
                                }))};
}

std::optional<net::ServerResponse> rest(const RestRequest& request) {
    if (request.path == "/coins/list") return listings(request.market);
    if (request.path != "/simple/price") return std::nullopt;
    std::map<std::string, Decimal, std::less<>> by_id;
    for (const auto& [symbol, price] : request.market.prices) by_id.emplace(id_of(symbol), price);
    const std::string_view query = request.query;
    JsonWriter w;
    w.begin_object();
    const std::string ids = query_value(query, "ids");
    for (const std::string_view id : split_list(ids)) {
        const auto found = by_id.find(id);
        if (found == by_id.end()) continue;
        w.key(id).begin_object().field("usd", found->second);
        if (query_value(query, "include_last_updated_at") == "true") {
            w.field("last_updated_at", duration_cast<seconds>(request.taken.time_since_epoch()).count());
        }
        w.end_object();
    }
    w.end_object();
    return net::ServerResponse{.body = std::move(w).str()};
}

}  // namespace

extern const SimVenue coingecko_sim;
constinit const SimVenue coingecko_sim{
    .name = "coingecko",
    .rest_path = "/api/v3",
    .is_aggregator = true,
    .currency = "USD",
    .rest = rest,
    .error_body = R"({"status":{"error_code":429,"error_message":"You've exceeded the Rate Limit."}})",
};

}  // namespace pricewire::sim
