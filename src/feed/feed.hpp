#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "domain/heard.hpp"
#include "domain/market.hpp"
#include "feed/frame_tap.hpp"
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
    std::string api_key;                         // empty: none
    std::map<std::string, std::string> symbols;  // ticker → symbol, where the venue's rule does not give it
};

struct FeedOptions {
    VenueTypes venues = venue_types();
    std::vector<Ticker> tickers;
    // Watched too, at each source that trades them for dollars; the others are not logged.
    std::vector<Ticker> references;
    std::vector<SourceOptions> sources;
    SessionOptions session;  // except those durations which differ by source
    bool verify_tls = true;
    std::string ca_file;      // trusted by the streams beside the system's; empty: none
    FrameTap* tap = nullptr;  // sees all frames; it outlives the feed; null: none
    // Opens a WebSocket; replaced in tests.
    std::function<std::unique_ptr<net::WsClient>(net::EventLoop&, const net::WsClientOptions&,
                                                 net::WsClientHandler)>
        open_websocket = net::open_websocket;
};

// Runs the sessions of all sources on the loop's thread. A source with more tickers than fit on one connection has
// several sessions; its status is the worst of theirs, but for those that were opened later on and have no trades.
class Feed {
public:
    // On the loop's thread, or when the loop no longer runs. No callback comes afterwards.
    virtual ~Feed() = default;
    // The loop's thread. start() once; after stop() everything is closed and nothing is requested.
    virtual void start() = 0;
    virtual void stop() = 0;
    // From now on the ticker is requested from exactly these sources (unknown and disabled ones are left out), and from
    // those that have it by the options, whose symbols win. No other ticker's subscription is touched. The loop's thread.
    virtual void watch(Ticker ticker, std::span<const FoundAt> found) = 0;
    // The tickers and references of the options stay watched at the sources that have them by these. The loop's thread.
    virtual void unwatch(Ticker ticker) = 0;
    // The tickers whose trades no source brings right now, references among them. The loop's thread; about once a second.
    virtual std::vector<Unheard> unheard() = 0;
    // Any thread; one entry per source, in the order of the options.
    virtual std::vector<SourceStatus> statuses() const = 0;
};

// The tickers that an enabled source has a symbol for, in their order.
std::vector<Ticker> tickers_with_a_source(const FeedOptions& options);

// The errors in the options, one line each: an unknown source, an invalid symbol, two tickers with one
// symbol.
std::vector<std::string> wrong_options(const FeedOptions& options);

// `on_quotes` gets the quotes of one message or answer in their order, on the loop's thread; the span is
// valid during the call. Loop, HTTP client and clock outlive the feed, and the loop outlives the HTTP
// client's last answer. Throws std::invalid_argument if wrong_options() returns any. A ticker that a source
// has no symbol for is logged and not requested from it.
std::unique_ptr<Feed> create_feed(net::EventLoop& loop, net::HttpClient& http, const Clock& clock,
                                  FeedOptions options, std::function<void(std::span<const Quote>)> on_quotes);

}  // namespace pricewire::feed
