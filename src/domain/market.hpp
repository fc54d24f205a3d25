#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "base/small_string.hpp"
#include "domain/enum_names.hpp"

namespace pricewire::inline domain {

// "BTC"; the configuration checks it with is_ticker().
using Ticker = SmallString<15>;
// "binance": the name of a source in the configuration.
using SourceName = SmallString<15>;

// 1 to 15 characters of A-Z and 0-9.
bool is_ticker(std::string_view text);

// Exchanges trade, and vote for the price. An aggregator repeats the figures of others up to a minute late:
// it checks and replaces them, and never votes.
enum class SourceKind : std::uint8_t { exchange, aggregator };
inline constexpr auto source_kind_names = enum_names<SourceKind>({
    {SourceKind::exchange, "exchange"},
    {SourceKind::aggregator, "aggregator"},
});
constexpr std::string_view to_string(SourceKind k) {
    return source_kind_names.name(k);
}
constexpr std::optional<SourceKind> parse_source_kind(std::string_view text) {
    return source_kind_names.parse(text);
}

// "USD", "USDT": what a price is counted in.
using Currency = SmallString<7>;

// One source's price of one ticker. `price` > 0.
struct Quote {
    SourceName source;
    SourceKind kind = SourceKind::exchange;
    Ticker ticker;
    Decimal price;
    Timestamp time;         // when the source says the price was made (its clock)
    Timestamp received_at;  // our clock
    Currency currency = "USD";
    std::optional<std::uint64_t> trade_id = std::nullopt;  // the source's own, where it has a numeric one
    bool is_live =
        true;  // false: from before the subscription (a snapshot, a backfill); never the present price
    bool is_timed = true;  // false: the source gave no time, and `time` is when it was asked, by our clock
};

// Whether a quote counts, and if not, why.
enum class Verdict : std::uint8_t {
    counted,      // it contributed to the price
    check_only,   // an aggregator's quote, used to check the exchanges
    stale,        // older than the limit for its kind
    disputed,     // two sources disagree and nothing decides between them
    outlier,      // far from the median of the others or from its own past, or refuted by an aggregator
    unconfirmed,  // a jump by the only source, not yet confirmed by its next quotes
    foreign,      // counted in a currency that is not converted to dollars
    lagging,      // its venue delivers the past: trades that are older than a few seconds
    stuck,        // repeats its last trade while the others move
    off_peg,      // its currency has left the dollar, and the dollar venues lead
};
inline constexpr auto verdict_names = enum_names<Verdict>({
    {Verdict::counted, "counted"},
    {Verdict::check_only, "check_only"},
    {Verdict::stale, "stale"},
    {Verdict::disputed, "disputed"},
    {Verdict::outlier, "outlier"},
    {Verdict::unconfirmed, "unconfirmed"},
    {Verdict::foreign, "foreign"},
    {Verdict::lagging, "lagging"},
    {Verdict::stuck, "stuck"},
    {Verdict::off_peg, "off_peg"},
});
constexpr std::string_view to_string(Verdict v) {
    return verdict_names.name(v);
}

struct JudgedQuote {
    Quote quote;
    Verdict verdict = Verdict::counted;
    std::optional<Decimal> dollars = std::nullopt;  // what its price is in dollars; unset if it is foreign
    // How far `dollars` is from the price, in tenths of a basis point; negative below it. 0 without a price.
    std::int64_t spread_bp10 = 0;
};

// A consolidated price. `sequence` increases by one with every price of a process, across all tickers.
struct Price {
    Ticker ticker;
    Decimal value;
    Timestamp time;  // when the deciding quote was made (our clock); per ticker it never decreases
    std::uint64_t sequence = 0;
};

// A ticker's price is no longer known from `time` on.
struct PriceGone {
    Ticker ticker;
    Timestamp time;
};

// Where the price may be, given how far the sources are apart: low <= price <= high.
struct PriceBand {
    Decimal low, high;
    friend bool operator==(const PriceBand&, const PriceBand&) = default;
};

// Everything known about a ticker: its price, if there is one, and each source's latest quote with its
// verdict.
struct TickerBoard {
    Ticker ticker;
    std::optional<Price> price = std::nullopt;
    std::vector<JudgedQuote> quotes = {};
    std::optional<Timestamp> unpriced_since = std::nullopt;  // the feed's clock; unset while there is a price
    std::optional<PriceBand> band = std::nullopt;            // unset without a price
    int sources = 0;        // that agree with the price; those of one owner count once
    std::string note = {};  // one plain sentence, "USDT is at 0.9312 USD" say; may be empty
};

// How far `value` is from `price` > 0, in tenths of a basis point; at most ten million per cent either way.
std::int64_t spread_bp10(Decimal value, Decimal price);

// Whether a source delivers prices as it should.
enum class SourceCondition : std::uint8_t { ok, degraded, down };
inline constexpr auto source_condition_names = enum_names<SourceCondition>({
    {SourceCondition::ok, "ok"},
    {SourceCondition::degraded, "degraded"},
    {SourceCondition::down, "down"},
});
constexpr std::string_view to_string(SourceCondition c) {
    return source_condition_names.name(c);
}

// The state of one source, as reported by the feed that reads it.
struct SourceReport {
    SourceName name;
    SourceCondition condition = SourceCondition::ok;
    std::string detail;                      // one plain sentence; may be empty
    std::optional<Timestamp> last_quote_at;  // the feed's clock
    SourceKind kind = SourceKind::exchange;
    std::string title = {};  // as the venue writes its name
    std::string state = {};  // how its prices arrive, or why they do not: one word; empty from an older feed
    friend bool operator==(const SourceReport&, const SourceReport&) = default;
};

// Open, high, low and close of the consolidated price within the minute, or a longer interval, that starts at `start`.
struct Bar {
    Ticker ticker;
    Timestamp start;
    Decimal open, high, low, close;
    std::optional<Decimal> volume = std::nullopt;  // in coins, of the venues that tell it; unset: not known
    bool is_history = false;  // some of it comes from venues' candles, not from prices that were judged live
    friend bool operator==(const Bar&, const Bar&) = default;
};

}  // namespace pricewire::inline domain
