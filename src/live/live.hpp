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
#include "domain/watch_state.hpp"
#include "live/message.hpp"
#include "net/http_server.hpp"
#include "storage/storage.hpp"

namespace pricewire::live {

// A request that the catcher keeps.
struct CaughtEvent {
    Uuid id;
    Timestamp at;
    std::string json;
};

// How alerts, deliveries and quotes are written; as the API writes them.
struct LiveJson {
    std::function<std::string(const Alert&)> alert;
    std::function<std::string(const DeliveryView&)> delivery;
    std::function<std::string(const FiringView&, const Ticker& of_alert)> firing;
    std::function<std::string(const TickerBoard&)> quotes;  // the array of sources
    // Why a ticker has no price, in the words of GET /rates/{ticker}; `state` is null if it is to be watched.
    std::function<std::string(const Ticker&, const WatchState* state, const std::optional<TickerBoard>&)>
        why_unpriced;
    // The requests that the catcher keeps for a user, newest first. May wait, and throw; on the thread of look-ups. Empty:
    // there is no catcher.
    std::function<std::vector<CaughtEvent>(const Uuid& user_id)> caught = {};
    // Adds to deliveries what their firings do not say by themselves, before they are written. On the thread of look-ups;
    // what it throws is as if the database did not answer. May be empty.
    std::function<void(std::span<DeliveryView>)> explain = {};
};

// What the stream asks about tickers that are not pinned, on its thread; none of it blocks. If they are empty, every
// ticker is watched.
struct LiveDemand {
    bool on_demand = true;  // false: no such ticker is watched
    // A user looks at a ticker; false if the user looks at too many. Repeated while the user does.
    std::function<bool(const Ticker& ticker, const Uuid& user_id)> look;
    std::function<bool(const Ticker& ticker)> is_listed;
    // What is needed and has no prices, by ticker. The pointer changes with it.
    std::function<std::shared_ptr<const std::vector<WatchState>>()> unwatched;
};

struct LiveOptions {
    std::vector<Ticker> tickers;  // the pinned ones, which everybody is sent
    LiveDemand demand;
    std::size_t watched_per_client = 50;  // tickers that are not pinned
    Duration prices_every = std::chrono::milliseconds{100};
    Duration quotes_every = std::chrono::seconds{1};    // and sources
    Duration comment_every = std::chrono::seconds{15};  // keeps a server-sent stream alive
    // A ticker without a price for this long is reported to users with alerts on it.
    Duration blind_after = std::chrono::seconds{10};
    Duration count_every = std::chrono::seconds{10};  // a user's alerts, while any ticker has no price
    std::size_t streams_per_user = 50;
    // Bytes. A client with more than this unread is sent no prices until it has read; then the newest.
    std::size_t max_unread_prices = 64 * 1024;
    // Bytes. With more than this unread it is sent no events either. If more pile up than are kept, it is
    // sent "missed".
    std::size_t max_unread_events = 1024 * 1024;
    std::size_t events_kept = 256;               // per user
    std::size_t event_bytes_kept = 1024 * 1024;  // per user
    // How long a user's events are kept after the last client has left, so that it can come back.
    Duration kept_for = std::chrono::minutes{2};
    std::size_t users_kept = 1000;  // at most, without a client
};

struct LiveClient {
    std::shared_ptr<net::StreamPeer> peer;
    Format format = Format::websocket;
    Uuid user_id;
    Sha256 key_hash{};                           // of the key it authenticated with
    std::optional<std::vector<Ticker>> tickers;  // nullopt: all that are pinned
    std::vector<Ticker> watching;                // beside these; not pinned
    std::optional<std::string> last_event_id;    // as received, not validated
};

// The live stream: sends every client changes of the market, at most ten times a second, and its user's
// alerts that fire and deliveries that change. All clients are owned by one thread, which is not on the way
// from price to webhook. What waits for a client is bounded: it is sent the newest prices once it has read
// the previous ones, and the newest event of each alert or delivery, or the message that it missed some.
//
// Events may be sent twice, and after a reconnect those of the last seconds may be repeated; each carries the
// newest state. Thread-safe.
class Live {
public:
    // Closes every client.
    virtual ~Live() = default;

    using ClientId = std::uint64_t;
    // The client is sent "ready", then everything. If its user has too many clients, it is sent an error and
    // its connection is closed.
    virtual ClientId add(LiveClient client) = 0;
    // Replaces its tickers; it is sent all of them again.
    virtual void choose(ClientId id, std::optional<std::vector<Ticker>> tickers) = 0;
    // Replaces what it watches beside these. It is sent their state, and again whenever that changes.
    virtual void watch(ClientId id, std::vector<Ticker> tickers) = 0;
    virtual void remove(ClientId id) = 0;

    virtual void on_notices(std::span<const DeliveryNotice> notices) = 0;
    // Notices since then may have been lost.
    virtual void on_missed(Timestamp since) = 0;
    // A user was disabled or deleted, or has another key: clients whose key no longer works are closed.
    // nullopt: any user may have changed.
    virtual void on_user_changed(std::optional<Uuid> user_id) = 0;

    // The number of connected clients, as of the last batch of messages.
    virtual std::size_t clients() const = 0;
};

// `storage`, `bus` and `clock` outlive it. `clock` must run: the thread sleeps by it.
std::unique_ptr<Live> start_live(LiveOptions options, LiveJson json, storage::Storage& storage,
                                 const bus::PriceBus& bus, const Clock& clock);

}  // namespace pricewire::live
