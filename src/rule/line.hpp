#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "domain/rule.hpp"
#include "domain/stretch.hpp"

// What a rule watches: a sequence of values with times, and their extremes. Value types, pure.
namespace pricewire::rule {

// A value, and since when it was in effect.
struct Point {
    Decimal value;
    Timestamp time;
    friend bool operator==(const Point&, const Point&) = default;
};

// A time without a value.
struct LineGap {
    Timestamp from, to;
    friend bool operator==(const LineGap&, const LineGap&) = default;
};

// The highest or the lowest of the values that were in effect since a moment, for any such moment. Keeps only what can
// still become an extreme: values beyond all that came after them.
class Extremes {
public:
    // Beyond so many, older ones are thinned.
    static constexpr std::size_t most = 65'536;

    // `keeps_true`: thinned so that an extreme is never less extreme than it was; else so that it never lasts longer.
    Extremes(bool highest, bool keeps_true) : highest_(highest), keeps_true_(keeps_true) {}

    // A value that was in effect until then; never earlier than those before.
    void add(const Point& point, Timestamp until);
    // Of the values in effect after `since`; nullopt: none.
    std::optional<Point> since(Timestamp since) const;
    // Forgets what was in effect until `before` at the latest.
    void forget(Timestamp before);
    // The more extreme of two values.
    bool is_beyond(Decimal a, Decimal b) const { return highest_ ? a > b : a < b; }

private:
    struct Entry {
        Point point;
        Timestamp until;
    };
    void thin();
    bool highest_;
    bool keeps_true_;
    std::vector<Entry> entries_;  // by time; each is beyond all after it
    std::size_t first_ = 0;       // those before are forgotten
};

// What a line of a price, a ratio or an age knows beside its extremes and older gaps; see Line.
struct LineState {
    std::optional<Point> current = {};
    std::optional<Timestamp> previous = {}, gone_since = {}, known_from = {};
    std::optional<Decimal> price = {}, other = {};  // of a ratio; of an age, the last one
    std::optional<Timestamp> priced_at = {};        // of an age
};

// The line of one rule. Times never decrease.
class Line {
public:
    explicit Line(const Rule& rule);
    // Of no closes. As if it had taken all before, apart from its extremes. `gaps`: the last ones.
    Line(const Rule& rule, const LineState& state, std::vector<LineGap> gaps);
    static constexpr std::size_t most_gaps = 32;

    // As Run::history(). begin() ends what was in effect before the stretch; history() calls it.
    void begin(const Rule& rule, const Stretch& stretch);
    void history(const Rule& rule, const Ticker& ticker, const Stretch& stretch);
    // What no stretch covers until `time` was a gap.
    void settle(const Rule& rule, Timestamp time);
    // Of no closes and ages: it had no value from then on. Nothing if it knows any.
    void begin_blind(Timestamp since);
    // A price of one of its tickers, or its end. Whether the line has another value by it, or none any more.
    bool take(const Rule& rule, const Ticker& ticker, Timestamp time, std::optional<Decimal> price);

    // Of closes: when the bar ends that contains what came last; nullopt: nothing is in effect.
    std::optional<Timestamp> bar_end() const { return bar_end_; }
    void end_bar(const Rule& rule);
    // Of closes: another price in the bar.
    void set_price(Decimal price) { price_ = price; }
    // Of an age: there was a price then, whose value is not known.
    void had_price(Timestamp time);
    // Of an age: when it is reached.
    std::optional<Timestamp> reached(Decimal seconds) const;

    std::optional<Decimal> value(const Rule& rule, Timestamp now) const;
    // Of an age: of the last price that there was; unset where that is not known.
    const std::optional<Decimal>& last_price() const { return price_; }
    // What is in effect; unset of an age.
    const std::optional<Point>& current() const { return current_; }
    // The time of the value before the current one.
    std::optional<Timestamp> previous() const { return previous_; }
    std::optional<Timestamp> gone_since() const { return gone_since_; }
    // Values are known from then on.
    std::optional<Timestamp> known_from() const { return known_from_; }
    // Those that ended after `since`, oldest first, the last ones.
    const std::vector<LineGap>& gaps() const { return gaps_; }

    // Of the values before the current one; null where the level needs none. 0: of the level, 1: of the upper one.
    std::optional<Extremes>& extremes(std::size_t which) { return extremes_[which]; }
    const std::optional<Extremes>& extremes(std::size_t which) const { return extremes_[which]; }

private:
    void set(std::optional<Decimal> value, Timestamp time);
    void end_current(Timestamp time);
    void set_ratio(Timestamp time);
    void end_bars(const Rule& rule, Timestamp until);

    std::optional<Point> current_;
    std::optional<Timestamp> previous_, gone_since_, known_from_;
    std::optional<Decimal> price_, other_;  // of ratios and closes: of the tickers; of an age the last one
    std::optional<Timestamp> priced_at_;    // of an age
    std::optional<Timestamp> bar_end_;
    // The end of the last stretch, until something follows it.
    std::optional<Timestamp> known_until_, other_until_;
    std::vector<LineGap> gaps_;
    std::optional<Extremes> extremes_[2];
};

}  // namespace pricewire::rule
