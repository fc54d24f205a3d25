#include "api/last_days.hpp"

#include <algorithm>
#include <set>

#include "domain/bars.hpp"

namespace pricewire::api {
namespace {

using namespace std::chrono_literals;

constexpr Duration day = 24h;
constexpr Duration read_every = 1min;
// Of a ticker whose past is just being filled.
constexpr Duration filling_read_every = 5s;
// Prices that were seen earlier than this before the day began are not those that it began with.
constexpr Duration minute_within = 10min;
// So that no statement takes long.
constexpr std::size_t read_at_once = 200;

bool is_due(const LastDay& known, Timestamp read_at, Timestamp now) {
    const bool is_whole = known.open && known.since <= now - day + 1h;
    const Duration age = now - read_at;
    return age >= (is_whole ? read_every : filling_read_every) || age < Duration::zero();
}

}  // namespace

LastDay last_day(std::span<const Bar> hours, const Bar* minute, Timestamp now) {
    const Timestamp begin = now - day;
    LastDay out;
    if (minute != nullptr) {
        out.open = minute->close;
        out.since = minute->start + 1min;
    } else if (!hours.empty()) {
        const Bar& first = hours.front();
        const bool is_nearer_to_its_end = begin - first.start > 30min;
        out.open = is_nearer_to_its_end ? first.close : first.open;
        out.since = is_nearer_to_its_end ? first.start + 1h : first.start;
    }
    for (const Bar& hour : hours) {
        const Timestamp end = hour.start + 1h;
        if (end > out.since && end <= now) out.ends.emplace_back(end, hour.close);
    }
    return out;
}

std::map<Ticker, LastDay> LastDays::of(std::span<const Ticker> tickers, Timestamp now) {
    MutexLock lock(mutex_);
    const std::set<Ticker> wanted(tickers.begin(), tickers.end());
    std::erase_if(known_, [&](const auto& known) { return !wanted.contains(known.first); });
    std::vector<Ticker> due;
    for (const Ticker& ticker : wanted) {
        const auto found = known_.find(ticker);
        if (found == known_.end() || is_due(found->second.day, found->second.read_at, now))
            due.push_back(ticker);
    }
    for (std::size_t at = 0; at < due.size(); at += read_at_once)
        read(std::span(due).subspan(at, std::min(read_at_once, due.size() - at)), now);
    std::map<Ticker, LastDay> out;
    for (const auto& [ticker, known] : known_) out.emplace(ticker, known.day);
    return out;
}

void LastDays::read(std::span<const Ticker> tickers, Timestamp now) {
    const Timestamp begin = now - day;
    std::map<Ticker, std::vector<Bar>> hours;
    for (const Bar& bar : storage_.bars_of(tickers, 1h, interval_start(begin, 1h), now, day / 1h + 1))
        hours[bar.ticker].push_back(bar);
    std::map<Ticker, Bar> minutes;
    // A minute that starts just then is the last.
    for (const Bar& bar : storage_.bars_of(tickers, 1min, begin - minute_within, begin - 1min + 1us, 1))
        minutes.emplace(bar.ticker, bar);
    for (const Ticker& ticker : tickers) {
        const auto minute = minutes.find(ticker);
        known_[ticker] = {last_day(hours[ticker], minute == minutes.end() ? nullptr : &minute->second, now),
                          now};
    }
}

}  // namespace pricewire::api
