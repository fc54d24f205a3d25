// What this process lacks is never charged to a receiver.
#include <gtest/gtest.h>

#include "deliver/dispatcher.hpp"
#include "deliver/dispatcher_fixture.hpp"

namespace pricewire::deliver {
namespace {

net::HttpResult out_of_files(const net::HttpRequest&) {
    net::HttpResult result = fakes::http_failure(
        HttpError::local, "Pricewire itself could not send: it may not open any more files");
    result.local = net::LocalCause::files;
    return result;
}

std::string reason_of(const std::vector<DeliveryView>& deliveries, const Uuid& id) {
    const auto found = std::ranges::find(deliveries, id, &DeliveryView::id);
    return found == deliveries.end() ? "unknown" : found->reason;
}

TEST_F(DispatcherTest, AFailureOfOurOwnSpendsNoAttemptAndLeavesNoMarkOnTheEndpoint) {
    start();
    const auto tasks = fire(50);
    client_->script = out_of_files;
    hint(tasks);
    pass(std::chrono::minutes{5}, milliseconds{500});
    const std::size_t tried = client_->seen().size();
    EXPECT_GE(tried, 50U * 6) << "pauses begin at a second";
    EXPECT_LE(tried, 50U * 40) << "and grow";
    for (const DeliveryTask& task : tasks) {
        EXPECT_EQ(state(task.delivery_id), "pending");
        EXPECT_EQ(reason_of(storage_.all_deliveries(), task.delivery_id),
                  "Pricewire itself could not send: it may not open any more files");
    }
    EXPECT_EQ(dispatcher_->stats().attempts, 0U);
    EXPECT_EQ(dispatcher_->stats().open_breakers, 0U);

    client_->script = [](const net::HttpRequest&) { return fakes::http_status(200); };
    pass(std::chrono::minutes{1}, milliseconds{500});
    for (const DeliveryTask& task : tasks) EXPECT_EQ(state(task.delivery_id), "delivered 1:200");
}

TEST_F(DispatcherTest, AFailureOfOurOwnKeepsTheAttemptsOfFailuresThatWereTheReceivers) {
    start();
    const auto tasks = fire(1);
    client_->script = [](const net::HttpRequest&) { return fakes::http_status(500); };
    hint(tasks);
    client_->script = out_of_files;
    pass(std::chrono::minutes{10}, milliseconds{500});
    EXPECT_EQ(state(tasks[0].delivery_id), "pending 1:500");
    client_->script = [](const net::HttpRequest&) { return fakes::http_status(500); };
    pass(std::chrono::minutes{15}, milliseconds{500});
    EXPECT_EQ(state(tasks[0].delivery_id), "failed 1:500 2:500 3:500 4:500") << "with all its attempts";
}

TEST_F(DispatcherTest, AFailureOfOurOwnDoesNotOutlastTheDeadline) {
    start();
    const auto tasks = fire(1);
    client_->script = out_of_files;
    hint(tasks);
    pass(std::chrono::hours{25}, seconds{20});
    EXPECT_EQ(state(tasks[0].delivery_id), "expired");
    EXPECT_EQ(reason_of(storage_.all_deliveries(), tasks[0].delivery_id),
              "not delivered within 24h, its alert's deliver_within; last reason: Pricewire itself could not "
              "send: it may not open any more files");
}

TEST_F(DispatcherTest, AFailureOfOurOwnCostsNothingOfItsUsersBudget) {
    SenderOptions options;
    options.attempts_by_user = access::RateLimit{2, std::chrono::hours{24}};
    start(options);
    const auto tasks = fire(1);
    client_->script = out_of_files;
    hint(tasks);
    pass(std::chrono::minutes{5}, milliseconds{500});
    EXPECT_GE(client_->seen().size(), 6U);
    client_->script = [](const net::HttpRequest&) { return fakes::http_status(200); };
    pass(std::chrono::minutes{1}, milliseconds{500});
    EXPECT_EQ(state(tasks[0].delivery_id), "delivered 1:200");
}

TEST_F(DispatcherTest, AFailureOfOurOwnAfterTheRequestMayHaveBeenSentCountsForItsUsersBudget) {
    SenderOptions options;
    options.attempts_by_user = access::RateLimit{2, std::chrono::hours{24}};
    start(options);
    const auto tasks = fire(1);
    client_->script = [](const net::HttpRequest&) {
        net::HttpResult result = fakes::http_failure(
            HttpError::local, "Pricewire itself could not send: its machine was too busy");
        result.local = net::LocalCause::processor;
        result.remote_ip = "203.0.113.7";
        return result;
    };
    hint(tasks);
    pass(std::chrono::minutes{5}, milliseconds{500});
    EXPECT_EQ(client_->seen().size(), 2U);
    EXPECT_EQ(state(tasks[0].delivery_id), "pending");
}

TEST_F(DispatcherTest, AProbeThatFailsForUsSaysNothingOfTheEndpoint) {
    SenderOptions options;
    options.breaker = {.failures = 2, .pause_min = seconds{5}, .pause_max = seconds{60}};
    start(options);
    const auto tasks = fire(4);
    client_->script = [](const net::HttpRequest&) { return fakes::http_status(500); };
    hint(tasks);
    ASSERT_EQ(dispatcher_->stats().open_breakers, 1U);
    client_->script = out_of_files;
    pass(std::chrono::minutes{3}, milliseconds{500});
    client_->script = [](const net::HttpRequest&) { return fakes::http_status(200); };
    pass(std::chrono::minutes{12}, milliseconds{500});
    EXPECT_EQ(dispatcher_->stats().open_breakers, 0U);
    EXPECT_EQ(dispatcher_->stats().delivered, 4U);
}

}  // namespace
}  // namespace pricewire::deliver
