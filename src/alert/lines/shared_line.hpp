#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "alert/lines/pieces_past.hpp"
#include "alert/lines/trailing.hpp"
#include "alert/lines/window.hpp"
#include "domain/rule.hpp"
#include "rule/line.hpp"

namespace pricewire::alert {

// What many alerts watch: the price of a ticker, or a ratio. Knows what rule::Line knows, once for all of them, and which
// of them a value wakes. Two guards stand before everything: a value between them wakes nobody. Pure; owned by one thread.
class SharedLine {
public:
    const rule::LineState& state() const { return state_; }
    // The time of its last price, or its end; Timestamp::min() if it has had none.
    Timestamp last() const {
        return state_.current ? state_.current->time : state_.gone_since.value_or(Timestamp::min());
    }
    // Its last value, whether it is still in effect or not.
    std::optional<rule::Point> newest() const {
        if (state_.current || past_.last() == nullptr) return state_.current;
        return rule::Point{past_.last()->value, past_.last()->from};
    }
    const PiecesPast& past() const { return past_; }
    PiecesPast& past() { return past_; }
    // The last ones before `time`.
    std::vector<rule::LineGap> gaps_until(Timestamp time) const;
    // Those that ended after `from` and before `until`.
    std::vector<rule::LineGap> gaps_between(Timestamp from, Timestamp until) const;

    // It had no value from then on; nothing is known of the time before. Nothing if it knows any.
    void begin_blind(Timestamp since);

    // Another value; nullopt: none any more. What it replaces becomes part of the past.
    void set(std::optional<Decimal> value, Timestamp time);
    // Takes those that the value in effect wakes; they may come more than once.
    void take_woken(Timestamp time, std::vector<Slot>& out);
    // Both, of a value after a value where it moves no anchor and wakes nobody: nearly always. False: it is not so, and
    // nothing was done.
    bool pass(Decimal value, Timestamp time) {
        if (!state_.current || time >= windows_change_ || !is_quiet(value)) return false;
        rule::Point& current = *state_.current;
        if (current.value >= up_moves_ || current.value <= down_moves_) return false;
        past_.push({current.value, current.time, std::max(time, current.time)});
        state_.previous = current.time;
        current = {value, time};
        forget(time);
        if (!state_.known_from) state_.known_from = time;
        return true;
    }
    bool is_quiet(Decimal value) const { return value < up_guard_ && value > down_guard_; }

    // As it was before everything of `time`, as far as its past can be taken back: what was taken back is appended to
    // `later`, the newest first.
    rule::LineState as_of(Timestamp time) const;
    // newest() of before `time`.
    std::optional<rule::Point> last_before(Timestamp time) const;
    void take_back(Timestamp time, std::vector<Piece>& later);
    // Makes that its state.
    void rewind(Timestamp time);
    bool has_gap_from(Timestamp time) const;
    // Of that moment an alert's own run may know prices that are not known here.
    void doubt(Timestamp time) { doubted_ = std::max(doubted_, time); }
    bool is_sure_since(Timestamp time) const { return doubted_ < time; }
    // Wakes those whose extreme may have been less extreme before a late price than it is now, by the values since then,
    // from `low` to `high`.
    void take_woken_late(std::optional<Decimal> in_effect, Decimal low, Decimal high, std::vector<Slot>& out);

    // Wakes those whose extreme may be a value of `time` or later, if that was none after all.
    void take_anchored_since(Timestamp time, std::vector<Slot>& out);

    // What was before all that it knows.
    void take_past(const std::vector<Piece>& pieces, const std::vector<rule::LineGap>& gaps);

