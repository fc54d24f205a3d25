#include "queue/rabbitmq/rabbitmq_queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <set>

#include "base/mutex.hpp"
#include "base/unusable.hpp"
#include "fakes/log_capture.hpp"
#include "queue/rabbitmq/broker_fixture.hpp"
#include "queue/rabbitmq/task_text.hpp"
#include "support/eventually.hpp"

namespace pricewire::queue {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::eventually;

std::vector<DeliveryTask> make_tasks(std::size_t count) {
    std::vector<DeliveryTask> out;
    for (std::size_t i = 0; i < count; ++i) out.push_back({make_uuid(system_clock().now()), 1});
    return out;
}

// A consumer that records tasks and optionally acknowledges them.
class Taker {
public:
    explicit Taker(DeliveryQueue& queue, bool done) : queue_(queue) {
        queue_.consume([this, done](std::span<const QueuedTask> tasks) {
            std::vector<std::uint64_t> receipts;
            {
                MutexLock lock(mutex_);
                for (const QueuedTask& t : tasks) {
                    seen_.insert(t.task.delivery_id);
                    receipts.push_back(t.receipt);
                }
            }
            if (done) queue_.done(receipts);
        });
    }
    ~Taker() { queue_.consume({}); }

    std::size_t seen() const {
        MutexLock lock(mutex_);
        return seen_.size();
    }
    bool has_all(std::span<const DeliveryTask> tasks) const {
        MutexLock lock(mutex_);
        return std::all_of(tasks.begin(), tasks.end(), [&](const DeliveryTask& t) REQUIRES(mutex_) {
            return seen_.contains(t.delivery_id);
        });
    }

private:
    DeliveryQueue& queue_;
    mutable Mutex mutex_;
    std::set<Uuid> seen_ GUARDED_BY(mutex_);
};

class RabbitmqQueueTest : public testing::Test {
protected:
    void SetUp() override {
        if (test_broker_url().empty()) GTEST_SKIP() << no_broker;
        at_broker_.emplace();
    }
    void TearDown() override {
        if (!HasFailure()) return;
        for (const std::string& line : log_.lines()) std::fprintf(stderr, "log: %s\n", line.c_str());
    }
    RabbitmqOptions options(const std::string& url = test_broker_url()) const {
        RabbitmqOptions o{.url = url, .ca_file = {}, .queue = at_broker_->name};
        o.heartbeat = seconds{1};
        return o;
    }
    const std::string& name() const { return at_broker_->name; }
    // Publishes until a task has arrived, as further firings would.
    bool reaches(DeliveryQueue& queue, const Taker& taker) {
        return eventually([&] {
            const auto more = make_tasks(1);
            queue.publish(more);
            std::this_thread::sleep_for(milliseconds{50});
            return taker.has_all(more);
        });
    }

