#include "feed/heard_tickers.hpp"

#include <gtest/gtest.h>

namespace pricewire::feed {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp t0{std::chrono::seconds{1'700'000'000}};
constexpr SourceKind exchange = SourceKind::exchange;
constexpr SourceKind aggregator = SourceKind::aggregator;
using List = std::vector<Unheard>;

TEST(HeardTickers, OneExchangeIsEnough) {
    HeardTickers heard;
    heard.note("BTC", exchange, std::nullopt);
    heard.note("BTC", exchange, t0);
    heard.note("ETH", exchange, std::nullopt);
    EXPECT_EQ(heard.take_unheard(t0), (List{{"ETH", std::nullopt}})) << "not since the start";
}

TEST(HeardTickers, IsUnheardSinceTheLastSignOfAnySession) {
    HeardTickers heard;
    heard.note("BTC", exchange, t0 - 20s);
    heard.note("BTC", exchange, t0 - 5s);
    EXPECT_EQ(heard.take_unheard(t0), List{});
    heard.note("BTC", exchange, t0 - 20s);
    heard.note("BTC", exchange, std::nullopt);
    EXPECT_EQ(heard.take_unheard(t0 + 1s), List{});
    for (int i = 2; i < 4; ++i) {
        heard.note("BTC", exchange, std::nullopt);
        EXPECT_EQ(heard.take_unheard(t0 + i * 1s), (List{{"BTC", t0 - 5s}}));
    }
    heard.note("BTC", exchange, t0 + 4s);
    EXPECT_EQ(heard.take_unheard(t0 + 4s), List{});
}

TEST(HeardTickers, AnAggregatorIsHeardOnlyWhereNoExchangeHasTheTicker) {
    HeardTickers heard;
    heard.note("BTC", aggregator, t0);
    heard.note("BTC", exchange, std::nullopt);
    heard.note("RARE", aggregator, t0);
    EXPECT_EQ(heard.take_unheard(t0), (List{{"BTC", std::nullopt}}));
}

TEST(HeardTickers, OneThatComesLaterIsUnheardSinceItCame) {
    HeardTickers heard;
    EXPECT_EQ(heard.take_unheard(t0), List{});
    heard.note("WIF", exchange, std::nullopt);
    EXPECT_EQ(heard.take_unheard(t0 + 10s), (List{{"WIF", t0 + 10s}}));
    heard.note("WIF", exchange, std::nullopt);
    EXPECT_EQ(heard.take_unheard(t0 + 20s), (List{{"WIF", t0 + 10s}}));
    EXPECT_EQ(heard.take_unheard(t0 + 30s), List{}) << "it is not watched any more";
    heard.note("WIF", exchange, std::nullopt);
    EXPECT_EQ(heard.take_unheard(t0 + 40s), (List{{"WIF", t0 + 40s}}));
}

TEST(HeardTickers, OneThatComesSoonAfterTheStartIsUnheardSinceTheStart) {
    HeardTickers heard;
    EXPECT_EQ(heard.take_unheard(t0), List{});
    for (int i = 1; i < 12; ++i) {
        heard.note("WIF", exchange, std::nullopt);
        EXPECT_EQ(heard.take_unheard(t0 + i * 1s), (List{{"WIF", std::nullopt}})) << i;
    }
}

}  // namespace
}  // namespace pricewire::feed
