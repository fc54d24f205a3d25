#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "bus/price_bus.hpp"

namespace pricewire::bus {

struct RedisBusOptions {
    std::string url;                    // as redis::parse_url() takes it
    std::string prefix = "pricewire:";  // of every key
    std::vector<Ticker> tickers;        // the configured ones, in their order; boards of others are ignored
    std::string feed_id;                // of this process' prices, unique a start; empty: one is made
    // Prices that the stream keeps at least, once it has them; about 60 bytes each.
    std::size_t stream_cap = 500'000;
    Duration latest_ttl = std::chrono::seconds{15};  // how long a feed that is not heard counts as living
    bool reads = false;  // board(), rates_json() and sources() will be asked: read from the start
};

// The bus between processes, on Redis (5.0 or later):
//   <prefix>prices           stream of every feed's prices, the only thing that subscribers read
//   <prefix>latest:<TICKER>  board, as JSON, under latest_ttl
//   <prefix>feed:<id>        how a living feed's sources do, as JSON, under 5 s; <prefix>feeds: their ids by
//   time <prefix>processed        the furthest place told to processed()
// Nothing of it is the truth: whatever Redis forgets is told again by the feeds within seconds.
//
// While Redis is away nothing throws but ping(): it is said once, a feed's prices wait (100,000 of them or 60
// s, the newest), and after every reconnect a feed also sends its last 5 s again, which a Redis that was
// killed may have lost; subscribers drop what they have seen. What board(), rates_json() and sources() tell
// was true less than 2 s ago, else they tell nothing. A feed that has not been heard for latest_ttl, for
// whatever reason, is to subscribers as one that said that its prices are gone.
//
// Threads: one to publish and one to read, each once it is needed, and one a subscriber. The destructor sends
// what waits, for a second at most. Throws std::invalid_argument where the URL is none. `clock` outlives it.
std::unique_ptr<PriceBus> create_redis_bus(RedisBusOptions options, const Clock& clock);

}  // namespace pricewire::bus
