#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "feed/session.hpp"

// How a stream is opened, watched, renewed and lost; session.cpp describes the whole.

namespace pricewire::feed {

using namespace std::chrono_literals;

namespace {

// When a venue in maintenance is looked at again: a moment from here, so that its clients do not all come at
// once.
constexpr Duration maintenance_from = 2min;
constexpr Duration maintenance_to = 5min;
// Venues ban addresses that reconnect too often, Kraken with more than 150 attempts in 10 minutes. After some
// failures in a row, or after maintenance, no wait is shorter than this.
constexpr Duration least_reconnect = 5s;
constexpr int failures_in_a_row = 4;
// Between two renewals for instruments that have come: an order of magnitude below what venues allow.
constexpr Duration reshapes_apart = 3s;
// A stream without any trade is not given up before this, however long its pauses usually are.
constexpr Duration longest_deaf_limit = 10min;

Duration between(Duration from, Duration to, Rng& rng) {
    return Duration{std::uniform_int_distribution<std::int64_t>(from.count(), to.count())(rng)};
}

// A shorter value in a query is not a token.
constexpr std::size_t least_secret = 12;

bool is_stream_url(std::string_view url) {
    return (url.starts_with("wss://") || url.starts_with("ws://")) &&
           std::ranges::all_of(url, [](char c) { return c > ' ' && c < 0x7f; });
}

void replace_all(std::string& text, std::string_view part) {
    for (std::size_t at = 0; !part.empty() && (at = text.find(part, at)) != std::string::npos;)
        text.replace(at, part.size(), "(hidden)");
}

// Without the address that a venue has handed out, and the values in its query.
std::string without_secret(std::string text, std::string_view address) {
    replace_all(text, address);
    std::string_view query = address.substr(std::min(address.find('?'), address.size()));
    while (!query.empty()) {
        query.remove_prefix(1);
        const std::string_view field = query.substr(0, query.find('&'));
        query.remove_prefix(field.size());
        const std::string_view value = field.substr(std::min(field.find('=') + 1, field.size()));
        if (value.size() < least_secret) continue;
        replace_all(text, value);
        replace_all(text, percent_decode(value));
    }
    return text;
}

}  // namespace

Session::Stream* Session::find_stream(int id) {
    if (stream_ && stream_->id == id) return &*stream_;
    if (successor_ && successor_->id == id) return &*successor_;
    return nullptr;
}

void Session::open_stream(std::optional<Stream>& slot) {
    std::vector<bool> present;
    std::vector<std::size_t> named;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
        present.push_back(lines_[i].is_watched);
        if (present.back()) named.push_back(i);
    }
    slot.emplace(Stream{.id = ++last_stream_,
                        .reader = std::make_unique<FrameReader>(venue_),
                        .subscriptions = {stream_type_, present, options_.subscribe_again}});
    for (std::size_t i = 0; i < lines_.size(); ++i) {
        if (lines_[i].is_watched && lines_[i].stream_refused) slot->subscriptions.set_apart(i);
    }
    reshape_at_ = MonoTime::max();
    if (auto request = venue_.address_request()) {
        actions_.push_back(AskAddress{slot->id, std::move(request->url), request->post});
    } else {
        actions_.push_back(OpenStream{slot->id, venue_.stream_url(named)});
    }
}

// The answer is not quoted anywhere: it may hold a token.
Session::Actions Session::address_answered(int id, const net::HttpResult& result, Moment now) {
    using Kind = ParseError::Kind;
    actions_.clear();
    Stream* stream = find_stream(id);
    if (stream == nullptr || stream->open || !stream->address.empty()) return done();
    const auto fail = [&](std::optional<Refusal> refusal, std::string why) {
        end_stream(id, std::move(refusal), "no address for its stream: " + std::move(why), now);
        advance(now);
        return done();
    };
    const auto judge = [&](int status) {
        const std::string* header = result.header("retry-after");
        return judge_refusal(status, header ? *header : std::string(), result.body, now.wall,
                             stream_refusals_);
    };
    if (result.error != net::HttpError::none) return fail(std::nullopt, result.error_text);
    if (result.status != 200) return fail(judge(result.status), fmt::format("status {}", result.status));
    auto address = venue_.parse_address(result.body);
    if (address && !is_stream_url(*address))
        address = std::unexpected(ParseError{Kind::wrong_shape, "what the venue sent is not a stream's URL"});
    if (!address) {
        const auto& [kind, text] = address.error();
        leave_out(kind);
        return fail(judge(kind == Kind::rate_limited ? 429 : 200),
                    kind == Kind::venue_error || kind == Kind::rate_limited ? text : "an answer without one");
    }
    stream->address = *std::move(address);
    actions_.push_back(OpenStream{id, stream->address});
    return done();
}

