#include <fmt/format.h>

#include <map>
#include <string>

#include "base/json_writer.hpp"
#include "base/text.hpp"
#include "sim/coins.hpp"
#include "sim/protocol.hpp"

// CoinGecko: its coins, and simple/price with figures that are taken from time to time.
namespace pricewire::sim::coingecko {
namespace {

using namespace std::chrono;

// With a coin that has the letters of another.
net::ServerResponse listings(const SimMarket& market) {
    return {.body = fmt::format(R"([{},{{"id":"batcat","symbol":"btc","name":"batcat"}}])",
                                joined(market.listings(), false, [](const SimListing& listing) {
                                    const SimCoin coin = coin_of(listing.symbol);
                                    return fmt::format(R"({{"id":"{}","symbol":"{}","name":"{}"}})", coin.id,
                                                       lower_case(coin.ticker), coin.name);
                                }))};
}

std::optional<net::ServerResponse> rest(const RestRequest& request) {
    if (request.path == "/coins/list") return listings(request.market);
    if (request.path != "/simple/price") return std::nullopt;
    std::map<std::string, Decimal, std::less<>> by_id;
    for (const auto& [symbol, price] : request.market.prices) by_id.emplace(coin_of(symbol).id, price);
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

extern const SimVenue venue;
constinit const SimVenue venue{
    .name = "coingecko",
    .rest_path = "/api/v3",
    .is_aggregator = true,
    .currency = "USD",
    .rest = rest,
    .error_body = R"({"status":{"error_code":429,"error_message":"You've exceeded the Rate Limit."}})",
};

}  // namespace pricewire::sim::coingecko
