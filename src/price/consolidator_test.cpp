#include "price/consolidator.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <string>

namespace pricewire::price {
namespace {

using namespace std::chrono_literals;

Decimal num(std::string_view text) {
    return Decimal::parse(text).value();
}

// One ticker, with exchanges a, b, c … and aggregators that begin with g. Prices are given as text.
class ConsolidatorTest : public ::testing::Test {
protected:
    static constexpr Timestamp start{std::chrono::seconds{1'700'000'000}};

    // What the quote made, "-" where it made nothing.
    std::string exchange(const char* source, std::string_view price) {
        return shown(
            consolidator_.update({source, SourceKind::exchange, "BTC", num(price), now_, now_}, now_));
    }
    // A figure made `age` ago by the aggregator's clock.
    std::string aggregator(const char* source, std::string_view price, Duration age = 30s) {
        return shown(consolidator_.update(
            {source, SourceKind::aggregator, "BTC", num(price), now_ - age, now_}, now_));
    }
    std::string refresh() { return shown(consolidator_.refresh(now_)); }

    // "100 | a counted, b outlier"
    std::string state() const {
        std::string out = shown(consolidator_.price()) + " |";
        for (const JudgedQuote& q : consolidator_.board().quotes) {
            if (out.back() != '|') out += ",";
            out += " " + std::string(q.quote.source.view()) + " " + std::string(to_string(q.verdict));
        }
        return out;
    }

    static std::string shown(std::optional<Decimal> price) { return price ? price->to_string() : "-"; }

    ConsolidationPolicy policy_;
    const DollarRates rates_;
    Consolidator consolidator_{"BTC", policy_, rates_};
    Timestamp now_ = start;
};

// The table above the code, row by row.

TEST_F(ConsolidatorTest, ThreeExchangesMakeTheMedian) {
    exchange("a", "100");
    exchange("b", "101");
    EXPECT_EQ(exchange("c", "100.4"), "100.4");
    EXPECT_EQ(state(), "100.4 | a counted, b counted, c counted");
}

TEST_F(ConsolidatorTest, OneOfThreeBeyondTwoPercentIsAnOutlierAndTheMedianIsTakenAgain) {
    exchange("a", "100");
    exchange("b", "101");
    exchange("c", "103.02");
    EXPECT_EQ(state(), "101 | a counted, b counted, c counted");
    exchange("c", "103.1");
    EXPECT_EQ(state(), "100.5 | a counted, b counted, c outlier");
}

TEST_F(ConsolidatorTest, AnOutlierCountsAgainWithinHalfOfTheToleranceSoThatItDoesNotFlipInAndOut) {
    exchange("a", "100");
    exchange("b", "101");
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(exchange("c", "103.1"), "-");
        EXPECT_EQ(exchange("c", "102.1"), "-");
        EXPECT_EQ(state(), "100.5 | a counted, b counted, c outlier");
    }
    EXPECT_EQ(exchange("c", "102"), "101");
    EXPECT_EQ(exchange("c", "103"), "101") << "and from then on within all of it";
}

TEST_F(ConsolidatorTest, AnAggregatorChangesNothingAmongThree) {
    exchange("a", "100");
    exchange("b", "101");
    exchange("c", "100.4");
    EXPECT_EQ(aggregator("gecko", "50"), "-");
    EXPECT_EQ(state(), "100.4 | a counted, b counted, c counted, gecko check_only");
}

TEST_F(ConsolidatorTest, TwoThatAgreeMakeTheMidpoint) {
    exchange("a", "100");
    EXPECT_EQ(exchange("b", "101"), "100.5");
    EXPECT_EQ(state(), "100.5 | a counted, b counted");
    EXPECT_EQ(aggregator("gecko", "50"), "-");
    EXPECT_EQ(state(), "100.5 | a counted, b counted, gecko check_only");
}

TEST_F(ConsolidatorTest, OfTwoThatDisagreeTheOneNearestToTheAggregatorCounts) {
    exchange("a", "100");
    aggregator("gecko", "101");
    EXPECT_EQ(exchange("b", "105"), "-");
    EXPECT_EQ(state(), "100 | a counted, gecko check_only, b outlier");
    EXPECT_EQ(aggregator("gecko", "104"), "105");
    EXPECT_EQ(state(), "105 | a outlier, gecko check_only, b counted");
}

TEST_F(ConsolidatorTest, NothingCountsIfTheAggregatorIsFarFromBothOfTwo) {
    aggregator("gecko", "200");
    exchange("a", "100");
    exchange("b", "110");
    EXPECT_EQ(state(), "- | gecko check_only, a disputed, b disputed");
}

TEST_F(ConsolidatorTest, ThreeThatAllDisagreeAreArbitratedToo) {
    exchange("a", "100");
    exchange("b", "110");
    exchange("c", "120");
    EXPECT_EQ(state(), "- | a disputed, b disputed, c disputed");
    EXPECT_EQ(aggregator("gecko", "111"), "110");
    EXPECT_EQ(state(), "110 | a outlier, b counted, c outlier, gecko check_only");
}

TEST_F(ConsolidatorTest, TwoPairsThatDisagreeAreDisputed) {
    for (const auto& [source, price] : {std::pair{"a", "100"}, {"b", "110"}, {"c", "100"}, {"d", "110"}})
        exchange(source, price);
    EXPECT_EQ(state(), "- | a disputed, b disputed, c disputed, d disputed");
}

TEST_F(ConsolidatorTest, TwoThatDisagreeWithoutAnAggregatorAreDisputed) {
    exchange("a", "100");
    EXPECT_EQ(exchange("b", "105"), "-");
    EXPECT_EQ(state(), "- | a disputed, b disputed");
    EXPECT_EQ(exchange("b", "101"), "100.5");
    EXPECT_EQ(state(), "100.5 | a counted, b counted");
}

TEST_F(ConsolidatorTest, ALoneExchangeThatTheAggregatorConfirmsCounts) {
    aggregator("gecko", "100");
    EXPECT_EQ(exchange("a", "110"), "110");
    EXPECT_EQ(state(), "110 | gecko check_only, a counted");
    EXPECT_EQ(exchange("a", "90"), "90");
}

TEST_F(ConsolidatorTest, ALoneExchangeThatTheAggregatorContradictsIsDisputedUntilOneMoves) {
    aggregator("gecko", "100");
    exchange("a", "100");
    EXPECT_EQ(exchange("a", "110.1"), "-");
    EXPECT_EQ(state(), "- | gecko disputed, a disputed");
    EXPECT_EQ(exchange("a", "101"), "101");
    EXPECT_EQ(state(), "101 | gecko check_only, a counted");
}

TEST_F(ConsolidatorTest, ALoneExchangesJumpNeedsFiveMoreQuotesOverThreeSeconds) {
    exchange("a", "100");
    EXPECT_EQ(exchange("a", "110"), "110");  // ten percent is not a jump
    now_ += 1s;
    EXPECT_EQ(exchange("a", "130"), "-");
    EXPECT_EQ(state(), "- | a unconfirmed");
    for (int i = 0; i < 4; ++i) {
        now_ += 1s;
        EXPECT_EQ(exchange("a", "131"), "-") << i;
    }
    EXPECT_EQ(exchange("a", "131"), "131");
    EXPECT_EQ(state(), "131 | a counted");
}

TEST_F(ConsolidatorTest, ABurstOfQuotesDoesNotConfirmAJumpBeforeThreeSeconds) {
    exchange("a", "100");
    for (int i = 0; i < 100; ++i) EXPECT_EQ(exchange("a", "130"), "-");
    now_ += 3s;
    EXPECT_EQ(exchange("a", "130"), "130");
}

TEST_F(ConsolidatorTest, QuotesThatDisagreeWithTheJumpRestartItsConfirmation) {
    exchange("a", "100");
    for (int i = 0; i < 20; ++i) {
        now_ += 1s;
        EXPECT_EQ(exchange("a", i % 2 == 0 ? "130" : "150"), "-");
    }
}

TEST_F(ConsolidatorTest, RefreshingDoesNotConfirmAJump) {
    exchange("a", "100");
    now_ += 1s;
    exchange("a", "1000");
    for (int i = 0; i < 10; ++i) {
        now_ += 1s;
        EXPECT_EQ(refresh(), "-");
        EXPECT_EQ(state(), "- | a unconfirmed");
    }
}

TEST_F(ConsolidatorTest, AnAggregatorTakesOverIfNoExchangeIsFresh) {
    EXPECT_EQ(aggregator("gecko", "100"), "100");
    EXPECT_EQ(state(), "100 | gecko counted");
    EXPECT_EQ(aggregator("gecko", "100"), "-");  // says nothing new
    EXPECT_EQ(exchange("a", "101"), "101");
    EXPECT_EQ(state(), "101 | gecko check_only, a counted");
    now_ += 16s;
    EXPECT_EQ(refresh(), "-");  // its figure is older than the last trade
    EXPECT_EQ(state(), "- | gecko check_only, a stale");
    EXPECT_EQ(aggregator("gecko", "99", 16s), "-");  // as old as the last trade
    EXPECT_EQ(aggregator("gecko", "102", 15s), "102");
    EXPECT_EQ(state(), "102 | gecko counted, a stale");
}

TEST_F(ConsolidatorTest, NoFreshSourceMakesNoPrice) {
    EXPECT_EQ(state(), "- |");
    EXPECT_EQ(refresh(), "-");
    exchange("a", "100");
    aggregator("gecko", "100");
    now_ += 4min;
    EXPECT_EQ(refresh(), "-");
    EXPECT_EQ(state(), "- | a stale, gecko stale");
}

// Attacks and accidents.

TEST_F(ConsolidatorTest, AWildPrintOfALoneExchangeNeverMakesAPriceWithAnAggregator) {
    aggregator("gecko", "100");
    exchange("a", "100");
    for (int second = 0; second < 120; ++second) {
        now_ += 1s;
        EXPECT_EQ(exchange("a", "1000"), "-");
    }
    EXPECT_EQ(state(), "- | gecko disputed, a disputed");
    EXPECT_EQ(exchange("a", "100"), "100");
}

TEST_F(ConsolidatorTest, AWildPrintOfALoneExchangeNeverMakesAPriceWithoutAnAggregator) {
    exchange("a", "100");
    now_ += 1s;
    EXPECT_EQ(exchange("a", "1000"), "-");
    // The good price before it is forgotten a second before the print is: that must not let it through.
    for (int i = 0; i < 200; ++i) {
        now_ += 100ms;
        EXPECT_EQ(refresh(), "-");
        ASSERT_FALSE(consolidator_.price()) << i;
    }
    EXPECT_EQ(state(), "- | a stale");
    EXPECT_EQ(exchange("a", "1000"), "-");
    EXPECT_EQ(state(), "- | a unconfirmed");
    EXPECT_EQ(exchange("a", "101"), "101");
}

TEST_F(ConsolidatorTest, AWildPrintDoesNotCountWhenTheAggregatorGoesStaleMeanwhile) {
    exchange("a", "100");
    aggregator("gecko", "100", 170s);
    now_ += 5s;
    EXPECT_EQ(exchange("a", "1000"), "-");
    now_ += 6s;
    EXPECT_EQ(refresh(), "-");
    EXPECT_EQ(state(), "- | a unconfirmed, gecko stale");
}

TEST_F(ConsolidatorTest, ATrueCrashWaitsForTheAggregatorsNextQuote) {
    aggregator("gecko", "100");
    exchange("a", "100");
    now_ += 5s;
    EXPECT_EQ(exchange("a", "80"), "-");
    EXPECT_EQ(state(), "- | gecko disputed, a disputed");
    now_ += 10s;
    EXPECT_EQ(aggregator("gecko", "79", 2s), "80");
    EXPECT_EQ(state(), "80 | gecko check_only, a counted");
}

TEST_F(ConsolidatorTest, ATrueCrashOfALoneExchangeIsBelievedOnceConfirmed) {
    exchange("a", "100");
    std::string made = "-";
    for (int i = 0; i < 6; ++i) {
        now_ += 1s;
        made = exchange("a", "80");
    }
    EXPECT_EQ(made, "80");
    EXPECT_EQ(exchange("a", "75"), "75");
}

TEST_F(ConsolidatorTest, AnExchangesQuoteIsStaleAfterItsTime) {
    exchange("a", "100");
    now_ += 15s;
    refresh();
    EXPECT_EQ(state(), "100 | a counted");
    now_ += 1us;
    refresh();
    EXPECT_EQ(state(), "- | a stale");
}

TEST_F(ConsolidatorTest, AnExchangesOwnClockDoesNotMatter) {
    consolidator_.update({"a", SourceKind::exchange, "BTC", num("100"), now_ - 24h, now_}, now_);
    EXPECT_EQ(state(), "100 | a counted");
}

TEST_F(ConsolidatorTest, AnAggregatorsQuoteIsStaleByItsOwnTimeHoweverOftenItArrives) {
    EXPECT_EQ(aggregator("gecko", "100", 5h), "-");
    EXPECT_EQ(state(), "- | gecko stale");
    // A stale figure checks nothing.
    EXPECT_EQ(exchange("a", "200"), "200");
    EXPECT_EQ(state(), "200 | gecko stale, a counted");
}

TEST_F(ConsolidatorTest, ATimeInTheFutureCountsAsTheTimeOfArrival) {
    aggregator("gecko", "100", -1h);
    EXPECT_EQ(state(), "100 | gecko counted");
    now_ += 3min + 1us;
    refresh();
    EXPECT_EQ(state(), "- | gecko stale");
    // It does not silence the honest figures after it.
    EXPECT_EQ(aggregator("gecko", "101", 10s), "101");
}

TEST_F(ConsolidatorTest, AQuoteFromTheFutureDoesNotOutliveATradeThatArrivedAfterIt) {
    aggregator("gecko", "100", -1h);
    now_ += 1s;
    exchange("a", "105");
    now_ += 16s;
    EXPECT_EQ(refresh(), "-");
    EXPECT_EQ(state(), "- | gecko check_only, a stale");
}

TEST_F(ConsolidatorTest, AnAggregatorsOlderQuoteIsIgnored) {
    aggregator("gecko", "100", 10s);
    EXPECT_EQ(aggregator("gecko", "90", 11s), "-");
    EXPECT_EQ(state(), "100 | gecko counted");
    EXPECT_EQ(aggregator("gecko", "95", 10s), "95");
}

TEST_F(ConsolidatorTest, TheFallbackIsNewerThanTheLastTradeThatCountedNotThanAnOutlier) {
    exchange("a", "100");
    exchange("b", "100");
    now_ += 10s;
    exchange("c", "200");
    EXPECT_EQ(state(), "100 | a counted, b counted, c outlier");
    now_ += 16s;
    EXPECT_EQ(aggregator("gecko", "101", 20s), "101");
}

TEST_F(ConsolidatorTest, WeightsAreVotesOfWhichNobodyHasMoreThanFortyPercent) {
    policy_.sources["a"].weight = 2;
    exchange("a", "100");
    EXPECT_EQ(exchange("b", "101"), "100.5");
    EXPECT_EQ(exchange("c", "101.5"), "101");
    EXPECT_EQ(exchange("d", "101.8"), "101") << "two of five votes are for 100, the third is for 101";
    policy_.sources["e"].weight = 50;
    EXPECT_EQ(exchange("e", "101.9"), "101.8") << "forty percent, and not fifty votes of fifty-five";
}

TEST_F(ConsolidatorTest, SourcesOfOneOwnerAreOneExchange) {
    policy_.sources["a"] = {.weight = 4, .owner = "x"};
    policy_.sources["b"] = {.weight = 1, .owner = "x"};
    EXPECT_EQ(exchange("b", "100"), "100");
    EXPECT_EQ(exchange("a", "101"), "101") << "the heavier one speaks for both";
    EXPECT_EQ(exchange("b", "104"), "-");
    EXPECT_EQ(state(), "101 | b outlier, a counted");
    exchange("a", "150");
    exchange("b", "150");
    EXPECT_EQ(state(), "- | b unconfirmed, a unconfirmed") << "two of one owner confirm nothing";
}

TEST_F(ConsolidatorTest, TwoVenuesOfOneOwnerDoNotOutvoteAnother) {
    policy_.sources["a"].owner = policy_.sources["b"].owner = "x";
    exchange("c", "100");
    exchange("a", "100");
    exchange("b", "100");
    exchange("a", "105");
    EXPECT_EQ(exchange("b", "105"), "-");
    EXPECT_EQ(state(), "- | c disputed, a disputed, b disputed");
    EXPECT_EQ(exchange("d", "100.1"), "100.05");
    EXPECT_EQ(state(), "100.05 | c counted, a outlier, b outlier, d counted");
}

TEST_F(ConsolidatorTest, EveryTradeThatCountsMakesAPriceInOrder) {
    std::vector<std::string> made;
    for (const char* price : {"100", "100", "100.5", "99", "100"}) made.push_back(exchange("a", price));
    EXPECT_EQ(made, (std::vector<std::string>{"100", "100", "100.5", "99", "100"}));
}

TEST_F(ConsolidatorTest, ATradeThatLeavesTheVoteMakesThePriceOfTheOthers) {
    exchange("a", "100");
    exchange("b", "101");
    exchange("c", "102");
    EXPECT_EQ(exchange("c", "1000"), "100.5");
    EXPECT_EQ(exchange("c", "1001"), "-");
    EXPECT_EQ(state(), "100.5 | a counted, b counted, c outlier");
}

TEST_F(ConsolidatorTest, RefreshReturnsAPriceThatAgeHasChanged) {
    exchange("a", "100");
    now_ += 10s;
    exchange("b", "101");
    now_ += 6s;
    EXPECT_EQ(refresh(), "101");
    EXPECT_EQ(refresh(), "-");
    EXPECT_EQ(state(), "101 | a stale, b counted");
}

TEST_F(ConsolidatorTest, OneSourceCannotMoveThePriceOutOfTheRangeOfThreeThatAgree) {
    EXPECT_TRUE(rc::check([&] {
        Consolidator consolidator("BTC", policy_, rates_);
        const auto honest = *rc::gen::inRange(3, 7);
        // Within one percent of one another, from the cheapest token to the dearest coin.
        const Decimal base = Decimal::from_raw(*rc::gen::element<std::int64_t>(
                                 1'000'000'000, 1'000'000'000'000'000'000, 9'000'000'000'000'000'000)) +
                             Decimal::from_int(*rc::gen::inRange(0, 100'000));
        std::vector<Decimal> prices;
        for (int i = 0; i < honest; ++i) prices.push_back(base + base.scaled_bp(*rc::gen::inRange(0, 100)));
        const auto kind = *rc::gen::element(SourceKind::exchange, SourceKind::aggregator);
        std::vector<Decimal> attacks;
        for (const int bp : *rc::gen::nonEmpty(rc::gen::container<std::vector<int>>(
                 rc::gen::oneOf(rc::gen::inRange(1, 10'000'000), rc::gen::inRange(9'500, 10'500))))) {
            attacks.push_back(std::max(base.scaled_bp(bp), Decimal::from_raw(1)));
        }
        const auto name = [](int i) { return std::string(1, static_cast<char>('a' + i)); };
        for (int i = 0; i < honest; ++i)
            consolidator.update({SourceName(name(i)), SourceKind::exchange, "BTC", prices[i], start, start},
                                start);
        const auto [low, high] = std::minmax_element(prices.begin(), prices.end());
        for (const Decimal attack : attacks) {
            consolidator.update({"mallory", kind, "BTC", attack, start, start}, start);
            RC_ASSERT(consolidator.price().has_value());
            RC_ASSERT(*consolidator.price() >= *low);
            RC_ASSERT(*consolidator.price() <= *high);
        }
    }));
}

}  // namespace
}  // namespace pricewire::price
