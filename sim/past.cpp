#include "sim/past.hpp"

#include <algorithm>
#include <cmath>

#include "sim/coins.hpp"

namespace pricewire::sim {
namespace {

using namespace std::chrono;

// The series of all venues and symbols share these.
constexpr std::size_t trades_in_all = 2'000'000;
constexpr std::size_t minutes_in_all = 2'000'000;
constexpr std::size_t minutes_at_most = 40'000;  // of each
constexpr std::size_t bars_at_most = 20'000;
constexpr std::size_t bars_kept = 300'000;
constexpr double size_of_trade = 0.01;  // as the venues' frames say
constexpr double dollars_per_minute = 20'000;

std::int64_t minute_of(SimTime at) {
    return floor<minutes>(at).time_since_epoch().count();
}

SimTime start_of(std::int64_t minute) {
    return SimTime{minutes{minute}};
}

// How far apart an invented coin's trades are, for bars of this interval: a day is made of 24, not of 8,640.
seconds step_of(seconds interval) {
    return interval <= minutes{5} ? seconds{10} : interval <= hours{1} ? seconds{60} : hours{1};
}

// The first multiple of `step` that is not before `at`.
SimTime on_grid(SimTime at, seconds step) {
    const SimTime before{floor<seconds>(at).time_since_epoch() / step * step};
    return before < at ? before + step : before;
}

// In coins, at `dollars` each.
double invented_volume(std::string_view symbol, SimTime from, SimTime to, double dollars) {
    const double passed = static_cast<double>((to - from) / seconds{1}) / 60;
    const std::uint64_t hash = hash_of(symbol, static_cast<std::uint64_t>(minute_of(from)));
    return dollars_per_minute * passed / dollars * (0.2 + static_cast<double>(hash % 1000) / 1000);
}

// Merges bars of parts of one interval, in order.
class CandleMaker {
public:
    explicit CandleMaker(SimTime start) { candle_.start = start; }
    void add(Decimal open, Decimal high, Decimal low, Decimal close, double volume) {
        if (is_empty_) candle_.open = candle_.high = candle_.low = open;
        is_empty_ = false;
        candle_.high = std::max({candle_.high, open, high, close});
        candle_.low = std::min({candle_.low, open, low, close});
        candle_.close = close;
        volume_ += volume;
    }
    std::optional<SimCandle> made(SimTime end, SimTime now) {
        if (is_empty_) return std::nullopt;
        candle_.volume = to_price(volume_);
        candle_.is_closed = end <= now;
        return candle_;
    }

private:
    SimCandle candle_;
    double volume_ = 0;
    bool is_empty_ = true;
};

}  // namespace

class PastOfVenue final : public VenuePast {
public:
    PastOfVenue(std::shared_ptr<const Past> past, const SimVenue& venue)
        : past_(std::move(past)), venue_(venue) {}

    std::vector<SimCandle> candles(std::string_view symbol, seconds interval, SimTime from,
                                   SimTime to) const override {
        const SimTime now = sim::now();
        const SimTime end = std::min(to, now);
        SimTime start = on_grid(std::max(from, SimTime{}), interval);
        start = std::max(start, on_grid(end - interval * static_cast<std::int64_t>(bars_at_most), interval));
        const Past::Recorded recorded = past_->recorded(venue_, symbol, start, end + interval, false);
        const double rate = recorded.rate;
        std::vector<SimCandle> out;
        auto minute = recorded.minutes.begin();
        for (; start < end; start += interval) {
            CandleMaker maker(start);
            if (recorded.anchor) {
                const SimTime until = std::min({start + interval, recorded.begins, now});
                if (const auto bar = past_->invented(symbol, *recorded.anchor, start, until, interval)) {
                    const double apart = past_->apart(venue_, symbol, start) / rate;
                    maker.add(to_price(bar->open * apart), to_price(bar->high * apart),
                              to_price(bar->low * apart), to_price(bar->close * apart),
                              invented_volume(symbol, start, until, bar->close));
                }
            }
            for (; minute != recorded.minutes.end() && start_of(minute->number) < start + interval;
                 ++minute) {
                maker.add(minute->open, minute->high, minute->low, minute->close,
                          minute->trades * size_of_trade);
            }
            if (auto candle = maker.made(start + interval, now)) out.push_back(*candle);
        }
        return out;
    }

