#include "rule/detail/minute_player.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

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

// Reads the next stretch that has bars; false at the end, or if it was stopped.
bool Minutes::read() {
    bars_.clear();
    at_ = 0;
    if (std::exchange(begins_earlier_, false) && past_.last_minute) {
        for (const Ticker& ticker : tickers_) {
            if (const auto bar = past_.last_minute(ticker, read_until_)) bars_.push_back(*bar);
        }
    }
    while (bars_.empty() && read_until_ < to_) {
        if (past_.stop && past_.stop()) {
            was_stopped_ = true;
            return false;
        }
        const Timestamp until = std::min(read_until_ + minutes_held, to_);
        for (const Ticker& ticker : tickers_) {
            const auto bars = past_.minutes(ticker, read_until_, until);
            bars_.insert(bars_.end(), bars.begin(), bars.end());
        }
        read_until_ = until;
    }
    if (tickers_.size() > 1) {
        std::ranges::sort(bars_, {}, [](const Bar& bar) { return std::tie(bar.start, bar.ticker); });
    }
    return !bars_.empty();
}

const std::vector<Bar>& Minutes::next() {
    minute_.clear();
    if (was_stopped_ || (at_ == bars_.size() && !read())) return minute_;
    const Timestamp start = bars_[at_].start;
    while (at_ < bars_.size() && bars_[at_].start == start) minute_.push_back(bars_[at_++]);
    return minute_;
}

}  // namespace pricewire::rule::detail
