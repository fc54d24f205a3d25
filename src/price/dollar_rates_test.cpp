#include "price/dollar_rates.hpp"

#include <gtest/gtest.h>

namespace pricewire::price {
namespace {

using namespace std::chrono_literals;

class DollarRatesTest : public ::testing::Test {
protected:
    // What `ticker` is worth after a source has said so: "0.9995", "1 unknown", "0.95 off".
    std::string say(const char* source, std::string_view price, const char* ticker = "USDT",
                    Currency currency = "USD") {
        Quote quote{source, kind_of(source), ticker, Decimal::parse(price).value(), now_, now_, currency};
        rates_.update(quote, now_);
        return state(ticker);
    }
    std::string refresh() {
        rates_.refresh(now_);
        return state("USDT");
    }
    std::string state(std::string_view currency) const {
        const DollarRate& rate = rates_.at(*DollarRates::index_of(currency));
        return rate.value().to_string() + (rate.is_known ? "" : " unknown") + (rate.is_off_peg ? " off" : "");
    }
    static SourceKind kind_of(std::string_view source) {
        return source.starts_with('g') ? SourceKind::aggregator : SourceKind::exchange;
    }

    DollarRates rates_;
    Timestamp now_{std::chrono::seconds{1'700'000'000}};
};

// The table above the code, row by row.

TEST_F(DollarRatesTest, OfThreeOrMoreTheMedianCounts) {
    say("a", "0.9995");
    say("b", "0.9997");
    EXPECT_EQ(say("c", "0.9999"), "0.9997");
    EXPECT_EQ(say("c", "0.5"), "0.9995") << "no single venue decides";
    EXPECT_EQ(say("d", "0.9996"), "0.99955");
    EXPECT_EQ(say("b", "0.7"), "0.99955 unknown") << "nobody agrees with the median of four";
}

TEST_F(DollarRatesTest, OfTwoThatAgreeTheOneNearestToTheLastRateCountsAndOfTwoThatDoNotNone) {
    EXPECT_EQ(say("a", "0.9990"), "1 unknown");
    EXPECT_EQ(say("b", "0.9995"), "0.9995");
    EXPECT_EQ(say("b", "1.0080"), "0.9995") << "one that is wrong does not move it";
    EXPECT_EQ(say("b", "0.9920"), "0.999") << "but for what the other says";
    EXPECT_EQ(say("a", "0.9920"), "0.992") << "and two that move do";
    EXPECT_EQ(say("b", "0.95"), "0.992 unknown") << "the last known one stands in";
    EXPECT_EQ(say("gecko", "0.951"), "0.95 off") << "which an aggregator confirms";
}

TEST_F(DollarRatesTest, OneCountsIfAnAggregatorConfirmsIt) {
    EXPECT_EQ(say("a", "0.97"), "1 unknown");
    EXPECT_EQ(say("gecko", "0.999"), "1 unknown");
    EXPECT_EQ(say("gecko", "0.975"), "0.97 off");
}

TEST_F(DollarRatesTest, AggregatorsAloneMakeNone) {
    say("gecko", "0.9");
    EXPECT_EQ(say("g2", "0.9"), "1 unknown");
}

TEST_F(DollarRatesTest, ARateCountsForFiveMinutesAndTheLastKnownOneStandsInForAnHour) {
    say("a", "0.95");
    say("b", "0.95");
    now_ += 5min;
    EXPECT_EQ(refresh(), "0.95 off");
    now_ += 1s;
    EXPECT_EQ(refresh(), "0.95 unknown off");
    now_ += 59min;
    EXPECT_EQ(refresh(), "0.95 unknown off");
    now_ += 1min;
    EXPECT_EQ(refresh(), "1 unknown");
}

TEST_F(DollarRatesTest, AClockThatIsSetBackKeepsNothingForLonger) {
    say("a", "0.99");
    say("b", "0.99");
    now_ -= 24h;
    EXPECT_EQ(refresh(), "0.99");
    now_ += 5min + 1s;
    EXPECT_EQ(refresh(), "0.99 unknown");
    now_ += 1h + 1s;
    EXPECT_EQ(refresh(), "1 unknown");
}

TEST_F(DollarRatesTest, IsOffItsPegBeyondTwoPercentUntilWithinOne) {
    const auto both = [&](std::string_view price) {
        say("a", price);
        return say("b", price);
    };
    EXPECT_EQ(both("0.98"), "0.98");
    EXPECT_EQ(both("0.9799"), "0.9799 off");
    EXPECT_EQ(both("0.985"), "0.985 off");
    EXPECT_EQ(both("0.99"), "0.99");
    EXPECT_EQ(both("1.0201"), "1.0201 off");
}

TEST_F(DollarRatesTest, IgnoresWhatIsNoRateInDollars) {
    say("a", "0.9", "USDT", "EUR");
    EXPECT_EQ(say("b", "0.9", "USDT", "USDC"), "1 unknown");
    say("a", "65000");
    EXPECT_EQ(say("b", "65000"), "1 unknown") << "another instrument";
    say("a", "0.00001");
    EXPECT_EQ(say("b", "0.00001"), "1 unknown");
    Quote old{"a", SourceKind::exchange, "USDT", Decimal::parse("0.9").value(), now_, now_, "USD"};
    old.is_live = false;
    rates_.update(old, now_);
    EXPECT_EQ(say("b", "0.9"), "1 unknown");
    Quote other = old;
    other.ticker = "BTC";
    rates_.update(other, now_);
    EXPECT_EQ(state("USD"), "1");
}

TEST_F(DollarRatesTest, ConvertsToSevenDigitsAndTellsOfEachChange) {
    const auto usdt = *DollarRates::index_of("USDT");
    EXPECT_EQ(rates_.in_dollars(*Decimal::parse("65420.15"), usdt), *Decimal::parse("65420.15"));
    const auto before = rates_.version();
    say("a", "0.99985");
    EXPECT_EQ(rates_.version(), before) << "one says nothing";
    say("b", "0.99985");
    EXPECT_NE(rates_.version(), before);
    EXPECT_EQ(rates_.in_dollars(*Decimal::parse("65420.15"), usdt), *Decimal::parse("65410.34"));
    const auto known = rates_.version();
    say("b", "0.999851");
    EXPECT_EQ(rates_.version(), known) << "a tenth of a basis point is the finest step";
    EXPECT_FALSE(DollarRates::index_of("EUR"));
}

}  // namespace
}  // namespace pricewire::price
