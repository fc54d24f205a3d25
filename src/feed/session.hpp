#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/backoff.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "feed/venue.hpp"

namespace pricewire {

struct SessionOptions {
    std::string name;  // of the source, for the log
    bool has_stream = true;
    Duration poll_interval = std::chrono::seconds{5};  // of REST, while it is needed
    Duration silence = std::chrono::seconds{15};       // a stream without quotes this long is given up
    Duration healthy = std::chrono::seconds{60};  // a connection that lasted this long resets the back-off
    Duration lifetime =
        std::chrono::hours{24} - std::chrono::minutes{10};  // renewed before the venue cuts it at 24 h
    BackoffPolicy backoff{std::chrono::seconds{1}, std::chrono::seconds{60}};
    BackoffPolicy poll_backoff{std::chrono::seconds{5}, std::chrono::minutes{10}};
};

// What the session wants done.
struct Connect {};
struct Disconnect {};
struct SendPing {};
struct Poll {};
struct LogLine {
    log::Level level;
    std::string text;
};
using Action = std::variant<Connect, Disconnect, SendPing, Poll, LogLine>;

enum class SourceState { connecting, streaming, fallback, polling, refused, failing, stopped };
std::string_view to_string(SourceState s);

// How the stream, or an attempt to open it, ended.
struct StreamEnd {
    int http_status = 0;  // where the upgrade was refused
    std::string retry_after;
    std::string body;
    std::string reason;
};
// What a REST request came to.
struct PollResult {
    int status = 0;  // 0: no answer
    std::string retry_after;
    std::string body;    // beginning of it, where it was no success
    Parsed parsed;       // where status is 200
    std::string reason;  // where there is no answer
};

// The life of one source's connection: connect, subscribe, keep-alive, silence, back-off, refusals, planned
// renewal, and REST while the stream says nothing. No socket and no clock: events and the time go in, actions
// come out. One thread. Log lines are made once per change, not per try.
class Session {
public:
    Session(SessionOptions options, Rng rng) : options_(std::move(options)), rng_(rng) {}

    using Actions = std::vector<Action>;
    struct Now {
        MonoTime mono;
        Timestamp wall;
    };

    void start(Now now, Actions& out);
    void on_open(Now now, Actions& out);
    void on_frame(const Parsed& parsed, Now now, Actions& out);
    void on_closed(const StreamEnd& end, Now now, Actions& out);
    void on_poll_result(const PollResult& result, Now now, Actions& out);
    // Some ticker has had no quote for long, though others have: REST is asked beside the stream.
    void set_quiet_ticker(bool quiet, Now now, Actions& out);
    // At next_wakeup() or any time.
    void on_timer(Now now, Actions& out);
    void stop(Actions& out);

    // When to call on_timer() at the latest.
    MonoTime next_wakeup() const;
    SourceState state() const { return state_; }
    // One plain sentence about the state; may be empty.
    const std::string& detail() const { return detail_; }

private:
    enum class Stream { none, waiting, connecting, open };

    bool stream_delivers(MonoTime now) const;
    MonoTime polling_needed_at() const;
    void wait_for_stream(Duration wait, MonoTime now);
    void poll_if_due(Now now, Actions& out);
    void become(SourceState state, std::string detail, log::Level level, std::string text, Actions& out);

    SessionOptions options_;
    Rng rng_;
    Stream stream_ = Stream::none;
    bool stopped_ = true;
    bool polling_ = false;  // a request is under way
    bool quiet_ticker_ = false;
    bool pinged_ = false;
    bool bad_frames_logged_ = false;
    int failures_ = 0;
    int poll_failures_ = 0;
    MonoTime opened_at_{};
    MonoTime last_data_{};
    MonoTime retry_at_{};
    MonoTime renew_at_{};
    MonoTime poll_at_{};
    SourceState state_ = SourceState::stopped;
    std::string detail_;
};

}  // namespace pricewire