    std::vector<SimTrade> trades(std::string_view symbol, SimTime from, SimTime to,
                                 std::size_t limit) const override {
        const SimTime end = std::min(to, sim::now());
        const Past::Recorded recorded = past_->recorded(venue_, symbol, from, end, true);
        std::vector<SimTrade> out;
        const auto add = [&](SimTime at, Decimal price) {
            if (out.size() == limit) return;
            auto id = static_cast<std::uint64_t>(unix_us(at));
            if (!out.empty() && id <= out.back().id) id = out.back().id + 1;
            out.push_back({std::string(symbol), price, id, at});
        };
        constexpr seconds step = step_of_trades;
        if (recorded.anchor) {
            const SimTime until = std::min(end, recorded.begins);
            for (SimTime at = on_grid(from, step); at < until && out.size() < limit; at += step)
                add(at, to_price(past_->invented_price(symbol, *recorded.anchor, at) *
                                 past_->apart(venue_, symbol, floor<minutes>(at)) / recorded.rate));
        }
        for (const Past::Trade& trade : recorded.trades) add(trade.at, trade.price);
        return out;
    }

private:
    static constexpr seconds step_of_trades{10};

    std::shared_ptr<const Past> past_;
    const SimVenue& venue_;
};

std::shared_ptr<const VenuePast> Past::of(const SimVenue& venue) const {
    return std::make_shared<PastOfVenue>(shared_from_this(), venue);
}

void Past::record(std::string_view symbol, Decimal price, SimTime at) {
    MutexLock lock(mutex_);
    anchor(symbol, price.to_double(), at);
    add(series_of(tape_, symbol), price, at);
}

void Past::record(const SimVenue& venue, std::string_view symbol, Decimal price, SimTime at) {
    MutexLock lock(mutex_);
    anchor(symbol, price.to_double() * rates_.of(venue.currency), at);
    add(series_of(books_[&venue], symbol), price, at);
}

void Past::begin_own(const SimVenue& venue) {
    MutexLock lock(mutex_);
    const auto [book, is_new] = books_.try_emplace(&venue, tape_);
    if (!is_new) return;
    series_ += tape_.size();
    const double rate = 1 / rates_.of(venue.currency);
    for (auto& [symbol, series] : book->second) {
        for (Minute& m : series.minutes) {
            for (Decimal* price : {&m.open, &m.high, &m.low, &m.close}) *price = times(*price, rate);
        }
        for (Trade& trade : series.trades) trade.price = times(trade.price, rate);
    }
}

void Past::add_coin(std::string_view symbol, double dollars) {
    MutexLock lock(mutex_);
    anchors_[std::string(symbol)] = {dollars, 0};
}

double Past::coin_price(std::string_view symbol, double dollars, SimTime at) const {
    return dollars * std::exp(log_price(seed_, symbol, at));
}

void Past::set_rates(const DollarRates& rates) {
    MutexLock lock(mutex_);
    rates_ = rates;
}

void Past::anchor(std::string_view symbol, double dollars, SimTime at) {
    if (!is_invented_ || anchors_.find(symbol) != anchors_.end()) return;
    anchors_.emplace(symbol, Anchor{dollars, log_price(seed_, symbol, at)});
}

Past::Series& Past::series_of(Book& book, std::string_view symbol) {
    const auto found = book.find(symbol);
    if (found != book.end()) return found->second;
    ++series_;
    return book[std::string(symbol)];
}

// Trades come nearly in order: a venue may tell one late.
void Past::add(Series& series, Decimal price, SimTime at) {
    const std::int64_t number = minute_of(at);
    auto place = series.minutes.end();
    while (place != series.minutes.begin() && std::prev(place)->number >= number) --place;
    if (place == series.minutes.end() || place->number != number) {
        series.minutes.insert(place, {number, price, price, price, price, 1});
    } else {
        const bool is_latest = series.trades.empty() || series.trades.back().at <= at;
        place->high = std::max(place->high, price);
        place->low = std::min(place->low, price);
        if (is_latest) place->close = price;
        ++place->trades;
    }
    auto after = series.trades.end();
    while (after != series.trades.begin() && std::prev(after)->at > at) --after;
    series.trades.insert(after, {at, price});
    if (!series.begins || at < *series.begins) series.begins = at;

    const std::size_t trades_kept = std::max<std::size_t>(200, trades_in_all / series_);
    while (series.trades.size() > trades_kept) series.trades.pop_front();
    const std::size_t minutes_kept = std::clamp<std::size_t>(minutes_in_all / series_, 180, minutes_at_most);
    while (series.minutes.size() > minutes_kept) {
        series.minutes.pop_front();
        series.begins = start_of(series.minutes.front().number);
    }
}

Past::Recorded Past::recorded(const SimVenue& venue, std::string_view symbol, SimTime from, SimTime to,
                              bool with_trades) const {
    Recorded out;
    MutexLock lock(mutex_);
    if (const auto found = anchors_.find(symbol); found != anchors_.end()) out.anchor = found->second;
    out.rate = rates_.of(venue.currency);
    const auto own = books_.find(&venue);
    const Book& book = own == books_.end() ? tape_ : own->second;
    const double rate = own == books_.end() ? 1 / out.rate : 1;
    const auto found = book.find(symbol);
    if (found == book.end()) return out;
    const Series& series = found->second;
    out.begins = series.begins.value_or(SimTime::max());
    const auto first = std::partition_point(series.minutes.begin(), series.minutes.end(),
                                            [&](const Minute& m) { return start_of(m.number) < from; });
    for (auto m = first; m != series.minutes.end() && start_of(m->number) < to; ++m) {
        out.minutes.push_back(*m);
        for (Decimal Minute::* price : {&Minute::open, &Minute::high, &Minute::low, &Minute::close})
            out.minutes.back().*price = times(out.minutes.back().*price, rate);
    }
    if (!with_trades) return out;
    const auto earliest = std::partition_point(series.trades.begin(), series.trades.end(),
                                               [&](const Trade& t) { return t.at < from; });
    for (auto t = earliest; t != series.trades.end() && t->at < to; ++t)
        out.trades.push_back({t->at, times(t->price, rate)});
    return out;
}

double Past::invented_price(std::string_view symbol, const Anchor& anchor, SimTime at) const {
    return anchor.dollars * std::exp(log_price(seed_, symbol, at) - anchor.log_price);
}

std::optional<Past::Bar> Past::invented(std::string_view symbol, const Anchor& anchor, SimTime from,
                                        SimTime to, seconds interval) const {
    // Every venue asks for the same whole bars.
    const bool is_whole = to - from == interval;
    const std::uint64_t key = hash_of(symbol, static_cast<std::uint64_t>(minute_of(from)) * 10'000 +
                                                  static_cast<std::uint64_t>(interval / minutes{1}));
    if (is_whole) {
        MutexLock lock(bars_mutex_);
        if (const auto found = bars_.find(key); found != bars_.end()) return found->second;
    }
    std::optional<Bar> bar;
    const seconds step = step_of(interval);
    for (SimTime at = on_grid(from, step); at < to; at += step) {
        const double price = invented_price(symbol, anchor, at);
        if (!bar) bar = Bar{price, price, price, price};
        bar->high = std::max(bar->high, price);
        bar->low = std::min(bar->low, price);
        bar->close = price;
    }
    if (is_whole && bar) {
        MutexLock lock(bars_mutex_);
        if (bars_.size() >= bars_kept) bars_.clear();
        bars_.emplace(key, *bar);
    }
    return bar;
}

double Past::apart(const SimVenue& venue, std::string_view symbol, SimTime at) const {
    if (noise_bp_ == 0) return 1;
    const std::uint64_t bits =
        hash_of(venue.name, hash_of(symbol, static_cast<std::uint64_t>(minute_of(at))));
    // Two of them have about the shape of a normal distribution.
    const double a = static_cast<double>(bits & 0xffffffff) / 0x1p31 - 1;
    const double b = static_cast<double>(bits >> 32) / 0x1p31 - 1;
    return 1 + (a + b) * noise_bp_ * 1.2 / 1e4;
}

}  // namespace pricewire::sim