Session::Actions Session::stream_opened(int id, Moment now) {
    actions_.clear();
    Stream* stream = find_stream(id);
    if (stream == nullptr) return done();
    connections_.add();
    stream->open = true;
    stream->opened_at = stream->last_sign = stream->last_quote = stream->last_ping = now.mono;
    stream->may_send = !stream_type_.greets;
    stream->subscriptions.wait_until(now.mono + stream_type_.subscribe_after);
    stream->renew_at = stream_type_.renew_to > Duration{}
                           ? now.mono + between(stream_type_.renew_from, stream_type_.renew_to, rng_)
                           : MonoTime::max();
    if (stream == &*stream_) {
        for (Line& line : lines_) line.hearing.connected(now.mono);
    }
    advance(now);
    return done();
}

Session::Actions Session::stream_ping(int id, Moment now) {
    actions_.clear();
    if (Stream* stream = find_stream(id)) stream->last_sign = now.mono;
    return done();
}

Session::Actions Session::stream_closed(int id, const net::WsClosed& closed, Moment now) {
    actions_.clear();
    const Stream* stream = find_stream(id);
    if (stream == nullptr) return done();
    const auto refusal = closed.http_status == 0 ? std::nullopt
                                                 : judge_refusal(closed.http_status, closed.retry_after,
                                                                 closed.body, now.wall, stream_refusals_);
    std::string why = closed.http_status == 200 || closed.http_status == 0
                          ? closed.reason
                          : fmt::format("{}: {}", closed.reason, snippet(closed.body));
    end_stream(id, refusal, without_secret(std::move(why), stream->address), now);
    advance(now);
    return done();
}

// It has ended, or could not be opened.
void Session::end_stream(int id, std::optional<Refusal> refusal, std::string why, Moment now) {
    if (successor_ && successor_->id == id) {
        // The present stream continues; there are some minutes left to try again.
        successor_.reset();
        const Duration wait = refusal ? refusal->wait : options_.reconnect.max;
        stream_->renew_at = now.mono + jittered(std::max(wait, options_.reconnect.max));
    } else if (refusal && !successor_) {
        stream_refused(*std::move(refusal), now);
    } else {
        lose_stream(now, std::move(why));
    }
}

void Session::stream_refused(Refusal refusal, Moment now) {
    ++stream_refusals_;
    const Duration wait = jittered(refusal.wait);
    stream_.reset();
    reconnect_at_ = now.mono + wait;
    stream_trouble_ = {.why = refusal.why, .refused_until = now.wall + wait, .by_place = refusal.by_place};
    say_once("stream refused: " + refusal.why, now, log::Level::warn,
             fmt::format("{} refuses its stream; next attempt in {}{}", name(), about(wait),
                         has_rest_ ? ", REST is polled meanwhile" : ""),
             refusal.why, refusal.by_place ? 24h : 1h);
}

void Session::advance_stream(Moment now) {
    if (!stream_) {
        if (now.mono < reconnect_at_) return;
        if (pace_ != nullptr && !std::exchange(has_turn_, true)) reconnect_at_ = pace_->connect(now.mono);
        if (now.mono < reconnect_at_) return;
        has_turn_ = false;
        open_stream(stream_);
        return;
    }
    if (successor_ && successor_->open) {
        subscribe(*successor_, now);
        take_over(now);
    }
    if (stream_->open) check_hearing(now);
    if (stream_->open) subscribe(*stream_, now);
    if (stream_ && stream_->open) check_stream(now);
}

