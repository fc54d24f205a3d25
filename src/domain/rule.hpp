#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "domain/condition.hpp"
#include "domain/enum_names.hpp"
#include "domain/market.hpp"

// What an alert says beyond "above" and "below" a number, as a record. Room `rule` reads, checks and writes it, and says
// what it means.
namespace pricewire::inline domain {

// When a value fires. The first four are states, which fire at once where they hold; then come their fresh twins, which
// wait until the state has not held once, in the same order; then crossing either way.
enum class Word : std::uint8_t {
    above,
    below,
    inside,
    outside,
    crosses_up,
    crosses_down,
    enters,
    leaves,
    crosses
};
inline constexpr auto word_names = enum_names<Word>({
    {Word::above, "above"},
    {Word::below, "below"},
    {Word::inside, "inside"},
    {Word::outside, "outside"},
    {Word::crosses_up, "crosses_up"},
    {Word::crosses_down, "crosses_down"},
    {Word::enters, "enters"},
    {Word::leaves, "leaves"},
    {Word::crosses, "crosses"},
});
constexpr std::string_view to_string(Word w) {
    return word_names.name(w);
}
constexpr std::optional<Word> parse_word(std::string_view text) {
    return word_names.parse(text);
}
// Between two levels, not at one.
constexpr bool is_channel(Word w) {
    return w == Word::inside || w == Word::outside || w == Word::enters || w == Word::leaves;
}

// What a level is measured from.
// number  a number that the user gives
// start   the price when the alert began
// high    the highest price since the alert began, or of the time `over` before
// low     the lowest
enum class Anchor : std::uint8_t { number, start, high, low };
inline constexpr auto anchor_names = enum_names<Anchor>({
    {Anchor::number, "number"},
    {Anchor::start, "start"},
    {Anchor::high, "high"},
    {Anchor::low, "low"},
});
constexpr std::string_view to_string(Anchor a) {
    return anchor_names.name(a);
}
constexpr std::optional<Anchor> parse_anchor(std::string_view text) {
    return anchor_names.parse(text);
}

// A change: "5%", "-3%", "-500".
struct Change {
    Decimal amount;  // in percent, or in what the line is counted in; signed
    bool is_percent = false;
    friend bool operator==(const Change&, const Change&) = default;
};

struct Level {
    Anchor from = Anchor::number;
    Decimal number{};          // where from is number; of an age in seconds
    Duration over{};           // of high and low; 0: since the start
    std::optional<Change> by;  // not 0; unset: the anchor itself
    friend bool operator==(const Level&, const Level&) = default;
};

// What a rule compares with its level: the price of its ticker; that price at the end of each bar of `interval`; the
// price of its ticker in `other`; for how many seconds there has been no price that counts.
enum class Watched : std::uint8_t { price, close, ratio, age };

// One comparison.
struct Rule {
    Ticker ticker;
    Watched watched = Watched::price;
    Duration interval{};  // where watched is close
    Ticker other{};       // where watched is ratio
    Word word = Word::above;
    Level level;                      // of a channel the lower one
    std::optional<Level> upper = {};  // set of a channel only
    friend bool operator==(const Rule&, const Rule&) = default;
};

// one: a single rule. all: fires when all of its rules hold, as one machine. any: each rule fires for itself.
enum class Joined : std::uint8_t { one, all, any };
inline constexpr auto joined_names = enum_names<Joined>({
    {Joined::one, "one"},
    {Joined::all, "all"},
    {Joined::any, "any"},
});

struct Repeat {
    Duration cooldown = std::chrono::minutes{5};  // at least 10 s
    Change rearm;                                 // how far back it must have been; not negative
    std::optional<std::int64_t> times = {};       // firings in all; unset: no limit
    friend bool operator==(const Repeat&, const Repeat&) = default;
};

constexpr std::size_t max_rules = 4;
// With how many others a user's active alerts may compare one ticker: each of its prices makes all its ratios anew.
constexpr std::size_t max_ratios = 16;

// What decides when an alert fires.
struct Terms {
    Joined joined = Joined::one;
    std::vector<Rule> rules;            // 1, or 2 to max_rules; the first one's ticker is the alert's
    Duration hold{};                    // `for`; 0: fires when it becomes true
    std::optional<Repeat> repeat = {};  // unset: once
    friend bool operator==(const Terms&, const Terms&) = default;
};
// All that the terms watch, the alert's own first, each once.
std::vector<Ticker> tickers_of(const Terms& terms);

}  // namespace pricewire::inline domain
