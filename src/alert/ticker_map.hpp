#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "domain/market.hpp"

namespace pricewire::alert {

// A ticker as two words: it is looked up at each price, where a hash of its text would be a large part of the cost.
using TickerWords = std::array<std::uint64_t, 2>;

struct TickerHash {
    std::size_t operator()(const Ticker& ticker) const {
        const auto [a, b] = std::bit_cast<TickerWords>(ticker);
        // Odd numbers without a pattern; the high half of the product depends on all bits.
        const auto product = static_cast<Decimal::Unsigned>(a ^ 0x9e3779b97f4a7c15) *
                             static_cast<Decimal::Unsigned>(b ^ 0xd1b54a32d192ed03);
        return static_cast<std::size_t>(product >> 64) ^ static_cast<std::size_t>(product);
    }
};
struct TickerEqual {
    // Not as one piece of 16 bytes: the processor would wait until its halves, just written, have reached the cache.
    bool operator()(const Ticker& a, const Ticker& b) const {
        const auto [a0, a1] = std::bit_cast<TickerWords>(a);
        const auto [b0, b1] = std::bit_cast<TickerWords>(b);
        return ((a0 ^ b0) | (a1 ^ b1)) == 0;
    }
};

template <typename T>
using TickerMap = absl::flat_hash_map<Ticker, T, TickerHash, TickerEqual>;

}  // namespace pricewire::alert