// Gives it up, renews it or asks it for a sign of life, if one of these is due.
void Session::check_stream(Moment now) {
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
    } else if (no_quote >= deaf_limit()) {
        give_up(past_ ? past_in_words()
                      : fmt::format("open, but without a trade for {}", format_duration(deaf_limit())));
    } else if (now.mono >= stream_->renew_at && !successor_) {
        RenewalTurns* turns =
            neighbours_ != nullptr && !stream_->is_leaving ? &neighbours_->renewals : nullptr;
        if (turns == nullptr || turns->take(now.mono)) {
            say(log::Level::debug, fmt::format("{}'s stream is renewed before the venue ends it", name()));
            renew(now);
        } else {
            stream_->renew_at = turns->next();
        }
    } else if (now.mono >= reshape_at() && !successor_) {
        renew(now);
    } else if (now.mono >= next_ping(*stream_)) {
        stream_->last_ping = now.mono;
        if (std::string text = venue_.keep_alive_text(now.wall); !text.empty()) {
            actions_.push_back(SendText{stream_->id, std::move(text)});
        } else {
            actions_.push_back(SendPing{stream_->id});
        }
    }
}

// A thin market's pauses may be longer than the venue's limits.
Duration Session::deaf_limit() const {
    const auto usual = std::chrono::floor<std::chrono::seconds>(3 * longest_pause_.value());
    if (options_.may_be_thin) return std::max<Duration>(stream_type_.deaf_limit, longest_deaf_limit);
    return std::max<Duration>(stream_type_.deaf_limit, std::min<Duration>(usual, longest_deaf_limit));
}

Duration Session::quiet_limit() const {
    const auto usual = std::chrono::floor<std::chrono::seconds>(3 * longest_pause_.value());
    return std::max(stream_type_.silence_limit, std::min<Duration>(usual, deaf_limit()));
}

MonoTime Session::next_ping(const Stream& stream) const {
    const KeepAlive& keep = stream_type_.keep_alive;
    const Duration every = keep.every > Duration{} ? keep.every : stream_type_.silence_limit / 2;
    return (keep.always ? stream.last_ping : std::max(stream.last_sign, stream.last_ping)) + every;
}

MonoTime Session::reshape_at() const {
    return renewed_at_ ? std::max(reshape_at_, *renewed_at_ + reshapes_apart) : reshape_at_;
}

void Session::renew(Moment now) {
    renewed_at_ = now.mono;
    open_stream(successor_);
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

// The stream has ended or been given up; the caller has closed it.
void Session::lose_stream(Moment now, std::string why) {
    const bool healthy = is_healthy(*stream_, now);
    fall_back(now);
    // Its successor may be almost open.
    stream_ = std::exchange(successor_, std::nullopt);
    if (!stream_) schedule_reconnect(now, healthy);
    stream_trouble_ = {.why = why, .refused_until = {}};
    say_once("stream", now, log::Level::warn,
             has_rest_ ? fmt::format("{}'s stream is down; prices come by REST until it is back", name())
                       : fmt::format("{}'s stream is down; there are no prices until it is back", name()),
             std::move(why));
}

// To REST, in a moment.
void Session::fall_back(Moment now) {
    // REST answers for single tickers beside a stream do not show that it works for all of them.
    if (stream_brings_quotes(now)) poll_works_ = false;
    for (Line& line : lines_) line.ask_at = std::min(line.ask_at, now.mono + options_.fallback_grace);
}

void Session::schedule_reconnect(Moment now, bool was_healthy) {
    if (was_healthy) {
        stream_failures_ = 0;
        was_maintained_ = false;
    }
    ++stream_failures_;
    Duration wait = options_.reconnect.full_jitter(stream_failures_, rng_);
    if (was_maintained_ || stream_failures_ > failures_in_a_row) wait = std::max(wait, least_reconnect);
    reconnect_at_ = now.mono + wait;
}

// The connection is left, and prices come by REST, if that has any.
void Session::enter_maintenance(Stream& stream, std::string why, Moment now) {
    actions_.push_back(CloseStream{stream.id});
    const Duration wait = between(maintenance_from, maintenance_to, rng_);
    why = "in maintenance" + (why.empty() ? "" : ": " + why);
    if (&stream != &*stream_) return end_stream(stream.id, Refusal{wait, std::move(why)}, {}, now);
    fall_back(now);
    if (successor_) actions_.push_back(CloseStream{successor_->id});
    successor_.reset();
    stream_.reset();
    was_maintained_ = true;
    reconnect_at_ = now.mono + wait;
    stream_trouble_ = {.why = why, .refused_until = now.wall + wait, .is_maintenance = true};
    say_once("maintenance", now, log::Level::warn,
             fmt::format("{} is closed for maintenance; it is looked at again in {}{}", name(), about(wait),
                         has_rest_ ? ", REST is polled meanwhile" : ""),
             std::move(why));
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
           now.mono - stream_->last_quote < quiet_limit();
}

}  // namespace pricewire::feed
