#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/decimal.hpp"
#include "net/http_server.hpp"

// How the simulator plays one venue; a file each in this folder.
namespace pricewire::sim {

using Prices = std::map<std::string, Decimal, std::less<>>;  // by the tape's symbol, "BTCUSDT"

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
    // What the venue answers to a message, in order.
    virtual std::vector<std::string> on_text(std::string_view text) = 0;
    // Whether the client gets the trades of a symbol, named as on the tape.
    virtual bool wants(std::string_view symbol) const = 0;
    virtual bool is_subscribed() const = 0;
    // Every half second: what the venue sends unasked, heartbeats and pings.
    virtual std::vector<std::string> tick(const StreamTimes&) { return {}; }
    // Whether the venue drops a client that has not kept the connection alive.
    virtual bool is_over(const StreamTimes&) const { return false; }
};

struct RestRequest {
    std::string_view path;  // behind SimVenue::rest_path
    std::string_view query;
    const Prices& prices;
    std::chrono::system_clock::time_point taken;  // when `prices` were; now, but for an aggregator
};

struct SimVenue {
    std::string_view name;          // that of its source: "binance"
    std::string_view ws_path;       // of its stream; empty: it has none
    std::string_view rest_path;     // all paths of its REST interface begin with it
    bool is_aggregator = false;     // its figures are taken every SimOptions::coingecko_period
    bool is_gzip = false;           // every message is a binary one, compressed
    bool plays_recordings = false;  // the tape's recorded frames are its own
    // `known` holds what has traded, and outlives the stream.
    std::unique_ptr<SimStream> (*open)(std::string_view query, const Prices& known) = nullptr;
    std::string (*trade_frame)(const std::string& symbol, Decimal price, std::uint64_t trade_id) = nullptr;
    // nullopt: no such path.
    std::optional<net::ServerResponse> (*rest)(const RestRequest& request) = nullptr;
    std::string_view error_body;   // for the fault error200: a rate limit under status 200
    std::string_view error_frame;  // likewise in the stream
    std::string_view wrong_frame;  // for the fault shape
};

// The venues that the simulator plays; the one place where one is registered.
using SimVenues = std::span<const SimVenue* const>;
SimVenues sim_venues();

// The settings that point the sources of a Pricewire at these venues, "PRICEWIRE_SOURCES_…=URL", one a line.
// `address` is "127.0.0.1:9100".
std::string source_settings(SimVenues venues, std::string_view address);

}  // namespace pricewire::sim
