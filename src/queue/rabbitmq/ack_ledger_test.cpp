#include "queue/rabbitmq/ack_ledger.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <string>

#include "domain/user_slot.hpp"
#include "queue/rabbitmq/broker_url.hpp"
#include "queue/rabbitmq/rabbitmq_queue.hpp"
#include "queue/rabbitmq/task_text.hpp"

namespace pricewire::queue {
namespace {

// "3* 7 9" means up to 3, 7, and 9.
std::string done(AckLedger& ledger, std::vector<std::uint64_t> tags) {
    std::string out;
    for (const AckLedger::Ack& ack : ledger.done(tags)) {
        out += (out.empty() ? "" : " ") + std::to_string(ack.tag) + (ack.multiple ? "*" : "");
    }
    return out;
}

AckLedger ledger_of(std::uint64_t arrived) {
    AckLedger ledger;
    for (std::uint64_t tag = 1; tag <= arrived; ++tag) ledger.arrived(tag);
    return ledger;
}

TEST(AckLedgerTest, ARunFromTheFirstIsOneFrame) {
    AckLedger ledger = ledger_of(10);
    EXPECT_EQ(done(ledger, {3, 1, 2}), "3*");
    EXPECT_EQ(done(ledger, {4, 5}), "5*");
}

TEST(AckLedgerTest, TagsAfterAGapAreSentOneByOne) {
    AckLedger ledger = ledger_of(10);
    EXPECT_EQ(done(ledger, {1, 2, 5, 6}), "2* 5 6");
    EXPECT_EQ(done(ledger, {3, 4}), "4*") << "a tag is never acknowledged twice";
    EXPECT_EQ(done(ledger, {7}), "7*");
}

TEST(AckLedgerTest, RunsThatJoinAreOneFrame) {
    AckLedger ledger = ledger_of(10);
    EXPECT_EQ(done(ledger, {2, 4}), "2 4");
    EXPECT_EQ(done(ledger, {1, 3, 5}), "5*");
}

TEST(AckLedgerTest, IgnoresTagsThatAreNotOpen) {
    AckLedger ledger = ledger_of(3);
    EXPECT_EQ(done(ledger, {0, 1, 1, 4, 99}), "1*");
    EXPECT_EQ(done(ledger, {1}), "");
    ledger.settled(2);
    EXPECT_EQ(done(ledger, {2}), "");
    EXPECT_EQ(done(ledger, {3}), "3*");
}

// As the broker sees it: each tag is settled once, and no settled tag is named.
TEST(AckLedgerTest, EveryTagIsSettledOnceWhateverTheOrder) {
    std::mt19937 rng(7);
    for (int round = 0; round < 200; ++round) {
        AckLedger ledger = ledger_of(60);
        std::vector<std::uint64_t> order(60);
        std::iota(order.begin(), order.end(), 1);
        std::shuffle(order.begin(), order.end(), rng);
        std::set<std::uint64_t> open(order.begin(), order.end());
        for (std::size_t at = 0; at < order.size();) {
            const std::size_t n = std::min<std::size_t>(1 + rng() % 12, order.size() - at);
            const std::vector<std::uint64_t> batch(order.begin() + static_cast<std::ptrdiff_t>(at),
                                                   order.begin() + static_cast<std::ptrdiff_t>(at + n));
            std::size_t closed = 0;
            for (const AckLedger::Ack& ack : ledger.done(batch)) {
                ASSERT_TRUE(open.contains(ack.tag));
                if (ack.multiple) {
                    const auto end = open.upper_bound(ack.tag);
                    closed += static_cast<std::size_t>(std::distance(open.begin(), end));
                    open.erase(open.begin(), end);
                } else {
                    closed += open.erase(ack.tag);
                }
            }
            ASSERT_EQ(closed, n);
            at += n;
        }
        ASSERT_TRUE(open.empty());
    }
}

TEST(TaskTextTest, ParsesWhatItWrites) {
    const DeliveryTask task{make_uuid(system_clock().now()), 2'147'483'647};
    const auto read = parse_task_text(task_text(task));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->delivery_id, task.delivery_id);
    EXPECT_EQ(read->attempt, task.attempt);
}

TEST(TaskTextTest, RejectsAnythingElse) {
    const std::string id = "018f3f6e-7c1a-7a3b-8f00-0123456789ab";
    EXPECT_TRUE(parse_task_text(id + " 1"));
    for (const std::string& text : {std::string(), id, id + " ", id + " 0", id + " -1", id + " 1 ", id + " x",
                                    id + "  1", id + ",1", id + " 99999999999", std::string("{\"id\":1}"),
                                    "zz" + id.substr(2) + " 1", id + " 1" + std::string(1000, '1')}) {
        EXPECT_FALSE(parse_task_text(text)) << text;
    }
}

std::vector<DeliveryTask> some_tasks(std::size_t count) {
    std::vector<DeliveryTask> out;
    for (std::size_t i = 0; i < count; ++i) {
        const Timestamp now = system_clock().now();
        out.push_back(
            {.delivery_id = make_uuid(now), .attempt = static_cast<int>(i) + 1, .user_id = make_uuid(now)});
    }
    return out;
}

TEST(TaskTextTest, ParsesTheManyThatItWrites) {
    const auto tasks = some_tasks(max_tasks_in_message);
    const auto read = parse_tasks_text(tasks_text(tasks));
    ASSERT_EQ(read.size(), tasks.size());
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        EXPECT_EQ(read[i].task.delivery_id, tasks[i].delivery_id);
        EXPECT_EQ(read[i].task.attempt, tasks[i].attempt);
        EXPECT_EQ(read[i].task.user_id, tasks[i].user_id);
        EXPECT_EQ(read[i].slot, user_slot(tasks[i].user_id));
    }
    const auto one = parse_tasks_text(task_text(tasks[0]));
    ASSERT_EQ(one.size(), 1U);
    EXPECT_EQ(one[0].task.delivery_id, tasks[0].delivery_id);
    EXPECT_FALSE(one[0].slot);
    const DeliveryTask longest{tasks[0].delivery_id, 2'147'483'647, tasks[0].user_id};
    EXPECT_EQ(tasks_text(std::vector(max_tasks_in_message, longest)).size(), max_tasks_text);
}

TEST(TaskTextTest, RejectsManyOfWhichAnyIsNotATask) {
    const std::string line = tasks_text(some_tasks(1));
    EXPECT_EQ(parse_tasks_text(line + line).size(), 2U);
    const std::string task = line.substr(0, line.rfind(' '));
    for (const std::string& text :
         {std::string(), std::string("\n"), line + "\n", line + "x", line + task, line + task + "\n",
          line + task + " 17\n", line + task + " 00000000-0000-0000-0000-000000000000\n", "x" + line,
          line.substr(0, line.size() - 1), tasks_text(some_tasks(max_tasks_in_message + 1))}) {
        EXPECT_TRUE(parse_tasks_text(text).empty()) << text;
    }
}

TEST(BrokerUrlTest, Defaults) {
    const auto url = parse_broker_url("amqp://broker");
    ASSERT_TRUE(url);
    EXPECT_EQ(url->user + " " + url->password + " " + url->vhost + " " + url->address(),
              "guest guest / broker:5672");
    EXPECT_FALSE(url->tls);
    EXPECT_EQ(parse_broker_url("amqp://broker/")->vhost, "/");
    EXPECT_EQ(parse_broker_url("amqps://broker")->address(), "broker:5671");
    EXPECT_TRUE(parse_broker_url("amqps://broker")->tls);
}

TEST(BrokerUrlTest, AllParts) {
    const auto url = parse_broker_url("amqp://us%40er:p%2Fa%3Ass@[::1]:1234/my%2Fhost");
    ASSERT_TRUE(url);
    EXPECT_EQ(url->user + " " + url->password + " " + url->vhost + " " + url->address(),
              "us@er p/a:ss my/host [::1]:1234");
}

TEST(BrokerUrlTest, ErrorsSayWhatToWriteWithoutThePassword) {
    for (const std::string text :
         {"", "amqp://", "http://u:hunter2@h/", "amqp://u:hunter2@h:port/", "amqp://u:hunter2@h/a/b",
          "amqp://u:hunter2@h/?heartbeat=5", "amqp://u:hun/ter2@h"}) {
        const auto address = rabbitmq_address(text);
        ASSERT_FALSE(address) << text;
        EXPECT_NE(address.error().message.find("amqp://user:password@host:port/vhost"), std::string::npos);
        EXPECT_EQ(address.error().message.find("hun"), std::string::npos);
    }
}

}  // namespace
}  // namespace pricewire::queue
