#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "alert/lines/suffix_extremes.hpp"
#include "alert/recent_prices.hpp"
#include "alert/ring.hpp"

namespace pricewire::alert {

// The prices of a line that are over: their suffix minima and maxima, and the latest pieces themselves, which can be taken
// back, so that what a late price changes is judged as of its time. The price in effect is not among them: the price that
// is judged is not part of its own level.
//
// Nobody asks for the extremes at most prices: a piece is put into the stacks when somebody does, or when it cannot be taken
// back any more; then, of many at once, only what none after it beats.
//
// Pure; owned by one thread.
class PiecesPast {
public:
    // The pieces that can be taken back: `least_undone`, and more for as long as RecentPrices keeps prices, up to as many as
    // it keeps in all: a late price that it takes must not be judged by what came after it.
    static constexpr std::size_t least_undone = RecentPrices::least;
    static constexpr std::size_t most_undone = RecentPrices::most_in_all;
    static constexpr Duration undone_for = RecentPrices::longest + RecentPrices::margin;

    // `piece` is later than all before.
    void push(const Piece& piece) {
        if (!known_from_) known_from_ = piece.from;
        // Member by member, so that nothing just written is read in larger pieces.
        Piece& last = pieces_.add();
        last.value = piece.value;
        last.from = piece.from;
        last.until = piece.until;
        if (pieces_.size() >= forget_at_) forget_pieces();
    }
    // Takes back the last push(); nullopt if it cannot be.
    std::optional<Piece> undo() {
        if (pieces_.empty()) return std::nullopt;
        const Piece piece = pieces_.back();
        pieces_.pop_back();
        if (removed_.size() > pieces_.size()) {
            lows_.undo(removed_.back().lows, removed_lows_);
            highs_.undo(removed_.back().highs, removed_highs_);
            removed_.pop_back();
        }
        return piece;
    }
    // The piece that undo() would return; null if none.
    const Piece* last() const { return pieces_.empty() ? nullptr : &pieces_.back(); }

    const SuffixExtremes<Side::below>& lows() const {
        catch_up();
        return lows_;
    }
    const SuffixExtremes<Side::above>& highs() const {
        catch_up();
        return highs_;
    }
    // Those that can be taken back, the newest last.
    const Ring<Piece>& pieces() const { return pieces_; }
    // What was before everything that is known, in order.
    void prepend(const std::vector<Piece>& pieces) {
        if (pieces.empty()) return;
        PiecesPast before;
        for (const Piece& piece : pieces) before.push(piece);
        catch_up();
        lows_.prepend(before.lows());
        highs_.prepend(before.highs());
        known_from_ = pieces.front().from;
    }

    // Since when prices are known; unset if none is.
    std::optional<Timestamp> known_from() const { return known_from_; }
    void set_known_from(Timestamp from) { known_from_ = from; }

    void forget_before(Timestamp moment) {
        lows_.forget_before(moment);
        highs_.forget_before(moment);
    }
    // Of what is in the stacks.
    bool has_older_than(Timestamp moment) const {
        return lows_.has_older_than(moment) || highs_.has_older_than(moment);
    }

private:
    static constexpr std::size_t forget_every = 1024;
    struct Removed {
        std::uint32_t lows = 0, highs = 0;
    };

    void catch_up() const {
        for (std::size_t i = removed_.size(); i < pieces_.size(); ++i) {
            const auto lows = lows_.push(pieces_[i], removed_lows_, i + 1);
            const auto highs = highs_.push(pieces_[i], removed_highs_, i + 1);
            removed_.push_back({static_cast<std::uint32_t>(lows), static_cast<std::uint32_t>(highs)});
        }
    }
    void forget_pieces() {
        const std::size_t least = pieces_.size() - least_undone;
        const std::size_t most = pieces_.size() - std::min(pieces_.size(), most_undone);
        const auto recent =
            std::ranges::lower_bound(pieces_, pieces_.back().until - undone_for, {}, &Piece::until);
        const auto old = static_cast<std::size_t>(recent - pieces_.begin());
        const std::size_t count = std::max(most, std::min(old, least));
        const std::size_t in_stacks = std::min(count, removed_.size());
        Removed all;
        for (std::size_t i = 0; i < in_stacks; ++i) {
            all.lows += removed_[i].lows;
            all.highs += removed_[i].highs;
        }
        removed_.pop_front(in_stacks);
        removed_lows_.pop_front(all.lows);
        removed_highs_.pop_front(all.highs);
        push_unbeaten(in_stacks, count);
        pieces_.pop_front(count);
        forget_at_ = pieces_.size() + forget_every;
    }
    // Of [first, last).
    void push_unbeaten(std::size_t first, std::size_t last) {
        std::vector<Piece> lows, highs;
        for (std::size_t i = last; i > first; --i) {
            const Piece& piece = pieces_[i - 1];
            if (lows.empty() || piece.value < lows.back().value) lows.push_back(piece);
            if (highs.empty() || piece.value > highs.back().value) highs.push_back(piece);
        }
        lows_.push_unbeaten(lows);
        highs_.push_unbeaten(highs);
    }

    Ring<Piece> pieces_;
    // Of the first of them, which are in the stacks: how many entries each has removed, and which.
    mutable Ring<Removed> removed_;
    mutable Ring<SuffixEntry> removed_lows_, removed_highs_;
    mutable SuffixExtremes<Side::below> lows_;
    mutable SuffixExtremes<Side::above> highs_;
    std::optional<Timestamp> known_from_;
    std::size_t forget_at_ = least_undone + forget_every;
};

}  // namespace pricewire::alert
