#include "api/stream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <utility>

#include "api/bodies.hpp"
#include "api/client_address.hpp"
#include "api/handlers.hpp"
#include "api/http_lists.hpp"
#include "api/query_string.hpp"
#include "base/mutex.hpp"
#include "base/text.hpp"

namespace pricewire::api {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

constexpr std::size_t max_command = 16 * 1024;
constexpr std::size_t max_event_id = 100;
constexpr Duration first_command_within = 10s;
// Clients send little; one that sends more than this in ten seconds is disconnected.
constexpr int commands_in_ten_seconds = 50;

using live::closed_bad_message;
using live::closed_too_many;
using live::closed_try_again;
using live::closed_unauthorized;

std::uint16_t close_code(int status) {
    switch (status) {
        case 401:
            return closed_unauthorized;
        case 429:
            return closed_too_many;
        default:
            return closed_try_again;
    }
}

// Of those that are not pinned: more than a client can watch, so that the answer says which it cannot.
constexpr std::size_t most_others = 100;

std::expected<Ticker, std::string> one_ticker(std::string_view text, const StreamTickers& known) {
    if (const auto pinned = find_ticker(text, known.pinned)) return *pinned;
    const std::string upper = upper_case(text.substr(0, 40));
    if (is_ticker(upper) && known.is_known && known.is_known(Ticker(upper))) return Ticker(upper);
    return std::unexpected(fmt::format("There is no ticker '{}' here", upper));
}

std::size_t most_tickers(const StreamTickers& known) {
    return known.pinned.size() + (known.is_known ? most_others : 0);
}
std::string too_many_tickers(const StreamTickers& known) {
    return known.is_known ? fmt::format("A list should have at most {} tickers", most_tickers(known))
                          : fmt::format("There are only {} tickers here", known.pinned.size());
}

std::string_view view(const json::string& s) {
    return {s.data(), s.size()};
}

std::expected<std::optional<std::vector<Ticker>>, std::string> tickers_in(const json::object& object,
                                                                          const StreamTickers& known) {
    const json::value* value = object.if_contains("tickers");
    if (value == nullptr || value->is_null()) return std::nullopt;
    const json::array* array = value->if_array();
    if (array == nullptr)
        return std::unexpected("tickers should be a list such as [\"BTC\"], or null for all");
    if (array->size() > most_tickers(known)) return std::unexpected(too_many_tickers(known));
    std::vector<Ticker> out;
    for (const json::value& item : *array) {
        const json::string* text = item.if_string();
        if (text == nullptr) return std::unexpected("tickers should be a list of strings");
        const auto ticker = one_ticker(view(*text), known);
        if (!ticker) return std::unexpected(ticker.error());
        out.push_back(*ticker);
    }
    return out;
}

class Session final : public StreamSession, public std::enable_shared_from_this<Session> {
public:
    using Authenticate = std::function<void(std::shared_ptr<StreamSession>, std::string key)>;

    Session(std::shared_ptr<net::WsPeer> peer, live::Live& live, const StreamTickers& tickers,
            Authenticate authenticate)
        : live_(live), tickers_(tickers), authenticate_(std::move(authenticate)), peer_(std::move(peer)) {}

    // Called once on the server's thread, before any other method.
    void begin(std::string key) {
        if (!key.empty()) present(std::move(key));
    }

    void on_text(std::string_view text) {
        if (too_many_commands()) {
            return end(429, "Too many messages: fifty in ten seconds are enough", closed_too_many);
        }
        auto command = parse_stream_command(text, tickers_);
        if (!command) return end(400, command.error(), closed_bad_message);
        MutexLock lock(mutex_);
        if (state_ == State::waiting && command->kind != StreamCommand::Kind::auth) {
            lock.unlock();
            return end(401, "The first message should be {\"type\":\"auth\",\"api_key\":…}",
                       closed_unauthorized);
        }
        switch (command->kind) {
            case StreamCommand::Kind::ping:
                if (peer_) peer_->send_text(R"({"type":"pong"})");
                return;
            case StreamCommand::Kind::auth:
                if (state_ != State::waiting) {
                    lock.unlock();
                    return end(400, "This stream has a key already", closed_bad_message);
                }
                wanted_ = std::move(command->tickers);
                last_event_id_ = std::move(command->last_event_id);
                lock.unlock();
                return present(std::move(command->api_key));
            case StreamCommand::Kind::subscribe:
                wanted_ = std::move(command->tickers);
                if (state_ == State::open) live_.choose(client_, wanted_);
                return;
            case StreamCommand::Kind::watch:
                watching_ = std::move(*command->tickers);
                if (state_ == State::open) live_.watch(client_, watching_);
                return;
        }
    }

