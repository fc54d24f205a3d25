#include "app/known_past.hpp"

#include <algorithm>
#include <span>
#include <utility>

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

using Times = std::vector<std::pair<Timestamp, Timestamp>>;

// Those of the times that overlap or touch become one, in order.
Times joined(Times times) {
    std::ranges::sort(times);
    Times out;
    for (const auto& [from, to] : times) {
        if (!out.empty() && from <= out.back().second) {
            out.back().second = std::max(out.back().second, to);
        } else if (from < to) {
            out.emplace_back(from, to);
        }
    }
    return out;
}

// Both in order.
std::vector<Stretch> without(std::span<const Stretch> stretches, const Times& times) {
    std::vector<Stretch> out;
    out.reserve(stretches.size() + times.size());
    auto first = times.begin();
    for (Stretch rest : stretches) {
        first = std::find_if(first, times.end(), [&](const auto& time) { return time.second > rest.from; });
        for (auto time = first; time != times.end() && time->first < rest.to; ++time) {
            Stretch before = rest;
            before.to = time->first;
            if (before.from < before.to) out.push_back(before);
            rest.goes_on = rest.goes_on || time->second > rest.from;
            rest.from = std::min(time->second, rest.to);
        }
        if (rest.from < rest.to) out.push_back(rest);
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
    const auto before = bars.bars(ticker, 1min, now - longest, from, 1);
    known.add(before, 1min);
    const Timestamp since = before.empty() ? from : before.front().start;
    if (hours_from < minutes_from) {
        known.add(bars.bars(ticker, 1min, from, hours_from, most_known_bars), 1min);
        known.add(bars.bars(ticker, 1h, hours_from, minutes_from, most_known_bars), 1h);
        from = minutes_from;
    }
    known.add(bars.bars(ticker, 1min, from, now, most_known_bars), 1min);
    // The minute at hand is not over.
    Times unknown{{now, Timestamp::max()}};
    for (const BlindSpan& span : blind.blind_spans(ticker, since, most_known_spans))
        unknown.emplace_back(span.from, span.to.value_or(now));
    if (pause) unknown.emplace_back(pause->from, pause->to);
    return without(known.take(), joined(std::move(unknown)));
}

}  // namespace pricewire::app
