#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "domain/market.hpp"

// Bad days of a market as data (tests/data/bad_days). A line each, `#` starts a comment:
//
//   ticker BTC                          one ticker a file
//   source NAME CURRENCY WEIGHT [OWNER] an exchange that trades it for CURRENCY; its clock is right
//   aggregator NAME                     figures in USD every 30 s, 30 s old
//   rates NAME…                         exchanges of any name that trade USDT and USDC for dollars, once a second
//   trades MS                           how often each exchange trades
//   noise BP                            how far each trade is from the truth at most, beside what is the source's own
//   for SECONDS                         how long the day is
//   within BP [at least N sources]      expected: the price is so near to the truth of the last second, and rests on N
//   gaps none|allowed                   expected: once there is a price, there always is one; or there need not be
//   counts from SECONDS                 expected from then on (default 0)
//
//   SECONDS truth DOLLARS               the true price; linear between two of these
//   SECONDS rate CURRENCY DOLLARS       likewise of USDT, USDC; 1 without any
//   SECONDS SOURCE at PRICE             from here on: trades at this price, in its own currency
//   SECONDS SOURCE times FACTOR                     trades at so many times the truth
//   SECONDS SOURCE repeats                          repeats its last trade, same id, same time
//   SECONDS SOURCE behind SECONDS                   delivers the trades of so long ago, with their times
//   SECONDS SOURCE clock SECONDS                    is right, but its clock is off by so much (negative: behind)
//   SECONDS SOURCE silent                           sends nothing
//   SECONDS SOURCE follows                          follows the truth again, as every source does from the start
//
// No I/O but the reading of a file; deterministic.
namespace pricewire::bad_days {

// A value over time, linear between its points; that of the first point before, of the last one after.
class Path {
public:
    void add(Duration at, double value) { points_.emplace_back(at, value); }
    bool empty() const { return points_.empty(); }
    double at(Duration when) const;
    // The least and the greatest value from `from` to `to`.
    std::pair<double, double> range(Duration from, Duration to) const;

private:
    std::vector<std::pair<Duration, double>> points_;
};

struct Source {
    std::string name;
    SourceKind kind = SourceKind::exchange;
    std::string currency = "USD";
    int weight = 1;
    std::string owner;
    bool trades_rates = false;   // USDT and USDC for dollars
    bool trades_ticker = false;  // false: named by `rates` alone
};

struct Step {
    enum class Kind : std::uint8_t { at, times, repeats, behind, clock, silent, follows };
    Duration at{};
    std::size_t number = 0;  // in the file
    std::string source;
    Kind kind = Kind::follows;
    double value = 0;  // a price, a factor, seconds
};

struct Day {
    std::string ticker = "BTC";
    std::vector<Source> sources;
    std::vector<Step> steps;  // by time
    Path truth;
    std::map<std::string, Path> rates;  // dollars of a currency
    Duration trades_every = std::chrono::milliseconds{250};
    double noise_bp = 2;
    Duration length = std::chrono::seconds{60};
    double within_bp = 20;
    int least_sources = 0;
    bool gaps_allowed = false;
    Duration counts_from{};

    double rate(const std::string& currency, Duration at) const;
};

// Throws std::runtime_error with file, line and reason.
Day read(const std::filesystem::path& file);

// All quotes of the day, by arrival, the day beginning at `start`. The same for the same seed.
std::vector<Quote> quotes_of(const Day& day, Timestamp start, std::uint64_t seed = 1);

}  // namespace pricewire::bad_days
