#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "domain/condition.hpp"

namespace pricewire::alert {

// A price and when it was in effect: [from, until).
struct Piece {
    Decimal value;
    Timestamp from, until;
    friend bool operator==(const Piece&, const Piece&) = default;
};

// One of the values that no later one of the line has beaten. Its time was exact once; after thinning it lies in
// [at_least, at_most].
struct SuffixEntry {
    Decimal value;
    Timestamp at_most;             // until when it was in effect
    std::uint64_t slack : 28 = 0;  // microseconds before `at_most`
    std::uint64_t held : 36 = 0;  // how long it had been in effect by then, in microseconds; at most 19 hours

    Timestamp at_least() const { return at_most - Duration{slack}; }
    Timestamp from() const { return at_least() - Duration{held}; }
};
static_assert(sizeof(SuffixEntry) == 32);

// The suffix minima (`weaker` is std::greater) or maxima (std::less) of a line's prices: a stack in which both values and
// times rise toward the top, so that "the lowest price since T" and "the last time at or below L" are found by bisection.
// A price that is pushed removes those that it beats: each is pushed and removed once, O(1) a price.
//
// Pure; owned by one thread.
template <Side extreme>
class SuffixExtremes {
public:
    // Beyond this many, older entries are thinned to one a second.
    static constexpr std::size_t exact_entries = 65'536;
    // Beyond this many, those older than a week to one a minute.
    static constexpr std::size_t second_entries = 1 << 20;

    // True if `a` is the more extreme one: above of maxima, below of minima.
    static bool beats(Decimal a, Decimal b) { return is_beyond(extreme, a, b); }

    // `piece` is the newest. Entries that it removes are appended to `removed`, the top first; returns how many. So many of
    // the last pushes may be taken back, this one among them: their entries are not thinned.
    template <typename Removed>
    std::size_t push(const Piece& piece, Removed& removed, std::size_t undoable = 0) {
        std::size_t count = 0;
        while (size() > 0 && !beats(entries_.back().value, piece.value)) {
            removed.push_back(entries_.back());
            entries_.pop_back();
            ++count;
        }
        // Member by member, so that nothing just written is read in larger pieces.
        SuffixEntry& entry = entries_.emplace_back();
        entry.value = piece.value;
        entry.at_most = piece.until;
        entry.held = held_of(piece);
        if (entries_.size() - first_ > limit_) thin(undoable);
        return count;
    }
    // As push() of many pieces, which are never taken back. `unbeaten`: those of them that none after them beats, the newest
    // first.
    void push_unbeaten(const std::vector<Piece>& unbeaten) {
        std::vector<SuffixEntry> removed;
        for (auto piece = unbeaten.rbegin(); piece != unbeaten.rend(); ++piece) {
            push(*piece, removed);
            removed.clear();
        }
    }
    // Takes back the last push(), which had removed `count` entries, now at the end of `removed`.
    template <typename Removed>
    void undo(std::size_t count, Removed& removed) {
        if (size() > 0) entries_.pop_back();
        for (; count > 0; --count) {
            entries_.push_back(removed.back());
            removed.pop_back();
        }
    }

    // The extreme of the prices in effect after `moment`; null if none is known. A thinned one counts as over early
    // (`remember` false) or late (true).
    const SuffixEntry* since(Timestamp moment, bool remember = false) const {
        const auto found =
            std::upper_bound(begin(), entries_.end(), moment, [&](Timestamp t, const SuffixEntry& entry) {
                return t < (remember ? entry.at_most : entry.at_least());
            });
        return found == entries_.end() ? nullptr : &*found;
    }
    // Until when a price at or beyond `level` was last in effect (`strictly`: beyond it), at the latest; nullopt if none.
    std::optional<Timestamp> last_reaching(Decimal level, bool strictly) const {
        const auto found = std::partition_point(begin(), entries_.end(), [&](const SuffixEntry& entry) {
            return beats(entry.value, level) || (!strictly && entry.value == level);
        });
        if (found == begin()) return std::nullopt;
        return std::prev(found)->at_most;
    }

