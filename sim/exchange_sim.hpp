#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "base/result.hpp"
#include "sim/faults.hpp"
#include "sim/tape.hpp"
#include "sim/venue_player.hpp"
#include "sim/venues/venue.hpp"

namespace pricewire::sim {

struct SimOptions {
    std::string listen = "127.0.0.1:0";
    // relative to the tape's own; 0: as fast as it is read
    double speed = 1;
    bool paused = false;                                   // wait for play()
    bool wait_for_client = false;                          // pause the tape until a stream is subscribed
    Duration coingecko_period = std::chrono::seconds{30};  // how often an aggregator's figures are taken
    // Arbitrage: the standard deviation of a venue's price from the tape's, in basis points. With it venues
    // trade as often and as late as their SimVenue says, and the dollar coins move. 0: every venue makes every
    // trade of the tape at its price, at once.
    double noise_bp = 0;
    std::uint64_t seed = 1;  // of the noise and of invented prices
    bool no_coins = false;   // the dollar coins trade by the tape alone
    // Coins that trade by the clock, beside the five of the tape (coins.hpp): the largest venues list them all,
    // others fewer. Without a tape the five are among them.
    std::size_t coins = 0;
    double coin_trades_per_second = 20;  // of all of them
    bool has_past = false;         // venues tell of a time before the simulator began, which is invented
    bool enforces_limits = false;  // what exceeds a venue's limits is refused, not only counted
    SimVenues venues = sim_venues();
};

// One market in each venue's own protocol, on one loopback port. The tape's prices are in dollars: a venue
// that counts in USDT or USDC shows them by that coin's rate. Each venue has its paths (sim/venues); beside
// them:
//
//   GET  /_sim/status                    what is played, to how many clients, with which faults
//   GET  /_sim/sources                   the settings that point Pricewire here, as lines of an environment
//                                        file
//   POST /_sim/fault/<door>[/<SYMBOL>]   body: a fault (faults.hpp); doors are <venue>.stream and <venue>.rest
//   POST /_sim/rate/<USDT or USDC>       body: dollars
//   POST /_sim/play, /_sim/pause
//   POST /_sim/speed                     body: a factor; 0: as fast as the tape is read
//   POST /_sim/price/<SYMBOL>            body: a price; trades it at once, at every venue
//   POST /_sim/price/<SYMBOL>/<venue>    likewise, at one venue, in its own currency
//   POST /_sim/market                    body: what open_market() takes; replaces the tape
//   POST /_sim/noise                     body: SimOptions::noise_bp
//   POST /_sim/listing/<venue>/<SYMBOL>  body: trading, halted, delisted or renamed:SYMBOL
//   POST /_sim/skip                      body: a time that passes at once; see skip()
//
// All methods are thread-safe.
class ExchangeSim {
public:
    virtual ~ExchangeSim() = default;
    virtual std::uint16_t port() const = 0;
    virtual void play() = 0;
    virtual void pause() = 0;
    virtual void set_speed(double speed) = 0;
    virtual void set_noise(double basis_points) = 0;
    // `coin` is "USDT" or "USDC".
    virtual void set_rate(std::string_view coin, double dollars) = 0;
    // `door` is one of the venues', or one with a symbol.
    virtual void set_fault(const Door& door, Fault fault) = 0;
    virtual void set_tape(std::unique_ptr<Tape> tape) = 0;
    // Trades at once, independently of the tape: at one venue, at `price` in its currency; if `venue` is empty
    // at all of them, at `price` dollars.
    virtual void trade(const std::string& symbol, Decimal price, std::string venue = {}) = 0;
    // What a venue's list says of a symbol, and whether it is traded there.
    virtual void set_listing(std::string_view venue, const std::string& symbol,
                             const ListingState& state) = 0;
    // Lets `time` pass at once: the trades of the tape that are due within it are made but sent to nobody, and the
    // market's clock is moved (protocol.hpp). The clock moves back when the simulator ends.
    virtual void skip(Duration time) = 0;
    // The tape has ended, and all of it has been handed to the sockets.
    virtual bool finished() const = 0;
    virtual std::uint64_t trades_sent() const = 0;
    virtual std::size_t stream_clients() const = 0;
    // JSON; see /_sim/status.
    virtual std::string status() const = 0;
    // See source_settings().
    virtual std::string source_settings() const = 0;
};

Result<std::unique_ptr<ExchangeSim>> create_exchange_sim(const SimOptions& options,
                                                         std::unique_ptr<Tape> tape);

}  // namespace pricewire::sim
