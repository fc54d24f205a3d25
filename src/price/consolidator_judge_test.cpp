// Quotes that do not vote although they agree with somebody: lagging, stuck, foreign, off their peg, new. And what the
// board says of a price.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <sstream>
#include <string>

#include "price/consolidator.hpp"

namespace pricewire::price {
namespace {

using namespace std::chrono_literals;

Decimal amount(std::string_view text) {
    return Decimal::parse(text).value();
}

class JudgeTest : public ::testing::Test {
protected:
    std::string trade(const char* source, std::string_view price, Currency currency = "USD",
                      Duration lag = {}) {
        Quote quote{source, SourceKind::exchange, "BTC", amount(price), now_ - lag, now_, currency};
        quote.trade_id = ++id_;
        consolidator_.update(quote, now_, lag);
        return state();
    }
    // All of these trade at their last prices, then a second passes; so many times.
    void go_on(int seconds, std::initializer_list<std::pair<const char*, const char*>> trades,
               Currency currency = "USD") {
        for (int i = 0; i < seconds; ++i) {
            for (const auto& [source, price] : trades) trade(source, price, currency);
            now_ += 1s;
            consolidator_.refresh(now_);
        }
    }
    void say_rate(const char* currency, std::string_view dollars) {
        for (const char* source : {"x", "y"})
            rates_.update({source, SourceKind::exchange, currency, amount(dollars), now_, now_, "USD"}, now_);
    }
    std::string state() const {
        std::string out = consolidator_.price() ? consolidator_.price()->to_string() : "-";
        out += " |";
        for (const JudgedQuote& q : consolidator_.board().quotes) {
            if (q.verdict != Verdict::counted)
                out += fmt::format(" {} {}", q.quote.source.view(), to_string(q.verdict));
        }
        return out;
    }
    std::string band() const {
        const auto band = consolidator_.board().band;
        return band ? band->low.to_string() + " " + band->high.to_string() : "-";
    }

