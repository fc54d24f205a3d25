#include "recover/recovery.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <tuple>
#include <utility>

// How it decides
//
// An alert is touched in the first minute whose bar is beyond its level and whose trades, where they decide, are too.
// A bar of one owner is no price where two trade the ticker: its minute touches nothing, and is unknown unless all
// venues have told all that they know.
//
//   trades of two owners reach the level   the firing has the moment, and the price of that moment
//   trades that decide do not reach it,    not touched in this minute: the highs of several venues may be of different
//   not even within seconds of each other  moments. The next minutes are looked at
//   others                                 the firing has the minute, and the bar's high or low
//
// The first and the last minute hold time in which prices were judged. An alert that is still active was not touched
// then, so the bar counts for it; trades only count within [from, to).
//
// An alert that was made within a minute may be younger than what its bar shows: only trades can tell. It is
// judged by the price in effect when it was made and by every price since, as live.

namespace pricewire::recover {
namespace {

using namespace std::chrono_literals;

// The end that may be beyond such an alert's level.
Decimal end_of(const PriceBand& band, Condition condition) {
    return kind_of(condition).side == Side::above ? band.high : band.low;
}
bool is_beyond(const RecoverableAlert& alert, const PriceBand& band) {
    return holds(alert.condition, end_of(band, alert.condition), alert.target);
}
PriceBand band_of(const past::CombinedBar& bar) {
    return {bar.low, bar.high};
}

}  // namespace

std::vector<SourceName> names_of(std::uint64_t bits, const std::vector<SourceName>& venues) {
    std::vector<SourceName> out;
    for (std::size_t i = 0; i < venues.size(); ++i) {
        if ((bits >> i & 1) != 0) out.push_back(venues[i]);
    }
    std::ranges::sort(out);
    return out;
}

Recovery::Recovery(Timestamp from, Timestamp to, ToldMinutes told, std::span<const RecoverableAlert> alerts)
    : from_(from), to_(to), told_(std::move(told)) {
    // Beyond no level yet.
    PriceBand band{Decimal::from_int(std::numeric_limits<std::int64_t>::max()), Decimal()};
    for (const past::CombinedBar& bar : told_.bars) {
        if (is_price(bar)) band = {std::min(band.low, bar.low), std::max(band.high, bar.high)};
        so_far_.push_back(band);
    }
    for (const RecoverableAlert& alert : alerts) {
        if (alert.created_at >= to_) continue;
        if (const auto minute = first_touched(alert, first_minute(alert.created_at)))
            waiting_.push_back({alert, *minute, {}});
    }
}

bool Recovery::is_price(const past::CombinedBar& bar) const {
    return bar.start + minute_length > from_ && bar.start < to_ &&
           (bar.owners > 1 || told_.owners_listed <= 1);
}

// The first bar that ends after `moment`.
std::size_t Recovery::first_minute(Timestamp moment) const {
    const auto bar = std::ranges::partition_point(
        told_.bars, [&](const past::CombinedBar& b) { return b.start + minute_length <= moment; });
    return static_cast<std::size_t>(bar - told_.bars.begin());
}

// Among the bars from `first` on.
std::optional<std::size_t> Recovery::first_touched(const RecoverableAlert& alert, std::size_t first) const {
    if (first == 0) {
        // So far the highest only rises and the lowest only falls: an alert that is older than all takes few looks.
        const auto at = std::ranges::partition_point(
            so_far_, [&](const PriceBand& band) { return !is_beyond(alert, band); });
        if (at == so_far_.end()) return std::nullopt;
        return static_cast<std::size_t>(at - so_far_.begin());
    }
    for (std::size_t i = first; i < told_.bars.size(); ++i) {
        if (is_price(told_.bars[i]) && is_beyond(alert, band_of(told_.bars[i]))) return i;
    }
    return std::nullopt;
}

bool Recovery::was_made_within(const Waiting& waiting) const {
    return waiting.alert.created_at > told_.bars[waiting.minute].start;
}

std::vector<Timestamp> Recovery::wanted() const {
    std::set<Timestamp> out;
    for (const Waiting& waiting : waiting_) {
        const Timestamp minute = told_.bars[waiting.minute].start;
        if (!waiting.touch && !answered_.contains(minute)) out.insert(minute);
    }
    return {out.begin(), out.end()};
}

void Recovery::take(Timestamp minute, std::optional<ToldTrades> trades) {
    answered_.insert(minute);
    std::vector<Waiting> still;
    for (Waiting& waiting : waiting_) {
        if (!waiting.touch && told_.bars[waiting.minute].start == minute) {
            if (trades) waiting.touch = touch_by_trade(waiting.alert, minute, *trades);
            const bool is_refuted = was_made_within(waiting) || (trades && refutes(*trades, waiting.alert));
            if (!waiting.touch && is_refuted) {
                const auto next = first_touched(waiting.alert, waiting.minute + 1);
                if (!next) continue;
                waiting.minute = *next;
                // Should its trades have come before this alert was there, they are wanted again.
                answered_.erase(told_.bars[*next].start);
            }
        }
        still.push_back(std::move(waiting));
    }
    waiting_ = std::move(still);
}

bool Recovery::refutes(const ToldTrades& trades, const RecoverableAlert& alert) {
    return trades.decide && !(trades.reached && is_beyond(alert, *trades.reached));
}

std::optional<Recovery::Touch> Recovery::touch_by_trade(const RecoverableAlert& alert, Timestamp minute,
                                                        const ToldTrades& trades) const {
    const Timestamp begin = std::max({minute, from_, alert.created_at});
    const Timestamp end = std::min(minute + minute_length, to_);
    const auto first = std::ranges::partition_point(
        trades.prices, [&](const PastPrice& price) { return price.time < begin; });
    const auto fires = [&](const PastPrice& price, Timestamp at) -> std::optional<Touch> {
        if (!price.value || !holds(alert.condition, *price.value, alert.target)) return std::nullopt;
        if (price.owners < 2 && told_.owners_listed > 1) return std::nullopt;
        return Touch{at, at, *price.value, names_of(price.sources, trades.venues)};
    };
    // In effect when the alert was made, or the blind time or the minute began; what was before fired nothing.
    if (first != trades.prices.begin() && begin > from_) {
        if (auto touch = fires(*(first - 1), begin)) return touch;
    }
    for (auto price = first; price != trades.prices.end() && price->time < end; ++price) {
        if (auto touch = fires(*price, price->time)) return touch;
    }
    return std::nullopt;
}

std::vector<LateFirings> Recovery::firings() const {
    std::map<Touch, std::vector<Uuid>> together;
    for (const Waiting& waiting : waiting_) {
        const past::CombinedBar& bar = told_.bars[waiting.minute];
        if (waiting.touch) {
            together[*waiting.touch].push_back(waiting.alert.id);
        } else if (!was_made_within(waiting)) {
            together[{bar.start, bar.start + minute_length, end_of(band_of(bar), waiting.alert.condition),
                      names_of(bar.sources, told_.venues)}]
                .push_back(waiting.alert.id);
        }
    }
    std::vector<LateFirings> out;
    for (auto& [touch, alerts] : together)
        out.push_back({touch.price, {touch.from, touch.to, touch.sources}, std::move(alerts)});
    return out;
}

template <typename F>
void Recovery::for_each_part_unknown(F&& f) const {
    if (told_.is_whole) return;
    auto bar = told_.bars.begin();
    for (Timestamp minute = std::chrono::floor<std::chrono::minutes>(from_); minute < to_;
         minute += minute_length) {
        while (bar != told_.bars.end() && bar->start < minute) ++bar;
        if (bar != told_.bars.end() && bar->start == minute && is_price(*bar)) continue;
        f(std::max(minute, from_), std::min(minute + minute_length, to_));
    }
}

Duration Recovery::unknown() const {
    Duration sum{};
    for_each_part_unknown([&](Timestamp from, Timestamp to) { sum += to - from; });
    return sum;
}

Timestamp Recovery::known_until() const {
    Timestamp until = to_;
    for_each_part_unknown([&](Timestamp from, Timestamp) { until = std::min(until, from); });
    return until;
}

}  // namespace pricewire::recover
