#include <algorithm>
#include <array>
#include <utility>

#include "base/json_writer.hpp"
#include "base/text.hpp"
#include "sim/protocol.hpp"

// CoinGecko: simple/price, with figures that are taken from time to time.
namespace pricewire::sim {
namespace {

using namespace std::chrono;

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> coins{{{"bitcoin", "BTCUSDT"},
                                                                              {"ethereum", "ETHUSDT"},
                                                                              {"dogecoin", "DOGEUSDT"},
                                                                              {"solana", "SOLUSDT"},
                                                                              {"binancecoin", "BNBUSDT"},
                                                                              {"tether", "USDTUSDT"},
                                                                              {"usd-coin", "USDCUSDT"}}};

std::optional<net::ServerResponse> rest(const RestRequest& request) {
    if (request.path != "/simple/price") return std::nullopt;
    const std::string_view query = request.query;
    JsonWriter w;
    w.begin_object();
    const std::string ids = query_value(query, "ids");
    for (const std::string_view id : split_list(ids)) {
        const auto coin =
            std::find_if(coins.begin(), coins.end(), [&](const auto& c) { return c.first == id; });
        if (coin == coins.end()) continue;
        const auto found = request.market.prices.find(std::string(coin->second));
        if (found == request.market.prices.end()) continue;
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
