#include "feed/feed.hpp"

#include <algorithm>
#include <mutex>
#include <random>
#include <utility>

#include "base/log.hpp"

namespace pricewire {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t max_rest_body = 1024 * 1024;
constexpr std::size_t max_refusal_body = 4096;
// A ticker without a quote this long is asked for by REST beside a stream that speaks of others.
constexpr Duration quiet_after = 7s;

class SourceRunner {
public:
    SourceRunner(net::EventLoop& loop, net::HttpClient& http, const Clock& clock, const FeedOptions& options,
                 FeedSource source, const std::function<void(std::span<const Quote>)>& on_quotes)
        : loop_(loop),
          http_(http),
          clock_(clock),
          options_(options),
          on_quotes_(on_quotes),
          venue_(std::move(source.venue)),
          tickers_(std::move(source.tickers)),
          session_({.name = std::string(venue_->name().view()),
                    .has_stream = venue_->stream_url().has_value(),
                    .poll_interval = source.poll_interval,
                    .silence = options.silence},
                   Rng(std::random_device{}())) {
        status_.name = venue_->name();
    }

    ~SourceRunner() {
        alive_.reset();
        if (timer_) loop_.cancel(*timer_);
    }
    SourceRunner(const SourceRunner&) = delete;
    SourceRunner& operator=(const SourceRunner&) = delete;

    void start() {
        for (const Ticker ticker : tickers_) last_stream_quote_[ticker] = clock_.mono();
        step([&](auto& out) { session_.start(now(), out); });
        look_for_quiet_tickers();
    }

    void stop() {
        step([&](auto& out) { session_.stop(out); });
    }

    SourceStatus status() const {
        std::lock_guard lock(status_mutex_);
        return status_;
    }

private:
    Session::Now now() const { return {clock_.mono(), clock_.now()}; }

    // Lets the session take an event, does what it wants, and sets the timer anew.
    template <typename F>
    void step(F&& event) {
        actions_.clear();
        event(actions_);
        for (std::size_t i = 0; i < actions_.size(); ++i) {
            std::visit([this](const auto& action) { this->act(action); }, actions_[i]);
        }
        set_timer();
        publish_status();
    }

    void act(const Connect&) {
        stream_ = options_.open_websocket(
            loop_, {.url = *venue_->stream_url()},
            {.on_open =
                 [this] {
                     step([&](auto& out) { session_.on_open(now(), out); });
                     for (std::string& message : venue_->subscribe_messages())
                         stream_->send_text(std::move(message));
                 },
             .on_text = [this](std::string_view frame) { on_frame(frame); },
             .on_ping = {},
             .on_closed =
                 [this](const net::WsClosed& closed) {
                     step([&](auto& out) {
                         session_.on_closed(
                             {closed.http_status, closed.retry_after, closed.body, closed.reason}, now(),
                             out);
                     });
                 }});
    }
    void act(const Disconnect&) { stream_.reset(); }
    void act(const SendPing&) {
        if (stream_) stream_->send_ping();
    }
    void act(const LogLine& line) { log::write(line.level, line.text); }
    void act(const Poll&) {
        net::HttpRequest request;
        request.url = venue_->rest_url();
        request.headers.emplace_back("Accept", "application/json");
        request.timeout = 10s;
        request.max_response_bytes = max_rest_body;
        const MonoTime asked = clock_.mono();
        http_.start(std::move(request),
                    [this, asked, alive = std::weak_ptr<int>(alive_)](net::HttpResult result) mutable {
                        loop_.post([this, asked, alive = std::move(alive), r = std::move(result)]() mutable {
                            if (alive.lock()) on_rest(std::move(r), asked);
                        });
                    });
    }

    void on_frame(std::string_view frame) {
        quotes_.clear();
        const Session::Now at = now();
        const Parsed parsed = venue_->parse_frame(frame, at.wall, quotes_);
        for (const Quote& quote : quotes_) last_stream_quote_[quote.ticker] = at.mono;
        if (parsed.kind == Parsed::Kind::quotes && session_.state() == SourceState::streaming) {
            // The way of nearly every frame: nothing to decide.
            actions_.clear();
            session_.on_frame(parsed, at, actions_);
        } else {
            step([&](auto& out) { session_.on_frame(parsed, at, out); });
        }
        if (!quotes_.empty()) hand_on(at.wall);
    }

