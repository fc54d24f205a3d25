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

private:
    struct Open {
        Bar bar;
        bool changed = false;
    };
    std::map<Ticker, Open> open_;
    std::vector<Bar> finished_;
};

}  // namespace pricewire::price
