#include "past/combine.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "price/dollar_rates.hpp"
#include "price/votes.hpp"
#include "price/within.hpp"

// The method
//
// As prices are made (price/consolidator.cpp), interval by interval: each venue's candle is a vote, in dollars, with the
// weight of its live quotes, no owner with more than 40 %. Its close says whether the venue agrees with the others:
//
//   3 owners or more   those whose close is more than 2 % from the median are left out; where fewer than two owners
//                      remain, there is no bar
//   2                  there is a bar if their closes are within 2 % of each other
//   1                  its candle, as a lone exchange counts live; `owners` is 1, and whoever may act on a bar of one
//                      where others trade the ticker too has to decide it
//
// Venues of USDT or USDC count by that coin's rate of the same interval; without one they do not count. If their
// median is more than 0.5 % from that of two or more owners who trade for dollars, these lead, and the others are left
// out. Of those that agree:
//
//   open, close   the weighted median, as a price is; of the opens, those within 2 % of each other
//   high          the weighted median of highs; where half of the weight is on either side, the lower of the two
//   low           likewise, the higher of the two
//   volume        the sum of those that give one
//
// So at least half of the weight, and two owners, have reached the high, and the low, unless it is the open or the close,
// which are prices as they are made live; a wick of one venue moves neither beyond what another owner's has seen.

