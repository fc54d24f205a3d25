#include "history/backfill_core.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/backoff.hpp"
#include "domain/bars.hpp"

namespace pricewire::history {
namespace {

using namespace std::chrono_literals;

constexpr Duration minutes_reach = 24h;
constexpr Duration hours_reach = 30 * 24h;
constexpr Duration days_reach = 365 * 24h;
// The newest minutes, which one request to most venues gives.
constexpr Duration first_minutes = 5h;
// A chart that somebody waits for is made of what has come by then.
constexpr Duration patience_for_chart = 4s;
constexpr Duration patience_for_rest_of_chart = 12s;
constexpr Duration patience = 45s;
// Candles that have just ended may still change, and live minutes may not be stored yet.
constexpr Duration settled_after = 2min;

// Filled at a time.
constexpr std::size_t most_pinned = 4;
constexpr std::size_t most_needed = 8;
constexpr std::size_t most_venues = 6;
// The last minutes of what was not watched and the first that were are joined soon; then volumes, and what was missed,
// come once an hour.
constexpr Duration join_after = 3min;
constexpr Duration every = 1h;
// What is filled until less long ago needs nothing when it comes to be watched.
constexpr Duration behind_after = 5min;
constexpr BackoffPolicy after_failure{1min, 1h};

}  // namespace

std::vector<Step> missing(std::optional<Timestamp> filled, Timestamp now) {
    const bool is_first = !filled;
    const Timestamp to = interval_start(is_first ? now : now - settled_after, 1min);
    const Timestamp minutes_from = interval_start(now - minutes_reach, 1h);
    const Timestamp hours_from = interval_start(now - hours_reach, 24h);
    const Timestamp since = filled.value_or(now - days_reach);
    std::vector<Step> steps;
    const auto add = [&](Duration interval, Timestamp from, Timestamp until, past::Urgency urgency,
                         Duration within) {
        if (from < until) steps.push_back({interval, from, until, urgency, within});
    };
    using enum past::Urgency;
    const Timestamp from = std::max(minutes_from, interval_start(since - settled_after, 1min));
    const Timestamp newest = is_first ? std::max(from, to - first_minutes) : from;
    add(1min, newest, to, is_first ? chart : backfill, is_first ? patience_for_chart : patience);
    const Duration longer = is_first ? patience_for_rest_of_chart : patience;
    add(1h, std::max(hours_from, interval_start(since, 1h)), minutes_from, backfill, longer);
    add(24h, std::max(interval_start(now - days_reach, 24h), interval_start(since, 24h)), hours_from,
        backfill, longer);
    add(1min, from, newest, backfill, patience);
    return steps;
}

void BackfillCore::watch(Ticker ticker, std::vector<past::Place> places, Reason reason, Timestamp now) {
    const auto [at, is_new] = entries_.try_emplace(ticker);
    Entry& entry = at->second;
    if (is_new) {
        entry.reason = reason;
        entry.number = ++last_number_;
        entry.next_at = now;
    } else if (entry.places != places && entry.failures > 0) {
        entry.next_at = std::min(entry.next_at, now);
    }
    entry.places = std::move(places);
}

void BackfillCore::unwatch(Ticker ticker) {
    entries_.erase(ticker);
}

std::size_t BackfillCore::under_way(Reason reason) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(jobs_, [&](const auto& job) { return job.second.reason == reason; }));
}

std::size_t BackfillCore::waiting(Timestamp now) const {
    return static_cast<std::size_t>(std::ranges::count_if(entries_, [&](const auto& entry) {
        return entry.second.next_at <= now && !entry.second.places.empty() && !jobs_.contains(entry.first);
    }));
}

