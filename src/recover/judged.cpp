#include "recover/judged.hpp"

#include <algorithm>
#include <utility>

// Cases
//
// what comes after `until_`                            what follows
// ---------------------------------------------------  ------------------------------------------------------------
// a sign of life within the limit                      all was judged up to it, but for tickers that no feed hears
// a sign of life after more than the limit             a gap of all tickers that are heard now; those that are not
//                                                      stay blind, since `until_` at the latest
// a ticker that a live feed hears                      its span ends, if it has one
// a ticker that no live feed hears                     blind since the latest time at which one of them heard it; one
//                                                      that was never heard by those that live, since the latest of
//                                                      their starts: since `until_` then, or the end of a gap
// a sign of life from before a feed's last one         its clock was set back: time goes on from there
//
// A feed without a sign of life for longer than the limit is gone, and says nothing about its tickers any more. The
// stream hands signs of life out again after a reconnect of the checker, older ones among them: they change nothing,
// since what was judged twice was judged.

namespace pricewire::recover {

Judged::Judged(Duration limit, std::optional<Timestamp> until, const std::vector<BlindSpan>& open)
    : limit_(limit), until_(until) {
    for (const BlindSpan& span : open) {
        const auto [at, added] = blind_.try_emplace(span.ticker, Blind{span.from, true});
        if (!added) at->second.since = std::min(at->second.since, span.from);
    }
}

void Judged::on_heard(std::string_view feed, const Heard& heard) {
    const Timestamp now = heard.time;
    const auto known = feeds_.find(feed);
    if (known != feeds_.end() && now < known->second.time - limit_) {
        until_.reset();
        feeds_.clear();
    } else if (until_ && now < *until_ - limit_) {
        return;  // long judged, by the one before or by another checker
    }
    const std::optional<Timestamp> before = until_;
    const bool is_gap = before && now - *before > limit_;
    Judged::Gap gap{before.value_or(now), now, is_gap ? why_nothing_was_judged(feed) : "", {}};

    if (is_gap) gap_end_ = now;
    Feed& own = feeds_.try_emplace(std::string(feed), now, is_gap ? now : before.value_or(now)).first->second;
    own.time = now;
    own.unheard.clear();
    for (const Unheard& unheard : heard.unheard) own.unheard.emplace(unheard.ticker, unheard.since);
    forget_dead_feeds(now);

    std::set<Ticker> tickers;
    for (const Unheard& unheard : heard.unheard) tickers.insert(unheard.ticker);
    for (const auto& [ticker, blind] : blind_) tickers.insert(ticker);
    for (const Ticker ticker : tickers) judge(ticker, now, before, is_gap);
    left_.clear();

    until_ = std::max(before.value_or(now), now);
    if (!is_gap) return;
    for (const auto& [ticker, blind] : blind_) gap.except.insert(ticker);
    changes_.gaps.push_back(std::move(gap));
}

void Judged::judge(Ticker ticker, Timestamp now, std::optional<Timestamp> before, bool is_gap) {
    const auto known = blind_.find(ticker);
    if (!is_unheard(ticker)) {
        if (known == blind_.end()) return;
        const Blind blind = known->second;
        blind_.erase(known);
        if (is_short(blind, now)) return;
        changes_.spans.push_back({.ticker = ticker,
                                  .from = blind.since,
                                  .to = std::max(now, blind.since),
                                  .reason = "no exchange was heard",
                                  .state = BlindState::waiting,
                                  .told_until = {},
                                  .unknown = std::max(now - blind.since, Duration::zero())});
        return;
    }
    if (known == blind_.end()) {
        Timestamp since = heard_until(ticker).value_or(before.value_or(now));
        if (is_gap) since = std::min(since, *before);
        blind_.emplace(ticker, Blind{std::min(since, now), false, since == gap_end_});
    }
    Blind& blind = blind_.at(ticker);
    if (blind.is_told || is_short(blind, now)) return;
    blind.is_told = true;
    changes_.spans.push_back({.ticker = ticker,
                              .from = blind.since,
                              .to = std::nullopt,
                              .reason = "no exchange was heard",
                              .state = BlindState::open,
                              .told_until = {}});
}

void Judged::forget_dead_feeds(Timestamp now) {
    for (auto feed = feeds_.begin(); feed != feeds_.end();) {
        if (now - feed->second.time <= limit_) {
            ++feed;
            continue;
        }
        // What those that live do not hear was heard until then, unless this one did not hear it either.
        for (const auto& [id, other] : feeds_) {
            for (const auto& [ticker, since] : other.unheard) {
                if (feed->second.unheard.contains(ticker)) continue;
                Timestamp& left = left_.try_emplace(ticker, feed->second.time).first->second;
                left = std::max(left, feed->second.time);
            }
        }
        feed = feeds_.erase(feed);
    }
}

bool Judged::is_unheard(Ticker ticker) const {
    return std::ranges::all_of(feeds_,
                               [&](const auto& feed) { return feed.second.unheard.contains(ticker); });
}

bool Judged::is_short(const Blind& blind, Timestamp now) const {
    if (blind.is_told) return false;
    return blind.follows_gap ? now <= blind.since : now - blind.since <= limit_;
}

std::optional<Timestamp> Judged::heard_until(Ticker ticker) const {
    std::optional<Timestamp> latest, started;
    if (const auto left = left_.find(ticker); left != left_.end()) latest = left->second;
    for (const auto& [id, feed] : feeds_) {
        const auto unheard = feed.unheard.find(ticker);
        if (unheard == feed.unheard.end()) continue;
        if (unheard->second) {
            latest = std::max(latest.value_or(*unheard->second), *unheard->second);
        } else {
            started = std::max(started.value_or(feed.unheard_since), feed.unheard_since);
        }
    }
    return latest ? latest : started;
}

std::string Judged::why_nothing_was_judged(std::string_view feed) const {
    if (feeds_.empty()) return "Pricewire was not running";
    if (feeds_.contains(feed)) return "the computer slept, the process was stopped, or prices did not arrive";
    return "no feed was running";
}

}  // namespace pricewire::recover