namespace pricewire::past {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t agree_bp = 200;
constexpr std::int64_t apart_bp = 50;
constexpr Duration rate_holds = 1h;
// A larger volume, of one venue in one interval, is none; those of a week of minutes can be summed.
constexpr Decimal most_volume = Decimal::from_int(1'000'000'000'000'000);

// A venue's candle in dollars.
struct Vote {
    std::uint32_t venue = 0;
    std::uint32_t owner = 0;
    bool is_in_dollars = false;
    std::int64_t weight = 1;
    Decimal open, high, low, close;
    std::optional<Decimal> volume;
};
using Of = Decimal Vote::*;

class Interval {
public:
    explicit Interval(Timestamp start) : start_(start) {}
    void add(const Vote& vote) { votes_.push_back(vote); }

    std::optional<CombinedBar> combined() {
        leave_out_those_apart();
        const std::size_t owners = take(&Vote::close);
        if (owners == 0 || !keep_those_near(&Vote::close)) return std::nullopt;
        CombinedBar bar{.start = start_, .close = counted_.median()};
        bar.owners = static_cast<int>(take(&Vote::close));
        if (owners > 1 && bar.owners < 2) return std::nullopt;
        take(&Vote::high);
        bar.high = std::min(counted_.middle().first, reached<std::less<>>(&Vote::high));
        take(&Vote::low);
        bar.low = std::max(counted_.middle().second, reached<std::greater<>>(&Vote::low));
        for (const Vote& vote : votes_) {
            bar.sources |= std::uint32_t{1} << vote.venue;
            if (vote.volume) bar.volume = bar.volume.value_or(Decimal()) + *vote.volume;
        }
        bar.open = agreed_open(bar.close);
        bar.high = std::max({bar.high, bar.open, bar.close});
        bar.low = std::min({bar.low, bar.open, bar.close});
        return bar;
    }

private:
    // Fills `counted_`; returns the number of owners.
    std::size_t take(Of of) {
        counted_.clear();
        for (const Vote& vote : votes_) counted_.add({vote.*of, vote.weight, vote.venue, vote.owner});
        counted_.settle();
        return counted_.owners();
    }

    // The best value that two owners have reached; of one owner its best.
    template <typename Worse>
    Decimal reached(Of of) const {
        std::map<std::uint32_t, Decimal> best;
        for (const Vote& vote : votes_) {
            Decimal& value = best.try_emplace(vote.owner, vote.*of).first->second;
            if (Worse()(value, vote.*of)) value = vote.*of;
        }
        std::vector<Decimal> values;
        for (const auto& [owner, value] : best) values.push_back(value);
        std::ranges::sort(values, [](Decimal a, Decimal b) { return Worse()(b, a); });
        return values[values.size() > 1 ? 1 : 0];
    }

    // Of what take() took: those near the middle stay. False if they are two camps of equal weight.
    bool keep_those_near(Of of) {
        const auto [low, high] = counted_.middle();
        std::optional<Decimal> centre = counted_.median();
        if (!price::within(low, high, agree_bp)) {
            std::int64_t near_low = 0, near_high = 0;
            for (const price::Votes::Vote& vote : counted_.all()) {
                if (price::within(vote.value, low, agree_bp)) near_low += vote.weight;
                if (price::within(vote.value, high, agree_bp)) near_high += vote.weight;
            }
            if (near_low == near_high) return false;
            centre = near_low > near_high ? low : high;
        } else if (counted_.all().size() == 2) {
            centre = high;
        }
        std::erase_if(votes_, [&](const Vote& vote) { return !price::within(vote.*of, *centre, agree_bp); });
        take(of);
        return !votes_.empty();
    }

    void leave_out_those_apart() {
        const std::vector<Vote> all = votes_;
        std::erase_if(votes_, [](const Vote& vote) { return !vote.is_in_dollars; });
        const bool lead = votes_.size() < all.size() && take(&Vote::close) > 1 &&
                          price::within(counted_.lowest(), counted_.highest(), agree_bp);
        const Decimal dollars = lead ? counted_.median() : Decimal();
        votes_ = all;
        if (!lead) return;
        std::erase_if(votes_, [](const Vote& vote) { return vote.is_in_dollars; });
        take(&Vote::close);
        const bool is_apart = !price::within(counted_.median(), dollars, apart_bp);
        votes_ = all;
        if (is_apart) std::erase_if(votes_, [](const Vote& vote) { return !vote.is_in_dollars; });
    }

    // Where the opens do not agree, the one nearest to the close.
    Decimal agreed_open(Decimal close) {
        const auto nearest = std::ranges::min_element(
            votes_, {}, [&](const Vote& vote) { return std::pair((vote.open - close).abs(), vote.open); });
        const Decimal fallback = nearest->open;
        const std::size_t owners = take(&Vote::open);
        if (owners < 2) return counted_.median();
        if (!keep_those_near(&Vote::open) || counted_.owners() < 2) return fallback;
        return counted_.median();
    }

    const Timestamp start_;
    std::vector<Vote> votes_;
    price::Votes counted_;
};

std::uint32_t owner_of(std::span<const VenueCandles> venues, std::size_t i) {
    const auto name = [](const VenueCandles& venue) {
        return venue.owner.empty() ? venue.source : venue.owner;
    };
    std::uint32_t first = 0;
    while (name(venues[first]) != name(venues[i])) ++first;
    return first;
}

}  // namespace

Bar bar_of(Ticker ticker, const CombinedBar& bar) {
    return {ticker, bar.start, bar.open, bar.high, bar.low, bar.close, bar.volume, true};
}

void PastRates::set(Currency currency, Duration interval, std::vector<CombinedBar> bars) {
    constexpr Decimal::Raw unit = Decimal::one_raw / price::DollarRate::one;
    Known known{.reach = std::max(rate_holds, interval)};
    for (const CombinedBar& bar : bars) {
        const Decimal middle = Decimal::midpoint(bar.open, bar.close);
        // One venue alone does not say that a coin has left its peg.
        if (bar.owners < 2 && !price::within(middle, Decimal::from_int(1), agree_bp / 2)) continue;
        known.e5.emplace_hint(known.e5.end(), bar.start,
                              static_cast<std::int64_t>((middle.raw() + unit / 2) / unit));
    }
    known_[currency] = std::move(known);
}

void PastRates::set_unknowable(Currency currency) {
    known_[currency] = {.is_unknowable = true};
}

std::optional<std::int64_t> PastRates::e5_at(Currency currency, Timestamp start) const {
    if (currency == Currency("USD")) return price::DollarRate::one;
    const auto found = known_.find(currency);
    if (found == known_.end()) return std::nullopt;
    const Known& known = found->second;
    if (known.is_unknowable) return price::DollarRate::one;
    const auto after = known.e5.lower_bound(start);
    const auto before = after == known.e5.begin() ? known.e5.end() : std::prev(after);
    const bool has_after = after != known.e5.end() && after->first - start <= known.reach;
    const bool has_before = before != known.e5.end() && start - before->first <= known.reach;
    if (!has_after && !has_before) return std::nullopt;
    if (has_after && has_before)
        return after->first - start < start - before->first ? after->second : before->second;
    return has_after ? after->second : before->second;
}

std::optional<Decimal> PastRates::in_dollars(Decimal price, Currency currency, Timestamp start) const {
    const auto e5 = e5_at(currency, start);
    if (!e5) return std::nullopt;
    return *e5 == price::DollarRate::one ? price : price.scaled(*e5, price::DollarRate::one).rounded(7);
}

std::vector<CombinedBar> combine(std::span<const VenueCandles> venues, const PastRates& rates) {
    std::map<Timestamp, Interval> intervals;
    for (std::size_t i = 0; i < venues.size() && i < most_combined; ++i) {
        const VenueCandles& venue = venues[i];
        const std::uint32_t owner = owner_of(venues, i);
        for (const feed::Candle& candle : venue.candles) {
            const auto dollars = [&](Decimal price) {
                return rates.in_dollars(price, venue.currency, candle.start);
            };
            const auto open = dollars(candle.open), high = dollars(candle.high), low = dollars(candle.low),
                       close = dollars(candle.close);
            if (!candle.is_closed || !low || !low->is_positive()) continue;
            const bool is_countable = candle.volume && *candle.volume <= most_volume;
            intervals.try_emplace(candle.start, candle.start)
                .first->second.add({static_cast<std::uint32_t>(i), owner, venue.currency == Currency("USD"),
                                    std::max(1, venue.weight), *open, *high, *low, *close,
                                    is_countable ? candle.volume : std::nullopt});
        }
    }
    std::vector<CombinedBar> bars;
    for (auto& [start, interval] : intervals) {
        if (const auto bar = interval.combined()) bars.push_back(*bar);
    }
    return bars;
}

}  // namespace pricewire::past
