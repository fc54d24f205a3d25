#include "feed/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

// How a session decides
//
// Every event is noted, and then advance() looks at what is due: the stream's half in session_stream.cpp,
// REST's half in session_poll.cpp. The timer is set to the next moment at which something falls due if
// nothing happens until then; it may ring early, never late. A trade on a stream that is well takes none of
// this: it is parsed, its line notes the time, and it is published.
//
// REST is asked about single tickers, by one rule: a ticker has had no quote for `quiet_after`. So a stream
// that is silent is replaced before its last trades are too old to count, a stream that is gone is replaced
// after `fallback_grace`, and a ticker that trades once a minute keeps a price while the others stream. An
// answer about a ticker that traded on the stream after the question was asked is dropped: it could be a step
// back in time. A source without a stream asks about all of its tickers every `poll_interval`.
//
// Silence has two limits. A stream from which nothing comes, not even the pong to our ping, is dead after
// `silence_limit`. One that answers pings but brings no trade may be a quiet market: REST answers for it at
// once and it is opened anew after `deaf_limit`. One that brings only nonsense is treated like a dead one.
//
// Before the venue's cut at 24 h a successor is opened, and takes over when it is open: no trade is missed.
//
// A log line is said once until the source has recovered for `healthy_after`: a flapping connection is one
// warning, not one a minute.

