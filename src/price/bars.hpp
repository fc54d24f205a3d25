#pragma once

#include <map>
#include <vector>

#include "domain/market.hpp"

namespace pricewire::price {

// Makes minute bars (UTC) from consolidated prices. No I/O; one thread.
class MinuteBars {
public:
    void add(const Price& price);
    // Ends the ticker's open bar, since no more prices follow: take_changed() returns it once more if it has changed.
    void finish(Ticker ticker);
    // The bars that changed since the last call, oldest first; finished ones are dropped.
    std::vector<Bar> take_changed();
    // Those that were begun since the last call of either, or whose high or low has moved, in no order. The bars stay
    // changed.
    std::vector<Bar> take_widened();

private:
    struct Open {
        Bar bar;
        bool changed = false;
        bool is_widened = false;
    };
    void widen(Ticker ticker, Open& open);
    void keep_finished(Open& open);
    std::map<Ticker, Open> open_;
    std::vector<Bar> finished_;
    std::vector<Ticker> widened_;
    std::vector<Bar> widened_finished_;
};

}  // namespace pricewire::price
