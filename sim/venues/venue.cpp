#include "sim/venues/venue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "sim/protocol.hpp"

namespace pricewire::sim {

namespace binance {
extern const SimVenue venue, venue_us;
}
namespace coinbase {
extern const SimVenue venue;
}
namespace kraken {
extern const SimVenue venue;
}
namespace okx {
extern const SimVenue venue;
}
namespace bybit {
extern const SimVenue venue;
}
namespace bitstamp {
extern const SimVenue venue;
}
namespace bitfinex {
extern const SimVenue venue;
}
namespace gemini {
extern const SimVenue venue;
}
namespace kucoin {
extern const SimVenue venue;
}
namespace gateio {
extern const SimVenue venue;
}
namespace htx {
extern const SimVenue venue;
}
namespace crypto_com {
extern const SimVenue venue;
}
namespace bitget {
extern const SimVenue venue;
}
namespace mexc {
extern const SimVenue venue;
}
namespace coingecko {
extern const SimVenue venue;
}
namespace coinpaprika {
extern const SimVenue venue;
}

bool is_dollar_coin(std::string_view symbol) {
    return symbol == "USDTUSDT" || symbol == "USDCUSDT";
}

namespace {

constexpr std::array<std::string_view, 5> always{"BTCUSDT", "ETHUSDT", "DOGEUSDT", "SOLUSDT", "BNBUSDT"};

}  // namespace

bool SimMarket::lists(std::string_view symbol) const {
    if (removed.contains(symbol) || unlisted.contains(symbol)) return false;
    if (is_dollar_coin(symbol)) return currency == "USD" || !symbol.starts_with(currency);
    return std::find(always.begin(), always.end(), symbol) != always.end() || prices.contains(symbol);
}

const SimTrade* SimMarket::last(std::string_view symbol) const {
    const auto found = trades.find(symbol);
    return found == trades.end() || found->second.empty() ? nullptr : &found->second.back();
}

std::vector<SimListing> SimMarket::listings() const {
    std::set<std::string_view> symbols(always.begin(), always.end());
    symbols.insert({"USDTUSDT", "USDCUSDT"});
    for (const auto& [symbol, price] : prices) symbols.insert(symbol);
    std::vector<SimListing> out;
    for (const std::string_view symbol : symbols) {
        if (lists(symbol)) out.push_back({std::string(symbol), halted.contains(symbol)});
    }
    return out;
}

std::vector<SimCandle> SimMarket::candles(std::string_view symbol, std::chrono::seconds interval,
                                          SimTime from, SimTime to) const {
    if (past == nullptr || !lists(symbol)) return {};
    std::vector<SimCandle> out = past->candles(symbol, interval, from, to);
    const auto factor = factors.find(symbol);
    if (factor == factors.end()) return out;
    for (SimCandle& candle : out) {
        for (Decimal* price : {&candle.open, &candle.high, &candle.low, &candle.close})
            *price = times(*price, factor->second);
    }
    return out;
}

std::vector<SimTrade> SimMarket::past_trades(std::string_view symbol, SimTime from, SimTime to,
                                             std::size_t limit) const {
    if (past == nullptr || !lists(symbol)) return {};
    std::vector<SimTrade> out = past->trades(symbol, from, to, limit);
    const auto factor = factors.find(symbol);
    if (factor == factors.end()) return out;
    for (SimTrade& trade : out) trade.price = times(trade.price, factor->second);
    return out;
}

SimVenues sim_venues() {
    // clang-format off
    static constexpr std::array all{
        &binance::venue,
        &binance::venue_us,
        &coinbase::venue,
        &kraken::venue,
        &okx::venue,
        &bybit::venue,
        &bitstamp::venue,
        &bitfinex::venue,
        &gemini::venue,
        &kucoin::venue,
        &gateio::venue,
        &htx::venue,
        &crypto_com::venue,
        &bitget::venue,
        &mexc::venue,
        &coingecko::venue,
        &coinpaprika::venue,
    };
    // clang-format on
    return all;
}

std::string source_settings(SimVenues venues, std::string_view address) {
    std::string out;
    for (const SimVenue* venue : venues) {
        const std::string key = "PRICEWIRE_SOURCES_" + upper_case(venue->name);
        if (!venue->ws_path.empty())
            out += fmt::format("{}_WS_URL=ws://{}{}\n", key, address, venue->ws_path);
        if (venue->rest != nullptr)
            out += fmt::format("{}_REST_URL=http://{}{}\n", key, address, venue->rest_path);
    }
    return out;
}

}  // namespace pricewire::sim
