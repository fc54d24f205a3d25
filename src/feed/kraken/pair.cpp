#include "feed/kraken/pair.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace pricewire::feed::kraken {
namespace {

// REST has older names for two coins.
std::string_view rest_name(std::string_view base) {
    return base == "BTC" ? "XBT" : base == "DOGE" ? "XDG" : base;
}

// In a key, codes of three letters may have another before them: "XXBTZUSD", "USDTZUSD", but "SOLUSD".
std::string_view class_of(std::string_view code) {
    constexpr std::array<std::string_view, 7> states{"USD", "EUR", "GBP", "CAD", "JPY", "AUD", "CHF"};
    if (code.size() != 3) return {};
    return std::ranges::find(states, code) == states.end() ? "X" : "Z";
}

}  // namespace

bool Pair::has(std::string_view key) const {
    return key == name || std::ranges::find(keys, key) != keys.end();
}

Pair pair_of(std::string_view symbol) {
    std::string_view rest = symbol;
    const std::string_view base = rest_name(take_part(rest, '/'));
    const std::string_view quote = rest_name(rest);
    Pair pair{fmt::format("{}{}", base, quote), {}};
    for (const std::string_view front : {class_of(base), std::string_view()}) {
        for (const std::string_view middle : {class_of(quote), std::string_view()})
            pair.keys.push_back(fmt::format("{}{}{}{}", front, base, middle, quote));
    }
    return pair;
}

}  // namespace pricewire::feed::kraken
