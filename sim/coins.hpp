#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/venues/venue.hpp"

// The coins that the simulator invents prices for. Pure.
namespace pricewire::sim {

struct SimCoin {
    std::string ticker;  // "BTC"
    std::string name;    // "Bitcoin"
    std::string id;      // as CoinGecko spells it, "bitcoin"
    double price = 0;    // dollars, about
};

// The first `count` coins, the largest first: the five that every venue trades, then others that exist, then
// invented ones. Always the same. count <= 10'000.
std::vector<SimCoin> first_coins(std::size_t count);

// The coin of a symbol of the tape; one that is not among them is named by its ticker.
SimCoin coin_of(std::string_view symbol);

// Whether a venue lists the coin of this rank: every venue lists the first five, fewer and fewer the others, but at
// least one each.
bool is_listed(std::string_view venue, std::string_view ticker, std::size_t rank);

// A number that depends on nothing but its arguments.
std::uint64_t hash_of(std::string_view text, std::uint64_t number = 0);

// The logarithm of an invented price relative to its centre: a sum of waves from seconds to years, which moves
// as prices do over any time. A function of its arguments alone, so that the past needs no memory and the
// present goes on where it ended.
double log_price(std::uint64_t seed, std::string_view symbol, SimTime at);

}  // namespace pricewire::sim
