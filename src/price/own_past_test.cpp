// Which source is wrong shows by its own past: the one that left it is the suspect.
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "price/consolidator.hpp"

namespace pricewire::price {
namespace {

using namespace std::chrono_literals;

// Plays a script of "<seconds> <source> <price>" and returns the state after its last line: "PRICE | source
// verdict, …". Sources whose names begin with g are aggregators, whose figures are made when they come. Streams
// that are listed go on trading at their last price in every second between two lines.
class OwnPast : public ::testing::Test {
protected:
    std::string play(const std::string& script, const std::string& streams = "a") {
        Consolidator consolidator("BTC", policy_, rates_);
        std::map<std::string, Decimal> last;
        const Timestamp start{std::chrono::seconds{1'700'000'000}};
        Timestamp now = start;
        std::istringstream in(script);
        double second = 0;
        std::string source;
        std::string text;
        while (in >> second >> source >> text) {
            const Timestamp at = start + Duration{static_cast<std::int64_t>(second * 1'000'000)};
            for (; now + 1s <= at; now += 1s) {
                for (const auto& [name, price] : last) {
                    if (streams.find(name) != std::string::npos) update(consolidator, name, price, now);
                }
                consolidator.refresh(now);
            }
            now = at;
            last[source] = Decimal::parse(text).value();
            update(consolidator, source, last[source], now);
        }
        std::string out = consolidator.price() ? consolidator.price()->to_string() : "-";
        out += " |";
        for (const JudgedQuote& q : consolidator.board().quotes) {
            out += out.ends_with('|') ? " " : ", ";
            out += std::string(q.quote.source.view()) + " " + std::string(to_string(q.verdict));
        }
        return out;
    }

    static void update(Consolidator& consolidator, const std::string& source, Decimal price, Timestamp now) {
        const SourceKind kind = source.starts_with('g') ? SourceKind::aggregator : SourceKind::exchange;
        consolidator.update({SourceName(source), kind, "BTC", price, now, now}, now);
    }

    const ConsolidationPolicy policy_;
    const DollarRates rates_;
};

TEST_F(OwnPast, AWrongFigureBesideAHealthyStreamIsAnOutlierAndThePriceStays) {
    for (const char* wrong : {"6.5", "650000", "6500", "65.0", "0.00065", "75000", "58000"}) {
        EXPECT_EQ(play(std::string("0 a 65000  1 g 65000  60 g ") + wrong + " 61 a 65010"),
                  "65010 | a counted, g outlier")
            << wrong;
    }
    EXPECT_EQ(play("0 a 65000  1 g 65000  60 g 6.5  120 g 6.5  180 g 6.5  240 g 6.5  600 a 65010"),
              "65010 | a counted, g stale")
        << "however often it is repeated";
    EXPECT_EQ(play("0 a 65000  1 g 65000  60 g 6.5  120 g 65100  121 a 65010"),
              "65010 | a counted, g check_only");
}

TEST_F(OwnPast, WhileAFigureIsWrongTheOneBeforeItChecks) {
    EXPECT_EQ(play("0 a 65000  1 g 65000  60 g 6.5  61 a 650000"), "- | a disputed, g disputed");
    EXPECT_EQ(play("0 a 65000  1 g 65000  60 g 6.5  61 a 6.5"), "6.5 | a counted, g check_only")
        << "both say so";
}

TEST_F(OwnPast, AStreamThatLeftItsPastIsNotBelievedAgainstAFigureThatStayed) {
    EXPECT_EQ(play("0 a 65000  1 g 65000  60 a 6.5"), "- | a disputed, g disputed");
    EXPECT_EQ(play("0 a 65000  1 g 65000  60 a 650000  90 g 65010  100 a 650000"),
              "- | a disputed, g disputed");
}

TEST_F(OwnPast, BothThatMoveTogetherAreBelieved) {
    EXPECT_EQ(play("0 a 100  1 g 100  60 a 60  62 g 60  63 a 60"), "60 | a counted, g check_only");
    EXPECT_EQ(play("0 a 100  1 g 100  60 a 99  61 a 97.5  62 a 96  63 a 95  64 a 93.5  65 a 92  66 a 90.5 67 "
                   "a 89 68 a 88 69 g 84"),
              "88 | a counted, g check_only");
}

TEST_F(OwnPast, FirstQuotesThatContradictEachOtherAreDisputed) {
    EXPECT_EQ(play("0 a 65000  1 g 6.5"), "- | a disputed, g disputed");
    EXPECT_EQ(play("0 g 6.5  1 a 65000"), "- | g disputed, a disputed");
    EXPECT_EQ(play("0 a 650000  30 g 65000  31 a 650000"), "- | a disputed, g disputed")
        << "a stream that was wrong from the start has no past that speaks for it";
    EXPECT_EQ(play("0 a 65000  1 b 650000", "ab"), "- | a disputed, b disputed");
    EXPECT_EQ(play("0 a 65000  1 g 6.5  60 g 65000"), "65000 | a counted, g check_only") << "until one moves";
}

TEST_F(OwnPast, AFigureThatStaysAwayChecksAgainIfItIsBelievable) {
    EXPECT_EQ(play("0 a 100  1 g 100  60 g 115  61 a 100"), "100 | a counted, g outlier");
    EXPECT_EQ(play("0 a 100  1 g 100  60 g 115  120 g 115.1  150 a 100"), "100 | a counted, g outlier");
    EXPECT_EQ(play("0 a 100  1 g 100  60 g 115  120 g 115.1  180 g 115  181 a 100"),
              "- | a disputed, g disputed")
        << "the stream may stand still";
}

TEST_F(OwnPast, OfTwoStreamsTheOneThatLeftIsLeftOut) {
    EXPECT_EQ(play("0 a 65000  1 b 65010  60 b 650000  61 a 65020", "ab"), "65020 | a counted, b outlier");
    EXPECT_EQ(play("0 a 65000  1 b 65010  60 a 6.5  200 b 65020", "ab"), "65020 | a outlier, b counted");
    EXPECT_EQ(play("0 a 65000  1 b 65010  60 b 650000  100 b 65005", "ab"), "65002.5 | a counted, b counted");
    EXPECT_EQ(play("0 a 100  1 b 100  60 b 104", "ab"), "- | a disputed, b disputed") << "nothing decides";
    EXPECT_EQ(play("0 a 100  1 b 100  60 b 60  60.5 a 61", "ab"), "60.5 | a counted, b counted")
        << "both moved";
    EXPECT_EQ(play("0 a 65000  1 b 65010  2 g 65000  60 b 650000  61 g 6.5  62 a 65020", "ab"),
              "65020 | a counted, b outlier, g outlier")
        << "a wrong stream and a wrong figure at once";
}

TEST_F(OwnPast, AnOutlierAmongThreeNeedsNoPast) {
    EXPECT_EQ(play("0 a 100  1 b 100  2 c 1000", "abc"), "100 | a counted, b counted, c outlier");
}

TEST_F(OwnPast, ALoneAggregatorsJumpWaitsUntilItIsRepeated) {
    EXPECT_EQ(play("0 g 65000  60 g 6.5", ""), "- | g unconfirmed");
    EXPECT_EQ(play("0 g 65000  60 g 6.5  120 g 6.5", ""), "- | g unconfirmed");
    EXPECT_EQ(play("0 g 65000  60 g 40000  120 g 40100  180 g 40200", ""), "40200 | g counted");
    EXPECT_EQ(play("0 g 65000  60 g 50000", ""), "50000 | g counted") << "within thirty percent";
    EXPECT_EQ(play("0 g 65000  60 g 6.5  120 g 65100", ""), "65100 | g counted");
    EXPECT_EQ(play("0 a 65000  60 g 6.5", ""), "- | a stale, g unconfirmed")
        << "after an exchange that fell silent, too";
}

TEST_F(OwnPast, OneOfTwoAggregatorsThatIsWrongDoesNotCheck) {
    EXPECT_EQ(play("0 a 65000  1 g1 65000  2 g2 65010  60 g1 6.5  61 a 65020"),
              "65020 | a counted, g1 outlier, g2 check_only");
    EXPECT_EQ(play("0 a 65000  1 g1 65000  2 g2 6.5  3 a 65020"),
              "65020 | a counted, g1 check_only, g2 outlier")
        << "wrong from the start";
    EXPECT_EQ(play("0 g1 6.5  1 g2 65010  2 a 65000"), "65000 | g1 outlier, g2 check_only, a counted");
}

TEST_F(OwnPast, AggregatorsThatContradictEachOtherMakeNoPriceBetweenThem) {
    EXPECT_EQ(play("0 g1 65000  0 g2 6.5", ""), "65000 | g1 counted, g2 outlier") << "g1 was believed before";
    EXPECT_EQ(play("0 g1 65000  20 g2 65010  40 g1 50000", ""), "- | g1 disputed, g2 disputed");
    EXPECT_EQ(play("0 g1 65000  20 g2 65010  40 g1 60000", ""), "62505 | g1 counted, g2 counted");
    EXPECT_EQ(play("0 g1 65000  20 g2 6.5  60 g2 65100", ""), "65050 | g1 counted, g2 counted");
}

}  // namespace
}  // namespace pricewire::price
