#include <gtest/gtest.h>

#include "feed/coingecko/coingecko.hpp"
#include "feed/show_past.hpp"

namespace pricewire::feed::coingecko_past_tests {
namespace {

TEST(CoinGeckoList, CoinsWithTheirNames) {
    EXPECT_EQ(show_listings(coingecko_type, R"([{"id":"bitcoin","symbol":"btc","name":"Bitcoin"},
        {"id":"01coin","symbol":"zoc","name":"The \"01\" coin","platforms":{"ethereum":"0xb9"}},
        {"id":"fake-bitcoin","symbol":"btc","name":"Fake Bitcoin"}])"),
              "bitcoin BTC/USD Bitcoin; 01coin ZOC/USD The \"01\" coin; fake-bitcoin BTC/USD Fake Bitcoin");
    EXPECT_EQ(
        show_listings(coingecko_type,
                      R"({"status":{"error_code":429,"error_message":"You've exceeded the Rate Limit."}})"),
        "rate_limited: CoinGecko's error You've exceeded the Rate Limit.");
}

TEST(CoinGeckoList, Sample) {
    const auto path = recordings();
    if (!path) GTEST_SKIP() << "no recordings: set PRICEWIRE_RECORDINGS";
    EXPECT_EQ(
        show_listings(coingecko_type, sample_answer(*path / "venues/samples/rest/CoinGecko/GetAssets.txt")),
        "0chain ZCN/USD Zus; 01coin ZOC/USD 01coin");
}

}  // namespace
}  // namespace pricewire::feed::coingecko_past_tests
