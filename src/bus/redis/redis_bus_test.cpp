// What the bus on Redis guarantees beyond the conformance suite, on a Redis that stays up.
#include "bus/redis/redis_bus.hpp"

#include <optional>
#include <stdexcept>

#include "bus/redis/redis_bus_fixture.hpp"
#include "bus/redis/stream.hpp"
#include "fakes/log_capture.hpp"
#include "support/eventually.hpp"

namespace pricewire::bus {
namespace {

using namespace std::chrono_literals;
using test::eventually;

class RedisBusTest : public testing::Test {
protected:
    void SetUp() override {
        const auto url = test::shared_redis_url();
        if (!url) GTEST_SKIP() << test::no_redis;
        keys_.emplace(*url);
    }
    std::unique_ptr<PriceBus> bus(const std::string& feed = "") {
        return redis_bus(keys_->url(), keys_->prefix(), feed);
    }
    std::string key(const std::string& name) const { return keys_->prefix() + name; }

    std::optional<redis::TestKeys> keys_;
};

TEST_F(RedisBusTest, PricesReachAnotherProcess) {
    Recorder recorder;
    const auto feed = bus();
    const auto checker = bus();
    checker->subscribe(recorder.subscriber());
    ASSERT_TRUE(recorder.wait_for("caught up"));
    for (std::uint64_t i = 1; i <= 5000; ++i) feed->publish(price_of("BTC", i));
    ASSERT_TRUE(recorder.wait_for("5000"));
    std::vector<std::uint64_t> wanted(5000);
    for (std::uint64_t i = 0; i < 5000; ++i) wanted[i] = i + 1;
    EXPECT_EQ(recorder.prices(), wanted);
    EXPECT_GT(recorder.position(), BusPosition{});
}

TEST_F(RedisBusTest, ShowsThePriceOfTheFeedThatHasOne) {
    const auto one = bus("one");
    const auto two = bus("two");
    const auto api = bus();
    const Timestamp now = system_clock().now();
    one->publish_board(board_of("BTC", 7, now));
    ASSERT_TRUE(eventually([&] { return *api->rates_json() == R"({"BTC":7})"; }));
    two->publish_board(board_of("BTC", std::nullopt));
    two->publish_board(board_of("ETH", 1, now));
    ASSERT_TRUE(eventually([&] { return *api->rates_json() == R"({"BTC":7,"ETH":1})"; }));
    two->publish_board(board_of("BTC", 6, now - 1s));
    two->publish_board(board_of("ETH", 2, now));
    ASSERT_TRUE(eventually([&] { return *api->rates_json() == R"({"BTC":7,"ETH":2})"; }));
    two->publish_board(board_of("BTC", 8, now + 1s));
    EXPECT_TRUE(eventually([&] { return *api->rates_json() == R"({"BTC":8,"ETH":2})"; }));
    two->publish_board(board_of("BTC", std::nullopt));
    EXPECT_TRUE(eventually([&] { return *api->rates_json() == R"({"ETH":2})"; }))
        << "a feed replaces its own board";
    one->publish_board(board_of("BTC", 7, now));
    EXPECT_TRUE(eventually([&] { return *api->rates_json() == R"({"BTC":7,"ETH":2})"; }));
}

TEST_F(RedisBusTest, ShowsTheBetterOfTwoSourceReportsAndForgetsAFeedThatEnds) {
    auto one = bus("one");
    auto two = bus("two");
    const auto api = bus();
    const SourceReport bad{"binance", SourceCondition::down, "refused", std::nullopt};
    const SourceReport good{"binance", SourceCondition::ok, "streaming", from_micros(5)};
    one->publish_sources(std::vector{bad});
    ASSERT_TRUE(eventually([&] { return api->sources() == std::vector{bad}; }));
    two->publish_sources(std::vector{good});
    ASSERT_TRUE(eventually([&] { return api->sources() == std::vector{good}; }));
    two.reset();
    ASSERT_TRUE(eventually([&] { return api->sources().empty() || api->sources()[0] == bad; }));
    one->publish_sources(std::vector{bad});
    EXPECT_TRUE(eventually([&] { return api->sources() == std::vector{bad}; }));
    one.reset();
    EXPECT_TRUE(eventually([&] { return api->sources().empty(); }));
}

TEST_F(RedisBusTest, APriceGoneAtTheOtherFeedIsNotReported) {
    Recorder recorder;
    const auto one = bus("one");
    const auto two = bus("two");
    const auto checker = bus();
    checker->subscribe(recorder.subscriber());
    ASSERT_TRUE(recorder.wait_for("caught up"));
    two->publish(price_of("BTC", 1));
    ASSERT_TRUE(recorder.wait_for("1"));
    one->publish(price_of("BTC", 2));
    ASSERT_TRUE(recorder.wait_for("2"));
    two->publish_gone({"BTC", system_clock().now()});
    two->publish(price_of("ETH", 3));
    ASSERT_TRUE(recorder.wait_for("3"));
    one->publish_gone({"BTC", system_clock().now()});
    ASSERT_TRUE(recorder.wait_for("BTC gone"));
    EXPECT_EQ(recorder.words(), (std::vector<std::string>{"caught up", "1", "2", "3", "BTC gone"}));
}

TEST_F(RedisBusTest, PricesOfAFeedThatIsSilentTooLongAreGone) {
    Recorder recorder;
    RedisBusOptions options;
    options.url = keys_->url();
    options.prefix = keys_->prefix();
    options.latest_ttl = 1s;
    const auto checker = create_redis_bus(options, system_clock());
    auto feed = bus("one");
    checker->subscribe(recorder.subscriber());
    ASSERT_TRUE(recorder.wait_for("caught up"));
    feed->publish(price_of("BTC", 1));
    feed->publish(price_of("ETH", 2));
    ASSERT_TRUE(recorder.wait_for("BTC gone"));
    ASSERT_TRUE(recorder.wait_for("ETH gone"));
    feed->publish(price_of("BTC", 3));
    EXPECT_TRUE(recorder.wait_for("3"));
    EXPECT_TRUE(recorder.wait_for("BTC gone", 2));
    EXPECT_EQ(recorder.count("ETH gone"), 1u);
}

TEST_F(RedisBusTest, ASubscriberThatResumesGetsWhatWasPublishedInItsAbsence) {
    Recorder recorder;
    Recorder fresh;
    const auto feed = bus();
    {
        Recorder before;
        const auto checker = bus();
        checker->subscribe(before.subscriber(true));
        ASSERT_TRUE(before.wait_for("caught up"));
        feed->publish(price_of("BTC", 1));
        ASSERT_TRUE(before.wait_for("1"));
        ASSERT_TRUE(eventually([&] { return before.position() > BusPosition{}; }));
        checker->processed(before.position());
    }
    EXPECT_FALSE(keys_->connect()->command({"GET", key("processed")}).is_nil());
    for (std::uint64_t i = 2; i <= 2500; ++i) feed->publish(price_of("BTC", i));
    ASSERT_TRUE(
        eventually([&] { return keys_->connect()->command({"XLEN", key("prices")}).integer() == 2500; }));
    const auto checker = bus();
    checker->subscribe(recorder.subscriber(true));
    ASSERT_TRUE(recorder.wait_for("caught up"));
    const auto words = recorder.words();
    EXPECT_EQ(words.front(), "behind");
    EXPECT_EQ(words.back(), "caught up");
    EXPECT_EQ(words.size(), 2502u) << "the last 10 s before the position are repeated";
    checker->subscribe(fresh.subscriber());
    ASSERT_TRUE(fresh.wait_for("caught up"));
    EXPECT_EQ(fresh.words(), std::vector<std::string>{"caught up"}) << "without resuming it starts now";
}

TEST_F(RedisBusTest, ASubscriberThatResumesStartsTenSecondsEarlierAndWarnsOfTrimmedPrices) {
    fakes::LogCapture log;
    Recorder recorder;
    Recorder late_recorder;
    const auto c = keys_->connect();
    // A stream from a minute ago, with an entry per second.
    const auto now = static_cast<std::uint64_t>(to_micros(system_clock().now()) / 1000);
    for (std::uint64_t i = 1; i <= 50; ++i) {
        const std::string id = to_text({now - 100'000 + i * 1000, 0});
        const std::string value = std::to_string(i) + " BTC 5 6 " + std::to_string(i) + " old";
        c->command({"XADD", key("prices"), id, "p", value}).checked();
    }
    c->command({"SET", key("processed"), to_text({now - 100'000 + 40'000, 0})});
    const auto checker = bus();
    checker->subscribe(recorder.subscriber(true));
    ASSERT_TRUE(recorder.wait_for("caught up"));
    EXPECT_EQ(recorder.prices().size(), 20u);
    EXPECT_EQ(recorder.prices().front(), 31u);

    c->command({"SET", key("processed"), to_text({now - 300'000, 0})});
    RedisBusOptions options;
    options.url = keys_->url();
    options.prefix = keys_->prefix();
    options.stream_cap = 50;
    const auto late = create_redis_bus(options, system_clock());
    late->subscribe(late_recorder.subscriber(true));
    ASSERT_TRUE(late_recorder.wait_for("caught up"));
    EXPECT_EQ(late_recorder.prices().size(), 50u);
    EXPECT_EQ(log.count("trimmed from the stream"), 1u);
}

TEST_F(RedisBusTest, TheHighestPositionCounts) {
    const auto one = bus();
    const auto two = bus();
    const auto place = [&] {
        return std::string(keys_->connect()->command({"GET", key("processed")}).text());
    };
    one->processed({1'700'000'000'123, 9});
    ASSERT_TRUE(eventually([&] { return place() == "1700000000123-9"; }));
    two->processed({1'700'000'000'123, 10});
    ASSERT_TRUE(eventually([&] { return place() == "1700000000123-10"; }));
    one->processed({1'700'000'000'122, 11});
    one->publish(price_of("BTC", 1));
    ASSERT_TRUE(
        eventually([&] { return keys_->connect()->command({"XLEN", key("prices")}).integer() == 1; }));
    std::this_thread::sleep_for(150ms);
    EXPECT_EQ(place(), "1700000000123-10");
}

TEST_F(RedisBusTest, SkipsInvalidEntriesAndWarnsOnce) {
    fakes::LogCapture log;
    Recorder recorder;
    const auto checker = bus();
    checker->subscribe(recorder.subscriber());
    ASSERT_TRUE(recorder.wait_for("caught up"));
    const auto c = keys_->connect();
    for (int i = 0; i < 3; ++i) c->command({"XADD", key("prices"), "*", "hello", "world"}).checked();
    bus()->publish(price_of("BTC", 1));
    ASSERT_TRUE(recorder.wait_for("1"));
    EXPECT_EQ(recorder.prices().size(), 1u);
    EXPECT_EQ(log.count("invalid entries"), 1u);
    c->command({"SET", key("latest:BTC"), "nonsense"});
    EXPECT_TRUE(eventually([&] {
        checker->rates_json();
        return log.count("an invalid board") == 1;
    }));
}

TEST_F(RedisBusTest, AStreamNewerThanThePositionIsReadFromItsStart) {
    Recorder recorder;
    const auto feed = bus();
    const auto checker = bus();
    const auto c = keys_->connect();
    // The clock was an hour ahead; then Redis was wiped and its clock is right.
    const auto ahead = static_cast<std::uint64_t>(to_micros(system_clock().now()) / 1000 + 3'600'000);
    c->command({"XADD", key("prices"), to_text({ahead, 0}), "p", "1 BTC 1 1 1 old"}).checked();
    checker->subscribe(recorder.subscriber());
    ASSERT_TRUE(recorder.wait_for("caught up"));
    c->command({"DEL", key("prices")});
    feed->publish(price_of("BTC", 2));
    EXPECT_TRUE(recorder.wait_for("2"));
}

TEST(RedisBus, RejectsAnInvalidUrl) {
    EXPECT_THROW(redis_bus("rediss://h", "p:"), std::invalid_argument);
}

}  // namespace
}  // namespace pricewire::bus
