#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "domain/market.hpp"
#include "feed/session.hpp"
#include "feed/status.hpp"
#include "net/event_loop.hpp"
#include "net/http_client.hpp"
#include "net/ws_client.hpp"

namespace pricewire::feed {

struct SourceOptions {
    std::string name;  // of one of FeedOptions::venues
    bool enabled = true;
    std::string ws_url;    // empty: no stream
    std::string rest_url;  // empty: no REST
    Duration poll_interval{};
    std::map<std::string, std::string> symbols;  // ticker -> symbol, where the venue's rule does not give it
};

struct FeedOptions {
    VenueTypes venues = venue_types();
    std::vector<Ticker> tickers;
    std::vector<SourceOptions> sources;
    SessionOptions session;  // but for poll_interval and first_poll_after, which each source has of its own
    bool verify_tls = true;
    std::string ca_file;  // trusted beside the system's by the streams; empty: none
    // Opens a WebSocket; replaced in tests.
    std::function<std::unique_ptr<net::WsClient>(net::EventLoop&, const net::WsClientOptions&,
                                                 net::WsClientHandler)>
        open_websocket = net::open_websocket;
};

// Runs the sessions of all sources on the loop's thread. A source with more tickers than fit one connection
// has several sessions; its status is then the worst of theirs.
class Feed {
public:
    // On the loop's thread, or when the loop no longer runs. No callback comes after it.
    virtual ~Feed() = default;
    // The loop's thread. start() once; after stop() everything is closed and nothing is asked.
    virtual void start() = 0;
    virtual void stop() = 0;
    // Any thread; one entry a source, in the order of the options.
    virtual std::vector<SourceStatus> statuses() const = 0;
};

// What is wrong with the options, a line each that a person can act on: an unknown source, a symbol that
// cannot be one, two tickers with one symbol. Pure.
std::vector<std::string> wrong_options(const FeedOptions& options);

// `on_quotes` gets the quotes of one message or answer in their order, on the loop's thread; the span is
// valid during the call. Loop, HTTP client and clock outlive the feed, and the loop outlives the HTTP
// client's last answer. Throws std::invalid_argument where wrong_options() has something to say. A ticker
// that a source has no symbol for is logged and not asked of it.
std::unique_ptr<Feed> create_feed(net::EventLoop& loop, net::HttpClient& http, const Clock& clock,
                                  FeedOptions options, std::function<void(std::span<const Quote>)> on_quotes);

}  // namespace pricewire::feed