std::optional<BackfillCore::Claim> BackfillCore::next(Timestamp now) {
    const std::size_t pinned = under_way(Reason::pinned), needed = under_way(Reason::needed);
    const std::pair<const Ticker, Entry>* best = nullptr;
    for (auto& entry : entries_) {
        // A clock that was set back does not hold anything up for long.
        entry.second.next_at = std::min(entry.second.next_at, now + 2 * every);
        if (entry.second.next_at > now || entry.second.places.empty() || jobs_.contains(entry.first))
            continue;
        if (entry.second.reason == Reason::pinned ? pinned >= most_pinned : needed >= most_needed) continue;
        const auto rank = [](const Entry& e) {
            // Of what came to be needed the newest first: somebody has just opened it.
            const auto number = static_cast<std::int64_t>(e.number);
            const bool is_needed = e.reason == Reason::needed;
            return std::tuple(!is_needed, !e.is_new, is_needed && e.is_new ? -number : 0, e.next_at, number);
        };
        if (best == nullptr || rank(entry.second) < rank(best->second)) best = &entry;
    }
    if (best == nullptr) return std::nullopt;
    jobs_[best->first].reason = best->second.reason;
    return Claim{best->first, best->second.is_new ? now - behind_after : Timestamp{}};
}

void BackfillCore::claimed(Ticker ticker, std::optional<Timestamp> filled, Timestamp now) {
    Job& job = jobs_.at(ticker);
    const auto found = entries_.find(ticker);
    job.joins = found != entries_.end() && std::exchange(found->second.is_new, false);
    job.steps = missing(filled, now);
    job.until = interval_start(now, 1min);
    job.is_first = !filled;
}

void BackfillCore::not_before(Ticker ticker, Timestamp at) {
    jobs_.erase(ticker);
    if (const auto found = entries_.find(ticker); found != entries_.end()) found->second.next_at = at;
}

std::optional<past::PastAsk> BackfillCore::asking(Ticker ticker) const {
    const auto found = entries_.find(ticker);
    const auto job = jobs_.find(ticker);
    if (found == entries_.end() || job == jobs_.end() || job->second.at >= job->second.steps.size())
        return std::nullopt;
    const Step& step = job->second.steps[job->second.at];
    return past::PastAsk{.places = found->second.places,
                         .from = step.from,
                         .to = step.to,
                         .interval = step.interval,
                         .urgency = step.urgency,
                         .within = step.within,
                         .most_venues = most_venues};
}

BackfillCore::Next BackfillCore::answered(Ticker ticker, const past::PastBars& bars) {
    Job& job = jobs_.at(ticker);
    job.bars += bars.bars.size();
    job.has_answer |= bars.has_answer();
    if (!bars.has_answer() && bars.may_tell_more()) {
        job.failed = true;
        job.why = "no venue answered";
        for (const past::Answered& venue : bars.venues) {
            if (venue.failure)
                job.why = fmt::format("{}: {}", venue.place.source.view(), venue.failure->text);
        }
    }
    const bool is_last = ++job.at == job.steps.size();
    // One that waits for the newest minutes gets the rest in any case.
    if (!is_last && !(job.failed && !job.is_first)) return Next::ask;
    if (!job.has_answer && !job.steps.empty()) job.failed = true;
    return job.failed ? Next::failed : Next::finished;
}

BackfillCore::Outcome BackfillCore::ended(Ticker ticker, Timestamp now) {
    const auto found = jobs_.find(ticker);
    if (found == jobs_.end()) return {std::nullopt, now};
    const Job job = std::move(found->second);
    jobs_.erase(found);
    Outcome out{
        .until = std::nullopt, .next_at = now, .bars = job.bars, .is_first = job.is_first, .why = job.why};
    const auto entry = entries_.find(ticker);
    if (entry == entries_.end()) return out;
    if (job.failed) {
        out.next_at = now + after_failure.ceiling(++entry->second.failures);
        if (out.why.empty()) out.why = "no venue has candles of it";
    } else {
        entry->second.failures = 0;
        out.until = job.until;
        // Apart from each other: an odd part of ten minutes for each.
        const Duration apart = 10min * static_cast<std::int64_t>(entry->second.number % 97) / 97;
        out.next_at = now + (job.joins || job.is_first ? join_after : every + apart);
    }
    entry->second.next_at = out.next_at;
    return out;
}

}  // namespace pricewire::history
