#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "alert/lines/pieces_past.hpp"
#include "alert/lines/shift.hpp"

namespace pricewire::alert {

// What a window's alerts are measured from.
struct WindowKind {
    Duration over{};
    Side extreme = Side::above;  // above: the highest price
    bool remember = false;       // what thinning has made uncertain counts as still in the window
    bool whole = false;          // unknown until prices are known from before the window
    friend bool operator==(const WindowKind&, const WindowKind&) = default;
};

// The extreme price of the time `over` before, and the alerts whose levels move with it, by family. Looked at again only
// when the extreme changes: at a price that beats it, or at changes_at(). Pure; owned by one thread.
class Window {
public:
    explicit Window(const WindowKind& kind) : kind_(kind) {}

    const WindowKind& kind() const { return kind_; }
    // Unset: unknown, or no price is known of the time.
    std::optional<Decimal> anchor() const { return anchor_; }
    Timestamp changes_at() const { return changes_at_; }

    static bool is_unknown(const PiecesPast& past, const WindowKind& kind, Timestamp now) {
        return kind.whole && (!past.known_from() || *past.known_from() > now - kind.over);
    }
    // The anchor as of `now`, which is not in `past`. Null where none is known.
    static const SuffixEntry* extreme_of(const PiecesPast& past, const WindowKind& kind, Timestamp now) {
        // Before the first price `now` may be the least of all times.
        if (!past.known_from() || is_unknown(past, kind, now)) return nullptr;
        const Timestamp begin = now - kind.over;
        return kind.extreme == Side::above ? past.highs().since(begin, kind.remember)
                                           : past.lows().since(begin, kind.remember);
    }

    // Takes the anchor as of `now`.
    void renew(const PiecesPast& past, Timestamp now) {
        const SuffixEntry* entry = extreme_of(past, kind_, now);
        is_unknown_ = is_unknown(past, kind_, now);
        if (entry != nullptr) {
            anchor_ = entry->value;
            changes_at_ = (kind_.remember ? entry->at_most : entry->at_least()) + kind_.over;
        } else {
            anchor_.reset();
            changes_at_ =
                is_unknown_ && past.known_from() ? *past.known_from() + kind_.over : Timestamp::max();
        }
        renew_guards();
    }
    // As renew(), by a price that has just ended, and that is_beaten_by() tells of.
    void renew_by(const Piece& piece, const PiecesPast& past, Timestamp now) {
        if (is_unknown_) return renew(past, now);
        anchor_ = piece.value;
        changes_at_ = piece.until + kind_.over;
        renew_guards();
    }
    // A price at that or beyond it changes the anchor when it is over.
    template <Side side>
    Decimal moves_from() const {
        // Until then it stays unknown, whatever comes.
        if (is_unknown_ && changes_at_ != Timestamp::max()) return never_reached<side>;
        if (!anchor_) return always_reached<side>;
        return kind_.extreme == side ? *anchor_ : never_reached<side>;
    }
    bool is_beaten_by(Decimal price) const {
        return reaches<Side::above>(price, moves_from<Side::above>()) ||
               reaches<Side::below>(price, moves_from<Side::below>());
    }

    template <Side side>
    void insert(const Shift& shift, Slot slot) {
        const auto [family, order] = place_of<side>(shift);
        auto& all = books<side>();
        auto book = std::ranges::find(all, family, &ShiftBook<side>::family);
        if (book == all.end()) book = all.insert(all.end(), ShiftBook<side>(family));
        book->insert(order, slot);
        renew_guards();
    }
    template <Side side>
    bool erase(const Shift& shift, Slot slot) {
        const auto [family, order] = place_of<side>(shift);
        auto& all = books<side>();
        const auto book = std::ranges::find(all, family, &ShiftBook<side>::family);
        if (book == all.end() || !book->erase(order, slot)) return false;
        if (book->empty()) all.erase(book);
        renew_guards();
        return true;
    }
    bool empty() const { return ups_.empty() && downs_.empty(); }

    // The value that wakes the first.
    template <Side side>
    Decimal guard() const {
        return side == Side::above ? up_guard_ : down_guard_;
    }
    // Takes those that `value` wakes. Where no anchor is known, the value is its own.
    void take(Decimal value, std::vector<Slot>& out) {
        if (is_unknown_) return;
        const Decimal anchor = anchor_.value_or(value);
        for (auto& book : ups_) book.take(anchor, value, out);
        for (auto& book : downs_) book.take(anchor, value, out);
        std::erase_if(ups_, [](const auto& book) { return book.empty(); });
        std::erase_if(downs_, [](const auto& book) { return book.empty(); });
        renew_guards();
    }

private:
    template <Side side>
    auto& books() {
        if constexpr (side == Side::above) {
            return ups_;
        } else {
            return downs_;
        }
    }
    void renew_guards() {
        up_guard_ = never_reached<Side::above>;
        down_guard_ = never_reached<Side::below>;
        if (!anchor_) {
            // The next value is judged by itself.
            if (!is_unknown_ && !ups_.empty()) up_guard_ = always_reached<Side::above>;
            if (!is_unknown_ && !downs_.empty()) down_guard_ = always_reached<Side::below>;
            return;
        }
        for (const auto& book : ups_) up_guard_ = nearer<Side::above>(up_guard_, book.guard(*anchor_));
        for (const auto& book : downs_) down_guard_ = nearer<Side::below>(down_guard_, book.guard(*anchor_));
    }

    WindowKind kind_;
    std::optional<Decimal> anchor_;
    bool is_unknown_ = false;  // rather than none
    Timestamp changes_at_ = Timestamp::max();
    std::vector<ShiftBook<Side::above>> ups_;
    std::vector<ShiftBook<Side::below>> downs_;
    Decimal up_guard_ = never_reached<Side::above>;
    Decimal down_guard_ = never_reached<Side::below>;
};

}  // namespace pricewire::alert
