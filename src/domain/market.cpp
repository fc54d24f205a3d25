#include "domain/market.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace pricewire::inline domain {

bool is_ticker(std::string_view text) {
    return !text.empty() && text.size() <= Ticker::max_size &&
           std::all_of(text.begin(), text.end(), [](char c) { return is_upper(c) || is_digit(c); });
}

}  // namespace pricewire::inline domain
