#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "feed/session.hpp"

// The session's stream half; session.cpp describes the whole.

namespace pricewire::feed {

using namespace std::chrono_literals;

Session::Stream* Session::find_stream(int id) {
    if (stream_ && stream_->id == id) return &*stream_;
    if (successor_ && successor_->id == id) return &*successor_;
    return nullptr;
}

Session::Actions Session::stream_opened(int id, Moment now) {
    actions_.clear();
    Stream* stream = find_stream(id);
    if (stream == nullptr) return done();
    stream->open = true;
    stream->opened_at = stream->last_sign = stream->last_quote = stream->last_ping = now.mono;
    stream->subscribe_at = now.mono + stream_type_.subscribe_after;
    stream->may_send = !stream_type_.greets;
    stream->renew_at = MonoTime::max();
    if (stream_type_.renew_to > Duration{}) {
        stream->renew_at =
            now.mono + Duration{std::uniform_int_distribution<std::int64_t>(
                           stream_type_.renew_from.count(), stream_type_.renew_to.count())(rng_)};
    }
    subscribe(*stream, now);
    take_over(now);
    advance(now);
    return done();
}

// Sends the subscribe messages that are due, no faster than the venue wants them.
void Session::subscribe(Stream& stream, Moment now) {
    const std::size_t most = stream_type_.symbols_per_message;
    const bool are_answered = stream_type_.ack_within > Duration{};
    std::vector<std::size_t> asked;
    while (stream.may_send && now.mono >= stream.subscribe_at) {
        asked.clear();
        for (std::size_t i = 0; i < stream.symbols.size() && asked.size() < most; ++i) {
            if (stream.symbols[i] == Subscription::wanted) asked.push_back(i);
        }
        if (asked.empty()) break;
        if (stream.messages == 0) {
            if (std::string text = venue_.opening_message(); !text.empty())
                actions_.push_back(SendText{stream.id, std::move(text)});
        }
        actions_.push_back(
            SendText{stream.id, venue_.subscribe_message(asked, {++stream.messages, now.wall})});
        for (const std::size_t i : asked)
            stream.symbols[i] = are_answered ? Subscription::sent : Subscription::acknowledged;
        stream.subscribe_at = now.mono + stream_type_.message_gap;
        if (are_answered) stream.acknowledged_by = now.mono + stream_type_.ack_within;
    }
    if (all_answered(stream)) {
        stream.ready = true;
        stream.acknowledged_by.reset();
    } else if (stream.acknowledged_by && now.mono >= *stream.acknowledged_by) {
        report_unacknowledged(stream, now);
    }
}

bool Session::all_answered(const Stream& stream) const {
    return std::none_of(stream.symbols.begin(), stream.symbols.end(),
                        [](Subscription s) { return s == Subscription::wanted || s == Subscription::sent; });
}

void Session::report_unacknowledged(Stream& stream, Moment now) {
    std::string missing;
    for (std::size_t i = 0; i < stream.symbols.size(); ++i) {
        if (stream.symbols[i] != Subscription::sent) continue;
        stream.symbols[i] = Subscription::wanted;
        missing += fmt::format("{}{}", missing.empty() ? "" : ", ", lines_[i].ticker.view());
    }
    stream.ready = true;
    stream.acknowledged_by.reset();
    stream.subscribe_at = now.mono + options_.subscribe_again;
    say_once("unacknowledged " + missing, now, log::Level::warn,
             fmt::format("{} has not acknowledged the subscription of {}; it is sent again every {}{}",
                         name(), missing, format_duration(options_.subscribe_again),
                         has_rest_ ? ", and REST is polled meanwhile" : ""));
}

// The successor takes the place of the stream once it has its subscriptions, so that no trade is missed.
void Session::take_over(Moment now) {
    if (!successor_ || !successor_->ready) return;
    actions_.push_back(CloseStream{stream_->id});
    // It replaces one that brought quotes until a moment ago: that does not change the state.
    successor_->brought_quotes = stream_->brought_quotes;
    successor_->last_quote = now.mono;
    stream_ = std::exchange(successor_, std::nullopt);
}

Session::Actions Session::stream_text(int id, std::string_view text, Moment now) {
    return take_frame(id, text, false, now);
}

Session::Actions Session::stream_binary(int id, std::string_view bytes, Moment now) {
    return take_frame(id, bytes, true, now);
}

Session::Actions Session::take_frame(int id, std::string_view bytes, bool is_binary, Moment now) {
    actions_.clear();
    Stream* stream = find_stream(id);
    if (stream == nullptr || !stream->open) return done();
    stream->last_sign = now.mono;
    output_.clear();
    const ParseResult parsed = stream->reader->read(bytes, is_binary, now.wall, output_);
    // Until the successor takes over, the present stream brings the same trades.
    if (stream != &*stream_) {
        for (const Quote& quote : output_.quotes)
            stream->symbols[index_of(quote.ticker)] = Subscription::acknowledged;
        output_.quotes.clear();
    }
    if (!parsed) {
        leave_out(parsed.error().kind);
        note_bad_frame(*stream, parsed.error().text, now);
        advance(now);
        return done();
    }
    const bool is_news = note_quotes(*stream, now);
    if (parsed->refused > 0) {
        leave_out(ParseError::Kind::bad_quote, parsed->refused);
        note_bad_frame(*stream, parsed->why, now);
    }
    for (const StreamEvent& event : output_.events) take_event(*stream, event, now);
    const bool is_plain = !output_.quotes.empty() && output_.events.empty() && parsed->refused == 0;
    if (!is_plain || is_news) advance(now);
    return done();
}

// Whether they change the status of the source.
bool Session::note_quotes(Stream& stream, Moment now) {
    bool is_live = false;
    for (const Quote& quote : output_.quotes) {
        const std::size_t i = index_of(quote.ticker);
        stream.symbols[i] = Subscription::acknowledged;
        if (!quote.is_live) continue;
        is_live = true;
        Line& line = lines_[i];
        line.last_trade = now.mono;
        line.ask_at = now.mono + options_.quiet_after;
        line.unknown = line.stream_refused = false;
    }
    publish(output_.quotes, now);
    if (!is_live) return false;
    stream.last_quote = now.mono;
    stream.garbled = false;
    if (std::exchange(stream.brought_quotes, true) && status_.state == SourceState::streaming) return false;
    stream_trouble_.reset();
    stream_refusals_ = 0;
    return true;
}

void Session::take_event(Stream& stream, const StreamEvent& event, Moment now) {
    if (const auto* reply = std::get_if<Reply>(&event)) {
        actions_.push_back(SendText{stream.id, reply->text});
    } else if (const auto* acknowledged = std::get_if<Acknowledged>(&event)) {
        stream.symbols[acknowledged->instrument] = Subscription::acknowledged;
    } else if (const auto* refused = std::get_if<SymbolRefused>(&event)) {
        refuse_symbol(stream, *refused, now);
    } else if (const auto* limited = std::get_if<RateLimited>(&event)) {
        leave_out(ParseError::Kind::rate_limited);
        stream.subscribe_at = now.mono + options_.subscribe_again;
        for (Subscription& symbol : stream.symbols) {
            if (symbol == Subscription::sent) symbol = Subscription::wanted;
        }
        stream.acknowledged_by.reset();
        say_once("rate limited", now, log::Level::warn,
                 fmt::format("{} limits the rate of messages; subscribing continues in {}", name(),
                             format_duration(options_.subscribe_again)),
                 limited->why);
    } else if (std::holds_alternative<Alive>(event)) {
        stream.garbled = false;
    } else if (std::holds_alternative<Greeting>(event)) {
        stream.may_send = true;
    } else if (std::holds_alternative<ServerLeaves>(event)) {
        stream.renew_at = now.mono;
    } else if (const auto* gap = std::get_if<Gap>(&event)) {
        lost_trades_ += gap->lost;
        say_once("gap", now, log::Level::info,
                 fmt::format("{} trades of {} were lost on the way from {}", gap->lost,
                             lines_[gap->instrument].ticker.view(), name()));
    }
}

// The others stay subscribed; REST is polled for this one.
void Session::refuse_symbol(Stream& stream, const SymbolRefused& refused, Moment now) {
    leave_out(ParseError::Kind::unknown_symbol);
    stream.symbols[refused.instrument] = Subscription::refused;
    Line& line = lines_[refused.instrument];
    line.ask_at = std::min(line.ask_at, now.mono);
    if (std::exchange(line.stream_refused, true)) return;
    say(log::Level::warn,
        fmt::format("{} refuses to stream {} ({}){}; if it has another name there, set it in market.symbols",
                    name(), line.ticker.view(), venue_.instruments()[refused.instrument].symbol,
                    has_rest_ ? ", so REST is polled for it" : ""),
        refused.why);
}

Session::Actions Session::stream_ping(int id, Moment now) {
    actions_.clear();
    if (Stream* stream = find_stream(id)) stream->last_sign = now.mono;
    return done();
}

Session::Actions Session::stream_closed(int id, const net::WsClosed& closed, Moment now) {
    actions_.clear();
    if (!running_) return done();
    const auto refusal = closed.http_status == 0 ? std::nullopt
                                                 : judge_refusal(closed.http_status, closed.retry_after,
                                                                 closed.body, now.wall, stream_refusals_);
    if (successor_ && successor_->id == id) {
        // The present stream continues; there are some minutes left to try again.
        successor_.reset();
        const Duration wait = refusal ? refusal->wait : options_.reconnect.max;
        stream_->renew_at = now.mono + jittered(std::max(wait, options_.reconnect.max));
    } else if (stream_ && stream_->id == id) {
        if (refusal) {
            ++stream_refusals_;
            const Duration wait = jittered(refusal->wait);
            stream_.reset();
            reconnect_at_ = now.mono + wait;
            stream_trouble_ = Trouble{refusal->why, now.wall + wait};
            say_once(fmt::format("stream {}", closed.http_status), now, log::Level::warn,
                     fmt::format("{} refuses its stream; next attempt in {}{}", name(), about(wait),
                                 has_rest_ ? ", prices come by REST meanwhile" : ""),
                     refusal->why);
        } else {
            lose_stream(now, closed.http_status == 200 || closed.http_status == 0
                                 ? closed.reason
                                 : fmt::format("{}: {}", closed.reason, snippet(closed.body)));
        }
    } else {
        return done();
    }
    advance(now);
    return done();
}

void Session::advance_stream(Moment now) {
    if (!stream_) {
        if (now.mono >= reconnect_at_) open_stream(stream_);
        return;
    }
    if (successor_ && successor_->open) {
        subscribe(*successor_, now);
        take_over(now);
    }
    if (!stream_->open) return;
    subscribe(*stream_, now);
    const Duration no_sign = std::chrono::floor<Duration>(now.mono - stream_->last_sign);
    const Duration no_quote = std::chrono::floor<Duration>(now.mono - stream_->last_quote);
    const auto give_up = [&](std::string why) {
        actions_.push_back(CloseStream{stream_->id});
        lose_stream(now, std::move(why));
    };
    if (no_sign >= stream_type_.silence_limit) {
        give_up(fmt::format("no data for {}", format_duration(stream_type_.silence_limit)));
    } else if (stream_->garbled && no_quote >= stream_type_.silence_limit) {
        give_up(fmt::format("no valid data for {}", format_duration(stream_type_.silence_limit)));
    } else if (no_quote >= stream_type_.deaf_limit) {
        give_up(fmt::format("open, but without a trade for {}", format_duration(stream_type_.deaf_limit)));
    } else if (now.mono >= stream_->renew_at && !successor_) {
        say(log::Level::debug, fmt::format("{}'s stream is renewed before the venue ends it", name()));
        open_stream(successor_);
    } else if (now.mono >= next_ping(*stream_)) {
        stream_->last_ping = now.mono;
        if (std::string text = venue_.keep_alive_text(now.wall); !text.empty()) {
            actions_.push_back(SendText{stream_->id, std::move(text)});
        } else {
            actions_.push_back(SendPing{stream_->id});
        }
    }
}

MonoTime Session::next_ping(const Stream& stream) const {
    const KeepAlive& keep = stream_type_.keep_alive;
    const Duration every = keep.every > Duration{} ? keep.every : stream_type_.silence_limit / 2;
    return (keep.always ? stream.last_ping : std::max(stream.last_sign, stream.last_ping)) + every;
}

void Session::open_stream(std::optional<Stream>& slot) {
    Stream stream;
    stream.id = ++last_stream_;
    stream.reader = std::make_unique<FrameReader>(venue_);
    stream.symbols.resize(lines_.size(), stream_type_.symbols_per_message == 0 ? Subscription::acknowledged
                                                                               : Subscription::wanted);
    slot = std::move(stream);
    actions_.push_back(OpenStream{slot->id, stream_url_});
}

// The stream has ended or been given up; the caller has closed it.
void Session::lose_stream(Moment now, std::string why) {
    const bool healthy = is_healthy(*stream_, now);
    // REST answers for single tickers beside a stream do not show that it works for all of them.
    if (stream_brings_quotes(now)) poll_works_ = false;
    // Its successor may be almost open.
    stream_ = std::exchange(successor_, std::nullopt);
    if (!stream_) schedule_reconnect(now, healthy);
    for (Line& line : lines_) line.ask_at = std::min(line.ask_at, now.mono + options_.fallback_grace);
    stream_trouble_ = Trouble{why, std::nullopt};
    say_once("stream", now, log::Level::warn,
             has_rest_ ? fmt::format("{}'s stream is down; prices come by REST until it is back", name())
                       : fmt::format("{}'s stream is down; there are no prices until it is back", name()),
             std::move(why));
}

void Session::schedule_reconnect(Moment now, bool was_healthy) {
    if (was_healthy) stream_failures_ = 0;
    ++stream_failures_;
    reconnect_at_ = now.mono + options_.reconnect.full_jitter(stream_failures_, rng_);
}

void Session::note_bad_frame(Stream& stream, std::string_view why, Moment now) {
    if (output_.quotes.empty()) stream.garbled = true;
    ++refused_quotes_;
    ++refused_unsaid_;
    if (!refused_lines_.take(now.mono)) return;
    say(log::Level::warn,
        fmt::format(
            "{} sent {} without a usable price", name(),
            refused_unsaid_ == 1 ? std::string("a message") : fmt::format("{} messages", refused_unsaid_)),
        std::string(why));
    refused_unsaid_ = 0;
}

bool Session::is_healthy(const Stream& stream, Moment now) const {
    return stream.open && stream.brought_quotes && now.mono - stream.opened_at >= options_.healthy_after;
}

bool Session::stream_brings_quotes(Moment now) const {
    return stream_ && stream_->open && stream_->brought_quotes &&
           now.mono - stream_->last_quote < stream_type_.silence_limit;
}

}  // namespace pricewire::feed
