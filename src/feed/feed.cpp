#include "feed/feed.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <random>
#include <stdexcept>
#include <utility>

#include "base/log.hpp"
#include "base/mutex.hpp"
#include "base/text.hpp"

namespace pricewire::feed {
namespace {

using namespace std::chrono_literals;

constexpr Duration answer_timeout = 10s;
// Between the starts of one source's sessions. Bitfinex takes 20 connections a minute.
constexpr Duration apart = 3s;
constexpr Duration watch_every = 5s;

using OnQuotes = std::function<void(std::span<const Quote>)>;

// One session with its sockets, requests and timer. The loop's thread, except status().
class Runner {
public:
    Runner(net::EventLoop& loop, net::HttpClient& http, const Clock& clock, const FeedOptions& options,
           const SourceOptions& source, std::unique_ptr<Venue> venue, const SessionOptions& session,
           Neighbours& neighbours, const OnQuotes& on_quotes)
        : loop_(loop),
          http_(http),
          clock_(clock),
          options_(options),
          on_quotes_(on_quotes),
          venue_(std::move(venue)),
          api_key_(source.api_key),
          key_header_(api_key_.empty() || venue_->type().rest.key_header == nullptr
                          ? std::string_view()
                          : venue_->type().rest.key_header(source.rest_url)),
          rng_(std::random_device{}()),
          session_(*venue_, session, rng_, &neighbours),
          status_(session_.status()) {}
    ~Runner() {
        if (timer_) loop_.cancel(*timer_);
    }
    Runner(const Runner&) = delete;
    Runner& operator=(const Runner&) = delete;

    void start() {
        if (options_.tap != nullptr) options_.tap->hide(api_key_);
        act(session_.start(now()));
    }
    void stop() {
        act(session_.stop(now()));
        if (timer_) loop_.cancel(*std::exchange(timer_, std::nullopt));
    }

    // A running session always has a timer. One that has lost it by a failure gets the next one here.
    void watch() {
        if (session_.is_running() && !timer_) act(session_.timer(now()));
    }

    SourceStatus status() const {
        SourceStatus copy;
        {
            MutexLock lock(status_mutex_);
            copy = status_;
        }
        if (const std::int64_t at = last_quote_at_.load(std::memory_order_relaxed); at != 0) {
            copy.last_quote_at = from_micros(at);
        }
        for (std::size_t kind = 0; kind < parse_error_kinds; ++kind) {
            copy.left_out[kind] = session_.left_out(static_cast<ParseError::Kind>(kind));
        }
        copy.lost_trades = session_.lost_trades();
        copy.lost_frames = session_.lost_frames();
        copy.connections = session_.connections();
        return copy;
    }

private:
    Moment now() const { return clock_.moment(); }

    // One that fails must not take the others with it, the timer above all.
    void act(Session::Actions actions) {
        for (const Action& action : actions) {
            try {
                std::visit([this](const auto& a) { this->run(a); }, action);
            } catch (const std::exception& e) {
                if (failures_.take(clock_.mono())) {
                    log::error("a source's step failed; the source continues",
                               {{"source", std::string(venue_->type().name.view())}, {"reason", e.what()}});
                }
                if (const auto* open = std::get_if<OpenStream>(&action)) unopened(open->stream, e.what());
                if (const auto* ask = std::get_if<AskAddress>(&action)) unopened(ask->stream, e.what());
                if (const auto* start = std::get_if<StartRequest>(&action)) unasked(start->request, e.what());
            }
        }
    }
    void unopened(int stream, std::string why) {
        loop_.post([this, alive = std::weak_ptr<int>(alive_), stream, why = std::move(why)] {
            if (alive.lock()) act(session_.stream_closed(stream, {.reason = why}, now()));
        });
    }
    void unasked(std::uint64_t request, std::string why) {
        loop_.post([this, alive = std::weak_ptr<int>(alive_), request, why = std::move(why)] {
            net::HttpResult result;
            result.error = net::HttpError::connect;
            result.error_text = why;
            if (alive.lock()) act(session_.answered(request, result, now()));
        });
    }

