#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "feed/session.hpp"

// What a stream's frames say, and what it has subscribed; session.cpp describes the whole.

namespace pricewire::feed {

using namespace std::chrono_literals;

namespace {

// Between two comparisons with other sources, and how far back those may have traded.
constexpr Duration check_hearing_every = 10s;
constexpr Duration traded_lately = 1min;
constexpr Duration pauses_of = 1h;
// Trades are of the past if they are so old, and nothing else has come for so long.
constexpr Duration past_from = 5min;
constexpr Duration past_within = 30s;
// Between two renewals of a connection that is deaf to a ticker.
constexpr Duration hearing_renewals_apart = 10min;

}  // namespace

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
    const bool is_successor = stream != &*stream_;
    if (is_successor) {
        for (const Quote& quote : output_.quotes) {
            if (const auto i = index_of(quote.ticker)) stream->subscriptions.acknowledge(*i);
        }
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
    // Trades and signs of life only move deadlines: the timer finds out.
    const bool is_plain =
        parsed->refused == 0 && std::ranges::all_of(output_.events, [](const StreamEvent& event) {
            return std::holds_alternative<Alive>(event);
        });
    take_events(id, now);
    if (!is_plain || is_news || is_successor) advance(now);
    return done();
}

// Whether they change the status of the source.
bool Session::note_quotes(Stream& stream, Moment now) {
    bool is_live = false;
    bool is_news = false;
    if (!gone_.empty()) std::erase_if(output_.quotes, [&](const Quote& q) { return !index_of(q.ticker); });
    for (const Quote& quote : output_.quotes) {
        const std::size_t i = *index_of(quote.ticker);
        stream.subscriptions.acknowledge(i);
        if (!quote.is_live) continue;
        is_live = true;
        Line& line = lines_[i];
        line.last_trade = now.mono;
        line.ask_at = now.mono + options_.quiet_after;
        is_news |= line.unknown || line.stream_refused || line.hearing.is_deaf();
        line.unknown = line.stream_refused = false;
        line.hearing.traded(now.mono);
        if (neighbours_ != nullptr) neighbours_->traded.traded(line.seat, now.mono);
    }
    publish(output_.quotes, now);
    if (!is_live) return note_past(now);
    past_since_.reset();
    is_news |= std::exchange(past_, std::nullopt).has_value();
    if (stream.brought_quotes) longest_pause_.note(now.mono - stream.last_quote);
    stream.last_quote = now.mono;
    stream.garbled = false;
    if (std::exchange(stream.brought_quotes, true) && status_.state == SourceState::streaming) return is_news;
    stream_trouble_.reset();
    stream_refusals_ = 0;
    return true;
}

// A subscription begins with a thin market's last trades; a stream that goes on so is read by a clock that is
// wrong, ours or the venue's. Whether that is news.
bool Session::note_past(Moment now) {
    const auto newest = std::ranges::max_element(output_.quotes, {}, &Quote::time);
    if (newest == output_.quotes.end() || now.wall - newest->time < past_from) return false;
    if (!past_since_) past_since_ = now.mono;
    if (now.mono - *past_since_ < past_within) return false;
    const bool is_first = !std::exchange(past_, now.wall - newest->time);
    if (is_first && (neighbours_ == nullptr || neighbours_->clock_lines.take(now.mono))) {
        say(log::Level::warn,
            fmt::format(
                "trades of {} are {} old by this host's clock, so that none counts; if other sources say "
                "the same, set the clock right, by NTP",
                name(), about(*past_)));
    }
    return is_first;
}

std::string Session::past_in_words() const {
    return past_ ? fmt::format("its trades are {} old by this host's clock", about(*past_)) : std::string();
}

// An event may end the stream.
void Session::take_events(int id, Moment now) {
    for (const StreamEvent& event : output_.events) {
        Stream* stream = find_stream(id);
        if (stream == nullptr) return;
        take_event(*stream, event, now);
    }
}

void Session::take_event(Stream& stream, const StreamEvent& event, Moment now) {
    if (const auto* reply = std::get_if<Reply>(&event)) {
        actions_.push_back(SendText{stream.id, reply->text});
    } else if (const auto* acknowledged = std::get_if<Acknowledged>(&event)) {
        stream.subscriptions.acknowledge(acknowledged->instrument);
    } else if (const auto* message = std::get_if<MessageAcknowledged>(&event)) {
        stream.subscriptions.acknowledge_message(message->number);
    } else if (const auto* refused = std::get_if<SymbolRefused>(&event)) {
        if (stream.subscriptions.refuse(refused->instrument, now.mono)) refuse_symbol(*refused, now);
    } else if (const auto* whole = std::get_if<MessageRefused>(&event)) {
        refuse_message(stream, *whole, now);
    } else if (const auto* limited = std::get_if<RateLimited>(&event)) {
        leave_out(ParseError::Kind::rate_limited);
        stream.subscriptions.slow_down(now.mono);
        say_once("rate limited", now, log::Level::warn,
                 fmt::format("{} limits the rate of messages; subscribing continues in {}", name(),
                             format_duration(options_.subscribe_again)),
                 limited->why);
    } else if (std::holds_alternative<Alive>(event)) {
        stream.garbled = false;
    } else if (std::holds_alternative<Greeting>(event)) {
        if (!std::exchange(stream.may_send, true))
            stream.subscriptions.wait_until(now.mono + stream_type_.subscribe_after);
    } else if (std::holds_alternative<ServerLeaves>(event)) {
        // A venue that announces it on each new connection is not followed at once for ever.
        stream.renew_at = std::max(now.mono, renewed_at_.value_or(MonoTime{}) + 10s);
        stream.is_leaving = true;
    } else if (const auto* gap = std::get_if<Gap>(&event)) {
        lost_trades_.add(gap->lost);
        if (!lines_[gap->instrument].is_watched) return;
        say_once("gap", now, log::Level::info,
                 fmt::format("{} trades of {} were lost on the way from {}", gap->lost,
                             lines_[gap->instrument].ticker.view(), name()));
    } else if (std::holds_alternative<LostFrames>(event)) {
        lost_frames_.add();
        say_once("lost frames", now, log::Level::info,
                 fmt::format("frames were lost on the way from {}", name()));
    } else if (const auto* closed = std::get_if<Maintenance>(&event)) {
        enter_maintenance(stream, closed->why, now);
    } else if (std::holds_alternative<Resubscribe>(event)) {
        stream.subscriptions.ask_all_again(now.mono);
    }
}

// Sends the subscribe messages that are due, no faster than the venue wants them. May end the stream.
void Session::subscribe(Stream& stream, Moment now) {
    if (!stream.may_send) return;
    while (const auto message = stream.subscriptions.next(now.mono)) {
        if (!std::exchange(stream.has_sent_opening, true)) {
            if (std::string text = venue_.opening_message(); !text.empty())
                actions_.push_back(SendText{stream.id, std::move(text)});
        }
        actions_.push_back(
            SendText{stream.id, venue_.subscribe_message(message->asked, {message->number, now.wall})});
    }
    unsubscribe(stream, now);
    if (const auto missing = stream.subscriptions.take_unanswered(now.mono); !missing.empty()) {
        stream.ready = true;
        report_unacknowledged(missing, now);
    }
    if (stream.subscriptions.all_answered()) stream.ready = true;
    if (!stream.found.empty()) end_symbol_search(stream, now);
}

void Session::unsubscribe(Stream& stream, Moment now) {
    while (const auto message = stream.subscriptions.next_to_leave(now.mono)) {
        const SubscribeMessage about{message->number, now.wall,
                                     stream.reader->channel_id(message->asked.front())};
        std::string text = venue_.unsubscribe_message(message->asked, about);
        if (text.empty()) {
            stream.subscriptions.keep(*message);
            reshape_at_ = std::min(reshape_at_, now.mono + kept_for);
        } else {
            actions_.push_back(SendText{stream.id, std::move(text)});
        }
    }
}

void Session::report_unacknowledged(const std::vector<std::size_t>& missing, Moment now) {
    std::string list;
    for (const std::size_t i : missing)
        list += fmt::format("{}{}", list.empty() ? "" : ", ", lines_[i].ticker.view());
    say_once("unacknowledged " + list, now, log::Level::warn,
             fmt::format("{} has not acknowledged the subscription of {}; it is sent again every {}{}",
                         name(), list, format_duration(options_.subscribe_again),
                         has_rest_ ? ", and REST is polled meanwhile" : ""));
}

// The others stay subscribed; REST is polled for this one.
void Session::refuse_symbol(const SymbolRefused& refused, Moment now) {
    leave_out(ParseError::Kind::unknown_symbol);
    Line& line = lines_[refused.instrument];
    line.ask_at = std::min(line.ask_at, now.mono);
    if (std::exchange(line.stream_refused, true)) return;
    say(log::Level::warn,
        fmt::format("{} refuses to stream {} ({}){}; if it has another name there, set it in market.symbols",
                    name(), line.ticker.view(), venue_.instruments()[refused.instrument].symbol,
                    has_rest_ ? ", so REST is polled for it" : ""),
        refused.why);
}

void Session::refuse_message(Stream& stream, const MessageRefused& refused, Moment now) {
    const auto [is_subscription, culprit] = stream.subscriptions.refuse_message(refused, now.mono);
    if (culprit && refused.culprit) {
        refuse_symbol({*culprit, refused.why}, now);
    } else if (culprit) {
        stream.found.push_back({*culprit, refused.why});
    } else {
        leave_out(ParseError::Kind::venue_error);
        if (is_subscription) return;
        say_once("message refused", now, log::Level::warn, fmt::format("{} refused a message", name()),
                 refused.why);
    }
}

// The symbols that the search has found are the cause if the venue has accepted another one. If it has refused
// each of them, they are not.
void Session::end_symbol_search(Stream& stream, Moment now) {
    if (!stream.subscriptions.any_acknowledged()) {
        if (!stream.subscriptions.all_answered()) return;
        if (stream.found.size() > 1) {
            actions_.push_back(CloseStream{stream.id});
            return end_stream(stream.id, std::nullopt,
                              "it refuses every subscription: " + stream.found.front().why, now);
        }
    }
    for (const SymbolRefused& refused : std::exchange(stream.found, {})) refuse_symbol(refused, now);
}

// Whether other sources trade a ticker that this stream does not: see hearing.hpp.
void Session::check_hearing(Moment now) {
    if (neighbours_ == nullptr || now.mono < check_hearing_at_) return;
    check_hearing_at_ = now.mono + check_hearing_every;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
        Line& line = lines_[i];
        if (!line.is_watched || line.stream_refused) continue;
        const auto pause = neighbours_->traded.pause_of_others(line.seat, now.mono - pauses_of);
        line.hearing.judge(now.mono, neighbours_->traded.others(line.seat, now.mono - traded_lately), pause);
        if (line.hearing.wants_cure(now.mono)) cure(i, now);
    }
}

