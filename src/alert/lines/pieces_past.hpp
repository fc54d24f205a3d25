#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "alert/lines/suffix_extremes.hpp"
#include "alert/recent_prices.hpp"

namespace pricewire::alert {

// The prices of a line that are over: their suffix minima and maxima, and the latest pieces themselves, which can be taken
// back, so that what a late price changes is judged as of its time. The price in effect is not among them: the price that
// is judged is not part of its own level.
//
// Pure; owned by one thread.
class PiecesPast {
public:
    // The pieces that can be taken back: `least_undone`, and more for as long as RecentPrices keeps prices, up to
    // `most_undone`: what is thinned (SuffixExtremes) cannot be taken back.
    static constexpr std::size_t least_undone = RecentPrices::least;
    static constexpr std::size_t most_undone = SuffixExtremes<Side::below>::exact_entries / 4;
    static constexpr Duration undone_for = RecentPrices::longest + RecentPrices::margin;

    // `piece` is later than all before.
    void push(const Piece& piece) {
        const auto lows = static_cast<std::uint32_t>(lows_.push(piece, removed_lows_));
        const auto highs = static_cast<std::uint32_t>(highs_.push(piece, removed_highs_));
        if (!known_from_) known_from_ = piece.from;
        steps_.push_back({piece, lows, highs});
        if (steps_.size() >= forget_at_) forget_steps();
    }
    // Takes back the last push(); nullopt if it cannot be.
    std::optional<Piece> undo() {
        if (steps_.empty()) return std::nullopt;
        const Step step = steps_.back();
        steps_.pop_back();
        lows_.undo(step.lows, removed_lows_);
        highs_.undo(step.highs, removed_highs_);
        return step.piece;
    }
    // The piece that undo() would return; null if none.
    const Piece* last() const { return steps_.empty() ? nullptr : &steps_.back().piece; }

    const SuffixExtremes<Side::below>& lows() const { return lows_; }
    const SuffixExtremes<Side::above>& highs() const { return highs_; }
    struct Step {
        Piece piece;
        std::uint32_t lows, highs;  // how many entries it removed
    };
    // The pieces that can be taken back, the newest last.
    const std::vector<Step>& steps() const { return steps_; }
    // What was before everything that is known, in order.
    void prepend(const std::vector<Piece>& pieces) {
        if (pieces.empty()) return;
        PiecesPast before;
        for (const Piece& piece : pieces) before.push(piece);
        lows_.prepend(before.lows_);
        highs_.prepend(before.highs_);
        known_from_ = pieces.front().from;
    }

    // Since when prices are known; unset if none is.
    std::optional<Timestamp> known_from() const { return known_from_; }
    void set_known_from(Timestamp from) { known_from_ = from; }

    void forget_before(Timestamp moment) {
        lows_.forget_before(moment);
        highs_.forget_before(moment);
    }
    bool has_older_than(Timestamp moment) const {
        return lows_.has_older_than(moment) || highs_.has_older_than(moment);
    }

private:
    void forget_steps() {
        const auto least = steps_.end() - static_cast<std::ptrdiff_t>(least_undone);
        const auto most = steps_.end() - static_cast<std::ptrdiff_t>(std::min(steps_.size(), most_undone));
        const Timestamp before = steps_.back().piece.until - undone_for;
        std::ptrdiff_t lows = 0, highs = 0;
        auto end = steps_.begin();
        for (; end < most || (end < least && end->piece.until < before); ++end) {
            lows += end->lows;
            highs += end->highs;
        }
        steps_.erase(steps_.begin(), end);
        forget_at_ = std::min(2 * std::max(steps_.size(), least_undone), 2 * most_undone);
        removed_lows_.erase(removed_lows_.begin(), removed_lows_.begin() + lows);
        removed_highs_.erase(removed_highs_.begin(), removed_highs_.begin() + highs);
    }

    SuffixExtremes<Side::below> lows_;
    SuffixExtremes<Side::above> highs_;
    std::vector<Step> steps_;
    std::vector<SuffixEntry> removed_lows_, removed_highs_;
    std::optional<Timestamp> known_from_;
    std::size_t forget_at_ = 2 * least_undone;
};

}  // namespace pricewire::alert
