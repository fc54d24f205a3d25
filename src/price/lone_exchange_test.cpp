// One exchange alone with an aggregator that contradicts it: wrong, or fast?
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>

#include "price/consolidator.hpp"

namespace pricewire::price {
namespace {

using namespace std::chrono_literals;

class LoneExchangeTest : public ::testing::Test {
protected:
    std::string trade(double price, const char* source = "binance") {
        return shown(
            consolidator_.update({source, SourceKind::exchange, "BTC", num(price), now_, now_}, now_));
    }
    std::string figure(double price, Duration age) {
        return shown(consolidator_.update(
            {"coingecko", SourceKind::aggregator, "BTC", num(price), now_ - age, now_}, now_));
    }
    std::string state() const {
        std::string out = shown(consolidator_.price());
        for (const JudgedQuote& q : consolidator_.board().quotes)
            out += " " + std::string(q.quote.source.view()) + "=" + std::string(to_string(q.verdict));
        return out;
    }
    static Decimal num(double price) { return Decimal::parse(std::to_string(price)).value(); }
    static std::string shown(std::optional<Decimal> price) { return price ? price->to_string() : "-"; }

    const ConsolidationPolicy policy_;
    const DollarRates rates_;
    Consolidator consolidator_{"BTC", policy_, rates_};
    Timestamp now_{std::chrono::seconds{1'700'000'000}};
};

// The figure is half a minute old, the market loses 12 % in four seconds: every trade of it counts.
TEST_F(LoneExchangeTest, ACrashInStepsIsNotSilencedByAnOlderFigure) {
    figure(100, 30s);
    for (int i = 0; i <= 120; ++i) {
        const double price = 100 - i * 0.1;
        EXPECT_EQ(trade(price), num(price).to_string());
        now_ += 33ms;
    }
    EXPECT_EQ(state(), "88 coingecko=check_only binance=counted");
    consolidator_.refresh(now_);
    EXPECT_EQ(state(), "88 coingecko=check_only binance=counted");
    EXPECT_EQ(figure(89, 1s), "-") << "the next figure has seen it, and confirms";
    EXPECT_EQ(trade(87.9), "87.9");
}

TEST_F(LoneExchangeTest, AnAggregatorThatHasSeenTheMoveAndContradictsItEndsThePrice) {
    figure(100, 30s);
    for (int i = 0; i <= 120; ++i) trade(100 - i * 0.1);
    EXPECT_EQ(state(), "88 coingecko=check_only binance=counted");
    now_ += 5s;
    figure(99.5, 2s);
    EXPECT_EQ(state(), "- coingecko=disputed binance=disputed");
    for (int i = 0; i < 300; ++i) {
        now_ += 100ms;
        EXPECT_EQ(trade(88), "-") << "repeating it proves nothing against a source that has seen the move";
    }
    EXPECT_EQ(trade(90), "90");
    EXPECT_EQ(state(), "90 coingecko=check_only binance=counted");
}

// The older figure is repeated by the next poll: that adds nothing to what it knows.
TEST_F(LoneExchangeTest, TheSameFigurePolledAgainHasSeenNothingMore) {
    figure(100, 30s);
    for (int i = 0; i <= 120; ++i) trade(100 - i * 0.1);
    now_ += 10s;
    figure(100, 40s);
    EXPECT_EQ(trade(88), "88");
}

TEST_F(LoneExchangeTest, AJumpAgainstAnOlderFigureWaitsForTwentyMoreTradesOverTenSeconds) {
    figure(100, 30s);
    trade(100);
    EXPECT_EQ(trade(85), "-");
    EXPECT_EQ(state(), "- coingecko=disputed binance=disputed");
    for (int i = 0; i < 19; ++i) {
        now_ += 500ms;
        EXPECT_EQ(trade(85.5), "-") << i;
    }
    now_ += 499ms;
    EXPECT_EQ(trade(85), "-") << "twenty, but not yet ten seconds";
    now_ += 1ms;
    EXPECT_EQ(trade(85), "85");
    now_ += 1s;
    EXPECT_EQ(trade(84), "84") << "from then on it is followed";
}

TEST_F(LoneExchangeTest, TradesAwayFromTheJumpRestartItsConfirmation) {
    figure(100, 30s);
    trade(100);
    for (int i = 0; i < 100; ++i) {
        now_ += 200ms;
        EXPECT_EQ(trade(i % 2 == 0 ? 85 : 88), "-");
    }
}

TEST_F(LoneExchangeTest, AgeAloneConfirmsNothing) {
    figure(100, 30s);
    trade(100);
    trade(85);
    for (int i = 0; i < 14; ++i) {
        now_ += 1s;
        EXPECT_EQ(consolidator_.refresh(now_), std::nullopt);
        EXPECT_EQ(consolidator_.price(), std::nullopt);
    }
}

TEST_F(LoneExchangeTest, StepsLeadNoFurtherFromAnOlderFigureThanThirtyPercent) {
    figure(100, 30s);
    double price = 100;
    while (price > 71) {
        EXPECT_EQ(trade(price), num(price).to_string());
        price *= 0.99;
    }
    EXPECT_EQ(trade(69.9), "-");
    EXPECT_EQ(state(), "- coingecko=disputed binance=disputed");
}

TEST_F(LoneExchangeTest, AnAggregatorsWildQuoteDoesNotSilenceATradingMarket) {
    figure(100, 30s);
    trade(100);
    now_ += 1s;
    trade(100);
    figure(85, 20s);
    EXPECT_EQ(state(), "100 coingecko=outlier binance=counted");
    EXPECT_EQ(trade(100.1), "100.1");
}

TEST_F(LoneExchangeTest, WildPrintsOfAnyKindNeverMakeAPriceFarFromAFreshFigure) {
    EXPECT_TRUE(rc::check([&] {
        Consolidator consolidator("BTC", policy_, rates_);
        Timestamp now = now_;
        consolidator.update({"coingecko", SourceKind::aggregator, "BTC", num(100), now, now}, now);
        const auto steps = *rc::gen::container<std::vector<std::pair<int, int>>>(
            rc::gen::pair(rc::gen::inRange(1, 3000), rc::gen::inRange(0, 2000)));
        for (const auto& [price, wait] : steps) {
            now += std::chrono::milliseconds{wait};
            if (now - now_ > policy_.aggregator_ttl) break;
            const auto made = consolidator.update(
                {"binance", SourceKind::exchange, "BTC", Decimal::from_int(price), now, now}, now);
            if (made) RC_ASSERT(*made >= num(70) && *made <= num(130));
        }
    }));
}

TEST_F(LoneExchangeTest, AClockThatIsSetBackKeepsNothingFresh) {
    trade(100);
    now_ -= 1h;
    consolidator_.refresh(now_);
    EXPECT_EQ(state(), "100 binance=counted");
    now_ += 16s;
    consolidator_.refresh(now_);
    EXPECT_EQ(state(), "- binance=stale");
    EXPECT_EQ(figure(101, 1s), "101") << "the fallback does not wait for an hour either";
}

TEST_F(LoneExchangeTest, AnAggregatorDoesNotMatterIfTwoAgreeAgainstIt) {
    figure(100, 1s);
    trade(150, "binance");
    EXPECT_EQ(trade(151, "kraken"), "150.5");
}

TEST_F(LoneExchangeTest, TheArbiterCountsAllThatAgreeWithTheNearest) {
    figure(100, 1s);
    trade(100, "a");
    trade(101, "b");
    trade(120, "c");
    trade(121, "d");
    EXPECT_EQ(state(), "100.5 coingecko=check_only a=counted b=counted c=outlier d=outlier");
}

TEST_F(LoneExchangeTest, WhetherTwoAgreeDoesNotDependOnTheirOrder) {
    trade(100, "a");
    trade(102.03, "b");
    EXPECT_EQ(state(), "101.015 a=counted b=counted");
    trade(102.03, "a");
    trade(100, "b");
    EXPECT_EQ(state(), "101.015 a=counted b=counted");
}

}  // namespace
}  // namespace pricewire::price
