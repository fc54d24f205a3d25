#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/backoff.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/tally.hpp"
#include "feed/frame_reader.hpp"
#include "feed/hearing.hpp"
#include "feed/neighbours.hpp"
#include "feed/pace.hpp"
#include "feed/refusal.hpp"
#include "feed/status.hpp"
#include "feed/subscriptions.hpp"
#include "feed/venue.hpp"
#include "net/http_client.hpp"
#include "net/ws_client.hpp"

namespace pricewire::feed {

struct SessionOptions {
    using seconds = std::chrono::seconds;
    using minutes = std::chrono::minutes;

    Duration poll_interval = seconds{5};  // at least this between two REST requests
    Duration polls_apart = seconds{1};    // likewise between those of any two sessions of the source
    // Nobody may trade its tickers for minutes: an open stream without trades counts as deaf much later.
    bool may_be_thin = false;
    Duration start_after{};                // spreads the sessions of one source
    Duration quiet_after = seconds{10};    // a ticker without a trade for this long is requested by REST
    Duration fallback_grace = seconds{2};  // likewise all once the stream has been down for this long
    Duration healthy_after = seconds{30};  // a connection that worked for this long resets the back-off
    BackoffPolicy reconnect{seconds{1}, seconds{60}};
    // A symbol that was not acknowledged, or a subscribe message that came too fast, is sent again after this
    // long.
    Duration subscribe_again = minutes{5};
};

// What a session wants done. The session numbers its streams and requests.
struct OpenStream {
    int stream = 0;
    std::string url;  // not to be logged: it may hold a token
};
struct AskAddress {  // of stream `stream`; the answer comes by address_answered()
    int stream = 0;
    std::string url;
    bool post = false;
};
struct SendText {
    int stream = 0;
    std::string text;
};
struct SendPing {
    int stream = 0;
};
struct CloseStream {  // no more events of it are expected
    int stream = 0;
};
struct StartRequest {
    std::uint64_t request = 0;
    std::string url;
};
struct SetTimer {  // there is one timer: this replaces the last
    MonoTime at;
};
struct PublishQuotes {
    std::span<const Quote> quotes;  // valid until the session's next event
};
struct LogLine {
    log::Level level = log::Level::info;
    std::string message;
    std::string reason;  // from the venue or the network; may be empty
};
struct ReportStatus {
    SourceStatus status;
};
using Action = std::variant<OpenStream, AskAddress, SendText, SendPing, CloseStream, StartRequest, SetTimer,
                            PublishQuotes, LogLine, ReportStatus>;

// The state machine of one connection to a source: a stream of trades, REST where that brings nothing, back-off,
// refusals, silence and planned renewal. No socket, no clock and no thread: each event comes with the time at which it
// happened, and the call returns what is to be done, in order. session.cpp describes how it decides. All calls by one
// thread.
class Session {
public:
    // Valid until the next call.
    using Actions = std::span<const Action>;

    // All arguments by reference or pointer outlive it. Without neighbours it compares itself with no other source,
    // without a pace it waits for no other session of its own.
    Session(Venue& venue, SessionOptions options, Rng& rng, Neighbours* neighbours = nullptr,
            Pace* pace = nullptr);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    Actions start(Moment now);
    Actions address_answered(int stream, const net::HttpResult& result, Moment now);
    Actions stream_opened(int stream, Moment now);
    Actions stream_text(int stream, std::string_view text, Moment now);
    Actions stream_binary(int stream, std::string_view bytes, Moment now);
    Actions stream_ping(int stream, Moment now);  // a ping or a pong: a sign of life
    Actions stream_closed(int stream, const net::WsClosed& closed, Moment now);
    Actions answered(std::uint64_t request, const net::HttpResult& result, Moment now);
    // What another session of the source was answered under status 200, to a request sent at `asked_at`: taken if this
    // one would send the same now, since some venues answer for their whole market at once.
    Actions overheard(std::string_view url, std::string_view body, Moment asked_at, Moment now);
    Actions timer(Moment now);
    Actions stop(Moment now);

    // Before or after start(). One that is watched already is left as it is. There has to be room.
    Actions watch(const Instrument& instrument, Moment now);
    Actions unwatch(Ticker ticker, Moment now);
    // Whether one more instrument fits on the connection. One that has gone takes its place for some seconds, or where
    // the venue cannot unsubscribe it, until the connection is renewed.
    bool has_room() const { return by_ticker_.size() + gone_.size() < stream_type_.max_instruments; }
    std::size_t watched() const { return by_ticker_.size(); }

