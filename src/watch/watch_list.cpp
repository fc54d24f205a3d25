#include "watch/watch_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace pricewire::watch {

std::size_t most_named_by_alerts(std::size_t room) {
    return std::max(room / 10, std::min<std::size_t>(room, 10));
}

std::size_t most_looked_at(std::size_t room) {
    return std::clamp<std::size_t>(most_named_by_alerts(room), 1, 50);
}

WatchList::WatchList(std::span<const Ticker> pinned, WatchLimits limits, Find find)
    : limits_(limits), find_(std::move(find)) {
    for (const Ticker& ticker : pinned) {
        Entry& entry = entries_[ticker];
        entry.rank = Rank::pinned;
        entry.is_watched = true;
    }
    pinned_ = entries_.size();
}

WatchList::Changes WatchList::update(std::span<const NeededTicker> needed, bool look_again, MonoTime now,
                                     const std::set<Ticker>& elsewhere) {
    note_needs(needed, now);
    for (auto& [ticker, entry] : entries_) {
        if (entry.rank != Rank::pinned && elsewhere.contains(ticker)) entry.rank = Rank::over;
    }
    for (auto& [ticker, entry] : entries_) {
        if ((entry.found && !look_again) || entry.rank == Rank::over) continue;
        auto found = find_(ticker);
        if (!found || found == entry.found) continue;
        entry.is_moved |= entry.is_watched;
        entry.found = std::move(found);
    }
    Changes out;
    const std::set<Ticker> now_watched = chosen();
    for (auto it = entries_.begin(); it != entries_.end();) {
        auto& [ticker, entry] = *it;
        const bool watch = entry.rank == Rank::pinned || now_watched.contains(ticker);
        const bool before = std::exchange(entry.is_watched, watch);
        const bool is_moved = std::exchange(entry.is_moved, false);
        if (entry.rank != Rank::pinned && watch && (!before || is_moved))
            out.watch.push_back({ticker, entry.found->places});
        if (before && !watch) out.unwatch.push_back(ticker);
        it = entry.rank >= Rank::in_grace && !watch ? entries_.erase(it) : std::next(it);
    }
    return out;
}

void WatchList::note_needs(std::span<const NeededTicker> needed, MonoTime now) {
    for (auto& [ticker, entry] : entries_) {
        if (entry.rank != Rank::pinned) entry.rank = Rank::in_grace;
    }
    for (const NeededTicker& need : needed) {
        const auto [it, fresh] = entries_.try_emplace(need.ticker);
        Entry& entry = it->second;
        if (fresh) entry.number = next_number_++;
        if (entry.rank == Rank::pinned) continue;
        entry.rank = need.by_alert ? Rank::by_alert : Rank::looked_at;
        entry.needed_at = now;
    }
    for (auto& [ticker, entry] : entries_) {
        if (entry.rank == Rank::in_grace && now - entry.needed_at >= grace) entry.rank = Rank::over;
    }
}

// Of those that are not pinned.
std::set<Ticker> WatchList::chosen() const {
    std::set<Ticker> out;
    if (!limits_.on_demand) return out;
    std::vector<const Entries::value_type*> candidates;
    for (const auto& each : entries_) {
        const Entry& entry = each.second;
        if (entry.rank == Rank::pinned || entry.rank == Rank::over) continue;
        if (entry.found && !entry.found->places.empty()) candidates.push_back(&each);
    }
    std::ranges::sort(candidates, {}, [](const Entries::value_type* each) {
        const Entry& entry = each->second;
        return std::tuple(entry.rank, !entry.is_watched, entry.number);
    });
    const std::size_t room = limits_.max_tickers - std::min(limits_.max_tickers, pinned_);
    candidates.resize(std::min(candidates.size(), room));
    for (const auto* each : candidates) out.insert(each->first);
    return out;
}

std::vector<WatchState> WatchList::unwatched() const {
    std::vector<WatchState> out;
    for (const auto& [ticker, entry] : entries_) {
        if (auto trouble = trouble_of(ticker, entry)) out.push_back(std::move(*trouble));
    }
    return out;
}

std::optional<WatchState> WatchList::trouble_of(const Ticker& ticker, const Entry& entry) const {
    if (entry.rank >= Rank::in_grace) return std::nullopt;
    const auto state = [&](Unwatchable why, std::string reason) {
        return WatchState{ticker, why, std::move(reason), {}};
    };
    if (entry.rank != Rank::pinned && !limits_.on_demand) {
        return state(Unwatchable::switched_off, std::string(only_pinned_reason));
    }
    if (!entry.found) return std::nullopt;
    const std::vector<Place>& places = entry.found->places;
    if (places.empty()) return state(entry.found->why, entry.found->reason);
    if (!entry.is_watched) {
        return state(Unwatchable::no_room,
                     fmt::format("There is no room: {} tickers are watched already (market.max_tickers).",
                                 limits_.max_tickers));
    }
    if (std::ranges::all_of(places, &Place::is_halted)) {
        return state(Unwatchable::halted, "Its trading is halted at every source that lists it.");
    }
    return std::nullopt;
}

bool WatchList::is_watched(const Ticker& ticker) const {
    const auto found = entries_.find(ticker);
    return found != entries_.end() && found->second.is_watched;
}

std::size_t WatchList::watched() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(entries_, [](const auto& each) { return each.second.is_watched; }));
}

}  // namespace pricewire::watch