    void run(const OpenStream& open) {
        const int id = open.stream;
        net::WsClientHandler handler;
        handler.on_open = [this, id] { act(session_.stream_opened(id, now())); };
        if (options_.tap != nullptr) {
            hide_token(open.url);
            connections_[id] = options_.tap->connected(venue_->type().name);
        }
        handler.on_text = [this, id](std::string_view text) {
            const Moment at = now();
            tap(id, false, text, at);
            act(session_.stream_text(id, text, at));
        };
        handler.on_binary = [this, id](std::string_view bytes) {
            const Moment at = now();
            tap(id, false, bytes, at, true);
            act(session_.stream_binary(id, bytes, at));
        };
        handler.on_ping = [this, id] { act(session_.stream_ping(id, now())); };
        handler.on_closed = [this, id](const net::WsClosed& closed) {
            forget(id);
            act(session_.stream_closed(id, closed, now()));
        };
        net::WsClientOptions ws;
        ws.url = open.url;
        ws.verify_tls = options_.verify_tls;
        ws.ca_file = options_.ca_file;
        streams_[id] = options_.open_websocket(loop_, ws, std::move(handler));
    }
    void run(const AskAddress& ask) {
        net::HttpRequest request = request_to(ask.url);
        if (ask.post) request.method = "POST";
        fetch(std::move(request), [this, id = ask.stream](const net::HttpResult& result) {
            act(session_.address_answered(id, result, now()));
        });
    }
    void run(const SendText& send) {
        const auto found = streams_.find(send.stream);
        if (found == streams_.end()) return;
        tap(send.stream, true, send.text, now());
        found->second->send_text(send.text);
    }
    void run(const SendPing& ping) {
        if (const auto found = streams_.find(ping.stream); found != streams_.end())
            found->second->send_ping();
    }
    void run(const CloseStream& close) { forget(close.stream); }
    void run(const StartRequest& start) {
        net::HttpRequest request = request_to(start.url);
        if (!key_header_.empty()) request.headers.emplace_back(key_header_, api_key_);
        fetch(std::move(request),
              [this, id = start.request](const net::HttpResult& result) { take_answer(id, result); });
        if (venue_->type().stream.url.empty()) tap(0, true, start.url, now());
    }
    net::HttpRequest request_to(const std::string& url) const {
        net::HttpRequest request;
        request.url = url;
        request.headers.emplace_back("Accept", "application/json");
        request.timeout = answer_timeout;
        request.max_response_bytes = venue_->type().rest.max_answer;
        request.verify_tls = options_.verify_tls;
        return request;
    }
    // `take` gets the answer on the loop's thread, unless the runner is gone by then.
    template <typename Take>
    void fetch(net::HttpRequest request, Take take) {
        http_.start(std::move(request), [&loop = loop_, take,
                                         alive = std::weak_ptr<int>(alive_)](net::HttpResult result) mutable {
            loop.post([take, alive = std::move(alive), r = std::move(result)] {
                if (alive.lock()) take(r);
            });
        });
    }
    void take_answer(std::uint64_t request, const net::HttpResult& result) {
        const Moment at = now();
        // Answers are the frames of a venue that has no stream.
        if (venue_->type().stream.url.empty() && result.status == 200) tap(0, false, result.body, at);
        act(session_.answered(request, result, at));
    }
    void run(const SetTimer& set) {
        if (timer_) loop_.cancel(*timer_);
        const auto wait = std::max<Duration>(std::chrono::ceil<Duration>(set.at - clock_.mono()), 0s);
        timer_ = loop_.after(wait, [this] {
            timer_.reset();
            act(session_.timer(now()));
        });
    }
    void run(const PublishQuotes& publish) {
        if (const auto at = session_.status().last_quote_at)
            last_quote_at_.store(to_micros(*at), std::memory_order_relaxed);
        on_quotes_(publish.quotes);
    }
    void run(const LogLine& line) {
        if (line.reason.empty()) {
            log::write(line.level, line.message);
        } else {
            log::write(line.level, line.message, {{"reason", line.reason}});
        }
    }
    void run(const ReportStatus& report) {
        MutexLock lock(status_mutex_);
        status_ = report.status;
    }

    void forget(int stream) {
        streams_.erase(stream);
        connections_.erase(stream);
    }

    void tap(int stream, bool is_out, std::string_view bytes, Moment at, bool is_binary = false) {
        if (options_.tap == nullptr) return;
        const auto found = connections_.find(stream);
        options_.tap->pass({.venue = venue_->type().name,
                            .connection = found == connections_.end() ? 1 : found->second,
                            .is_out = is_out,
                            .is_binary = is_binary,
                            .bytes = bytes,
                            .at = at.wall});
    }
    // In an address that the venue hands out.
    void hide_token(std::string_view url) {
        if (!venue_->address_request()) return;
        take_part(url, '?');
        for (const std::string_view item : split_list(url, '&')) {
            const std::string_view value = item.substr(item.find('=') + 1);
            options_.tap->hide(std::string(value));
            options_.tap->hide(percent_decode(value));
        }
    }

