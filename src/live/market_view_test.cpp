#include "live/market_view.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "bus/in_process/in_process_bus.hpp"

namespace pricewire::live {
namespace {

using namespace std::chrono_literals;

class MarketViewTest : public testing::Test {
protected:
    void publish(Ticker ticker, std::string_view price, Verdict verdict = Verdict::counted) {
        TickerBoard board;
        board.ticker = ticker;
        if (!price.empty()) board.price = Price{ticker, *Decimal::parse(price), now_, 1};
        Quote quote{"binance", SourceKind::exchange, ticker, *Decimal::parse("1"), now_, now_};
        board.quotes.push_back({quote, verdict});
        bus_->publish_board(board);
    }
    std::string prices(const TickerSet& wanted, MarketView::Version seen) {
        const auto m = view_.prices(wanted, seen);
        return m ? m->json() : "nothing";
    }
    std::string quotes(const TickerSet& wanted, MarketView::Version seen) {
        const auto m = view_.quotes(wanted, seen);
        return m ? m->json() : "nothing";
    }

    const TickerSet all_{true, true};
    Timestamp now_{1'700'000'000s};
    std::unique_ptr<bus::PriceBus> bus_ = bus::create_in_process_bus({"BTC", "ETH"});
    MarketView view_{*bus_, {"BTC", "ETH"}, [](const TickerBoard& b) {
                         return "[\"" + std::string(b.ticker.view()) + " " +
                                std::string(b.quotes.empty() ? "none" : to_string(b.quotes[0].verdict)) +
                                "\"]";
                     }};
};

TEST_F(MarketViewTest, ReportsEverythingFirstAndThenWhatHasChanged) {
    publish("BTC", "100.50");
    view_.look_at_prices();
    EXPECT_EQ(
        prices(all_, 0),
        R"({"type":"prices","prices":{"BTC":{"price":100.5,"time":"2023-11-14T22:13:20Z"},"ETH":null}})");
    const auto seen = view_.prices_version();
    view_.look_at_prices();
    EXPECT_EQ(prices(all_, seen), "nothing");
    publish("ETH", "7");
    view_.look_at_prices();
    EXPECT_EQ(prices(all_, seen),
              R"({"type":"prices","prices":{"ETH":{"price":7,"time":"2023-11-14T22:13:20Z"}}})");
    EXPECT_EQ(prices({true, false}, seen), "nothing") << "only what is wanted";
    publish("BTC", "");
    view_.look_at_prices();
    EXPECT_EQ(prices(all_, view_.prices_version() - 1), R"({"type":"prices","prices":{"BTC":null}})");
}

TEST_F(MarketViewTest, AfterAPauseOnlyTheNewestIsReported) {
    publish("BTC", "1");
    view_.look_at_prices();
    const auto seen = view_.prices_version();
    for (const char* price : {"2", "3", "4"}) {
        publish("BTC", price);
        view_.look_at_prices();
    }
    EXPECT_EQ(prices(all_, seen),
              R"({"type":"prices","prices":{"BTC":{"price":4,"time":"2023-11-14T22:13:20Z"}}})");
}

TEST_F(MarketViewTest, QuotesAreReportedIfASourceHasAnotherPriceOrVerdict) {
    publish("BTC", "1");
    view_.look_at_quotes();
    EXPECT_EQ(quotes(all_, 0), R"({"type":"quotes","quotes":{"BTC":["BTC counted"],"ETH":["ETH none"]}})");
    const auto seen = view_.quotes_version();
    publish("BTC", "1");
    view_.look_at_quotes();
    EXPECT_EQ(quotes(all_, seen), "nothing");
    publish("BTC", "", Verdict::disputed);
    view_.look_at_quotes();
    EXPECT_EQ(quotes(all_, seen), R"({"type":"quotes","quotes":{"BTC":["BTC disputed"]}})");
}

TEST_F(MarketViewTest, SourcesAreReportedWhenTheirConditionChangesNotWhenTheyGrowOlder) {
    SourceReport report{"binance", SourceCondition::ok, "streaming", now_, SourceKind::exchange,
                        "Binance", "streaming"};
    bus_->publish_sources({&report, 1});
    view_.look_at_sources();
    const auto seen = view_.sources_version();
    EXPECT_EQ(view_.sources().json(),
              R"({"type":"sources","sources":{"binance":{"status":"ok","detail":"streaming",)"
              R"("last_quote_at":"2023-11-14T22:13:20Z","kind":"exchange","title":"Binance",)"
              R"("state":"streaming"}}})");
    report.last_quote_at = now_ + 1s;
    bus_->publish_sources({&report, 1});
    view_.look_at_sources();
    EXPECT_EQ(view_.sources_version(), seen);
    report.condition = SourceCondition::down;
    bus_->publish_sources({&report, 1});
    view_.look_at_sources();
    EXPECT_EQ(view_.sources_version(), seen + 1);
    EXPECT_NE(view_.sources().json().find(R"("status":"down")"), std::string::npos);
}

}  // namespace
}  // namespace pricewire::live
