#include "directory/disagreement.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

namespace pricewire::directory {
namespace {

using namespace std::chrono_literals;

// A quote in dollars: "20", and its verdict.
struct Said {
    const char* source;
    const char* dollars;
    Verdict verdict = Verdict::counted;
};

class DisagreementTest : public ::testing::Test {
protected:
    // Looks at this board every 5 s for that long; what was settled, as "kraken:MIR! okx:MIR".
    std::string look(Duration time, const std::vector<Said>& said, const char* price = nullptr) {
        TickerBoard board{.ticker = "MIR"};
        if (price != nullptr) board.price = Price{.ticker = "MIR", .value = *Decimal::parse(price)};
        for (const Said& s : said) {
            JudgedQuote quote{.verdict = s.verdict, .dollars = *Decimal::parse(s.dollars)};
            quote.quote.source = s.source;
            board.quotes.push_back(quote);
        }
        std::string out;
        for (const MonoTime end = now_ + time; now_ < end; now_ += 5s) {
            disagreements_.look(board, now_);
            for (const Comparison& c : disagreements_.end_round())
                out += fmt::format("{}:{}{} ", c.source.view(), c.ticker.view(), c.disagrees ? "!" : "");
        }
        return out;
    }

    MonoTime now_{1h};
    Disagreements disagreements_;
};

TEST_F(DisagreementTest, AnotherCoinIsFoundWithinSeconds) {
    EXPECT_EQ(look(10s, {{"okx", "0.5"}, {"mexc", "0.501"}, {"kraken", "20", Verdict::outlier}}, "0.5"), "");
    EXPECT_EQ(look(5s, {{"okx", "0.5"}, {"mexc", "0.501"}, {"kraken", "20", Verdict::outlier}}, "0.5"),
              "kraken:MIR! ");
    EXPECT_EQ(look(10min, {{"okx", "0.5"}, {"mexc", "0.501"}, {"kraken", "20", Verdict::outlier}}, "0.5"),
              "okx:MIR mexc:MIR ")
        << "each once";
}

TEST_F(DisagreementTest, OfTwoWithoutAPriceEachDisagreesWithTheOther) {
    EXPECT_EQ(look(15s, {{"okx", "0.5", Verdict::disputed}, {"kraken", "20", Verdict::disputed}}),
              "okx:MIR! kraken:MIR! ");
}

TEST_F(DisagreementTest, WithoutAPriceThoseWhomNobodyAgreesWith) {
    EXPECT_EQ(look(15s, {{"okx", "0.5", Verdict::disputed},
                         {"mexc", "0.54", Verdict::disputed},
                         {"kraken", "20", Verdict::disputed}}),
              "kraken:MIR! ");
}

TEST_F(DisagreementTest, VenuesThatPartInACrashHaveMinutesToMeet) {
    const std::vector<Said> apart{{"okx", "1"}, {"mexc", "1"}, {"kraken", "1.3", Verdict::outlier}};
    const std::vector<Said> together{{"okx", "1"}, {"mexc", "1"}, {"kraken", "1.01"}};
    EXPECT_EQ(look(4min, apart, "1"), "okx:MIR mexc:MIR ");
    EXPECT_EQ(look(2min, together, "1"), "kraken:MIR ");
    EXPECT_EQ(look(5min + 5s, apart, "1"), "kraken:MIR! ");
    EXPECT_EQ(look(2min, together, "1"), "kraken:MIR ");
}

TEST_F(DisagreementTest, WhatIsStaleOrAloneSaysNothing) {
    EXPECT_EQ(look(10min, {{"okx", "1"}, {"kraken", "20", Verdict::stale}}, "1"), "okx:MIR ");
    EXPECT_EQ(look(10min, {{"okx", "1", Verdict::unconfirmed}, {"kraken", "20", Verdict::off_peg}}), "");
}

TEST_F(DisagreementTest, WhatWasNotComparedForAWhileBeginsAgain) {
    const std::vector<Said> apart{{"okx", "1"}, {"kraken", "20", Verdict::outlier}};
    EXPECT_EQ(look(10s, apart, "1"), "");
    EXPECT_EQ(look(5s, {{"okx", "1"}}, "1"), "");
    EXPECT_EQ(look(10s, apart, "1"), "");
    EXPECT_EQ(look(5s, apart, "1"), "kraken:MIR! ");
}

}  // namespace
}  // namespace pricewire::directory
