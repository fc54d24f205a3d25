#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "domain/market.hpp"

// What the files of the consolidator compare quotes by.
namespace pricewire::price {

inline bool within(Decimal a, Decimal b, std::int64_t tolerance_bp) {
    return (a - b).abs() <= b.scaled_bp(tolerance_bp);
}

// The time of a quote by its source's clock, which may run ahead of ours.
inline Timestamp quoted_at(const Quote& quote) {
    return std::min(quote.time, quote.received_at);
}

// Whether two quotes at one price are of one trade: by its id or, without, by its time.
inline bool is_same_trade(const Quote& a, const Quote& b) {
    if (a.trade_id || b.trade_id) return a.trade_id == b.trade_id;
    return a.is_timed && b.is_timed && a.time == b.time;
}

}  // namespace pricewire::price
