#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/exchange.hpp"
#include "live/live.hpp"
#include "net/http_server.hpp"

// The two endpoints of the live stream: GET /api/v1/stream, a WebSocket, and GET /api/v1/events, server-sent
// events. src/live decides what is sent.
namespace pricewire::api {

// The subprotocol of the stream, and the prefix of a second one that carries the key: browsers cannot send a
// header of their own with a WebSocket.
constexpr std::string_view stream_subprotocol = "pricewire.v1";
constexpr std::string_view key_subprotocol = "pricewire.key.";

// A message of a client on its WebSocket.
struct StreamCommand {
    enum class Kind { auth, subscribe, watch, ping };
    Kind kind = Kind::ping;
    std::string api_key;                       // of auth
    std::optional<std::string> last_event_id;  // of auth
    // Of auth and subscribe; nullopt: all that are pinned. Of watch, where any ticker may be named, never nullopt.
    std::optional<std::vector<Ticker>> tickers;
};

// Error: a sentence for the client.
std::expected<StreamCommand, std::string> parse_stream_command(std::string_view text,
                                                               const StreamTickers& known);

// "BTC,eth". Error: the first that is unknown.
std::expected<std::vector<Ticker>, std::string> parse_tickers(std::string_view text,
                                                              const StreamTickers& known);

// A WebSocket between the upgrade and the live stream. It receives nothing before its key has been checked
// like that of any request.
class StreamSession {
public:
    virtual ~StreamSession() = default;
    // The key is valid and within its limits: joins the stream, and keeps `place` until it ends. Any thread,
    // once.
    virtual void open(const User& user, const Sha256& key_hash, std::shared_ptr<void> place) = 0;
    // It is not: sends the reason and closes. Any thread, once.
    virtual void refuse(const net::ServerResponse& answer) = 0;
};

// Starts a session. `authenticate` starts the check of the key, which leads to open() or refuse(). References
// outlive the server.
net::WsHandler open_session(
    const net::ServerRequest& request, std::shared_ptr<net::WsPeer> peer, live::Live& live,
    const StreamTickers& tickers,
    std::function<void(std::shared_ptr<StreamSession>, std::string key)> authenticate);

}  // namespace pricewire::api
