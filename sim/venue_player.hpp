#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "sim/faults.hpp"
#include "sim/past.hpp"
#include "sim/protocol.hpp"
#include "sim/tape.hpp"
#include "sim/venues/venue.hpp"

namespace pricewire::sim {

// What all venues share beside the tape, whose prices are in dollars.
struct MarketState {
    DollarRates rates;
    // How far a venue's price is from the tape's, as a standard deviation. 0: nowhere, every venue makes
    // every trade, at once.
    double noise_bp = 0;
};

std::string stream_door(const SimVenue& venue);
std::string rest_door(const SimVenue& venue);

// Dollar prices in a venue's currency. "USDTUSDT" and "USDCUSDT" only where they are traded.
SimMarket market_of(const SimVenue& venue, const Prices& dollars, const MarketState& state,
                    std::chrono::system_clock::time_point at);

// What a venue's list says of a symbol. `renamed` is its name from now on: what is traded under the former name
// elsewhere is traded under this one here.
struct ListingState {
    enum class Kind { trading, halted, delisted, renamed };
    Kind kind = Kind::trading;
    std::string renamed = {};
};

// One venue's trades, made from the tape's: in its currency, with its own ids, its distance from the other
// venues and its delay, under the faults of its stream. No I/O; guarded by the simulator's lock.
class VenuePlayer {
public:
    using Time = std::chrono::system_clock::time_point;

    // The venue, the faults and the past, which may be null, outlive it.
    VenuePlayer(const SimVenue& venue, const Faults& faults, SimMarket market, std::uint64_t seed,
                Past* past = nullptr);

    const SimMarket& market() const { return market_; }
    // A copy for the REST interface, which faults of the stream and the latest trades are no part of.
    SimMarket shown_by_rest() const;
    // What the venue's list says of a symbol from now on.
    void list(const std::string& symbol, const ListingState& state);

    // What is sent at once: trades of one symbol, oldest first, or a recorded frame.
    struct Telling {
        std::vector<SimTrade> trades;  // their ids are given by tell()
        std::string frame;             // empty: made of the trades
        Duration delay{};              // when, from now on
        bool is_repeat = false;        // it has been sent before
    };
    // The venue's part in a trade of the tape. `by_hand`: at exactly that price, at once; so is a trade that
    // is this venue's alone.
    std::vector<Telling> make(const TapeTrade& of_tape, const MarketState& state, Time now, bool by_hand);
    // Called when a telling is sent.
    void tell(Telling& telling);

    // Trades of the past, of each symbol.
    std::vector<Telling> old_trades(Time now) const;
    // Applies and removes the faults that are about symbols.
    void faults_changed();

private:
    double noise(const std::string& symbol, const MarketState& state, Time now);
    Decimal price_of(const TapeTrade& trade, const MarketState& state, Time now, bool is_exact);

    struct Offset {
        double bp = 0;
        Time at;
    };
    const SimVenue& venue_;
    const Faults& faults_;
    const Door door_;
    SimMarket market_;
    std::mt19937_64 rng_;
    Past* past_;
    std::map<std::string, std::string, std::less<>> renamed_;             // by the tape's symbol
    std::map<std::string, Offset, std::less<>> offsets_;                  // from the tape's price
    std::map<std::string, std::vector<SimTrade>, std::less<>> gathered_;  // for the fault batch
};

}  // namespace pricewire::sim
