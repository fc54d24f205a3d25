#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "feed/session.hpp"

// The session's REST half; session.cpp describes the whole.

namespace pricewire::feed {

using namespace std::chrono_literals;

namespace {

// A symbol that the venue does not know is requested again after this long: it may have been listed.
constexpr Duration unknown_again = 1h;
// Between the requests that find which symbol it is, and how many there are at most: enough for some bad ones
// among the 200 of a request.
constexpr Duration suspects_apart = 1s;
constexpr int most_search_requests = 64;
// If as many single symbols are refused and nothing is answered, the symbols are not the cause.
constexpr std::size_t least_refused = 4;

}  // namespace

Session::Actions Session::answered(std::uint64_t id, const net::HttpResult& result, Moment now) {
    actions_.clear();
    if (!request_ || request_->id != id) return done();
    const Request request = *std::exchange(request_, std::nullopt);
    poll_allowed_at_ = std::max(request.started + options_.poll_interval, now.mono);
    quotes_.clear();
    if (result.error != net::HttpError::none) {
        poll_failed(result.error_text, now);
    } else {
        take_answer(request, result, now);
    }
    if (!suspects_.empty())
        poll_allowed_at_ = now.mono + std::min<Duration>(suspects_apart, options_.poll_interval);
    advance(now);
    return done();
}

Session::Actions Session::overheard(std::string_view url, std::string_view body, Moment asked_at,
                                    Moment now) {
    actions_.clear();
    if (!running_ || !has_rest_ || request_ || !suspects_.empty()) return done();
    const Request request{
        .started = asked_at.mono, .started_wall = asked_at.wall, .asked = due_for_poll(now)};
    // One alone is asked for by name.
    if (request.asked.size() < 2 || venue_.rest_url(request.asked) != url) return done();
    quotes_.clear();
    const ParseResult parsed = venue_.parse_answer(body, now.wall, quotes_);
    if (!parsed) return done();
    poll_allowed_at_ = std::max(poll_allowed_at_, asked_at.mono + options_.poll_interval);
    has_poll_turn_ = false;
    take_prices(request, *parsed, now);
    advance(now);
    return done();
}

// When the next request is due; its symbols are chosen then.
MonoTime Session::next_poll() const {
    if (!suspects_.empty()) return poll_allowed_at_;
    MonoTime first = MonoTime::max();
    for (const std::size_t i : by_ticker_) first = std::min(first, lines_[i].ask_at);
    return std::max(first, poll_allowed_at_);
}

// If more are due than fit in a request, those that have waited longest. One that the venue has refused is
// requested alone, since it would take the others with it.
std::vector<std::size_t> Session::due_for_poll(Moment now) const {
    std::vector<std::size_t> due;
    std::optional<std::size_t> refused;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
        if (!lines_[i].is_watched || lines_[i].ask_at > now.mono) continue;
        if (lines_[i].unknown) {
            refused = i;
        } else {
            due.push_back(i);
        }
    }
    if (refused && (due.empty() || !asked_refused_)) return {*refused};
    const std::size_t most = venue_.type().rest.max_instruments;
    if (due.size() > most) {
        std::ranges::sort(due, {}, [&](std::size_t i) { return std::pair(lines_[i].ask_at, i); });
        due.resize(most);
    }
    return due;
}

void Session::advance_poll(Moment now) {
    if (request_ || now.mono < poll_allowed_at_) return;
    const bool is_search = !suspects_.empty();
    Request request{.id = last_request_ + 1, .started = now.mono, .started_wall = now.wall, .asked = {}};
    if (!is_search) {
        request.asked = due_for_poll(now);
        if (request.asked.empty()) {
            has_poll_turn_ = false;
            return;
        }
    }
    if (pace_ != nullptr && !std::exchange(has_poll_turn_, true)) {
        poll_allowed_at_ = pace_->ask(now.mono, options_.polls_apart);
        if (now.mono < poll_allowed_at_) return;
    }
    has_poll_turn_ = false;
    if (is_search) {
        ++search_requests_;
        request.asked = std::move(suspects_.front());
        suspects_.pop_front();
    } else {
        asked_refused_ = lines_[request.asked.front()].unknown;
    }
    ++last_request_;
    actions_.push_back(StartRequest{request.id, venue_.rest_url(request.asked)});
    request_ = std::move(request);
}

