#include "past/past.hpp"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "domain/bars.hpp"
#include "price/dollar_rates.hpp"

namespace pricewire::past {
namespace {

using namespace std::chrono_literals;

Currency currency_at(const AskedVenue& venue, const std::string& symbol) {
    return venue.type->currency_of == nullptr ? Currency("USD") : venue.type->currency_of(symbol);
}

SourceName owner_of(const AskedVenue& venue) {
    return venue.type->owner.empty() ? venue.type->name : SourceName(venue.type->owner);
}

// The rates of one coin at one interval, kept for whoever asks next: every ticker of a period wants the same.
struct KnownRates {
    Timestamp from, to;  // of which everything has been asked
    std::map<Timestamp, CombinedBar> bars;
    bool is_being_asked = false;
    struct Waiting {
        PastAsk ask;  // its period, with a margin
        std::move_only_function<void()> then;
    };
    std::vector<Waiting> waiting;

    bool covers(const PastAsk& ask) const { return from <= ask.from && ask.to <= to; }
};

// What was asked, until all of it is answered.
struct Gathering {
    PastAsk ask;
    std::move_only_function<void(PastBars)> done;
    PastBars out;
    std::vector<VenueCandles> candles;  // as out.venues
    std::set<Currency> currencies;
    std::size_t open = 1;
};

class PastImpl final : public Past {
public:
    PastImpl(Asker& asker, std::map<Currency, std::vector<Place>> dollar_places)
        : asker_(asker), dollar_places_(std::move(dollar_places)) {}

    void bars(PastAsk ask, std::move_only_function<void(PastBars)> done) override {
        asker_.post([this, ask = std::move(ask), done = std::move(done)]() mutable {
            gather(std::move(ask), std::move(done));
        });
    }
    void trades(PastAsk ask, std::move_only_function<void(std::vector<PlaceTrades>)> done) override {
        asker_.post([this, ask = std::move(ask), done = std::move(done)]() mutable {
            gather_trades(std::move(ask), std::move(done));
        });
    }

private:
    const AskedVenue* venue_of(SourceName source) const {
        const auto venues = asker_.venues();
        const auto found =
            std::ranges::find_if(venues, [&](const AskedVenue& venue) { return venue.type->name == source; });
        return found == venues.end() ? nullptr : &*found;
    }

    // Those to be asked, with the most weight first, of one owner at most two. Venues where others wait already would
    // hold all up: they are asked only where there are few others.
    std::vector<Place> chosen(const PastAsk& ask, bool for_trades, std::size_t& left_out) const {
        struct Candidate {
            const AskedVenue* venue;
            const Place* place;
            bool is_busy;
        };
        std::vector<Candidate> candidates;
        for (const Place& place : ask.places) {
            const AskedVenue* venue = venue_of(place.source);
            if (venue == nullptr || venue->rest_url.empty()) continue;
            const feed::PastType& past = venue->type->past;
            const bool can = for_trades ? past.trades_url != nullptr
                                        : past.candles_per_request > 0 && past.has(ask.interval);
            if (!can || !price::DollarRates::index_of(currency_at(*venue, place.symbol))) continue;
            if (asker_.is_left_out(place.source)) {
                ++left_out;
            } else {
                candidates.push_back(
                    {venue, &place, asker_.wait(place.source) > ask.within / patience_parts});
            }
        }
        std::ranges::sort(candidates, {}, [](const Candidate& c) {
            return std::tuple(c.is_busy, -c.venue->weight, c.venue->type->past.least_gap, c.place->source);
        });
        std::vector<Place> out;
        std::map<SourceName, int> of_owner;
        for (const Candidate& candidate : candidates) {
            const std::size_t most = std::min(ask.most_venues, candidate.is_busy ? few : most_combined);
            if (out.size() < most && ++of_owner[owner_of(*candidate.venue)] <= 2)
                out.push_back(*candidate.place);
        }
        return out;
    }

