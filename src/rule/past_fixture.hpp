#pragma once

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "domain/bars.hpp"
#include "rule/simulate.hpp"

// A past of minutes in memory, for tests.
namespace pricewire::rule {

class StoredMinutes {
public:
    void add(const Bar& minute) { minutes_[minute.ticker][minute.start] = minute; }
    void add(const Ticker& ticker, Timestamp start, Decimal open, Decimal low, Decimal high, Decimal close) {
        add(Bar{ticker, start, open, high, low, close});
    }

    // Lives as long as this.
    Past past() {
        Past past;
        past.minutes = [this](const Ticker& ticker, Timestamp from, Timestamp to) {
            ++asked_minutes;
            longest_asked = std::max(longest_asked, to - from);
            return within(ticker, from, to);
        };
        past.hours = [this](const Ticker& ticker, Timestamp from, Timestamp to) {
            std::vector<Bar> out;
            const Timestamp end = next_interval_start(to, std::chrono::hours{1});
            for (const HourBar& hour : hours_of(within(ticker, from, end))) out.push_back(hour.bar);
            return out;
        };
        past.last_minute = [this](const Ticker& ticker, Timestamp before) -> std::optional<Bar> {
            const auto& all = minutes_[ticker];
            const auto after = all.lower_bound(before);
            return after == all.begin() ? std::nullopt : std::optional(std::prev(after)->second);
        };
        return past;
    }

    int asked_minutes = 0;
    Duration longest_asked{};

private:
    std::vector<Bar> within(const Ticker& ticker, Timestamp from, Timestamp to) const {
        std::vector<Bar> out;
        const auto found = minutes_.find(ticker);
        if (found == minutes_.end()) return out;
        for (auto at = found->second.lower_bound(from); at != found->second.end() && at->first < to; ++at)
            out.push_back(at->second);
        return out;
    }

    std::map<Ticker, std::map<Timestamp, Bar>> minutes_;
};

}  // namespace pricewire::rule
