#include "net/detail/poller.hpp"

#include <gtest/gtest.h>

#include <future>

namespace pricewire::net::detail {
namespace {

TEST(Poller, DoesNotWaitForATimeThatHasPassed) {
    Poller poller;
    auto waits = std::async(std::launch::async, [&] {
        poller.wait(MonoTime::min());
        poller.wait(std::chrono::steady_clock::now());
    });
    EXPECT_EQ(waits.wait_for(std::chrono::seconds{30}), std::future_status::ready) << "it waits for an event";
    poller.wake();
}

}  // namespace
}  // namespace pricewire::net::detail