    void on_rest(net::HttpResult result, MonoTime asked) {
        quotes_.clear();
        PollResult poll;
        poll.status = result.status;
        poll.reason = result.error_text;
        if (const std::string* header = result.header("retry-after")) poll.retry_after = *header;
        if (result.truncated) {
            poll.parsed = {Parsed::Kind::bad, "its answer is larger than 1 MiB", 0};
        } else if (result.status == 200) {
            poll.parsed = venue_->parse_rest(result.body, clock_.now(), quotes_);
        } else if (result.status != 0) {
            // The venue's own words say more than the status; prices under an error status are none.
            poll.parsed = venue_->parse_rest(result.body, clock_.now(), quotes_);
            quotes_.clear();
        }
        if (poll.parsed.kind != Parsed::Kind::quotes) poll.body = result.body.substr(0, max_refusal_body);
        // An answer that was made before the stream's last trade would be a step back in time.
        std::erase_if(quotes_, [&](const Quote& quote) {
            const auto last = last_stream_quote_.find(quote.ticker);
            return venue_->stream_url() && last != last_stream_quote_.end() && last->second > asked;
        });
        step([&](auto& out) { session_.on_poll_result(poll, now(), out); });
        if (!quotes_.empty()) hand_on(clock_.now());
    }

    void hand_on(Timestamp at) {
        last_quote_at_ = at;
        on_quotes_(quotes_);
    }

    void look_for_quiet_tickers() {
        if (!venue_->stream_url()) {
            loop_.after(1s, [this, alive = std::weak_ptr<int>(alive_)] {
                if (!alive.lock()) return;
                publish_status();
                look_for_quiet_tickers();
            });
            return;
        }
        const MonoTime mono = clock_.mono();
        const bool quiet = std::any_of(last_stream_quote_.begin(), last_stream_quote_.end(),
                                       [&](const auto& last) { return mono - last.second > quiet_after; });
        step([&](auto& out) { session_.set_quiet_ticker(quiet, now(), out); });
        loop_.after(1s, [this, alive = std::weak_ptr<int>(alive_)] {
            if (alive.lock()) look_for_quiet_tickers();
        });
    }

    void set_timer() {
        const MonoTime at = session_.next_wakeup();
        if (timer_ && timer_at_ == at) return;
        if (timer_) loop_.cancel(*std::exchange(timer_, std::nullopt));
        if (at == MonoTime::max()) return;
        timer_at_ = at;
        const auto wait =
            std::chrono::ceil<Duration>(std::max(at - clock_.mono(), MonoTime::duration::zero()));
        timer_ = loop_.after(wait, [this] {
            timer_.reset();
            step([&](auto& out) { session_.on_timer(now(), out); });
        });
    }

    void publish_status() {
        std::lock_guard lock(status_mutex_);
        status_.state = session_.state();
        status_.detail = session_.detail();
        status_.last_quote_at = last_quote_at_;
    }

    net::EventLoop& loop_;
    net::HttpClient& http_;
    const Clock& clock_;
    const FeedOptions& options_;
    const std::function<void(std::span<const Quote>)>& on_quotes_;
    std::unique_ptr<Venue> venue_;
    std::vector<Ticker> tickers_;
    Session session_;
    std::unique_ptr<net::WsClient> stream_;
    Session::Actions actions_;
    std::vector<Quote> quotes_;
    std::map<Ticker, MonoTime> last_stream_quote_;
    std::optional<Timestamp> last_quote_at_;
    std::optional<net::EventLoop::TimerId> timer_;
    MonoTime timer_at_{};
    // Answers and timers that come after the end find it gone.
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
    mutable std::mutex status_mutex_;
    SourceStatus status_;
};

class FeedImpl final : public Feed {
public:
    FeedImpl(net::EventLoop& loop, net::HttpClient& http, const Clock& clock, FeedOptions options,
             std::function<void(std::span<const Quote>)> on_quotes)
        : options_(std::move(options)), on_quotes_(std::move(on_quotes)) {
        for (FeedSource& source : options_.sources) {
            runners_.push_back(
                std::make_unique<SourceRunner>(loop, http, clock, options_, std::move(source), on_quotes_));
        }
    }
    void start() override {
        for (auto& runner : runners_) runner->start();
    }
    void stop() override {
        for (auto& runner : runners_) runner->stop();
    }
    std::vector<SourceStatus> statuses() const override {
        std::vector<SourceStatus> out;
        for (const auto& runner : runners_) out.push_back(runner->status());
        return out;
    }

private:
    FeedOptions options_;
    const std::function<void(std::span<const Quote>)> on_quotes_;
    std::vector<std::unique_ptr<SourceRunner>> runners_;
};

}  // namespace

std::unique_ptr<Feed> create_feed(net::EventLoop& loop, net::HttpClient& http, const Clock& clock,
                                  FeedOptions options,
                                  std::function<void(std::span<const Quote>)> on_quotes) {
    return std::make_unique<FeedImpl>(loop, http, clock, std::move(options), std::move(on_quotes));
}

}  // namespace pricewire