    net::EventLoop& loop_;
    net::HttpClient& http_;
    const Clock& clock_;
    const FeedOptions& options_;
    const OnQuotes& on_quotes_;
    std::unique_ptr<Venue> venue_;
    const std::string api_key_;
    const std::string key_header_;  // empty: no key is sent
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

struct Source {
    SourceStatus without_sessions;  // its status if there are none
    std::vector<std::unique_ptr<Runner>> runners;
};

int badness(SourceState state) {
    switch (state) {
        case SourceState::streaming:
            return 0;
        case SourceState::polling:
            return 1;
        case SourceState::polling_fallback:
            return 2;
        case SourceState::disabled:
        case SourceState::idle:
            return 3;
        case SourceState::starting:
        case SourceState::connecting:
            return 4;
        case SourceState::silent:
            return 5;
        case SourceState::maintenance:
            return 6;
        case SourceState::refused:
            return 7;
        case SourceState::unavailable_here:
            return 8;
    }
    return 9;
}

struct Instruments {
    std::vector<Instrument> list;
    std::string unnamed;  // tickers without a symbol at the source
};

bool is_in_dollars(const VenueType& type, std::string_view symbol) {
    return type.currency_of == nullptr || type.currency_of(symbol) == Currency("USD");
}

Result<Instruments> instruments_of(const VenueType& type, const SourceOptions& options,
                                   std::span<const Ticker> tickers, std::span<const Ticker> references = {}) {
    Instruments found;
    std::map<std::string, Ticker> taken;
    for (const Ticker ticker : tickers) {
        const auto named = options.symbols.find(std::string(ticker.view()));
        const auto symbol = named == options.symbols.end() ? type.symbol_of(ticker) : named->second;
        if (!symbol) {
            found.unnamed += (found.unnamed.empty() ? "" : ", ") + std::string(ticker.view());
            continue;
        }
        if (!type.is_symbol(*symbol)) {
            return fail(fmt::format("market.symbols: '{}' is not a valid symbol of {} at {}", *symbol,
                                    ticker.view(), options.name));
        }
        if (const auto [other, fresh] = taken.emplace(*symbol, ticker); !fresh) {
            return fail(fmt::format("market.symbols: {} and {} have the same symbol '{}' at {}",
                                    other->second.view(), ticker.view(), *symbol, options.name));
        }
        found.list.push_back({ticker, *symbol});
    }
    for (const Ticker ticker : references) {
        if (std::ranges::find(tickers, ticker) != tickers.end()) continue;
        const auto symbol = type.symbol_of(ticker);
        if (symbol && type.is_symbol(*symbol) && is_in_dollars(type, *symbol) &&
            taken.emplace(*symbol, ticker).second)
            found.list.push_back({ticker, *symbol});
    }
    return found;
}

class FeedImpl final : public Feed {
public:
    FeedImpl(net::EventLoop& loop, net::HttpClient& http, const Clock& clock, FeedOptions options,
             OnQuotes on_quotes)
        : loop_(loop),
          http_(http),
          clock_(clock),
          options_(std::move(options)),
          on_quotes_(std::move(on_quotes)) {
        for (const SourceOptions& source : options_.sources) add(source);
    }
    ~FeedImpl() override {
        if (watch_) loop_.cancel(*watch_);
    }

    void add(const SourceOptions& options) {
        const VenueType& type = *find_venue_type(options.name, options_.venues);
        Source source;
        source.without_sessions.name = type.name;
        source.without_sessions.since = clock_.now();
        source.without_sessions.state = SourceState::disabled;
        source.without_sessions.detail = "switched off";
        if (options.enabled) {
            source.without_sessions.state = SourceState::idle;
            const auto [instruments, unnamed] =
                instruments_of(type, options, options_.tickers, options_.references).value();
            if (!unnamed.empty()) {
                log::warn(
                    fmt::format("{} has no symbol for {}: set one in market.symbols", options.name, unnamed));
            }
            source.without_sessions.detail =
                instruments.empty() ? "no symbol for any ticker" : "neither a stream nor REST is configured";
            if (!options.ws_url.empty() || !options.rest_url.empty())
                add_runners(type, options, instruments, source);
        }
        sources_.push_back(std::move(source));
    }

