#include "price/market.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pricewire::price {
namespace {

using namespace std::chrono_literals;

// Everything the market says, as lines: "#1 BTC 100", "gone BTC", "board BTC 100 a counted".
class MarketTest : public ::testing::Test {
protected:
    Quote quote(Ticker ticker, int price, SourceName source = "a") const {
        return {source, SourceKind::exchange, ticker, Decimal::from_int(price), now_, now_};
    }
    std::vector<std::string> send(std::vector<Quote> quotes) {
        market_.on_quotes(quotes, now_);
        return std::exchange(said_, {});
    }
    std::vector<std::string> refresh() {
        market_.refresh(now_);
        return std::exchange(said_, {});
    }

    using Lines = std::vector<std::string>;
    Timestamp now_{std::chrono::seconds{1'700'000'000}};
    Lines said_;
    Timestamp last_price_time_{};
    const std::vector<Ticker> tickers_{"BTC", "ETH"};
    Market market_{
        tickers_,
        {},
        {.price =
             [this](const Price& p) {
                 last_price_time_ = p.time;
                 said_.push_back("#" + std::to_string(p.sequence) + " " + std::string(p.ticker.view()) + " " +
                                 p.value.to_string());
             },
         .price_gone =
             [this](const PriceGone& g) { said_.push_back("gone " + std::string(g.ticker.view())); },
         .board =
             [this](const TickerBoard& b) {
                 std::string line = "board " + std::string(b.ticker.view()) + " " +
                                    (b.price ? b.price->value.to_string() : "-");
                 for (const JudgedQuote& q : b.quotes)
                     line +=
                         " " + std::string(q.quote.source.view()) + " " + std::string(to_string(q.verdict));
                 said_.push_back(line);
             },
         .removed = [this](Ticker t) { said_.push_back("removed " + std::string(t.view())); }}};
};

TEST_F(MarketTest, EveryTradeThatCountsMakesAPriceInOrderAndABatchOneBoard) {
    EXPECT_EQ(send({quote("BTC", 100), quote("ETH", 10), quote("BTC", 101), quote("BTC", 101)}),
              (Lines{"#1 BTC 100", "#2 ETH 10", "#3 BTC 101", "#4 BTC 101", "board BTC 101 a counted",
                     "board ETH 10 a counted"}));
    EXPECT_EQ(last_price_time_, now_);
}

TEST_F(MarketTest, ATradeFromBeforeIsNotThePresentPrice) {
    Quote old = quote("BTC", 90);
    old.is_live = false;
    EXPECT_EQ(send({quote("BTC", 100), old}), (Lines{"#1 BTC 100", "board BTC 100 a counted"}));
    EXPECT_EQ(send({old}), Lines{});
}

// A feed that had no CPU reads trades late. An alert that was created meanwhile is younger than they are.
TEST_F(MarketTest, APriceHasTheTimeAtWhichItsTradeWasMadeHoweverLateItIsRead) {
    Quote low = quote("BTC", 99);
    Quote rest = quote("BTC", 100);
    low.time -= 5s;
    rest.time -= 4s;
    send({low});
    EXPECT_EQ(last_price_time_, now_ - 5s);
    send({rest});
    EXPECT_EQ(last_price_time_, now_ - 4s);
}

TEST_F(MarketTest, TimesOfATickerNeverGoBack) {
    send({quote("BTC", 100)});
    const Timestamp first = now_;
    now_ += 100ms;
    Quote other = quote("BTC", 101, "b");
    other.time -= 1s;
    send({other});
    EXPECT_EQ(last_price_time_, first);
    now_ += 16s;
    refresh();
    const Timestamp gone = now_;
    now_ += 1s;
    Quote late = quote("BTC", 100);
    late.time -= 10s;
    send({late});
    EXPECT_EQ(last_price_time_, gone) << "a price does not come before the end of the one before it";
    now_ -= 1h;
    send({quote("BTC", 100)});
    EXPECT_EQ(last_price_time_, now_) << "our clock was set back";
}

TEST_F(MarketTest, IgnoresTickersItDoesNotKnow) {
    EXPECT_EQ(send({quote("DOGE", 1)}), Lines{});
}

TEST_F(MarketTest, ADisputeEndsThePrice) {
    send({quote("BTC", 100)});
    EXPECT_EQ(send({quote("BTC", 200, "b")}), (Lines{"gone BTC", "board BTC - a disputed b disputed"}));
    EXPECT_EQ(send({quote("BTC", 201, "b")}), (Lines{"board BTC - a disputed b disputed"}));
    EXPECT_EQ(send({quote("BTC", 100, "b")}), (Lines{"#2 BTC 100", "board BTC 100 a counted b counted"}));
}

TEST_F(MarketTest, RefreshingASilentMarketEndsThePriceOnce) {
    send({quote("BTC", 100)});
    now_ += 15s;
    EXPECT_EQ(refresh(), (Lines{"board BTC 100 a counted", "board ETH -"}));
    now_ += 1s;
    EXPECT_EQ(refresh(), (Lines{"gone BTC", "board BTC - a stale", "board ETH -"}));
    EXPECT_EQ(refresh(), (Lines{"board BTC - a stale", "board ETH -"}));
}

TEST_F(MarketTest, ABoardSaysSinceWhenThereIsNoPrice) {
    std::vector<std::optional<Timestamp>> since;
    Market market(std::vector<Ticker>{"BTC"}, {},
                  {.price = [](const Price&) {},
                   .price_gone = [](const PriceGone&) {},
                   .board = [&](const TickerBoard& b) { since.push_back(b.unpriced_since); }});
    const Timestamp start = now_;
    market.refresh(now_);
    now_ += 1s;
    market.refresh(now_);
    const Quote first = quote("BTC", 100);
    market.on_quotes({&first, 1}, now_);
    now_ += 16s;
    market.refresh(now_);
    market.refresh(now_ + 1s);
    EXPECT_EQ(since, (std::vector<std::optional<Timestamp>>{start, start, std::nullopt, now_, now_}));
}

TEST_F(MarketTest, RefreshingMakesAPriceThatAgeHasChanged) {
    send({quote("BTC", 100)});
    now_ += 10s;
    EXPECT_EQ(send({quote("BTC", 102, "b")}), (Lines{"#2 BTC 101", "board BTC 101 a counted b counted"}));
    now_ += 6s;
    EXPECT_EQ(refresh(), (Lines{"#3 BTC 102", "board BTC 102 a stale b counted", "board ETH -"}));
}

TEST_F(MarketTest, BarsAreMadeFromConsolidatedPrices) {
    send({quote("BTC", 100), quote("BTC", 104), quote("BTC", 400), quote("BTC", 103)});
    const auto bars = market_.take_bars();
    ASSERT_EQ(bars.size(), 1U);
    EXPECT_EQ(bars[0], (Bar{"BTC", std::chrono::floor<std::chrono::minutes>(now_), Decimal::from_int(100),
                            Decimal::from_int(104), Decimal::from_int(100), Decimal::from_int(103)}));
    EXPECT_TRUE(market_.take_bars().empty());
}

TEST_F(MarketTest, MakesDollarRatesFromTheirPairsAndTellsOfAPegThatIsLeft) {
    std::vector<std::string> said;
    Market market(tickers_, {},
                  {.price = [](const Price&) {},
                   .price_gone = [](const PriceGone&) {},
                   .board =
                       [&](const TickerBoard& b) {
                           if (b.price) said.push_back(b.price->value.to_string());
                       },
                   .rate =
                       [&](const DollarRate& rate) {
                           said.push_back(std::string(rate.currency.view()) + " " + rate.value().to_string() +
                                          (rate.is_off_peg ? " off" : ""));
                       }});
    const auto send = [&](Ticker ticker, std::string_view price, SourceName source, Currency currency) {
        Quote q = quote(ticker, 1, source);
        q.price = Decimal::parse(price).value();
        q.currency = currency;
        market.on_quotes({&q, 1}, now_);
    };
    send("BTC", "100", "a", "USDT");
    send("USDT", "0.95", "kraken", "USD");
    send("USDT", "0.95", "coinbase", "USD");
    send("BTC", "100", "a", "USDT");
    EXPECT_EQ(said, (Lines{"100", "USDT 0.95 off", "95"}));
    const RateMeter& usdt = market.rate_meters()[0];
    EXPECT_EQ(usdt.currency, Currency("USDT"));
    EXPECT_EQ(usdt.e5, 95'000);
    EXPECT_EQ(usdt.sources, 2);
    EXPECT_TRUE(usdt.is_off_peg);
    EXPECT_TRUE(usdt.is_known);
    said.clear();
    now_ += 6min;
    market.refresh(now_);
    EXPECT_EQ(said, Lines{"USDT 0.95 off"}) << "no longer known";
    EXPECT_FALSE(usdt.is_known);
}

TEST_F(MarketTest, AVenueOneMinuteBehindDoesNotVote) {
    for (const char* source : {"a", "b"}) send({quote("BTC", 100, source)});
    Quote late = quote("BTC", 101, "c");
    late.time -= 60s;
    EXPECT_EQ(send({late}), Lines{"board BTC 100 a counted b counted c lagging"});
}

TEST_F(MarketTest, ATickerIsWatchedFromOneMomentToAnother) {
    EXPECT_EQ(send({quote("SOL", 7)}), Lines{});
    market_.watch("SOL");
    EXPECT_EQ(send({quote("SOL", 800)}), (Lines{"#1 SOL 800", "board SOL 800 a counted"}));
    market_.watch("SOL");
    EXPECT_EQ(send({quote("SOL", 801)}), (Lines{"#2 SOL 801", "board SOL 801 a counted"}))
        << "its line goes on";
    market_.unwatch("SOL", now_);
    EXPECT_EQ(std::exchange(said_, {}), (Lines{"gone SOL", "removed SOL"}));
    market_.unwatch("SOL", now_);
    EXPECT_EQ(send({quote("SOL", 801)}), Lines{});
    now_ += 1s;
    for (const std::string& line : refresh()) EXPECT_EQ(line.find("SOL"), std::string::npos) << line;
    const std::vector<Bar> bars = market_.take_bars();
    ASSERT_EQ(bars.size(), 1U) << "what it traded until then stays";
    EXPECT_EQ(bars[0].close, Decimal::from_int(801));
    market_.watch("SOL");
    EXPECT_EQ(send({quote("SOL", 30)}), (Lines{"#3 SOL 30", "board SOL 30 a counted"}))
        << "what was known of it is forgotten";
    EXPECT_EQ(market_.take_bars().size(), 1U);
}

TEST_F(MarketTest, ATickerWithoutAPriceIsRemovedWithoutAPriceGone) {
    market_.unwatch("ETH", now_);
    EXPECT_EQ(std::exchange(said_, {}), Lines{"removed ETH"});
}

TEST_F(MarketTest, WhatASourceHasSentIsStillCountedWhenItsTickersAreNoLongerWatched) {
    const std::vector<SourceName> sources{"a"};
    Market market({}, {},
                  {.price = [](const Price&) {},
                   .price_gone = [](const PriceGone&) {},
                   .board = [](const TickerBoard&) {}},
                  sources);
    const auto send_some = [&] {
        market.watch("SOL");
        const Quote sol = quote("SOL", 8);
        market.on_quotes({&sol, 1}, now_);
        market.on_quotes({&sol, 1}, now_);
        market.unwatch("SOL", now_);
    };
    send_some();
    send_some();
    EXPECT_TRUE(market.meters().all().empty());
    EXPECT_EQ(market.meters().judged().at("a").by_verdict[static_cast<std::size_t>(Verdict::counted)], 4U);
}

TEST_F(MarketTest, CountsQuotesByVerdictAndPricesByTicker) {
    const std::vector<SourceName> sources{"a", "gecko"};
    Market market(tickers_, {},
                  {.price = [](const Price&) {},
                   .price_gone = [](const PriceGone&) {},
                   .board = [](const TickerBoard&) {}},
                  sources);
    const auto meters = market.meters().all();
    const TickerMeter& btc = *meters[0];
    const QuoteMeter& a = btc.quotes[0];
    const QuoteMeter& gecko = btc.quotes[1];
    EXPECT_EQ(btc.ticker, Ticker("BTC"));
    EXPECT_FALSE(btc.has_price);
    EXPECT_FALSE(a.received_at());

    const auto send = [&](const Quote& q) { market.on_quotes({&q, 1}, now_); };
    send(quote("BTC", 100));
    Quote figure = quote("BTC", 100, "gecko");
    figure.kind = SourceKind::aggregator;
    send(figure);
    figure.time -= 10s;
    send(figure);
    send(quote("BTC", 500));
    send(quote("BTC", 100, "nobody configured it"));
    const auto count = [](const QuoteMeter& meter, Verdict v) {
        return meter.judged[static_cast<std::size_t>(v)].value();
    };
    EXPECT_EQ(count(a, Verdict::counted), 1U);
    EXPECT_EQ(count(a, Verdict::disputed), 1U);
    EXPECT_EQ(count(gecko, Verdict::check_only), 1U);
    EXPECT_EQ(gecko.outdated.value(), 1U);
    EXPECT_EQ(a.received_at(), now_);
    EXPECT_EQ(meters[1]->quotes[0].received_at(), std::nullopt);

    send(quote("BTC", 101));
    EXPECT_TRUE(btc.has_price);
    EXPECT_GE(btc.prices.value(), 2U);
    now_ += 1h;
    market.refresh(now_);
    EXPECT_FALSE(btc.has_price);
    EXPECT_EQ(a.received_at(), now_ - 1h) << "the age grows while nothing arrives";
}

}  // namespace
}  // namespace pricewire::price