    fakes::LogCapture log_;
    std::optional<TestQueue> at_broker_;
};

TEST_F(RabbitmqQueueTest, MessagesAreCompactAndNeedNoDisk) {
    const auto queue = create_rabbitmq_queue(options());
    const auto tasks = make_tasks(1);
    queue->publish(tasks);
    queue->ping();
    TestBroker broker;
    std::string body;
    ASSERT_TRUE(eventually([&] { return !(body = broker.take(name())).empty(); }));
    EXPECT_EQ(body, tasks[0].delivery_id.to_string() + " 1");
    EXPECT_FALSE(broker.last_was_persistent());
    EXPECT_TRUE(log_.lines().empty());
}

TEST_F(RabbitmqQueueTest, ConsumersShareTasks) {
    const auto first = create_rabbitmq_queue(options());
    const auto second = create_rabbitmq_queue(options());
    Taker one(*first, true);
    Taker two(*second, true);
    ASSERT_TRUE(reaches(*first, one));
    ASSERT_TRUE(reaches(*first, two));
    const std::size_t before = one.seen() + two.seen();
    const std::size_t one_before = one.seen(), two_before = two.seen();
    first->publish(make_tasks(2000));
    ASSERT_TRUE(eventually([&] { return one.seen() + two.seen() >= before + 2000; }));
    EXPECT_EQ(one.seen() + two.seen(), before + 2000);
    EXPECT_GT(one.seen(), one_before + 200);
    EXPECT_GT(two.seen(), two_before + 200);
}

TEST_F(RabbitmqQueueTest, UnacknowledgedTasksOfAConsumerThatIsGoneGoToTheOther) {
    const auto first = create_rabbitmq_queue(options());
    const auto second = create_rabbitmq_queue(options());
    const auto tasks = make_tasks(300);
    auto holder = std::make_unique<Taker>(*first, false);
    first->publish(tasks);
    ASSERT_TRUE(eventually([&] { return holder->seen() == 300; }));
    Taker other(*second, true);
    holder.reset();
    EXPECT_TRUE(eventually([&] { return other.has_all(tasks); }));
}

TEST_F(RabbitmqQueueTest, AConsumerHoldsNoMoreThanItsPrefetch) {
    RabbitmqOptions few = options();
    few.prefetch = 10;
    const auto first = create_rabbitmq_queue(few);
    const auto second = create_rabbitmq_queue(options());
    Taker holder(*first, false);
    const auto tasks = make_tasks(100);
    first->publish(tasks);
    ASSERT_TRUE(eventually([&] { return holder.seen() == 10; }));
    Taker other(*second, true);
    EXPECT_TRUE(eventually([&] { return other.seen() == 90; }));
    EXPECT_EQ(holder.seen(), 10U);
}

TEST_F(RabbitmqQueueTest, PublishedTasksOutliveThePublisher) {
    const auto tasks = make_tasks(1000);
    create_rabbitmq_queue(options())->publish(tasks);  // destroyed at once
    const auto queue = create_rabbitmq_queue(options());
    Taker taker(*queue, true);
    EXPECT_TRUE(eventually([&] { return taker.has_all(tasks); }));
}

TEST_F(RabbitmqQueueTest, DiscardsMalformedMessagesAndWarnsOnce) {
    const auto queue = create_rabbitmq_queue(options());
    queue->ping();
    TestBroker broker;
    broker.publish(name(), "hello");
    broker.publish(name(), std::string(300'000, 'x'));
    broker.publish(name(), "");
    Taker taker(*queue, true);
    const auto tasks = make_tasks(10);
    queue->publish(tasks);
    EXPECT_TRUE(eventually([&] { return taker.has_all(tasks); }));
    EXPECT_EQ(taker.seen(), 10U);
    EXPECT_EQ(log_.count("is not a task"), 1U);
    queue->consume({});
    EXPECT_EQ(broker.count(name()), 0U);
}

TEST_F(RabbitmqQueueTest, ADeletedQueueIsDeclaredAgain) {
    const auto queue = create_rabbitmq_queue(options());
    Taker taker(*queue, true);
    ASSERT_TRUE(reaches(*queue, taker));
    TestBroker().delete_queue(name());
    const auto tasks = make_tasks(200);
    queue->publish(tasks);  // mandatory: they are returned and published again
    EXPECT_TRUE(eventually([&] { return taker.has_all(tasks); }));
}

TEST_F(RabbitmqQueueTest, WithoutAConsumerADeletedQueueIsDetectedByReturnedMessages) {
    const auto queue = create_rabbitmq_queue(options());
    queue->ping();
    TestBroker().delete_queue(name());
    const auto tasks = make_tasks(50);
    queue->publish(tasks);
    ASSERT_TRUE(eventually([&] { return log_.count("the queue was deleted") == 1; }));
    const auto second = create_rabbitmq_queue(options());
    Taker taker(*second, true);
    EXPECT_TRUE(eventually([&] { return taker.has_all(tasks); }));
}

TEST_F(RabbitmqQueueTest, AQueueWithOtherArgumentsIsLoggedOnce) {
    TestBroker broker;
    broker.declare_classic(name());
    const auto queue = create_rabbitmq_queue(options());
    queue->publish(make_tasks(10));
    try {
        queue->ping();
        ADD_FAILURE() << "works";
    } catch (const Unusable& e) {
        EXPECT_EQ(e.brief(), "the queue is of another type; another name is needed, or it must be deleted");
    }
    ASSERT_TRUE(eventually([&] { return log_.count("declared with other arguments") == 1; }));
    std::this_thread::sleep_for(milliseconds{500});
    EXPECT_EQ(log_.lines().size(), 1U);
    broker.delete_queue(name());
    EXPECT_TRUE(eventually([&] {
        try {
            queue->ping();
            return true;
        } catch (const std::runtime_error&) {
            return false;
        }
    })) << "once deleted, it is declared again";
    EXPECT_EQ(log_.count("message broker is usable again"), 1U);
}

TEST_F(RabbitmqQueueTest, TheReasonNamesTheTypeThatIsWanted) {
    TestBroker broker;
    broker.declare(name(), "stream");
    const auto queue = create_rabbitmq_queue(options());
    queue->publish({});
    ASSERT_TRUE(eventually([&] { return log_.count("declared with other arguments") == 1; }));
    EXPECT_EQ(log_.count("'classic'"), 1U) << log_.lines().at(0);
    EXPECT_EQ(log_.count("'quorum'"), 0U) << log_.lines().at(0);
}

TEST_F(RabbitmqQueueTest, AQuorumQueueOfAnEarlierVersionIsUsedAndNamedOnce) {
    TestBroker broker;
    broker.declare(name(), "quorum");
    const auto queue = create_rabbitmq_queue(options());
    const Taker taker(*queue, true);
    EXPECT_TRUE(reaches(*queue, taker));
    EXPECT_NO_THROW(queue->ping());
    EXPECT_EQ(log_.count("a quorum queue, as earlier versions declared it"), 1U);
    EXPECT_EQ(log_.lines().size(), 1U);
}

TEST_F(RabbitmqQueueTest, AnEarlierQueueIsNamedOnceAndLeftAlone) {
    const TestQueue earlier;
    TestBroker broker;
    broker.declare_classic(earlier.name);
    broker.publish(earlier.name, "a message of the predecessor");
    ASSERT_TRUE(eventually([&] { return broker.count(earlier.name) == 1; }));
    RabbitmqOptions with_earlier = options();
    with_earlier.earlier_queue = earlier.name;
    const auto queue = create_rabbitmq_queue(with_earlier);
    const Taker taker(*queue, true);
    EXPECT_TRUE(reaches(*queue, taker));
    EXPECT_NO_THROW(queue->ping());
    EXPECT_EQ(log_.count("not used any more; delete it"), 1U);
    EXPECT_EQ(log_.count("queue=" + earlier.name + " messages=1"), 1U);
    EXPECT_EQ(broker.count(earlier.name), 1U);
}

TEST_F(RabbitmqQueueTest, NoEarlierQueueIsNamedWhereThereIsNone) {
    RabbitmqOptions with_earlier = options();
    with_earlier.earlier_queue = test_queue_name();
    const auto queue = create_rabbitmq_queue(with_earlier);
    const Taker taker(*queue, true);
    EXPECT_TRUE(reaches(*queue, taker));
    EXPECT_NO_THROW(queue->ping());
    EXPECT_EQ(log_.lines().size(), 0U);
}

TEST_F(RabbitmqQueueTest, AWrongPasswordIsLoggedWithoutIt) {
    const auto address = *rabbitmq_address(test_broker_url());
    const auto queue = create_rabbitmq_queue(options("amqp://guest:hunter2@" + address + "/"));
    queue->publish(make_tasks(1));
    std::string reason;
    try {
        queue->ping();
    } catch (const std::runtime_error& e) {
        reason = e.what();
    }
    EXPECT_NE(reason.find("ACCESS_REFUSED"), std::string::npos) << reason;
    EXPECT_TRUE(eventually([&] { return log_.count("refuses this program") == 1; }));
    EXPECT_EQ(log_.count("hunter2"), 0U);
    const auto right = create_rabbitmq_queue(options());
    right->ping();  // so that there is a queue to delete
}

TEST_F(RabbitmqQueueTest, CutConnectionsAreReopenedAndNothingConfirmedIsLost) {
    Relay relay;
    const auto queue = create_rabbitmq_queue(options(relay.url()));
    Taker taker(*queue, true);
    std::vector<DeliveryTask> all;
    for (int round = 0; round < 3; ++round) {
        ASSERT_TRUE(reaches(*queue, taker));
        const auto tasks = make_tasks(500);
        queue->publish(tasks);
        relay.cut();
        all.insert(all.end(), tasks.begin(), tasks.end());
    }
    EXPECT_TRUE(eventually([&] { return taker.has_all(all); }));
    EXPECT_TRUE(reaches(*queue, taker));
}

TEST_F(RabbitmqQueueTest, AnUnavailableBrokerBlocksNobody) {
    Relay relay;
    relay.refuse(true);
    RabbitmqOptions o = options(relay.url());
    o.max_unpublished = 100;
    const auto queue = create_rabbitmq_queue(o);
    Taker taker(*queue, true);
    for (int i = 0; i < 20; ++i) queue->publish(make_tasks(100));
    EXPECT_THROW(queue->ping(), std::runtime_error);
    EXPECT_TRUE(eventually([&] { return relay.accepted() > 6; })) << "it retries";
    EXPECT_EQ(log_.count("message broker cannot be used"), 1U);
    EXPECT_EQ(log_.count("more deliveries are due than"), 1U);
    relay.refuse(false);
    EXPECT_TRUE(reaches(*queue, taker));
    EXPECT_EQ(log_.count("message broker is usable again"), 1U);
    EXPECT_EQ(log_.lines().size(), 3U);
    EXPECT_NO_THROW(queue->ping());
}

TEST_F(RabbitmqQueueTest, APeerThatFallsSilentIsDetected) {
    Relay relay;
    RabbitmqOptions o = options(relay.url());
    o.ping_deadline = milliseconds{300};
    o.confirm_deadline = seconds{60};  // only the heartbeat detects it
    const auto queue = create_rabbitmq_queue(o);
    Taker taker(*queue, true);
    ASSERT_TRUE(reaches(*queue, taker));
    relay.stall(true);
    EXPECT_THROW(queue->ping(), std::runtime_error) << "before it is known to be gone";
    const auto tasks = make_tasks(100);
    queue->publish(tasks);
    ASSERT_TRUE(eventually([&] { return log_.count("message broker cannot be used") == 1; }));
    relay.cut();
    relay.stall(false);
    EXPECT_TRUE(reaches(*queue, taker));
}

TEST_F(RabbitmqQueueTest, ALateConfirmIsAFailure) {
    Relay relay;
    RabbitmqOptions o = options(relay.url());
    o.heartbeat = seconds{30};
    o.confirm_deadline = milliseconds{300};
    o.connect_timeout = milliseconds{300};
    const auto queue = create_rabbitmq_queue(o);
    queue->ping();
    relay.stall(true);
    const auto tasks = make_tasks(100);
    queue->publish(tasks);
    ASSERT_TRUE(eventually([&] { return log_.count("no confirm in time") == 1; }));
    relay.cut();
    relay.stall(false);
    const auto direct = create_rabbitmq_queue(options());
    Taker taker(*direct, true);
    EXPECT_TRUE(eventually([&] { return taker.has_all(tasks); })) << "published again";
}

TEST_F(RabbitmqQueueTest, TasksThatCannotBePublishedInTimeAreLeftToTheDatabase) {
    Relay relay;
    relay.refuse(true);
    RabbitmqOptions o = options(relay.url());
    o.keep_unpublished = milliseconds{1};
    const auto queue = create_rabbitmq_queue(o);
    queue->publish(make_tasks(70));
    ASSERT_TRUE(eventually([&] { return relay.accepted() > 1; }));
    relay.refuse(false);
    ASSERT_TRUE(eventually([&] { return log_.count("left_to_the_database=70") == 1; }));
    EXPECT_EQ(TestBroker().count(name()), 0U);
}

// Frames of AMQP 0-9-1. connection.blocked is a RabbitMQ extension, method 10.60 with a short string;
// .unblocked is 10.61.
std::string method_frame(const std::string& payload) {
    const auto size = static_cast<char>(payload.size());
    return std::string("\x01\0\0\0\0\0", 6) + size + payload + '\xce';
}

TEST_F(RabbitmqQueueTest, WhileTheBrokerBlocksPublishingNothingIsSent) {
    Relay relay;
    const auto queue = create_rabbitmq_queue(options(relay.url()));
    Taker taker(*queue, true);
    ASSERT_TRUE(reaches(*queue, taker));
    const std::size_t before = taker.seen();
    relay.say_to_clients(method_frame(std::string("\0\x0a\0\x3c\x0alow memory", 15)));
    ASSERT_TRUE(eventually([&] { return log_.count("short of memory or disk") == 1; }));
    const auto tasks = make_tasks(100);
    queue->publish(tasks);
    try {
        queue->ping();
        ADD_FAILURE() << "ping() succeeded on a blocked broker";
    } catch (const std::runtime_error& e) {
        EXPECT_NE(std::string(e.what()).find("blocked publishing: low memory"), std::string::npos)
            << e.what();
    }
    std::this_thread::sleep_for(milliseconds{500});
    EXPECT_EQ(taker.seen(), before);
    relay.say_to_clients(method_frame(std::string("\0\x0a\0\x3d", 4)));
    EXPECT_TRUE(eventually([&] { return taker.has_all(tasks); }));
    EXPECT_EQ(log_.count("message broker is usable again"), 1U);
    EXPECT_EQ(log_.lines().size(), 2U);
    EXPECT_NO_THROW(queue->ping());
}

TEST_F(RabbitmqQueueTest, StopsInTimeWhateverThePeerDoes) {
    Relay relay;
    RabbitmqOptions o = options(relay.url());
    o.heartbeat = seconds{60};
    o.confirm_deadline = seconds{60};
    o.stop_deadline = milliseconds{200};
    auto queue = create_rabbitmq_queue(o);
    std::optional<Taker> taker(std::in_place, *queue, true);
    ASSERT_TRUE(reaches(*queue, *taker));
    relay.stall(true);
    // More than the socket buffers hold, so that the publisher blocks in a write.
    for (int i = 0; i < 20; ++i) queue->publish(make_tasks(500));
    taker.reset();
    queue.reset();
    EXPECT_EQ(log_.count("tasks were not published before the stop"), 1U);
    EXPECT_EQ(log_.count("message broker is usable again"), 0U);
}

}  // namespace
}  // namespace pricewire::queue
