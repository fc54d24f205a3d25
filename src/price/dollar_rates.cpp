#include "price/dollar_rates.hpp"

#include <algorithm>
#include <cstdlib>

// The method
//
// A stablecoin's rate is the median of what the venues say that trade it for dollars. It moves slowly, so that a
// rate counts for five minutes after it arrived (Skip Connect: two minutes; Chainlink's USDC feed: a day).
//
//   exchanges   rate
//   3 or more   the median, if another is within 1 % of it
//   2           if they are within 1 % of each other: the last rate, or what of theirs is nearest to it, so that one
//               that is wrong does not move it; else the one that an aggregator confirms
//   1           its rate, if an aggregator confirms it within 1 %: no single venue decides (OKX and Skip Connect
//               take the median of three)
//   0           none: an aggregator serves as a second opinion only
//
// Without a rate the last known one stands in for an hour, because a coin that has left the dollar does not return
// with the last trade that we have seen; after that, and before the first, it is 1.
//
// A rate more than 2 % from the dollar is off its peg (ordinarily they stay within 0.1 %; on 2022-05-12 USDT stood
// at 0.95, on 2023-03-11 USDC at 0.87), until it is within half of that again.

namespace pricewire::price {
namespace {

using namespace std::chrono_literals;

constexpr Duration life = 5min;
constexpr Duration held_for = 1h;
constexpr std::int64_t tolerance = DollarRate::one / 100;
constexpr std::int64_t off_peg = DollarRate::one / 50;
// Beyond these it is no rate of a stablecoin, but another instrument.
constexpr std::int64_t least = DollarRate::one / 10;
constexpr std::int64_t most = DollarRate::one * 10;

bool agree(std::int64_t a, std::int64_t b) {
    return std::abs(a - b) <= tolerance;
}

}  // namespace

DollarRates::DollarRates() {
    for (std::size_t i = 0; i < currencies.size(); ++i) rates_[i].currency = currencies[i];
    rates_[0].is_known = true;
}

std::optional<std::size_t> DollarRates::index_of(Currency currency) {
    for (std::size_t i = 0; i < currencies.size(); ++i) {
        if (currency.view() == currencies[i]) return i;
    }
    return std::nullopt;
}

void DollarRates::update(const Quote& quote, Timestamp now) {
    if (!is_reference(quote.ticker) || quote.currency.view() != currencies[0] || !quote.is_live) return;
    const std::size_t index = *index_of(quote.ticker.view());
    if (quote.price > Decimal::from_int(most / DollarRate::one)) return;
    constexpr Decimal::Raw unit = Decimal::one_raw / DollarRate::one;
    const auto e5 = static_cast<std::int64_t>((quote.price.raw() + unit / 2) / unit);
    if (e5 < least) return;
    std::vector<Said>& said = said_[index];
    const auto known = std::ranges::find(said, quote.source, &Said::source);
    const Said now_said{quote.source, quote.kind, e5, std::min(quote.received_at, now)};
    if (known == said.end()) {
        said.push_back(now_said);
        sorted_.reserve(said.size());
        figures_.reserve(said.size());
    } else {
        *known = now_said;
    }
    judge(index, now);
}

void DollarRates::refresh(Timestamp now) {
    for (std::size_t i = 1; i < rates_.size(); ++i) judge(i, now);
}

void DollarRates::judge(std::size_t index, Timestamp now) {
    const DollarRate before = rates_[index];
    DollarRate& rate = rates_[index];
    const auto made = consolidated(index, now, rate.sources);
    std::optional<Timestamp>& known_at = known_at_[index];
    rate.is_known = made.has_value();
    if (made) {
        rate.e5 = *made;
        known_at = now;
    } else if (known_at && (now - *known_at > held_for || now < *known_at)) {
        // A clock that was set back does not hold a rate for longer.
        known_at = now < *known_at ? std::optional(now) : std::nullopt;
        if (!known_at) rate.e5 = DollarRate::one;
    }
    const std::int64_t away = std::abs(rate.e5 - DollarRate::one);
    rate.is_off_peg = away > (rate.is_off_peg ? off_peg / 2 : off_peg);
    if (rate.e5 != before.e5 || rate.is_known != before.is_known || rate.is_off_peg != before.is_off_peg)
        ++version_;
}

std::optional<std::int64_t> DollarRates::consolidated(std::size_t index, Timestamp now, int& sources) {
    sorted_.clear();
    figures_.clear();
    for (Said& said : said_[index]) {
        said.received_at = std::min(said.received_at, now);
        if (now - said.received_at > life) continue;
        (said.kind == SourceKind::exchange ? sorted_ : figures_).push_back(said.e5);
    }
    sources = static_cast<int>(sorted_.size() + figures_.size());
    if (sorted_.empty()) return std::nullopt;
    std::ranges::sort(sorted_);
    const std::size_t half = sorted_.size() / 2;
    if (sorted_.size() > 2) {
        const std::int64_t median =
            sorted_.size() % 2 == 1 ? sorted_[half] : (sorted_[half - 1] + sorted_[half]) / 2;
        const auto agreeing = std::ranges::count_if(sorted_, [&](auto e5) { return agree(e5, median); });
        return agreeing > 1 ? std::optional(median) : std::nullopt;
    }
    if (sorted_.size() == 2 && agree(sorted_[0], sorted_[1]))
        return std::clamp(rates_[index].e5, sorted_[0], sorted_[1]);
    for (const std::int64_t e5 : sorted_) {
        if (std::ranges::any_of(figures_, [&](auto figure) { return agree(figure, e5); })) return e5;
    }
    return std::nullopt;
}

}  // namespace pricewire::price
