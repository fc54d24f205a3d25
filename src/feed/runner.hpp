#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/log.hpp"
#include "base/mutex.hpp"
#include "feed/feed.hpp"

namespace pricewire::feed {

// An answer under status 200 to a request for prices.
struct OverheardAnswer {
    std::string_view url;
    std::string_view body;
    Moment asked_at;
};

using OnQuotes = std::function<void(std::span<const Quote>)>;

// What a feed's runners share; all of it outlives them.
struct Surroundings {
    net::EventLoop& loop;
    net::HttpClient& http;
    const Clock& clock;
    const FeedOptions& options;
    const OnQuotes& on_quotes;
    Neighbours& neighbours;
};

// One session with its sockets, requests and timer. The loop's thread, except status().
class Runner {
public:
    // `pace` outlives it. `answered` is called with each answer to a request for prices.
    Runner(const Surroundings& around, const SourceOptions& source, std::unique_ptr<Venue> venue,
           const SessionOptions& session, Pace& pace,
           std::function<void(const Runner&, const OverheardAnswer&)> answered);
    ~Runner();
    Runner(const Runner&) = delete;
    Runner& operator=(const Runner&) = delete;

    void start();
    void stop();
    void watch(const Instrument& instrument) { act(session_.watch(instrument, now())); }
    void unwatch(Ticker ticker) { act(session_.unwatch(ticker, now())); }
    void overhear(const OverheardAnswer& answer) {
        act(session_.overheard(answer.url, answer.body, answer.asked_at, now()));
    }
    bool has_room() const { return session_.has_room(); }
    bool is_empty() const { return session_.watched() == 0; }

    // A running session always has a timer. One that has lost it by a failure gets the next one here.
    void revive() {
        if (session_.is_running() && !timer_) act(session_.timer(now()));
    }

    SourceStatus status() const;
    std::optional<Timestamp> heard(Ticker ticker) const { return session_.heard(ticker, now()); }

private:
    Moment now() const { return around_.clock.moment(); }
    const VenueType& type() const { return venue_->type(); }

    void act(Session::Actions actions);
    void unopened(int stream, std::string why);
    void unasked(std::uint64_t request, std::string why);

    void run(const OpenStream& open);
    void run(const AskAddress& ask);
    void run(const SendText& send);
    void run(const SendPing& ping);
    void run(const CloseStream& close) { forget(close.stream); }
    void run(const StartRequest& start);
    void run(const SetTimer& set);
    void run(const PublishQuotes& publish);
    void run(const LogLine& line);
    void run(const ReportStatus& report);

    net::HttpRequest request_to(const std::string& url) const;
    template <typename Take>
    void fetch(net::HttpRequest request, Take take);
    void take_answer(const StartRequest& request, Moment asked_at, const net::HttpResult& result);
    void forget(int stream);
    void tap(int stream, bool is_out, std::string_view bytes, Moment at, bool is_binary = false);
    void hide_token(std::string_view url);

    const Surroundings around_;
    const std::unique_ptr<Venue> venue_;
    const std::string api_key_;
    const std::string key_header_;  // empty: no key is sent
    const std::function<void(const Runner&, const OverheardAnswer&)> answered_;
    Rng rng_;
    Session session_;
    std::map<int, std::unique_ptr<net::WsClient>> streams_;
    std::map<int, std::uint64_t> connections_;  // the tap's numbers of streams, if there is one
    std::optional<net::EventLoop::TimerId> timer_;
    std::atomic<std::int64_t> last_quote_at_ = 0;
    log::LineBudget failures_{"failed steps", 1};
    mutable Mutex status_mutex_;
    SourceStatus status_ GUARDED_BY(status_mutex_);
    // Answers that arrive after the end find it expired.
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace pricewire::feed
