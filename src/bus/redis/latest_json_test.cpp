#include "bus/redis/latest_json.hpp"

#include <gtest/gtest.h>

namespace pricewire::bus {
namespace {

TickerBoard whole_board() {
    TickerBoard board{"BTC", Price{"BTC", *Decimal::parse("0.142300000000000001"), from_micros(5), 7}, {}};
    Quote quote{"binance",      SourceKind::exchange, "BTC", *Decimal::parse("65420.15"),
                from_micros(1), from_micros(2)};
    board.quotes.push_back({quote, Verdict::counted});
    quote.source = "coingecko";
    quote.kind = SourceKind::aggregator;
    board.quotes.push_back({quote, Verdict::check_only});
    return board;
}

TEST(BoardJson, ReadsBackWhatWasWritten) {
    const TickerBoard board = whole_board();
    const std::string text = board_json(board, "feed-a");
    EXPECT_TRUE(text.starts_with(R"({"feed":"feed-a","time":5,)")) << text;
    const auto back = parse_board(text);
    ASSERT_TRUE(back && back->price) << text;
    EXPECT_EQ(back->price->value, board.price->value);
    EXPECT_EQ(back->price->time, board.price->time);
    EXPECT_EQ(back->price->sequence, 7u);
    ASSERT_EQ(back->quotes.size(), 2u);
    EXPECT_EQ(back->quotes[1].quote.source, SourceName("coingecko"));
    EXPECT_EQ(back->quotes[1].quote.kind, SourceKind::aggregator);
    EXPECT_EQ(back->quotes[1].quote.ticker, Ticker("BTC"));
    EXPECT_EQ(back->quotes[1].verdict, Verdict::check_only);
    EXPECT_EQ(back->quotes[0].quote.received_at, from_micros(2));
    EXPECT_EQ(board_json(*back, "feed-a"), text);
}

TEST(BoardJson, SaysSinceWhenThereIsNoPrice) {
    TickerBoard board{.ticker = "BTC", .unpriced_since = from_micros(9)};
    const auto back = parse_board(board_json(board, "feed-a"));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->unpriced_since, from_micros(9));
    EXPECT_FALSE(parse_board(board_json(whole_board(), "feed-a"))->unpriced_since);
}

TEST(BoardJson, CarriesWhatThePriceIsWorth) {
    TickerBoard board = whole_board();
    board.band = PriceBand{*Decimal::parse("0.14"), *Decimal::parse("0.15")};
    board.sources = 3;
    board.note = "USDT is at 0.9312 USD";
    board.quotes[0].quote.currency = "USDT";
    board.quotes[0].dollars = *Decimal::parse("65400.5");
    board.quotes[0].spread_bp10 = -35;
    const auto back = parse_board(board_json(board, "feed-a"));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->band, board.band);
    EXPECT_EQ(back->sources, 3);
    EXPECT_EQ(back->note, board.note);
    EXPECT_EQ(back->quotes[0].quote.currency, Currency("USDT"));
    EXPECT_EQ(back->quotes[0].dollars, board.quotes[0].dollars);
    EXPECT_EQ(back->quotes[0].spread_bp10, -35);
    EXPECT_FALSE(back->quotes[1].dollars);
}

// In a rolling upgrade either side may be older.
TEST(BoardJson, AnOlderVersionReadsAWordThatItKnowsAndANewerOneTheExactWord) {
    for (const Verdict verdict : {Verdict::foreign, Verdict::lagging, Verdict::stuck, Verdict::off_peg}) {
        TickerBoard board = whole_board();
        board.quotes[0].verdict = verdict;
        const std::string text = board_json(board, "feed-a");
        const auto word = text.find(R"("verdict":")");
        ASSERT_NE(word, text.npos);
        EXPECT_TRUE(text.substr(word).starts_with(R"("verdict":"stale")") ||
                    text.substr(word).starts_with(R"("verdict":"outlier")"))
            << text;
        EXPECT_EQ(parse_board(text)->quotes[0].verdict, verdict);
    }
}

TEST(BoardJson, ReadsABoardOfAnOlderFeedAndOneWithAWordOfANewerOne) {
    constexpr std::string_view quote =
        R"({"ticker":"BTC","price":null,"quotes":[{"source":"a","kind":"exchange","price":"1","time":1,)"
        R"("received_at":1,"verdict":"stale")";
    const auto older = parse_board(std::string(quote) + "}]}");
    ASSERT_TRUE(older);
    EXPECT_EQ(older->sources, 0);
    EXPECT_FALSE(older->band);
    EXPECT_EQ(older->quotes[0].quote.currency, Currency("USD"));
    const auto newer = parse_board(std::string(quote) + R"(,"exact_verdict":"tired"}]})");
    ASSERT_TRUE(newer);
    EXPECT_EQ(newer->quotes[0].verdict, Verdict::stale);
}

TEST(BoardJson, RejectsAnythingElse) {
    for (const char* text : {"", "null", "[]", "{}", R"({"ticker":"btc","price":null,"quotes":[]})",
                             R"({"ticker":"BTC","quotes":[]})",
                             R"({"ticker":"BTC","price":{"value":"-1","time":1,"sequence":1},"quotes":[]})",
                             R"({"ticker":"BTC","price":{"value":1,"time":1,"sequence":1},"quotes":[]})",
                             R"({"ticker":"BTC","price":null,"quotes":[{}]})"}) {
        EXPECT_FALSE(parse_board(text)) << text;
    }
    EXPECT_TRUE(parse_board(R"({"ticker":"BTC","price":null,"quotes":[]})"));
}

TEST(SourcesJson, ReadsBackWhatWasWritten) {
    const std::vector<SourceReport> sources{
        {"binance", SourceCondition::down, "says \"wait\"\n", from_micros(9), SourceKind::exchange, "Binance",
         "refused"},
        {"coingecko", SourceCondition::degraded, "", std::nullopt, SourceKind::aggregator}};
    EXPECT_EQ(parse_sources(sources_json(sources)), sources);
    EXPECT_EQ(
        parse_sources(R"([{"name":"a","condition":"ok","detail":"","last_quote_at":null}])")->at(0).state, "")
        << "an older feed does not say";
    EXPECT_EQ(parse_sources("[]"), std::vector<SourceReport>{});
    for (const char* text :
         {"", "{}", "[1]", R"([{"name":"a","condition":"fine","detail":"","last_quote_at":null}])"})
        EXPECT_FALSE(parse_sources(text)) << text;
}

TEST(SourcesJson, TheBetterOfTwoReportsWins) {
    std::vector<SourceReport> all{{"a", SourceCondition::down, "1", from_micros(9)},
                                  {"b", SourceCondition::ok, "1", from_micros(1)}};
    merge_sources(all, {{"b", SourceCondition::ok, "2", from_micros(2)},
                        {"a", SourceCondition::degraded, "2", std::nullopt},
                        {"c", SourceCondition::down, "2", std::nullopt}});
    merge_sources(all, {{"b", SourceCondition::degraded, "3", from_micros(3)}});
    EXPECT_EQ(all, (std::vector<SourceReport>{{"a", SourceCondition::degraded, "2", std::nullopt},
                                              {"b", SourceCondition::ok, "2", from_micros(2)},
                                              {"c", SourceCondition::down, "2", std::nullopt}}));
}

}  // namespace
}  // namespace pricewire::bus