    bool is_running() const { return running_; }
    // Until when trades of the ticker would have come: the last sign of life of the connection while that carries it,
    // else now where REST works. nullopt: nothing brings them right now.
    std::optional<Timestamp> heard(Ticker ticker, Moment now) const;
    const SourceStatus& status() const { return status_; }
    // Frames and prices left out since the start.
    std::uint64_t refused_quotes() const { return refused_quotes_; }
    // Trades and frames that the venue's numbering shows to be missing, since the start. Any thread.
    std::uint64_t lost_trades() const { return lost_trades_.value(); }
    std::uint64_t lost_frames() const { return lost_frames_.value(); }
    // Connections opened since the start. Any thread.
    std::uint64_t connections() const { return connections_.value(); }
    // refused_quotes() by kind, including refused requests. Any thread.
    std::uint64_t left_out(ParseError::Kind kind) const {
        return left_out_[static_cast<std::size_t>(kind)].value();
    }

private:
    // A place is free again after this long, if nothing names it any more.
    static constexpr Duration place_kept_for = std::chrono::seconds{20};
    // A connection that has instruments which cannot be unsubscribed is replaced after this long; until then their trades
    // are dropped.
    static constexpr Duration kept_for = std::chrono::minutes{10};

    struct Stream {
        int id = 0;
        std::string address;  // if the venue has handed it out: a secret
        std::unique_ptr<FrameReader> reader;
        Subscriptions subscriptions;
        bool open = false;
        bool ready = false;  // every symbol was answered for, or has had its time
        bool brought_quotes = false;
        bool garbled = false;  // the last frame made no sense
        MonoTime opened_at;
        MonoTime last_sign;   // of life
        MonoTime last_quote;  // or opened_at
        MonoTime last_ping;
        MonoTime renew_at;
        bool is_leaving = false;        // the venue is about to end it
        bool may_send = false;          // the venue has greeted, or does not
        bool has_sent_opening = false;  // message
        // Found by asking for halves of a refused message, with the venue's words; not said yet.
        std::vector<SymbolRefused> found;
    };
    struct Line {
        Ticker ticker;
        bool is_watched = true;  // false: it has gone, or its place is free
        MonoTime ask_at;         // by REST, unless the stream brings a trade before
        MonoTime last_trade;     // by stream
        bool reported_missing = false;
        bool unknown = false;         // the venue refuses requests for it
        std::string refusal;          // its words
        bool stream_refused = false;  // likewise its stream; logged already
        Hearing hearing;
        TradedElsewhere::Seat seat;
    };
    struct Request {
        std::uint64_t id = 0;
        MonoTime started;
        Timestamp started_wall;
        std::vector<std::size_t> asked;
    };
    // Why the stream or REST does not work at the moment.
    struct Trouble {
        std::string why;
        std::optional<Timestamp> refused_until;
        bool by_place = false;
        bool is_maintenance = false;
    };
    struct Condition {
        SourceState state = SourceState::connecting;
        std::string detail;
        std::optional<Timestamp> refused_until;
    };

    // The stream: session_stream.cpp
    void advance_stream(Moment now);
    void open_stream(std::optional<Stream>& slot);
    Stream* find_stream(int id);
    void end_stream(int id, std::optional<Refusal> refusal, std::string why, Moment now);
    void stream_refused(Refusal refusal, Moment now);
    void check_stream(Moment now);
    void fall_back(Moment now);
    void renew(Moment now);
    void take_over(Moment now);
    MonoTime next_ping(const Stream& stream) const;
    void lose_stream(Moment now, std::string why);
    MonoTime reshape_at() const;
    void enter_maintenance(Stream& stream, std::string why, Moment now);

    // Frames and what is subscribed: session_frames.cpp
    Actions take_frame(int id, std::string_view bytes, bool is_binary, Moment now);
    bool note_quotes(Stream& stream, Moment now);
    bool note_past(Moment now);
    std::string past_in_words() const;  // empty: its trades are of the present
    void take_events(int id, Moment now);
    void take_event(Stream& stream, const StreamEvent& event, Moment now);
    void subscribe(Stream& stream, Moment now);
    void unsubscribe(Stream& stream, Moment now);
    void report_unacknowledged(const std::vector<std::size_t>& missing, Moment now);
    void refuse_symbol(const SymbolRefused& refused, Moment now);
    void refuse_message(Stream& stream, const MessageRefused& refused, Moment now);
    void end_symbol_search(Stream& stream, Moment now);
    void check_hearing(Moment now);
    void cure(std::size_t instrument, Moment now);
    void schedule_reconnect(Moment now, bool was_healthy);
    void note_bad_frame(Stream& stream, std::string_view why, Moment now);
    void leave_out(ParseError::Kind kind, std::uint64_t n = 1) {
        left_out_[static_cast<std::size_t>(kind)].add(n);
    }
    bool is_healthy(const Stream& stream, Moment now) const;
    bool stream_brings_quotes(Moment now) const;
    Duration quiet_limit() const;
    Duration deaf_limit() const;

