#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "bus/price_bus.hpp"
#include "domain/alert.hpp"
#include "domain/delivery.hpp"
#include "live/message.hpp"
#include "net/http_server.hpp"
#include "storage/storage.hpp"

namespace pricewire::live {

// How what is shown is written; the API's own way.
struct LiveJson {
    std::function<std::string(const Alert&)> alert;
    std::function<std::string(const DeliveryView&)> delivery;
    std::function<std::string(const TickerBoard&)> quotes;  // the array of sources
};

struct LiveOptions {
    std::vector<Ticker> tickers;  // the configured ones
    Duration prices_every = std::chrono::milliseconds{100};
    Duration quotes_every = std::chrono::seconds{1};    // sources as well
    Duration comment_every = std::chrono::seconds{15};  // a sign of life in a server-sent stream
    std::size_t streams_per_user = 50;
    // A client with more than that unread is told no price until it has read; it then gets the newest.
    std::size_t max_unread_prices = 64 * 1024;
    // Nor of an event, beyond so much more. What it then misses beyond the kept ones it is told as a miss.
    std::size_t max_unread_events = 1024 * 1024;
    std::size_t events_kept = 256;               // of a user
    std::size_t event_bytes_kept = 1024 * 1024;  // likewise
    // A user's events are kept for so long after the last client has gone, for it to come back.
    Duration kept_for = std::chrono::minutes{2};
    std::size_t users_kept = 1000;  // without a client
};

// A client that comes in.
struct LiveClient {
    std::shared_ptr<net::StreamPeer> peer;
    live::Format format = live::Format::websocket;
    Uuid user_id;
    Sha256 key_hash{};                           // of the key it came with
    std::optional<std::vector<Ticker>> tickers;  // nullopt: all; configured ones
    std::optional<std::string> last_event_id;    // as it came
};

// The live stream: tells every client what the market does, ten times a second at most, and its user's alerts
// that fire and deliveries that change. A thread of its own owns all clients; nothing of it stands on the way
// from price to webhook. What a client is sent is bounded: of prices it gets the newest state whenever it has
// read what came before; of its events each subject's newest, or the word that some were missed.
//
// Events may come twice, and after a reconnect those of the last seconds may come again; each carries the
// newest state. Thread-safe.
class Live {
public:
    // Closes every client.
    virtual ~Live() = default;

    using ClientId = std::uint64_t;
    // The client is told that it is ready, then everything. Refused with an error and a closed connection
    // where its user has too many.
    virtual ClientId add(LiveClient client) = 0;
    // From the next look on; it is told all of them anew.
    virtual void choose(ClientId id, std::optional<std::vector<Ticker>> tickers) = 0;
    virtual void remove(ClientId id) = 0;

    virtual void on_notices(std::span<const DeliveryNotice> notices) = 0;
    // Notices since then may not have been heard.
    virtual void on_missed(Timestamp since) = 0;
    // A user was disabled, deleted or has another key: clients whose key is nobody's any more are closed.
    // nullopt: anybody may have been.
    virtual void on_user_changed(std::optional<Uuid> user_id) = 0;

    // Clients that are connected, as of a moment ago.
    virtual std::size_t clients() const = 0;
};

// `storage`, `bus` and `clock` outlive it. `clock` must run: the thread sleeps by it.
std::unique_ptr<Live> start_live(LiveOptions options, LiveJson json, storage::Storage& storage,
                                 const bus::PriceBus& bus, const Clock& clock);

}  // namespace pricewire::live
