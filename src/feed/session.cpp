#include "feed/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

// How a session decides
//
// Every event is recorded, and then advance() does what is due: the stream half in session_stream.cpp, the
// REST half in session_poll.cpp. The timer is set to the next moment at which something is due if nothing
// happens until then; it may fire early, never late. A trade on a healthy stream needs none of this: it is
// parsed, the time is recorded with its ticker, and it is published.
//
//   a stream is    until                                      then
//   opening        it is open                                 subscribe by paced messages, if the venue wants any
//   subscribing    each symbol was acknowledged, refused or   it is ready: a successor takes over
//                  has traded, or the time for that is over
//   ready          it is silent, deaf, closed or too old      reconnect with back-off, or open a successor
//
// REST is requested for single tickers, by one rule: the ticker has had no quote for `quiet_after`. So a
// silent stream is replaced before its last trades are too old to count, a lost stream after
// `fallback_grace`, and a ticker that trades once a minute, or that the stream refuses, keeps a price while
// the others stream. An answer about a ticker that traded on the stream after the request was sent is
// dropped: it could be a step back in time. A source without a stream requests all of its tickers every
// `poll_interval`.
//
// Silence has two limits. A stream that brings nothing, not even the answer to a ping, is dead after
// `silence_limit`. One that answers pings but brings no trade may be a quiet market: REST replaces it at
// once, and it is reopened after `deaf_limit`. One that brings only invalid frames is treated as dead.
//
// Before a venue ends a connection, by its age or because it says so, a successor is opened, which takes over
// when it is ready. Each has a parser of its own, so that no trade is missed and no state is mixed up.
//
// A log line is written once until the source has been healthy for `healthy_after`: a flapping connection is
// one warning, not one a minute.

