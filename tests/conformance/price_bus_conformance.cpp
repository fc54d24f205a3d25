// The contract of every PriceBus. To add an implementation, add it to the list of factories at the end.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.hpp"
#include "bus/in_process/in_process_bus.hpp"
#include "bus/redis/redis_bus.hpp"
#include "redis_contract.hpp"
#include "support/eventually.hpp"

namespace pricewire::conformance::price_bus {
namespace {

using namespace std::chrono_literals;

using Maker = Factory<bus::PriceBus, std::vector<Ticker>>;

Price make_price(Ticker ticker, std::string_view value, std::uint64_t sequence) {
    return {ticker, *Decimal::parse(value), system_clock().now(), sequence};
}

TickerBoard make_board(Ticker ticker, std::optional<std::string_view> value,
                       Verdict verdict = Verdict::counted) {
    TickerBoard board;
    board.ticker = ticker;
    if (value) board.price = make_price(ticker, *value, 1);
    Quote quote;
    quote.source = "binance";
    quote.ticker = ticker;
    quote.price = *Decimal::parse(value.value_or("1"));
    board.quotes.push_back({quote, verdict});
    return board;
}

// Collects what a subscriber receives, on any thread, and lets a test wait for it.
class Collector {
public:
    bus::PriceSubscriber subscriber() {
        return {.resume = false,
                .price =
                    [this](const Price& price) {
                        MutexLock lock(mutex_);
                        sequences_.push_back(price.sequence);
                        received_.push_back(std::string(price.ticker.view()) + " " + price.value.to_string());
                        arrived_.notify_all();
                    },
                .gone =
                    [this](const PriceGone& gone) {
                        MutexLock lock(mutex_);
                        received_.push_back(std::string(gone.ticker.view()) + " gone");
                        gone_at_ = gone.time;
                        arrived_.notify_all();
                    },
                .heard =
                    [this](std::string_view, const Heard& heard) {
                        MutexLock lock(mutex_);
                        std::string line = "heard";
                        for (const Unheard& u : heard.unheard) {
                            line += " not " + std::string(u.ticker.view());
                            if (u.since) line += fmt::format(" for {} s", (heard.time - *u.since) / 1s);
                        }
                        received_.push_back(line);
                        arrived_.notify_all();
                    },
                .behind = {},
                .caught_up =
                    [this] {
                        MutexLock lock(mutex_);
                        caught_up_ = true;
                        arrived_.notify_all();
                    },
                .position = {}};
    }
    bool wait_for_caught_up() {
        MutexLock lock(mutex_);
        return arrived_.wait_for(lock, std::chrono::seconds{30},
                                 [&]() REQUIRES(mutex_) { return caught_up_; });
    }
    std::vector<std::string> received() const {
        MutexLock lock(mutex_);
        return received_;
    }
    std::optional<Timestamp> gone_at() const {
        MutexLock lock(mutex_);
        return gone_at_;
    }
    std::vector<std::string> wait_for_received(std::size_t count) {
        MutexLock lock(mutex_);
        arrived_.wait_for(lock, std::chrono::seconds{30},
                          [&]() REQUIRES(mutex_) { return received_.size() >= count; });
        return received_;
    }
    std::vector<std::uint64_t> wait_for(std::size_t count) {
        MutexLock lock(mutex_);
        arrived_.wait_for(lock, std::chrono::seconds{30},
                          [&]() REQUIRES(mutex_) { return sequences_.size() >= count; });
        return sequences_;
    }

private:
    mutable Mutex mutex_;
    CondVar arrived_;
    bool caught_up_ GUARDED_BY(mutex_) = false;
    std::vector<std::uint64_t> sequences_ GUARDED_BY(mutex_);
    std::vector<std::string> received_ GUARDED_BY(mutex_);
    std::optional<Timestamp> gone_at_ GUARDED_BY(mutex_);
};

class PriceBusConformance : public RedisContract<Maker> {
protected:
    void create() override { bus_ = make(std::vector<Ticker>{"BTC", "ETH", "DOGE"}); }
    // A bus may show what was published with a delay.
    void expect_sources(const std::vector<SourceReport>& wanted) {
        std::vector<SourceReport> shown;
        test::eventually([&] { return (shown = bus_->sources()) == wanted; });
        EXPECT_EQ(shown, wanted);
    }
    // A bus whose thread is starved for seconds shows no rates for a moment.
    void expect_rates(const std::string& wanted) {
        std::string shown;
        test::eventually([&] { return (shown = *bus_->rates_json()) == wanted; });
        EXPECT_EQ(shown, wanted);
    }
    std::list<Collector> collectors_;  // outlive the bus, whose threads call them
    std::unique_ptr<bus::PriceBus> bus_;
};

TEST_P(PriceBusConformance, EverySubscriberSeesEveryPriceInOrder) {
    Collector& one = collectors_.emplace_back();
    Collector& two = collectors_.emplace_back();
    bus_->subscribe(one.subscriber());
    bus_->subscribe(two.subscriber());
    ASSERT_TRUE(one.wait_for_caught_up());
    ASSERT_TRUE(two.wait_for_caught_up());
    std::vector<std::uint64_t> wanted;
    for (std::uint64_t i = 1; i <= 1000; ++i) {
        bus_->publish(make_price(i % 2 == 0 ? "BTC" : "ETH", "100.5", i));
        wanted.push_back(i);
    }
    EXPECT_EQ(one.wait_for(1000), wanted);
    EXPECT_EQ(two.wait_for(1000), wanted);
}

TEST_P(PriceBusConformance, ALostPriceArrivesInOrderWithThePrices) {
    Collector& all = collectors_.emplace_back();
    bus_->subscribe(all.subscriber());
    bus_->subscribe({});
    ASSERT_TRUE(all.wait_for_caught_up());
    bus_->publish(make_price("BTC", "1", 1));
    bus_->publish(make_price("ETH", "2", 2));
    const Timestamp gone_at = system_clock().now() - std::chrono::seconds{3};
    bus_->publish_gone({"BTC", gone_at});
    bus_->publish(make_price("BTC", "3", 3));
    EXPECT_EQ(all.wait_for_received(4), (std::vector<std::string>{"BTC 1", "ETH 2", "BTC gone", "BTC 3"}));
    EXPECT_EQ(all.gone_at(), gone_at);
}

TEST_P(PriceBusConformance, ASignOfLifeArrivesInOrderWithThePrices) {
    Collector& all = collectors_.emplace_back();
    bus_->subscribe(all.subscriber());
    bus_->subscribe({});
    ASSERT_TRUE(all.wait_for_caught_up());
    const Timestamp now = system_clock().now();
    bus_->publish(make_price("BTC", "1", 1));
    bus_->publish_heard({now, {{"DOGE", std::nullopt}, {"ETH", now - 30s}}});
    bus_->publish(make_price("BTC", "3", 3));
    bus_->publish_heard({now + 1s, {}});
    EXPECT_EQ(all.wait_for_received(4),
              (std::vector<std::string>{"BTC 1", "heard not DOGE not ETH for 30 s", "BTC 3", "heard"}));
}

TEST_P(PriceBusConformance, NothingIsDeliveredAfterUnsubscribing) {
    Collector& all = collectors_.emplace_back();
    bus_->subscribe(all.subscriber());
    ASSERT_TRUE(all.wait_for_caught_up());
    bus_->publish(make_price("BTC", "1", 1));
    bus_->unsubscribe_all();
    const auto before = all.received();
    bus_->publish(make_price("BTC", "2", 2));
    bus_->publish_board(make_board("BTC", "2"));
    expect_rates(R"({"BTC":2})");
    EXPECT_EQ(all.received(), before);
    bus_->processed({1, 1});
    bus_->unsubscribe_all();
}

TEST_P(PriceBusConformance, ReturnsTheLastPublishedSources) {
    expect_sources({});
    SourceReport one{"binance", SourceCondition::ok, "streaming", Timestamp{std::chrono::seconds{7}}};
    SourceReport two{"coingecko", SourceCondition::degraded, "says \"wait\"\n", std::nullopt};
    bus_->publish_sources(std::vector{one, two});
    expect_sources({one, two});
    one.condition = SourceCondition::down;
    one.detail = "";
    bus_->publish_sources(std::vector{one});
    expect_sources({one});
}

TEST_P(PriceBusConformance, RatesAreAnEmptyObjectBeforeTheFirstPrice) {
    expect_rates("{}");
}

TEST_P(PriceBusConformance, RatesAreInConfiguredOrderWithAllDigits) {
    bus_->publish_board(make_board("DOGE", "0.142300000000000001"));
    bus_->publish_board(make_board("BTC", "65420.15"));
    expect_rates(R"({"BTC":65420.15,"DOGE":0.142300000000000001})");
    bus_->publish_board(make_board("ETH", "3100.50"));
    expect_rates(R"({"BTC":65420.15,"ETH":3100.5,"DOGE":0.142300000000000001})");
}

TEST_P(PriceBusConformance, ALostPriceIsRemovedFromTheRates) {
    bus_->publish_board(make_board("BTC", "65420.15"));
    bus_->publish_board(make_board("ETH", "3100"));
    expect_rates(R"({"BTC":65420.15,"ETH":3100})");
    bus_->publish_board(make_board("BTC", std::nullopt, Verdict::stale));
    expect_rates(R"({"ETH":3100})");
    const auto board = bus_->board("BTC");
    ASSERT_TRUE(board);
    EXPECT_FALSE(board->price);
    ASSERT_EQ(board->quotes.size(), 1u);
    EXPECT_EQ(board->quotes[0].verdict, Verdict::stale);
}

TEST_P(PriceBusConformance, ReturnsTheLatestBoard) {
    bus_->publish_board(make_board("BTC", "1"));
    bus_->publish_board(make_board("BTC", "2"));
    expect_rates(R"({"BTC":2})");
    const auto board = bus_->board("BTC");
    ASSERT_TRUE(board && board->price);
    EXPECT_EQ(board->price->value, Decimal::from_int(2));
    ASSERT_EQ(board->quotes.size(), 1u);
    EXPECT_EQ(board->quotes[0].quote.source, SourceName("binance"));
    EXPECT_EQ(board->quotes[0].quote.price, Decimal::from_int(2));
}

TEST_P(PriceBusConformance, OtherTickersFollowThePinnedOnesByName) {
    EXPECT_FALSE(bus_->board("XYZ"));
    bus_->publish_board(make_board("XYZ", "1"));
    bus_->publish_board(make_board("DOGE", "2"));
    bus_->publish_board(make_board("ADA", "3"));
    expect_rates(R"({"DOGE":2,"ADA":3,"XYZ":1})");
    const auto board = bus_->board("XYZ");
    ASSERT_TRUE(board && board->price);
    EXPECT_EQ(board->price->value, Decimal::from_int(1));
}

TEST_P(PriceBusConformance, ARemovedBoardIsNotShown) {
    bus_->publish_board(make_board("XYZ", "1"));
    bus_->publish_board(make_board("BTC", "2"));
    expect_rates(R"({"BTC":2,"XYZ":1})");
    bus_->remove_board("XYZ");
    bus_->remove_board("BTC");
    bus_->remove_board("ADA");
    expect_rates("{}");
    const auto board = bus_->board("BTC");
    ASSERT_TRUE(board);
    EXPECT_FALSE(board->price);
    EXPECT_TRUE(board->quotes.empty());
    bus_->publish_board(make_board("XYZ", "3"));
    expect_rates(R"({"XYZ":3})");
}

TEST_P(PriceBusConformance, KnowsWhichTickersHaveAPrice) {
    bus_->publish_board(make_board("BTC", "1"));
    bus_->publish_board(make_board("XYZ", "2"));
    expect_rates(R"({"BTC":1,"XYZ":2})");
    EXPECT_TRUE(bus_->has_price("BTC"));
    EXPECT_TRUE(bus_->has_price("XYZ"));
    EXPECT_FALSE(bus_->has_price("ETH")) << "pinned, without a price";
    EXPECT_FALSE(bus_->has_price("ADA")) << "without a board";
    EXPECT_EQ(bus_->unpriced(), (std::vector<Ticker>{"ETH", "DOGE"}));
    std::vector<Ticker> priced;
    for (const Price& price : bus_->prices()) priced.push_back(price.ticker);
    EXPECT_EQ(priced, (std::vector<Ticker>{"BTC", "XYZ"}));
    EXPECT_EQ(bus_->prices().back().value, Decimal::from_int(2));
}

TEST_P(PriceBusConformance, AThousandBoardsAreAllShown) {
    std::string wanted = "{";
    for (int i = 1000; i < 2000; ++i) {
        bus_->publish_board(make_board(Ticker(fmt::format("T{}", i)), fmt::to_string(i)));
        wanted += fmt::format("{}\"T{}\":{}", i == 1000 ? "" : ",", i, i);
    }
    expect_rates(wanted + "}");
}

TEST_P(PriceBusConformance, ConcurrentReadsAreNotTorn) {
    std::atomic<bool> stop{false};
    std::vector<std::thread> readers;
    std::atomic<int> wrong{0};
    bus_->publish_board(make_board("BTC", "1"));
    expect_rates(R"({"BTC":1})");
    for (int t = 0; t < 2; ++t) {
        readers.emplace_back([&] {
            while (!stop) {
                const auto json = bus_->rates_json();
                if (*json != "{}" && (!json->starts_with(R"({"BTC":)") || !json->ends_with("}"))) ++wrong;
                const auto board = bus_->board("BTC");
                if (board && board->price && board->quotes.at(0).quote.price != board->price->value) ++wrong;
            }
        });
    }
    for (int i = 1; i <= 2000; ++i) bus_->publish_board(make_board("BTC", std::to_string(i)));
    stop = true;
    for (std::thread& t : readers) t.join();
    EXPECT_EQ(wrong.load(), 0);
    expect_rates(R"({"BTC":2000})");
}

TEST_P(PriceBusConformance, AnswersAPing) {
    EXPECT_NO_THROW(bus_->ping());
}

std::unique_ptr<bus::PriceBus> on_redis(std::vector<Ticker> tickers, const redis::TestKeys* keys) {
    bus::RedisBusOptions options;
    options.url = keys->url();
    options.prefix = keys->prefix();
    options.tickers = std::move(tickers);
    return bus::create_redis_bus(options, system_clock());
}

INSTANTIATE_TEST_SUITE_P(Buses, PriceBusConformance,
                         testing::Values(Maker{"in_process", false,
                                               [](std::vector<Ticker> tickers, const redis::TestKeys*) {
                                                   return bus::create_in_process_bus(std::move(tickers));
                                               }},
                                         Maker{"redis", true, on_redis}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pricewire::conformance::price_bus
