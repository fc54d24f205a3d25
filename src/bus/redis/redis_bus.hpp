#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "bus/price_bus.hpp"

namespace pricewire::bus {

struct RedisBusOptions {
    std::string url;                    // see redis::parse_url()
    std::string prefix = "pricewire:";  // of every key
    std::vector<Ticker> tickers;        // the pinned ones, in their order
    std::string feed_id;                // of this process's prices, unique per start; generated if empty
    // Least number of prices that a full stream keeps; about 60 bytes each.
    std::size_t stream_cap = 500'000;
    Duration latest_ttl = std::chrono::seconds{15};  // a feed silent for longer is no longer live
    bool reads = false;  // board(), rates_json() and sources() will be called: start reading at once
};

// The bus between processes, on Redis (5.0 or later):
//   <prefix>prices           stream of all feeds' prices, the only key that subscribers read
//   <prefix>latest:<TICKER>  board, as JSON; expires after latest_ttl
//   <prefix>boards           tickers that have a board, by the time at which it was last published
//   <prefix>feed:<id>        condition of a live feed's sources, as JSON; expires after 5 s
//   <prefix>feeds            ids of feeds, by time
//   <prefix>processed        highest position passed to processed()
//   <prefix>ping             written by ping(); expires after 10 s
// None of it is authoritative: feeds restore what Redis loses within seconds.
//
// While Redis is unavailable only ping() throws. The outage is logged once, and a feed's prices are queued
// (the newest 100,000, for up to 60 s). After every reconnect a feed also resends its last 5 s, which a
// killed Redis may have lost; subscribers drop duplicates. board(), rates_json() and sources() return only
// data confirmed within the last 2 s; boards of tickers that are neither pinned nor asked for are read once a second. If
// a feed is silent for latest_ttl, subscribers are notified that its prices are gone.
//
// Threads: one to publish and one to read, each started when first needed, and one per subscriber. The
// destructor sends what is pending, for at most a second. Throws std::invalid_argument if the URL is invalid.
// `clock` must outlive it.
std::unique_ptr<PriceBus> create_redis_bus(RedisBusOptions options, const Clock& clock);

}  // namespace pricewire::bus