    Ask ask_of(const PastAsk& ask, const Place& place) const {
        return {place.source, place.symbol, ask.from, ask.to, ask.interval, ask.urgency, ask.within};
    }

    void gather(PastAsk ask, std::move_only_function<void(PastBars)> done) {
        const auto all = std::make_shared<Gathering>();
        all->ask = std::move(ask);
        all->done = std::move(done);
        for (Place& place : chosen(all->ask, false, all->out.left_out)) {
            const AskedVenue& venue = *venue_of(place.source);
            const Currency currency = currency_at(venue, place.symbol);
            all->candles.push_back({place.source, currency, venue.weight, owner_of(venue), {}});
            all->currencies.insert(currency);
            all->out.venues.push_back(
                {std::move(place), std::nullopt, candles_reach(venue.type->past, all->ask.interval)});
        }
        for (std::size_t i = 0; i < all->out.venues.size(); ++i) {
            ++all->open;
            asker_.candles(ask_of(all->ask, all->out.venues[i].place), [this, all, i](Candles candles) {
                if (candles) {
                    all->candles[i].candles = std::move(*candles);
                } else {
                    all->out.venues[i].failure = std::move(candles.error());
                }
                arrived(*all);
            });
        }
        for (const Currency currency : all->currencies)
            with_rates(currency, all->ask, [this, all] { arrived(*all); }, all->open);
        arrived(*all);
    }

    void arrived(Gathering& all) {
        if (--all.open > 0) return;
        for (const Currency currency : all.currencies) set_rates(all.out.rates, currency, all.ask.interval);
        all.out.bars = combine(all.candles, all.out.rates);
        all.done(std::move(all.out));
    }

    void gather_trades(PastAsk ask, std::move_only_function<void(std::vector<PlaceTrades>)> done) {
        struct All {
            PastAsk ask;
            std::move_only_function<void(std::vector<PlaceTrades>)> done;
            std::vector<PlaceTrades> out;
            std::vector<Currency> currencies;  // as out
            std::size_t open = 1;
        };
        const auto all = std::make_shared<All>();
        all->ask = std::move(ask);
        all->done = std::move(done);
        const auto arrive = [this, all] {
            if (--all->open > 0) return;
            PastRates rates;
            for (const Currency currency : all->currencies) set_rates(rates, currency, 1min);
            for (std::size_t i = 0; i < all->out.size(); ++i) {
                if (all->out[i].trades) in_dollars(*all->out[i].trades, all->currencies[i], rates);
            }
            all->done(std::move(all->out));
        };
        std::size_t left_out = 0;
        for (Place& place : chosen(all->ask, true, left_out)) {
            const AskedVenue& venue = *venue_of(place.source);
            all->currencies.push_back(currency_at(venue, place.symbol));
            all->out.push_back({std::move(place), venue.weight, owner_of(venue), {}});
        }
        for (std::size_t i = 0; i < all->out.size(); ++i) {
            ++all->open;
            asker_.trades(ask_of(all->ask, all->out[i].place), [all, i, arrive](Trades trades) {
                all->out[i].trades = std::move(trades);
                arrive();
            });
        }
        PastAsk of_minutes = all->ask;
        of_minutes.interval = 1min;
        for (const Currency currency : std::set<Currency>(all->currencies.begin(), all->currencies.end()))
            with_rates(currency, of_minutes, arrive, all->open);
        arrive();
    }

    static void in_dollars(std::vector<feed::PastTrade>& trades, Currency currency, const PastRates& rates) {
        std::vector<feed::PastTrade> out;
        for (feed::PastTrade trade : trades) {
            const auto price = rates.in_dollars(trade.price, currency, interval_start(trade.time, 1min));
            if (!price || !price->is_positive()) continue;
            trade.price = *price;
            out.push_back(trade);
        }
        trades = std::move(out);
    }

    bool is_knowable(Currency currency) const {
        const auto places = dollar_places_.find(currency);
        if (places == dollar_places_.end()) return false;
        return std::ranges::any_of(places->second, [&](const Place& place) {
            const AskedVenue* venue = venue_of(place.source);
            return venue != nullptr && !venue->rest_url.empty() && venue->type->past.candles_per_request > 0;
        });
    }

