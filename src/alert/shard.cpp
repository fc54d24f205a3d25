#include "alert/shard.hpp"

#include <algorithm>
#include <iterator>

// Why nothing is missed
//
// From change() on, changes of alerts count by the new share. Then all tickers that alerts have are read, and those that
// came are loaded. So an alert that is made meanwhile is in what is loaded, or its change comes later and counts; and an
// alert of a ticker that nobody had read as one of an alert's has a change that counts.
//
// Another change may come before all of it is done. Of a ticker that some share since the last plan did not hold, changes
// were passed over for a while, so it is loaded again; of one that any of them held, some alerts may be known, so it
// is removed if it is not held now.
//
// ticker                                             held now           not held now
// -------------------------------------------------  -----------------  ----------------------
// held by all shares since the last plan             nothing            went: remove it
// held by some of them, or its step was not taken    came: load it      went: remove it
// held by none                                       came: load it      nothing

namespace pricewire::alert {
namespace {

constexpr std::size_t tickers_a_step = 32;

bool has(const Share& share, const Ticker& ticker) {
    return !share.holds || share.holds(ticker);
}

bool holds_all(const Share& share) {
    return !share.holds;
}

}  // namespace

bool Shard::holds(const Ticker& ticker) const {
    if (!share_.holds) return true;
    const auto [known, is_new] = known_.try_emplace(ticker, false);
    if (is_new) known->second = share_.holds(ticker);
    return known->second;
}

void Shard::change(Share share) {
    known_.clear();
    before_.push_back(std::exchange(share_, std::move(share)));
    for (const Step& step : std::exchange(steps_, {}))
        partly_.insert(step.tickers.begin(), step.tickers.end());
    needs_plan_ = share_.holds || !partly_.empty() || !std::ranges::all_of(before_, holds_all);
    if (!needs_plan_) before_.clear();
}

void Shard::on_loaded() {
    needs_plan_ = false;
    before_.clear();
    partly_.clear();
    steps_.clear();
}

void Shard::plan(std::span<const Ticker> all) {
    std::vector<Step> came, went;
    const auto add = [](std::vector<Step>& steps, bool is_coming, const Ticker& ticker) {
        if (steps.empty() || steps.back().tickers.size() == tickers_a_step) steps.push_back({is_coming, {}});
        steps.back().tickers.push_back(ticker);
    };
    for (const Ticker& ticker : all) {
        const auto had = [&](const Share& share) { return has(share, ticker); };
        const bool was_partly = partly_.contains(ticker);
        if (holds(ticker)) {
            if (was_partly || !std::ranges::all_of(before_, had)) add(came, true, ticker);
        } else if (was_partly || std::ranges::any_of(before_, had)) {
            add(went, false, ticker);
        }
    }
    on_loaded();
    steps_ = std::move(went);
    std::ranges::move(came, std::back_inserter(steps_));
}

}  // namespace pricewire::alert
