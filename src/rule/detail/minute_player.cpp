#include "rule/detail/minute_player.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>

#include "rule/levels.hpp"

namespace pricewire::rule::detail {

std::map<Ticker, bool> watched_tickers(const Terms& terms) {
    std::map<Ticker, bool> all;
    for (const Rule& rule : terms.rules) {
        const bool is_ratio = rule.watched == Watched::ratio;
        for (const Ticker& ticker : {rule.ticker, rule.other}) {
            if (ticker.empty()) continue;
            const auto [at, inserted] = all.try_emplace(ticker, is_ratio);
            at->second = at->second && is_ratio;
        }
    }
    return all;
}

Duration looked_back(const Terms& terms) {
    Duration longest{};
    for (const Rule& rule : terms.rules) {
        longest =
            std::max({longest, rule.interval, rule.level.over, rule.upper ? rule.upper->over : Duration{}});
        if (rule.watched == Watched::age) longest = std::max(longest, age_of(rule.level.number));
    }
    return longest + std::chrono::minutes{10};
}

void MinutePlayer::end_gone(Timestamp time, Run& run, Steps& steps) {
    while (!known_until_.empty()) {
        const auto first = std::min_element(known_until_.begin(), known_until_.end(),
                                            [](const auto& a, const auto& b) { return a.second < b.second; });
        if (first->second >= time) return;
        run.value(first->first, first->second, std::nullopt, steps);
        known_until_.erase(first);
    }
}

void MinutePlayer::play_hour(const Bar& bar, Run& run, Steps& steps) {
    end_gone(bar.start, run, steps);
    run.value(bar.ticker, bar.start, bar.close, steps);
    known_until_[bar.ticker] = bar.start + hour;
}

void MinutePlayer::end(Timestamp time, Run& run, Steps& steps) {
    end_gone(time, run, steps);
    run.time(time, steps);
}

bool Minutes::load(const std::vector<Ticker>& tickers, Timestamp from, Timestamp to, const Past& past) {
    for (const Ticker& ticker : tickers) {
        if (past.stop && past.stop()) return false;
        const auto bars = past.minutes(ticker, from, to);
        std::vector<Bar> merged;
        merged.reserve(bars_.size() + bars.size());
        std::merge(bars_.begin(), bars_.end(), bars.begin(), bars.end(), std::back_inserter(merged),
                   [](const Bar& a, const Bar& b) {
                       return std::tie(a.start, a.ticker) < std::tie(b.start, b.ticker);
                   });
        bars_ = std::move(merged);
    }
    return true;
}

const std::vector<Bar>& Minutes::next() {
    minute_.clear();
    if (at_ == bars_.size()) return minute_;
    const Timestamp start = bars_[at_].start;
    while (at_ < bars_.size() && bars_[at_].start == start) minute_.push_back(bars_[at_++]);
    return minute_;
}

}  // namespace pricewire::rule::detail