    // The end of its value wakes them.
    void wait_for_end(Slot slot) { for_end_.insert(slot); }
    void leave_end(Slot slot) { for_end_.erase(slot); }
    // Where alerts wait. An anchor is that of the alert as of now.
    template <Side side>
    void wait_at(Decimal level, Slot slot) {
        book<side>().insert(level, slot);
        Decimal& guard = side == Side::above ? up_guard_ : down_guard_;
        guard = nearer<side>(guard, level);
    }
    template <Side side>
    void leave(Decimal level, Slot slot) {
        // One that is not the nearest is no guard.
        const bool was_guard = level == (side == Side::above ? up_guard_ : down_guard_);
        if (book<side>().erase(level, slot) && was_guard) renew_guards();
    }
    template <Side side>
    void wait_in_window(const WindowKind& kind, const Shift& shift, Slot slot) {
        Window& in = window(kind);
        in.template insert<side>(shift, slot);
        guard_by(in);
    }
    template <Side side>
    void leave_window(const WindowKind& kind, const Shift& shift, Slot slot) {
        const auto found = std::ranges::find_if(windows_, [&](const auto& w) { return w->kind() == kind; });
        if (found == windows_.end() || !(*found)->template erase<side>(shift, slot)) return;
        if ((*found)->empty()) windows_.erase(found);
        renew_guards();
    }
    template <Side side>
    void wait_in_class(Side extreme, Decimal anchor, const Shift& shift, Slot slot) {
        const auto place = place_of<side>(shift);
        auto& all = trailing<side>();
        auto found = find_trailing(all, extreme, place.first);
        if (found == all.end()) found = all.insert(all.end(), TrailingClasses<side>(extreme, place.first));
        found->insert(anchor, place.second, slot);
        guard_by(*found);
    }
    template <Side side>
    void leave_class(Side extreme, Decimal anchor, const Shift& shift, Slot slot) {
        const auto place = place_of<side>(shift);
        auto& all = trailing<side>();
        const auto found = find_trailing(all, extreme, place.first);
        if (found == all.end() || !found->erase(anchor, place.second, slot)) return;
        if (found->empty()) all.erase(found);
        renew_guards();
    }
    // Its past reaches back so far at least. Duration::max(): as far as it is known.
    void keep(Duration span) { keep_ = std::max(keep_, span); }

private:
    static constexpr Duration kept_at_least = std::chrono::minutes{3};
    static constexpr std::size_t most_gaps = 4096;

    template <Side side>
    auto& book() {
        if constexpr (side == Side::above) {
            return ups_;
        } else {
            return downs_;
        }
    }
    template <Side side>
    auto& trailing() {
        if constexpr (side == Side::above) {
            return up_trailing_;
        } else {
            return down_trailing_;
        }
    }
    template <typename All>
    static auto find_trailing(All& all, Side extreme, const ShiftFamily& family) {
        return std::ranges::find_if(
            all, [&](const auto& c) { return c.extreme() == extreme && c.family() == family; });
    }
    Window& window(const WindowKind& kind);
    Ring<Piece>::Iterator ended_by(Timestamp time) const;
    void end_current(Timestamp time);
    void forget(Timestamp now) {
        if (keep_ != Duration::max() && past_.has_older_than(now - keep_)) forget_before(now - keep_);
    }
    void forget_before(Timestamp moment);
    void renew_windows(Timestamp time);
    void renew_guards();
    // Where more wait than before, the guards can only be nearer.
    void guard_by(const Window& window);
    template <Side side>
    void guard_by(const TrailingClasses<side>& classes) {
        Decimal& guard = side == Side::above ? up_guard_ : down_guard_;
        guard = nearer<side>(guard, classes.guard());
        moved_by(classes);
    }
    template <typename Anchored>
    void moved_by(const Anchored& anchored) {
        up_moves_ = nearer<Side::above>(up_moves_, anchored.template moves_from<Side::above>());
        down_moves_ = nearer<Side::below>(down_moves_, anchored.template moves_from<Side::below>());
    }

    // What wakes somebody, and what moves an anchor when it is over: a value at one of these or beyond it, or one that comes
    // at `windows_change_` or later.
    Decimal up_guard_ = greatest_decimal, down_guard_ = least_decimal;
    Decimal up_moves_ = greatest_decimal, down_moves_ = least_decimal;
    Timestamp windows_change_ = Timestamp::max();
    rule::LineState state_;
    Duration keep_ = kept_at_least;
    PiecesPast past_;
    std::deque<rule::LineGap> gaps_;
    std::optional<Timestamp> blind_since_;  // begin_blind(), while its past does not reach further back
    Timestamp doubted_ = Timestamp::min();

    absl::btree_set<Slot> for_end_;
    OrderedSlots<Side::above> ups_;
    OrderedSlots<Side::below> downs_;
    std::vector<std::unique_ptr<Window>> windows_;
    std::vector<TrailingClasses<Side::above>> up_trailing_;
    std::vector<TrailingClasses<Side::below>> down_trailing_;
};

}  // namespace pricewire::alert