    // What was before all that is here: those of its entries that nothing here beats.
    void prepend(const SuffixExtremes& before) {
        Entries all(before.begin(), before.entries_.end());
        while (!all.empty() && size() > 0 && !beats(all.back().value, begin()->value)) all.pop_back();
        all.insert(all.end(), begin(), entries_.cend());
        entries_ = std::move(all);
        first_ = 0;
    }
    // The entries that a window ending at `until` or later, and beginning after `since`, may be measured from.
    template <typename F>
    void each_between(Timestamp since, Timestamp until, bool remember, F&& f) const {
        const auto over = [&](const SuffixEntry& entry) {
            return remember ? entry.at_most : entry.at_least();
        };
        for (auto entry = this->since(since, remember); entry != nullptr && entry != end(); ++entry) {
            f(*entry);
            if (over(*entry) > until) break;
        }
    }

    // Entries that were over by `moment` are dropped, some of them later.
    void forget_before(Timestamp moment) {
        while (first_ < entries_.size() && entries_[first_].at_most <= moment) ++first_;
        if (first_ < 1024 || first_ < entries_.size() / 2) return;
        entries_.erase(entries_.begin(), begin());
        first_ = 0;
    }
    bool has_older_than(Timestamp moment) const {
        return first_ < entries_.size() && entries_[first_].at_most <= moment;
    }

    std::size_t size() const { return entries_.size() - first_; }

private:
    using Entries = std::vector<SuffixEntry>;

    static std::uint64_t held_of(const Piece& piece) {
        constexpr std::uint64_t most = (std::uint64_t{1} << 36) - 1;
        const std::int64_t held = (piece.until - piece.from).count();
        return held < 0 ? 0 : std::min(static_cast<std::uint64_t>(held), most);
    }
    const SuffixEntry* end() const { return entries_.data() + entries_.size(); }
    typename Entries::const_iterator begin() const {
        return entries_.begin() + static_cast<std::ptrdiff_t>(first_);
    }

    void thin(std::size_t undoable) {
        entries_.erase(entries_.begin(), begin());
        first_ = 0;
        const std::size_t exact = std::min(entries_.size(), std::max(exact_entries / 2, undoable));
        thin_to(entries_.size() - exact, std::chrono::seconds{1});
        if (entries_.size() > second_entries) {
            const Timestamp week_ago = entries_.back().at_most - std::chrono::days{7};
            const auto recent =
                std::partition_point(entries_.begin(), entries_.end() - static_cast<std::ptrdiff_t>(exact),
                                     [&](const SuffixEntry& e) { return e.at_most < week_ago; });
            thin_to(static_cast<std::size_t>(recent - entries_.begin()), std::chrono::minutes{1});
        }
        limit_ = std::max(exact_entries, entries_.size() + exact_entries / 2);
    }
    // Of the first `count` entries, those that end within one `step` become one: with the most extreme value, which is
    // over when the first of them is, or when the last of them is, whichever makes an alert wait.
    void thin_to(std::size_t count, Duration step) {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < count; ++i) {
            SuffixEntry& last = entries_[kept == 0 ? 0 : kept - 1];
            const auto begins = std::chrono::floor<Duration>(last.at_least()).time_since_epoch() / step;
            if (kept > 0 && entries_[i].at_most.time_since_epoch() / step == begins) {
                last.slack = static_cast<std::uint64_t>((entries_[i].at_most - last.at_least()).count());
                last.at_most = entries_[i].at_most;
            } else {
                entries_[kept++] = entries_[i];
            }
        }
        entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(kept),
                       entries_.begin() + static_cast<std::ptrdiff_t>(count));
    }

    Entries entries_;  // from `first_` on
    std::size_t first_ = 0;
    std::size_t limit_ = exact_entries;
};

}  // namespace pricewire::alert
