#pragma once

#include <absl/container/flat_hash_map.h>

#include <functional>
#include <memory>

#include "alert/lines/shared_line.hpp"
#include "alert/recent_prices.hpp"
#include "alert/rule_engine.hpp"

namespace pricewire::alert {

// The lines of all tickers whose prices are watched by alerts that may be put aside. Pure; owned by one thread.
class Markets {
public:
    explicit Markets(const RecentPrices& recent) : recent_(recent) {}

    // Null if it is not watched.
    SharedLine* find(Ticker ticker);
    // Makes the line if it is not there, with what is recent.
    SharedLine& line(Ticker ticker);

    // Makes the line again from what is recent since `time`; calls `seen` after each value and each end.
    void redo(SharedLine& line, Timestamp time, const std::function<void(Timestamp)>& seen);
    // What was before what its line knows.
    void take_past(const LinePast& past);

private:
    const RecentPrices& recent_;
    absl::flat_hash_map<Ticker, std::unique_ptr<SharedLine>> lines_;
};

}  // namespace pricewire::alert
