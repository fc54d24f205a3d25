#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <optional>

#include "base/clock.hpp"
#include "base/tally.hpp"
#include "domain/market.hpp"

// Counts of a market's quotes and prices. Written by the market's thread, read by any thread, without locks.
namespace pricewire::price {

// The quotes of one source for one ticker.
struct QuoteMeter {
    explicit QuoteMeter(SourceName name) : source(name) {}

    void note(const Quote& quote, std::optional<Verdict> verdict) {
        (verdict ? judged[static_cast<std::size_t>(*verdict)] : outdated).add();
        received_us.store(to_micros(quote.received_at), std::memory_order_relaxed);
    }
    // When the last one arrived; nullopt before the first.
    std::optional<Timestamp> received_at() const {
        const std::int64_t us = received_us.load(std::memory_order_relaxed);
        return us == 0 ? std::nullopt : std::optional(from_micros(us));
    }

    const SourceName source;
    std::array<Tally, verdict_names.size()> judged;  // by the verdict on arrival
    Tally outdated;                                  // ignored: older than the one before it
    std::atomic<std::int64_t> received_us = 0;
};

struct TickerMeter {
    explicit TickerMeter(Ticker name) : ticker(name) {}

    const Ticker ticker;
    Tally prices;
    std::atomic<bool> has_price = false;
    std::deque<QuoteMeter> quotes;  // one per source, in the order given to the market
};

// One per ticker, in their order. Fixed once the market is made.
using MarketMeters = std::deque<TickerMeter>;

}  // namespace pricewire::price