void Session::take_answer(const Request& request, const net::HttpResult& result, Moment now) {
    const std::string* header = result.header("retry-after");
    const std::string retry_after = header ? *header : std::string();
    if (result.status != 200) {
        // Venues name the cause of a 400 in the body, Bitfinex too many requests under 500.
        const bool refuses_this =
            result.status == 400 || result.status == 404 || result.status == 414 || result.status == 422;
        ParseResult parsed;
        if (refuses_this || result.status >= 500)
            parsed = venue_.parse_answer(result.body, now.wall, quotes_);
        quotes_.clear();
        const auto says = [&](ParseError::Kind kind) { return !parsed && parsed.error().kind == kind; };
        if (refuses_this && says(ParseError::Kind::unknown_symbol)) {
            leave_out(ParseError::Kind::unknown_symbol);
            split_for_unknown(request, parsed.error().text, now);
        } else if (auto refusal = judge_refusal(says(ParseError::Kind::rate_limited) ? 429 : result.status,
                                                retry_after, result.body, now.wall, poll_refusals_)) {
            leave_out(ParseError::Kind::rate_limited);
            if (says(ParseError::Kind::rate_limited)) refusal->why = parsed.error().text;
            poll_refused(std::move(*refusal), now);
        } else {
            leave_out(ParseError::Kind::venue_error);
            poll_failed(fmt::format("status {}: {}", result.status, snippet(result.body)), now);
        }
        return;
    }
    if (result.truncated) {
        leave_out(ParseError::Kind::wrong_shape);
        poll_failed(fmt::format("the answer is longer than {} bytes", result.body.size()), now);
        return;
    }
    const ParseResult parsed = venue_.parse_answer(result.body, now.wall, quotes_);
    if (parsed) {
        take_prices(request, *parsed, now);
        return;
    }
    quotes_.clear();
    leave_out(parsed.error().kind);
    switch (parsed.error().kind) {
        case ParseError::Kind::unknown_symbol:
            split_for_unknown(request, parsed.error().text, now);
            return;
        case ParseError::Kind::rate_limited:
            if (auto refusal = judge_refusal(429, retry_after, result.body, now.wall, poll_refusals_)) {
                poll_refused({refusal->wait, parsed.error().text}, now);
            }
            return;
        case ParseError::Kind::not_json:  // an HTML page, say
            if (auto refusal = judge_refusal(200, retry_after, result.body, now.wall, poll_refusals_)) {
                poll_refused(std::move(*refusal), now);
                return;
            }
            break;
        default:
            break;
    }
    poll_failed(parsed.error().text, now);
}

void Session::take_prices(const Request& request, const Parsed& parsed, Moment now) {
    std::vector<bool> came(lines_.size(), false);
    std::erase_if(quotes_, [&](const Quote& q) { return !index_of(q.ticker); });
    for (const Quote& quote : quotes_) {
        const std::size_t i = *index_of(quote.ticker);
        Line& line = lines_[i];
        came[i] = true;
        line.unknown = false;
        line.reported_missing = false;
    }
    if (parsed.refused > 0) {
        refused_quotes_ += parsed.refused;
        leave_out(ParseError::Kind::bad_quote, parsed.refused);
        say_once("left out", now, log::Level::warn,
                 fmt::format("{} invalid prices from {} are left out", parsed.refused, name()), parsed.why);
    }
    report_missing(request, came);
    search_answered_ = true;
    say_found();
    if (suspects_.empty()) search_requests_ = 0;
    const bool empty = quotes_.empty();
    for (Quote& quote : quotes_) {
        if (!quote.is_timed) quote.time = request.started_wall;
    }
    // Trades that the stream has brought since the request are newer than the answer.
    std::erase_if(quotes_, [&](const Quote& q) {
        return has_stream_ && lines_[*index_of(q.ticker)].last_trade >= request.started;
    });
    const MonoTime again =
        now.mono +
        (stream_brings_quotes(now) ? std::max(options_.quiet_after, options_.poll_interval) : Duration{});
    for (const std::size_t i : request.asked) {
        if (lines_[i].ask_at <= now.mono) lines_[i].ask_at = std::max(again, poll_allowed_at_);
    }
    if (empty) {
        poll_failed("the answer has none of the requested prices", now);
        return;
    }
    poll_works_ = true;
    poll_failures_ = 0;
    poll_refusals_ = 0;
    poll_trouble_.reset();
    publish(quotes_, now);
}

void Session::report_missing(const Request& request, const std::vector<bool>& came) {
    std::string missing;
    for (const std::size_t i : request.asked) {
        if (!lines_[i].is_watched || came[i] || std::exchange(lines_[i].reported_missing, true)) continue;
        missing += fmt::format("{}{} ({})", missing.empty() ? "" : ", ", lines_[i].ticker.view(),
                               venue_.instruments()[i].symbol);
    }
    if (missing.empty()) return;
    say(log::Level::warn,
        fmt::format("{} has no price of {}: trading in it is halted, or it has another name "
                    "there, to be set in market.symbols",
                    name(), missing));
}