// First that symbol is subscribed again; if that does not help, the connection is renewed. The others stream
// on meanwhile.
void Session::cure(std::size_t instrument, Moment now) {
    Line& line = lines_[instrument];
    const std::string_view ticker = line.ticker.view();
    const std::string why = fmt::format("no trade for {} while {} others traded it",
                                        about(line.hearing.silence(now.mono)), line.hearing.others());
    // What the URL names a message would only name again.
    if (line.hearing.cures() == 0 && stream_type_.symbols_per_message > 0 && !stream_type_.names_in_url) {
        stream_->subscriptions.ask_again(instrument, now.mono);
        line.hearing.cured(now.mono);
        say_once(fmt::format("deaf to {}", ticker), now, log::Level::warn,
                 fmt::format("{}'s stream brings no trades of {}, which is subscribed again", name(), ticker),
                 why);
        return;
    }
    if (successor_ || now.mono < hearing_renewal_at_) return;
    hearing_renewal_at_ = now.mono + hearing_renewals_apart;
    for (Line& other : lines_) {
        if (other.is_watched && other.hearing.wants_cure(now.mono)) other.hearing.cured(now.mono);
    }
    say_once("deaf", now, log::Level::warn,
             fmt::format("{}'s stream brings no trades of {}; its connection is renewed", name(), ticker),
             why);
    renew(now);
}

}  // namespace pricewire::feed