    void start() override {
        watch_ = loop_.every(watch_every, "watching the sources", [this] {
            for (auto& source : sources_) {
                for (auto& runner : source.runners) runner->watch();
            }
        });
        for (auto& source : sources_) {
            for (auto& runner : source.runners) runner->start();
        }
    }
    void stop() override {
        if (watch_) loop_.cancel(*std::exchange(watch_, std::nullopt));
        for (auto& source : sources_) {
            for (auto& runner : source.runners) runner->stop();
        }
    }
    void watch(Ticker, std::span<const FoundAt>) override {}
    void unwatch(Ticker) override {}
    std::vector<SourceStatus> statuses() const override {
        std::vector<SourceStatus> out;
        for (const auto& source : sources_) {
            std::optional<SourceStatus> worst;
            std::optional<Timestamp> last;
            std::array<std::uint64_t, parse_error_kinds> left_out{};
            std::uint64_t lost_trades = 0;
            std::uint64_t lost_frames = 0;
            std::uint64_t connections = 0;
            for (const auto& runner : source.runners) {
                SourceStatus status = runner->status();
                lost_trades += status.lost_trades;
                lost_frames += status.lost_frames;
                connections += status.connections;
                last = std::max(last, status.last_quote_at);
                for (std::size_t kind = 0; kind < parse_error_kinds; ++kind) {
                    left_out[kind] += status.left_out[kind];
                }
                if (!worst || badness(status.state) > badness(worst->state)) worst = std::move(status);
            }
            out.push_back(worst ? std::move(*worst) : source.without_sessions);
            out.back().last_quote_at = last;
            out.back().left_out = left_out;
            out.back().lost_trades = lost_trades;
            out.back().lost_frames = lost_frames;
            out.back().connections = connections;
        }
        return out;
    }

private:
    void add_runners(const VenueType& type, const SourceOptions& options,
                     std::span<const Instrument> instruments, Source& source) {
        SessionOptions session = options_.session;
        session.poll_interval = options.poll_interval;
        while (!instruments.empty()) {
            const auto part = instruments.first(std::min(type.stream.max_instruments, instruments.size()));
            instruments = instruments.subspan(part.size());
            session.start_after = apart * static_cast<int>(source.runners.size());
            source.runners.push_back(std::make_unique<Runner>(
                loop_, http_, clock_, options_, options,
                type.create({part.begin(), part.end()}, {options.ws_url, without_slash(options.rest_url)}),
                session, neighbours_, on_quotes_));
        }
    }

    static std::string without_slash(std::string url) {
        while (url.ends_with('/')) url.pop_back();
        return url;
    }

    net::EventLoop& loop_;
    net::HttpClient& http_;
    const Clock& clock_;
    const FeedOptions options_;
    const OnQuotes on_quotes_;
    Neighbours neighbours_;
    std::vector<Source> sources_;
    std::optional<net::EventLoop::TimerId> watch_;
};

}  // namespace

std::vector<Ticker> tickers_with_a_source(const FeedOptions& options) {
    std::vector<Ticker> out;
    for (const Ticker ticker : options.tickers) {
        const auto has_it = [&](const SourceOptions& source) {
            const VenueType* type = find_venue_type(source.name, options.venues);
            return source.enabled && type != nullptr && !(source.ws_url.empty() && source.rest_url.empty()) &&
                   (source.symbols.contains(std::string(ticker.view())) || type->symbol_of(ticker));
        };
        if (std::ranges::any_of(options.sources, has_it)) out.push_back(ticker);
    }
    return out;
}

std::vector<std::string> wrong_options(const FeedOptions& options) {
    std::vector<std::string> wrong;
    for (const SourceOptions& source : options.sources) {
        const VenueType* type = find_venue_type(source.name, options.venues);
        if (type == nullptr) {
            wrong.push_back(fmt::format("there is no source '{}'", source.name));
        } else if (const auto found = instruments_of(*type, source, options.tickers); !found) {
            wrong.push_back(found.error().message);
        }
    }
    return wrong;
}

std::unique_ptr<Feed> create_feed(net::EventLoop& loop, net::HttpClient& http, const Clock& clock,
                                  FeedOptions options,
                                  std::function<void(std::span<const Quote>)> on_quotes) {
    if (const auto wrong = wrong_options(options); !wrong.empty()) throw std::invalid_argument(wrong.front());
    return std::make_unique<FeedImpl>(loop, http, clock, std::move(options), std::move(on_quotes));
}

}  // namespace pricewire::feed
