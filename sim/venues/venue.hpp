#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/decimal.hpp"
#include "net/http_server.hpp"

// How the simulator plays one venue; a file each in this folder.
namespace pricewire::sim {

// Symbols are the tape's: a ticker and "USDT" whatever the venue's currency, "BTCUSDT"; "USDTUSDT" and
// "USDCUSDT" are the two dollar coins, which venues that quote in dollars trade as well.
using Prices = std::map<std::string, Decimal, std::less<>>;

bool is_dollar_coin(std::string_view symbol);

using SimTime = std::chrono::system_clock::time_point;

struct SimTrade {
    std::string symbol;
    Decimal price;         // in the venue's currency
    std::uint64_t id = 0;  // the venue's own: from 1 for each symbol, without gaps
    SimTime at;            // when it was made; a venue may tell it later
};

struct SimCandle {
    SimTime start;
    Decimal open;  // in the venue's currency
    Decimal high;
    Decimal low;
    Decimal close;
    Decimal volume;  // in the coin
    bool is_closed = true;
};

struct SimListing {
    std::string symbol;
    bool is_halted = false;  // listed, but not traded for now
};

// What was traded at one venue. Thread-safe.
class VenuePast {
public:
    virtual ~VenuePast() = default;
    // Bars that begin in [from, to), oldest first, at most 20,000; none where nothing was traded. `interval`
    // divides a day; days are those of UTC. The bar of the present is open.
    virtual std::vector<SimCandle> candles(std::string_view symbol, std::chrono::seconds interval,
                                           SimTime from, SimTime to) const = 0;
    // Trades of [from, to), oldest first, at most `limit`. Their ids rise with their time, but are not those
    // that the stream gave them.
    virtual std::vector<SimTrade> trades(std::string_view symbol, SimTime from, SimTime to,
                                         std::size_t limit) const = 0;
};

// One venue's market. Guarded by the simulator's lock.
struct SimMarket {
    Prices prices;  // the last one of each symbol
    // The last few of each symbol, oldest first: what a venue sends of the past.
    std::map<std::string, std::vector<SimTrade>, std::less<>> trades;
    std::set<std::string, std::less<>> removed;   // symbols that the present fault refuses
    std::set<std::string, std::less<>> unlisted;  // symbols that this venue never listed, or delisted
    std::set<std::string, std::less<>> halted;    // listed and subscribed, but not traded
    std::string_view currency = "USDT";
    std::shared_ptr<const VenuePast> past = nullptr;     // nullptr: there is none
    std::map<std::string, double, std::less<>> factors;  // what a fault multiplies prices of the past by

    // A symbol that has traded here, or one of those that always have a market: five coins and, where they
    // are not what prices are counted in, the dollar coins.
    bool lists(std::string_view symbol) const;
    // nullptr: it has not traded.
    const SimTrade* last(std::string_view symbol) const;
    // What the venue's list of symbols shows, in alphabetical order.
    std::vector<SimListing> listings() const;
    // See VenuePast; empty for a symbol that is not listed.
    std::vector<SimCandle> candles(std::string_view symbol, std::chrono::seconds interval, SimTime from,
                                   SimTime to) const;
    std::vector<SimTrade> past_trades(std::string_view symbol, SimTime from, SimTime to,
                                      std::size_t limit) const;
};

// What a connection has been doing.
struct StreamTimes {
    std::chrono::steady_clock::time_point now;
    std::chrono::steady_clock::time_point opened;
    std::chrono::steady_clock::time_point last_push;  // to the client; `opened` where there was none
    std::chrono::steady_clock::time_point last_text;  // from the client, likewise
};

// One client's connection in the venue's own protocol. No I/O; the simulator calls it under its lock.
class SimStream {
public:
    virtual ~SimStream() = default;
    // What the venue sends first of all: a greeting, its status.
    virtual std::vector<std::string> on_open() { return {}; }
    // What the venue answers to a message, in order.
    virtual std::vector<std::string> on_text(std::string_view text) = 0;
    // Whether the client gets the trades of a symbol, named as on the tape.
    virtual bool wants(std::string_view symbol) const = 0;
    virtual bool is_subscribed() const = 0;
    // Trades of one symbol, at least one, oldest first, in the messages that tell them; a venue whose way is
    // newest first turns them round.
    virtual std::vector<std::string> on_trades(std::span<const SimTrade> trades) = 0;
    // Every half second: what the venue sends unasked, heartbeats and pings.
    virtual std::vector<std::string> tick(const StreamTimes&) { return {}; }
    // Whether the venue drops a client that has not kept the connection alive.
    virtual bool is_over(const StreamTimes&) const { return false; }
};

struct RestRequest {
    std::string_view path;  // behind SimVenue::rest_path
    std::string_view query;
    const SimMarket& market;
    std::chrono::system_clock::time_point taken;  // when its prices were; now, but for an aggregator
    std::string_view method = "GET";
    std::string_view body;
    std::string_view address;  // of the simulator, "127.0.0.1:9100", for an answer that says where to connect
};

struct SimVenue {
    std::string_view name;               // that of its source: "binance"
    std::string_view ws_path;            // of its stream; empty: it has none
    std::string_view rest_path;          // all paths of its REST interface begin with it
    bool is_aggregator = false;          // its figures are taken every SimOptions::coingecko_period
    bool is_gzip = false;                // every message is a binary one, compressed
    bool is_binary = false;              // trades are sent as binary messages, everything else as text
    bool plays_recordings = false;       // the tape's recorded frames are its own
    std::string_view currency = "USDT";  // what its prices are counted in: "USD", "USDT", "USDC"
    // In a market with arbitrage: which part of the tape's trades are made here, and how late they are told.
    double share = 1;
    std::chrono::milliseconds delay{0};
    // The market outlives the stream.
    std::unique_ptr<SimStream> (*open)(std::string_view query, const SimMarket& market) = nullptr;
    // nullopt: no such path.
    std::optional<net::ServerResponse> (*rest)(const RestRequest& request) = nullptr;
    std::string_view error_body;   // for the fault error200: a rate limit under status 200
    std::string_view error_frame;  // likewise in the stream
    std::string_view wrong_frame;  // for the fault shape
    // Empty where the venue has no such message:
    std::string_view leaving_frame;      // it will close this connection soon
    std::string_view maintenance_frame;  // it closes for maintenance
    std::string_view resumed_frame;      // the maintenance is over, on a connection that was kept
    std::string_view maintenance_body;   // of REST under status 200; empty: status 503
};

// The venues that the simulator plays; the one place where one is registered.
using SimVenues = std::span<const SimVenue* const>;
SimVenues sim_venues();

// The settings that point the sources of a Pricewire at these venues, "PRICEWIRE_SOURCES_…=URL", one a line.
// `address` is "127.0.0.1:9100".
std::string source_settings(SimVenues venues, std::string_view address);

}  // namespace pricewire::sim
