#include "recover/past_prices.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <tuple>
#include <utility>

#include "price/votes.hpp"

namespace pricewire::recover {
namespace {

using namespace std::chrono_literals;

constexpr Duration refreshed_every = 1s;  // as live

struct Trade {
    Timestamp time;
    std::size_t place = 0;
    Decimal price;
    std::optional<std::uint64_t> id;
    std::size_t number = 0;
};

constexpr Duration second = 1s;
constexpr std::size_t apart = 2;  // seconds

// One venue's extremes of a stretch of seconds, of which each begins with the price before it, if that still holds.
class Seconds {
public:
    Seconds(const past::Trades& trades, Timestamp from, Timestamp to, Duration holds)
        : bands_(static_cast<std::size_t>((to - from) / second) + 1) {
        std::optional<feed::PastTrade> last;
        auto trade = trades->begin();
        for (std::size_t i = 0; i < bands_.size(); ++i) {
            const Timestamp begin = from + static_cast<std::int64_t>(i) * second;
            for (; trade != trades->end() && trade->time < begin; ++trade) last = *trade;
            if (last && begin - last->time <= holds) widen(bands_[i], last->price);
            for (; trade != trades->end() && trade->time < begin + second; ++trade) {
                widen(bands_[i], trade->price);
                last = *trade;
            }
        }
    }
    std::size_t size() const { return bands_.size(); }
    // Of the second and those around it.
    std::optional<PriceBand> around(std::size_t at) const {
        std::optional<PriceBand> out;
        const auto last = std::min(at + apart, bands_.size() - 1);
        for (std::size_t i = at > apart ? at - apart : 0; i <= last; ++i) {
            if (!bands_[i]) continue;
            widen(out, bands_[i]->low);
            widen(out, bands_[i]->high);
        }
        return out;
    }
    static void widen(std::optional<PriceBand>& band, Decimal price) {
        if (!band) band = PriceBand{price, price};
        band->low = std::min(band->low, price);
        band->high = std::max(band->high, price);
    }

private:
    std::vector<std::optional<PriceBand>> bands_;
};

std::vector<Trade> in_order(std::span<const past::PlaceTrades> places) {
    std::vector<Trade> all;
    for (std::size_t i = 0; i < places.size(); ++i) {
        if (!places[i].trades) continue;
        for (const feed::PastTrade& trade : *places[i].trades)
            all.push_back({trade.time, i, trade.price, trade.id, all.size()});
    }
    // Those of one time and venue in their order.
    std::ranges::sort(all, {},
                      [](const Trade& trade) { return std::tuple(trade.time, trade.place, trade.number); });
    return all;
}

}  // namespace

std::vector<PastPrice> past_prices(Ticker ticker, const price::ConsolidationPolicy& policy,
                                   std::span<const past::PlaceTrades> places) {
    const price::DollarRates no_rates;  // the trades are in dollars
    price::Consolidator consolidator(ticker, policy, no_rates);
    std::vector<PastPrice> out;
    const auto note = [&](Timestamp at) {
        const TickerBoard board = consolidator.board();
        PastPrice price{at, consolidator.price(), 0, board.sources};
        for (const JudgedQuote& judged : board.quotes) {
            for (std::size_t i = 0; i < places.size(); ++i) {
                if (judged.verdict == Verdict::counted && places[i].place.source == judged.quote.source)
                    price.sources |= std::uint64_t{1} << i;
            }
        }
        // Only changes are kept; that a second owner agrees is one, as it makes the value a price.
        const bool is_same =
            !out.empty() && out.back().value == price.value && (out.back().owners > 1) == (price.owners > 1);
        if (!is_same) out.push_back(price);
    };
    const std::vector<Trade> trades = in_order(places);
    std::optional<Timestamp> refreshed;
    for (const Trade& trade : trades) {
        while (refreshed && trade.time - *refreshed >= refreshed_every &&
               (consolidator.price() || trade.time - *refreshed < 1min)) {
            *refreshed += refreshed_every;
            consolidator.refresh(*refreshed);
            note(*refreshed);
        }
        refreshed = std::max(refreshed.value_or(trade.time), trade.time);
        const Quote quote{.source = places[trade.place].place.source,
                          .ticker = ticker,
                          .price = trade.price,
                          .time = trade.time,
                          .received_at = trade.time,
                          .trade_id = trade.id};
        consolidator.update(quote, trade.time);
        note(trade.time);
    }
    return out;
}

std::optional<PriceBand> reached_together(const price::ConsolidationPolicy& policy,
                                          std::span<const past::PlaceTrades> places, Timestamp from,
                                          Timestamp to) {
    struct Venue {
        std::int64_t weight;
        std::uint32_t owner;
        Seconds seconds;
    };
    std::vector<Venue> venues;
    std::map<SourceName, std::uint32_t> owners;
    for (const past::PlaceTrades& place : places) {
        if (!place.trades) continue;
        const SourceName name = place.owner.empty() ? place.place.source : place.owner;
        const std::uint32_t owner =
            owners.try_emplace(name, static_cast<std::uint32_t>(owners.size())).first->second;
        venues.push_back({place.weight, owner, Seconds(place.trades, from, to, policy.quote_ttl)});
    }
    std::optional<PriceBand> out;
    price::Votes highs, lows;
    for (std::size_t at = 0; !venues.empty() && at < venues[0].seconds.size(); ++at) {
        highs.clear();
        lows.clear();
        for (const Venue& venue : venues) {
            const auto band = venue.seconds.around(at);
            if (!band) continue;
            highs.add({band->high, venue.weight, 0, venue.owner});
            lows.add({band->low, venue.weight, 0, venue.owner});
        }
        if (highs.empty()) continue;
        highs.settle();
        lows.settle();
        if (highs.owners() < std::min<std::size_t>(owners.size(), 2)) continue;
        const Decimal high = highs.middle().first, low = lows.middle().second;
        out = out ? PriceBand{std::min(out->low, low), std::max(out->high, high)} : PriceBand{low, high};
    }
    return out;
}

}  // namespace pricewire::recover