    // REST: session_poll.cpp
    void advance_poll(Moment now);
    std::vector<std::size_t> due_for_poll(Moment now) const;
    void take_answer(const Request& request, const net::HttpResult& result, Moment now);
    void take_prices(const Request& request, const Parsed& parsed, Moment now);
    void report_missing(const Request& request, const std::vector<bool>& came);
    void split_for_unknown(const Request& request, std::string_view why, Moment now);
    void end_search(std::string_view why, Moment now);
    void drop_search(Moment now);
    void say_found();
    std::string without_price() const;
    void poll_failed(std::string why, Moment now);
    void poll_refused(Refusal refusal, Moment now);
    MonoTime next_poll() const;

    // Instruments that come and go: session_instruments.cpp
    std::optional<std::size_t> index_of(Ticker ticker) const;  // nullopt: not watched
    void free_places(Moment now);
    bool is_in_use(std::size_t instrument) const;

    void advance(Moment now);
    Condition condition(Moment now) const;
    std::string remarks(Moment now) const;
    void update_status(Moment now);
    void say_change(SourceState state, Moment now);
    void arm(Moment now);
    void say(log::Level level, std::string message, std::string reason = {});
    // Logs it once until the source has recovered, or `again` has passed.
    void say_once(std::string key, Moment now, log::Level level, std::string message, std::string reason = {},
                  Duration again = std::chrono::hours{1});
    void publish(std::span<const Quote> quotes, Moment now);
    Duration jittered(Duration wait);
    std::string ticker_list() const;  // without those that the venue refuses
    std::string name() const { return std::string(venue_.type().name.view()); }
    Actions done() const { return actions_; }

    Venue& venue_;
    const StreamType& stream_type_;
    const SessionOptions options_;
    Rng& rng_;
    Neighbours* const neighbours_;  // may be null
    Pace* const pace_;              // likewise
    const bool has_stream_;
    const bool has_rest_;

    std::vector<Action> actions_;
    std::vector<Quote> quotes_;
    StreamOutput output_;
    bool running_ = false;
    MonoTime started_at_;

    int last_stream_ = 0;
    std::optional<Stream> stream_;
    std::optional<Stream> successor_;  // being opened to replace stream_
    int stream_failures_ = 0;
    int stream_refusals_ = 0;
    MonoTime reconnect_at_;        // if there is no stream_
    bool has_turn_ = false;        // to connect then
    bool was_maintained_ = false;  // and no connection has been healthy since
    std::optional<Trouble> stream_trouble_;
    // While each of its trades is too old to be the present: since when, and how old they are by our clock.
    std::optional<MonoTime> past_since_;
    std::optional<Duration> past_;
    LongestPause longest_pause_;          // of its trades, while a connection lives
    std::optional<MonoTime> renewed_at_;  // the last successor, for whatever reason
    // When the connection is to be renewed because no message can make it carry exactly what is watched.
    MonoTime reshape_at_ = MonoTime::max();
    MonoTime check_hearing_at_;
    MonoTime hearing_renewal_at_;  // not before this the next renewal for a deaf ticker

    std::vector<Line> lines_;             // as venue_.instruments()
    std::vector<std::size_t> by_ticker_;  // indexes of the watched of lines_, sorted by ticker
    struct Gone {
        std::size_t instrument = 0;
        MonoTime at;
    };
    std::vector<Gone> gone_;  // whose places are not free yet
    std::uint64_t last_request_ = 0;
    std::optional<Request> request_;
    // The search for the symbols for which the venue refuses requests: groups that hold one, the requests it
    // has made so far, and whether any of them was answered.
    std::deque<std::vector<std::size_t>> suspects_;
    int search_requests_ = 0;
    bool search_answered_ = false;
    std::vector<std::size_t> found_;  // by the search, and not said yet
    bool asked_refused_ = false;      // the last request was for one that had been refused
    MonoTime poll_allowed_at_;
    bool has_poll_turn_ = false;  // to ask then
    bool poll_works_ = false;
    int poll_failures_ = 0;
    int poll_refusals_ = 0;
    std::optional<Trouble> poll_trouble_;

    std::optional<MonoTime> armed_;
    SourceStatus status_;
    MonoTime state_since_;
    std::optional<MonoTime> last_quote_;
    bool announced_ = false;  // that prices arrive
    bool was_away_ = false;   // since then, and the recovery has not been logged
    std::vector<std::pair<std::string, MonoTime>> said_;
    std::uint64_t refused_quotes_ = 0;
    Tally lost_trades_;
    Tally lost_frames_;
    Tally connections_;
    std::array<Tally, parse_error_kinds> left_out_;
    std::uint64_t refused_unsaid_ = 0;
    log::AtMostEvery refused_lines_{std::chrono::minutes{1}};
};

}  // namespace pricewire::feed
