#pragma once

#include <cstddef>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "domain/market.hpp"

namespace pricewire::alert {

// Of several checkers, which alerts one is to hold: those of its tickers. An alert belongs to its own ticker, whatever else
// it watches.
struct Share {
    std::function<bool(const Ticker&)> holds = {};  // pure; empty: of all tickers
    std::string view = {};                          // names it, for Checker::settled()
    // Whether another one that lives has held a ticker of it all along; pure; empty: of none.
    std::function<bool(const Ticker&)> is_kept = {};
};

// What a checker holds, and what a change of its share leaves to be done. Pure; one thread. shard.cpp describes why nothing
// is missed.
class Shard {
public:
    explicit Shard(Share share) : share_(std::move(share)) {}

    // Whether changes of alerts of this ticker count.
    bool holds(const Ticker& ticker) const;
    bool is_all() const { return !share_.holds; }
    bool is_kept(const Ticker& ticker) const { return share_.is_kept && share_.is_kept(ticker); }
    const std::string& view() const { return share_.view; }

    void change(Share share);
    // Everything was loaded as of now, by holds().
    void on_loaded();

    // Something is left to be done.
    bool is_moving() const { return needs_plan_ || !steps_.empty(); }
    // plan() is to be called with all tickers of active alerts, read after the change.
    bool needs_plan() const { return needs_plan_; }
    void plan(std::span<const Ticker> all);
    struct Step {
        bool came = true;  // load their alerts; false: load them to remove them
        std::vector<Ticker> tickers;
    };
    // What is to be done next; nullptr: nothing. Valid until done(). A step that is taken twice does no harm.
    const Step* step() const { return steps_.empty() ? nullptr : &steps_.back(); }
    void done() { steps_.pop_back(); }

private:
    Share share_;
    bool needs_plan_ = false;
    std::vector<Share> before_;                       // those since the last plan was made
    std::set<Ticker> partly_;                         // tickers of steps that were not taken then
    std::vector<Step> steps_;                         // the last one is next
    mutable std::unordered_map<Ticker, bool> known_;  // holds(), which is asked for every alert
};

}  // namespace pricewire::alert
