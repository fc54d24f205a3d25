#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "domain/alert.hpp"
#include "domain/blind.hpp"
#include "domain/condition.hpp"
#include "past/combine.hpp"
#include "recover/past_prices.hpp"

namespace pricewire::recover {

// What venues told of a time, minute by minute.
struct ToldMinutes {
    std::vector<past::CombinedBar> bars;  // oldest first
    std::vector<SourceName> venues;       // bit i of CombinedBar::sources
    std::size_t owners_listed = 0;        // who trade the ticker
    // Each venue that was asked has told what it knows; and two owners have, where there are two. If not, a minute
    // without a bar may have had trades.
    bool is_whole = false;
};
constexpr Duration minute_length = std::chrono::minutes{1};
// Those of `venues` whose bits are set, sorted.
std::vector<SourceName> names_of(std::uint64_t bits, const std::vector<SourceName>& venues);

// Of a minute, by trade.
struct ToldTrades {
    std::vector<PastPrice> prices;   // from before the minute, so that the price at its beginning is known
    std::vector<SourceName> venues;  // bit i of PastPrice::sources
    // They are of two owners, where two trade the ticker, and of half the weight of the minute's bar: a level beyond
    // `reached` was not reached.
    bool decide = false;
    std::optional<PriceBand> reached;  // see reached_together()
};

// Alerts whose level was touched by one price: they fire together.
struct LateFirings {
    Decimal price;
    LateFiring late;
    std::vector<Uuid> alerts;
};

// Which alerts of one ticker were touched between two moments in which nobody watched. Pure; one thread. recovery.cpp
// describes how it decides.
class Recovery {
public:
    // [from, to); `told` has the minutes that touch it. Alerts that `told` cannot decide are left out.
    Recovery(Timestamp from, Timestamp to, ToldMinutes told, std::span<const RecoverableAlert> alerts);

    // Minutes whose trades may say more, oldest first: those in which an alert is touched for the first time.
    std::vector<Timestamp> wanted() const;
    // Trades of a wanted minute; without a value: there are none to be had. Later minutes may be wanted then.
    void take(Timestamp minute, std::optional<ToldTrades> trades);
    const ToldMinutes& told() const { return told_; }
    // In order of time. To be called when nothing is wanted, or what is will not come.
    std::vector<LateFirings> firings() const;

    // How much of [from, to) is unknown, and when that begins: `to` if it is all known.
    Duration unknown() const;
    Timestamp known_until() const;

private:
    struct Touch {
        Timestamp from, to;
        Decimal price;
        std::vector<SourceName> sources;
        auto operator<=>(const Touch&) const = default;
    };
    struct Waiting {
        RecoverableAlert alert;
        std::size_t minute = 0;      // index into told_.bars; the first that touches it
        std::optional<Touch> touch;  // by trade
    };

    bool is_price(const past::CombinedBar& bar) const;
    std::optional<std::size_t> first_touched(const RecoverableAlert& alert, std::size_t from) const;
    std::size_t first_minute(Timestamp moment) const;
    bool was_made_within(const Waiting& waiting) const;
    static bool refutes(const ToldTrades& trades, const RecoverableAlert& alert);
    std::optional<Touch> touch_by_trade(const RecoverableAlert& alert, Timestamp minute,
                                        const ToldTrades& trades) const;
    template <typename F>
    void for_each_part_unknown(F&& f) const;

    const Timestamp from_, to_;
    const ToldMinutes told_;
    std::vector<PriceBand> so_far_;  // as told_.bars: lowest and highest of those that are prices up to it
    std::vector<Waiting> waiting_;
    std::set<Timestamp> answered_;  // minutes whose trades came, or will not
};

}  // namespace pricewire::recover
