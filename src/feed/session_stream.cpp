#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "feed/session.hpp"

// The stream's half of the session; the essay stands in session.cpp.

namespace pricewire::feed {

using namespace std::chrono_literals;

Session::Actions Session::stream_opened(int id, Moment now) {
    actions_.clear();
    if (successor_ && successor_->id == id) {
        actions_.push_back(CloseStream{stream_->id});
        // It stands in for one that brought quotes until a moment ago: that is no change of state.
        successor_->brought_quotes = stream_->brought_quotes;
        stream_ = std::exchange(successor_, std::nullopt);
    } else if (!stream_ || stream_->id != id) {
        return done();
    }
    stream_->open = true;
    stream_->opened_at = stream_->last_sign = stream_->last_quote = stream_->last_ping = now.mono;
    stream_->renew_at = now.mono + Duration{std::uniform_int_distribution<std::int64_t>(
                                       options_.renew_from.count(), options_.renew_to.count())(rng_)};
    if (std::string message = venue_.subscribe_message(); !message.empty()) {
        actions_.push_back(SendText{id, std::move(message)});
    }
    advance(now);
    return done();
}

Session::Actions Session::stream_text(int id, std::string_view text, Moment now) {
    actions_.clear();
    if (!stream_ || stream_->id != id) return done();
    Stream& stream = *stream_;
    stream.last_sign = now.mono;
    quotes_.clear();
    const ParseResult parsed = venue_.parse_frame(text, now.wall, quotes_);
    if (!parsed) {
        leave_out(parsed.error().kind);
        note_bad_frame(stream, parsed.error().text, now);
        advance(now);
        return done();
    }
    if (!quotes_.empty()) {
        stream.last_quote = now.mono;
        stream.garbled = false;
        for (const Quote& quote : quotes_) {
            Line& line = line_of(quote.ticker);
            line.last_trade = now.mono;
            line.ask_at = now.mono + options_.quiet_after;
            line.unknown = false;
        }
        publish(now);
        const bool news =
            !std::exchange(stream.brought_quotes, true) || status_.state != SourceState::streaming;
        if (!news && !parsed->server_leaves) return done();
        stream_trouble_.reset();
        stream_refusals_ = 0;
    }
    if (parsed->refused > 0) {
        leave_out(ParseError::Kind::bad_quote, parsed->refused);
        note_bad_frame(stream, parsed->why, now);
    }
    if (parsed->server_leaves) stream.renew_at = now.mono;
    advance(now);
    return done();
}

Session::Actions Session::stream_ping(int id, Moment now) {
    actions_.clear();
    if (!stream_ || stream_->id != id) return done();
    stream_->last_sign = now.mono;
    return done();
}

Session::Actions Session::stream_closed(int id, const net::WsClosed& closed, Moment now) {
    actions_.clear();
    if (!running_) return done();
    const auto refusal = closed.http_status == 0 ? std::nullopt
                                                 : judge_refusal(closed.http_status, closed.retry_after,
                                                                 closed.body, now.wall, stream_refusals_);
    if (successor_ && successor_->id == id) {
        // The present stream goes on; there are some minutes left to try again.
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
                     fmt::format("{} refuses its stream; it is asked again in {}{}", name(), about(wait),
                                 has_rest_ ? ", and prices are asked for by REST meanwhile" : ""),
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
    if (!stream_->open) return;
    const Duration no_sign = std::chrono::floor<Duration>(now.mono - stream_->last_sign);
    const Duration no_quote = std::chrono::floor<Duration>(now.mono - stream_->last_quote);
    const auto give_up = [&](std::string why) {
        actions_.push_back(CloseStream{stream_->id});
        lose_stream(now, std::move(why));
    };
    if (no_sign >= options_.silence_limit) {
        give_up(fmt::format("nothing was heard for {}", format_duration(options_.silence_limit)));
    } else if (stream_->garbled && no_quote >= options_.silence_limit) {
        give_up(fmt::format("nothing that makes sense was heard for {}",
                            format_duration(options_.silence_limit)));
    } else if (no_quote >= options_.deaf_limit) {
        give_up(
            fmt::format("it was open, but brought no trade for {}", format_duration(options_.deaf_limit)));
    } else if (now.mono >= stream_->renew_at && !successor_) {
        say(log::Level::debug, fmt::format("{}'s stream is renewed before the venue ends it", name()));
        open_stream(successor_);
    } else if (now.mono - std::max(stream_->last_sign, stream_->last_ping) >= options_.silence_limit / 2) {
        stream_->last_ping = now.mono;
        actions_.push_back(SendPing{stream_->id});
    }
}

void Session::open_stream(std::optional<Stream>& slot) {
    slot = Stream{.id = ++last_stream_};
    actions_.push_back(OpenStream{slot->id, stream_url_});
}

// The stream has ended, or is given up; the caller has closed it.
void Session::lose_stream(Moment now, std::string why) {
    const bool healthy = is_healthy(*stream_, now);
    // What REST said about single tickers beside a stream does not say that it stands in for all of them.
    if (stream_brings_quotes(now)) poll_works_ = false;
    // Its successor may be nearly there.
    stream_ = std::exchange(successor_, std::nullopt);
    if (!stream_) schedule_reconnect(now, healthy);
    for (Line& line : lines_) line.ask_at = std::min(line.ask_at, now.mono + options_.fallback_grace);
    stream_trouble_ = Trouble{why, std::nullopt};
    say_once("stream", now, log::Level::warn,
             has_rest_ ? fmt::format("{}'s stream is away; its prices are asked for by REST until it is back",
                                     name())
                       : fmt::format("{}'s stream is away; it gives no prices until it is back", name()),
             std::move(why));
}

void Session::schedule_reconnect(Moment now, bool was_healthy) {
    if (was_healthy) stream_failures_ = 0;
    ++stream_failures_;
    reconnect_at_ = now.mono + options_.reconnect.full_jitter(stream_failures_, rng_);
}

void Session::note_bad_frame(Stream& stream, std::string_view why, Moment now) {
    if (quotes_.empty()) stream.garbled = true;
    ++refused_quotes_;
    ++refused_unsaid_;
    if (refused_said_at_ && now.mono - *refused_said_at_ < 1min) return;
    refused_said_at_ = now.mono;
    say(log::Level::warn,
        fmt::format("{} sent {} that is no usable price; it is left out", name(),
                    refused_unsaid_ == 1 ? std::string("something")
                                         : fmt::format("{} things in the last while", refused_unsaid_)),
        std::string(why));
    refused_unsaid_ = 0;
}

bool Session::is_healthy(const Stream& stream, Moment now) const {
    return stream.open && stream.brought_quotes && now.mono - stream.opened_at >= options_.healthy_after;
}

bool Session::stream_brings_quotes(Moment now) const {
    return stream_ && stream_->open && stream_->brought_quotes &&
           now.mono - stream_->last_quote < options_.silence_limit;
}

}  // namespace pricewire::feed
