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

}  // namespace
}  // namespace pricewire::alert
