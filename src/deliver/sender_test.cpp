#include "deliver/sender.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/mailbox.hpp"
#include "base/mutex.hpp"
#include "fakes/fake_http_client.hpp"
#include "fakes/fake_secret_box.hpp"
#include "fakes/test_storage.hpp"
#include "queue/in_process/in_process_queue.hpp"

namespace pricewire::deliver {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Answers every request on a thread of its own, as the real client does.
class ThreadedClient : public net::HttpClient {
public:
    explicit ThreadedClient(std::function<int(const net::HttpRequest&)> status) : status_(std::move(status)) {
        thread_ = std::thread([this] {
            std::vector<std::pair<net::HttpRequest, Done>> batch;
            while (box_.drain(batch)) {
                for (auto& [request, done] : batch) {
                    net::HttpResult r;
                    r.status = status_(request);
                    done(std::move(r));
                }
            }
        });
    }
    ~ThreadedClient() override {
        box_.close();
        thread_.join();
    }
    std::size_t not_begun() const override { return 0; }
    void start(net::HttpRequest request, Done done) override {
        box_.push({std::move(request), std::move(done)});
    }

private:
    std::function<int(const net::HttpRequest&)> status_;
    Mailbox<std::pair<net::HttpRequest, Done>> box_;
    std::thread thread_;
};

class SenderTest : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(storage_.create_user(
            {{user_, "a@example.com", true, now_},
             {},
             secrets_.seal("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", user_.to_string())}));
    }
    std::vector<DeliveryTask> fire(int count) {
        const Alert like{.user_id = user_, .webhook_url = "https://host{}.example.com/", .created_at = now_};
        const FiringGroup g = storage_.add_alerts(count, like, 20);
        return storage_.fire(std::span(&g, 1));
    }
    // As an outbox does, with what was claimed.
    storage::ClaimOnFiring fire_and_claim(Sender& sender, int count = 1) {
        std::optional<storage::Claim> claim;
        while (!(claim = sender.claim())) std::this_thread::yield();
        const Alert like{.user_id = user_, .webhook_url = "https://example.com/", .created_at = now_};
        const FiringGroup g = storage_.add_alerts(count, like);
        storage::ClaimOnFiring on_firing{*claim};
        storage_.fire({&g, 1}, &on_firing);
        return on_firing;
    }
    bool delivered(std::size_t count) {
        return storage_.wait_until([&] { return storage_.count(DeliveryState::delivered) == count; });
    }

    const Timestamp now_ = system_clock().now();
    const Uuid user_ = make_uuid(now_);
    fakes::FakeSecretBox secrets_;
    fakes::TestStorage storage_;
    std::unique_ptr<queue::DeliveryQueue> queue_ = queue::create_in_process_queue();
};

TEST_F(SenderTest, DeliversWithAndWithoutTasksFromTheQueue) {
    std::atomic<int> requests = 0;
    ThreadedClient client([&](const net::HttpRequest&) {
        ++requests;
        return 200;
    });
    const auto sender = start_sender(SenderOptions(), storage_, *queue_, client, secrets_, system_clock());
    for (int i = 0; i < 20; ++i) queue_->publish(fire(50));
    fire(500);
    EXPECT_TRUE(delivered(1500));
    sender->stop(seconds{30});
    EXPECT_EQ(requests, 1500);
    EXPECT_EQ(sender->stats().delivered, 1500U);
    EXPECT_EQ(sender->stats().unrecorded, 0U);
}

TEST_F(SenderTest, RetriesBySchedule) {
    std::atomic<int> requests = 0;
    ThreadedClient client([&](const net::HttpRequest&) { return ++requests % 3 == 0 ? 200 : 503; });
    SenderOptions options;
    options.retry = {.attempts = 50, .backoff = {milliseconds{5}, milliseconds{20}}};
    const auto sender = start_sender(options, storage_, *queue_, client, secrets_, system_clock());
    const auto tasks = fire(10);
    queue_->publish(tasks);
    ASSERT_TRUE(delivered(10));
    for (const DeliveryTask& t : tasks) {
        const auto attempts = storage_.attempts_of(t.delivery_id);
        ASSERT_FALSE(attempts.empty());
        for (std::size_t i = 0; i < attempts.size(); ++i) {
            EXPECT_EQ(attempts[i].number, static_cast<int>(i) + 1);
            EXPECT_EQ(attempts[i].status, i + 1 < attempts.size() ? 503 : 200);
        }
    }
}

