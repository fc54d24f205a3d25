#include "domain/market.hpp"

#include <algorithm>

namespace pricewire::inline domain {

bool is_ticker(std::string_view text) {
    return !text.empty() && text.size() <= Ticker::max_size &&
           std::all_of(text.begin(), text.end(),
                       [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); });
}

}  // namespace pricewire::inline domain