    void set_rates(PastRates& rates, Currency currency, Duration interval) {
        if (currency == Currency("USD")) return;
        if (!is_knowable(currency)) return rates.set_unknowable(currency);
        std::vector<CombinedBar> bars;
        for (const auto& [start, bar] : rates_[{currency, interval}].bars) bars.push_back(bar);
        rates.set(currency, interval, std::move(bars));
    }

    // Calls `then` when the rates of the period are known, or cannot be, and counts it in `open`; not if they are known
    // already.
    template <typename Then>
    void with_rates(Currency currency, PastAsk ask, Then then, std::size_t& open) {
        if (currency == Currency("USD") || !is_knowable(currency)) return;
        KnownRates& known = rates_[{currency, ask.interval}];
        // A quiet coin's last rate holds, so that a little before counts as well.
        ask.from = interval_start(ask.from, ask.interval) - margin;
        if (known.covers(ask)) return;
        ++open;
        known.waiting.push_back({std::move(ask), std::move(then)});
        if (!std::exchange(known.is_being_asked, true)) ask_rates(currency, known);
    }
    void ask_rates(Currency currency, const KnownRates& known) {
        PastAsk ask = known.waiting.front().ask;
        for (const auto& other : known.waiting) {
            const Timestamp from = std::min(ask.from, other.ask.from), to = std::max(ask.to, other.ask.to);
            if (to - from > most_rates * ask.interval) continue;
            ask.from = from;
            ask.to = to;
        }
        ask.places = dollar_places_.at(currency);
        gather(ask, [this, currency, ask](PastBars found) { take_rates(currency, ask, std::move(found)); });
    }
    void take_rates(Currency currency, const PastAsk& ask, PastBars found) {
        KnownRates& known = rates_[{currency, ask.interval}];
        const bool has_answer = found.has_answer();
        if (has_answer) {
            const bool joins =
                ask.from <= known.to && known.from <= ask.to &&
                std::max(known.to, ask.to) - std::min(known.from, ask.from) <= 2 * most_rates * ask.interval;
            if (!joins) known = {.from = ask.from, .to = ask.to, .waiting = std::move(known.waiting)};
            known.from = std::min(known.from, ask.from);
            known.to = std::max(known.to, ask.to);
            for (const CombinedBar& bar : found.bars) known.bars.insert_or_assign(bar.start, bar);
        }
        // Without an answer they go on without these rates.
        std::vector<KnownRates::Waiting> ready, rest;
        for (auto& waiting : known.waiting)
            (has_answer && !known.covers(waiting.ask) ? rest : ready).push_back(std::move(waiting));
        known.waiting = std::move(rest);
        known.is_being_asked = !known.waiting.empty();
        if (known.is_being_asked) ask_rates(currency, known);
        for (auto& waiting : ready) waiting.then();
    }

    static constexpr int patience_parts = 8;  // of the time allowed, a venue's turn may take one
    static constexpr std::size_t few = 3;
    static constexpr Duration margin = 30min;
    static constexpr int most_rates = 4096;  // asked at once, of a coin and interval; twice as many are kept

    Asker& asker_;
    const std::map<Currency, std::vector<Place>> dollar_places_;
    std::map<std::pair<Currency, Duration>, KnownRates> rates_;  // the asker's thread
};

}  // namespace

bool PastBars::has_answer() const {
    return std::ranges::any_of(venues, [](const Answered& venue) { return !venue.failure; });
}

bool PastBars::may_tell_more() const {
    return left_out > 0 || std::ranges::any_of(venues, [](const Answered& venue) {
               return venue.failure && venue.failure->is_temporary();
           });
}

std::unique_ptr<Past> create_past(Asker& asker, std::map<Currency, std::vector<Place>> dollar_places) {
    return std::make_unique<PastImpl>(asker, std::move(dollar_places));
}

}  // namespace pricewire::past
