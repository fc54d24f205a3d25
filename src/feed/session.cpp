#include "feed/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "feed/refusal.hpp"

namespace pricewire {

std::string_view to_string(SourceState s) {
    switch (s) {
        case SourceState::connecting:
            return "connecting";
        case SourceState::streaming:
            return "streaming";
        case SourceState::fallback:
            return "fallback";
        case SourceState::polling:
            return "polling";
        case SourceState::refused:
            return "refused";
        case SourceState::failing:
            return "failing";
        case SourceState::stopped:
            return "stopped";
    }
    return "unknown";
}

void Session::start(Now now, Actions& out) {
    stopped_ = false;
    last_data_ = now.mono;
    poll_at_ = now.mono;
    state_ = SourceState::connecting;
    if (options_.has_stream) {
        stream_ = Stream::connecting;
        out.push_back(Connect{});
    }
    poll_if_due(now, out);
}

void Session::on_open(Now now, Actions&) {
    if (stopped_) return;
    stream_ = Stream::open;
    pinged_ = false;
    opened_at_ = now.mono;
    last_data_ = now.mono;
    // Spread, so that many processes do not reconnect in the same minute.
    const auto spread = options_.lifetime / 20;
    renew_at_ = now.mono + options_.lifetime -
                Duration{std::uniform_int_distribution<std::int64_t>(0, spread.count())(rng_)};
}

void Session::on_frame(const Parsed& parsed, Now now, Actions& out) {
    if (stream_ != Stream::open) return;
    switch (parsed.kind) {
        case Parsed::Kind::quotes:
            last_data_ = now.mono;
            pinged_ = false;
            if (failures_ > 0 && now.mono - opened_at_ >= options_.healthy) failures_ = 0;
            if (state_ != SourceState::streaming) {
                bad_frames_logged_ = false;
                become(SourceState::streaming, {}, log::Level::info, "streams prices", out);
            }
            break;
        case Parsed::Kind::ignored:
            break;
        case Parsed::Kind::bad:
        case Parsed::Kind::refused:
            if (!std::exchange(bad_frames_logged_, true)) {
                out.push_back(LogLine{log::Level::warn,
                                      fmt::format("{}: a message of the stream is left out: {}; further ones "
                                                  "are not logged until it has recovered",
                                                  options_.name, parsed.reason)});
            }
            break;
    }
}

void Session::on_closed(const StreamEnd& end, Now now, Actions& out) {
    if (stopped_ || stream_ == Stream::none) return;
    const bool was_healthy = stream_ == Stream::open && now.mono - opened_at_ >= options_.healthy;
    if (was_healthy) failures_ = 0;
    ++failures_;
    if (const auto refusal = judge_refusal(end.http_status, end.retry_after, end.body, now.wall)) {
        wait_for_stream(refusal->wait, now.mono);
        become(SourceState::refused, refusal->meaning, log::Level::warn,
               fmt::format("the stream is refused: {}; tried again in {} s, REST is asked meanwhile",
                           refusal->meaning, std::chrono::ceil<std::chrono::seconds>(refusal->wait).count()),
               out);
    } else {
        // The cut after 24 hours, a restart of the venue: the first try comes soon.
        wait_for_stream(options_.backoff.full_jitter(failures_, rng_), now.mono);
        become(SourceState::failing, end.reason, log::Level::warn,
               fmt::format("the stream is gone: {}; it is opened again, REST is asked meanwhile", end.reason),
               out);
    }
    poll_if_due(now, out);
}

void Session::wait_for_stream(Duration wait, MonoTime now) {
    stream_ = Stream::waiting;
    retry_at_ = now + wait;
}

void Session::on_poll_result(const PollResult& result, Now now, Actions& out) {
    polling_ = false;
    if (stopped_) return;
    const Parsed& parsed = result.parsed;
    const bool streaming = stream_delivers(now.mono);
    if (result.status == 200 && parsed.kind == Parsed::Kind::quotes) {
        poll_failures_ = 0;
        poll_at_ = now.mono + options_.poll_interval;
        if (!streaming) {
            if (options_.has_stream) {
                become(SourceState::fallback, "prices come by REST while the stream says nothing",
                       log::Level::info, "prices come by REST while the stream says nothing", out);
            } else {
                become(SourceState::polling, {}, log::Level::info, "prices come by REST", out);
            }
        }
        return;
    }
    ++poll_failures_;
    const int status =
        parsed.kind == Parsed::Kind::refused && parsed.status != 0 ? parsed.status : result.status;
    SourceState next = SourceState::failing;
    std::string reason;
    Duration wait{};
    if (const auto refusal = judge_refusal(status, result.retry_after, result.body, now.wall)) {
        next = SourceState::refused;
        reason = refusal->meaning;
        wait = std::max(refusal->wait, options_.poll_interval);
    } else {
        reason = result.status == 0 ? result.reason
                 : result.status == 200 || parsed.kind == Parsed::Kind::refused
                     ? parsed.reason
                     : fmt::format("it answers with status {}", result.status);
        wait = std::max(options_.poll_interval, options_.poll_backoff.equal_jitter(poll_failures_, rng_));
    }
    poll_at_ = now.mono + wait;
    if (streaming) return;
    become(next, reason, log::Level::warn,
           fmt::format("REST gives no prices: {}; asked again in {} s", reason,
                       std::chrono::ceil<std::chrono::seconds>(wait).count()),
           out);
}

void Session::set_quiet_ticker(bool quiet, Now now, Actions& out) {
    quiet_ticker_ = quiet;
    if (quiet) poll_if_due(now, out);
}

void Session::on_timer(Now now, Actions& out) {
    if (stopped_) return;
    if (stream_ == Stream::waiting && now.mono >= retry_at_) {
        stream_ = Stream::connecting;
        out.push_back(Connect{});
    } else if (stream_ == Stream::open && now.mono >= renew_at_) {
        stream_ = Stream::connecting;
        out.push_back(LogLine{log::Level::info,
                              options_.name + ": the stream is renewed before the exchange cuts it at 24 h"});
        out.push_back(Disconnect{});
        out.push_back(Connect{});
    } else if (stream_ == Stream::open && now.mono - last_data_ >= options_.silence) {
        ++failures_;
        wait_for_stream(options_.backoff.full_jitter(failures_, rng_), now.mono);
        out.push_back(Disconnect{});
        const std::string reason =
            fmt::format("it has said nothing for {}", format_duration(options_.silence));
        become(SourceState::failing, reason, log::Level::warn,
               fmt::format("the stream is given up: {}; it is opened again, REST is asked meanwhile", reason),
               out);
    } else if (stream_ == Stream::open && !pinged_ && now.mono - last_data_ >= options_.silence / 2) {
        pinged_ = true;
        out.push_back(SendPing{});
    }
    poll_if_due(now, out);
}

void Session::stop(Actions& out) {
    stopped_ = true;
    stream_ = Stream::none;
    state_ = SourceState::stopped;
    out.push_back(Disconnect{});
}

bool Session::stream_delivers(MonoTime now) const {
    return stream_ == Stream::open && state_ == SourceState::streaming &&
           now - last_data_ < options_.silence / 2;
}

// Since when, or from when on if nothing more is heard, REST has to be asked.
MonoTime Session::polling_needed_at() const {
    if (!options_.has_stream || quiet_ticker_) return MonoTime::min();
    const bool delivering = stream_ == Stream::open && state_ == SourceState::streaming;
    if (failures_ > 0 && !delivering) return MonoTime::min();
    // Half the limit: the fallback's first price must be there before the last trade's is too old to count.
    // While it connects for the first time the same patience saves a request.
    return last_data_ + options_.silence / 2;
}

void Session::poll_if_due(Now now, Actions& out) {
    if (stopped_ || polling_ || now.mono < std::max(poll_at_, polling_needed_at())) return;
    polling_ = true;
    out.push_back(Poll{});
}

MonoTime Session::next_wakeup() const {
    MonoTime at = MonoTime::max();
    if (stopped_) return at;
    if (stream_ == Stream::waiting) at = std::min(at, retry_at_);
    if (stream_ == Stream::open) {
        at = std::min(at, renew_at_);
        at = std::min(at, last_data_ + (pinged_ ? options_.silence : options_.silence / 2));
    }
    if (!polling_) at = std::min(at, std::max(poll_at_, polling_needed_at()));
    return at;
}

void Session::become(SourceState state, std::string detail, log::Level level, std::string text,
                     Actions& out) {
    const bool news = state != state_ || detail != detail_;
    state_ = state;
    detail_ = std::move(detail);
    if (news) out.push_back(LogLine{level, options_.name + ": " + std::move(text)});
}

}  // namespace pricewire
