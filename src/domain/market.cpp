#include "domain/market.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace pricewire::inline domain {

bool is_ticker(std::string_view text) {
    return !text.empty() && text.size() <= Ticker::max_size &&
           std::all_of(text.begin(), text.end(), [](char c) { return is_upper(c) || is_digit(c); });
}

std::int64_t spread_bp10(Decimal value, Decimal price) {
    constexpr Decimal::Raw scale = 100'000;
    constexpr Decimal::Raw most = 10'000'000'000;
    const Decimal::Raw away = value.raw() - price.raw();
    // Multiplied first where that cannot overflow, so that the cheapest token has its digits too.
    constexpr Decimal::Raw small = Decimal::one_raw * 1'000'000'000;
    const bool is_small = away < small && away > -small;
    const Decimal::Raw spread =
        is_small ? away * scale / price.raw() : away / std::max<Decimal::Raw>(price.raw() / scale, 1);
    return static_cast<std::int64_t>(std::clamp(spread, -most, most));
}

}  // namespace pricewire::inline domain
