#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "domain/market.hpp"

namespace pricewire::directory {

// Whether a source's price of a ticker differs from the others', once that has lasted for a while.
struct Comparison {
    SourceName source;
    Ticker ticker;
    bool disagrees = false;
    friend bool operator==(const Comparison&, const Comparison&) = default;
};

// Finds sources that mean another coin by a ticker: their fresh price stays more than 10 % from the ticker's price or,
// where none could be made, from every other source's. Pure; one thread.
class Disagreements {
public:
    // To be called with every ticker's board, every few seconds, and then end_round().
    void look(const TickerBoard& board, MonoTime now);
    // The comparisons that this round has settled: each once, until its result changes.
    std::vector<Comparison> end_round();

private:
    struct Seen {
        bool is_away = false;
        MonoTime since;
        bool is_settled = false;
        bool in_round = true;
    };
    void note(SourceName source, Ticker ticker, bool is_away, Duration settles_after, MonoTime now);

    std::map<std::pair<Ticker, SourceName>, Seen> seen_;
    std::vector<Comparison> settled_;
};

}  // namespace pricewire::directory
