#include "rule/line.hpp"

#include <algorithm>
#include <utility>

#include "domain/bars.hpp"
#include "rule/detail/rule_levels.hpp"
#include "rule/levels.hpp"

namespace pricewire::rule {
namespace {

std::optional<Extremes> extremes_of(const Rule& rule, std::size_t which) {
    const Level& level = detail::level_of(rule, which);
    if (!detail::is_extreme(level)) return std::nullopt;
    return Extremes(level.from == Anchor::high, detail::keeps_true(rule, which));
}

}  // namespace

void Extremes::add(const Point& point, Timestamp until) {
    if (entries_.size() > first_) until = std::max(until, entries_.back().until);
    while (entries_.size() > first_ && !is_beyond(entries_.back().point.value, point.value))
        entries_.pop_back();
    entries_.push_back({point, until});
    if (entries_.size() - first_ > most) thin();
}

std::optional<Point> Extremes::since(Timestamp since) const {
    const auto begin = entries_.begin() + static_cast<std::ptrdiff_t>(first_);
    const auto found =
        std::partition_point(begin, entries_.end(), [&](const Entry& e) { return e.until <= since; });
    if (found == entries_.end()) return std::nullopt;
    return found->point;
}

void Extremes::forget(Timestamp before) {
    while (first_ < entries_.size() && entries_[first_].until <= before) ++first_;
    constexpr std::size_t many = 256;
    if (first_ < many || first_ * 2 < entries_.size()) return;
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
}

// Every other entry of the older half goes: one that keeps true lasts as long as the next one did.
void Extremes::thin() {
    std::vector<Entry> kept;
    kept.reserve(entries_.size() - first_);
    const std::size_t half = first_ + (entries_.size() - first_) / 4 * 2;
    for (std::size_t i = first_; i < half; i += 2) {
        Entry entry = entries_[keeps_true_ ? i : i + 1];
        entry.until = entries_[i + 1].until;
        kept.push_back(entry);
    }
    kept.insert(kept.end(), entries_.begin() + static_cast<std::ptrdiff_t>(half), entries_.end());
    entries_ = std::move(kept);
    first_ = 0;
}

Line::Line(const Rule& rule) {
    for (std::size_t which = 0; which < detail::levels_of(rule); ++which)
        extremes_[which] = extremes_of(rule, which);
}

Line::Line(const Rule& rule, const LineState& state, std::vector<LineGap> gaps) : Line(rule) {
    current_ = state.current;
    previous_ = state.previous;
    gone_since_ = state.gone_since;
    known_from_ = state.known_from;
    price_ = state.price;
    other_ = state.other;
    priced_at_ = state.priced_at;
    gaps_ = std::move(gaps);
}

void Line::end_current(Timestamp time) {
    if (!current_) return;
    for (auto& extremes : extremes_) {
        if (extremes) extremes->add(*current_, time);
    }
    previous_ = current_->time;
    current_.reset();
}

void Line::set(std::optional<Decimal> value, Timestamp time) {
    if (!value) {
        if (current_) gone_since_ = time;
        end_current(time);
        return;
    }
    if (gone_since_ && *gone_since_ < time) {
        if (gaps_.size() == most_gaps) gaps_.erase(gaps_.begin());
        gaps_.push_back({*gone_since_, time});
    }
    gone_since_.reset();
    end_current(time);
    current_ = Point{*value, time};
    if (!known_from_) known_from_ = time;
}

void Line::set_ratio(Timestamp time) {
    const auto value = price_ && other_ ? ratio(*price_, *other_) : std::nullopt;
    if (value || current_) set(value, time);
}

bool Line::take(const Rule& rule, const Ticker& ticker, Timestamp time, std::optional<Decimal> price) {
    if (rule.watched == Watched::ratio && ticker == rule.other) {
        other_ = price;
        set_ratio(time);
        return true;
    }
    if (ticker != rule.ticker) return false;
    switch (rule.watched) {
        case Watched::price:
            set(price, time);
            return true;
        case Watched::ratio:
            price_ = price;
            set_ratio(time);
            return true;
        case Watched::close:
            price_ = price;
            if (price && !bar_end_) bar_end_ = interval_start(time, rule.interval) + rule.interval;
            return false;
        case Watched::age:
            if (price) price_ = price, priced_at_ = time;
            return price.has_value();
    }
    return false;
}

void Line::end_bar(const Rule& rule) {
    const Timestamp end = *bar_end_;
    set(price_, end);
    bar_end_.reset();
    if (price_) bar_end_ = end + rule.interval;
}

void Line::end_bars(const Rule& rule, Timestamp until) {
    while (bar_end_ && *bar_end_ <= until) end_bar(rule);
}

void Line::had_price(Timestamp time) {
    if (priced_at_ && *priced_at_ >= time) return;
    price_.reset();
    priced_at_ = time;
}

std::optional<Timestamp> Line::reached(Decimal seconds) const {
    if (!priced_at_) return std::nullopt;
    return *priced_at_ + age_of(seconds);
}

std::optional<Decimal> Line::value(const Rule& rule, Timestamp now) const {
    if (rule.watched == Watched::age) {
        if (!priced_at_) return std::nullopt;
        return seconds_of(now - *priced_at_);
    }
    if (!current_) return std::nullopt;
    return current_->value;
}

void Line::settle(const Rule& rule, Timestamp time) {
    const auto ends = [time](std::optional<Timestamp>& until) {
        const bool is_gap = until && *until < time;
        until.reset();
        return is_gap;
    };
    if (rule.watched == Watched::ratio) {
        const bool was_known = known_until_ || other_until_;
        if (ends(known_until_)) price_.reset();
        if (ends(other_until_)) other_.reset();
        if (was_known) set_ratio(time);
        return;
    }
    const auto until = known_until_;
    if (!ends(known_until_) || rule.watched == Watched::age) return;
    take(rule, rule.ticker, *until, std::nullopt);
}

void Line::begin_blind(Timestamp since) {
    if (!known_from_ && !gone_since_) gone_since_ = since;
}

void Line::begin(const Rule& rule, const Stretch& stretch) {
    settle(rule, stretch.from);
    end_bars(rule, stretch.from);
    if (rule.watched == Watched::price) end_current(stretch.from);
}

void Line::history(const Rule& rule, const Ticker& ticker, const Stretch& stretch) {
    if (rule.watched == Watched::ratio) {
        if (ticker == rule.ticker) price_ = stretch.last, known_until_ = stretch.to;
        if (ticker == rule.other) other_ = stretch.last, other_until_ = stretch.to;
        return;
    }
    if (ticker != rule.ticker) return;
    begin(rule, stretch);
    known_until_ = stretch.to;
    // Where within the stretch its extremes were is not known: they count from its beginning.
    if (rule.watched == Watched::price && stretch.low < stretch.high && !stretch.goes_on) {
        for (auto& extremes : extremes_) {
            if (!extremes) continue;
            const Decimal value = extremes->is_beyond(stretch.high, stretch.low) ? stretch.high : stretch.low;
            extremes->add({value, stretch.from}, stretch.from + Duration{1});
        }
    }
    if (rule.watched == Watched::age) {
        price_ = stretch.last;
        priced_at_ = stretch.to;
    } else if (rule.watched == Watched::close) {
        take(rule, ticker, stretch.from, stretch.last);
        end_bars(rule, stretch.to);
    } else {
        set(stretch.last, stretch.from);
    }
}

}  // namespace pricewire::rule
