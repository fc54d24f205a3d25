#include "app/known_past.hpp"

#include <algorithm>

#include "domain/bars.hpp"

namespace pricewire::app {
namespace {

using namespace std::chrono_literals;

constexpr Duration in_minutes = 24h * 8;         // the longest window, and a day
constexpr Duration longest = 24h * 90;           // minutes are not kept for longer
constexpr std::size_t most_known_bars = 20'000;  // of a query; the longest has 11,520
constexpr std::size_t most_known_spans = 1000;

class Stretches {
public:
    void add(const std::vector<Bar>& bars, Duration interval) {
        for (const Bar& bar : bars) {
            Stretch next{bar.start, bar.start + interval, bar.low, bar.high, bar.close};
            if (!out_.empty() && out_.back().to > next.from) continue;
            if (!out_.empty() && out_.back().to == next.from) {
                next.low = std::min(next.low, out_.back().last);
                next.high = std::max(next.high, out_.back().last);
            }
            out_.push_back(next);
        }
    }
    std::vector<Stretch> take() { return std::move(out_); }

private:
    std::vector<Stretch> out_;
};

std::vector<Stretch> without(const std::vector<Stretch>& stretches, Timestamp from, Timestamp to) {
    std::vector<Stretch> out;
    for (const Stretch& stretch : stretches) {
        Stretch before = stretch, after = stretch;
        before.to = std::min(stretch.to, from);
        after.from = std::max(stretch.from, to);
        if (before.from < before.to) out.push_back(before);
        after.goes_on = after.goes_on || after.from > stretch.from;
        if (after.from < after.to) out.push_back(after);
    }
    return out;
}

}  // namespace

std::vector<Stretch> known_past(storage::Bars& bars, storage::BlindSpans& blind, Ticker ticker,
                                Timestamp from, Timestamp now, const std::optional<Pause>& pause) {
    from = std::max(interval_start(from, 1min), now - longest);
    const Timestamp hours_from = next_interval_start(from, 1h);
    const Timestamp minutes_from = interval_start(now - in_minutes, 1h);
    Stretches known;
    if (hours_from < minutes_from) {
        known.add(bars.bars(ticker, 1min, from, hours_from, most_known_bars), 1min);
        known.add(bars.bars(ticker, 1h, hours_from, minutes_from, most_known_bars), 1h);
        from = minutes_from;
    }
    known.add(bars.bars(ticker, 1min, from, now, most_known_bars), 1min);
    // The minute at hand is not over.
    auto out = without(known.take(), now, Timestamp::max());
    for (const BlindSpan& span : blind.blind_spans(ticker, from, most_known_spans))
        out = without(out, span.from, span.to.value_or(now));
    if (pause) out = without(out, pause->from, pause->to);
    return out;
}

}  // namespace pricewire::app
