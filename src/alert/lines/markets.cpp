#include "alert/lines/markets.hpp"

#include <algorithm>
#include <vector>

namespace pricewire::alert {

SharedLine* Markets::find(Ticker ticker) {
    const auto found = lines_.find(ticker);
    return found == lines_.end() ? nullptr : found->second.get();
}

SharedLine& Markets::line(Ticker ticker) {
    auto& line = lines_[ticker];
    if (!line) {
        line = std::make_unique<SharedLine>(ticker);
        redo(*line, Timestamp::min(), {});
    }
    return *line;
}

void Markets::redo(SharedLine& line, Timestamp time, const std::function<void(Timestamp)>& seen) {
    line.rewind(time);
    const auto& entries = recent_.of(line.ticker());
    auto entry = std::ranges::lower_bound(entries, time, {}, &RecentPrices::Entry::time);
    for (; entry != entries.end(); ++entry) {
        line.set(entry->price ? std::optional(entry->price->value) : std::nullopt, entry->time);
        if (seen) seen(entry->time);
    }
}

void Markets::take_past(const LinePast& past) {
    SharedLine& of = line(past.ticker);
    const auto known = of.state().known_from;
    if (known && *known <= past.from) return;
    const auto& entries = recent_.of(past.ticker);
    std::vector<Piece> pieces;
    std::vector<rule::LineGap> gaps;
    for (Stretch stretch : past.stretches) {
        if (!entries.empty()) stretch.to = std::min(stretch.to, entries.front().time);
        if (known) stretch.to = std::min(stretch.to, *known);
        if (stretch.from >= stretch.to) continue;
        if (!pieces.empty() && pieces.back().until < stretch.from)
            gaps.push_back({pieces.back().until, stretch.from});
        if (stretch.low < stretch.high && !stretch.goes_on) {
            // Where within the stretch its extremes were is not known: they count from its beginning.
            for (const Decimal extreme : {stretch.high, stretch.low})
                pieces.push_back({extreme, stretch.from, stretch.from + Duration{1}});
        }
        pieces.push_back({stretch.last, stretch.from, stretch.to});
    }
    of.take_past(pieces, gaps);
}

}  // namespace pricewire::alert
