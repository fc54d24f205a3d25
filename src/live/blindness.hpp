#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "bus/price_bus.hpp"
#include "domain/market.hpp"
#include "domain/watch_state.hpp"

namespace pricewire::live {

// A ticker that has been without a price for a while.
struct BlindTicker {
    Timestamp since;
    std::string reason;
    std::size_t alerts = 0;  // of one user, which wait for it
    friend bool operator==(const BlindTicker&, const BlindTicker&) = default;
};

// Which tickers are blind, as of the last look(): one answer for all users. One thread.
class Blindness {
public:
    // Why, in the words of GET /rates/{ticker}; `board` has no price.
    using Reason =
        std::function<std::string(const Ticker&, const WatchState*, const std::optional<TickerBoard>& board)>;

    // A ticker is blind once it has been without a price for `after`. `bus` outlives it.
    Blindness(const bus::PriceBus& bus, Duration after, Reason reason)
        : bus_(bus), after_(after), reason_(std::move(reason)) {}

    // `unwatched`: what is needed and has no prices, by ticker; it must live until the next look.
    void look(const std::vector<WatchState>& unwatched, Timestamp now);
    // Whether any ticker may be blind. If not, of() need not be called.
    bool any() const { return any_; }
    // Set if the ticker is blind. Valid until the next look.
    const std::optional<BlindTicker>& of(const Ticker& ticker);

private:
    std::optional<BlindTicker> judge(const Ticker& ticker);

    const bus::PriceBus& bus_;
    const Duration after_;
    const Reason reason_;
    Timestamp now_;
    bool any_ = false;
    const std::vector<WatchState>* unwatched_ = nullptr;
    std::map<Ticker, std::optional<BlindTicker>> judged_;  // since the last look
    std::map<Ticker, Timestamp> missing_since_;            // of tickers whose feed does not say
};

}  // namespace pricewire::live
