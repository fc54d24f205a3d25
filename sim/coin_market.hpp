#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sim/coins.hpp"
#include "sim/past.hpp"
#include "sim/protocol.hpp"
#include "sim/tape.hpp"

namespace pricewire::sim {

// The coins that trade by the clock, beside the tape: large ones more often. Single-threaded.
class CoinMarket {
public:
    using Time = std::chrono::steady_clock::time_point;

    // Coins of ranks [first, last) of first_coins(), `per_second` trades of all of them. `past` outlives it.
    CoinMarket(std::size_t first, std::size_t last, double per_second, Past& past, std::uint64_t seed);

    // The next trade, if it is due; at first one of each coin.
    std::optional<TapeTrade> take(Time now);
    // When it is, after take() gave none; nullopt: there are no coins.
    std::optional<Time> due() const;
    // One trade of each coin at the price of `at`.
    std::vector<TapeTrade> all(SimTime at) const;
    // The coins that a venue does not list.
    std::set<std::string, std::less<>> unlisted_at(const SimVenue& venue) const;

private:
    struct Coin {
        std::string ticker;
        std::string symbol;
        std::size_t rank;
        double dollars;
    };
    TapeTrade trade(const Coin& coin, SimTime at) const;

    std::vector<Coin> coins_;
    std::chrono::duration<double> apart_;
    const Past& past_;
    std::mt19937_64 rng_;
    std::discrete_distribution<std::size_t> turns_;
    std::size_t introduced_ = 0;
    std::optional<Time> due_;
};

// What the two dollar coins are worth. In a market with arbitrage they move a little. Single-threaded.
class DollarCoins {
public:
    void set(std::string_view coin, double dollars) { (coin == "USDT" ? usdt_ : usdc_) = {dollars, 0}; }
    void move(double passed_seconds, double noise_bp, std::mt19937_64& rng);
    DollarRates rates() const;
    std::array<TapeTrade, 2> trades() const;

private:
    struct Coin {
        double centre = 1;  // dollars
        double offset = 0;  // relative to it
    };
    Coin usdt_;
    Coin usdc_;
};

}  // namespace pricewire::sim
