#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "domain/alert.hpp"

namespace pricewire::app {

// Counts the active alerts whose ticker no price is made of, since it was taken out of the configuration or no
// source has it: they cannot fire. Pure; one thread.
class Unwatched {
public:
    explicit Unwatched(const std::vector<Ticker>& watched) : watched_(watched.begin(), watched.end()) {}

    void add(std::span<const ActiveAlert> alerts);
    // "XRP: 3, ADA: 1": the twenty tickers with the most alerts, most first; empty if there are none.
    std::string list() const;

private:
    const std::set<Ticker> watched_;
    std::map<Ticker, std::size_t> counts_;
};

}  // namespace pricewire::app
