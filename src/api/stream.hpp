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

// The live stream's two doors: GET /api/v1/stream, a WebSocket, and GET /api/v1/events, server-sent events.
// What is told there, src/live decides.
namespace pricewire::api {

// The subprotocol of the stream, and what a client may offer beside it to say who it is: a header of its own
// is what browsers' WebSockets cannot send.
constexpr std::string_view stream_subprotocol = "pricewire.v1";
constexpr std::string_view key_subprotocol = "pricewire.key.";

// What a client says on its WebSocket.
struct StreamCommand {
    enum class Kind { auth, subscribe, ping };
    Kind kind = Kind::ping;
    std::string api_key;                         // of auth
    std::optional<std::string> last_event_id;    // of auth
    std::optional<std::vector<Ticker>> tickers;  // of auth and subscribe; nullopt: all
};

// Error: what is wrong with it, in a sentence.
std::expected<StreamCommand, std::string> parse_stream_command(std::string_view text,
                                                               const std::vector<Ticker>& known);

// "BTC,eth". Error: the first that is no configured ticker.
std::expected<std::vector<Ticker>, std::string> parse_tickers(std::string_view text,
                                                              const std::vector<Ticker>& known);

// One WebSocket on its way from the upgrade to the live stream. What it asks for it is given only after its
// key was looked at, as every request's is.
class StreamSession {
public:
    virtual ~StreamSession() = default;
    // The key is somebody's, and within its limits: joins the stream. Any thread, once.
    virtual void open(const User& user, const Sha256& key_hash) = 0;
    // It is not: tells why and closes. Any thread, once.
    virtual void refuse(const net::ServerResponse& answer) = 0;
};

// Begins a session. `authenticate` asks for the key to be looked at, which leads to open() or refuse().
// References outlive the server.
net::WsHandler open_session(
    const net::ServerRequest& request, std::shared_ptr<net::WsPeer> peer, live::Live& live,
    const std::vector<Ticker>& tickers,
    std::function<void(std::shared_ptr<StreamSession>, std::string key)> authenticate);

}  // namespace pricewire::api
