#pragma once

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "recover/recovery.hpp"

// For tests of this room: what venues tell of a gap.
namespace pricewire::recover {

inline constexpr Timestamp gap_begin{std::chrono::minutes{28'333'333}};

inline Decimal decimal(double value) {
    return *Decimal::parse(fmt::format("{:.6f}", value));
}

// `minute`: since the beginning of the gap.
inline past::CombinedBar bar(int minute, double open, double low, double high, double close, int owners = 3) {
    return {.start = gap_begin + minute * minute_length,
            .open = decimal(open),
            .high = decimal(high),
            .low = decimal(low),
            .close = decimal(close),
            .volume = {},
            .owners = owners,
            .sources = 0b101};
}

inline ToldMinutes told(std::vector<past::CombinedBar> bars, std::size_t owners_listed = 3,
                        bool is_whole = true) {
    return {std::move(bars), {"okx", "binance", "kraken"}, owners_listed, is_whole};
}

}  // namespace pricewire::recover
