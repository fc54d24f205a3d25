#include "alert/lines/shared_line.hpp"

namespace pricewire::alert {

// --- Values

void SharedLine::end_current(Timestamp time) {
    if (!state_.current) return;
    const Piece piece{state_.current->value, state_.current->time, std::max(time, state_.current->time)};
    past_.push(piece);
    state_.previous = piece.from;
    state_.current.reset();
    bool is_moved = false;
    for (auto& window : windows_) {
        if (!window->is_beaten_by(piece.value)) continue;
        window->renew_by(piece, past_, time);
        is_moved = true;
    }
    for (auto& c : up_trailing_) is_moved = c.on_price(piece.value) || is_moved;
    for (auto& c : down_trailing_) is_moved = c.on_price(piece.value) || is_moved;
    if (is_moved) renew_guards();
    forget(time);
}

void SharedLine::forget_before(Timestamp moment) {
    past_.forget_before(moment);
    blind_since_.reset();
    if (past_.known_from() && *past_.known_from() < moment) past_.set_known_from(moment);
    if (state_.known_from && *state_.known_from < moment) state_.known_from = moment;
}

void SharedLine::set(std::optional<Decimal> value, Timestamp time) {
    if (!value) {
        if (state_.current) state_.gone_since = time;
        return end_current(time);
    }
    if (state_.gone_since) {
        if (*state_.gone_since < time) {
            if (gaps_.size() == most_gaps) gaps_.pop_front();
            gaps_.push_back({*state_.gone_since, time});
        }
        state_.gone_since.reset();
    }
    end_current(time);
    state_.current = rule::Point{*value, time};
    if (!state_.known_from) state_.known_from = time;
}

void SharedLine::begin_blind(Timestamp since) {
    if (!state_.known_from && !state_.gone_since) state_.gone_since = blind_since_ = since;
}

void SharedLine::take_woken(Timestamp time, std::vector<Slot>& out) {
    if (time >= windows_change_) renew_windows(time);
    if (!state_.current) {
        out.insert(out.end(), for_end_.begin(), for_end_.end());
        for_end_.clear();
        return;
    }
    if (is_quiet(state_.current->value)) return;
    const Decimal value = state_.current->value;
    ups_.take([&](Decimal level) { return value >= level; }, out);
    downs_.take([&](Decimal level) { return value <= level; }, out);
    for (auto& window : windows_) {
        if (value >= window->guard<Side::above>() || value <= window->guard<Side::below>())
            window->take(value, out);
    }
    for (auto& c : up_trailing_) c.take(value, out);
    for (auto& c : down_trailing_) c.take(value, out);
    std::erase_if(windows_, [](const auto& window) { return window->empty(); });
    std::erase_if(up_trailing_, [](const auto& c) { return c.empty(); });
    std::erase_if(down_trailing_, [](const auto& c) { return c.empty(); });
    renew_guards();
}

std::vector<rule::LineGap> SharedLine::gaps_until(Timestamp time) const {
    std::vector<rule::LineGap> out;
    for (auto gap = gaps_.rbegin(); gap != gaps_.rend() && out.size() < rule::Line::most_gaps; ++gap) {
        if (gap->to < time) out.push_back(*gap);
    }
    std::ranges::reverse(out);
    return out;
}

std::vector<rule::LineGap> SharedLine::gaps_between(Timestamp from, Timestamp until) const {
    std::vector<rule::LineGap> out;
    for (auto gap = gaps_.rbegin(); gap != gaps_.rend() && gap->to > from; ++gap) {
        if (gap->to < until) out.push_back(*gap);
    }
    std::ranges::reverse(out);
    return out;
}

// --- Guards

Window& SharedLine::window(const WindowKind& kind) {
    for (auto& window : windows_) {
        if (window->kind() == kind) return *window;
    }
    keep(kind.over + kept_at_least);
    windows_.push_back(std::make_unique<Window>(kind));
    windows_.back()->renew(past_, last());
    return *windows_.back();
}

void SharedLine::renew_windows(Timestamp time) {
    for (auto& window : windows_) {
        if (time >= window->changes_at()) window->renew(past_, time);
    }
    renew_guards();
}

void SharedLine::renew_guards() {
    up_guard_ = ups_.empty() ? never_reached<Side::above> : ups_.best();
    down_guard_ = downs_.empty() ? never_reached<Side::below> : downs_.best();
    up_moves_ = never_reached<Side::above>;
    down_moves_ = never_reached<Side::below>;
    windows_change_ = Timestamp::max();
    for (const auto& window : windows_) guard_by(*window);
    for (const auto& c : up_trailing_) guard_by(c);
    for (const auto& c : down_trailing_) guard_by(c);
}

void SharedLine::guard_by(const Window& window) {
    up_guard_ = nearer<Side::above>(up_guard_, window.guard<Side::above>());
    down_guard_ = nearer<Side::below>(down_guard_, window.guard<Side::below>());
    windows_change_ = std::min(windows_change_, window.changes_at());
    moved_by(window);
}

// --- The past

// Behind the pieces that had ended before `time`.
Ring<Piece>::Iterator SharedLine::ended_by(Timestamp time) const {
    auto after = past_.pieces().end();
    while (after != past_.pieces().begin() && std::prev(after)->until >= time) --after;
    return after;
}

// The value in effect before `time` is the first piece that ended at `time` or later, if it began before.
rule::LineState SharedLine::as_of(Timestamp time) const {
    rule::LineState out = state_;
    const auto& pieces = past_.pieces();
    auto after = ended_by(time);
    out.current.reset();
    if (after != pieces.end() && after->from < time) {
        out.current = rule::Point{after->value, after->from};
    } else if (after == pieces.end() && state_.current && state_.current->time < time) {
        out.current = state_.current;
    }
    const bool any_before = after != pieces.begin();
    out.previous.reset();
    out.gone_since.reset();
    if (any_before) out.previous = std::prev(after)->from;
    if (!out.current) out.gone_since = any_before ? std::prev(after)->until : blind_since_;
    if (out.known_from && *out.known_from >= time) out.known_from.reset();
    return out;
}

std::optional<rule::Point> SharedLine::last_before(Timestamp time) const {
    if (const auto now = as_of(time).current) return now;
    const auto after = ended_by(time);
    if (after == past_.pieces().begin()) return std::nullopt;
    return rule::Point{std::prev(after)->value, std::prev(after)->from};
}

void SharedLine::take_back(Timestamp time, std::vector<Piece>& later) {
    while (past_.last() != nullptr && past_.last()->until >= time) later.push_back(*past_.undo());
}

void SharedLine::rewind(Timestamp time) {
    state_ = as_of(time);
    std::vector<Piece> later;
    take_back(time, later);
    std::erase_if(gaps_, [&](const rule::LineGap& gap) { return gap.to >= time; });
    for (auto& window : windows_) window->renew(past_, time);
    renew_guards();
}

bool SharedLine::has_gap_from(Timestamp time) const {
    const auto begins_then = [&](const rule::LineGap& gap) { return gap.from == time; };
    return state_.gone_since == time || std::ranges::any_of(gaps_, begins_then);
}

void SharedLine::take_past(const std::vector<Piece>& pieces, const std::vector<rule::LineGap>& gaps) {
    if (pieces.empty()) return;
    const bool is_new = !state_.known_from;
    const Timestamp first = is_new ? pieces.back().until : *state_.known_from;
    blind_since_.reset();
    std::erase_if(gaps_, [&](const rule::LineGap& gap) { return gap.to <= first; });  // the past tells
    if (is_new) {
        for (const Piece& piece : pieces) past_.push(piece);
    } else {
        // What can be taken back is given again, since it may have to be without what comes after it.
        std::vector<Piece> later;
        take_back(Timestamp::min(), later);
        past_.prepend(pieces);
        for (auto piece = later.rbegin(); piece != later.rend(); ++piece) past_.push(*piece);
    }
    state_.known_from = pieces.front().from;
    if (pieces.back().until < first) gaps_.push_front({pieces.back().until, first});
    gaps_.insert(gaps_.begin(), gaps.begin(), gaps.end());
    if (is_new) {
        state_.previous = pieces.back().from;
        state_.gone_since = pieces.back().until;
    }
    for (auto& window : windows_) window->renew(past_, pieces.back().until);
    renew_guards();
}

void SharedLine::take_anchored_since(Timestamp time, std::vector<Slot>& out) {
    Decimal low = greatest_decimal, high = least_decimal;
    const auto& pieces = past_.pieces();
    for (auto piece = pieces.rbegin(); piece != pieces.rend() && piece->until >= time; ++piece) {
        low = std::min(low, piece->value);
        high = std::max(high, piece->value);
    }
    for (auto& c : up_trailing_) c.take_anchored(low, high, out);
    for (auto& c : down_trailing_) c.take_anchored(low, high, out);
    renew_guards();
}

void SharedLine::take_woken_late(std::optional<Decimal> in_effect, Decimal low, Decimal high,
                                 std::vector<Slot>& out) {
    for (auto& c : up_trailing_) c.take_late(in_effect, low, high, out);
    for (auto& c : down_trailing_) c.take_late(in_effect, low, high, out);
    renew_guards();
}

}  // namespace pricewire::alert
