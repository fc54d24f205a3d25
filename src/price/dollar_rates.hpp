#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "domain/market.hpp"

namespace pricewire::price {

// What one unit of a currency is worth.
struct DollarRate {
    static constexpr std::int64_t one = 100'000;

    Currency currency;
    std::int64_t e5 = one;    // in hundred-thousandths of a dollar: a tenth of a basis point
    bool is_known = false;    // two sources at least say so; otherwise it is the last known one, or 1
    bool is_off_peg = false;  // it has left the dollar
    int sources = 0;          // that are fresh

    Decimal value() const { return Decimal::from_int(1).scaled(e5, one); }
    friend bool operator==(const DollarRate&, const DollarRate&) = default;
};

// The rates of the dollar and of the two stablecoins in which most exchanges trade. The method is described in
// dollar_rates.cpp. No clock, no I/O; one thread. Allocates nothing once each source has been seen.
class DollarRates {
public:
    static constexpr std::array<std::string_view, 3> currencies{"USD", "USDT", "USDC"};
    // Tickers whose prices are rates, to be watched wherever they are traded for dollars.
    static constexpr std::array<std::string_view, 2> references{"USDT", "USDC"};
    static bool is_reference(Ticker ticker) {
        return ticker.view() == references[0] || ticker.view() == references[1];
    }

    DollarRates();

    // Takes a quote of a reference; others, and those not in dollars, are ignored.
    void update(const Quote& quote, Timestamp now);
    // To be called about once a second.
    void refresh(Timestamp now);

    // Index into all(); nullopt: not converted.
    static std::optional<std::size_t> index_of(Currency currency);
    std::span<const DollarRate> all() const { return rates_; }
    const DollarRate& at(std::size_t index) const { return rates_[index]; }
    // Rounded to seven digits: a rate has five, and further ones would only be noise to who reads them.
    Decimal in_dollars(Decimal price, std::size_t index) const {
        const std::int64_t e5 = rates_[index].e5;
        return e5 == DollarRate::one ? price : price.scaled(e5, DollarRate::one).rounded(7);
    }
    // Changes with any rate, apart from `sources`.
    std::uint64_t version() const { return version_; }

private:
    struct Said {
        SourceName source;
        SourceKind kind;
        std::int64_t e5;
        Timestamp received_at;
    };

    void judge(std::size_t index, Timestamp now);
    std::optional<std::int64_t> consolidated(std::size_t index, Timestamp now, int& sources);

    std::array<DollarRate, currencies.size()> rates_;
    std::array<std::vector<Said>, currencies.size()> said_;
    std::array<std::optional<Timestamp>, currencies.size()> known_at_;
    std::vector<std::int64_t> sorted_;   // scratch
    std::vector<std::int64_t> figures_;  // scratch
    std::uint64_t version_ = 1;
};

}  // namespace pricewire::price
