#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "base/result.hpp"

namespace pricewire::sim {

// One trade on a tape. `at` counts from the tape's start. `frame` is the exchange's own JSON if it was
// recorded, else empty: the player then makes one.
struct TapeTrade {
    Duration at{};
    std::string symbol;  // "BTCUSDT"
    Decimal price;       // dollars
    std::string frame = {};
    std::string venue = {};  // the only one that makes it, at `price` in its own currency; empty: all
    Duration age = {};       // how long before `at` the venue says that it was made
    bool again = false;      // the venue's last trade once more, with its id and time
};

// Trades in the order of their time. Single-threaded.
class Tape {
public:
    virtual ~Tape() = default;
    // nullopt at the end. Throws std::runtime_error if a recording is damaged.
    virtual std::optional<TapeTrade> next() = 0;
};

// With about as many digits as exchanges give: cents of large prices, more of small ones.
Decimal to_price(double value);

// Recorded frames: gzipped lines of "<receive time in ns> <frame>"; those of the @trade streams are played.
std::unique_ptr<Tape> open_frames(const std::filesystem::path& file);

// Minute bars as CSV (gzipped or not) "timestamp,open,high,low,close,volume": each minute becomes trades that
// walk open, low, high, close (or high first, where the bar fell), `steps` trades a leg.
std::unique_ptr<Tape> open_bars(const std::filesystem::path& file, const std::string& symbol, int steps);

// An invented market: for each symbol a geometric random walk with a pull back to its start, the same for the
// same seed.
struct GeneratedMarket {
    std::uint64_t seed = 1;
    double trades_per_second = 20;   // of each symbol
    double sigma_per_minute = 0.01;  // standard deviation of a minute's return
    std::vector<std::pair<std::string, double>> start{
        {"BTCUSDT", 65000}, {"ETHUSDT", 3100}, {"DOGEUSDT", 0.1423}, {"SOLUSDT", 142.8}, {"BNBUSDT", 580}};
    std::optional<Duration> length;  // endless if not set
};
std::unique_ptr<Tape> generate_market(const GeneratedMarket& market);

// A linear walk of one symbol from `from` by `step` for `count` trades, `interval` apart: for tests that
// need to know every price.
std::unique_ptr<Tape> ramp(const std::string& symbol, Decimal from, Decimal step, std::uint64_t count,
                           Duration interval);

// Each venue's own trades, as CSV: "at_ms,venue,symbol,price,age_ms,again", where a price is in the venue's
// currency and `again` is 0 or 1.
std::unique_ptr<Tape> open_trades(const std::filesystem::path& file);

// Merges several tapes by time.
std::unique_ptr<Tape> merge(std::vector<std::unique_ptr<Tape>> tapes);

// What --market and the control interface take: "generated[:seed]", "ramp:SYMBOL:FROM:STEP:COUNT[:INTERVAL]",
// or files separated by commas: *.jsonl.gz as frames, SYMBOL-*.csv[.gz] as bars, *.trades as trades.
Result<std::unique_ptr<Tape>> open_market(const std::string& description);

}  // namespace pricewire::sim
