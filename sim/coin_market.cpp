#include "sim/coin_market.hpp"

#include <algorithm>
#include <cmath>

namespace pricewire::sim {
namespace {

// How long the dollar coins take to forget where they were, and how much less than other prices they move.
constexpr double coin_seconds = 60;
constexpr double coin_calm = 3;

}  // namespace

CoinMarket::CoinMarket(std::size_t first, std::size_t last, double per_second, Past& past, std::uint64_t seed)
    : apart_(1 / per_second), past_(past), rng_(seed) {
    std::vector<double> weights;
    const std::vector<SimCoin> coins = first_coins(last);
    for (std::size_t rank = first; rank < coins.size(); ++rank) {
        const SimCoin& coin = coins[rank];
        coins_.push_back({coin.ticker, coin.ticker + "USDT", rank, coin.price});
        weights.push_back(1 / std::sqrt(static_cast<double>(rank + 1)));
        past.add_coin(coins_.back().symbol, coin.price);
    }
    turns_ = std::discrete_distribution<std::size_t>(weights.begin(), weights.end());
}

TapeTrade CoinMarket::trade(const Coin& coin, SimTime at) const {
    return {.symbol = coin.symbol, .price = to_price(past_.coin_price(coin.symbol, coin.dollars, at))};
}

std::optional<TapeTrade> CoinMarket::take(Time now) {
    if (coins_.empty()) return std::nullopt;
    if (introduced_ < coins_.size()) return trade(coins_[introduced_++], sim::now());
    if (!due_) due_ = now;
    if (now < *due_) return std::nullopt;
    // Trades that it could not keep up with are left out.
    due_ = std::max(*due_ + duration_cast<Time::duration>(apart_), now - std::chrono::milliseconds{100});
    return trade(coins_[turns_(rng_)], sim::now());
}

std::optional<CoinMarket::Time> CoinMarket::due() const {
    return coins_.empty() ? std::nullopt : due_;
}

std::vector<TapeTrade> CoinMarket::all(SimTime at) const {
    std::vector<TapeTrade> out;
    for (const Coin& coin : coins_) out.push_back(trade(coin, at));
    return out;
}

std::set<std::string, std::less<>> CoinMarket::unlisted_at(const SimVenue& venue) const {
    std::set<std::string, std::less<>> out;
    if (venue.is_aggregator) return out;
    for (const Coin& coin : coins_) {
        if (!is_listed(venue.name, coin.ticker, coin.rank)) out.insert(coin.symbol);
    }
    return out;
}

void DollarCoins::move(double passed_seconds, double noise_bp, std::mt19937_64& rng) {
    const double kept = std::exp(-passed_seconds / coin_seconds);
    std::normal_distribution<double> normal(0, noise_bp / coin_calm / 1e4 * std::sqrt(1 - kept * kept));
    for (Coin* coin : {&usdt_, &usdc_}) coin->offset = coin->offset * kept + normal(rng);
}

DollarRates DollarCoins::rates() const {
    return {usdt_.centre * (1 + usdt_.offset), usdc_.centre * (1 + usdc_.offset)};
}

std::array<TapeTrade, 2> DollarCoins::trades() const {
    const DollarRates now = rates();
    return {TapeTrade{.symbol = "USDTUSDT", .price = to_price(now.usdt)},
            TapeTrade{.symbol = "USDCUSDT", .price = to_price(now.usdc)}};
}

}  // namespace pricewire::sim
