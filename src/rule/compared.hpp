#pragma once

#include <map>
#include <set>

#include "domain/rule.hpp"

namespace pricewire::rule {

// Which tickers the ratios of a user's active alerts compare: each with max_ratios others at most.
class ComparedTickers {
public:
    void add(const Ticker& one, const Ticker& other);
    // All ratios of these terms.
    void add(const Terms& terms);
    // Adds the ratios of these terms; false, and adds none, if one of their tickers has no room for them.
    bool take(const Terms& terms);

private:
    std::map<Ticker, std::set<Ticker>> others_;  // by both of a pair
};

bool has_ratios(const Terms& terms);

}  // namespace pricewire::rule
