#include "directory/sure_coins.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "base/text.hpp"

namespace pricewire::directory {
namespace {

bool is_copy(std::string_view name) {
    static constexpr std::array<std::string_view, 4> marks{"bridged", "wormhole", "binance-peg", "portal)"};
    const std::string lower = lower_case(name);
    return std::ranges::any_of(marks, [&](std::string_view mark) { return lower.contains(mark); });
}

}  // namespace

std::vector<ListedPair> sure_coins(std::vector<ListedPair> coins,
                                   const std::function<std::optional<std::string>(Ticker)>& known_id) {
    std::map<Ticker, std::size_t> originals;
    for (const ListedPair& coin : coins) {
        if (!is_copy(coin.name)) ++originals[coin.ticker];
    }
    std::erase_if(coins, [&](const ListedPair& coin) {
        if (const auto id = known_id(coin.ticker)) return coin.symbol != *id;
        return is_copy(coin.name) || originals[coin.ticker] != 1;
    });
    return coins;
}

}  // namespace pricewire::directory
