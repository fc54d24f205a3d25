// The bus on a dedicated Redis that is wiped, killed, suspended or was never there.
#include <csignal>

#include "bus/redis/redis_bus_fixture.hpp"
#include "fakes/log_capture.hpp"
#include "support/eventually.hpp"

namespace pricewire::bus {
namespace {

using namespace std::chrono_literals;
using test::eventually;

const std::string prefix = "pricewire:";

std::vector<std::uint64_t> up_to(std::uint64_t last) {
    std::vector<std::uint64_t> out;
    for (std::uint64_t i = 1; i <= last; ++i) out.push_back(i);
    return out;
}

class RedisOutage : public testing::Test {
protected:
    std::unique_ptr<PriceBus> bus(const std::string& feed = "") const {
        return redis_bus(server_.url(), prefix, feed);
    }
    std::unique_ptr<redis::Connection> connect() const {
        return redis::Connection::open(*redis::parse_url(server_.url()), {});
    }

    fakes::LogCapture log_;
    Recorder recorder_;
    test::RedisServer server_;
};

TEST_F(RedisOutage, AKillLosesNothingAndResentPricesAreDeliveredOnce) {
    const auto feed = bus();
    const auto checker = bus();
    checker->subscribe(recorder_.subscriber());
    ASSERT_TRUE(recorder_.wait_for("caught up"));
    std::uint64_t sequence = 0;
    for (int round = 1; round <= 3; ++round) {
        for (int i = 0; i < 2000; ++i) feed->publish(price_of("BTC", ++sequence));
        server_.kill();
        for (int i = 0; i < 2000; ++i) feed->publish(price_of("BTC", ++sequence));
        // Both have failed to connect, and each bus logs it.
        ASSERT_TRUE(
            eventually([&] { return log_.count("waiting for Redis") == 2 * static_cast<unsigned>(round); }));
        server_.start();
        ASSERT_TRUE(recorder_.wait_for(std::to_string(sequence)));
    }
    EXPECT_EQ(recorder_.prices(), up_to(sequence));
    EXPECT_TRUE(eventually([&] { return log_.count("answers again: prices flow again") == 6; }));
    EXPECT_EQ(log_.count("waiting for Redis at 127.0.0.1:"), 6u);
}

TEST_F(RedisOutage, PricesThatOnlyTheKilledRedisHadAreResent) {
    const auto feed = bus();
    feed->publish(price_of("BTC", 1));
    const auto there = [&] { return connect()->command({"XLEN", prefix + "prices"}).integer() == 1; };
    ASSERT_TRUE(eventually(there));
    server_.kill();
    server_.start();
    EXPECT_TRUE(eventually(there)) << "without anything new being published";
}

TEST_F(RedisOutage, AWipedRedisRecoversAlone) {
    const auto feed = bus("one");
    const auto other = bus();
    other->subscribe(recorder_.subscriber());
    ASSERT_TRUE(recorder_.wait_for("caught up"));
    std::uint64_t sequence = 0;
    for (int round = 0; round < 3; ++round) {
        feed->publish(price_of("BTC", ++sequence));
        const SourceReport report{"binance", SourceCondition::ok, std::to_string(round), std::nullopt};
        ASSERT_TRUE(eventually([&] {
            // Repeated, as a feed does.
            feed->publish_board(board_of("BTC", round + 1));
            feed->publish_sources(std::vector{report});
            return *other->rates_json() == "{\"BTC\":" + std::to_string(round + 1) + "}" &&
                   other->sources() == std::vector{report};
        }));
        ASSERT_TRUE(recorder_.wait_for(std::to_string(sequence)));
        connect()->command({"FLUSHALL"}).checked();
    }
    feed->publish(price_of("BTC", ++sequence));
    ASSERT_TRUE(recorder_.wait_for(std::to_string(sequence)));
    EXPECT_EQ(recorder_.prices(), up_to(sequence));
}

TEST_F(RedisOutage, UnconfirmedDataIsNotShownAndPingSaysWhy) {
    const auto bus = this->bus();
    bus->publish_board(board_of("BTC", 7));
    bus->publish_sources(std::vector{SourceReport{"binance", SourceCondition::ok, "", std::nullopt}});
    ASSERT_TRUE(eventually([&] { return *bus->rates_json() == R"({"BTC":7})" && !bus->sources().empty(); }));
    EXPECT_NO_THROW(bus->ping());
    // Its connections stay open but it does not answer.
    server_.signal(SIGSTOP);
    EXPECT_THROW(bus->ping(), std::runtime_error);
    ASSERT_TRUE(eventually([&] { return *bus->rates_json() == "{}"; }));
    EXPECT_TRUE(bus->sources().empty());
    ASSERT_TRUE(bus->board("BTC"));
    EXPECT_FALSE(bus->board("BTC")->price);
    server_.signal(SIGCONT);
    bus->publish_board(board_of("BTC", 8));
    EXPECT_TRUE(eventually([&] { return *bus->rates_json() == R"({"BTC":8})"; }));
}

TEST_F(RedisOutage, APingSaysWhyNothingCanBeWrittenThoughRedisAnswers) {
    const auto bus = this->bus();
    const auto trouble = [&]() -> std::string {
        try {
            bus->ping();
            return "";
        } catch (const Unusable& e) {
            return std::string(e.brief());
        }
    };
    EXPECT_EQ(trouble(), "");
    connect()->command({"CONFIG", "SET", "maxmemory", "1"}).checked();
    EXPECT_EQ(trouble(), "cannot store anything: it is out of memory");
    connect()->command({"CONFIG", "SET", "maxmemory", "0"}).checked();
    EXPECT_EQ(trouble(), "");
    connect()->command({"REPLICAOF", "127.0.0.1", "1"}).checked();
    EXPECT_EQ(trouble(), "cannot store anything: it is a read-only replica");
    connect()->command({"REPLICAOF", "NO", "ONE"}).checked();
    EXPECT_EQ(trouble(), "");
}

TEST_F(RedisOutage, ASubscriberNoticesAPeerThatHangs) {
    const auto feed = bus();
    const auto checker = bus();
    checker->subscribe(recorder_.subscriber());
    ASSERT_TRUE(recorder_.wait_for("caught up"));
    feed->publish(price_of("BTC", 1));
    ASSERT_TRUE(recorder_.wait_for("1"));
    server_.signal(SIGSTOP);
    feed->publish(price_of("BTC", 2));
    ASSERT_TRUE(eventually([&] { return log_.count("waiting for Redis") == 1; }));
    server_.signal(SIGCONT);
    ASSERT_TRUE(recorder_.wait_for("2"));
    EXPECT_EQ(recorder_.prices(), up_to(2));
}

TEST_F(RedisOutage, AListenerThatNeverAnswersBlocksNobody) {
    const auto [listening, port] = test::bind_loopback(SOCK_STREAM, "127.0.0.1", 0);
    const auto bus = redis_bus("redis://:s3cret@127.0.0.1:" + std::to_string(port), prefix);
    EXPECT_THROW(bus->ping(), std::runtime_error);
    bus->subscribe({});
    bus->publish(price_of("BTC", 1));
    EXPECT_EQ(*bus->rates_json(), "{}");
    ASSERT_TRUE(eventually([&] { return log_.count("waiting for Redis") == 1; }));
    EXPECT_EQ(log_.count("s3cret"), 0u);
}

TEST_F(RedisOutage, ConnectsToARedisThatStartsLater) {
    server_.kill();
    const auto feed = bus();
    const auto checker = bus();
    checker->subscribe(recorder_.subscriber(true));
    for (std::uint64_t i = 1; i <= 100; ++i) feed->publish(price_of("BTC", i));
    feed->publish_board(board_of("BTC", 7));
    ASSERT_TRUE(eventually([&] { return log_.count("waiting for Redis") == 2; })) << "once per bus";
    server_.start();
    ASSERT_TRUE(recorder_.wait_for("100"));
    EXPECT_EQ(recorder_.prices(), up_to(100));
    EXPECT_TRUE(recorder_.wait_for("caught up"));
    EXPECT_TRUE(eventually([&] { return *checker->rates_json() == R"({"BTC":7})"; }));
}

TEST_F(RedisOutage, KeepsTheNewestQueuedPricesAndLogsTheRest) {
    server_.kill();
    const auto feed = bus();
    const auto checker = bus();
    checker->subscribe(recorder_.subscriber(true));
    ASSERT_TRUE(eventually([&] { return log_.count("waiting for Redis") == 1; }));
    for (std::uint64_t i = 1; i <= 150'000; ++i) feed->publish(price_of("BTC", i));
    server_.start();
    ASSERT_TRUE(recorder_.wait_for("150000"));
    const auto prices = recorder_.prices();
    EXPECT_EQ(prices.size(), 100'000u);
    EXPECT_EQ(prices.front(), 50'001u);
    EXPECT_EQ(log_.count("no checker has seen them prices=50000"), 1u);
}

TEST_F(RedisOutage, PricesAreQueuedWhileRedisIsFullWhichIsLoggedOnce) {
    const auto c = connect();
    const auto feed = bus();
    c->command({"CONFIG", "SET", "maxmemory", "1"}).checked();
    for (std::uint64_t i = 1; i <= 10; ++i) feed->publish(price_of("BTC", i));
    ASSERT_TRUE(eventually([&] { return log_.count("OOM") == 1; }));
    std::this_thread::sleep_for(300ms);
    EXPECT_EQ(log_.count("waiting for Redis"), 1u);
    EXPECT_EQ(log_.count("answers again"), 0u);
    c->command({"CONFIG", "SET", "maxmemory", "0"}).checked();
    EXPECT_TRUE(eventually([&] { return c->command({"XLEN", prefix + "prices"}).integer() == 10; }));
    EXPECT_TRUE(eventually([&] { return log_.count("answers again") == 1; }));
}

}  // namespace
}  // namespace pricewire::bus