namespace pricewire::feed {

using namespace std::chrono_literals;

namespace {

// Single tickers that a status names.
constexpr int most_remarks = 3;

}  // namespace

Session::Session(Venue& venue, SessionOptions options, Rng& rng, Neighbours* neighbours, Pace* pace)
    : venue_(venue),
      stream_type_(venue.type().stream),
      options_(options),
      rng_(rng),
      neighbours_(neighbours),
      pace_(pace),
      has_stream_(!venue.stream_url().empty()),
      has_rest_(venue.has_rest()) {
    for (const Instrument& i : venue.instruments()) {
        by_ticker_.push_back(lines_.size());
        lines_.push_back({.ticker = i.ticker});
        if (neighbours != nullptr) lines_.back().seat = neighbours->traded.seat(i.ticker, venue.type().name);
    }
    std::sort(by_ticker_.begin(), by_ticker_.end(),
              [&](std::size_t a, std::size_t b) { return lines_[a].ticker < lines_[b].ticker; });
    status_.name = venue.type().name;
}

Session::Actions Session::start(Moment now) {
    actions_.clear();
    running_ = true;
    started_at_ = now.mono;
    reconnect_at_ = poll_allowed_at_ = now.mono + options_.start_after;
    for (Line& line : lines_) line.ask_at = reconnect_at_ + (has_stream_ ? options_.fallback_grace : 0s);
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
    if (has_stream_) advance_stream(now);
    if (has_rest_) advance_poll(now);
    free_places(now);
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

std::optional<Timestamp> Session::heard(Ticker ticker, Moment now) const {
    const auto i = index_of(ticker);
    if (!i) return std::nullopt;
    const Line& line = lines_[*i];
    const bool is_carried = stream_ && stream_->open && !past_since_ && !line.hearing.is_deaf() &&
                            stream_->subscriptions.is_acknowledged(*i);
    if (is_carried) return now.wall - std::chrono::floor<Duration>(now.mono - stream_->last_sign);
    if (poll_works_ && !line.unknown) return now.wall;
    return std::nullopt;
}

Session::Condition Session::condition(Moment now) const {
    if (!running_) return {SourceState::idle, "stopped", {}};
    const auto why = [](const std::optional<Trouble>& t) { return t ? t->why : std::string(); };
    if (stream_brings_quotes(now)) {
        const bool no_rest = poll_trouble_ && poll_trouble_->by_place;
        return {SourceState::streaming, no_rest ? "REST: " + poll_trouble_->why : "", {}};
    }
    if (poll_works_ && !has_stream_) return {SourceState::polling, {}, {}};
    const std::string past = stream_ && stream_->open ? past_in_words() : std::string();
    if (poll_works_) {
        return {SourceState::polling_fallback,
                !past.empty()              ? past
                : stream_trouble_          ? "its stream: " + stream_trouble_->why
                : stream_ && stream_->open ? "its stream has no trades"
                                           : "its stream is not open yet",
                {}};
    }
    Condition none{SourceState::connecting, past.empty() ? why(stream_trouble_) : past, {}};
    bool by_place = false;
    bool is_maintenance = false;
    for (const auto* trouble : {&stream_trouble_, &poll_trouble_}) {
        if (!*trouble || !(*trouble)->refused_until) continue;
        none.refused_until =
            std::min(none.refused_until.value_or(*(*trouble)->refused_until), *(*trouble)->refused_until);
        by_place |= (*trouble)->by_place;
        is_maintenance |= (*trouble)->is_maintenance;
    }
    if (none.refused_until) {
        none.state = by_place         ? SourceState::unavailable_here
                     : is_maintenance ? SourceState::maintenance
                                      : SourceState::refused;
    } else if (now.mono - last_quote_.value_or(started_at_) >= stream_type_.silence_limit) {
        none.state = SourceState::silent;
    }
    if (const std::string rest = why(poll_trouble_); none.detail.empty()) {
        none.detail = rest;
    } else if (!rest.empty() && rest != none.detail) {
        none.detail += "; REST: " + rest;
    }
    return none;
}

// What is wrong with single tickers.
std::string Session::remarks(Moment now) const {
    std::string out;
    const auto add = [&](std::string text) { out += (out.empty() ? "" : "; ") + std::move(text); };
    std::string not_streamed;
    int deaf = 0;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
        const Line& line = lines_[i];
        if (!line.is_watched) continue;
        if (line.stream_refused && has_rest_ && !line.unknown) {
            not_streamed += fmt::format("{}{} ({})", not_streamed.empty() ? "" : ", ", line.ticker.view(),
                                        venue_.instruments()[i].symbol);
        }
        if (!line.hearing.is_deaf() || !stream_brings_quotes(now) || ++deaf > most_remarks) continue;
        add(fmt::format("{}: no trade for {} min while {} others traded", line.ticker.view(),
                        std::chrono::floor<std::chrono::minutes>(line.hearing.silence(now.mono)).count(),
                        line.hearing.others()));
    }
    if (deaf > most_remarks) add(fmt::format("{} more tickers without a trade", deaf - most_remarks));
    if (!not_streamed.empty()) add("its stream refuses " + not_streamed);
    if (const std::string refused = without_price(); !refused.empty()) add("it does not know " + refused);
    return out;
}

void Session::update_status(Moment now) {
    auto [state, detail, until] = condition(now);
    if (const std::string more = running_ ? remarks(now) : std::string(); !more.empty())
        detail += (detail.empty() ? "" : "; ") + more;
    const bool good = state == SourceState::streaming || state == SourceState::polling;
    if (state != status_.state) {
        state_since_ = now.mono;
        status_.since = now.wall;
        was_away_ = was_away_ || (announced_ && !good);
    } else if (was_away_ && good && now.mono - state_since_ >= options_.healthy_after) {
        was_away_ = false;
        said_.clear();
        say(log::Level::info,
            fmt::format("{} {} again", name(),
                        state == SourceState::streaming ? "streams trades" : "provides prices"));
    }
    const bool both_ways = has_stream_ && has_rest_;
    const bool is_away = state == SourceState::silent || state == SourceState::refused ||
                         state == SourceState::unavailable_here || state == SourceState::maintenance;
    if (both_ways && poll_trouble_ && is_away) {
        say_once("nothing", now, log::Level::warn,
                 fmt::format("{} provides no prices, neither by stream nor by REST", name()), detail,
                 state == SourceState::unavailable_here ? 24h : 1h);
    }
    if (state == status_.state && detail == status_.detail && until == status_.refused_until) return;
    const SourceState before = std::exchange(status_.state, state);
    status_.detail = std::move(detail);
    status_.refused_until = until;
    actions_.push_back(ReportStatus{status_});
    if (running_ && before != state) say_change(state, now);
}

void Session::say_change(SourceState state, Moment now) {
    if (state == SourceState::polling_fallback) {
        say_once("fallback", now, log::Level::info,
                 fmt::format("prices of {} come by REST every {} until its stream has trades", name(),
                             format_duration(options_.poll_interval)));
    } else if ((state == SourceState::streaming || state == SourceState::polling) &&
               !std::exchange(announced_, true)) {
        said_.clear();
        say(log::Level::info, state == SourceState::streaming
                                  ? fmt::format("{} streams trades of {}", name(), ticker_list())
                                  : fmt::format("{} provides prices of {}, polled every {}", name(),
                                                ticker_list(), format_duration(options_.poll_interval)));
    }
}

void Session::arm(Moment now) {
    std::optional<MonoTime> next;
    const auto consider = [&](MonoTime at) {
        if (at > now.mono && (!next || at < *next)) next = at;
    };
    if (has_stream_) {
        if (!stream_) {
            consider(reconnect_at_);
        } else if (stream_->open) {
            consider(next_ping(*stream_));
            consider(stream_->last_sign + stream_type_.silence_limit);
            consider(stream_->last_quote + quiet_limit());
            consider(stream_->last_quote + deaf_limit());
            if (!successor_) consider(std::min(stream_->renew_at, reshape_at()));
            if (neighbours_ != nullptr) consider(check_hearing_at_);
        }
        for (const auto* stream : {&stream_, &successor_}) {
            if (*stream && (*stream)->open && (*stream)->may_send)
                consider((*stream)->subscriptions.next_event());
        }
    }
    if (has_rest_ && !request_) consider(next_poll());
    for (const Gone& gone : gone_) {
        if (!is_in_use(gone.instrument)) consider(gone.at + place_kept_for);
    }
    if (was_away_) consider(state_since_ + options_.healthy_after);
    consider(last_quote_.value_or(started_at_) + stream_type_.silence_limit);
    if (!next || (armed_ && *armed_ > now.mono && *armed_ <= *next)) return;
    armed_ = next;
    actions_.push_back(SetTimer{*next});
}

void Session::say(log::Level level, std::string message, std::string reason) {
    actions_.push_back(LogLine{level, std::move(message), std::move(reason)});
}

void Session::say_once(std::string key, Moment now, log::Level level, std::string message, std::string reason,
                       Duration again) {
    const auto found =
        std::find_if(said_.begin(), said_.end(), [&](const auto& s) { return s.first == key; });
    if (found == said_.end()) {
        std::erase_if(said_, [&](const auto& s) { return now.mono - s.second >= 24h; });
        said_.emplace_back(key, now.mono);
    } else if (now.mono - found->second >= again) {
        found->second = now.mono;
    } else {
        return;
    }
    if (pace_ != nullptr && !pace_->may_say(key, now.mono)) level = log::Level::debug;
    say(level, std::move(message), std::move(reason));
}

std::string Session::ticker_list() const {
    std::string list;
    std::size_t count = 0;
    for (const Line& line : lines_) {
        if (!line.is_watched || line.stream_refused || line.unknown) continue;
        ++count;
        list += (list.empty() ? "" : ", ") + std::string(line.ticker.view());
    }
    return count > 10 ? fmt::format("{} tickers", count) : list;
}

// Many clients are refused at the same moment; they should not all return at the same moment.
Duration Session::jittered(Duration wait) {
    const Duration most = std::min<Duration>(wait / 10, 30s);
    return wait + Duration{std::uniform_int_distribution<std::int64_t>(0, most.count())(rng_)};
}

}  // namespace pricewire::feed