namespace pricewire::feed {

using namespace std::chrono_literals;

Session::Session(Venue& venue, SessionOptions options, Rng& rng)
    : venue_(venue),
      stream_type_(venue.type().stream),
      options_(options),
      rng_(rng),
      stream_url_(venue.stream_url()),
      has_rest_(!venue.instruments().empty() && !venue.rest_url(std::vector<std::size_t>{0}).empty()) {
    for (const Instrument& i : venue.instruments()) {
        by_ticker_.push_back(lines_.size());
        lines_.push_back({.ticker = i.ticker});
    }
    std::sort(by_ticker_.begin(), by_ticker_.end(),
              [&](std::size_t a, std::size_t b) { return lines_[a].ticker < lines_[b].ticker; });
    status_.name = venue.type().name;
}

Session::Actions Session::start(Moment now) {
    actions_.clear();
    running_ = true;
    started_at_ = now.mono;
    reconnect_at_ = now.mono;
    poll_allowed_at_ = now.mono + options_.first_poll_after;
    for (Line& line : lines_) line.ask_at = now.mono + (stream_url_.empty() ? 0s : options_.fallback_grace);
    advance(now);
    return done();
}

Session::Actions Session::timer(Moment now) {
    actions_.clear();
    armed_.reset();
    advance(now);
    return done();
}

Session::Actions Session::stop(Moment now) {
    actions_.clear();
    if (stream_) actions_.push_back(CloseStream{stream_->id});
    if (successor_) actions_.push_back(CloseStream{successor_->id});
    stream_.reset();
    successor_.reset();
    request_.reset();
    running_ = false;
    update_status(now);
    return done();
}

void Session::advance(Moment now) {
    if (!running_) return;
    if (!stream_url_.empty()) advance_stream(now);
    if (has_rest_) advance_poll(now);
    update_status(now);
    arm(now);
}

void Session::publish(std::span<const Quote> quotes, Moment now) {
    if (quotes.empty()) return;
    actions_.push_back(PublishQuotes{quotes});
    if (std::none_of(quotes.begin(), quotes.end(), [](const Quote& q) { return q.is_live; })) return;
    last_quote_ = now.mono;
    status_.last_quote_at = now.wall;
}

std::size_t Session::index_of(Ticker ticker) const {
    const auto found = std::lower_bound(by_ticker_.begin(), by_ticker_.end(), ticker,
                                        [&](std::size_t i, Ticker t) { return lines_[i].ticker < t; });
    return *found;
}

void Session::update_status(Moment now) {
    SourceState state = SourceState::connecting;
    std::string detail;
    std::optional<Timestamp> until;
    const auto trouble = [](const std::optional<Trouble>& t) { return t ? t->why : std::string(); };
    if (!running_) {
        state = SourceState::disabled;
        detail = "stopped";
    } else if (stream_brings_quotes(now)) {
        state = SourceState::streaming;
    } else if (poll_works_) {
        state = stream_url_.empty() ? SourceState::polling : SourceState::polling_fallback;
        if (!stream_url_.empty()) {
            detail = stream_trouble_            ? "its stream: " + stream_trouble_->why
                     : stream_ && stream_->open ? "its stream brings no trades"
                                                : "its stream is not open yet";
        }
    } else {
        if (stream_trouble_) until = stream_trouble_->refused_until;
        if (poll_trouble_ && poll_trouble_->refused_until) {
            until = std::min(until.value_or(*poll_trouble_->refused_until), *poll_trouble_->refused_until);
        }
        const MonoTime heard = last_quote_.value_or(started_at_);
        if (until) {
            state = SourceState::refused;
        } else if (now.mono - heard >= stream_type_.silence_limit) {
            state = SourceState::silent;
        }
        detail = trouble(stream_trouble_);
        if (const std::string rest = trouble(poll_trouble_); detail.empty()) {
            detail = rest;
        } else if (!rest.empty() && rest != detail) {
            detail += "; REST: " + rest;
        }
    }
    const bool good = state == SourceState::streaming || state == SourceState::polling;
    if (state != status_.state) {
        state_since_ = now.mono;
        status_.since = now.wall;
        was_away_ = was_away_ || (announced_ && !good);
    } else if (was_away_ && good && now.mono - state_since_ >= options_.healthy_after) {
        was_away_ = false;
        said_.clear();
        say(log::Level::info,
            fmt::format("{} again {}", name(),
                        state == SourceState::streaming ? "streams trades" : "gives prices"));
    }
    const bool both_ways = !stream_url_.empty() && has_rest_;
    if (both_ways && poll_trouble_ && (state == SourceState::silent || state == SourceState::refused)) {
        say_once("nothing", now, log::Level::warn,
                 fmt::format("{} gives no prices at all, neither by its stream nor by REST", name()), detail);
    }
    if (state == status_.state && detail == status_.detail && until == status_.refused_until) {
        return;
    }
    const SourceState before = std::exchange(status_.state, state);
    status_.detail = std::move(detail);
    status_.refused_until = until;
    actions_.push_back(ReportStatus{status_});
    if (!running_ || before == state) return;
    if (good) {
        if (!announced_) {
            announced_ = true;
            said_.clear();
            say(log::Level::info, state == SourceState::streaming
                                      ? fmt::format("{} streams the trades of {}", name(), ticker_list())
                                      : fmt::format("{} gives prices of {}, asked every {}", name(),
                                                    ticker_list(), format_duration(options_.poll_interval)));
        }
    } else if (state == SourceState::polling_fallback) {
        say_once("fallback", now, log::Level::info,
                 fmt::format("prices of {} come by REST every {} until its stream brings trades", name(),
                             format_duration(options_.poll_interval)));
    }
}

void Session::arm(Moment now) {
    std::optional<MonoTime> next;
    const auto consider = [&](MonoTime at) {
        if (at > now.mono && (!next || at < *next)) next = at;
    };
    if (!stream_url_.empty()) {
        if (!stream_) {
            consider(reconnect_at_);
        } else if (stream_->open) {
            consider(next_ping(*stream_));
            consider(stream_->last_sign + stream_type_.silence_limit);
            consider(stream_->last_quote + stream_type_.silence_limit);
            consider(stream_->last_quote + stream_type_.deaf_limit);
            if (!successor_) consider(stream_->renew_at);
        }
        for (const auto* stream : {&stream_, &successor_}) {
            if (!*stream || !(*stream)->open) continue;
            const auto& symbols = (*stream)->symbols;
            if (std::find(symbols.begin(), symbols.end(), Subscription::wanted) != symbols.end())
                consider((*stream)->subscribe_at);
            if ((*stream)->acknowledged_by) consider(*(*stream)->acknowledged_by);
        }
    }
    if (has_rest_ && !request_) consider(next_poll());
    if (was_away_) consider(state_since_ + options_.healthy_after);
    consider(last_quote_.value_or(started_at_) + stream_type_.silence_limit);
    if (!next || (armed_ && *armed_ > now.mono && *armed_ <= *next)) return;
    armed_ = next;
    actions_.push_back(SetTimer{*next});
}

void Session::say(log::Level level, std::string message, std::string reason) {
    actions_.push_back(LogLine{level, std::move(message), std::move(reason)});
}

void Session::say_once(std::string key, Moment now, log::Level level, std::string message,
                       std::string reason) {
    const auto found =
        std::find_if(said_.begin(), said_.end(), [&](const auto& s) { return s.first == key; });
    if (found == said_.end()) {
        said_.emplace_back(std::move(key), now.mono);
    } else if (now.mono - found->second >= 1h) {
        found->second = now.mono;
    } else {
        return;
    }
    say(level, std::move(message), std::move(reason));
}

std::string Session::ticker_list() const {
    if (lines_.size() > 10) return fmt::format("{} tickers", lines_.size());
    std::string list;
    for (const Line& line : lines_) list += (list.empty() ? "" : ", ") + std::string(line.ticker.view());
    return list;
}

// Many clients are refused at the same moment; they should not all come back at the same moment.
Duration Session::jittered(Duration wait) {
    const Duration most = std::min<Duration>(wait / 10, 30s);
    return wait + Duration{std::uniform_int_distribution<std::int64_t>(0, most.count())(rng_)};
}

}  // namespace pricewire::feed
