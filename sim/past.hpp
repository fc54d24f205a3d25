#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/decimal.hpp"
#include "base/mutex.hpp"
#include "sim/protocol.hpp"
#include "sim/venues/venue.hpp"

namespace pricewire::sim {

// What was traded at each venue: recorded while the simulator runs and, if wanted, invented for the time before
// (sim/coins.hpp) so that it ends at the first recorded price. Recorded bars are exact; an invented day's high and low
// are a little closer together than those of its minutes. Thread-safe.
class Past : public std::enable_shared_from_this<Past> {
public:
    Past(bool is_invented, std::uint64_t seed, double noise_bp)
        : is_invented_(is_invented), seed_(seed), noise_bp_(noise_bp) {}

    // The venue outlives it.
    std::shared_ptr<const VenuePast> of(const SimVenue& venue) const;

    // A trade of the tape, in dollars, which all venues without a record of their own have made.
    void record(std::string_view symbol, Decimal price, SimTime at);
    // A trade of one venue, for which begin_own() has been called.
    void record(const SimVenue& venue, std::string_view symbol, Decimal price, SimTime at);
    // From now on the venue has a record of its own, which begins as a copy of the tape's.
    void begin_own(const SimVenue& venue);
    // A coin whose price is coin_price() at any time.
    void add_coin(std::string_view symbol, double dollars);
    double coin_price(std::string_view symbol, double dollars, SimTime at) const;
    void set_rates(const DollarRates& rates);

private:
    friend class PastOfVenue;

    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };
    template <typename T>
    using BySymbol = std::unordered_map<std::string, T, Hash, std::equal_to<>>;

    struct Minute {
        std::int64_t number = 0;  // since 1970
        Decimal open;
        Decimal high;
        Decimal low;
        Decimal close;
        std::uint32_t trades = 0;
    };
    struct Trade {
        SimTime at;
        Decimal price;
    };
    struct Series {
        std::deque<Minute> minutes;
        std::deque<Trade> trades;
        std::optional<SimTime> begins;
    };
    // An invented price is dollars * exp(log_price(t) - log_price).
    struct Anchor {
        double dollars = 1;
        double log_price = 0;
    };
    using Book = BySymbol<Series>;

    // What has been recorded of [from, to), and the anchor of what was invented before `begins`.
    struct Recorded {
        std::vector<Minute> minutes;
        std::vector<Trade> trades;
        std::optional<Anchor> anchor;
        SimTime begins = SimTime::max();
        double rate = 1;  // of the venue's currency, in dollars
    };
    struct Bar {
        double open = 0;
        double high = 0;
        double low = 0;
        double close = 0;
    };

    Series& series_of(Book& book, std::string_view symbol) REQUIRES(mutex_);
    void add(Series& series, Decimal price, SimTime at) REQUIRES(mutex_);
    void anchor(std::string_view symbol, double dollars, SimTime at) REQUIRES(mutex_);
    // In the venue's currency.
    Recorded recorded(const SimVenue& venue, std::string_view symbol, SimTime from, SimTime to,
                      bool with_trades) const;
    // In dollars. nullopt: no invented price falls into [from, to).
    std::optional<Bar> invented(std::string_view symbol, const Anchor& anchor, SimTime from, SimTime to,
                                std::chrono::seconds interval) const;
    double invented_price(std::string_view symbol, const Anchor& anchor, SimTime at) const;
    // The factor between a venue's price and that of the others.
    double apart(const SimVenue& venue, std::string_view symbol, SimTime at) const;

    const bool is_invented_;
    const std::uint64_t seed_;
    const double noise_bp_;
    mutable Mutex mutex_;
    Book tape_ GUARDED_BY(mutex_);
    std::map<const SimVenue*, Book> books_ GUARDED_BY(mutex_);
    BySymbol<Anchor> anchors_ GUARDED_BY(mutex_);
    std::size_t series_ GUARDED_BY(mutex_) = 0;
    DollarRates rates_ GUARDED_BY(mutex_);
    mutable Mutex bars_mutex_;
    mutable std::unordered_map<std::uint64_t, Bar> bars_ GUARDED_BY(bars_mutex_);  // what invented() has made
};

}  // namespace pricewire::sim
