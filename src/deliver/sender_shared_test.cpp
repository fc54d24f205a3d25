// Two senders on one database and one broker.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "deliver/sender.hpp"
#include "fakes/fake_http_client.hpp"
#include "fakes/fake_secret_box.hpp"
#include "fakes/test_storage.hpp"
#include "queue/rabbitmq/broker_fixture.hpp"
#include "queue/rabbitmq/rabbitmq_queue.hpp"

namespace pricewire::deliver {
namespace {

TEST(SharedSenderTest, TwoSendersShareABrokerAndADatabase) {
    if (queue::test_broker_url().empty()) GTEST_SKIP() << queue::no_broker;
    constexpr std::size_t count = 2000;
    const Timestamp now = system_clock().now();
    const Uuid user = make_uuid(now);
    fakes::FakeSecretBox secrets;
    fakes::TestStorage storage;
    const auto sealed = secrets.seal("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", user.to_string());
    ASSERT_TRUE(storage.create_user({{user, "a@example.com", true, now}, {}, sealed}));
    const Alert like{.user_id = user, .webhook_url = "https://host{}.example.com/", .created_at = now};
    const FiringGroup group = storage.add_alerts(count, like, 20);

    const queue::TestQueue at_broker;
    const queue::RabbitmqOptions to{.url = queue::test_broker_url(), .ca_file = {}, .queue = at_broker.name};
    const auto first = queue::create_rabbitmq_queue(to);
    const auto second = queue::create_rabbitmq_queue(to);
    fakes::FakeHttpClient one_client, two_client;
    one_client.script = two_client.script = [](const net::HttpRequest&) { return fakes::http_status(200); };
    SenderOptions one, two;
    one.owner = "one";
    two.owner = "two";
    one.alive_for = two.alive_for = std::chrono::seconds{3};
    const auto a = start_sender(one, storage, *first, one_client, secrets, system_clock());
    const auto b = start_sender(two, storage, *second, two_client, secrets, system_clock());
    first->publish(storage.fire(std::span(&group, 1)));
    EXPECT_TRUE(storage.wait_until([&] { return storage.count(DeliveryState::delivered) == count; }));
    a->stop(std::chrono::seconds{30});
    b->stop(std::chrono::seconds{30});
    EXPECT_EQ(one_client.seen().size() + two_client.seen().size(), count) << "each once";
}

}  // namespace
}  // namespace pricewire::deliver