    void on_close() {
        MutexLock lock(mutex_);
        if (state_ == State::open) live_.remove(client_);
        state_ = State::closed;
        peer_.reset();
        place_.reset();
    }

    void open(const User& user, const Sha256& key_hash, std::shared_ptr<void> place) override {
        MutexLock lock(mutex_);
        if (state_ != State::asked) return;
        state_ = State::open;
        place_ = std::move(place);
        client_ = live_.add({.peer = peer_,
                             .format = live::Format::websocket,
                             .user_id = user.id,
                             .key_hash = key_hash,
                             .tickers = wanted_,
                             .watching = watching_,
                             .last_event_id = last_event_id_});
    }

    void refuse(const net::ServerResponse& answer) override {
        // The API's error with the `type` field that all messages have.
        const std::string_view error = answer.body;
        if (error.size() < 2 || error[0] != '{') return end(500, "Internal Server Error", closed_try_again);
        send_and_close(R"({"type":"error",)" + std::string(error.substr(1)), close_code(answer.status));
    }

private:
    enum class State { waiting, asked, open, closed };

    void present(std::string key) {
        {
            MutexLock lock(mutex_);
            if (state_ != State::waiting) return;
            state_ = State::asked;
        }
        // It holds the request, which an open stream no longer needs.
        std::exchange(authenticate_, {})(shared_from_this(), std::move(key));
    }

    void end(int status, std::string_view detail, std::uint16_t code) {
        send_and_close(live::error_message(status, detail).json(), code);
    }

    void send_and_close(std::string message, std::uint16_t code) {
        MutexLock lock(mutex_);
        if (!peer_) return;
        peer_->send_text(std::move(message));
        peer_->close(code, {});
    }

    bool too_many_commands() {
        const MonoTime now = std::chrono::steady_clock::now();
        if (now - counted_since_ >= 10s) {
            counted_since_ = now;
            commands_ = 0;
        }
        return ++commands_ > commands_in_ten_seconds;
    }

    live::Live& live_;
    const StreamTickers& tickers_;

    // Used by the server's thread only.
    Authenticate authenticate_;
    MonoTime counted_since_{};
    int commands_ = 0;

    // Keys are checked on other threads.
    Mutex mutex_;
    std::shared_ptr<net::WsPeer> peer_ GUARDED_BY(mutex_);  // reset on close, since the peer owns this
    std::shared_ptr<void> place_ GUARDED_BY(mutex_);
    State state_ GUARDED_BY(mutex_) = State::waiting;
    live::Live::ClientId client_ GUARDED_BY(mutex_) = 0;
    std::optional<std::vector<Ticker>> wanted_ GUARDED_BY(mutex_);
    std::vector<Ticker> watching_ GUARDED_BY(mutex_);
    std::optional<std::string> last_event_id_ GUARDED_BY(mutex_);
};

}  // namespace

std::expected<StreamCommand, std::string> parse_stream_command(std::string_view text,
                                                               const StreamTickers& known) {
    if (text.size() > max_command) return std::unexpected("A message should have at most 16 KiB");
    boost::system::error_code error;
    const json::value value = json::parse({text.data(), text.size()}, error);
    const json::object* object = error ? nullptr : value.if_object();
    if (object == nullptr) return std::unexpected("A message should be a JSON object");
    const auto text_of = [&](const char* name) -> std::optional<std::string> {
        const json::value* member = object->if_contains(name);
        if (member == nullptr || !member->is_string()) return std::nullopt;
        return std::string(view(member->get_string()));
    };
    const auto type = text_of("type");
    StreamCommand out;
    if (type == "ping") return out;
    if (type == "subscribe") {
        out.kind = StreamCommand::Kind::subscribe;
    } else if (type == "watch") {
        out.kind = StreamCommand::Kind::watch;
    } else if (type == "auth") {
        out.kind = StreamCommand::Kind::auth;
        auto key = text_of("api_key");
        if (!key) return std::unexpected("api_key is missing");
        out.api_key = std::move(*key);
        out.last_event_id = text_of("last_event_id");
        if (out.last_event_id && out.last_event_id->size() > max_event_id) {
            return std::unexpected("last_event_id is invalid");
        }
    } else {
        return std::unexpected("type should be auth, subscribe, watch or ping");
    }
    // The answer to `watch` says of each ticker whether there is one.
    static const auto any = [](const Ticker&) { return true; };
    const bool watches = out.kind == StreamCommand::Kind::watch;
    auto tickers = tickers_in(*object, watches ? StreamTickers{known.pinned, any} : known);
    if (!tickers) return std::unexpected(tickers.error());
    if (watches && !*tickers) return std::unexpected("tickers should be a list such as [\"PEPE\"]");
    out.tickers = std::move(*tickers);
    return out;
}