TEST_F(SenderTest, AStopInTheMiddleLosesNothing) {
    std::atomic<int> requests = 0;
    ThreadedClient client([&](const net::HttpRequest&) {
        ++requests;
        return 200;
    });
    queue_->publish(fire(3000));
    for (int i = 0; i < 10; ++i) {
        const auto sender =
            start_sender(SenderOptions(), storage_, *queue_, client, secrets_, system_clock());
        const std::size_t before = storage_.count(DeliveryState::delivered);
        storage_.wait_until([&] {
            const std::size_t n = storage_.count(DeliveryState::delivered);
            return n > before || n == 3000;
        });
        sender->stop(seconds{30});
        EXPECT_EQ(storage_.count(DeliveryState::delivering), 0U);
    }
    const auto sender = start_sender(SenderOptions(), storage_, *queue_, client, secrets_, system_clock());
    EXPECT_TRUE(delivered(3000));
    sender->stop(seconds{30});
    EXPECT_EQ(requests, 3000) << "a stop with time enough repeats nothing";
}

TEST_F(SenderTest, FiringsClaimNothingBeforeWhatTheSenderHasNotRead) {
    Mutex blocked;
    ThreadedClient client([](const net::HttpRequest&) { return 200; });
    std::atomic<int> changes = 0;
    SenderOptions options;
    options.changed = [&](auto) {
        ++changes;
        const MutexLock wait(blocked);
    };
    const auto sender = start_sender(options, storage_, *queue_, client, secrets_, system_clock());
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.calls("next_due") > 0; }));
    auto on_firing = fire_and_claim(*sender);
    {
        const MutexLock block(blocked);
        sender->take(std::move(on_firing.claimed), on_firing.claim.lease_until);
        while (changes == 0) std::this_thread::yield();
        queue_->publish(fire(1));
        EXPECT_FALSE(sender->claim());
    }
    EXPECT_TRUE(delivered(2));
    while (!sender->claim()) std::this_thread::yield();
    sender->stop(seconds{30});
    EXPECT_FALSE(sender->claim());
}

TEST_F(SenderTest, WhatIsPreparedIsSentOnceWhenItIsTakenAndNeverWhenItIsDropped) {
    std::atomic<int> requests = 0;
    ThreadedClient client([&](const net::HttpRequest&) {
        ++requests;
        return 200;
    });
    const auto sender = start_sender(SenderOptions(), storage_, *queue_, client, secrets_, system_clock());
    const auto prepare = [&] {
        auto on_firing = fire_and_claim(*sender);
        sender->prepare(on_firing.claimed, on_firing.claim.lease_until);
        while (sender->stats().in_flight == 0) std::this_thread::yield();
        return on_firing;
    };
    auto on_firing = prepare();
    EXPECT_EQ(requests, 0) << "it is not committed";
    sender->take(std::move(on_firing.claimed), on_firing.claim.lease_until);
    EXPECT_TRUE(delivered(1));
    prepare();
    sender->drop();
    while (sender->stats().in_flight > 0) std::this_thread::yield();
    sender->stop(seconds{30});
    EXPECT_EQ(requests, 1);
    EXPECT_EQ(storage_.count(DeliveryState::pending), 1U) << "given back";
}

TEST_F(SenderTest, WhatIsPreparedAgainIsSentOnceWhenItIsTaken) {
    std::atomic<int> requests = 0;
    ThreadedClient client([&](const net::HttpRequest&) {
        ++requests;
        return 200;
    });
    const auto sender = start_sender(SenderOptions(), storage_, *queue_, client, secrets_, system_clock());
    auto on_firing = fire_and_claim(*sender, 2);
    const Timestamp until = on_firing.claim.lease_until;
    sender->prepare({on_firing.claimed[0]}, until);
    while (sender->stats().in_flight < 1) std::this_thread::yield();
    sender->prepare(on_firing.claimed, until);
    while (sender->stats().in_flight < 2) std::this_thread::yield();
    EXPECT_EQ(requests, 0) << "it is not committed";
    sender->take(std::move(on_firing.claimed), until);
    EXPECT_TRUE(delivered(2));
    sender->stop(seconds{30});
    EXPECT_EQ(requests, 2);
}

TEST_F(SenderTest, AStopWithoutTimeGivesBackAttemptsUnderWay) {
    auto client = std::make_unique<fakes::FakeHttpClient>();
    auto sender = start_sender(SenderOptions(), storage_, *queue_, *client, secrets_, system_clock());
    queue_->publish(fire(5));
    ASSERT_TRUE(storage_.wait_until([&] { return client->open() == 5; }));
    sender->stop(milliseconds{1});
    EXPECT_EQ(storage_.count(DeliveryState::pending), 5U);
    sender.reset();
    client.reset();  // late answers are harmless
}

TEST_F(SenderTest, DroppedHintsLoseNothing) {
    std::atomic<int> requests = 0;
    ThreadedClient client([&](const net::HttpRequest&) {
        ++requests;
        return 200;
    });
    SenderOptions options;
    options.max_hints = 100;
    const auto sender = start_sender(options, storage_, *queue_, client, secrets_, system_clock());
    for (int i = 0; i < 10; ++i) queue_->publish(fire(150));
    EXPECT_TRUE(delivered(1500));
    sender->stop(seconds{30});
    EXPECT_EQ(requests, 1500);
}

}  // namespace
}  // namespace pricewire::deliver