    ConsolidationPolicy policy_;
    DollarRates rates_;
    Consolidator consolidator_{"BTC", policy_, rates_};
    Timestamp now_{std::chrono::seconds{1'700'000'000}};
    std::uint64_t id_ = 0;
};

// ---- Currencies

TEST_F(JudgeTest, AQuoteInAnotherCurrencyNeverVotes) {
    EXPECT_EQ(trade("a", "100", "EUR"), "- | a foreign");
    EXPECT_EQ(trade("b", "0.002", "BTC"), "- | a foreign b foreign");
    EXPECT_EQ(trade("c", "110"), "110 | a foreign b foreign");
    const TickerBoard board = consolidator_.board();
    EXPECT_FALSE(board.quotes[0].dollars);
    EXPECT_EQ(board.sources, 1);
}

TEST_F(JudgeTest, QuotesAreComparedInDollarsAndShownAsTheyCame) {
    say_rate("USDT", "0.99");
    trade("a", "100");
    EXPECT_EQ(trade("b", "101.5", "USDT"), "100.2425 |");
    const JudgedQuote quote = consolidator_.board().quotes[1];
    EXPECT_EQ(quote.quote.price, amount("101.5"));
    EXPECT_EQ(quote.dollars, amount("100.485"));
    EXPECT_EQ(quote.spread_bp10, 241);
}

TEST_F(JudgeTest, AChangedRateMovesThePriceWithTheNextJudgement) {
    trade("a", "100", "USDT");
    EXPECT_EQ(state(), "100 |");
    say_rate("USDT", "0.999");
    EXPECT_EQ(consolidator_.refresh(now_), amount("99.9"));
    say_rate("USDT", "0.998");
    EXPECT_EQ(trade("a", "100", "USDT"), "99.8 |") << "or with a trade";
}

TEST_F(JudgeTest, ACurrencyOffItsPegDoesNotVoteWhileTwoDollarVenuesAgree) {
    say_rate("USDT", "0.95");
    trade("a", "100", "USDT");
    EXPECT_EQ(trade("b", "94"), "94.5 |") << "one dollar venue is not enough";
    EXPECT_EQ(trade("c", "94.2"), "94.1 | a off_peg");
    EXPECT_EQ(consolidator_.board().note, "USDT is at 0.95 USD; the dollar venues lead");
    now_ += 8s;
    EXPECT_EQ(trade("a", "100", "USDT"), "94.2 |") << "venues that do not trade do not lead";
    EXPECT_EQ(consolidator_.board().note, "USDT is at 0.95 USD");
}

TEST_F(JudgeTest, VenuesOfACurrencyThatAreApartFromTheDollarVenuesForTenSecondsAreLeftOut) {
    say_rate("USDT", "1");
    const auto trade_all = [&](int seconds) {
        for (int i = 0; i < seconds; ++i) {
            for (const char* source : {"t1", "t2", "t3"}) trade(source, "100.8", "USDT");
            go_on(1, {{"a", "100"}, {"b", "100.1"}});
        }
    };
    trade_all(10);
    EXPECT_EQ(state(), "100.8 |");
    trade_all(1);
    EXPECT_EQ(state(), "100.05 | t1 off_peg t2 off_peg t3 off_peg");
    EXPECT_EQ(consolidator_.board().note,
              "the USDT venues are 0.7 % above the dollar venues; the dollar venues lead");
    for (const char* source : {"t1", "t2", "t3"}) trade(source, "100.2", "USDT");
    go_on(1, {{"a", "100"}, {"b", "100.1"}});
    EXPECT_EQ(state(), "100.2 |") << "together again";
}

TEST_F(JudgeTest, DollarVenuesThatDisagreeDoNotLead) {
    policy_.sources["a"].weight = 2;
    say_rate("USDT", "1");
    for (const char* source : {"a", "b", "c", "d"}) trade(source, "100");
    for (const char* source : {"t1", "t2", "t3"}) trade(source, "100", "USDT");
    now_ += 4s;  // nothing is settling any more
    for (const char* source : {"a", "b", "c", "d"}) trade(source, "100");
    for (const char* source : {"t1", "t2", "t3"}) trade(source, "96", "USDT");
    EXPECT_EQ(state(), "100 | t1 off_peg t2 off_peg t3 off_peg");
    trade("c", "96");
    EXPECT_EQ(trade("d", "96"), "96 | a outlier b outlier") << "the market moved";
}

TEST_F(JudgeTest, WithoutARateTheyAreLeftOutAtOnce) {
    for (const char* source : {"t1", "t2", "t3"}) trade(source, "100.8", "USDT");
    go_on(1, {{"a", "100"}, {"b", "100.1"}});
    EXPECT_EQ(state(), "100.05 | t1 off_peg t2 off_peg t3 off_peg");
}

TEST_F(JudgeTest, OfTwoDollarVenuesTheWrongOneDoesNotLead) {
    say_rate("USDT", "1");
    for (int i = 0; i < 30; ++i) {
        for (const char* source : {"t1", "t2"}) trade(source, "100", "USDT");
        go_on(1, {{"a", "100.1"}, {"b", "101.9"}});
    }
    EXPECT_EQ(state(), "100.05 |");
}

TEST_F(JudgeTest, ManyThatStayAreNotOutvotedByTwoThatJump) {
    for (const auto& [source, weight] : {std::pair{"a", 4}, {"b", 4}, {"c", 1}, {"d", 1}, {"e", 1}})
        policy_.sources[source].weight = weight;
    for (const char* source : {"a", "b", "c", "d", "e"}) trade(source, "100");
    trade("a", "115");
    EXPECT_EQ(trade("b", "115"), "100 | a outlier b outlier");
    EXPECT_EQ(trade("c", "115"), "115 | d outlier e outlier") << "but by three";
}

TEST_F(JudgeTest, ASingleDollarVenueDoesNotLead) {
    for (int i = 0; i < 30; ++i) {
        for (const char* source : {"t1", "t2"}) trade(source, "100.8", "USDT");
        go_on(1, {{"a", "100"}});
    }
    EXPECT_EQ(state(), "100.8 |");
}

// ---- The past

TEST_F(JudgeTest, AVenueThatDeliversThePastDoesNotVote) {
    trade("a", "100");
    trade("b", "100");
    EXPECT_EQ(trade("c", "101", "USD", 60s), "100 | c lagging");
    EXPECT_EQ(trade("c", "101", "USD", 5s), "100 |") << "a lag of five seconds counts";
    EXPECT_EQ(trade("c", "101", "USD", 6s), "100 | c lagging");
    EXPECT_EQ(trade("c", "101"), "100 |");
}

TEST_F(JudgeTest, WhereAllAreLateNobodyIsLeftOut) {
    for (const char* source : {"a", "b", "c"}) trade(source, "100", "USD", 20s);
    EXPECT_EQ(state(), "100 |");
    EXPECT_EQ(trade("b", "101", "USD", 22s), "100 |");
    now_ += 16s;
    EXPECT_EQ(trade("a", "102", "USD", 40s), "102 | b stale c stale") << "nor one alone";
}

TEST_F(JudgeTest, AVenueThatRepeatsItsLastTradeWhileOthersMoveIsStuck) {
    Quote last{"c", SourceKind::exchange, "BTC", amount("100"), now_, now_};
    last.trade_id = 7;
    const auto repeat = [&](int seconds, const char* others) {
        for (int i = 0; i < seconds; ++i) {
            last.received_at = now_;
            consolidator_.update(last, now_);
            go_on(1, {{"a", others}, {"b", others}});
        }
        return state();
    };
    EXPECT_EQ(repeat(15, "100"), "100 |");
    EXPECT_EQ(repeat(20, "100.1"), "100.1 |") << "near the others it may be right";
    EXPECT_EQ(repeat(1, "100.3"), "100.3 | c stuck");
    EXPECT_EQ(repeat(1, "100.15"), "100.15 | c stuck");
    EXPECT_EQ(repeat(1, "100.1"), "100.1 |") << "until they are within half of that";
    repeat(1, "101");
    EXPECT_EQ(trade("c", "101.5"), "101 |") << "or it trades again";
}

TEST_F(JudgeTest, AVenueWhosePriceDoesNotChangeForAMinuteWhileOthersMoveIsStuck) {
    go_on(61, {{"a", "100"}, {"b", "100"}, {"c", "100"}});
    EXPECT_EQ(state(), "100 |") << "a market that stands still";
    go_on(1, {{"a", "100.5"}, {"b", "100.5"}, {"c", "100"}});
    EXPECT_EQ(state(), "100.5 | c stuck");
}

TEST_F(JudgeTest, WhereAllRepeatTheirTradesNobodyIsStuck) {
    go_on(90, {{"a", "100"}, {"b", "101"}});
    EXPECT_EQ(state(), "100.5 |");
}

// ---- Newcomers, and the first price of all

TEST_F(JudgeTest, ANewSourceMustBeWithinTenPercentOfOneThatHasProvedItself) {
    trade("a", "100");
    EXPECT_EQ(trade("b", "1000"), "- | a disputed b disputed") << "neither has";
    now_ += 20s;
    go_on(61, {{"a", "100"}});
    EXPECT_EQ(trade("c", "1000"), "100 | b stale c outlier") << "another coin by the same letters";
    EXPECT_EQ(trade("c", "101"), "100.5 | b stale");
}

TEST_F(JudgeTest, TheFirstPriceWaitsForTwoWhereManyMayCome) {
    policy_.exchanges = 3;
    EXPECT_EQ(trade("a", "1000"), "- | a unconfirmed");
    now_ += 1s;
    EXPECT_EQ(trade("b", "100"), "- | a disputed b disputed");
    EXPECT_EQ(trade("c", "100"), "100 | a outlier");
}

TEST_F(JudgeTest, TheFirstPriceOfOneThatStaysAloneComesAfterThreeSeconds) {
    policy_.exchanges = 3;
    EXPECT_EQ(trade("a", "100"), "- | a unconfirmed");
    now_ += 3s;
    EXPECT_EQ(consolidator_.refresh(now_), amount("100"));
    EXPECT_EQ(trade("a", "101"), "101 |");
}

TEST_F(JudgeTest, InTheFirstSecondsAStablecoinWithoutARateIsNotTakenForDollars) {
    policy_.exchanges = 5;
    for (const char* source : {"t1", "t2", "t3"}) trade(source, "100", "USDT");
    EXPECT_EQ(state(), "- | t1 unconfirmed t2 unconfirmed t3 unconfirmed");
    trade("a", "95");
    EXPECT_EQ(trade("b", "95"), "95 | t1 off_peg t2 off_peg t3 off_peg");
    EXPECT_EQ(trade("t1", "100", "USDT"), "95 | t1 off_peg t2 off_peg t3 off_peg");
    say_rate("USDT", "0.95");
    consolidator_.refresh(now_ + 1s);
    EXPECT_EQ(consolidator_.price(), amount("95"));
}

// ---- The band and the note

TEST_F(JudgeTest, TheBandIsTheLargerDistanceToTheQuartilesOfTheVotes) {
    for (const auto& [source, price] : {std::pair{"a", "99.9"}, {"b", "100"}, {"c", "100.1"}, {"d", "100.5"}})
        trade(source, price);
    EXPECT_EQ(state(), "100.05 |");
    EXPECT_EQ(band(), "99.9 100.2") << "0.15 down to the first quartile, 0.05 up to the third";
    trade("e", "150");
    EXPECT_EQ(band(), "99.9 100.2") << "an outlier has no part in it";
    EXPECT_EQ(consolidator_.board().sources, 4);
    EXPECT_EQ(consolidator_.board().note, "");
}

TEST_F(JudgeTest, TheBandIsWiderByWhatNobodyHasChecked) {
    EXPECT_EQ(band(), "-");
    trade("a", "100");
    EXPECT_EQ(band(), "99 101");
    EXPECT_EQ(consolidator_.board().note, "it rests on a alone");
    trade("b", "100", "USDT");
    EXPECT_EQ(band(), "98 102") << "a currency whose rate nobody says";
    say_rate("USDT", "1");
    consolidator_.refresh(now_);
    EXPECT_EQ(band(), "100 100");
    now_ += 20s;
    consolidator_.update({"g", SourceKind::aggregator, "BTC", amount("100"), now_ - 1s, now_}, now_);
    EXPECT_EQ(band(), "98 102");
    EXPECT_EQ(consolidator_.board().note, "no exchange delivers; it rests on an aggregator");
}

// ---- Aggregators whose figures are old by nature

TEST_F(JudgeTest, AnAggregatorWithOldFiguresChecksWithMoreToleranceAndNeverReplacesAnExchange) {
    policy_.sources["paprika"].figures_ttl = 15min;
    const auto figure = [&](std::string_view price, Duration age) {
        consolidator_.update({"paprika", SourceKind::aggregator, "BTC", amount(price), now_ - age, now_},
                             now_);
        return state();
    };
    EXPECT_EQ(figure("100", 10min), "- | paprika check_only");
    EXPECT_EQ(trade("a", "118"), "118 | paprika check_only") << "ten minutes may have brought that";
    now_ += 20s;
    EXPECT_EQ(figure("100", 1s), "- | paprika check_only a stale");
    EXPECT_EQ(trade("a", "1180"), "- | paprika disputed a disputed");
}

// ---- The short way

// A trade that only moves a vote must give what a judgement of everything gives, but for votes that have faded since
// the last judgement.
TEST_F(JudgeTest, TheShortWayGivesWhatTheLongOneGives) {
    policy_.faded_after = 1h;
    EXPECT_TRUE(rc::check([&] {
        DollarRates rates;
        Consolidator consolidator("BTC", policy_, rates);
        Timestamp now = now_;
        const auto exchanges = *rc::gen::inRange(1, 8);
        for (const auto& [source, step, wait] :
             *rc::gen::container<std::vector<std::tuple<int, int, int>>>(rc::gen::tuple(
                 rc::gen::inRange(0, 8), rc::gen::inRange(-150, 150), rc::gen::inRange(0, 1500)))) {
            now += std::chrono::milliseconds{wait};
            const Decimal price = Decimal::from_int(10'000 + step);
            const SourceName name(fmt::format("s{}", source % exchanges));
            consolidator.update({name, SourceKind::exchange, "BTC", price, now, now}, now);
            const auto short_way = consolidator.price();
            consolidator.refresh(now);
            RC_ASSERT(consolidator.price() == short_way);
        }
    }));
}

}  // namespace
}  // namespace pricewire::price
