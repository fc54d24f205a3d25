#include "directory/sure_coins.hpp"

#include <gtest/gtest.h>

namespace pricewire::directory {
namespace {

std::string sure(const std::vector<std::array<const char*, 3>>& coins) {
    std::vector<ListedPair> pairs;
    for (const auto& [id, ticker, name] : coins)
        pairs.push_back({.symbol = id, .ticker = ticker, .name = name});
    const auto known = [](Ticker ticker) -> std::optional<std::string> {
        if (ticker == Ticker("BTC")) return "bitcoin";
        return std::nullopt;
    };
    std::string out;
    for (const ListedPair& pair : sure_coins(std::move(pairs), known)) out += pair.symbol + " ";
    return out;
}

TEST(SureCoins, ATickerOfTwoCoinsIsOfNeither) {
    EXPECT_EQ(sure({{"mirror-protocol", "MIR", "Mirror Protocol"},
                    {"mir-token", "MIR", "Mir Token"},
                    {"solana", "SOL", "Solana"}}),
              "solana ");
}

TEST(SureCoins, AKnownIdWins) {
    EXPECT_EQ(
        sure({{"batcat", "BTC", "batcat"}, {"bitcoin", "BTC", "Bitcoin"}, {"big-tom", "BTC", "Big Tom"}}),
        "bitcoin ");
    EXPECT_EQ(sure({{"batcat", "BTC", "batcat"}}), "") << "alone, and not the known one";
}

TEST(SureCoins, ACopyIsNoSecondCoin) {
    EXPECT_EQ(sure({{"injective-protocol", "INJ", "Injective"},
                    {"injective-wormhole", "INJ", "Injective (Wormhole)"},
                    {"bridged-inj", "INJ", "Bridged Injective"}}),
              "injective-protocol ");
    EXPECT_EQ(sure({{"bridged-inj", "INJ", "Bridged Injective"}}), "")
        << "nobody trades the copy under its letters";
}

}  // namespace
}  // namespace pricewire::directory
