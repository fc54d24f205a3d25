// What a start takes of the time before it, where the last price is older than what an alert looks at.
#include "alert/checker_core_fixture.hpp"

namespace pricewire::alert {
namespace {

using CheckerCorePastTest = CheckerCoreTest;

TEST_F(CheckerCorePastTest, AnAgeCountsFromTheLastPriceHoweverOldItIs) {
    EXPECT_EQ(play(R"(
        rule 1 age above 60
        900 snapshot 1
        end
        past BTC 0-30:99-101:100
        901 heard)"),
              "past BTC from 240 1.1:871@901");
}

TEST_F(CheckerCorePastTest, ANewHighIsKnownWhereTheLastPriceIsFromBeforeItsWindow) {
    EXPECT_EQ(play(R"(
        rule 1 above high 1h repeat rearm 1% armed 0
        9000 snapshot 1
        end
        past BTC 3000-3060:99-101:101 8000-8060:90-99:99
        9001 price 98
        9002 price 100)"),
              "past BTC from 4800 1.1:100@9002");
}

// Of an alert of before, that asks for no past.
std::string started(const std::string& judged, const std::string& then) {
    return CheckerPlay().play("gaps\nrule 1 above 100 repeat\n" + judged +
                              "\n900 snapshot 1\nend\n900 heard\n" + then);
}

TEST_F(CheckerCorePastTest, EvidenceTellsOfTheTimeInWhichNothingRan) {
    EXPECT_EQ(started("600 judged lost", "901 price 101"), "1.1:101@901 blind 600-901");
    EXPECT_EQ(started("600 judged lost", "901 price 99\n905 price 101"), "1.1:101@905")
        << "a time before the last value was not looked at";
    EXPECT_EQ(started("600 judged lost BTC=300", "901 price 101"), "1.1:101@901 blind 300-901")
        << "it had no price then";
    EXPECT_EQ(started("600 judged lost ETH=300", "901 price 101"), "1.1:101@901 blind 600-901");
}

TEST_F(CheckerCorePastTest, ItIsToldByAnAlertThatHasWaitedForItsFirstPriceSince) {
    const std::string waits = "960 heard\npause\n1000 heard\n1060 heard\npause\n";
    EXPECT_EQ(started("600 judged lost", waits + "1070 price 101"), "1.1:101@1070 blind 600-1070");
    EXPECT_EQ(started("600 judged lost", waits + "1070 price 99\n1065 price 101"),
              "1.1:101@1065 blind 600-1065 1.armed@1070")
        << "late";
}

TEST_F(CheckerCorePastTest, WhereTheBusKeepsPricesSignsOfLifeTellWhetherThereWereAny) {
    EXPECT_EQ(started("600 judged", "901 price 101"), "1.1:101@901 blind 600-901");
    EXPECT_EQ(started("890 judged", "901 price 101"), "1.1:101@901");
    EXPECT_EQ(CheckerPlay().play(R"(
        gaps
        rule 1 above 100 repeat
        600 judged
        595 snapshot 1
        595 heard
        598 price 99
        600 heard
        900 heard
        901 price 101
        end)"),
              "1.1:101@901 blind 600-901");
}

TEST_F(CheckerCorePastTest, ATickerThatNobodyAskedForThenWasNotBlind) {
    EXPECT_EQ(play(R"(
        gaps
        rule 1 above 100 repeat
        600 judged lost
        900 snapshot 1
        end
        900 heard
        rule 2 ETH above 50 repeat
        905 created 2
        906 price ETH=60)"),
              "2.1:60@906");
}

TEST_F(CheckerCorePastTest, ANewHighIsKnownWhereThePriceOfBeforeItsWindowHadGone) {
    EXPECT_EQ(follow(R"(
        0 price 103
        60 gone
        1200 price 104
        1201 price 105
        1202 rule 1 above high 5m
        1202 created 1
        past BTC 0-60:103-103:103
        1203 price 104)"),
              "past BTC from 302 1.1:105@1202");
}

}  // namespace
}  // namespace pricewire::alert