// The venue refuses the whole request for one symbol that it does not know. Requests for halves find it. The
// symbol is logged once another request of the search was answered: if none is, the symbols are not the cause.
void Session::split_for_unknown(const Request& request, std::string_view why, Moment now) {
    if (search_requests_ == 0) search_answered_ = false;
    if (request.asked.size() == 1) {
        Line& line = lines_[request.asked.front()];
        line.ask_at = now.mono + unknown_again;
        line.refusal = why;
        if (!std::exchange(line.unknown, true)) found_.push_back(request.asked.front());
        if (search_answered_) say_found();
    } else if (search_requests_ < most_search_requests) {
        const auto middle = request.asked.begin() + static_cast<std::ptrdiff_t>(request.asked.size() / 2);
        suspects_.emplace_front(middle, request.asked.end());
        suspects_.emplace_front(request.asked.begin(), middle);
        return;
    } else {
        suspects_.push_front(request.asked);
        return end_search(why, now);
    }
    if (suspects_.empty()) end_search(why, now);
}

// It has found them all, or there are too many, or the symbols are not the cause.
void Session::end_search(std::string_view why, Moment now) {
    search_requests_ = 0;
    if (!search_answered_ && found_.size() >= least_refused) {
        return poll_failed(fmt::format("it refuses every request: {}", why), now);
    }
    say_found();
    std::size_t left = 0;
    for (const auto& group : suspects_) {
        left += group.size();
        for (const std::size_t i : group) lines_[i].ask_at = now.mono + unknown_again;
    }
    suspects_.clear();
    if (left == 0) return;
    say_once("search", now, log::Level::warn,
             fmt::format("{} refuses more symbols than can be found by asking; {} tickers have no price by "
                         "REST for {}",
                         name(), left, format_duration(unknown_again)),
             std::string(why));
}

// The symbols that it has found so far may not be the cause.
void Session::drop_search(Moment now) {
    suspects_.clear();
    search_requests_ = 0;
    for (const std::size_t i : std::exchange(found_, {})) {
        lines_[i].unknown = false;
        lines_[i].ask_at = now.mono;
    }
}

void Session::say_found() {
    for (const std::size_t i : std::exchange(found_, {})) {
        say(log::Level::warn,
            fmt::format(
                "{} does not know '{}', so it has no price of {}; if it has another name there, set it "
                "in market.symbols",
                name(), venue_.instruments()[i].symbol, lines_[i].ticker.view()),
            lines_[i].refusal);
    }
}

// "XRP (XRPUSDT), …": the tickers that the venue refuses by every way there is.
std::string Session::without_price() const {
    if (!found_.empty()) return {};  // they may not be the cause
    std::string list;
    std::size_t more = 0;
    std::size_t named = 0;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
        const Line& line = lines_[i];
        const bool is_refused = line.unknown || (line.stream_refused && !has_rest_);
        if (!line.is_watched || !is_refused) continue;
        if (++named > 10) {
            ++more;
            continue;
        }
        list += fmt::format("{}{} ({})", list.empty() ? "" : ", ", lines_[i].ticker.view(),
                            venue_.instruments()[i].symbol);
    }
    if (more > 0) list += fmt::format(" and {} more", more);
    return list;
}

void Session::poll_failed(std::string why, Moment now) {
    poll_works_ = false;
    drop_search(now);
    poll_allowed_at_ += options_.reconnect.full_jitter(++poll_failures_, rng_);
    poll_trouble_ = {.why = why, .refused_until = {}};
    if (stream_brings_quotes(now)) return;
    say_once("rest", now, log::Level::warn,
             has_stream_
                 ? fmt::format("{} provides no prices by REST either; retrying both with back-off", name())
                 : fmt::format("{} provides no prices; retrying with back-off", name()),
             std::move(why));
}

void Session::poll_refused(Refusal refusal, Moment now) {
    poll_works_ = false;
    drop_search(now);
    ++poll_refusals_;
    const Duration wait = jittered(std::max(refusal.wait, options_.poll_interval));
    poll_allowed_at_ = now.mono + wait;
    if (pace_ != nullptr) pace_->rest(poll_allowed_at_);
    poll_trouble_ = {.why = refusal.why, .refused_until = now.wall + wait, .by_place = refusal.by_place};
    say_once("rest refused: " + refusal.why, now, log::Level::warn,
             fmt::format("{} refuses REST requests; the next one is sent in {}{}", name(), about(wait),
                         has_stream_ ? "" : ", its prices are missing until then"),
             refusal.why, refusal.by_place ? 24h : 1h);
}

}  // namespace pricewire::feed
