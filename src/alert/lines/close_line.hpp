#pragma once

#include <absl/container/btree_set.h>

#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "alert/lines/wake_book.hpp"
#include "rule/line.hpp"

namespace pricewire::alert {

// What many alerts watch: the price of a ticker at the end of each bar of an interval. A rule::Line for all of them, as it
// was after each of its last changes, and the levels at which a close wakes them. Pure; owned by one thread.
class CloseLine {
public:
    // Knows what is in `past`, which is over.
    CloseLine(const Rule& rule, const std::vector<Stretch>& past) : rule_(rule), line_(rule) {
        for (const Stretch& stretch : past) line_.history(rule_, rule_.ticker, stretch);
        log_.emplace_back(Timestamp::min(), line_);
    }

    Duration interval() const { return rule_.interval; }
    const rule::Line& line() const { return line_; }
    // The last close, also where there was none at the last end of a bar.
    std::optional<Decimal> last_close() const { return last_close_; }

    // As set(), of a price within the bar of a price: nearly always. False: it is not so, and nothing was done.
    bool pass(Decimal price) {
        if (!is_settled_ || !line_.bar_end()) return false;
        line_.set_price(price);
        return true;
    }
    // Another price, or its end. The bars that end until then have ended. Whether another bar ends next.
    bool set(std::optional<Decimal> price, Timestamp time) {
        settle(time);
        const auto bar_end = line_.bar_end();
        line_.take(rule_, rule_.ticker, time, price);
        if (line_.bar_end() == bar_end) return false;
        log_.emplace_back(time, line_);
        return true;
    }
    // Ends the bars that end until `time`; `ended(end)` is called after each.
    template <typename F>
    void end_bars(Timestamp time, F&& ended) {
        while (log_.size() > 1 && log_[1].first + kept < time) log_.pop_front();
        while (line_.bar_end() && *line_.bar_end() <= time) {
            const Timestamp end = *line_.bar_end();
            settle(end);
            line_.end_bar(rule_);
            if (line_.current()) last_close_ = line_.current()->value;
            log_.emplace_back(end, line_);
            ended(end);
        }
    }
    // As it was before everything of `time`, when `price` was in effect.
    rule::Line as_of(Timestamp time, std::optional<Decimal> price) const {
        auto entry = log_.rbegin();
        while (std::next(entry) != log_.rend() && entry->first >= time) ++entry;
        rule::Line line = entry->second;
        line.take(rule_, rule_.ticker, time, line.bar_end() ? price : std::nullopt);
        return line;
    }
    // Makes that its state.
    void rewind(Timestamp time, std::optional<Decimal> price) {
        line_ = as_of(time, price);
        while (log_.size() > 1 && log_.back().first >= time) log_.pop_back();
    }

    // Where alerts wait.
    template <Side side>
    auto& book() {
        if constexpr (side == Side::above) {
            return ups_;
        } else {
            return downs_;
        }
    }
    // The end of a bar without a price wakes them.
    void wait_for_end(Slot slot) { for_end_.insert(slot); }
    void leave_end(Slot slot) { for_end_.erase(slot); }
    // Takes those that the last end of a bar wakes.
    void take_woken(std::vector<Slot>& out) {
        if (!line_.current()) {
            out.insert(out.end(), for_end_.begin(), for_end_.end());
            for_end_.clear();
            return;
        }
        const Decimal value = line_.current()->value;
        ups_.take([&](Decimal level) { return value >= level; }, out);
        downs_.take([&](Decimal level) { return value <= level; }, out);
    }

private:
    // Longer than prices are judged again.
    static constexpr Duration kept = std::chrono::minutes{4};

    void settle(Timestamp time) {
        if (is_settled_) return;
        is_settled_ = true;
        line_.settle(rule_, time);
        log_ = {};
        log_.emplace_back(Timestamp::min(), line_);
    }

    Rule rule_;
    rule::Line line_;
    std::optional<Decimal> last_close_;
    std::deque<std::pair<Timestamp, rule::Line>> log_;
    bool is_settled_ = false;
    absl::btree_set<Slot> for_end_;
    OrderedSlots<Side::above> ups_;
    OrderedSlots<Side::below> downs_;
};

}  // namespace pricewire::alert
