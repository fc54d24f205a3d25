#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "domain/market.hpp"
#include "feed/session.hpp"
#include "feed/venue.hpp"
#include "net/event_loop.hpp"
#include "net/http_client.hpp"
#include "net/ws_client.hpp"

namespace pricewire {

struct SourceStatus {
    SourceName name;
    SourceState state = SourceState::stopped;
    std::string detail;                      // one plain sentence; may be empty
    std::optional<Timestamp> last_quote_at;  // our clock
};

struct FeedSource {
    std::unique_ptr<Venue> venue;
    std::vector<Ticker> tickers;
    Duration poll_interval{};
};

struct FeedOptions {
    std::vector<FeedSource> sources;
    Duration silence = std::chrono::seconds{15};
    // Opens a WebSocket; to be replaced in tests.
    std::function<std::unique_ptr<net::WsClient>(net::EventLoop&, const net::WsClientOptions&,
                                                 net::WsClientHandler)>
        open_websocket = net::open_websocket;
};

// Runs a session per source on the loop's thread and hands its quotes on. All methods but statuses() belong
// to the loop's thread.
class Feed {
public:
    virtual ~Feed() = default;  // closes everything; no callback comes after it
    virtual void start() = 0;
    virtual void stop() = 0;
    // Any thread; as of a moment ago.
    virtual std::vector<SourceStatus> statuses() const = 0;
};

// `on_quotes` gets one message's quotes, on the loop's thread. What is referred to outlives the feed.
std::unique_ptr<Feed> create_feed(net::EventLoop& loop, net::HttpClient& http, const Clock& clock,
                                  FeedOptions options, std::function<void(std::span<const Quote>)> on_quotes);

}  // namespace pricewire