std::expected<std::vector<Ticker>, std::string> parse_tickers(std::string_view text,
                                                              const StreamTickers& known) {
    const auto items = split_list(text);
    if (items.size() > most_tickers(known)) return std::unexpected(too_many_tickers(known));
    std::vector<Ticker> out;
    for (const std::string_view item : items) {
        const auto ticker = one_ticker(item, known);
        if (!ticker) return std::unexpected(ticker.error());
        out.push_back(*ticker);
    }
    return out;
}

net::WsHandler open_session(
    const net::ServerRequest& request, std::shared_ptr<net::WsPeer> peer, live::Live& live,
    const StreamTickers& tickers,
    std::function<void(std::shared_ptr<StreamSession>, std::string key)> authenticate) {
    std::string key;
    net::WsHandler handler;
    if (const std::string* header = request.header("x-api-key")) key = *header;
    for (const auto& [name, value] : request.headers) {
        if (name != "sec-websocket-protocol") continue;
        for (const std::string_view offered : split_list(value)) {
            if (offered == stream_subprotocol) handler.subprotocol = stream_subprotocol;
            if (offered.starts_with(key_subprotocol) && key.empty()) {
                key = offered.substr(key_subprotocol.size());
            }
        }
    }
    if (key.empty()) handler.first_text_within = first_command_within;
    auto session = std::make_shared<Session>(std::move(peer), live, tickers, std::move(authenticate));
    handler.on_text = [session](std::string_view text) { session->on_text(text); };
    handler.on_close = [session] { session->on_close(); };
    session->begin(std::move(key));
    return handler;
}

namespace {

constexpr std::string_view too_many_streams =
    "Too many streams are open from your address; close some, or try again later";

// False if the client has too many streams.
bool take_place(Services& services, const Exchange& exchange, std::shared_ptr<void>& place) {
    const auto client = client_address(exchange.request, services.options.trusted_proxies);
    if (client == exchange.request.peer) return true;
    place = services.stream_places.take(address_key(client));
    return place != nullptr;
}

}  // namespace

net::ServerResponse open_stream(Services& services, Exchange& exchange) {
    if (!exchange.session) {
        auto response = error_response(426, "This is a WebSocket: ask for an upgrade, or use /api/v1/events");
        response.headers.emplace_back("Upgrade", "websocket");
        return response;
    }
    std::shared_ptr<void> place;
    if (!take_place(services, exchange, place)) return unavailable(too_many_streams, 60);
    exchange.session->open(exchange.user, sha256(*exchange.request.header("x-api-key")), std::move(place));
    return {.status = 101};
}

net::ServerResponse open_events(Services& services, Exchange& exchange) {
    const QueryString query(exchange.request.query);
    live::LiveClient client{.peer = {},
                            .format = live::Format::server_sent_events,
                            .user_id = exchange.user.id,
                            .key_hash = sha256(*exchange.request.header("x-api-key")),
                            .tickers = {},
                            .watching = {},
                            .last_event_id = {}};
    if (const auto text = query.find("tickers")) {
        auto tickers = parse_tickers(*text, services.stream_tickers);
        if (!tickers) {
            const Issue issue{{"query", "tickers"}, tickers.error(), "enum"};
            return validation_response({&issue, 1});
        }
        client.tickers = std::move(*tickers);
    }
    if (const std::string* last = exchange.request.header("last-event-id")) {
        client.last_event_id = last->substr(0, max_event_id + 1);
    }
    std::shared_ptr<void> place;
    if (!take_place(services, exchange, place)) return unavailable(too_many_streams, 60);
    net::ServerResponse response;
    response.content_type = "text/event-stream";
    // Buffering proxies would delay events.
    response.headers.emplace_back("X-Accel-Buffering", "no");
    response.stream = [&live = *services.live, client, place](const std::shared_ptr<net::StreamPeer>& peer) {
        static const auto greeting = std::make_shared<const std::string>("retry: 2000\n\n");
        peer->send(greeting);
        live::LiveClient joining = client;
        joining.peer = peer;
        const live::Live::ClientId id = live.add(std::move(joining));
        return [&live, id, place] { live.remove(id); };
    };
    return response;
}

}  // namespace pricewire::api
