#include "past/asker_core.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/backoff.hpp"
#include "feed/refusal.hpp"

// What becomes of an answer:
//
//   candles or trades                        the next page is requested in the venue's turn, or the job is done
//   no answer, 5xx, not what was expected    the page is requested again, twice at most, later each time; the third
//                                            failure of a venue in a row leaves it out for a while
//   a refusal (feed/refusal.hpp), or the     the venue is left out for as long as it says, or longer each time
//   venue says that requests come too often
//   an unknown symbol, any other 4xx         the job fails, and is not tried again
//
// While a venue is left out its jobs fail at once, so that whoever asks several venues does without it.

namespace pricewire::past {
namespace {

using namespace std::chrono_literals;
using Kind = Failure::Kind;

constexpr std::size_t most_waiting = 4096;  // for one venue
constexpr int most_pages = 200;             // of one job
constexpr int most_failures = 3;            // of one job, and of a venue before it is left out
constexpr Duration longest_request = 10s;
constexpr BackoffPolicy retries{1s, 8s};
constexpr BackoffPolicy rests{30s, 10min};

Timestamp at_or_after(Timestamp moment, Duration interval) {
    const Duration beyond = moment.time_since_epoch() % interval;
    return beyond == Duration::zero() ? moment : moment - beyond + interval;
}

std::string text_of(const net::HttpResult& result) {
    if (result.error != net::HttpError::none) return result.error_text;
    return fmt::format("it answered with HTTP status {}", result.status);
}

}  // namespace

std::size_t AskerCore::Line::size() const {
    std::size_t n = 0;
    for (const auto& jobs : waiting) n += jobs.size();
    return n;
}

AskerCore::AskerCore(std::vector<AskedVenue> venues) : venues_(std::move(venues)) {
    for (const AskedVenue& venue : venues_) {
        if (!venue.rest_url.empty()) lines_[venue.type->name].venue = &venue;
    }
}

bool AskerCore::is_left_out(SourceName source, MonoTime now) const {
    const auto line = lines_.find(source);
    return line != lines_.end() && now < line->second.left_out_until;
}

Duration AskerCore::wait(SourceName source, MonoTime now) const {
    const auto found = lines_.find(source);
    if (found == lines_.end()) return {};
    const Line& line = found->second;
    const auto turns = static_cast<std::int64_t>(line.size());
    return std::max(std::chrono::ceil<Duration>(line.next_at - now), Duration::zero()) +
           turns * line.venue->type->past.least_gap;
}

void AskerCore::candles(Ask asked, CandlesDone done, Moment now) {
    const MonoTime until = now.mono + asked.within;
    ask(std::make_unique<Job>(Job{std::move(asked), std::move(done), until}), now);
}

void AskerCore::trades(Ask asked, TradesDone done, Moment now) {
    const MonoTime until = now.mono + asked.within;
    ask(std::make_unique<Job>(Job{std::move(asked), std::move(done), until}), now);
}

void AskerCore::ask(JobPtr job, Moment now) {
    if (is_stopped_) return end(std::move(job), Failure{Kind::stopped, "the process is stopping"});
    const auto found = lines_.find(job->ask.source);
    if (found == lines_.end())
        return end(std::move(job), Failure{Kind::not_offered, "this venue is not asked"});
    Line& line = found->second;
    if (auto failure = prepare(line, *job, now.wall)) return end(std::move(job), std::move(failure));
    if (now.mono < line.left_out_until) return end(std::move(job), Failure{Kind::unavailable, line.why});
    if (line.size() >= most_waiting)
        return end(std::move(job), Failure{Kind::busy, "too many requests wait for this venue"});
    auto& waiting = line.waiting[static_cast<std::size_t>(job->ask.urgency)];
    waiting.push_back(std::move(job));
}

Duration candles_reach(const feed::PastType& past, Duration interval) {
    const Duration reach = interval == 1min ? past.reach : Duration::zero();
    if (!past.latest_only) return reach;
    const Duration latest = interval * static_cast<std::int64_t>(past.candles_per_request);
    return reach == Duration::zero() ? latest : std::min(reach, latest);
}

// Limits the job to what the venue offers, and makes its first page.
std::optional<Failure> AskerCore::prepare(const Line& line, Job& job, Timestamp now) const {
    const feed::PastType& past = line.venue->type->past;
    Ask& ask = job.ask;
    const bool is_candles = std::holds_alternative<CandlesDone>(job.done);
    if (is_candles ? past.candles_per_request == 0 || !past.has(ask.interval) : past.trades_url == nullptr)
        return Failure{Kind::not_offered, "it does not offer this"};
    const Duration reach = is_candles ? candles_reach(past, ask.interval) : past.trades_reach;
    if (reach != Duration::zero()) {
        const Timestamp earliest = now - reach;
        // Without its beginning a minute's trades would deny what it had.
        if (!is_candles && ask.from < earliest)
            return Failure{Kind::not_offered, "it does not reach back so far"};
        ask.from = std::max(ask.from, at_or_after(earliest, ask.interval));
    }
    if (ask.from >= ask.to) return Failure{Kind::not_offered, "it does not reach back so far"};
    job.page = {.symbol = ask.symbol, .from = ask.from, .to = ask.to, .now = now, .interval = ask.interval};
    begin_window(line, job);
    return std::nullopt;
}

// The window that begins at page.from, as long as the venue takes it.
void AskerCore::begin_window(const Line& line, Job& job) const {
    const feed::PastType& past = line.venue->type->past;
    Duration longest = job.ask.interval * static_cast<std::int64_t>(past.candles_per_request);
    if (std::holds_alternative<TradesDone>(job.done)) longest = past.trades_window;
    job.page.to = job.ask.to;
    if (longest != Duration::zero() && job.page.to - job.page.from > longest)
        job.page.to = job.page.from + longest;
    job.page.cursor.clear();
    job.cursors.clear();
}

std::vector<AskerCore::Request> AskerCore::due(Moment now) {
    std::vector<Request> out;
    for (auto& [source, line] : lines_) {
        expire(line, now.mono);
        if (line.under_way || now.mono < line.next_at) continue;
        const auto first = std::ranges::find_if(line.waiting, [](const auto& jobs) { return !jobs.empty(); });
        if (first == line.waiting.end()) continue;
        line.under_way = std::move(first->front());
        first->pop_front();
        Job& job = *line.under_way;
        job.page.now = now.wall;
        ++job.pages;
        const feed::PastType& past = line.venue->type->past;
        const bool is_candles = std::holds_alternative<CandlesDone>(job.done);
        line.request = ++last_request_;
        line.next_at = now.mono + past.least_gap;
        out.push_back(
            {line.request, line.venue->rest_url + (is_candles ? past.candles_url : past.trades_url)(job.page),
             past.max_answer,
             std::min<Duration>(longest_request, std::chrono::ceil<Duration>(job.until - now.mono))});
    }
    return out;
}

std::optional<MonoTime> AskerCore::wake() const {
    std::optional<MonoTime> next;
    const auto at = [&](MonoTime t) { next = next ? std::min(*next, t) : t; };
    for (const auto& [source, line] : lines_) {
        for (const auto& jobs : line.waiting) {
            for (const JobPtr& job : jobs) at(job->until);
            if (!jobs.empty() && !line.under_way) at(line.next_at);
        }
    }
    return next;
}

void AskerCore::expire(Line& line, MonoTime now) {
    std::vector<JobPtr> late;
    for (auto& jobs : line.waiting) {
        for (JobPtr& job : jobs) {
            if (job->until <= now) late.push_back(std::move(job));
        }
        std::erase(jobs, nullptr);
    }
    for (JobPtr& job : late)
        end(std::move(job), Failure{Kind::late, "it was not this request's turn in time"});
}

void AskerCore::answered(std::uint64_t id, const net::HttpResult& result, Moment now) {
    const auto found = std::ranges::find_if(
        lines_, [&](const auto& entry) { return entry.second.under_way && entry.second.request == id; });
    if (found == lines_.end()) return;
    Line& line = found->second;
    JobPtr job = std::move(line.under_way);
    if (auto failure = take_page(line, *job, result)) {
        const bool too_many = failure->kind == Kind::busy;
        const std::string* header = result.header("retry-after");
        if (const auto refusal = feed::judge_refusal(too_many ? 429 : result.status, header ? *header : "",
                                                     result.body, now.wall, line.refusals)) {
            ++line.refusals;
            leave_out(line, refusal->wait, too_many ? failure->text : refusal->why, now.mono);
            return end(std::move(job), Failure{Kind::unavailable, line.why});
        }
        return failed(line, std::move(job), std::move(*failure), now);
    }
    line.failures = 0;
    line.refusals = 0;
    if (!turn_page(line, *job)) return end(std::move(job), std::nullopt);
    if (job->pages >= most_pages)
        return end(std::move(job), Failure{Kind::not_offered, "it gives too few at a time"});
    // It is still its turn, unless something more urgent has come.
    line.waiting[static_cast<std::size_t>(job->ask.urgency)].push_front(std::move(job));
}

// `busy`: the venue wants fewer requests.
std::optional<Failure> AskerCore::take_page(const Line& line, Job& job, const net::HttpResult& result) const {
    if (result.error != net::HttpError::none) return Failure{Kind::unavailable, text_of(result)};
    if (result.truncated) return Failure{Kind::refused, "its answer is too long"};
    const feed::PastType& past = line.venue->type->past;
    std::optional<feed::ParseError> error;
    const bool is_ok = result.status == 200;
    if (std::holds_alternative<CandlesDone>(job.done)) {
        auto parsed = past.parse_candles(result.body, job.page);
        if (!parsed) error = std::move(parsed.error());
        if (parsed && is_ok) std::ranges::move(*parsed, std::back_inserter(job.candles));
    } else {
        auto parsed = past.parse_trades(result.body, job.page);
        if (!parsed) error = std::move(parsed.error());
        if (parsed && is_ok) {
            std::ranges::move(parsed->trades, std::back_inserter(job.trades));
            job.page.cursor = std::move(parsed->next);
        }
    }
    if (is_ok && !error) return std::nullopt;
    if (error && error->kind == feed::ParseError::Kind::rate_limited) return Failure{Kind::busy, error->text};
    if (error && error->kind == feed::ParseError::Kind::unknown_symbol)
        return Failure{Kind::refused, error->text};
    if (!is_ok && result.status < 500) return Failure{Kind::refused, text_of(result)};
    return Failure{Kind::unavailable, is_ok ? error->text : text_of(result)};
}

// False if that was the last one.
bool AskerCore::turn_page(const Line& line, Job& job) const {
    if (!job.page.cursor.empty() && job.cursors.insert(job.page.cursor).second) return true;
    job.page.from = job.page.to;
    if (job.page.from >= job.ask.to) return false;
    begin_window(line, job);
    return true;
}

void AskerCore::failed(Line& line, JobPtr job, Failure failure, Moment now) {
    if (failure.kind == Kind::refused) return end(std::move(job), std::move(failure));
    if (++line.failures >= most_failures) {
        leave_out(line, rests.ceiling(line.failures - most_failures + 1), failure.text, now.mono);
        return end(std::move(job), std::move(failure));
    }
    const Duration wait = retries.ceiling(++job->failures);
    line.next_at = std::max(line.next_at, now.mono + wait);
    if (job->failures >= most_failures || now.mono + wait >= job->until)
        return end(std::move(job), std::move(failure));
    line.waiting[static_cast<std::size_t>(job->ask.urgency)].push_front(std::move(job));
}

void AskerCore::leave_out(Line& line, Duration wait, std::string why, MonoTime now) {
    line.why = std::move(why);
    line.left_out_until = now + wait;
    line.next_at = line.left_out_until;
    std::vector<JobPtr> waiting;
    for (auto& jobs : line.waiting) {
        std::ranges::move(jobs, std::back_inserter(waiting));
        jobs.clear();
    }
    for (JobPtr& job : waiting) end(std::move(job), Failure{Kind::unavailable, line.why});
}

void AskerCore::end(JobPtr job, std::optional<Failure> failure) {
    if (auto* done = std::get_if<CandlesDone>(&job->done)) {
        if (failure) return (*done)(std::unexpected(std::move(*failure)));
        auto& all = job->candles;
        std::erase_if(all, [&](const auto& c) { return c.start < job->ask.from || c.start >= job->ask.to; });
        std::ranges::sort(all, {}, &feed::Candle::start);
        const auto same = std::ranges::unique(all, {}, &feed::Candle::start);
        all.erase(same.begin(), same.end());
        (*done)(std::move(all));
    } else {
        if (failure) return std::get<TradesDone>(job->done)(std::unexpected(std::move(*failure)));
        auto& all = job->trades;
        std::erase_if(all, [&](const auto& t) { return t.time < job->ask.from || t.time >= job->ask.to; });
        std::ranges::sort(all, {}, [](const feed::PastTrade& t) { return std::pair(t.time, t.id); });
        // Pages may repeat a trade; without an id two alike may be two.
        const auto same = std::ranges::unique(
            all, [](const feed::PastTrade& a, const feed::PastTrade& b) { return a.id && a == b; });
        all.erase(same.begin(), same.end());
        std::get<TradesDone>(job->done)(std::move(all));
    }
}

void AskerCore::stop() {
    is_stopped_ = true;
    std::vector<JobPtr> open;
    for (auto& [source, line] : lines_) {
        if (line.under_way) open.push_back(std::move(line.under_way));
        for (auto& jobs : line.waiting) {
            std::ranges::move(jobs, std::back_inserter(open));
            jobs.clear();
        }
    }
    for (JobPtr& job : open) end(std::move(job), Failure{Kind::stopped, "the process is stopping"});
}

}  // namespace pricewire::past
