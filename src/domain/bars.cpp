#include "domain/bars.hpp"

#include <algorithm>
#include <utility>

namespace pricewire::inline domain {

Timestamp interval_start(Timestamp moment, Duration interval) {
    const Duration since = moment.time_since_epoch();
    Duration within = since % interval;
    if (within < Duration::zero()) within += interval;
    return moment - within;
}

Timestamp next_interval_start(Timestamp moment, Duration interval) {
    if (moment < Timestamp::min() + interval || moment > Timestamp::max() - interval) return moment;
    const Timestamp start = interval_start(moment, interval);
    return start == moment ? start : start + interval;
}

bool BarsBackwards::add(const Bar& minute) {
    const Timestamp start = interval_start(minute.start, interval_);
    if (bars_.empty() || bars_.back().start != start) {
        if (bars_.size() == limit_) return false;
        bars_.push_back(minute);
        bars_.back().start = start;
        return true;
    }
    Bar& bar = bars_.back();
    bar.open = minute.open;
    bar.high = std::max(bar.high, minute.high);
    bar.low = std::min(bar.low, minute.low);
    return true;
}

std::vector<Bar> BarsBackwards::take() && {
    std::reverse(bars_.begin(), bars_.end());
    return std::move(bars_);
}

}  // namespace pricewire::inline domain
